/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * guard.h - work that may never come back, in a child with a deadline.
 *
 * Reading maps, smaps, pagemap or cmdline of a process, or its memory, waits for its
 * mmap_lock, and a thread that sleeps in a page fault (a file system that is frozen or
 * whose server is gone) may hold that for ever. Only SIGKILL ends the wait for the files
 * (mmap_read_lock_killable, fs/proc); process_vm_readv(2) does not even listen to that
 * (mmap_read_lock, mm/process_vm_access.c). So such work is done in a child, which is
 * killed and left to the kernel when it makes no progress.
 *
 * Progress is CPU time, not wall time: the deadline runs while the child uses none and is
 * not waiting for a CPU. So a look at a huge process, or one on a busy host, is never cut,
 * however long it takes; a read that is blocked is, after one deadline.
 *
 *	child                                parent
 *	guard_start(&g, ns, work, arg)
 *	work(fd, arg): guard_write(fd, …)    guard_get(&g, …): 0, -ETIMEDOUT, -EPIPE
 *	               guard_read(fd, …)     guard_put(&g, …)
 *	               return                guard_end(&g)
 *
 * The child is a copy of its parent and dies with it. It has none of its descriptors, so
 * that one which cannot die keeps no pipe or file open: work opens what it needs.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define GUARD_DEADLINE_NS 1000000000ULL

struct guard {
	pid_t pid; /* of the child; 0: none */
	int fd;    /* the parent's end, a stream */
	uint64_t deadline_ns;
	clockid_t clock;                   /* the child's CPU time */
	uint64_t cpu_ns, seen_ns, idle_ns; /* when it was looked at last */
	bool expired;
};

/*
 * Begin work in a child: 0, -EAGAIN when too many children hang already, or -errno of
 * fork. The child ends when work returns.
 */
int guard_start(struct guard *g, uint64_t deadline_ns, void (*work)(int fd, void *arg), void *arg);

/*
 * The next len bytes that the child wrote. -ETIMEDOUT: it made no progress for the
 * deadline; -EPIPE: it ended before. Then only guard_end() is left to do. Leaves a sentence.
 */
int guard_get(struct guard *g, void *buf, size_t len);

/*
 * The next n elements, n may be 0, and one of zeros behind them; for the caller to free. NULL with
 * *err set when they did not come, or when *err was set before: errors of several are looked at
 * once.
 */
void *guard_get_array(struct guard *g, size_t n, size_t size, int *err);

/* Write to the child; -EPIPE when it is gone. Small requests: does not wait for progress. */
int guard_put(struct guard *g, const void *buf, size_t len);

/*
 * Wait up to timeout_ms until one of n guards has something to get, ended, or expired:
 * its index, or n. Guards without a child are skipped.
 */
size_t guard_any(struct guard *g, size_t n, int timeout_ms);

/* For how long the child has made no progress; as of the last guard_get or guard_any. */
uint64_t guard_idle_ns(const struct guard *g);

/* End the child: killed if it has not ended; never waits for one that does not die. */
void guard_end(struct guard *g);

/* In the child: all of len bytes; 0, or -EPIPE when the parent is gone. */
int guard_write(int fd, const void *buf, size_t len);
int guard_read(int fd, void *buf, size_t len);

#endif
