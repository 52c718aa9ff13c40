/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * ledger_join.h - owners of addresses on one side, pages the kernel holds on
 * the other, in one pass over the address space in ascending order.
 */
#ifndef LEDGER_JOIN_H
#define LEDGER_JOIN_H

#include "c/cside.h"
#include "go/rt_stacks.h"
#include "ledger.h"

struct join_input {
	struct goproc *gp;
	struct page_runs *runs;
	/* NULL when the Go facts are not proven */
	struct gometa *meta;
	struct goheap *heap;
	struct gostacks *stacks;
	struct goheap *after; /* the heap read again behind the scan; NULL: nothing moved */
	uint64_t gc_counter, other_counter; /* gcMiscSys, other_sys */
	struct cside *c;                    /* the C side; its ranges' pages are counted in it */
};

/* Fill rows, cells, details and errors of l. 0 or -errno. */
int ledger_join(const struct join_input *in, struct ledger *l);

/* Add a detail; one that is there by that name grows instead. */
int ledger_detail_add(struct ledger *l, enum ledger_row_id row, const char *what, uint64_t resident,
		      uint64_t mapped);
/* Add this detail. */
int ledger_detail_put(struct ledger *l, const struct ledger_detail *d);

/* What of the C side is in a row of its own; ROW_COUNT: nothing. */
enum ledger_row_id ledger_c_row(const struct crange *r);
/* Details of the C side's rows, when all pages are counted. */
int ledger_c_details(const struct join_input *in, struct ledger *l);

/*
 * Bytes of a heap span that are live objects, new objects, free slots and tail;
 * mapped, and of those resident. Where all or nothing of it is resident that is
 * arithmetic; where a part is, the slots' own bits are held against the pages.
 * Returns false where those cannot tell (not swept yet, or moving): then each
 * part has the span's resident share.
 */
enum { SPAN_PARTS = 4 };
bool span_split(const struct join_input *in, const struct span *s, uint64_t mapped[SPAN_PARTS],
		uint64_t resident[SPAN_PARTS]);

/*
 * The row of the part of mapping i at addr that the Go runtime does not own; *end
 * (at most the mapping's) is where that row ends. exec_anon is set for program
 * text, where pages that are no longer the file's belong to ROW_PROBES.
 */
enum ledger_row_id vma_row(const struct goproc *gp, size_t i, uint64_t addr, uint64_t *end,
			   bool *exec_anon);

#endif
