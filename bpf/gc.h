/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * gc.h - a garbage collection cycle, as the runtime's own variables have it at its end.
 *
 * When freeStackSpans is called the cycle is over and the next cannot begin: the caller holds
 * worldsema (mgc.go, gcMarkTermination). One probe a cycle reads all that gctrace prints.
 */
#ifndef GC_H
#define GC_H

#include "event.h"

/* X(name): a word of the target's memory; where it is, the user side says. */
#define GC_WORDS(X)                                                                                \
	X(numgc)                                                                                   \
	X(tSweepTerm)                                                                              \
	X(tMark)                                                                                   \
	X(tMarkTerm)                                                                               \
	X(tEnd)                                                                                    \
	X(heap0)                                                                                   \
	X(heap1)                                                                                   \
	X(heap2)                                                                                   \
	X(stwprocs)                                                                                \
	X(maxprocs)                                                                                \
	X(userForced)                                                                              \
	X(pauseNS)                                                                                 \
	X(assistTime)                                                                              \
	X(dedicatedMarkTime)                                                                       \
	X(fractionalMarkTime)                                                                      \
	X(idleMarkTime)                                                                            \
	X(lastHeapGoal)                                                                            \
	X(lastStackScan)                                                                           \
	X(globalsScan)                                                                             \
	X(gc_cpu_fraction)                                                                         \
	X(releasedBg)                                                                              \
	X(releasedEager)                                                                           \
	X(heapReleased)

enum gc_word {
#define WORD(name) GC_##name,
	GC_WORDS(WORD)
#undef WORD
		GC_WORDS_COUNT
};

struct gc_place {
	__u64 addr; /* 0: this release does not have it */
	__u32 size; /* 1, 4 or 8 */
	__u32 pad;
};

/* EV_GC_START: a cycle begins, or somebody asks for one, which another may have begun before. */
struct gc_start_event {
	struct event_head head;
	__u64 kind; /* of trigger: 0 heap, 1 time, 2 cycle (asked for) */
};

/* EV_GC_END */
struct gc_end_event {
	struct event_head head;
	__u64 word[GC_WORDS_COUNT];
};

/* EV_GC_SWEPT: the background sweeper found nothing left. */
struct gc_swept_event {
	struct event_head head;
};

/* One goroutine's assists. */
struct gc_assist {
	__u64 ns, count;
};

#endif
