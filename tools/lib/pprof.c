// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A profile in the format of pprof; see pprof.h. */
#include "pprof.h"
#include "array.h"
#include "fail.h"
#include "pprof_read.h"
#include "pprof_wire.h"
#include "stack.h"
#include "tally.h"
#include "text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define NAME_LEN 256
#define MAPPINGS 4096

struct mapping {
	struct pprof_mapping m; /* its texts are tally's */
	bool named;             /* a location in it has a function */
};

/* What a sample is but its values: encoded, and where in the buffer of samples. */
struct sample {
	size_t at, len;
};

struct pprof {
	struct pprof_type type[PPROF_TYPES]; /* the texts are tally's */
	size_t nr_types;
	struct wire head;                        /* sample types */
	struct tally strings;                    /* n: index in the string table, "" is 0 */
	struct tally functions, locations, keys; /* n: id; of a sample: its index + 1 */
	struct wire function, location, body;    /* messages, encoded */
	struct mapping *mapping;
	size_t nr_mappings;
	struct sample *sample;
	int64_t *value; /* nr_types for each sample */
	size_t nr, room, values_room;
};

static int check_size(const struct pprof *p)
{
	if (p->function.n + p->location.n + p->body.n < PPROF_MAX)
		return 0;
	return fail(-E2BIG, "pprof: more than %llu MiB of different stacks", PPROF_MAX >> 20);
}

/* A text of the string table, n its index + 1; viewers print it as it is. */
static const struct tally_entry *string_keep(struct pprof *p, const char *text)
{
	char *clean = text_clean(text, strlen(text), true);
	struct tally_entry *e = clean ? tally_at(&p->strings, clean) : NULL;

	free(clean);
	if (e && !e->n)
		e->n = p->strings.nr;
	return e;
}

static int string_get(struct pprof *p, const char *text, uint64_t *at)
{
	const struct tally_entry *e = string_keep(p, text);

	if (!e)
		return -ENOMEM;
	*at = e->n - 1;
	return 0;
}

/* ---- types ---- */

static int value_type_put(struct pprof *p, struct wire *w, unsigned int field, const char *type,
			  const char *unit)
{
	struct wire v = {};
	uint64_t a, b;
	int err = string_get(p, type, &a);

	err = err ? err : string_get(p, unit, &b);
	if (!err) {
		wire_number(&v, 1, a);
		wire_number(&v, 2, b);
		wire_message(w, field, &v);
	}
	wire_free(&v);
	return err ? err : w->err;
}

static int type_add(struct pprof *p, const struct pprof_type *t)
{
	const struct tally_entry *type = string_keep(p, t->type), *unit = string_keep(p, t->unit);

	if (!type || !unit)
		return -ENOMEM;
	if (p->nr_types == PPROF_TYPES)
		return -E2BIG;
	p->type[p->nr_types++] = (struct pprof_type){ type->text, unit->text };
	return value_type_put(p, &p->head, 1, t->type, t->unit);
}

struct pprof *pprof_new(const struct pprof_type *types, size_t n)
{
	struct pprof *p = calloc(1, sizeof(*p));
	uint64_t at;
	int err = p ? string_get(p, "", &at) : -ENOMEM;

	for (size_t i = 0; i < n && !err; i++)
		err = type_add(p, &types[i]);
	if (err) {
		pprof_free(p);
		return NULL;
	}
	return p;
}

void pprof_free(struct pprof *p)
{
	if (!p)
		return;
	wire_free(&p->head);
	wire_free(&p->function);
	wire_free(&p->location);
	wire_free(&p->body);
	tally_free(&p->strings);
	tally_free(&p->functions);
	tally_free(&p->locations);
	tally_free(&p->keys);
	free(p->mapping);
	free(p->sample);
	free(p->value);
	free(p);
}

size_t pprof_samples(const struct pprof *p)
{
	return p->nr;
}

/* ---- mappings ---- */

int pprof_mapping_add(struct pprof *p, const struct pprof_mapping *m)
{
	const struct tally_entry *file, *id;
	struct mapping *made;

	for (size_t i = 0; i < p->nr_mappings; i++)
		if (p->mapping[i].m.start == m->start && !strcmp(p->mapping[i].m.file, m->file))
			return 0;
	if (p->nr_mappings == MAPPINGS || m->start >= m->limit)
		return 0;
	if (array_more(p->mapping, p->nr_mappings))
		return -ENOMEM;
	file = string_keep(p, m->file);
	id = string_keep(p, m->build_id);
	if (!file || !id)
		return -ENOMEM;
	made = &p->mapping[p->nr_mappings++];
	*made = (struct mapping){ .m = *m };
	made->m.file = file->text;
	made->m.build_id = id->text;
	return 0;
}

/* The id of the mapping that has the address; 0: none. */
static size_t mapping_at(const struct pprof *p, uint64_t addr)
{
	for (size_t i = 0; i < p->nr_mappings; i++)
		if (addr >= p->mapping[i].m.start && addr < p->mapping[i].m.limit)
			return i + 1;
	return 0;
}

static int mapping_put(struct pprof *p, size_t i, struct wire *w)
{
	const struct mapping *m = &p->mapping[i];
	struct wire v = {};
	uint64_t file, id;
	int err = string_get(p, m->m.file, &file);

	err = err ? err : string_get(p, m->m.build_id, &id);
	if (!err) {
		wire_number(&v, 1, i + 1);
		wire_number(&v, 2, m->m.start);
		wire_number(&v, 3, m->m.limit);
		wire_number(&v, 4, m->m.offset);
		wire_number(&v, 5, file);
		wire_number(&v, 6, id);
		wire_number(&v, 7, m->named);
		wire_message(w, 3, &v);
	}
	wire_free(&v);
	return err ? err : w->err;
}

/* ---- functions and locations ---- */

static int function_get(struct pprof *p, const struct stack_frame *f, uint64_t *id)
{
	char buf[NAME_LEN], *key;
	const char *name = frame_name(f, buf, sizeof(buf)), *file = f->file ? f->file : "";
	struct tally_entry *e;
	struct wire v = {};
	uint64_t names, files;
	int err;

	if (asprintf(&key, "%s\n%s", name, file) < 0)
		return -ENOMEM;
	e = tally_at(&p->functions, key);
	free(key);
	if (!e)
		return -ENOMEM;
	*id = e->n;
	if (e->n)
		return 0;
	err = string_get(p, name, &names);
	err = err ? err : string_get(p, file, &files);
	if (err)
		return err;
	*id = e->n = p->functions.nr;
	wire_number(&v, 1, e->n);
	wire_number(&v, 2, names);
	wire_number(&v, 3, names);
	wire_number(&v, 4, files);
	wire_number(&v, 5, f->start_line == U32_NULL ? 0 : f->start_line);
	wire_message(&p->function, 5, &v);
	wire_free(&v);
	return p->function.err;
}

/* The lines of the n frames at one address, encoded, and what tells them from others. */
static int lines_put(struct pprof *p, const struct stack_frame *f, size_t n, struct wire *lines,
		     struct wire *key)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		struct wire v = {};
		uint64_t id, line = f[i].line == U32_NULL ? 0 : f[i].line;

		err = function_get(p, &f[i], &id);
		if (err)
			break;
		wire_printf(key, "%" PRIu64 ":%" PRIu64 " ", id, line);
		wire_number(&v, 1, id);
		wire_number(&v, 2, line);
		wire_message(lines, 4, &v);
		wire_free(&v);
	}
	return err ? err : lines->err;
}

static int location_new(struct pprof *p, const struct stack_frame *f, const struct wire *lines,
			uint64_t id)
{
	uint64_t addr = f->addr == U64_NULL ? 0 : f->addr;
	size_t mapping = mapping_at(p, addr);
	struct wire v = {};

	wire_number(&v, 1, id);
	wire_number(&v, 2, mapping);
	wire_number(&v, 3, addr);
	wire_bytes(&v, lines->p, lines->n);
	wire_message(&p->location, 4, &v);
	wire_free(&v);
	if (mapping && f->function)
		p->mapping[mapping - 1].named = true;
	return p->location.err;
}

static int location_get(struct pprof *p, const struct stack_frame *f, size_t n, uint64_t *id)
{
	struct wire lines = {}, key = {};
	struct tally_entry *e = NULL;
	int err;

	wire_printf(&key, "%" PRIx64 " ", f->addr);
	err = lines_put(p, f, n, &lines, &key);
	wire_bytes(&key, "", 1);
	err = err ? err : key.err;
	if (!err)
		e = tally_at(&p->locations, (char *)key.p);
	if (!err && !e)
		err = -ENOMEM;
	if (!err && !e->n) {
		e->n = p->locations.nr;
		err = location_new(p, f, &lines, e->n);
	}
	*id = e ? e->n : 0;
	wire_free(&lines);
	wire_free(&key);
	return err;
}

/* ---- samples ---- */

static int stack_put(struct pprof *p, const struct stack *s, struct wire *body, struct wire *key)
{
	struct wire ids = {};
	uint64_t id;
	int err = 0;

	for (size_t i = 0, n; i < s->n && !err; i += n) {
		for (n = 1; i + n < s->n && s->frame[i + n - 1].inlined; n++)
			;
		err = location_get(p, &s->frame[i], n, &id);
		wire_varint(&ids, id);
		wire_printf(key, "%" PRIu64 " ", id);
	}
	if (s->n && !err)
		wire_message(body, 1, &ids);
	err = err ? err : ids.err;
	wire_free(&ids);
	return err;
}

static int label_put(struct pprof *p, const struct pprof_label *l, struct wire *body,
		     struct wire *key)
{
	struct wire v = {};
	uint64_t name, text = 0, unit = 0;
	int err = string_get(p, l->key, &name);

	if (!err && l->text)
		err = string_get(p, l->text, &text);
	if (!err && l->unit)
		err = string_get(p, l->unit, &unit);
	if (err)
		return err;
	wire_number(&v, 1, name);
	wire_number(&v, 2, text);
	wire_number(&v, 3, l->text ? 0 : l->number);
	wire_number(&v, 4, unit);
	wire_message(body, 3, &v);
	wire_printf(key, "%" PRIu64 "=%" PRIu64 ":%" PRId64 " ", name, text, l->number);
	wire_free(&v);
	return body->err;
}

static int sample_new(struct pprof *p, const struct wire *body)
{
	if (array_room(p->sample, p->nr + 1, p->room) ||
	    array_room(p->value, (p->nr + 1) * p->nr_types, p->values_room))
		return -ENOMEM;
	memset(p->value + p->nr * p->nr_types, 0, p->nr_types * sizeof(*p->value));
	p->sample[p->nr++] = (struct sample){ p->body.n, body->n };
	wire_bytes(&p->body, body->p, body->n);
	return p->body.err;
}

static int values_add(struct pprof *p, size_t at, const int64_t *values)
{
	int64_t *v = p->value + at * p->nr_types;

	for (size_t i = 0; i < p->nr_types; i++)
		if (__builtin_add_overflow(v[i], values[i], &v[i]))
			return fail(-EOVERFLOW, "pprof: a stack has more than 2^63 - 1");
	return 0;
}

static bool is_zero(const int64_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (values[i])
			return false;
	return true;
}

int pprof_sample_add(struct pprof *p, const struct stack *s, const int64_t *values,
		     const struct pprof_label *labels, size_t nr_labels)
{
	struct wire body = {}, key = {};
	struct tally_entry *e = NULL;
	int err;

	if (is_zero(values, p->nr_types))
		return 0;
	err = stack_put(p, s, &body, &key);
	for (size_t i = 0; i < nr_labels && !err; i++)
		err = label_put(p, &labels[i], &body, &key);
	wire_bytes(&key, "", 1);
	err = err ? err : key.err ? key.err : body.err;
	if (!err)
		e = tally_at(&p->keys, (char *)key.p);
	if (!err && !e)
		err = -ENOMEM;
	if (!err && !e->n) {
		err = sample_new(p, &body);
		e->n = err ? 0 : p->nr;
	}
	if (!err)
		err = values_add(p, e->n - 1, values);
	wire_free(&body);
	wire_free(&key);
	return err ? err : check_size(p);
}

/* ---- the file ---- */

static void samples_put(struct pprof *p, struct wire *out)
{
	for (size_t i = 0; i < p->nr; i++) {
		const int64_t *value = p->value + i * p->nr_types;
		struct wire v = {}, values = {};

		if (is_zero(value, p->nr_types)) /* what it was before */
			continue;
		for (size_t k = 0; k < p->nr_types; k++)
			wire_varint(&values, value[k]);
		wire_bytes(&v, p->body.p + p->sample[i].at, p->sample[i].len);
		wire_message(&v, 2, &values);
		wire_message(out, 2, &v);
		wire_free(&values);
		wire_free(&v);
	}
}

static int head_put(struct pprof *p, const struct pprof_head *h, struct wire *out)
{
	uint64_t at = 0;
	int err = 0;

	wire_number(out, 9, h->time_ns);
	wire_number(out, 10, h->duration_ns);
	if (h->period_type)
		err = value_type_put(p, out, 11, h->period_type,
				     h->period_unit ? h->period_unit : "");
	wire_number(out, 12, h->period);
	if (!err && h->default_type) {
		err = string_get(p, h->default_type, &at);
		wire_number(out, 14, at);
	}
	return err;
}

static int profile_put(struct pprof *p, const struct pprof_head *h, struct wire *out)
{
	int err = 0;

	wire_bytes(out, p->head.p, p->head.n);
	samples_put(p, out);
	for (size_t i = 0; i < p->nr_mappings && !err; i++)
		err = mapping_put(p, i, out);
	wire_bytes(out, p->location.p, p->location.n);
	wire_bytes(out, p->function.p, p->function.n);
	err = err ? err : head_put(p, h, out);
	/* last: all of the above may have added to it */
	for (const struct tally_entry *e = p->strings.first; e && !err; e = e->next)
		wire_text(out, 6, e->text);
	return err ? err : out->err;
}

static int gzip_put(const struct wire *in, FILE *out)
{
	z_stream z = { .next_in = in->p, .avail_in = in->n };
	unsigned char buf[16384];
	int state;

	/* 16: with the head of gzip */
	if (in->n > UINT32_MAX || deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
					       Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	do {
		z.next_out = buf;
		z.avail_out = sizeof(buf);
		state = deflate(&z, Z_FINISH);
		fwrite(buf, 1, sizeof(buf) - z.avail_out, out);
	} while (state == Z_OK);
	deflateEnd(&z);
	return state == Z_STREAM_END ? 0 : -EIO;
}

int pprof_write(struct pprof *p, const struct pprof_head *h, FILE *out)
{
	struct wire w = {};
	int err = profile_put(p, h, &w);

	err = err ? err : gzip_put(&w, out);
	wire_free(&w);
	return err;
}

/* ---- differences ---- */

#define FRAMES_MAX 4096

struct other { /* the profile that is subtracted */
	struct pprof *p;
	struct pprof_mapping *mapping;
	size_t nr_mappings, nr_types;
	struct stack_frame frame[FRAMES_MAX];
};

static int other_type(void *arg, size_t i, const struct pprof_type *t)
{
	struct other *o = arg;

	o->nr_types++;
	if (i < o->p->nr_types && !strcmp(t->type, o->p->type[i].type) &&
	    !strcmp(t->unit, o->p->type[i].unit))
		return 0;
	return fail(-EINVAL, "it has other values: %s in %s", t->type, t->unit);
}

static int other_mapping(void *arg, const struct pprof_mapping *m)
{
	struct other *o = arg;

	if (o->nr_mappings == MAPPINGS)
		return -EINVAL;
	if (array_more(o->mapping, o->nr_mappings))
		return -ENOMEM;
	o->mapping[o->nr_mappings++] = *m;
	return 0;
}

static bool mapping_is_same(const struct pprof_mapping *a, const struct pprof_mapping *b)
{
	bool ids = *a->build_id && *b->build_id;

	return a->offset == b->offset &&
	       !strcmp(ids ? a->build_id : a->file, ids ? b->build_id : b->file);
}

/* Where code of the other profile is in this one. */
static uint64_t addr_moved(const struct other *o, uint64_t addr)
{
	const struct pprof_mapping *m = o->mapping, *end = m + o->nr_mappings;

	while (m < end && (addr < m->start || addr >= m->limit))
		m++;
	for (size_t i = 0; m < end && i < o->p->nr_mappings; i++)
		if (mapping_is_same(&o->p->mapping[i].m, m))
			return addr - m->start + o->p->mapping[i].m.start;
	return addr;
}

static int other_sample(void *arg, const struct stack *s, const int64_t *values,
			const struct pprof_label *labels, size_t nr_labels)
{
	struct other *o = arg;
	int64_t minus[PPROF_TYPES];

	if (o->nr_types != o->p->nr_types)
		return fail(-EINVAL, "it has other values");
	for (size_t i = 0; i < o->p->nr_types; i++)
		minus[i] = values[i] == INT64_MIN ? INT64_MAX : -values[i];
	for (size_t i = 0; i < s->n && i < FRAMES_MAX; i++) {
		o->frame[i] = s->frame[i];
		if (o->frame[i].addr != U64_NULL)
			o->frame[i].addr = addr_moved(o, o->frame[i].addr);
	}
	return pprof_sample_add(o->p, &(struct stack){ o->frame, s->n }, minus, labels, nr_labels);
}

int pprof_subtract(struct pprof *p, const void *file, size_t len)
{
	struct other *o = calloc(1, sizeof(*o));
	struct pprof_reader r = { o, other_type, other_mapping, other_sample };
	int err = o ? 0 : -ENOMEM;

	if (!err) {
		o->p = p;
		err = pprof_read(file, len, &r);
		free(o->mapping);
	}
	free(o);
	return err;
}
