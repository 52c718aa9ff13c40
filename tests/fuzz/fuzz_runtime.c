// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Every reader of the runtime over a forged one (forge.h) whose words are broken as
 * the input says: a byte for the release, then of each word 4 bytes where, 1 what,
 * 8 the new value.
 */
#include "../unit/forge.h"
#include "fuzz.h"
#include "go/proof.h"
#include "go/rt_memstats.h"
#include "go/rt_stacks.h"

#define PATCH 13
#define WORDS 64

struct region {
	uint8_t *p;
	size_t size;
	uint64_t addr;
};

static uint64_t value(const uint8_t *in, uint64_t old, const struct region *r)
{
	uint64_t v;

	memcpy(&v, in + 1, 8);
	switch (in[0] % 4) {
	case 0: return v;
	case 1: return old ^ v;
	case 2: return old + (int8_t)v;
	default: return r[v % 6].addr + v / 6 % (r[v % 6].size / 8) * 8; /* some address */
	}
}

struct undo {
	uint8_t *at;
	uint64_t old;
};

static struct undo patch(struct forge *f, const uint8_t *in)
{
	struct region r[] = {
		{ f->globals, GLOBALS, AT_GLOBALS },
		{ f->chunk, GO_PERSISTENT, CHUNK },
		{ f->bits, GO_GCBITS_ARENA, BITS },
		{ f->bitmaps, 16 * 128, BITMAPS },
		{ f->l2, MEM_PAGE, L2 + ARENA_IX * 8 / MEM_PAGE * MEM_PAGE },
		{ f->info, f->l->arena_size, INFO },
	};
	struct undo u;
	uint32_t where;
	struct region *k;

	memcpy(&where, in, 4);
	k = &r[where % 6];
	u.at = k->p + where / 6 % (k->size / 8) * 8;
	u.old = get_u64(u.at, 0);
	put64(u.at, 0, value(in + 4, u.old, r));
	return u;
}

static void pages(const struct goheap *h)
{
	for (size_t i = 0; i < h->narenas; i++)
		for (uint32_t p = 0, before = 0; p < GO_ARENA_PAGES; before = p) {
			struct span *s;

			MUST(arena_next(h, h->arena[i], &p, &s) < PS_COUNT);
			MUST(p > before || !before);
			MUST(p <= GO_ARENA_PAGES);
		}
	for (size_t i = 0; i < h->n; i++) {
		struct span_sum sum;

		span_parts(&h->span[i], &sum);
		MUST(h->span[i].state != PS_IN_USE ||
		     sum.live + sum.fresh + sum.free_slots + sum.tail == span_bytes(&h->span[i]));
	}
}

static void read_all(struct goproc *gp)
{
	struct memstats *ms = malloc(sizeof(*ms));
	struct gostacks stacks = {};
	struct goheap heap = {};
	struct gometa meta;

	if (!gometa_read(gp, &meta)) {
		for (size_t i = 1; i < meta.n; i++)
			MUST(meta.range[i].start >= meta.range[i - 1].end);
		if (!goheap_read(gp, &meta, &heap, true))
			pages(&heap);
		goheap_free(&heap);
	}
	if (!gostacks_read(gp, &stacks))
		for (size_t i = 0; i < stacks.n; i++)
			MUST(stacks.stack[i].lo < stacks.stack[i].hi);
	memstats_read(gp, ms, 2);
	gostacks_free(&stacks);
	gometa_free(&meta);
	free(ms);
}

static void look(struct goproc *gp)
{
	struct go_counters *c = malloc(sizeof(*c));

	mem_deadline(gp->mem, 50000000);
	if (!go_counters_read(gp, c)) {
		go_counters_check(c);
		go_counters_trivial(c);
	}
	free(c);
	read_all(gp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct forge *forges[64]; /* kept: making one costs more than breaking it */
	struct undo undo[WORDS];
	struct forge **f;
	size_t n = 0;

	if (!size)
		return 0;
	f = &forges[data[0] % go_layouts_count % 64];
	if (!*f)
		*f = forge_new(atoi(go_layouts[data[0] % go_layouts_count].release + 2));
	for (data++, size--; size >= PATCH && n < WORDS; data += PATCH, size -= PATCH)
		undo[n++] = patch(*f, data);
	look(&(*f)->gp);
	while (n--)
		put64(undo[n].at, 0, undo[n].old);
	return 0;
}
