/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * alloc.h - what the target allocates on Go's heap.
 *
 * Nothing is handed over one by one: the programs count in alloc_classes if size classes are all
 * that is asked for, else in alloc_sums, by class, type, creator and stack. Bytes are those that
 * the runtime counts: of the slot, header and rounding included.
 *
 * A class is the runtime's (sizeclasses.go): 0 is of large objects, in whole pages. Objects below
 * 16 bytes without pointers share a slot: those that find room in the one begun before are of
 * ALLOC_TINY, with no bytes; as in MemStats, which counts them, and the slot once.
 */
#ifndef ALLOC_H
#define ALLOC_H

#include "event.h"
#include "hist.h"

#define ALLOC_CLASSES    68
#define ALLOC_LARGE      0
#define ALLOC_TINY       68 /* in a slot that is counted already */
#define ALLOC_TINY_CLASS 2  /* of the slots that such objects share */
#define ALLOC_KINDS      69
#define ALLOC_UNKNOWN    69 /* the type could not be read: the user side does, by size and type */

/* Flags of a sample of spans: none was used up, a collection had taken it; without pointers. */
#define ALLOC_FIRST  1
#define ALLOC_NOSCAN 2

#define ALLOC_STACKS 16384
#define ALLOC_FRAMES 48
#define ALLOC_SUMS   16384

/* What is counted apart; members that are not asked for are 0. */
struct alloc_key {
	__u64 type;      /* a type descriptor; 0: none, as of strings */
	__u64 creator;   /* where its goroutine was started: a return address */
	__u64 caller[2]; /* return addresses inside of the stack; 0: the stack has them */
	__u64 size;      /* of ALLOC_UNKNOWN, as asked for; of a sample of spans, their flags */
	__s32 stack;     /* in alloc_stacks: of the callers of those; negative: there was no room */
	__u32 class;
};
_Static_assert(sizeof(struct alloc_key) == 48, "a key has no holes");

/* Of a sample: bytes and squares are of its weights, the free bytes of the span it began. */
struct alloc_sum {
	__u64 objects, bytes, requested;
	__u64 squares;
};

#define ALLOC_SPAN_CLASSES (2 * ALLOC_CLASSES) /* twice the size class, and 1 without pointers */

/* Spans of one of those that collections took from the Ps, and the free bytes left in them. */
struct alloc_flushed {
	__u64 spans, unused;
};

#endif
