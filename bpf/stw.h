/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * stw.h - the world is stopped and started again.
 *
 * The runtime's own times, not ours. Since 1.22 startTheWorldWithSema gets when stopping began
 * (since 1.23 also when it ended), and hands the whole pause to a histogram of its own
 * (sched.stwTotalTimeGC, stwTotalTimeOther): the record is made at that call, where the pause
 * is an argument. Before, of a collection, work.pauseStart and tEnd say it and what work.pauseNS
 * has grown by when the next stop is seen; of other stops our own clock must do, at the call of
 * wakep, which follows the runtime's reading of the clock.
 *
 * A call is emulated by the kernel; a return is not, and costs some ten times as much.
 *
 * Where calls cannot be found the record is made when startTheWorldWithSema is called: then
 * total and done_ts are 0.
 */
#ifndef STW_H
#define STW_H

#include "event.h"

#define STW_REASON_TEXT 40 /* bytes of a reason that is a text (1.19) */

/* EV_STW. Times are nanotime, 0 where not known. */
struct stw_event {
	struct event_head head;
	__u64 reason;     /* stwReason; meaningless when there is a text */
	__u64 stop_ts;    /* our clock: when stopTheWorldWithSema was called (to 1.21) */
	__u64 stopped_ts; /* and returned (to 1.21) */
	__u64 start_ts;   /* when startTheWorldWithSema was called */
	__u64 done_ts;    /* when the world ran (to 1.21) */
	__u64 arg_now;    /* arguments of startTheWorldWithSema */
	__u64 arg_started, arg_finished;
	__u64 stopping;         /* how long it took to stop, by the runtime (1.22) */
	__u64 total;            /* how long it was stopped, by the runtime */
	__u64 pause_start;      /* work.pauseStart (to 1.21) */
	__u64 sweep_term, mark; /* work.tSweepTerm, tMark: of the last one */
	__u64 mark_term, end;   /* work.tMarkTerm, tEnd */
	__u64 pause_ns;         /* work.pauseNS: of this cycle, so far */
	__u64 pause_total;      /* memstats.pause_total_ns: a collection's are added at its end */
	char text[STW_REASON_TEXT];
	struct event_stack stack;
};

#endif
