/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * rt_heap.h - what the runtime thinks of each 8 KiB page of its arenas.
 *
 * Each page belongs to exactly one span, or is free, given back, or unmapped.
 * Decided in this order (never by heapArena.spans, whose entries go stale):
 *
 *   1. inside a span of mheap.allspans in state in-use or manual
 *   2. page bitmap: not allocated -> free, scavenged -> returned
 *   3. allocated without a span, in a P's page cache -> free or returned
 *   4. scavenged (padding of 1.26+) -> returned
 *   5. else in transition: the error of the snapshot
 */
#ifndef RT_HEAP_H
#define RT_HEAP_H

#include "go/goproc.h"
#include "go/rt_meta.h"
#include <stddef.h>
#include <stdint.h>

enum page_state {
	PS_UNMAPPED, /* reserved address space */
	PS_FREE,     /* idle, not given back */
	PS_RETURNED, /* scavenged */
	PS_IN_USE,   /* heap span */
	PS_STACK,    /* goroutine and system stacks */
	PS_WORKBUF,  /* the garbage collector's work buffers */
	PS_TRANSIT,  /* between two states at this instant */
	PS_COUNT
};

struct span {
	uint64_t base;
	uint64_t bits;     /* address of its mark bitmap: allocBits once swept */
	uint32_t npages;   /* of 8 KiB */
	uint32_t resident; /* pages of 4 KiB the kernel holds; set by the join */
	uint16_t elemsize; /* 0: one large object of the span's size */
	uint16_t nelems;
	uint16_t allocs;    /* slots occupied */
	uint16_t live;      /* slots marked in the last finished cycle */
	uint16_t freeindex; /* slots below are occupied, above if their bit is set */
	uint8_t state;      /* PS_IN_USE, PS_STACK or PS_WORKBUF */
	uint8_t class;      /* span class: size class * 2 + noscan */
	int8_t sweep;       /* sweepgen relative to the heap's: 0 +3 swept, -2 -1 +1 not yet */
	uint8_t bad;        /* its bits could not be read, or contradict its counts */
};
_Static_assert(sizeof(struct span) == 40, "one span in 40 bytes: 5 MiB a GiB of small objects");

/* A large object with pointers, and its type: mspan.largeType (1.22+). */
struct large_type {
	uint32_t span; /* index */
	uint64_t type; /* address of the descriptor, or of its elements' */
};

#define PAGE_WORDS (GO_ARENA_PAGES / 64)

struct arena {
	uint64_t base, info;
	uint64_t alloc[PAGE_WORDS], scav[PAGE_WORDS], mapped[PAGE_WORDS]; /* a bit a page */
	uint32_t span_at[GO_ARENA_PAGES]; /* 1 + index of the span that starts here, or 0 */
};

struct goheap {
	struct span *span; /* in order of their mspan structures' addresses */
	size_t n, cap;
	struct large_type *large; /* in order of their spans */
	size_t nlarge, large_cap;
	struct arena **arena; /* ascending */
	size_t narenas;
	uint32_t sweepgen;
	uint64_t scav_pages;     /* scavenged bits, page caches included */
	uint64_t nspans_total;   /* mspans ever made, dead ones included */
	uint64_t mspan_resident; /* bytes of mspan structures in resident pages */
	uint64_t mcache_resident;
	uint64_t in_use, manual; /* bytes of heap spans, of manual spans */
	uint64_t bad_spans;      /* spans that lie: outside arenas, overlapping, bad counts */
};

struct span_sum { /* over heap spans; bytes */
	uint64_t objects, live, fresh, unswept, free_slots, tail;
};

/* Read spans, bitmaps and page caches; live bits too if asked. 0 or -errno. */
int goheap_read(struct goproc *gp, const struct gometa *meta, struct goheap *h, bool live);
void goheap_free(struct goheap *h);

/* Bytes of a span and of its parts. */
uint64_t span_bytes(const struct span *s);
void span_parts(const struct span *s, struct span_sum *out);

/*
 * The pages [*page, end) of one state in an arena, from *page on; *page is moved
 * behind them. *s is their span, or NULL.
 */
enum page_state arena_next(const struct goheap *h, const struct arena *a, uint32_t *page,
			   struct span **s);

/*
 * The span that holds addr, looked for among those that start at most pages - 1
 * pages below it; NULL if none. Stacks below 32 KiB share spans of 32 KiB.
 */
#define GO_SMALL_STACKS 4
const struct span *goheap_span(const struct goheap *h, uint64_t addr, uint32_t pages);

/* The arena that holds addr, or NULL. */
struct arena *goheap_arena(const struct goheap *h, uint64_t addr);

#endif
