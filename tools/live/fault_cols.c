// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The columns of gofault; see fault.h. */
#include "live/fault.h"

#define ROW  struct fault_row
#define BY   COL_F(ROW, by, "BY", NONE, KEY, COL_JSON_ONLY, "what such rows are told apart by")
#define KIND COL(ROW, kind, "KIND", NONE, KEY, "first, refault, again or major; see gofault(8)")
#define WHERE                                                                                      \
	COL(ROW, row, "ROW", NONE, KEY,                                                            \
	    "the part of the ledger that the page is in, see gomemtrace(8)")
#define FAULTS COL(ROW, faults, "FAULTS", COUNT, COUNTER, "how many")
#define SIZE   COL(ROW, bytes, "BYTES", BYTES, COUNTER, "the memory they brought")
#define HUGE   COL(ROW, huge, "HUGE", COUNT, COUNTER, "of them: a huge page each")
#define WHO                                                                                        \
	COL(ROW, who, "WHO", NONE, KEY,                                                            \
	    "the innermost function that is not the runtime's, or the outermost")

const struct col fault_row_cols[] = { BY, KIND, FAULTS, SIZE, HUGE, WHERE, {} };

const struct col fault_who_cols[] = { BY, KIND, FAULTS, SIZE, HUGE, WHERE, WHO, {} };

const struct col fault_stack_cols[] = {
	BY,     KIND,
	FAULTS, SIZE,
	HUGE,   WHERE,
	WHO,    COL_F(ROW, stack, "STACK", NONE, GAUGE, COL_WIDE, "where the page was touched"),
	{}
};

#define SUM struct fault_summary

const struct col fault_summary_cols[] = {
	LIVE_COLS(SUM, live),
	COL(SUM, faults, "FAULTS", COUNT, COUNTER, "how many were seen"),
	COL(SUM, bytes, "BYTES", BYTES, COUNTER, "the memory they brought"),
	COL(SUM, huge, "HUGE", COUNT, COUNTER, "of them: a huge page each"),
	COL(SUM, first, "FIRST", COUNT, COUNTER, "of them: pages that were never there before"),
	COL(SUM, first_bytes, "FIRST BYTES", BYTES, COUNTER, "what those brought"),
	COL(SUM, refaults, "REFAULTS", COUNT, COUNTER, "pages that were given back before"),
	COL(SUM, refault_bytes, "REFAULT BYTES", BYTES, COUNTER, "what those brought"),
	COL(SUM, again, "AGAIN", COUNT, COUNTER,
	    "pages that had been there and were not given back"),
	COL(SUM, again_bytes, "AGAIN BYTES", BYTES, COUNTER, "of those"),
	COL(SUM, major, "MAJOR", COUNT, COUNTER, "had to wait for a disk"),
	COL(SUM, major_bytes, "MAJOR BYTES", BYTES, COUNTER, "of those"),
	COL(SUM, counted, "COUNTED", COUNT, COUNTER,
	    "faults by the kernel's own count meanwhile, ru_minflt + ru_majflt"),
	COL(SUM, sample_pct, "SAMPLE", PERCENT, GAUGE, "share of the pages that was looked at"),
	COL(SUM, raw_ns, "TRACEPOINT", NSEC, GAUGE,
	    "one hit of a program that does nothing, as calibrated at the start"),
	COL(SUM, hit_ns, "HIT", NSEC, GAUGE, "what a hit cost: COST / HITS"),
	COL(SUM, syscall_ns, "SYSCALL", NSEC, GAUGE,
	    "what any system call of any process takes longer meanwhile, as calibrated"),
	{}
};
