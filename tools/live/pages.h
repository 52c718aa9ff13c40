/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pages.h - which pages of a process were there before, and which of them were given back.
 *
 *	fault:	never seen -> first; given back -> refault; else again (it was there, but was
 *		shared, only to be read, or out of the page tables)
 */
#ifndef LIVE_PAGES_H
#define LIVE_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define PAGES_CHUNK (2ULL << 20) /* bytes of address space that are kept together */
#define PAGES_WORDS 8
#define PAGES_MAX   (1U << 22) /* chunks: 8 TiB of pages that were touched */

struct pages_chunk {
	uint64_t key; /* 1 + number of the chunk; 0: empty */
	uint64_t seen[PAGES_WORDS], gone[PAGES_WORDS];
};

struct pages {
	struct pages_chunk *slot; /* a hash table: cap is a power of two */
	size_t n, cap;
};

enum pages_kind { PAGES_FIRST, PAGES_REFAULT, PAGES_AGAIN };

/* What a fault at addr is; the page is there from now on. -ENOMEM, or -E2BIG: too many. */
int pages_fault(struct pages *p, uint64_t addr);
/* These are there. 0 or -errno, as above. */
int pages_see(struct pages *p, uint64_t start, uint64_t end);
/* Those of them that were there are given back. */
void pages_give(struct pages *p, uint64_t start, uint64_t end);
/* What was there is of no interest any more. */
void pages_forget(struct pages *p, uint64_t start, uint64_t end);
void pages_free(struct pages *p);

#endif
