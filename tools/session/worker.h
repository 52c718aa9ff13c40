/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * worker.h - the looks of a session, taken by a child with a deadline (proc/guard.h).
 *
 * The child opens the process and stays for all looks of the session, so that symbols are
 * looked up and the layout is proven once. What it finds comes back by a pipe, as the bytes
 * of struct session_look, ledger details behind them.
 */
#ifndef SESSION_WORKER_H
#define SESSION_WORKER_H

#include "go/goproc.h"
#include "proc/guard.h"
#include "session.h"

struct worker {
	struct guard guard;
	/* as the child has them, without its descriptors and memory: facts to print */
	struct target target;
	struct goproc gp;
};

/*
 * Open a process for looks: as target_open() and goproc_open(), or -ETIMEDOUT. A look that
 * makes no progress for deadline_ns ends the session.
 */
int worker_open(struct worker *w, pid_t pid, uint64_t deadline_ns);

/* Fill ledger, ms, cgroup, thp and what they cost. 0 or -errno, with a sentence. */
int worker_look(struct worker *w, struct session_look *look);

void worker_close(struct worker *w);

/* The same in this process, which may hang with its target; for targets that cannot. */
int session_take(struct goproc *gp, struct session_look *look);

#endif
