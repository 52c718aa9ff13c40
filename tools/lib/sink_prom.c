// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Prometheus text exposition (format 0.0.4): a metric a numeric column, a sample a row.
 *
 *	gomemtrace_<tool>_<section>_<column><_bytes|_seconds|_ratio|_total|…>
 *		{pid,comm, the KEY columns of the row}
 *
 * The format wants all samples of a metric together, so those of all processes are kept until
 * the round of looks ends. Where two have the same labels, as events of a stream may, the last
 * one counts; of events without end that all differ, the last EVENTS_MAX. Texts that are no KEY,
 * and lists, have no place here; the KEY columns of the look itself are the labels of
 * gomemtrace_<tool>_info. Null is no sample.
 *
 * A histogram is one of Prometheus', gomemtrace_<tool>_<section>, with the same bounds for all of
 * a unit, so that they can be added up and stay the same over time. "le" is 2^k - 1: the values
 * are whole numbers, and 2^k belongs to the next bucket.
 */
#include "array.h"
#include "fnv.h"
#include "hist_row.h"
#include "prom_name.h"
#include "sink.h"
#include "text.h"
#include "tool.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 4096 /* samples of a metric of a stream */

struct sample {
	const char *suffix; /* of the name: "_bucket" */
	char *labels;       /* "{…}" */
	char value[40];
	uint64_t hash; /* of the labels */
};

struct family {
	char name[PROM_NAME_MAX];
	const char *help;
	const char *type;
	struct sample *samples;
	size_t n, room;
	bool stream;
};

struct prom {
	struct family *families; /* in the order they were first seen */
	size_t n, room;
	bool keep; /* of a stream, what was said before still holds */
};

/* ---- samples ---- */

static struct family *family_get(struct prom *p, const char *name, const char *help,
				 const char *type)
{
	struct family *made;

	for (struct family *f = p->families; f < p->families + p->n; f++)
		if (!strcmp(f->name, name))
			return f;
	if (array_room(p->families, p->n + 1, p->room))
		return NULL;
	made = &p->families[p->n++];
	*made = (struct family){ .help = help, .type = type, .stream = p->keep };
	snprintf(made->name, sizeof(made->name), "%s", name);
	return made;
}

/* The older half of the samples. */
static void half_forget(struct family *f)
{
	size_t half = f->n / 2;

	for (size_t i = 0; i < half; i++)
		free(f->samples[i].labels);
	memmove(f->samples, f->samples + half, (f->n - half) * sizeof(*f->samples));
	f->n -= half;
}

static struct sample *sample_get(struct family *f, const char *suffix, const char *labels)
{
	uint64_t hash = fnv(labels, strlen(labels));
	struct sample *made;

	for (struct sample *s = f->samples; s < f->samples + f->n; s++)
		if (s->hash == hash && !strcmp(s->labels, labels) && !strcmp(s->suffix, suffix))
			return s;
	if (f->stream && f->n == EVENTS_MAX)
		half_forget(f);
	if (array_room(f->samples, f->n + 1, f->room))
		return NULL;
	made = &f->samples[f->n];
	*made = (struct sample){ .suffix = suffix, .hash = hash, .labels = strdup(labels) };
	if (!made->labels)
		return NULL;
	f->n++;
	return made;
}

static int sample_set(struct family *f, const char *suffix, const char *labels, const char *value)
{
	struct sample *s = sample_get(f, suffix, labels);

	if (!s)
		return -ENOMEM;
	snprintf(s->value, sizeof(s->value), "%s", value);
	return 0;
}

static int sample_put(struct prom *p, const char *name, const struct col *c, const char *labels,
		      const char *value)
{
	struct family *f = family_get(p, name, c->help, c->role == COUNTER ? "counter" : "gauge");

	return f ? sample_set(f, "", labels, value) : -ENOMEM;
}

/* ---- labels ---- */

static void escaped_put(FILE *f, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\\' || (*text == '"' && quotes))
			putc('\\', f);
		if (*text == '\n')
			fputs("\\n", f);
		else
			putc(*text, f);
	}
}

/* A text as it is, a number in full; nothing for null. */
static int label_put(FILE *f, const char *name, const struct value *v)
{
	char *text = NULL;

	if (v->kind == V_TEXT) {
		text = text_clean(v->text, v->len, true);
		if (!text)
			return -ENOMEM;
	} else if (v->kind != V_U64 && v->kind != V_S64 && v->kind != V_BOOL) {
		return 0;
	}
	fprintf(f, "%s%s=\"", ftell(f) > 1 ? "," : "", name);
	if (text)
		escaped_put(f, text, true);
	else if (v->kind == V_S64)
		fprintf(f, "%" PRId64, v->s);
	else
		fprintf(f, "%" PRIu64, v->kind == V_BOOL ? (uint64_t)v->b : v->u);
	putc('"', f);
	free(text);
	return 0;
}

/* What labels the process already is left out. */
static int keys_put(FILE *f, const struct col *cols, const void *row, bool pid, bool comm)
{
	int err = 0;

	for (const struct col *c = cols; c->key && !err; c++) {
		struct value v = col_value(c, row);
		char name[PROM_NAME_MAX] = "";

		if (c->role != KEY || !col_in_json(c))
			continue;
		prom_snake(name, sizeof(name), c->key, "");
		if (!(pid && !strcmp(name, "pid")) && !(comm && !strcmp(name, "comm")))
			err = label_put(f, name, &v);
	}
	return err;
}

/* {pid="42",comm="x",id="go.heap.live"}, to be freed; cols NULL: without keys of a row. */
static char *labels_make(const struct look *l, const struct col *cols, const void *row)
{
	struct value comm = look_comm(l), pid = { .kind = V_U64, .u = l->run->pid };
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int err = 0;

	if (!f)
		return NULL;
	putc('{', f);
	if (l->run->pid)
		err = label_put(f, "pid", &pid);
	if (!err)
		err = label_put(f, "comm", &comm);
	if (!err && cols)
		err = keys_put(f, cols, row, l->run->pid, comm.kind == V_TEXT);
	putc('}', f);
	if (fclose(f) || err) {
		free(text);
		return NULL;
	}
	if (!strcmp(text, "{}"))
		*text = '\0';
	return text;
}

/* ---- rows ---- */

static int row_put(struct prom *p, const char *prefix, const struct col *cols, const void *row,
		   const char *labels)
{
	int err = 0;

	for (const struct col *c = cols; c->key && !err; c++) {
		struct value v = col_value(c, row);
		char name[PROM_NAME_MAX], value[40];

		if (c->role == KEY || !col_in_json(c))
			continue;
		if (v.kind == V_OBJECT && v.object->row) {
			snprintf(name, sizeof(name), "%s", prefix);
			prom_snake(name, sizeof(name), c->key, "_");
			err = row_put(p, name, c->cols, v.object->row, labels);
		} else if (prom_value(value, sizeof(value), c, &v)) {
			prom_name(name, sizeof(name), prefix, c);
			err = sample_put(p, name, c, labels, value);
		}
	}
	return err;
}

/* What tells one look from another, as labels of a sample that is always 1. */
static int info_put(struct prom *p, const char *prefix, const struct look *l,
		    const struct section *s, const void *row)
{
	static const struct col info = { .help = "the process, in labels" };
	char name[PROM_NAME_MAX], *labels;
	bool any = false;
	int err;

	for (const struct col *c = s->cols; c->key; c++)
		any |= c->role == KEY && col_is_text(c);
	if (!any)
		return 0;
	labels = labels_make(l, s->cols, row);
	snprintf(name, sizeof(name), "%s", prefix);
	prom_snake(name, sizeof(name), "info", "_");
	err = labels ? sample_put(p, name, &info, labels, "1") : -ENOMEM;
	free(labels);
	return err;
}

/* ---- histograms ---- */

/* The bounds: 2^k - 1 from the first k to the last. 1 us to 17 s, 8 B to 64 GiB. */
static const struct {
	unsigned int first, last;
} bounds[UNITS] = { [COUNT] = { 0, 32 }, [BYTES] = { 3, 36 }, [NSEC] = { 10, 34 } };

/* The labels with one more; NULL: out of memory. */
static char *labels_add(const char *labels, const char *le)
{
	int len = strlen(labels), n;
	char *text;

	n = asprintf(&text, "%.*s%sle=\"%s\"}", len ? len - 1 : 0, labels, len ? "," : "{", le);
	return n < 0 ? NULL : text;
}

static int bucket_put(struct family *f, const char *labels, const char *le, uint64_t n)
{
	char *text = labels_add(labels, le), value[40];
	int err;

	snprintf(value, sizeof(value), "%" PRIu64, n);
	err = text ? sample_set(f, "_bucket", text, value) : -ENOMEM;
	free(text);
	return err;
}

static int buckets_put(struct family *f, const char *labels, const struct hist_row *h,
		       const struct col *unit)
{
	uint64_t seen = 0;
	size_t i = 0;
	int err = 0;

	for (unsigned int k = bounds[unit->unit].first; k <= bounds[unit->unit].last && !err; k++) {
		struct value bound = { .kind = V_U64, .u = (1ULL << k) - 1 };
		char le[40];

		for (; i < h->buckets.n && hist_row_bucket(h, i)->high <= bound.u; i++)
			seen += hist_row_bucket(h, i)->count;
		if (prom_value(le, sizeof(le), unit, &bound))
			err = bucket_put(f, labels, le, seen);
	}
	return err ? err : bucket_put(f, labels, "+Inf", h->count);
}

static int hist_put(struct prom *p, const char *prefix, const struct look *l,
		    const struct section *s, const struct hist_row *h)
{
	const struct col unit = { .key = s->key, .unit = s->unit };
	const struct col label[] = { { .key = s->label,
				       .off = offsetof(struct hist_row, value),
				       .size = sizeof(h->value),
				       .type = CT_STR,
				       .role = KEY },
				     {} };
	const struct value sum = { .kind = h->sum == U64_NULL ? V_NULL : V_U64, .u = h->sum };
	char name[PROM_NAME_MAX], value[40], *labels = labels_make(l, label, h);
	struct family *f;
	int err;

	prom_name(name, sizeof(name), prefix, &unit);
	f = family_get(p, name, s->title, "histogram");
	err = labels && f ? buckets_put(f, labels, h, &unit) : -ENOMEM;
	if (!err && prom_value(value, sizeof(value), &unit, &sum))
		err = sample_set(f, "_sum", labels, value);
	snprintf(value, sizeof(value), "%" PRIu64, h->count);
	if (!err)
		err = sample_set(f, "_count", labels, value);
	free(labels);
	return err;
}

static int hists_put(struct prom *p, const char *prefix, const struct look *l,
		     const struct section *s, const struct rows *rows)
{
	int err = 0;

	for (size_t i = 0; i < rows->n && !err; i++)
		err = hist_put(p, prefix, l, s, rows->row[i]);
	return err;
}

static int section_put(struct prom *p, const struct look *l, const struct section *s)
{
	const struct rows *rows = &l->rows[s - l->run->tool->sections];
	char prefix[PROM_NAME_MAX];
	int err = 0;

	prom_prefix(prefix, sizeof(prefix), l->run->tool, s);
	if (s->shape == SEC_HIST)
		return hists_put(p, prefix, l, s, rows);
	for (size_t i = 0; i < rows->n && !err; i++) {
		const void *row = rows->row[i];
		char *labels = labels_make(l, s->shape == SEC_ROWS ? s->cols : NULL, row);

		err = labels ? row_put(p, prefix, s->cols, row, labels) : -ENOMEM;
		if (!err && s->shape == SEC_FIELDS && !s->key)
			err = info_put(p, prefix, l, s, row);
		free(labels);
	}
	return err;
}

static void families_clear(struct prom *p)
{
	for (struct family *f = p->families; f < p->families + p->n; f++) {
		for (size_t i = 0; i < f->n; i++)
			free(f->samples[i].labels);
		free(f->samples);
	}
	p->n = 0;
}

/* ---- the sink ---- */

static int look(struct sink *s, const struct look *l, FILE *out)
{
	struct prom *p = s->priv ? s->priv : calloc(1, sizeof(*p));
	int err = 0;

	(void)out;
	s->priv = p;
	if (!p)
		return -ENOMEM;
	p->keep = l->run->tool->stream;
	for (const struct section *sec = l->run->tool->sections; sec && sec->cols && !err; sec++)
		if (!(sec->flags & SEC_TABLE_ONLY))
			err = section_put(p, l, sec);
	return err;
}

static void family_print(const struct family *f, FILE *out)
{
	if (f->help) {
		fprintf(out, "# HELP %s ", f->name);
		escaped_put(out, f->help, false);
		putc('\n', out);
	}
	fprintf(out, "# TYPE %s %s\n", f->name, f->type);
	for (size_t i = 0; i < f->n; i++)
		fprintf(out, "%s%s%s %s\n", f->name, f->samples[i].suffix, f->samples[i].labels,
			f->samples[i].value);
}

/* A process that had no look in this round leaves no samples behind. */
static int round_end(struct sink *s, FILE *out)
{
	struct prom *p = s->priv;

	for (size_t i = 0; p && i < p->n; i++)
		family_print(&p->families[i], out);
	if (p && !p->keep)
		families_clear(p);
	return 0;
}

static void prom_free(struct sink *s)
{
	struct prom *p = s->priv;

	if (p) {
		families_clear(p);
		free(p->families);
	}
	free(p);
}

SINK(prom, .brief = "Prometheus metrics; a FILE is replaced as a whole", .flags = SINK_REPLACE,
     .look = look, .round = round_end, .free = prom_free);
