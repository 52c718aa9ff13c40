// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Profiles for `go tool pprof` and what else reads its format (pprof.h): the stacks of the
 * section that has a weight (emit.h), with all of its columns that add up.
 *
 * Written once, at the end: of a stream all that came, of a tool that looks its last look at
 * each process. With several processes each sample has the label pid. With --base the samples
 * are what they are more than in that file, or less.
 */
#include "pprof.h"
#include "sink.h"
#include "tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct col profile_mapping_cols[] = {
	COL(struct profile_mapping, start, "", ADDR, KEY, "its first address"),
	COL(struct profile_mapping, limit, "", ADDR, GAUGE, "the address behind it"),
	COL(struct profile_mapping, offset, "", BYTES, GAUGE, "where in the file it begins"),
	COL(struct profile_mapping, file, "", NONE, GAUGE, "the file"),
	COL(struct profile_mapping, build_id, "", NONE, GAUGE, "its build id"),
	{}
};

const struct col profile_cols[] = {
	COL(struct profile, period_type, "", NONE, GAUGE, "what lies between two samples"),
	COL(struct profile, period_unit, "", NONE, GAUGE, "of what unit it is"),
	COL(struct profile, period, "", NONE, GAUGE, "how much of it"),
	COL_LIST(struct profile, mappings, profile_mapping_cols, "the code in the process"),
	{}
};

struct pprof_sink {
	const struct section *section;
	const struct col *stack, *col[PPROF_TYPES], *label[PPROF_LABELS];
	size_t nr_cols, nr_labels;
	struct pprof *p; /* NULL: nothing came yet */
	struct pprof_head head;
	char period[2][32];
	uint64_t last_ns;
	bool told;    /* what the samples mean: there was a profile */
	bool several; /* processes */
	bool old;     /* of a round of looks that is over */
	char *base;   /* the bytes of an earlier file, or NULL */
	size_t base_len;
};

static bool is_whole(const struct col *c)
{
	return c->type == CT_U64 || c->type == CT_S64 || c->type == CT_U32 || c->type == CT_S32 ||
	       c->type == CT_U16 || c->type == CT_U8;
}

static bool is_type(const struct col *c)
{
	return is_whole(c) && c->role != KEY && !(c->flags & COL_NO_SUM) &&
	       (c->unit == COUNT || c->unit == BYTES || c->unit == SBYTES || c->unit == NSEC);
}

static bool is_label(const struct col *c)
{
	return c->role == KEY && (c->type == CT_CHARS || c->type == CT_STR ||
				  (is_whole(c) && (c->unit == NONE || c->unit == BYTES)));
}

static const char *unit_of(const struct col *c)
{
	return c->unit == NSEC ? "nanoseconds" : c->unit == COUNT ? "count" : "bytes";
}

static void cols_find(struct pprof_sink *s)
{
	s->stack = section_stack(s->section);
	for (const struct col *c = s->section->cols; c->key; c++) {
		if (is_type(c) && s->nr_cols < PPROF_TYPES)
			s->col[s->nr_cols++] = c;
		if (is_label(c) && s->nr_labels < PPROF_LABELS - 1)
			s->label[s->nr_labels++] = c;
	}
	s->head.default_type = s->section->weight;
}

static int profile_start(struct pprof_sink *s, const struct run *r)
{
	struct pprof_type types[PPROF_TYPES];

	for (size_t i = 0; i < s->nr_cols; i++)
		types[i] = (struct pprof_type){ s->col[i]->key, unit_of(s->col[i]) };
	s->p = pprof_new(types, s->nr_cols);
	s->head.time_ns = r->ts_ns;
	return s->p ? 0 : -ENOMEM;
}

/* Not at the end, when all the work was in vain. */
static int base_open(struct pprof_sink *s, const struct run *r)
{
	int err = base_read(r->base, &s->base, &s->base_len);
	char why[256];

	err = err ? err : profile_start(s, r);
	err = err ? err : pprof_subtract(s->p, s->base, s->base_len);
	pprof_free(s->p);
	s->p = NULL;
	if (err != -EINVAL)
		return err;
	snprintf(why, sizeof(why), "%s", fail_text());
	return fail(err, "--base %s: %s", r->base, why);
}

static int begin(struct sink *sink, const struct run *r, FILE *out)
{
	struct pprof_sink *s;

	(void)out;
	for (const struct section *sec = r->tool->sections; sec && sec->cols; sec++) {
		if (!sec->weight)
			continue;
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		sink->priv = s;
		s->section = sec;
		cols_find(s);
		s->several = r->nr_pids > 1;
		return r->base ? base_open(s, r) : 0;
	}
	return fail(-EINVAL, "%s has no stacks for a profile: give another format than pprof",
		    r->tool->name);
}

/* ---- looks ---- */

static int head_add(struct pprof_sink *s, const struct profile *f)
{
	const struct profile_mapping *m = f->mappings.rows;
	int err = 0;

	s->told = true;
	if (f->period_type && f->period_unit && f->period != U64_NULL) {
		snprintf(s->period[0], sizeof(s->period[0]), "%s", f->period_type);
		snprintf(s->period[1], sizeof(s->period[1]), "%s", f->period_unit);
		s->head.period_type = s->period[0];
		s->head.period_unit = s->period[1];
		s->head.period = f->period;
	}
	for (size_t i = 0; i < f->mappings.n && !err; i++)
		err = pprof_mapping_add(
			s->p, &(struct pprof_mapping){ m[i].start, m[i].limit, m[i].offset,
						       m[i].file ? m[i].file : "",
						       m[i].build_id ? m[i].build_id : "" });
	return err;
}

static int64_t number_of(const struct value *v)
{
	if (v->kind == V_S64)
		return v->s;
	return v->kind != V_U64 ? 0 : v->u < INT64_MAX ? (int64_t)v->u : INT64_MAX;
}

/* How many labels; texts are ended in buf, which is to be freed. -1: out of memory. */
static int labels_get(const struct pprof_sink *s, const struct run *r, const void *row,
		      struct pprof_label *labels, char **buf)
{
	size_t len = 0;
	FILE *f = open_memstream(buf, &len);
	size_t at[PPROF_LABELS];
	int n = 0;

	if (!f)
		return -1;
	for (size_t i = 0; i < s->nr_labels; i++) {
		struct value v = col_value(s->label[i], row);

		if (v.kind == V_NULL)
			continue;
		at[n] = SIZE_MAX;
		labels[n] = (struct pprof_label){ .key = s->label[i]->key };
		if (v.kind == V_TEXT) {
			at[n] = ftell(f);
			fwrite(v.text, 1, v.len, f);
			putc(0, f);
		} else {
			labels[n].number = number_of(&v);
			labels[n].unit = s->label[i]->unit == BYTES ? "bytes" : NULL;
		}
		n++;
	}
	if (fclose(f))
		return -1;
	for (int i = 0; i < n; i++)
		if (at[i] != SIZE_MAX)
			labels[i].text = *buf + at[i];
	if (s->several)
		labels[n++] = (struct pprof_label){ .key = "pid", .number = r->pid };
	return n;
}

static int row_add(struct pprof_sink *s, const struct run *r, const void *row)
{
	const struct stack *stack = (const void *)((const char *)row + s->stack->off);
	struct pprof_label labels[PPROF_LABELS];
	int64_t values[PPROF_TYPES];
	char *buf = NULL;
	int n = labels_get(s, r, row, labels, &buf), err = n < 0 ? -ENOMEM : 0;

	for (size_t i = 0; i < s->nr_cols; i++) {
		struct value v = col_value(s->col[i], row);

		values[i] = number_of(&v);
	}
	if (!err)
		err = pprof_sample_add(s->p, stack, values, labels, n);
	free(buf);
	return err;
}

static int look(struct sink *sink, const struct look *l, FILE *out)
{
	const struct section *sections = l->run->tool->sections;
	struct pprof_sink *s = sink->priv;
	const struct rows *rows = &l->rows[s->section - sections];
	int err = 0;

	(void)out;
	if (s->old && look_replaces(l, s->section)) {
		pprof_free(s->p);
		s->p = NULL;
		s->old = false;
	}
	if (!s->p)
		err = profile_start(s, l->run);
	s->last_ns = l->run->ts_ns;
	for (const struct section *sec = sections; sec->cols && !err; sec++)
		if (sec->cols == profile_cols && l->rows[sec - sections].n)
			err = head_add(s, l->rows[sec - sections].row[0]);
	for (size_t i = 0; i < rows->n && !err; i++)
		err = row_add(s, l->run, rows->row[i]);
	return err;
}

static int round_end(struct sink *sink, FILE *out)
{
	(void)out;
	((struct pprof_sink *)sink->priv)->old = true;
	return 0;
}

static int end(struct sink *sink, FILE *out)
{
	struct pprof_sink *s = sink->priv;
	int err;

	if (!s->p)
		return 0;
	if (s->section->flags & SEC_STATE && !s->told)
		return fail(-ENODATA, "pprof: no profile was recorded");
	if (s->last_ns > s->head.time_ns)
		s->head.duration_ns = s->last_ns - s->head.time_ns;
	err = s->base ? pprof_subtract(s->p, s->base, s->base_len) : 0;
	return err ? err : pprof_write(s->p, &s->head, out);
}

static void sink_free(struct sink *sink)
{
	struct pprof_sink *s = sink->priv;

	if (s) {
		pprof_free(s->p);
		free(s->base);
	}
	free(s);
}

SINK(pprof, .brief = "a profile for `go tool pprof`, of stacks",
     .flags = SINK_WHOLE | SINK_REPLACE | SINK_BINARY | SINK_BASE | SINK_STACKS, .begin = begin,
     .look = look, .round = round_end, .end = end, .free = sink_free);
