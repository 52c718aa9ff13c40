/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * gc.h - garbage collection cycles, from records (bpf/gc.h) to rows.
 *
 * Everything in a row is the runtime's own: what gctrace prints, read at the end of the cycle.
 * A cycle is shown when the next one has ended or the run ends, because what was given back
 * after it is known only then.
 */
#ifndef LIVE_GC_H
#define LIVE_GC_H

#include "bpf/gc.h"
#include "live/hist.h"
#include "live/live.h"

struct gc_cycle {
	uint64_t cycle;
	char trigger[8];
	uint64_t start_ns, sweep_term_ns, mark_ns, mark_term_ns, sweep_ns, pause_ns;
	uint64_t heap_before, heap_after, heap_marked, goal;
	uint64_t assist_ns, dedicated_ns, fractional_ns, idle_ns;
	uint64_t stacks, globals, procs;
	uint64_t returned_bytes;
	double gc_cpu_pct;
	uint32_t generation;
};

struct gc_trace {
	uint64_t cycle;
	const char *line;
};

struct gc_assist_row {
	uint64_t goid, count, assist_ns;
};

struct gc_summary {
	struct live_summary live;
	uint64_t cycles, forced, numgc, pause_ns, assist_ns, assist_seen_ns, returned_bytes;
	double gc_cpu_pct;
};

extern const struct col gc_cycle_cols[], gc_trace_cols[], gc_assist_cols[], gc_summary_cols[];
extern const struct span_cols gc_cycle_spans[];

struct gc_state {
	uint64_t init_ns;      /* runtime.runtimeInitTime, 0: not known */
	uint64_t numgc, end;   /* MemStats.NumGC when we came, and when we went */
	bool asked;            /* who asks for a cycle is seen, not which of them began it */
	unsigned int kinds[2]; /* of triggers, a bit each: since the last end, and before it */
	uint64_t released;     /* given back so far, as of the last cycle's end */
	bool has_scav;         /* counters of the scavenger that only grow (since 1.21) */
	struct gc_cycle cycle; /* the last one that ended */
	bool pending;
	uint64_t word[GC_WORDS_COUNT];
	struct live_hist pause, length;
	uint64_t cycles, seen, forced, pause_ns, assist_ns, returned, first_released;
	char line[320];
	struct gc_trace trace;
};

int gc_setup(struct gc_state *g, struct live *l);
void gc_begin(struct gc_state *g, struct live *l);
void gc_end(struct gc_state *g, struct live *l);
void gc_record(struct gc_state *g, const struct event_head *e);
struct gc_cycle *gc_take(struct gc_state *g);
const char *gc_trace_line(struct gc_state *g);
const struct gc_trace *gc_trace_row(struct gc_state *g);
void gc_summarize(struct gc_state *g, struct live *l, struct gc_summary *s);
void gc_emit_assists(struct gc_state *g, struct live *l, const struct section *s);
void gc_say(struct live *l, const struct gc_summary *s);

#endif
