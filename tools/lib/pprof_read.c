// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Takes apart a profile in the format of pprof; see pprof_read.h. */
#include "pprof_read.h"
#include "arena.h"
#include "array.h"
#include "cursor.h"
#include "fail.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define IDS_MAX    (1U << 22) /* of strings, functions, locations, mappings each */
#define FRAMES_MAX 4096       /* of a sample */

struct message { /* n fields of one kind in the file, by their place or id */
	struct cursor *at;
	size_t n, room;
};

struct reading {
	const struct pprof_reader *r;
	struct arena mem;
	const char **string;
	struct message strings, types, mappings, functions, locations;
	size_t nr_strings;
};

/* ---- fields ---- */

struct field {
	unsigned int no;
	bool is_bytes;
	uint64_t v;
	struct cursor sub; /* of bytes */
};

/* False: there is no more, or it is damaged (c->bad). */
static bool field_next(struct cursor *c, struct field *f)
{
	uint64_t tag;
	size_t len;

	if (!cursor_left(c))
		return false;
	tag = cursor_n(c);
	*f = (struct field){ .no = tag >> 3 > 1000 ? 1000 : tag >> 3 };
	switch (tag & 7) {
	case 0: f->v = cursor_n(c); break;
	case 2:
		f->is_bytes = true;
		f->sub.p = (const uint8_t *)cursor_text(c, &len);
		f->sub.end = f->sub.p + len;
		break;
	case 1:
	case 5:
		for (len = (tag & 7) == 1 ? 8 : 4; len; len--)
			cursor_u8(c);
		break;
	default: cursor_spoil(c);
	}
	return !c->bad;
}

static uint64_t number_of(struct cursor c, unsigned int no)
{
	uint64_t v = 0;
	struct field f;

	while (field_next(&c, &f))
		if (f.no == no && !f.is_bytes)
			v = f.v;
	return v;
}

static int message_add(struct message *m, size_t at, const struct cursor *c)
{
	if (at >= IDS_MAX)
		return -EINVAL;
	if (at >= m->room) {
		size_t had = m->room;

		if (array_room(m->at, at + 1, m->room))
			return -ENOMEM;
		memset(m->at + had, 0, (m->room - had) * sizeof(*m->at));
	}
	m->at[at] = *c;
	m->n = at >= m->n ? at + 1 : m->n;
	return 0;
}

/* One of its ids; empty if there is none. */
static struct cursor message_at(const struct message *m, uint64_t id)
{
	return id < m->n ? m->at[id] : (struct cursor){};
}

static const char *string_at(const struct reading *g, uint64_t i)
{
	return i < g->nr_strings ? g->string[i] : "";
}

/* ---- the tables ---- */

static int tables_read(struct reading *g, struct cursor c)
{
	struct field f;
	int err = 0;

	while (!err && field_next(&c, &f)) {
		if (!f.is_bytes)
			continue;
		switch (f.no) {
		case 1: err = message_add(&g->types, g->types.n, &f.sub); break;
		case 3: err = message_add(&g->mappings, number_of(f.sub, 1), &f.sub); break;
		case 4: err = message_add(&g->locations, number_of(f.sub, 1), &f.sub); break;
		case 5: err = message_add(&g->functions, number_of(f.sub, 1), &f.sub); break;
		case 6: err = message_add(&g->strings, g->strings.n, &f.sub); break;
		}
	}
	return err ? err : c.bad ? -EINVAL : 0;
}

static int strings_read(struct reading *g)
{
	g->string = calloc(g->strings.n + 1, sizeof(*g->string));
	if (!g->string)
		return -ENOMEM;
	for (size_t i = 0; i < g->strings.n; i++) {
		struct cursor *c = &g->strings.at[i];
		size_t len = cursor_left(c);
		char *text = arena_alloc(&g->mem, len + 1);

		if (!text)
			return -ENOMEM;
		if (len)
			memcpy(text, c->p, len);
		text[len] = '\0';
		g->string[g->nr_strings++] = text;
	}
	return 0;
}

static int types_tell(struct reading *g)
{
	int err = g->types.n && g->types.n <= PPROF_TYPES ? 0 : -EINVAL;

	for (size_t i = 0; i < g->types.n && !err; i++) {
		struct pprof_type t = { string_at(g, number_of(g->types.at[i], 1)),
					string_at(g, number_of(g->types.at[i], 2)) };

		err = g->r->type(g->r->arg, i, &t);
	}
	return err;
}

static int mappings_tell(struct reading *g)
{
	int err = 0;

	for (size_t i = 1; i < g->mappings.n && !err; i++) {
		struct cursor c = g->mappings.at[i];
		struct pprof_mapping m = {
			.start = number_of(c, 2),
			.limit = number_of(c, 3),
			.offset = number_of(c, 4),
			.file = string_at(g, number_of(c, 5)),
			.build_id = string_at(g, number_of(c, 6)),
		};

		if (cursor_left(&c))
			err = g->r->mapping(g->r->arg, &m);
	}
	return err;
}

/* ---- samples ---- */

struct sample {
	struct stack_frame frame[FRAMES_MAX];
	size_t n;
	int64_t value[PPROF_TYPES];
	size_t nr_values;
	struct pprof_label label[PPROF_LABELS];
	size_t nr_labels;
};

/* Numbers of a repeated field: packed, or one. */
static bool repeated_next(struct field *f, uint64_t *v)
{
	if (!f->is_bytes) {
		*v = f->v;
		f->is_bytes = true; /* and nothing is left in it */
		return true;
	}
	if (!cursor_left(&f->sub))
		return false;
	*v = cursor_n(&f->sub);
	return !f->sub.bad;
}

static int line_add(struct reading *g, struct sample *s, struct cursor line, uint64_t addr)
{
	struct cursor f = message_at(&g->functions, number_of(line, 1));
	uint64_t no = number_of(line, 2), start = number_of(f, 5);

	if (s->n == FRAMES_MAX)
		return -EINVAL;
	s->frame[s->n++] = (struct stack_frame){
		.function = string_at(g, number_of(f, 2)),
		.file = string_at(g, number_of(f, 4)),
		.line = no && no < U32_NULL ? no : U32_NULL,
		.inlined = true,
		.addr = addr,
		.start_line = start && start < U32_NULL ? start : U32_NULL,
	};
	return 0;
}

static int location_add(struct reading *g, struct sample *s, uint64_t id)
{
	struct cursor c = message_at(&g->locations, id);
	uint64_t addr = number_of(c, 3);
	size_t before = s->n;
	struct field f;
	int err = 0;

	while (!err && field_next(&c, &f))
		if (f.no == 4 && f.is_bytes)
			err = line_add(g, s, f.sub, addr ? addr : U64_NULL);
	if (!err && s->n == before) {
		if (s->n == FRAMES_MAX)
			return -EINVAL;
		s->frame[s->n++] = (struct stack_frame){ .line = U32_NULL,
							 .addr = addr,
							 .start_line = U32_NULL };
	}
	if (!err)
		s->frame[s->n - 1].inlined = false;
	return err;
}

static int sample_read(struct reading *g, struct sample *s, struct cursor c)
{
	struct field f;
	uint64_t v;
	int err = 0;

	s->n = s->nr_values = s->nr_labels = 0;
	while (!err && field_next(&c, &f)) {
		if (f.no == 1)
			while (!err && repeated_next(&f, &v))
				err = location_add(g, s, v);
		if (f.no == 2)
			while (repeated_next(&f, &v))
				if (s->nr_values < PPROF_TYPES)
					s->value[s->nr_values++] = v;
		if (f.no == 3 && f.is_bytes && s->nr_labels < PPROF_LABELS) {
			uint64_t text = number_of(f.sub, 2), unit = number_of(f.sub, 4);

			s->label[s->nr_labels++] = (struct pprof_label){
				.key = string_at(g, number_of(f.sub, 1)),
				.text = text ? string_at(g, text) : NULL,
				.number = number_of(f.sub, 3),
				.unit = unit ? string_at(g, unit) : NULL,
			};
		}
	}
	return err ? err : c.bad || s->nr_values != g->types.n ? -EINVAL : 0;
}

static int samples_tell(struct reading *g, struct cursor c)
{
	struct sample *s = malloc(sizeof(*s));
	struct field f;
	int err = s ? 0 : -ENOMEM;

	while (!err && field_next(&c, &f)) {
		if (f.no != 2 || !f.is_bytes)
			continue;
		err = sample_read(g, s, f.sub);
		if (!err)
			err = g->r->sample(g->r->arg, &(struct stack){ s->frame, s->n }, s->value,
					   s->label, s->nr_labels);
	}
	free(s);
	return err;
}

/* ---- the file ---- */

static int profile_read(const struct pprof_reader *r, const void *p, size_t len)
{
	struct cursor c = { .p = p, .end = (const uint8_t *)p + len };
	struct reading g = { .r = r };
	int err = tables_read(&g, c);

	err = err ? err : strings_read(&g);
	err = err ? err : types_tell(&g);
	err = err ? err : mappings_tell(&g);
	err = err ? err : samples_tell(&g, c);
	free(g.string);
	free(g.strings.at);
	free(g.types.at);
	free(g.mappings.at);
	free(g.functions.at);
	free(g.locations.at);
	arena_free(&g.mem);
	return err;
}

/* *out is to be freed. */
static int gunzip(const void *file, size_t len, uint8_t **out, size_t *n)
{
	z_stream z = { .next_in = (Bytef *)file, .avail_in = len }; /* NOLINT */
	size_t room = 0;
	int state = len > UINT32_MAX ? Z_DATA_ERROR : inflateInit2(&z, 15 + 16);

	*out = NULL;
	*n = 0;
	while (state == Z_OK && room < PPROF_MAX) {
		uint8_t *grown = realloc(*out, room = room ? 2 * room : 65536);

		if (!grown) {
			state = Z_MEM_ERROR;
			break;
		}
		*out = grown;
		z.next_out = *out + *n;
		z.avail_out = room - *n;
		state = inflate(&z, Z_NO_FLUSH);
		*n = room - z.avail_out;
	}
	inflateEnd(&z);
	return state == Z_STREAM_END ? 0 : state == Z_MEM_ERROR ? -ENOMEM : -EINVAL;
}

int pprof_read(const void *file, size_t len, const struct pprof_reader *r)
{
	const uint8_t *p = file;
	uint8_t *plain = NULL;
	size_t n = len;
	int err = 0;

	fail_clear();
	if (len > 2 && p[0] == 0x1f && p[1] == 0x8b)
		err = gunzip(file, len, &plain, &n);
	if (!err)
		err = profile_read(r, plain ? plain : p, n);
	free(plain);
	return err == -EINVAL && !*fail_text() ? fail(err, "it is no profile of pprof's") : err;
}
