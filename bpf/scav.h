/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * scav.h - memory given back: madvise, and what the runtime's scavenger was asked for.
 *
 * Every release of heap pages is one madvise in (*pageAlloc).scavenge, which is told how much is
 * wanted and, since 1.20, whether that is for the memory limit.
 */
#ifndef SCAV_H
#define SCAV_H

#include "event.h"

#define SCAV_UNKNOWN (-0x7fffffffffffffffLL - 1)

/* EV_MADVISE: a call that did not fail. */
struct scav_event {
	struct event_head head;
	__u64 addr, len;
	__u64 begun;                   /* its begin, CLOCK_MONOTONIC; 0: not known */
	__s64 anon_before, anon_after; /* bytes of anonymous memory; SCAV_UNKNOWN */
	__u64 wanted;                  /* by the call of scavenge that it is in; 0: in none */
	__u64 mapped, limit;           /* then: gcController.mappedReady, memoryLimit */
	__u32 advice;
	__u32 forced; /* scavenge's argument */
	struct event_stack stack;
};

/* EV_COLLAPSE: the kernel made a huge page of small ones. */
struct scav_collapse_event {
	struct event_head head;
	__u32 status;    /* 1: it did */
	__u32 by_target; /* in a call of the target; else it was khugepaged */
};

#endif
