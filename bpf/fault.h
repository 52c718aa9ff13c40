/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * fault.h - page faults of the target, and what takes pages away again.
 *
 * The kernel's software events page-faults-min and -maj are counted where ru_minflt and ru_majflt
 * of getrusage(2) are, when a fault has been served: no fault that is tried again counts twice, and
 * those in system calls are there, too, on every architecture. What they leave out is what the
 * kernel faults in for itself: MAP_POPULATE, mlock(2).
 */
#ifndef FAULT_H
#define FAULT_H

#include "event.h"

#define FAULT_STACKS 16384
#define FAULT_FRAMES 64

/* EV_FAULT */
struct fault_event {
	struct event_head head;
	__u64 addr;
	__u64 pc, lr; /* in the target; lr: where pc's function returns to, if it made no frame */
	__s32 stack;  /* in fault_stacks; negative: there was no room */
	__u8 major;
	__u8 order; /* of the largest piece of memory for user pages that the fault allocated */
	__u16 pad;
};

/* EV_FORGET: a call that did not fail took the pages [start, start + len) away. */
struct forget_event {
	struct event_head head;
	__u64 start, len;
	__u32 unmapped; /* what comes there next is something else; else madvise(2) */
	__u32 pad;
};

#endif
