/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * worker.h - looks at a process, taken by a child with a deadline (proc/guard.h).
 *
 * The child opens the process and stays for all looks, so that symbols are looked up and the
 * layout is proven once. What a look is, and how it goes through the pipe, is the job's. A
 * core file cannot hang: its looks are taken here.
 */
#ifndef SESSION_WORKER_H
#define SESSION_WORKER_H

#include "go/goproc.h"
#include "proc/guard.h"
#include "tool.h"

struct worker_job {
	size_t size; /* of a look, which begins as zeros and is used again */
	/* 0 or -errno, with a sentence where there is one to say */
	int (*take)(struct goproc *gp, void *look);
	int (*put)(int fd, const void *look);        /* in the child: by guard_write() */
	int (*get)(struct guard *guard, void *look); /* what that wrote, by guard_get() */
};

struct worker {
	const struct worker_job *job;
	struct guard guard;
	/* as the child has them, without its descriptors and memory: facts to print */
	struct target target;
	struct goproc gp;
};

/* What the command line says of them: a process, by default, or a core file. */
struct worker_conf {
	double deadline; /* seconds */
	const char *core, *exe;
};

#define WORKER_CONF                                                                                \
	{                                                                                          \
		.deadline = GUARD_DEADLINE_NS / 1e9                                                \
	}

/* Of a tool's own struct type, which has its struct worker_conf as worker. */
#define WORKER_OPTS(type)                                                                          \
	OPT(0, "core", type, worker.core, "FILE", "look at a core file, not at a process"),        \
		OPT(0, "exe", type, worker.exe, "FILE",                                            \
		    "the program of the core, if it has moved"),                                   \
		OPT_SECONDS(0, "deadline", type, worker.deadline, "SEC",                           \
			    "give up on a process that is stuck for so long (1)")

/* 0, or -EINVAL with a sentence. */
int worker_check(const struct worker_conf *conf);

/*
 * Open the run's process, or the core file, for looks: as target_open() or target_open_core(),
 * and goproc_open(), or -ETIMEDOUT. A look that makes no progress until the deadline ends them
 * all. -EAGAIN: the runtime of a command that was started just now is not up yet.
 */
int worker_open(struct worker *w, struct run *r, const struct worker_conf *conf,
		const struct worker_job *job);

/* Take a look: 0 or -errno, with a sentence. */
int worker_look(struct worker *w, void *look);

void worker_close(struct worker *w);

#endif
