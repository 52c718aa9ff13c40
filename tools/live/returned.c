// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What becomes of pages that were given back; see returned.h. */
#include "live/returned.h"
#include "array.h"
#include "mem.h"
#include "search.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND      1000000000ULL
#define MINUTE      (60 * SECOND)
#define QUEUE_MAX   (1U << 20)
#define CHUNK       (64ULL << 20)
#define CHUNK_PAGES (CHUNK / MEM_PAGE)
#define CHUNKS_MAX  4096 /* 256 GiB that are given back within a minute */

struct released {
	uint64_t addr, len, ts;
	int tag;
};

/* For each page the number of the call that gave it back last, from 1; 0: none, or it is back. */
struct chunk {
	uint64_t base;
	uint32_t *page;
};

static size_t chunk_from(const struct returned *r, uint64_t base)
{
	return count_before(r->nchunks, i, r->chunk[i].base < base);
}

/* The number of a page's call; NULL: no memory, or it is not watched and was not to be. */
static uint32_t *page_at(struct returned *r, uint64_t addr, bool make)
{
	uint64_t base = addr & ~(CHUNK - 1);
	size_t i = chunk_from(r, base);
	struct chunk *to;

	if (i == r->nchunks || r->chunk[i].base != base) {
		if (!make || r->nchunks == CHUNKS_MAX)
			return NULL;
		if (array_more(r->chunk, r->nchunks))
			return NULL;
		to = r->chunk;
		memmove(to + i + 1, to + i, (r->nchunks - i) * sizeof(*to));
		to[i] = (struct chunk){ base, calloc(CHUNK_PAGES, sizeof(uint32_t)) };
		r->nchunks++;
	}
	return r->chunk[i].page ? r->chunk[i].page + (addr - base) / MEM_PAGE : NULL;
}

/* Forget what has been looked at for the last time. */
static void forget(struct returned *r)
{
	if (!r->minute)
		return;
	memmove(r->q, r->q + r->minute, (r->n - r->minute) * sizeof(*r->q));
	r->n -= r->minute;
	r->second -= r->minute;
	r->first += r->minute;
	r->minute = 0;
}

static int grow(struct returned *r)
{
	if (r->n < r->cap)
		return 0;
	forget(r);
	if (r->n < r->cap)
		return 0;
	return r->n == QUEUE_MAX ? -ENOMEM : array_room(r->q, r->n + 1, r->cap);
}

void returned_add(struct returned *r, uint64_t addr, uint64_t len, uint64_t ts, int tag)
{
	uint32_t number, *page;

	if (!len || addr + len < addr || len > CHUNK || grow(r)) {
		r->dropped += len;
		return;
	}
	r->q[r->n++] = (struct released){ addr, len, ts, tag };
	number = r->first + r->n; /* from 1 */
	for (uint64_t a = addr; a < addr + len; a += MEM_PAGE) {
		page = page_at(r, a, true);
		if (page) {
			*page = number;
			r->sum[tag].watched += MEM_PAGE;
		} else {
			r->dropped += MEM_PAGE;
		}
	}
}

/* Those of a call's pages that are in RAM again are counted, once. */
static int look_at(struct returned *r, struct pagemap *pm, size_t i, struct page_runs *runs,
		   bool within_second)
{
	const struct released *c = &r->q[i];
	uint32_t number = r->first + i + 1, *page;
	int err;

	runs->n = 0;
	err = pagemap_runs(pm, c->addr, c->addr + c->len, false, runs);
	for (size_t k = 0; !err && k < runs->n; k++) {
		const struct page_run *run = &runs->run[k];

		if (!(run->flags & PAGE_PRESENT) || run->flags & PAGE_ZERO)
			continue;
		for (uint64_t a = run->start; a < run->end; a += MEM_PAGE) {
			page = page_at(r, a, false);
			if (!page || *page != number)
				continue;
			*page = 0;
			*(within_second ? &r->sum[c->tag].second : &r->sum[c->tag].minute) +=
				MEM_PAGE;
			r->sum[c->tag].huge += run->flags & PAGE_HUGE ? MEM_PAGE : 0;
		}
	}
	return err;
}

int returned_look(struct returned *r, struct pagemap *pm, uint64_t now, bool all)
{
	struct page_runs runs = {};
	int err = 0;

	for (; !err && r->second < r->n && (all || now - r->q[r->second].ts >= SECOND); r->second++)
		err = look_at(r, pm, r->second, &runs, true);
	for (; !err && r->minute < r->second && (all || now - r->q[r->minute].ts >= MINUTE);
	     r->minute++)
		err = look_at(r, pm, r->minute, &runs, false);
	page_runs_free(&runs);
	return err;
}

void returned_free(struct returned *r)
{
	for (size_t i = 0; i < r->nchunks; i++)
		free(r->chunk[i].page);
	free(r->chunk);
	free(r->q);
	*r = (struct returned){};
}
