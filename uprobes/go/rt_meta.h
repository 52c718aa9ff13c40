/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * rt_meta.h - where the runtime keeps its own books: an address map.
 *
 * Every mapping the runtime makes for itself outside the heap, found by walking
 * its structures; never by the shape of a mapping, because the kernel merges
 * neighbours. Ranges are rounded outwards to pages, as the runtime maps them.
 */
#ifndef RT_META_H
#define RT_META_H

#include <stddef.h>
#include <stdint.h>

enum meta_kind {
	META_PERSISTENT, /* chunks that several kinds share; split by rt_heap */
	META_GC,
	META_PROFILE,
	META_OTHER,
};

struct meta_range {
	uint64_t start, end;
	enum meta_kind kind;
	const char *what; /* "gcBits arena": static text */
};

struct meta_arena {
	uint64_t base; /* of the 64 MiB of address space */
	uint64_t info; /* its runtime.heapArena */
};

struct meta_stack { /* of an M's g0 or gsignal */
	uint64_t lo, hi;
};

struct gometa {
	struct meta_range *range; /* ascending, not overlapping */
	size_t n, cap;
	uint64_t *chunk; /* persistent chunks, ascending */
	size_t nchunks;
	uint64_t *gcbits; /* gcBits arenas, ascending */
	size_t ngcbits;
	struct meta_arena *arena; /* ascending */
	size_t narenas;
	struct meta_stack *stack;
	size_t nstacks;
	uint64_t bucket_bytes; /* resident bytes of profile buckets in persistent chunks */
	uint64_t mapped_gc, mapped_other; /* bytes of ranges that gcMiscSys, other_sys count */
};

struct goproc;

/* Walk the runtime's structures. 0 or -errno; free with gometa_free() either way. */
int gometa_read(struct goproc *gp, struct gometa *meta);
void gometa_free(struct gometa *meta);

/* Index of the element of an ascending array that holds addr, each size bytes; -1 if none. */
long gometa_index(const uint64_t *start, size_t n, uint64_t size, uint64_t addr);

#endif
