// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Allocations as rows: by size class, by stack, by creator of the goroutine, by type. */
#include "human.h"
#include "live/alloc.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* From whoever called the allocator outwards; good until the next. */
static struct stack read_stack(struct alloc_state *a, struct live *l, const struct alloc_key *k)
{
	struct event_stack s;
	struct stack st;
	size_t skip = 0;

	alloc_pcs(l, k, &s);
	/* the first of a stack is where a probe is; here it is a return address, too */
	s.pc[0] -= !!s.n;
	live_stack(l, &s, &st, a->frame, STACK_MAX);
	while (skip < st.n && alloc_is_plumbing(st.frame[skip].function))
		skip++;
	return (struct stack){ st.frame + skip, st.n - skip };
}

/* The first function that is not the runtime's own. */
static const char *function_of(const struct stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->frame[i].function && !alloc_is_runtime(s->frame[i].function))
			return s->frame[i].function;
	return s->n ? s->frame[0].function : NULL;
}

static const char *creator_of(struct live *l, uint64_t pc)
{
	struct frame f;

	if (!pc)
		return "none";
	symbols_lookup(l->names, pc - 1, &f, 1);
	return f.function;
}

/* Good until the next. */
static const char *type_of(struct alloc_state *a, uint64_t addr)
{
	if (!addr)
		return "none";
	if (!a->types.n || go_type_read(&a->types, addr, &a->type)) {
		fail_clear();
		return NULL;
	}
	return a->type.name;
}

/* ---- numbers ---- */

static double seconds(const struct alloc_state *a)
{
	return a->delta.ts_ns / 1e9;
}

static void fill_numbers(const struct alloc_state *a, struct alloc_row *r,
			 const struct alloc_part *p)
{
	double low, high, s = seconds(a);

	alloc_bounds(p->bytes, p->var, &low, &high);
	r->objects = llround(p->objects);
	r->bytes = llround(p->bytes);
	r->low = llround(low);
	r->high = llround(high);
	r->requested_bytes = a->mode == ALLOC_SAMPLED ? U64_NULL : (uint64_t)llround(p->requested);
	r->samples = llround(p->samples);
	r->objects_per_s = s > 0 ? p->objects / s : NAN;
	r->bytes_per_s = s > 0 ? p->bytes / s : NAN;
}

/* ---- by size class ---- */

static void emit_class(struct alloc_state *a, struct live *l, const struct section *sec, int i)
{
	bool small = i != ALLOC_LARGE && i != ALLOC_TINY;
	struct alloc_part p = {
		.objects = a->delta.objects[i],
		.bytes = a->delta.bytes[i],
		.requested = a->class[i].requested,
		.samples = a->class[i].objects,
	};
	struct alloc_row r = {
		.by = "class",
		.kind = small             ? "small"
			: i == ALLOC_TINY ? "tiny"
					  : "large",
		.size_class = small ? go_size_class[i] : U64_NULL,
	};

	if (!(p.objects > 0))
		return;
	fill_numbers(a, &r, &p);
	if (a->mode != ALLOC_EXACT)
		r.requested_bytes = U64_NULL;
	emit_row(l->run, sec, &r);
}

static void emit_classes(struct alloc_state *a, struct live *l, const struct section *sec)
{
	emit_class(a, l, sec, ALLOC_TINY);
	for (int i = 1; i < ALLOC_CLASSES; i++)
		emit_class(a, l, sec, i);
	emit_class(a, l, sec, ALLOC_LARGE);
}

/* ---- by what the cells are told apart by ---- */

struct group {
	const struct alloc_cell *cell;
	struct alloc_part part;
};

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_stack(const void *a, const void *b)
{
	return compare(((const struct group *)a)->cell->stack,
		       ((const struct group *)b)->cell->stack);
}

static int by_creator(const void *a, const void *b)
{
	return compare(((const struct group *)a)->cell->key.creator,
		       ((const struct group *)b)->cell->key.creator);
}

static int by_type(const void *a, const void *b)
{
	return compare(((const struct group *)a)->cell->key.type,
		       ((const struct group *)b)->cell->key.type);
}

static int by_bytes(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->part.bytes != y->part.bytes)
		return x->part.bytes < y->part.bytes ? 1 : -1;
	return compare(y->part.objects, x->part.objects);
}

/* The cells, those that compare as equal as one, the largest first; how many there are. */
static size_t make_groups(const struct alloc_state *a, struct group *g,
			  int (*same)(const void *, const void *))
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		g[i] = (struct group){ &a->cell[i], a->cell[i].part };
	qsort(g, a->n, sizeof(*g), same);
	for (size_t i = 0; i < a->n; i++) {
		if (n && !same(&g[n - 1], &g[i]))
			alloc_part_add(&g[n - 1].part, &g[i].part);
		else
			g[n++] = g[i];
	}
	qsort(g, n, sizeof(*g), by_bytes);
	return n;
}

static void fill_stack(struct alloc_state *a, struct live *l, struct alloc_row *r,
		       const struct alloc_key *k)
{
	r->by = "stack";
	r->stack = read_stack(a, l, k);
	r->function = function_of(&r->stack);
}

static void fill_creator(struct alloc_state *a, struct live *l, struct alloc_row *r,
			 const struct alloc_key *k)
{
	r->by = "creator";
	r->creator = creator_of(l, k->creator);
}

static void fill_type(struct alloc_state *a, struct live *l, struct alloc_row *r,
		      const struct alloc_key *k)
{
	r->by = "type";
	r->type = type_of(a, k->type);
}

static int emit_groups(struct alloc_state *a, struct live *l, const struct section *sec,
		       int (*same)(const void *, const void *),
		       void (*fill)(struct alloc_state *, struct live *, struct alloc_row *,
				    const struct alloc_key *))
{
	struct group *g = calloc(a->n + 1, sizeof(*g));
	size_t n = g ? make_groups(a, g, same) : 0;

	for (size_t i = 0; i < n; i++) {
		struct alloc_row r = { .size_class = U64_NULL };

		fill(a, l, &r, &g[i].cell->key);
		fill_numbers(a, &r, &g[i].part);
		emit_row(l->run, sec, &r);
	}
	free(g);
	return g ? 0 : -ENOMEM;
}

int alloc_emit(struct alloc_state *a, struct live *l, const struct alloc_sections *s)
{
	struct hist h = {
		.slots = a->requests, .sum = a->requested, .min = U64_NULL, .max = U64_NULL
	};
	int err = 0;

	emit_classes(a, l, s->classes);
	if (a->mode == ALLOC_EXACT)
		emit_hist(l->run, s->requests, &h);
	if (a->by & ALLOC_BY_STACK)
		err = emit_groups(a, l, s->stacks, by_stack, fill_stack);
	if (!err && a->by & ALLOC_BY_CREATOR)
		err = emit_groups(a, l, s->creators, by_creator, fill_creator);
	if (!err && a->by & ALLOC_BY_TYPE)
		err = emit_groups(a, l, s->types, by_type, fill_type);
	fail_clear();
	return err;
}

/* ---- all together ---- */

void alloc_summarize(struct alloc_state *a, struct live *l, struct alloc_summary *s)
{
	s->live.mode = alloc_mode_name(a->mode);
	s->source = a->source;
	s->seconds = seconds(a);
	s->objects = a->delta.known ? a->delta.mallocs : U64_NULL;
	s->bytes = a->delta.known ? a->delta.total_bytes : U64_NULL;
	s->tiny_objects = a->delta.objects[ALLOC_TINY];
	s->large_objects = a->delta.objects[ALLOC_LARGE];
	s->large_bytes = a->delta.bytes[ALLOC_LARGE];
	s->sampled_objects = a->mode == ALLOC_TOTALS ? 0 : a->sampled;
	if (a->mode == ALLOC_EXACT && a->delta.mallocs && !l->run->ended)
		s->live.coverage = a->sampled * 100.0 / a->delta.mallocs;
	if (a->mode == ALLOC_TOTALS)
		s->live.coverage = 100;
	s->windows = a->windows;
	s->window_ns = a->window_ns;
}

void alloc_say(struct alloc_state *a, struct live *l, const struct alloc_summary *s)
{
	emit_text(l->run, "%s objects, %s; %s/s, %s/s", HUMAN(count, s->objects),
		  HUMAN(bytes3, s->bytes),
		  HUMAN(count, s->seconds > 0 ? (uint64_t)(s->objects / s->seconds) : U64_NULL),
		  HUMAN(bytes3, s->seconds > 0 ? (uint64_t)(s->bytes / s->seconds) : U64_NULL));
	if (a->mode == ALLOC_TOTALS)
		return;
	emit_text(l->run, "%s: %s of them seen: %s", s->live.mode, HUMAN(count, s->sampled_objects),
		  s->source);
	if (a->mode == ALLOC_WINDOWED)
		emit_text(l->run, "%s window%s, %s of the time%s", HUMAN(count, s->windows),
			  s->windows == 1 ? "" : "s", HUMAN(nsec, s->window_ns),
			  s->windows < ALLOC_WINDOWS ? ": too few, look for longer" : "");
	live_say(l, &s->live);
}
