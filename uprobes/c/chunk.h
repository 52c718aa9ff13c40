/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * chunk.h - large blocks of glibc's malloc, each in a mapping of its own.
 *
 * Source: malloc/malloc.c (sysmalloc_mmap) of glibc. Such a block begins with
 * {prev_size 0, size | 2}: whole pages, since 2.43 less 16 bytes. The kernel merges neighbouring
 * mappings and glibc has no list of them, so they are looked for at the pages
 * that nobody owns. Bytes like these alone prove nothing; what does:
 *
 *   - malloc's own count and sum, n_mmaps and mmapped_mem of mp_, are exactly
 *     those of all that were found, or
 *   - blocks fill a gap between mappings and other owners without a rest.
 *
 *   mp_  … n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn_threshold (int), mmapped_mem,
 *        max_mmapped_mem, sbrk_base, …           sbrk_base: in [heap]
 */
#ifndef CHUNK_H
#define CHUNK_H

#include "c/cspace.h"

struct cchunks {
	bool counted;           /* mp_ was found */
	uint32_t n_mmaps;       /* by mp_ */
	uint64_t mmapped_bytes; /* likewise */
	uint32_t n;             /* that are proven and in s->owned */
	uint64_t bytes;
};

/* Find the blocks and add them to s->owned, which is sorted then. 0 or -errno. */
int cchunks_find(struct cspace *s, struct cchunks *c);

#endif
