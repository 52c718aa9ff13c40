// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Pieces of the arenas, added up by class and state, and as cells; see census.h.
 *
 * A piece is a span, or a run of pages without one that are in one state. A span that goes
 * on in the next arena is more than one piece; its objects are counted with the first.
 */
#include "census.h"
#include "proc/pagemap.h"
#include <errno.h>
#include <stdlib.h>

struct piece {
	uint64_t start, end;
	enum page_state state;
	struct span *span; /* NULL: none */
	bool first;        /* where its span starts */
};

struct cells {
	struct census_cell *cell;
	size_t n, max;
	uint64_t window;
	uint64_t at;           /* the window at hand */
	size_t open[PS_COUNT]; /* 1 + index of its cell in a state; 0: none */
	size_t of_span;        /* index of the cell of the last span */
	const struct span *last;
};

static struct census_sum piece_sum(const struct piece *p, const struct page_runs *runs)
{
	struct census_sum sum = {
		.mapped = p->end - p->start,
		.resident = page_runs_resident(runs, p->start, p->end),
	};
	struct span_sum parts;

	if (!p->span || !p->first)
		return sum;
	sum.spans = 1;
	if (p->state != PS_IN_USE)
		return sum;
	span_parts(p->span, &parts);
	sum.objects = parts.objects;
	sum.bytes = parts.live + parts.fresh;
	sum.live = p->span->bad ? 0 : parts.live;
	sum.free_slots = parts.free_slots;
	sum.tail = parts.tail;
	return sum;
}

static void sum_add(struct census_sum *to, const struct census_sum *s)
{
	to->spans += s->spans;
	to->objects += s->objects;
	to->mapped += s->mapped;
	to->bytes += s->bytes;
	to->live += s->live;
	to->free_slots += s->free_slots;
	to->tail += s->tail;
	to->resident += s->resident;
}

/* The cell that a piece belongs to; NULL: there is no room for one more. */
static struct census_cell *cell_of(struct cells *c, const struct piece *p)
{
	uint64_t at = c->window ? p->start / c->window : p->start;
	bool whole = p->end - p->start >= c->window;
	size_t *open = &c->open[p->state];

	if (p->span && p->span == c->last)
		return &c->cell[c->of_span];
	if (at != c->at || !c->window)
		for (int i = 0; i < PS_COUNT; i++)
			c->open[i] = 0;
	c->at = at;
	if (!whole && *open)
		return &c->cell[*open - 1];
	if (c->n == c->max)
		return NULL;
	if (!whole)
		*open = c->n + 1;
	c->cell[c->n] = (struct census_cell){
		.addr = p->start,
		.state = p->state,
		.class = p->state == PS_IN_USE ? p->span->class : CENSUS_MIXED,
	};
	return &c->cell[c->n++];
}

static int cell_add(struct cells *c, const struct piece *p, const struct census_sum *sum)
{
	struct census_cell *cell = cell_of(c, p);

	if (!cell)
		return -E2BIG;
	if (p->state == PS_IN_USE && cell->class != p->span->class)
		cell->class = CENSUS_MIXED;
	sum_add(&cell->sum, sum);
	c->last = p->span;
	c->of_span = cell - c->cell;
	return 0;
}

static void total_add(struct census *c, const struct piece *p, const struct census_sum *sum)
{
	sum_add(&c->state[p->state], sum);
	if (p->state != PS_IN_USE)
		return;
	sum_add(&c->class[p->span->class], sum);
	if (p->first && p->span->bad)
		c->unmarked += sum->bytes;
}

/* All pieces that are mapped: into cells if there are any, else into the totals. */
static int walk(const struct goheap *h, const struct page_runs *runs, struct cells *cells,
		struct census *c)
{
	int err = 0;

	for (size_t i = 0; i < h->narenas; i++) {
		const struct arena *a = h->arena[i];

		for (uint32_t page = 0; page < GO_ARENA_PAGES && !err;) {
			struct piece p = { .start = a->base + page * GO_PAGE };
			struct census_sum sum;

			p.state = arena_next(h, a, &page, &p.span);
			p.end = a->base + page * GO_PAGE;
			p.first = p.span && p.span->base == p.start;
			if (p.state == PS_UNMAPPED)
				continue;
			sum = piece_sum(&p, runs);
			if (cells)
				err = cell_add(cells, &p, &sum);
			else
				total_add(c, &p, &sum);
		}
	}
	return err;
}

int census_count(const struct goheap *h, const struct page_runs *runs, size_t max, struct census *c)
{
	struct cells cells = { .cell = calloc(max + 1, sizeof(*cells.cell)), .max = max };
	int err = cells.cell ? -E2BIG : -ENOMEM;

	walk(h, runs, NULL, c);
	/* the smallest window with which they fit */
	while (err == -E2BIG && cells.window < 1ULL << 48) {
		err = walk(h, runs, &cells, c);
		if (!err)
			break;
		cells = (struct cells){ .cell = cells.cell,
					.max = max,
					.window = cells.window ? 2 * cells.window : 2 * GO_PAGE };
	}
	if (err) {
		free(cells.cell);
		return err;
	}
	c->cell = cells.cell;
	c->ncells = cells.n;
	c->window = cells.window;
	return 0;
}
