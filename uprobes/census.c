// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A census of the heap: see census.h. As with the ledger, the runtime is read, then pages,
 * then its counters again: if they moved, its spans, too, to see by how much. */
#include "census.h"
#include "clock.h"
#include "fail.h"
#include "go/proof.h"
#include "proc/pagemap.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TORN_US 2000
#define WALK_NS 700000000ULL /* of our CPU time, and as much a 16 GiB of RSS */

struct look {
	struct goproc *gp;
	struct gometa meta;
	struct goheap heap, after;
	struct page_runs runs;
	struct go_counters *before, *behind;
};

static void look_reset(struct look *k)
{
	gometa_free(&k->meta);
	goheap_free(&k->heap);
	goheap_free(&k->after);
	k->runs.n = 0;
	k->runs.zero_unknown = false;
}

static uint64_t objects_of(const struct span *s)
{
	struct span_sum parts;

	if (!s || s->state != PS_IN_USE)
		return 0;
	span_parts(s, &parts);
	return parts.live + parts.fresh;
}

/* Bytes of objects that are in a span of one heap and not in the same one of the other. */
static uint64_t changed(const struct goheap *from, const struct goheap *to)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < from->n; i++) {
		const struct span *s = &from->span[i], *t = goheap_span(to, s->base, 1);
		uint64_t here = objects_of(s), there;

		there = t && t->base == s->base && t->class == s->class ? objects_of(t) : 0;
		sum += here > there ? here - there : 0;
	}
	return sum;
}

static int look_read(struct look *k, struct census *c)
{
	struct target *t = k->gp->t;
	uint64_t start = clock_mono_ns();
	int err = target_maps(t);

	mem_refresh(k->gp->mem);
	mem_deadline(k->gp->mem, WALK_NS * (1 + t->status.rss / (16ULL << 30)));
	err = err ? err : go_counters_read(k->gp, k->before);
	err = err ? err : gometa_read(k->gp, &k->meta);
	err = err ? err : goheap_read(k->gp, &k->meta, &k->heap, true);
	err = err ? err : target_pages(t, &k->runs);
	err = err ? err : go_counters_read(k->gp, k->behind);
	c->window_ns = clock_mono_ns() - start;
	if (err)
		return err;
	c->heap_inuse = go_counters_gc(k->before, k->gp->l->gc_heapInUse);
	c->consistent =
		!go_counters_differ(k->before, k->behind) && k->heap.in_use == c->heap_inuse;
	return 0;
}

/* What moved while we looked, where a look that saw nothing move was not to be had. */
static int look_again(struct look *k, struct census *c)
{
	int err = goheap_read(k->gp, &k->meta, &k->after, false);

	if (!err)
		c->moved = changed(&k->heap, &k->after) + changed(&k->after, &k->heap);
	return err;
}

static int look_count(struct look *k, struct census *c)
{
	int err = c->consistent ? 0 : look_again(k, c);

	err = err ? err : census_count(&k->heap, &k->runs, CENSUS_CELLS, c);
	return err ? err : object_types_read(k->gp, &k->heap, &c->types);
}

static int say(const struct goproc *gp, int err)
{
	int gone = target_alive(gp->t);

	if (gone || !err || err == -EPERM)
		return gone ? gone : err;
	return fail(err, "the heap cannot be read: %s",
		    err == -ENODATA ? "parts of its books are swapped out" : strerror(-err));
}

int census_take(struct goproc *gp, struct census *c, unsigned max_attempts, uint64_t budget_ns)
{
	struct look k = { .gp = gp, .before = calloc(2, sizeof(*k.before)) };
	uint64_t start = clock_mono_ns();
	int err = k.before ? -EAGAIN : -ENOMEM;

	*c = (struct census){};
	k.behind = k.before + 1;
	for (unsigned n = 1; err != -ENOMEM; n++) {
		look_reset(&k);
		err = look_read(&k, c);
		c->attempts = n;
		if (err == -ESRCH || err == -EPERM || (!err && c->consistent) ||
		    n >= max_attempts || clock_mono_ns() - start > budget_ns)
			break;
		usleep(TORN_US); /* half-way through a change, and off its CPU */
	}
	err = err ? err : look_count(&k, c);
	c->pages_unknown = k.runs.zero_unknown;
	mem_deadline(gp->mem, 0);
	look_reset(&k);
	page_runs_free(&k.runs);
	free(k.before);
	if (err)
		census_free(c);
	return err ? say(gp, err) : 0;
}

void census_free(struct census *c)
{
	free(c->cell);
	object_types_free(&c->types);
	*c = (struct census){};
}
