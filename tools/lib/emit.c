// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Keep what a look emits, then have every sink render it; see emit.h. */
#include "emit.h"
#include "arena.h"
#include "array.h"
#include "hist_row.h"
#include "sink.h"
#include "tool.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct emit {
	struct sinks sinks;
	struct arena arena; /* of the look at hand, as all below */
	struct part *parts;
	size_t nr_parts, parts_room;
	struct rows *rows; /* by index of the section */
	size_t nr_sections;
	bool in_look;
	int no_memory; /* -ENOMEM: the look is not whole */
};

static struct emit *emit_get(struct run *r)
{
	struct emit *e = r->emit;

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	r->emit = e;
	return e;
}

/* Room for the sections of the tool, which is known now. */
static int sections_alloc(struct run *r)
{
	struct emit *e = r->emit;
	int err = sections_check(r->tool->sections);

	if (err || e->rows)
		return err;
	while (r->tool->sections && r->tool->sections[e->nr_sections].cols)
		e->nr_sections++;
	e->rows = calloc(e->nr_sections + 1, sizeof(*e->rows));
	return e->rows ? 0 : -ENOMEM;
}

int emit_add(struct run *r, const char *spec)
{
	struct emit *e = emit_get(r);

	return e ? sinks_add(&e->sinks, spec) : -ENOMEM;
}

int emit_open(struct run *r)
{
	struct emit *e = emit_get(r);
	int err = e ? 0 : -ENOMEM;

	if (!err)
		err = sections_alloc(r);
	if (!err && !e->sinks.n)
		err = sinks_add(&e->sinks, "table");
	if (!err && r->record)
		err = sinks_add_file(&e->sinks, "raw", r->record);
	return err ? err : sinks_open(&e->sinks, r);
}

int emit_attach(struct run *r, const char *format, FILE *f)
{
	struct emit *e = emit_get(r);
	int err = e ? sections_alloc(r) : -ENOMEM;

	return err ? err : sinks_attach(&e->sinks, format, f, r);
}

bool emit_profiles(const struct run *r)
{
	const struct sinks *s = r->emit ? &r->emit->sinks : NULL;

	for (size_t i = 0; s && i < s->n; i++)
		if (s->v[i].ops->flags & SINK_STACKS)
			return true;
	return false;
}

int emit_error(const struct run *r)
{
	return r->emit ? r->emit->sinks.error : 0;
}

int emit_close(struct run *r)
{
	struct emit *e = r->emit;
	int err;

	if (!e)
		return 0;
	err = sinks_close(&e->sinks);
	arena_free(&e->arena);
	for (size_t i = 0; i < e->nr_sections; i++)
		free(e->rows[i].row);
	free(e->rows);
	free(e->parts);
	free(e);
	r->emit = NULL;
	return err;
}

/* What is replayed has its time. */
static void time_stamp(struct run *r)
{
	struct timespec ts;

	if (r->replay)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	r->ts_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void look_clear(struct emit *e)
{
	e->nr_parts = 0;
	e->no_memory = 0;
	for (size_t i = 0; i < e->nr_sections; i++)
		e->rows[i].n = 0;
	arena_free(&e->arena);
}

static void part_add(struct emit *e, struct part part)
{
	if (part.kind == PART_SECTION)
		for (size_t i = 0; i < e->nr_parts; i++)
			if (e->parts[i].kind == PART_SECTION && e->parts[i].section == part.section)
				return;
	if (array_room(e->parts, e->nr_parts + 1, e->parts_room)) {
		e->no_memory = -ENOMEM;
		return;
	}
	e->parts[e->nr_parts++] = part;
}

struct sortable {
	const void *row;
	struct value v;
	size_t at;
};

/* Largest first, texts from A to Z, nulls last; equal ones stay in order. */
static int sortable_compare(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	bool known = x->v.kind != V_NULL && y->v.kind != V_NULL;
	int d = value_compare(&x->v, &y->v);

	if (known && x->v.kind != V_TEXT)
		d = -d;
	return d ? d : (x->at > y->at) - (x->at < y->at);
}

static int rows_sort(const struct col *c, struct rows *rows)
{
	struct sortable *a = calloc(rows->n + 1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	for (size_t i = 0; i < rows->n; i++)
		a[i] = (struct sortable){ rows->row[i], col_value(c, rows->row[i]), i };
	qsort(a, rows->n, sizeof(*a), sortable_compare);
	for (size_t i = 0; i < rows->n; i++)
		rows->row[i] = a[i].row;
	free(a);
	return 0;
}

static int look_sort(const struct run *r, struct emit *e)
{
	for (size_t i = 0; i < e->nr_sections; i++) {
		const struct section *s = &r->tool->sections[i];
		const struct col *c = r->sort ? col_find(s->cols, r->sort) : NULL;
		struct rows *rows = &e->rows[i];

		if (s->shape != SEC_ROWS || !(s->flags & SEC_SORTABLE))
			continue;
		if (c && rows_sort(c, rows))
			return -ENOMEM;
		if (r->max_rows && rows->n > r->max_rows)
			rows->n = r->max_rows;
	}
	return 0;
}

static int look_render(struct run *r, bool live)
{
	struct emit *e = r->emit;
	struct look l = {
		.run = r,
		.parts = e->parts,
		.nr_parts = e->nr_parts,
		.rows = e->rows,
		.live = live,
	};
	int err = e->no_memory;

	if (!err)
		err = sinks_look(&e->sinks, &l, true);
	if (!err && !live)
		err = look_sort(r, e);
	if (!err)
		err = sinks_look(&e->sinks, &l, false);
	look_clear(e);
	return err;
}

void emit_begin(struct run *r)
{
	look_clear(r->emit);
	r->emit->in_look = true;
	time_stamp(r);
}

void emit_drop(struct run *r)
{
	if (!r->emit)
		return;
	look_clear(r->emit);
	r->emit->in_look = false;
}

int emit_end(struct run *r)
{
	r->emit->in_look = false;
	return look_render(r, false);
}

int emit_round(struct run *r)
{
	return r->emit ? sinks_round(&r->emit->sinks) : 0;
}

/* What a stream emits outside of a look goes out at once; errors of writing stay. */
static void emit_live(struct run *r)
{
	int err;

	if (r->emit->in_look || !r->tool->stream)
		return;
	time_stamp(r);
	err = look_render(r, true);
	if (!r->emit->sinks.error)
		r->emit->sinks.error = err;
}

static void row_add(struct run *r, const struct section *s, const void *row)
{
	struct emit *e = r->emit;
	size_t at = s - r->tool->sections;
	struct rows *rows = &e->rows[at];
	const void *copy = row_copy(&e->arena, s->cols, row);

	if (s->shape == SEC_FIELDS)
		rows->n = 0;
	if (!copy || array_room(rows->row, rows->n + 1, rows->room)) {
		e->no_memory = -ENOMEM;
		return;
	}
	rows->row[rows->n++] = copy;
	part_add(e, (struct part){ .kind = PART_SECTION, .section = at });
	emit_live(r);
}

void emit_fields(struct run *r, const struct section *s, const void *row)
{
	row_add(r, s, row);
}

void emit_row(struct run *r, const struct section *s, const void *row)
{
	row_add(r, s, row);
}

void emit_hist(struct run *r, const struct section *s, const struct hist *h)
{
	struct arena a = {};
	const struct hist_row *row = hist_row_make(&a, h);

	if (row)
		row_add(r, s, row);
	else
		r->emit->no_memory = -ENOMEM;
	arena_free(&a);
}

static void text_add(struct run *r, enum part_kind kind, const char *text, const char *right)
{
	struct emit *e = r->emit;
	struct part part = { .kind = kind };

	part.text = arena_strdup(&e->arena, text);
	part.right = arena_strdup(&e->arena, right);
	if (!part.text || !part.right)
		e->no_memory = -ENOMEM;
	else
		part_add(e, part);
	emit_live(r);
}

void emit_text(struct run *r, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		r->emit->no_memory = -ENOMEM;
		return;
	}
	text_add(r, PART_TEXT, text, "");
	free(text);
}

void emit_lr(struct run *r, const char *left, const char *right)
{
	text_add(r, PART_LR, left, right);
}

void emit_heading(struct run *r, const char *text)
{
	text_add(r, PART_HEADING, text, "");
}

/* The bytes of the longest line of words that fits, at least one word. */
static size_t line_length(const char *text, size_t width)
{
	size_t end = 0, columns = 0;

	for (size_t i = 0; text[i]; i++) {
		if (text[i] == ' ' && columns <= width)
			end = i;
		columns += (text[i] & 0xc0) != 0x80;
		if (columns > width && end)
			return end;
	}
	return columns > width && end ? end : strlen(text);
}

void emit_wrapped(struct run *r, unsigned int indent, const char *text)
{
	while (*text) {
		size_t n = line_length(text, EMIT_COLUMNS - indent);

		emit_text(r, "%*s%.*s", (int)indent, "", (int)n, text);
		text += n + strspn(text + n, " ");
	}
}
