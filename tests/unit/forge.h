/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * forge.h - a tiny Go runtime in memory of our own: one arena and three spans, in
 * the layout of any release, for tests and fuzzing of the readers.
 */
#ifndef FORGE_H
#define FORGE_H

#include "go/goproc.h"
#include "go/rt_heap.h"
#include <stdlib.h>
#include <string.h>

enum {
	AT_GLOBALS = 0x500000,
	GLOBALS = 1 << 20,
};

#define CHUNK   0x7f0000000000ULL
#define BITS    0x7f0000100000ULL
#define BITMAPS 0x7f0000200000ULL
#define L2      0x7f0010000000ULL
#define INFO    0x7f0020000000ULL
#define ARENA   0xc000000000ULL

struct forge {
	uint8_t *globals, *chunk, *bits, *bitmaps, *l2, *info;
	struct mem_segment seg[6];
	struct goproc gp;
	const struct go_layout *l;
	uint64_t next_global;
};

static uint64_t arena_index(const struct forge *f)
{
	return (ARENA - go_arena_base(f->l)) / GO_ARENA;
}

static void put64(uint8_t *p, uint64_t off, uint64_t v)
{
	memcpy(p + off, &v, 8);
}

static uint8_t *global(struct forge *f, enum go_global g)
{
	return f->globals + (f->gp.addr[g] - AT_GLOBALS);
}

static void slice(uint8_t *p, uint64_t off, uint64_t ptr, uint64_t n)
{
	put64(p, off, ptr);
	put64(p, off + 8, n);
	put64(p, off + 16, n);
}

/* An mspan at offset off of the chunk. */
static void put_mspan(struct forge *f, uint64_t off, uint64_t base, uint64_t npages, int state,
		      int class, uint64_t elemsize, int nelems, int allocs, uint32_t sweepgen,
		      uint64_t bits)
{
	uint8_t *m = f->chunk + off;

	put64(m, f->l->mspan_startAddr, base);
	put64(m, f->l->mspan_npages, npages);
	put64(m, f->l->mspan_elemsize, elemsize);
	put64(m, f->l->mspan_allocBits, bits);
	put64(m, f->l->mspan_gcmarkBits, bits + 64);
	memcpy(m + f->l->mspan_nelems, &(uint64_t){ nelems }, f->l->mspan_nelems_width);
	memcpy(m + f->l->mspan_allocCount, &(uint16_t){ allocs }, 2);
	memcpy(m + f->l->mspan_sweepgen, &sweepgen, 4);
	m[f->l->mspan_spanclass] = class;
	m[f->l->mspan_state] = state;
}

#define SWEEPGEN   8
#define CLASS_1024 (32 * 2 + 1) /* size class of 1,024 bytes, noscan: checked below */
#define ALLSPANS   0x1000
#define ALLP       0x1100
#define ARENA_LIST 0x1200
#define IN_USE     0x1300
#define P_STRUCT   0x2000 /* room for a runtime.p */
#define MCACHE     0x8000
#define MSPANS     0xa000

static void forge_spans(struct forge *f)
{
	const struct go_layout *l = f->l;
	uint8_t *mheap = global(f, G_mheap_);

	/* 1: swept, 8 slots of 1,024, 5 occupied, 3 of them marked */
	put_mspan(f, MSPANS, ARENA, 1, 1, CLASS_1024, 1024, 8, 5, SWEEPGEN, BITS + 16);
	f->bits[16] = 0x0b;
	/* 2: unswept, 8 slots, 7 occupied, 2 marked in gcmarkBits */
	put_mspan(f, MSPANS + 160, ARENA + GO_PAGE, 1, 1, CLASS_1024, 1024, 8, 7, SWEEPGEN - 2,
		  BITS + 32);
	f->bits[32] = 0xff;
	f->bits[32 + 64] = 0x81;
	/* 3: stacks, 4 pages; 4: dead */
	put_mspan(f, MSPANS + 320, ARENA + 2 * GO_PAGE, 4, 2, 0, 0, 0, 0, 0, 0);
	put_mspan(f, MSPANS + 480, ARENA + 64 * GO_PAGE, 4, 0, 0, 0, 0, 0, 0, 0);
	for (int i = 0; i < 4; i++)
		put64(f->chunk, ALLSPANS + 8 * i, CHUNK + MSPANS + 160 * i);
	slice(mheap, l->mheap_allspans, CHUNK + ALLSPANS, 4);
	memcpy(mheap + l->mheap_sweepgen, &(uint32_t){ SWEEPGEN }, 4);
}

static void forge_arena(struct forge *f)
{
	const struct go_layout *l = f->l;
	uint8_t *mheap = global(f, G_mheap_), *data;
	uint64_t ci = (ARENA - go_arena_base(f->l)) / GO_CHUNK;

	put64(mheap, l->mheap_arenas, L2);
	/* the index is a table of 32 MiB; one page of it is there */
	put64(f->l2, arena_index(f) * 8 % MEM_PAGE, INFO);
	put64(f->chunk, ARENA_LIST, arena_index(f));
	slice(mheap, l->mheap_allArenas != LAYOUT_NONE ? l->mheap_allArenas : l->mheap_heapArenas,
	      CHUNK + ARENA_LIST, 1);
	put64(f->chunk, IN_USE, ARENA);
	put64(f->chunk, IN_USE + 8, ARENA + GO_CHUNK);
	slice(mheap, l->mheap_inUse, CHUNK + IN_USE, 1);
	put64(mheap, l->mheap_chunks + 8 * (ci >> 13), BITMAPS - 128 * (ci & 8191));
	data = f->bitmaps;
	/* pages 0..5 spans, 6..7 in the P's cache, 8..15 free, 16..31 given back, 32 in between */
	put64(data, 0, 0xffULL | 1ULL << 32);
	put64(data, 64, 0xffff0000ULL);
}

static void forge_p(struct forge *f)
{
	const struct go_layout *l = f->l;
	uint8_t *p = f->chunk + P_STRUCT;

	put64(f->chunk, ALLP, CHUNK + P_STRUCT);
	slice(global(f, G_allp), 0, CHUNK + ALLP, 1);
	put64(p, l->p_mcache, CHUNK + MCACHE);
	put64(p, l->p_pcache, ARENA);
	put64(p, l->p_pcache + 8, 0xc0);  /* cached */
	put64(p, l->p_pcache + 16, 0x80); /* one of the two is scavenged */
}

/*
 * Counters that satisfy the six identities with the spans and bitmaps above: two
 * heap spans, four pages of stacks, 17 pages given back.
 */
static void forge_books(struct forge *f)
{
	const struct go_layout *l = f->l;
	uint8_t *gc = global(f, G_gcController), *ms = global(f, G_memstats);
	uint8_t *hs = ms + l->ms_stats + l->hs_size; /* the second of three generations */

	put64(gc, l->gc_heapInUse, 2 * GO_PAGE);
	put64(gc, l->gc_heapFree, 3 * GO_PAGE);
	put64(gc, l->gc_heapReleased, 17 * GO_PAGE);
	put64(gc, l->gc_totalAlloc, 12 * 1024);
	put64(gc, l->gc_totalFree, 13 * 16);
	put64(gc, l->gc_mappedReady, 9 * GO_PAGE + 204);
	put64(ms, l->ms_other_sys, 101);
	put64(ms, l->ms_gcMiscSys, 103);
	ms[l->ms_enablegc] = 1;
	put64(hs, l->hs_inHeap, 2 * GO_PAGE);
	put64(hs, l->hs_inStacks, 4 * GO_PAGE);
	put64(hs, l->hs_committed, 9 * GO_PAGE);
	put64(hs, l->hs_released, 17 * GO_PAGE);
	put64(hs, l->hs_smallAllocCount + 8 * (CLASS_1024 / 2), 12);
	put64(hs, l->hs_smallFreeCount + 8 * 2, 13);
}

static struct forge *forge_new(const struct go_layout *l)
{
	struct forge *f = calloc(1, sizeof(*f));

	f->l = f->gp.l = l;
	f->globals = calloc(1, GLOBALS);
	f->chunk = calloc(1, GO_PERSISTENT);
	f->bits = calloc(1, GO_GCBITS_ARENA);
	f->bitmaps = calloc(1, 16 * 128);
	f->l2 = calloc(1, MEM_PAGE);
	f->info = calloc(1, f->l->arena_size);
	for (int i = 0; i < G_COUNT; i++)
		f->gp.addr[i] = AT_GLOBALS + i * 0x4000 + (i > G_mheap_ ? 0x40000 : 0);
	put64(global(f, G_persistentChunks), 0, CHUNK);
	put64(global(f, G_gcBitsArenas), f->l->gcbits_current, BITS);
	forge_spans(f);
	forge_arena(f);
	forge_p(f);
	forge_books(f);
	f->seg[0] = (struct mem_segment){ AT_GLOBALS, f->globals, GLOBALS, 0 };
	f->seg[1] = (struct mem_segment){ CHUNK, f->chunk, GO_PERSISTENT, 0 };
	f->seg[2] = (struct mem_segment){ BITS, f->bits, GO_GCBITS_ARENA, 0 };
	f->seg[3] = (struct mem_segment){ BITMAPS, f->bitmaps, 16 * 128, 0 };
	f->seg[4] = (struct mem_segment){ L2 + arena_index(f) * 8 / MEM_PAGE * MEM_PAGE, f->l2,
					  MEM_PAGE, 0 };
	f->seg[5] = (struct mem_segment){ INFO, f->info, f->l->arena_size, 0 };
	f->gp.mem = mem_image_new(f->seg, 6);
	return f;
}

static inline void forge_free(struct forge *f)
{
	mem_close(f->gp.mem);
	free(f->globals);
	free(f->chunk);
	free(f->bits);
	free(f->bitmaps);
	free(f->l2);
	free(f->info);
	free(f);
}

#endif
