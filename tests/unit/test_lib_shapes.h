/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * test_lib_shapes.h - two tools with all shapes: aashapes streams, aalooks looks. Both have the
 * same sections: stops with a stack and two spans each, histograms, a summary.
 */
#ifndef TEST_LIB_SHAPES_H
#define TEST_LIB_SHAPES_H

#include "hist.h"
#include "test_lib.h"
#include "tool.h"

struct stop {
	const char *reason;
	uint64_t start_ns, stopping_ns, stopped_ns, bytes;
	uint32_t p;
	struct stack stack;
};

struct totals {
	uint64_t stops, pause_ns;
};

static const struct col stop_cols[] = {
	COL(struct stop, reason, "REASON", NONE, KEY, "why"),
	COL(struct stop, start_ns, "START", MONO, GAUGE, "when"),
	COL(struct stop, stopping_ns, "STOPPING", NSEC, GAUGE, "until all had stopped"),
	COL(struct stop, stopped_ns, "STOPPED", NSEC, GAUGE, "from then on"),
	COL(struct stop, bytes, "BYTES", BYTES, GAUGE, "of heap"),
	COL_F(struct stop, p, "P", NONE, KEY, COL_JSON_ONLY, "which P"),
	COL(struct stop, stack, "STACK", NONE, GAUGE, "who asked"),
	{}
};

static const struct col total_cols[] = { COL(struct totals, stops, "STOPS", COUNT, COUNTER, "all"),
					 COL(struct totals, pause_ns, "PAUSE", NSEC, COUNTER,
					     "together"),
					 {} };

static const struct span_cols stop_spans[] = {
	{ .name = "stopping", .start = "start_ns", .dur = "stopping_ns" },
	{ .name_of = "reason",
	  .start = "start_ns",
	  .after = { "stopping_ns" },
	  .dur = "stopped_ns",
	  .track = "P",
	  .track_of = "p" },
	{}
};

enum { STOPS, PAUSES, TOTALS };

static const struct section shapes[] = {
	[STOPS] = { .key = "stops",
		    .cols = stop_cols,
		    .shape = SEC_ROWS,
		    .flags = SEC_SORTABLE,
		    .spans = stop_spans,
		    .weight = "bytes" },
	[PAUSES] = { .key = "pause_ns",
		     .title = "Pauses",
		     .cols = hist_cols,
		     .shape = SEC_HIST,
		     .label = "reason",
		     .unit = NSEC },
	[TOTALS] = { .key = "summary", .cols = total_cols, .shape = SEC_FIELDS },
	{}
};

static const struct stack_frame frames[] = {
	{ "main.alloc", "/src/a b/main.go", 42, true, NULL, 0x401000 },
	{ "main.(*T).run;x y", "/src/main.go", 7, false, "/bin/server", 0x401000 },
	{ NULL, NULL, U32_NULL, false, "libc.so.6", 0x7f0000001237 },
	{ "main.main", "main.go", U32_NULL, false, NULL, U64_NULL },
};

static const struct stop stops[] = {
	{ "GC \"mark\"", 5001, 250, 1999, 1009, 3, { frames, 4 } },
	{ NULL, 1000000007, 0, 13, 2003, U32_NULL, { frames, 1 } },
	{ "sweep", 2000000011, U64_NULL, 1, 3001, 0, { NULL, 0 } },
	{ "GC \"mark\"", 3000000019, 5, 999983, 4001, 3, { frames, 4 } },
	{ "sweep", UINT64_MAX - 2, 1, 2, U64_NULL, 0, { frames + 1, 3 } },
};

static const struct totals totals = { 5, 1002253 };

/* Their pauses: 2 values of 17, 3 of 1009, 1 of 2^40. */
static inline struct hist pauses(uint64_t *slots)
{
	memset(slots, 0, HIST_SLOTS * sizeof(*slots));
	slots[hist_slot(17)] = 2;
	slots[hist_slot(1009)] = 3;
	slots[hist_slot(1ULL << 40)] = 1;
	return (struct hist){ .value = "GC \"mark\"",
			      .slots = slots,
			      .sum = 2 * 17 + 3 * 1009 + (1ULL << 40),
			      .min = 17,
			      .max = 1ULL << 40 };
}

/* The histograms and the summary. */
static inline void ends_emit(struct run *r)
{
	uint64_t slots[HIST_SLOTS];
	struct hist h = pauses(slots);

	emit_hist(r, &shapes[PAUSES], &h);
	emit_fields(r, &shapes[TOTALS], &totals);
}

static int shapes_look(struct run *r)
{
	emit_begin(r);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		emit_row(r, &shapes[STOPS], &stops[i]);
	if (!r->tool->stream)
		ends_emit(r);
	return emit_end(r);
}

static int shapes_finish(struct run *r)
{
	if (!r->tool->stream)
		return 0;
	emit_begin(r);
	ends_emit(r);
	return emit_end(r);
}

TOOL(aashapes, .brief = "Shapes.", .sections = shapes, .stream = true, .look = shapes_look,
     .finish = shapes_finish);
TOOL(aalooks, .brief = "Looks.", .sections = shapes, .look = shapes_look);

#endif
