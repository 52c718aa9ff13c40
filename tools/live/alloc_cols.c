// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Columns of what is allocated. */
#include "live/alloc.h"

#define ROW struct alloc_row
#define BY  COL_F(ROW, by, "BY", NONE, KEY, COL_JSON_ONLY, "what such rows are told apart by")
#define NUMBERS                                                                                    \
	COL(ROW, objects, "OBJECTS", COUNT, COUNTER, "how many"),                                  \
		COL(ROW, bytes, "BYTES", BYTES, COUNTER,                                           \
		    "what was taken for them: whole slots, of large objects whole pages"),         \
		COL_F(ROW, low, "LOW", BYTES, GAUGE, COL_NO_SUM,                                   \
		      "the truth is from LOW to HIGH in 95 of 100 runs; BYTES if it is exact"),    \
		COL_F(ROW, high, "HIGH", BYTES, GAUGE, COL_NO_SUM, "see LOW"),                     \
		COL_F(ROW, requested_bytes, "REQUESTED", BYTES, COUNTER, COL_WIDE,                 \
		      "what was asked for; null: not known"),                                      \
		COL_F(ROW, samples, "SEEN", COUNT, COUNTER, COL_WIDE,                              \
		      "allocations that a probe saw"),                                             \
		COL_F(ROW, objects_per_s, "OBJECTS/s", COUNT, GAUGE, COL_WIDE | COL_NO_SUM,        \
		      "how many a second"),                                                        \
		COL_F(ROW, bytes_per_s, "BYTES/s", BYTES, GAUGE, COL_WIDE | COL_NO_SUM,            \
		      "the same in bytes")

const struct col alloc_class_cols[] = {
	BY,
	COL(ROW, kind, "KIND", NONE, KEY, "small; tiny: in a slot with others; large: in pages"),
	COL(ROW, size_class, "CLASS", BYTES, KEY, "bytes of a slot; null: of tiny and large ones"),
	NUMBERS,
	{}
};

const struct col alloc_stack_cols[] = { BY,
					NUMBERS,
					COL(ROW, function, "FUNCTION", NONE, KEY,
					    "the innermost function that is not the runtime's"),
					COL_F(ROW, stack, "STACK", NONE, GAUGE, COL_WIDE,
					      "from the caller of the allocator outwards"),
					{} };

const struct col alloc_creator_cols[] = { BY,
					  NUMBERS,
					  COL(ROW, creator, "CREATOR", NONE, KEY,
					      "the function that started the goroutine, or none"),
					  {} };

const struct col alloc_type_cols[] = {
	BY,
	NUMBERS,
	COL(ROW, type, "TYPE", NONE, KEY,
	    "as the program calls it, of slices the element; none: it has none; null: not known"),
	{}
};

#define SUM struct alloc_summary

const struct col alloc_summary_cols[] = {
	LIVE_COLS(SUM, live),
	COL(SUM, objects, "OBJECTS", COUNT, COUNTER, "by the runtime's counters: exact"),
	COL(SUM, bytes, "BYTES", BYTES, COUNTER, "the same in bytes"),
	COL(SUM, tiny_objects, "TINY", COUNT, COUNTER, "of them in a slot with others"),
	COL(SUM, large_objects, "LARGE", COUNT, COUNTER, "of them larger than any size class"),
	COL(SUM, large_bytes, "LARGE BYTES", BYTES, COUNTER, "the same in bytes"),
	COL(SUM, sampled_objects, "SEEN", COUNT, COUNTER, "of them by a probe"),
	COL(SUM, windows, "WINDOWS", COUNT, COUNTER, "in which every allocation was seen"),
	COL(SUM, window_ns, "IN WINDOWS", NSEC, COUNTER, "the time of them all"),
	COL(SUM, seconds, "SECONDS", NONE, GAUGE,
	    "from the first look at the counters to the last"),
	COL(SUM, source, "SOURCE", NONE, GAUGE, "what was seen"),
	{}
};
