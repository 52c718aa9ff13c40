// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Every reader of the runtime over a forged one (forge.h) whose words are broken as
 * the input says: a byte for the release, then patches.
 */
#include "../unit/forge.h"
#include "census.h"
#include "fuzz.h"
#include "go/proof.h"
#include "go/rt_memstats.h"
#include "go/rt_stacks.h"
#include "patch.h"
#include "proc/pagemap.h"

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

/* Cells add up to the states, however few there may be; types end. */
static void census(struct goproc *gp, const struct goheap *h)
{
	const struct page_runs none = {};
	uint64_t mapped[PS_COUNT] = {};
	struct object_types types;
	struct census c = {};

	if (!census_count(h, &none, 17, &c)) {
		MUST(c.ncells <= 17);
		for (size_t i = 0; i < c.ncells; i++)
			mapped[c.cell[i].state] += c.cell[i].sum.mapped;
		for (int i = 0; i < PS_COUNT; i++)
			MUST(mapped[i] == c.state[i].mapped);
	}
	census_free(&c);
	gp->proven = true;
	object_types_read(gp, h, &types);
	object_types_free(&types);
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
		if (!goheap_read(gp, &meta, &heap, true)) {
			pages(&heap);
			census(gp, &heap);
			mem_deadline(gp->mem, 50000000);
		}
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

static size_t break_it(struct forge *f, const uint8_t *data, size_t size, struct undo *undo)
{
	const struct region r[] = {
		{ f->globals, GLOBALS, AT_GLOBALS },
		{ f->chunk, GO_PERSISTENT, CHUNK },
		{ f->bits, GO_GCBITS_ARENA, BITS },
		{ f->bitmaps, 16 * 128, BITMAPS },
		{ f->l2, MEM_PAGE, L2 + arena_index(f) * 8 / MEM_PAGE * MEM_PAGE },
		{ f->info, f->l->arena_size, INFO },
	};

	return patch_all(r, sizeof(r) / sizeof(r[0]), data, size, undo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct forge *forges[64]; /* kept: making one costs more than breaking it */
	struct undo undo[WORDS];
	struct forge **f;
	size_t n;

	if (!size)
		return 0;
	f = &forges[data[0] % go_layouts_count % 64];
	if (!*f)
		*f = forge_new(&go_layouts[data[0] % go_layouts_count]);
	n = break_it(*f, data + 1, size - 1, undo);
	look(&(*f)->gp);
	patch_undo(undo, n);
	return 0;
}
