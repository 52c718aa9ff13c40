// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Pages that were there before; see pages.h. */
#include "live/pages.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define PAGE 4096ULL

/* Where a chunk is, or would be. */
static struct pages_chunk *find(const struct pages *p, uint64_t key)
{
	size_t i = key * 0x9e3779b97f4a7c15ULL >> 32 & (p->cap - 1);

	while (p->slot[i].key && p->slot[i].key != key)
		i = (i + 1) & (p->cap - 1);
	return &p->slot[i];
}

/* Keep it half empty. */
static int grow(struct pages *p)
{
	struct pages bigger = { .cap = p->cap ? p->cap * 2 : 1024, .n = p->n };

	if (p->n * 2 < p->cap)
		return 0;
	if (p->n >= PAGES_MAX)
		return -E2BIG;
	bigger.slot = calloc(bigger.cap, sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < p->cap; i++)
		if (p->slot[i].key)
			*find(&bigger, p->slot[i].key) = p->slot[i];
	free(p->slot);
	*p = bigger;
	return 0;
}

static struct pages_chunk *make(struct pages *p, uint64_t addr, int *err)
{
	uint64_t key = addr / PAGES_CHUNK + 1;
	struct pages_chunk *c;

	*err = grow(p);
	if (*err)
		return NULL;
	c = find(p, key);
	p->n += !c->key;
	c->key = key;
	return c;
}

int pages_fault(struct pages *p, uint64_t addr)
{
	uint32_t page = addr % PAGES_CHUNK / PAGE;
	uint64_t bit = 1ULL << page % 64;
	enum pages_kind kind;
	int err;
	struct pages_chunk *c = make(p, addr, &err);

	if (!c)
		return err;
	kind = !(c->seen[page / 64] & bit) ? PAGES_FIRST
	       : c->gone[page / 64] & bit  ? PAGES_REFAULT
					   : PAGES_AGAIN;
	c->seen[page / 64] |= bit;
	c->gone[page / 64] &= ~bit;
	return kind;
}

/* The pages of a chunk that are in [start, end), word by word. */
static void mask_of(uint64_t key, uint64_t start, uint64_t end, uint64_t mask[PAGES_WORDS])
{
	uint64_t base = (key - 1) * PAGES_CHUNK;

	for (uint32_t page = 0; page < PAGES_CHUNK / PAGE; page++) {
		uint64_t at = base + page * PAGE;

		mask[page / 64] |= (uint64_t)(at >= start && at < end) << page % 64;
	}
}

int pages_see(struct pages *p, uint64_t start, uint64_t end)
{
	int err = 0;

	for (uint64_t at = start - start % PAGES_CHUNK; at < end; at += PAGES_CHUNK) {
		struct pages_chunk *c = make(p, at, &err);
		uint64_t mask[PAGES_WORDS] = {};

		if (!c)
			return err;
		mask_of(c->key, start, end, mask);
		for (int w = 0; w < PAGES_WORDS; w++) {
			c->seen[w] |= mask[w];
			c->gone[w] &= ~mask[w];
		}
	}
	return 0;
}

static void take(struct pages_chunk *c, uint64_t start, uint64_t end, bool keep)
{
	uint64_t mask[PAGES_WORDS] = {};

	mask_of(c->key, start, end, mask);
	for (int w = 0; w < PAGES_WORDS; w++) {
		if (keep)
			c->gone[w] |= c->seen[w] & mask[w];
		else
			c->seen[w] &= ~mask[w];
		c->gone[w] &= c->seen[w];
	}
}

/* A range may be much larger than what was touched of it: the shorter way is gone. */
static void take_range(struct pages *p, uint64_t start, uint64_t end, bool keep)
{
	uint64_t first = start / PAGES_CHUNK, last = (end - 1) / PAGES_CHUNK;

	if (start >= end || !p->n)
		return;
	if (last - first < p->cap) {
		for (uint64_t k = first; k <= last; k++) {
			struct pages_chunk *c = find(p, k + 1);

			if (c->key)
				take(c, start, end, keep);
		}
		return;
	}
	for (size_t i = 0; i < p->cap; i++)
		if (p->slot[i].key > first && p->slot[i].key <= last + 1)
			take(&p->slot[i], start, end, keep);
}

void pages_give(struct pages *p, uint64_t start, uint64_t end)
{
	take_range(p, start, end, true);
}

void pages_forget(struct pages *p, uint64_t start, uint64_t end)
{
	take_range(p, start, end, false);
}

void pages_free(struct pages *p)
{
	free(p->slot);
	*p = (struct pages){};
}
