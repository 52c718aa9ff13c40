// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* JSON, one object a line: a look, or a row of a stream; see emit.h. */
#include "hist_row.h"
#include "json_cols.h"
#include "sink.h"
#include "tool.h"

static void head_put(struct json *j, const struct run *r)
{
	json_open(j, NULL, '{');
	json_u64(j, "v", JSON_VERSION);
	json_string(j, "tool", tool_json_name(r->tool));
	json_u64_text(j, "ts_ns", r->ts_ns);
	if (r->pid)
		json_u64(j, "pid", r->pid);
}

static void tail_put(struct json *j)
{
	json_close(j, '}');
	putc('\n', j->f);
}

static void fields_put(struct json *j, const struct section *s, const void *row)
{
	if (s->key)
		json_open(j, s->key, '{');
	json_cols(j, s->cols, row);
	if (s->key)
		json_close(j, '}');
}

static void hist_put(struct json *j, const struct section *s, const struct hist_row *h)
{
	if (s->label)
		json_string(j, s->label, h->value);
	json_string(j, "unit", unit_name(s->unit));
	json_cols(j, s->cols, h);
}

/* The members of a row or a histogram. */
static void row_put(struct json *j, const struct section *s, const void *row)
{
	if (s->shape == SEC_HIST)
		hist_put(j, s, row);
	else
		json_cols(j, s->cols, row);
}

static void rows_put(struct json *j, const struct section *s, const struct rows *rows)
{
	json_open(j, s->key, '[');
	for (size_t i = 0; i < rows->n; i++) {
		json_open(j, NULL, '{');
		row_put(j, s, rows->row[i]);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void look_put(const struct look *l, FILE *out)
{
	struct json j = { .f = out };

	head_put(&j, l->run);
	for (const struct section *s = l->run->tool->sections; s && s->cols; s++) {
		const struct rows *rows = &l->rows[s - l->run->tool->sections];

		if (s->flags & SEC_TABLE_ONLY)
			continue;
		if (s->shape == SEC_FIELDS)
			fields_put(&j, s, rows->n ? rows->row[0] : NULL);
		else
			rows_put(&j, s, rows);
	}
	tail_put(&j);
}

/* Each row, histogram and group of fields on a line of its own. */
static void stream_put(const struct look *l, FILE *out)
{
	for (const struct section *s = l->run->tool->sections; s && s->cols; s++) {
		const struct rows *rows = &l->rows[s - l->run->tool->sections];

		for (size_t i = 0; i < rows->n && !(s->flags & SEC_TABLE_ONLY); i++) {
			struct json j = { .f = out };

			head_put(&j, l->run);
			if (s->shape == SEC_HIST)
				json_string(&j, "hist", s->key);
			if (s->shape == SEC_FIELDS)
				fields_put(&j, s, rows->row[i]);
			else
				row_put(&j, s, rows->row[i]);
			tail_put(&j);
		}
	}
}

static int look(struct sink *s, const struct look *l, FILE *out)
{
	(void)s;
	(l->run->tool->stream ? stream_put : look_put)(l, out);
	return 0;
}

SINK(json, .brief = "one JSON object a line; see --schema", .look = look);
