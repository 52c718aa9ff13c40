/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * stw.h - stops of the world, from records (bpf/stw.h) to rows.
 *
 * Which of the runtime's times there are depends on the release; what is left is told by our
 * own clock, whose reading is late by the traps in between. A row says which it is:
 *
 *			began			pause of a collection	of another stop
 *	1.22 and later	worldStop		exact			exact
 *	1.19, 1.21	work.pauseStart		exact			our clock
 *
 * In 1.19 and 1.21 the runtime has a collection's pause only after the world runs again: it is
 * read then, or is in the next stop's record. So it is where calls cannot be found (a build
 * without a decoder): there collections stay exact on every release, but other stops end for us
 * when startTheWorldWithSema is called, too soon by procresize and the wakeups of the Ps.
 */
#ifndef LIVE_STW_H
#define LIVE_STW_H

#include "bpf/stw.h"
#include "live/hist.h"
#include "live/live.h"

#define STW_REASONS 24
#define STW_FRAMES  64

struct stw_row {
	const char *reason, *who;
	uint64_t start_ns, stopping_ns, stopped_ns, pause_ns;
	bool exact, gc;
	uint64_t goid;
	uint32_t generation;
	struct stack stack;
};

struct stw_reason_row {
	const char *reason;
	uint64_t stops, pause_ns, max_ns;
};

struct stw_summary {
	struct live_summary live;
	uint64_t stops, gc_stops, pause_ns, gc_pause_ns, exact, pause_total_ns, pause_seen_ns;
};

extern const struct col stw_cols[], stw_reason_cols[], stw_summary_cols[];
extern const struct span_cols stw_spans[];

struct stw_reason {
	char name[STW_REASON_TEXT];
	struct live_hist pause;
	uint64_t stops;
};

/* What the runtime had later than at a stop: of work, pauseNS less what a later stop added. */
struct stw_after {
	uint64_t sweep_term, mark, pause_ns;
};

struct stw_state {
	struct stw_reason reason[STW_REASONS];
	size_t nreasons;
	struct stw_row row;
	struct stack_frame frame[STW_FRAMES];
	uint64_t stops, gc_stops, pause_ns, gc_pause_ns, exact, gc_exact;
	/* PauseTotalNs at the ends of the first and last collection, and what was seen by then */
	bool anchored;
	uint64_t total_first, total_last, seen_first, seen_last, inexact_first, inexact_last;
	int minor;
	bool held; /* there is a stop whose end the runtime has not written down yet: */
	struct stw_event last;
};

/* stopping: to 1.21, too, how long it took until all had stopped, by a single-stepped probe. */
int stw_setup(struct stw_state *s, struct live *l, bool stopping);
/* Show the stop of a record, and one that waited for it. */
void stw_record(struct stw_state *s, struct live *l, const struct section *rows,
		const struct stw_event *e);
/* After the last record: the stop that still waits. */
void stw_finish(struct stw_state *s, struct live *l, const struct section *rows);
void stw_summarize(struct stw_state *s, struct live *l, struct stw_summary *sum);
void stw_emit(struct stw_state *s, struct live *l, const struct section *table,
	      const struct section *hist);
void stw_say(struct live *l, const struct stw_summary *sum);

#endif
