// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The free chunks of an arena, added up; see arena.h.
 *
 *   chunk   prev_size, size | 7 bits of flags, fd, bk, …   fd and bk when free
 *
 * A bin is a ring through its head, each chunk pointing back at the one before;
 * bins 2 to 63 hold one size each. Fast bins are lists of one size; since glibc
 * 2.32 their links are stored as link ^ (their own address >> 12). All of that is
 * checked on the way, so a list that was torn or forged is noticed. No list can be
 * longer than what the arena has got from the kernel.
 */
#include "c/arena.h"
#include <stdlib.h>
#include <string.h>

#define TRIES      2
#define CHUNK_MIN  32
#define FAST_BINS  10
#define SMALL_BINS 63 /* the last bin of one size, counted from 1 */
#define SLOTS      1024
#define AHEAD      16ULL       /* pages read at once */
#define GAP        (64U << 10) /* pages this near are neighbours */
#define COST       4           /* of a read, in pages copied */

/* Pages that were read, by address: neighbours in a list are often neighbours in memory. */
struct cache {
	struct mem *mem;
	uint64_t page[SLOTS]; /* address, 0: empty */
	uint8_t data[SLOTS][MEM_PAGE];
	uint64_t last; /* page that was missing last */
	uint64_t *budget;
};

struct walk {
	struct cspace *s;
	const struct carenas *as;
	const struct carena *a;
	struct cache *cache;
	uint64_t free;
	const char *why;
};

static const char too_many[] = "it has more free chunks than are read in one look";

static int stop(struct walk *w, const char *why)
{
	w->why = why;
	return -EINVAL;
}

/*
 * Read the page at addr, with its neighbours where the page before it in the list
 * was a neighbour: sixteen cost little more than one.
 */
static int fill(struct walk *w, uint64_t page)
{
	struct cache *c = w->cache;
	uint64_t group = page & ~(AHEAD * MEM_PAGE - 1), near = page - c->last + GAP;
	size_t n = near <= 2 * GAP && carena_holds(w->s, w->as, w->a, group, AHEAD * MEM_PAGE)
			   ? AHEAD
			   : 1;
	uint64_t from = n > 1 ? group : page;
	struct mem_vec v[AHEAD];
	int err;

	if (*c->budget < COST + n)
		return stop(w, too_many);
	*c->budget -= COST + n;
	c->last = page;
	for (size_t i = 0; i < n; i++) {
		size_t slot = (from / MEM_PAGE + i) % SLOTS;

		c->page[slot] = from + i * MEM_PAGE;
		v[i] = (struct mem_vec){ .addr = from + i * MEM_PAGE,
					 .buf = c->data[slot],
					 .len = MEM_PAGE };
	}
	err = mem_readv(c->mem, v, n);
	for (size_t i = 0; i < n; i++)
		if (v[i].err)
			c->page[(from / MEM_PAGE + i) % SLOTS] = 0;
	if (cspace_fatal(err))
		return err;
	err = v[(page - from) / MEM_PAGE].err;
	return !err ? 0
		    : stop(w, err == -ENODATA ? "free chunks are swapped out"
					      : "free chunks cannot be read");
}

static int word(struct walk *w, uint64_t addr, uint64_t *value)
{
	struct cache *c = w->cache;
	uint64_t page = addr & ~(MEM_PAGE - 1);
	size_t slot = page / MEM_PAGE % SLOTS;
	int err = c->page[slot] == page ? 0 : fill(w, page);

	*value = err ? 0 : get_u64(c->data[slot], addr % MEM_PAGE);
	return err;
}

/* The size of the free chunk at p; all of it must be the arena's. */
static int chunk_size(struct walk *w, uint64_t p, uint64_t *size)
{
	int err;

	if (p % 16 || !carena_holds(w->s, w->as, w->a, p, CHUNK_MIN))
		return stop(w, "its free lists lead out of it");
	err = word(w, p + 8, size);
	*size &= ~7ULL;
	if (!err && (*size < CHUNK_MIN || !carena_holds(w->s, w->as, w->a, p, *size)))
		err = stop(w, "a free chunk is larger than its heap");
	return err;
}

static int add(struct walk *w, uint64_t size)
{
	w->free += size;
	return w->free <= w->a->system ? 0 : stop(w, "its free lists do not end");
}

/* n is the bin's number, from 1: the unsorted chunks; then by size. */
static int bin_walk(struct walk *w, uint64_t bin, unsigned n, uint64_t fd)
{
	uint64_t before = bin, p = fd, size, bk;
	int err = 0;

	while (!err && p != bin) {
		err = chunk_size(w, p, &size);
		err = err ? err : word(w, p + 24, &bk);
		if (!err && bk != before)
			err = stop(w, "its free lists do not lead back");
		if (!err && n > 1 && n <= SMALL_BINS && size != n * 16)
			err = stop(w, "a free chunk is in the wrong list");
		err = err ? err : add(w, size);
		before = p;
		err = err ? err : word(w, p + 16, &p);
	}
	return err;
}

static int fast_walk(struct walk *w, unsigned n, uint64_t p, bool clear)
{
	uint64_t size, link;
	int err = 0;

	while (!err && p) {
		err = chunk_size(w, p, &size);
		if (!err && size != (n + 2) * 16)
			err = stop(w, "a free chunk is in the wrong list");
		err = err ? err : add(w, size);
		err = err ? err : word(w, p + 16, &link);
		if (!err)
			p = clear ? link : link ^ (p + 16) >> 12;
	}
	return err;
}

/* Whether links are in the clear shows at the ends: only one of the two ways is 0 there. */
static int fast_bins(struct walk *w, const uint8_t *first)
{
	uint64_t before = w->free;
	int err = 0;

	for (int clear = 0; clear < 2; clear++) {
		w->free = before;
		err = 0;
		for (unsigned i = 0; !err && i < FAST_BINS; i++)
			err = fast_walk(w, i, get_u64(first, 8 * i), clear);
		if (!err || cspace_fatal(err) || w->why == too_many)
			break;
	}
	return err;
}

static int walk_state(struct walk *w, const uint8_t *state, uint32_t head)
{
	uint64_t top = get_u64(state, head - 16), size;
	int err = chunk_size(w, top, &size);

	err = err ? err : add(w, size);
	for (unsigned i = 0; !err && i < CBINS; i++)
		err = bin_walk(w, w->a->addr + head + 16 * i - 16, i + 1,
			       get_u64(state, head + 16 * i));
	/* they stand before top, behind mutex and flags; 2.43 has none */
	if (!err && head >= 8 + 8 * FAST_BINS + 16)
		err = fast_bins(w, state + head - 16 - 8 * FAST_BINS);
	return err;
}

/* What free lists depend on: from top to the end, without the locks before. */
static bool same(const uint8_t *a, const uint8_t *b, uint32_t head)
{
	size_t from = head >= 8 + 8 * FAST_BINS + 16 ? head - 16 - 8 * FAST_BINS : head - 16;

	return !memcmp(a + from, b + from, cstate_size(head) - from);
}

static int walk_once(struct walk *w, struct carena *a, uint32_t head)
{
	uint8_t before[CSTATE_MAX], after[CSTATE_MAX];
	size_t len = cstate_size(head);
	int err = mem_read(w->s->mem, a->addr, before, len), again;

	memset(w->cache->page, 0, sizeof(w->cache->page));
	w->free = 0;
	w->why = "it cannot be read";
	if (err)
		return err;
	a->system = get_u64(before, len - CSTATE_TAIL + CSTATE_SYSTEM_MEM);
	err = walk_state(w, before, head);
	again = cspace_fatal(err) ? err : mem_read(w->s->mem, a->addr, after, len);
	if (again)
		return again;
	a->moving = !same(before, after, head);
	if (!err) {
		a->walked = true;
		a->free = w->free;
	} else if (a->moving && w->why != too_many) {
		w->why = "it changed while it was read";
	}
	return err;
}

int carena_walk(struct cspace *s, const struct carenas *as, struct carena *a, uint64_t *budget)
{
	struct walk w = { .s = s, .as = as, .a = a, .why = "where its bins begin is not proven" };
	int err = 0;

	w.cache = malloc(sizeof(*w.cache));
	if (!w.cache)
		return -ENOMEM;
	w.cache->mem = s->mem;
	w.cache->budget = budget;
	w.cache->last = 0;
	for (int k = 0; as->head && k < TRIES && !a->walked; k++) {
		err = walk_once(&w, a, as->head);
		if (cspace_fatal(err) || w.why == too_many)
			break;
	}
	a->why = a->walked ? NULL : w.why;
	free(w.cache);
	return cspace_fatal(err) ? err : 0;
}
