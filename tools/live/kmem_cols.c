// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The columns of gokmem; see kmem.h. */
#include "live/kmem.h"

#define ROW     struct kmem_row
#define BY      COL_F(ROW, by, "BY", NONE, KEY, COL_JSON_ONLY, "what such rows are told apart by")
#define KIND    COL(ROW, kind, "KIND", NONE, KEY, "kmalloc, cache, pages or percpu")
#define SITE    COL(ROW, site, "SITE", NONE, KEY, "the kernel's function that asked for it")
#define CACHE   COL(ROW, cache, "CACHE", NONE, KEY, "the cache it is from, as the kernel calls it")
#define CALL    COL(ROW, call, "CALL", NONE, KEY, "the system call that it was in, or none")
#define GFP     COL(ROW, gfp, "FLAGS", NONE, KEY, "what the allocation was allowed to do")
#define OBJECTS COL(ROW, objects, "OBJECTS", COUNT, COUNTER, "how many")
#define REQUESTED(flags)                                                                           \
	COL_F(ROW, requested_bytes, "REQUESTED", BYTES, COUNTER, flags, "what was asked for")
#define ALLOCATED                                                                                  \
	COL(ROW, allocated_bytes, "ALLOCATED", BYTES, COUNTER,                                     \
	    "what was taken for it, rounding "                                                     \
	    "included")
#define ERROR                                                                                      \
	COL_F(ROW, error_bytes, "+-", BYTES, GAUGE, COL_NO_SUM,                                    \
	      "the truth is within so much of ALLOCATED in 95 of 100 runs; null: no sample")
#define LEFT COL(ROW, outstanding, "LEFT", COUNT, GAUGE, "of them not freed yet, by whomever")
#define OUTSTANDING                                                                                \
	COL(ROW, outstanding_bytes, "OUTSTANDING", BYTES, GAUGE, "what was allocated for those")
#define LEFT_ERROR                                                                                 \
	COL_F(ROW, outstanding_error_bytes, "+-", BYTES, GAUGE, COL_WIDE | COL_NO_SUM,             \
	      "of a sample: the same, of OUTSTANDING")

#define UNSEEN                                                                                     \
	COL_F(ROW, unseen, "UNSEEN", COUNT, COUNTER, COL_WIDE,                                     \
	      "freed by a way the kernel does not tell of: LEFT is at most what it says")

/* What is rarely of use in a narrow table is shown in a wide one. */
#define WIDE_LEFT                                                                                  \
	COL_F(ROW, outstanding, "LEFT", COUNT, GAUGE, COL_WIDE,                                    \
	      "of them not freed yet, by "                                                         \
	      "whomever")

const struct col kmem_kind_cols[] = { BY,   KIND,        OBJECTS,    REQUESTED(0), ALLOCATED, ERROR,
				      LEFT, OUTSTANDING, LEFT_ERROR, UNSEEN,       {} };

const struct col kmem_site_cols[] = { BY,    KIND,      OBJECTS,     REQUESTED(COL_WIDE), ALLOCATED,
				      ERROR, WIDE_LEFT, OUTSTANDING, LEFT_ERROR,          UNSEEN,
				      CACHE, SITE,      {} };

const struct col kmem_call_cols[] = { BY,         KIND,   OBJECTS,   REQUESTED(COL_WIDE),
				      ALLOCATED,  ERROR,  WIDE_LEFT, OUTSTANDING,
				      LEFT_ERROR, UNSEEN, CALL,      {} };

const struct col kmem_gfp_cols[] = { BY,         KIND,   OBJECTS,   REQUESTED(COL_WIDE),
				     ALLOCATED,  ERROR,  WIDE_LEFT, OUTSTANDING,
				     LEFT_ERROR, UNSEEN, GFP,       {} };

const struct col kmem_stack_cols[] = { BY,
				       KIND,
				       OBJECTS,
				       REQUESTED(COL_WIDE),
				       ALLOCATED,
				       ERROR,
				       WIDE_LEFT,
				       OUTSTANDING,
				       LEFT_ERROR,
				       UNSEEN,
				       CACHE,
				       SITE,
				       CALL,
				       GFP,
				       COL_F(ROW, stack, "STACK", NONE, GAUGE, COL_WIDE,
					     "from that function outwards"),
				       {} };

#define SUM struct kmem_summary

const struct col kmem_summary_cols[] = {
	LIVE_COLS(SUM, live),
	COL(SUM, objects, "OBJECTS", COUNT, COUNTER, "of kmalloc, caches and percpu"),
	COL(SUM, requested_bytes, "REQUESTED", BYTES, COUNTER, "what was asked for"),
	COL(SUM, allocated_bytes, "ALLOCATED", BYTES, COUNTER, "what was taken for it"),
	COL(SUM, error_bytes, "+-", BYTES, GAUGE,
	    "of a sample: the truth is within so much of that in 95 of 100 runs"),
	COL(SUM, outstanding, "LEFT", COUNT, GAUGE, "of them not freed yet, by whomever"),
	COL(SUM, outstanding_bytes, "OUTSTANDING", BYTES, GAUGE, "what was allocated for those"),
	COL(SUM, outstanding_error_bytes, "+-", BYTES, GAUGE, "of a sample: the same, of that"),
	COL(SUM, unseen, "UNSEEN", COUNT, COUNTER,
	    "freed by a way the kernel does not tell of, known as their addresses came again"),
	COL(SUM, pages_bytes, "PAGES", BYTES, COUNTER,
	    "whole pages; what the objects are in is made of such"),
	COL(SUM, pages_outstanding_bytes, "PAGES LEFT", BYTES, GAUGE, "of them not freed yet"),
	COL(SUM, sample_pct, "SAMPLE", PERCENT, GAUGE, "share of the objects that was chosen"),
	COL(SUM, raw_ns, "TRACEPOINT", NSEC, GAUGE,
	    "one hit of a program that does nothing, as calibrated at the start"),
	COL(SUM, hit_ns, "HIT", NSEC, GAUGE, "what a hit cost: COST / HITS"),
	{}
};
