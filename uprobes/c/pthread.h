/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pthread.h - stacks of the threads that glibc made, in the memory of a process.
 *
 * Source: nptl/descr.h, nptl/allocatestack.c and elf/rtld of glibc 2.31 to 2.43,
 * x86-64. A thread's struct pthread stands at the top of its stack; %fs points at it:
 *
 *   0     tcb: its own address      8  dtv       16  self: its own address
 *   704   list {next, prev}        720  tid, 0 once it has exited
 *   16xx  stackblock, stackblock_size, guardsize
 *
 * Rings through `list` hold all of them: threads with stacks of their own, threads
 * with stacks that were given (the main thread is one, without a stackblock), and
 * stacks of exited threads, kept for the next. The heads lie in the data of the
 * loader, before 2.34 in that of libpthread. A ring that leads back to its head
 * through structures that know their own addresses is proof enough; the offset
 * of stackblock is where a stack's bounds enclose the structure itself.
 *
 * On arm64 the structure lies below where tpidr_el0 points, and does not know its own
 * address: there threads are not looked for (cside.h).
 */
#ifndef CPTHREAD_H
#define CPTHREAD_H

#include "c/cspace.h"

struct cthread {
	uint64_t tcb;
	uint64_t start, end; /* guard and stack; 0, 0: the main thread */
	uint64_t guard;
	int32_t tid; /* in the process's own pid namespace; 0: exited */
};

struct cthreads {
	struct cthread *thread;
	size_t n;
	uint64_t main_tcb; /* 0: not found */
	bool torn;         /* a ring changed while it was walked: some may be missing */
	/* offsets that proved themselves; 0: not yet */
	uint32_t list, stackblock;
};

/* Find the threads and add their stacks to s->owned. 0 or -errno. */
int cthreads_find(struct cspace *s, struct cthreads *t);
void cthreads_free(struct cthreads *t);

#endif
