// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Do the sections of a tool make sense? See emit.h. */
#include "emit.h"
#include "tool.h"
#include <errno.h>
#include <string.h>

const struct col *section_col(const struct section *s, const char *key)
{
	for (const struct col *c = s->cols; key && c->key; c++)
		if (!strcmp(c->key, key))
			return c;
	return NULL;
}

const struct col *section_stack(const struct section *s)
{
	for (const struct col *c = s->cols; c->key; c++)
		if (c->type == CT_STACK)
			return c;
	return NULL;
}

/* A column of whole numbers, none of which is negative. */
static bool is_natural(const struct col *c)
{
	return c->type == CT_U64 || c->type == CT_U32 || c->type == CT_U16 || c->type == CT_U8;
}

static bool is_simple(const struct col *c)
{
	return is_natural(c) || c->type == CT_CHARS || c->type == CT_STR;
}

/* NULL is no column, and right. */
static int number_check(const struct section *s, const char *key, enum unit unit)
{
	const struct col *c = section_col(s, key);

	if (!key || (c && is_natural(c) && c->unit == unit))
		return 0;
	return fail(-EINVAL, "section %s: a span needs a column %s of unit %s", s->key, key,
		    unit_name(unit));
}

static int text_check(const struct section *s, const char *key)
{
	const struct col *c = section_col(s, key);

	if (!key || (c && is_simple(c)))
		return 0;
	return fail(-EINVAL, "section %s: a span needs a column %s of texts or whole numbers",
		    s->key, key);
}

static int span_check(const struct section *s, const struct span_cols *p)
{
	int err = number_check(s, p->start, MONO);

	if (!err && (p->dur && p->end))
		err = fail(-EINVAL, "section %s: a span has either a duration or an end", s->key);
	if (!err && !p->name && !p->name_of)
		err = fail(-EINVAL, "section %s: a span has no name", s->key);
	for (size_t i = 0; i < SPAN_AFTER && !err; i++)
		err = number_check(s, p->after[i], NSEC);
	if (!err)
		err = number_check(s, p->dur, NSEC);
	if (!err)
		err = number_check(s, p->end, MONO);
	if (!err)
		err = text_check(s, p->name_of);
	return err ? err : text_check(s, p->track_of);
}

static int weight_check(const struct section *s)
{
	const struct col *c = section_col(s, s->weight);

	if (!s->weight || (c && is_natural(c) && section_stack(s)))
		return 0;
	return fail(-EINVAL, "section %s: a profile needs a stack and a column %s of whole numbers",
		    s->key, s->weight);
}

/* A map names columns that there are, and a section with a column for its kinds. */
static int map_check(const struct section *s, const struct section *sections)
{
	const struct map_cols *m = s->map;
	const struct section *of = sections;
	const struct col *kind;
	int err;

	if (!m)
		return 0;
	err = number_check(s, m->addr, ADDR);
	err = err ? err : number_check(s, m->size, BYTES);
	err = err ? err : number_check(s, m->part, BYTES);
	err = err ? err : text_check(s, m->kind);
	err = err ? err : text_check(s, m->name);
	while (!err && of->cols && (!of->key || strcmp(of->key, m->table)))
		of++;
	kind = !err && of->cols ? section_col(of, m->kind) : NULL;
	if (!err && (!kind || of->shape != SEC_ROWS))
		err = fail(-EINVAL, "section %s: a map needs rows of %s with a column %s", s->key,
			   m->table, m->kind);
	return err;
}

static int section_check(const struct section *s)
{
	bool plain = !s->spans && !s->weight && !s->map, no_hist = !s->label && s->unit == NONE;
	int err = 0;

	if (s->shape != SEC_FIELDS && !s->key)
		return fail(-EINVAL, "a section of rows or histograms has no key");
	if (s->shape == SEC_HIST ? s->cols != hist_cols || !plain : !no_hist)
		return fail(-EINVAL, "section %s: histograms have hist_cols, a label and a unit",
			    s->key);
	if (s->shape == SEC_HIST && s->unit != COUNT && s->unit != BYTES && s->unit != NSEC)
		return fail(-EINVAL, "section %s: a histogram is of a count, bytes or ns", s->key);
	if (s->shape == SEC_FIELDS && !plain)
		return fail(-EINVAL, "section %s: only rows have spans, maps and weights",
			    s->key ? s->key : "");
	for (const struct span_cols *p = s->spans; p && p->start && !err; p++)
		err = span_check(s, p);
	return err ? err : weight_check(s);
}

int sections_check(const struct section *sections)
{
	size_t profiles = 0;
	int err = 0;

	for (const struct section *s = sections; s && s->cols && !err; s++) {
		err = section_check(s);
		err = err ? err : map_check(s, sections);
		profiles += s->weight != NULL;
	}
	if (!err && profiles > 1)
		err = fail(-EINVAL, "%zu sections are profiles: one is all that fits", profiles);
	return err;
}
