// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Prometheus text exposition (format 0.0.4): a metric a numeric column, a sample a row.
 *
 *	gomemtrace_<tool>_<section>_<column><_bytes|_seconds|_ratio|_total|…>
 *		{pid,comm, the KEY columns of the row}
 *
 * The format wants all samples of a metric together, so those of all processes are kept until
 * the round of looks ends. Where two have the same labels, as events of a stream may, the last
 * one counts. Texts that are no KEY, and lists, have no place here; the KEY columns of the look
 * itself are the labels of gomemtrace_<tool>_info. Null is no sample.
 */
#include "prom_name.h"
#include "sink.h"
#include "text.h"
#include "tool.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct sample {
	char *labels; /* "{…}" */
	char value[40];
	uint64_t hash; /* of the labels */
};

struct family {
	char name[PROM_NAME_MAX];
	const char *help;
	bool counter;
	struct sample *samples;
	size_t n, room;
};

struct prom {
	struct family *families; /* in the order they were first seen */
	size_t n, room;
	bool keep; /* of a stream, what was said before still holds */
};

/* ---- samples ---- */

static void *array_room(void *array, size_t n, size_t *room, size_t size)
{
	void *grown = array;

	if (n == *room) {
		grown = reallocarray(array, *room ? 2 * *room : 8, size);
		*room = grown ? *room ? 2 * *room : 8 : *room;
	}
	return grown;
}

static struct family *family_get(struct prom *p, const char *name, const char *help, bool counter)
{
	struct family *grown;

	for (struct family *f = p->families; f < p->families + p->n; f++)
		if (!strcmp(f->name, name))
			return f;
	grown = array_room(p->families, p->n, &p->room, sizeof(*grown));
	if (!grown)
		return NULL;
	p->families = grown;
	grown += p->n++;
	*grown = (struct family){ .help = help, .counter = counter };
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	return grown;
}

/* FNV-1a */
static uint64_t text_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 0x100000001b3;
	return h;
}

static struct sample *sample_get(struct family *f, const char *labels)
{
	uint64_t hash = text_hash(labels);
	struct sample *grown;

	for (struct sample *s = f->samples; s < f->samples + f->n; s++)
		if (s->hash == hash && !strcmp(s->labels, labels))
			return s;
	grown = array_room(f->samples, f->n, &f->room, sizeof(*grown));
	if (!grown)
		return NULL;
	f->samples = grown;
	grown += f->n;
	*grown = (struct sample){ .hash = hash, .labels = strdup(labels) };
	if (!grown->labels)
		return NULL;
	f->n++;
	return grown;
}

static int sample_put(struct prom *p, const char *name, const struct col *c, const char *labels,
		      const char *value)
{
	struct family *f = family_get(p, name, c ? c->help : NULL, c && c->role == COUNTER);
	struct sample *s = f ? sample_get(f, labels) : NULL;

	if (!s)
		return -ENOMEM;
	snprintf(s->value, sizeof(s->value), "%s", value);
	return 0;
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

/* The name of the process, if the tool says it. */
static struct value comm_value(const struct look *l)
{
	const struct section *sections = l->run->tool->sections;

	for (const struct section *s = sections; s && s->cols; s++) {
		const struct rows *rows = &l->rows[s - sections];
		const struct col *c = s->shape == SEC_FIELDS ? col_find(s->cols, "comm") : NULL;

		if (c && col_is_text(c) && rows->n)
			return col_value(c, rows->row[0]);
	}
	return (struct value){};
}

/* {pid="42",comm="x",id="go.heap.live"}, to be freed; cols NULL: without keys of a row. */
static char *labels_make(const struct look *l, const struct col *cols, const void *row)
{
	struct value comm = comm_value(l), pid = { .kind = V_U64, .u = l->run->pid };
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
	snprintf(name, sizeof(name), "%s_info", prefix);
	err = labels ? sample_put(p, name, &info, labels, "1") : -ENOMEM;
	free(labels);
	return err;
}

static int section_put(struct prom *p, const struct look *l, const struct section *s)
{
	const struct rows *rows = &l->rows[s - l->run->tool->sections];
	char prefix[PROM_NAME_MAX] = "gomemtrace";
	int err = 0;

	prom_snake(prefix, sizeof(prefix), tool_json_name(l->run->tool), "_");
	if (s->key && !(l->run->tool->stream && s->shape == SEC_ROWS))
		prom_snake(prefix, sizeof(prefix), strcmp(s->key, "summary") ? s->key : "totals",
			   "_"); /* summary is a type of Prometheus' own */
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
	fprintf(out, "# TYPE %s %s\n", f->name, f->counter ? "counter" : "gauge");
	for (size_t i = 0; i < f->n; i++)
		fprintf(out, "%s%s %s\n", f->name, f->samples[i].labels, f->samples[i].value);
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
