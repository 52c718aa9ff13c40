/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * ctl.h - a running tool is asked for its policy, and given another: gomemtrace ctl.
 *
 * A tool listens on an abstract Unix socket for each process it traces:
 * @gomemtrace.PID.TARGET, SOCK_SEQPACKET, PID and TARGET as the tool itself sees them. Abstract
 * sockets belong to a network namespace and need no file, so nothing is left behind.
 *
 * One connection is one message and one answer:
 *
 *	"show"
 *	"sample=1 size_min=64K"		words with one blank between, each key once
 *
 * sample is in per cent, the sizes are in bytes, cgroup is an id (0: any), tgid as the target's
 * own PID namespace has it. The answer is a struct ctl_answer. All of a message becomes one
 * generation of the policy, or none of it does; where it changes nothing there is no new one.
 *
 * Only root and the user the tool runs as are heard, by the credentials the kernel vouches for
 * (SO_PEERCRED). Nobody is waited for: peers that say nothing are put off by those that come
 * later, and a target is never held up.
 */
#ifndef CTL_H
#define CTL_H

#include "policy.h"
#include <stdbool.h>
#include <stddef.h>

#define CTL_PREFIX  "gomemtrace."
#define CTL_MESSAGE 512 /* bytes; longer ones are refused */
#define CTL_WORDS   8   /* of a message */
#define CTL_PEERS   8   /* that have not spoken yet */
#define CTL_TOOLS   256 /* that are listed; one for each process a tool traces */

struct ctl_answer {
	uint32_t magic; /* CTL_MAGIC: a program of the same kind */
	int32_t err;    /* 0 or -errno, with text */
	int32_t target; /* pid, as the tool sees it */
	uint32_t pad;
	uint64_t written_ns;  /* CLOCK_MONOTONIC, when the policy was written; 0: it was not */
	struct policy policy; /* as it is now */
	char tool[16];
	char text[256]; /* a sentence, if err */
};

#define CTL_MAGIC 0x676d7431

/* ---- messages ---- */

/*
 * Apply a message of len bytes, which may be anything, to *p. *change: whether that changed it.
 * -EINVAL with a sentence: *p is as it was.
 */
int ctl_parse(const char *msg, size_t len, struct policy *p, bool *change);

/* ---- the tool's side ---- */

struct ctl {
	int fd, poll; /* -1: nobody listens; poll: an epoll descriptor */
	struct run *run;
	struct policy_writer *policy;
	pid_t target;
	struct ctl_peer {
		int fd; /* 0: none */
		uid_t uid;
		pid_t pid;
	} peer[CTL_PEERS];
	size_t next;
	uint64_t refused, told_ns;
};

/*
 * Listen, for the run and its process at hand; poll gets the sockets, with their descriptors as
 * data. A tool that cannot be controlled says so and works all the same.
 */
void ctl_open(struct ctl *c, struct run *r, struct policy_writer *policy, int poll);

/* Hear everybody who has something to say now; never waits. */
void ctl_event(struct ctl *c);

void ctl_close(struct ctl *c);

/* ---- the other side ---- */

struct ctl_tool {
	char name[64]; /* of the socket, without @ */
	pid_t pid;     /* of the tool, as we see it */
	uid_t uid;
	uint64_t sent_ns; /* CLOCK_MONOTONIC, when the message was sent */
	struct ctl_answer answer;
};

/* The tools that listen in our network namespace: at most max, unasked. -errno. */
int ctl_list(struct ctl_tool *t, size_t max, size_t *n);

/*
 * Send a message to t, whose name is set, and take the answer. pid: only if that is the tool's,
 * 0: whichever it is. -EAGAIN: it is not, and nothing was sent; -ESRCH: it is gone; -EACCES: it
 * is another user's, or does not hear us; -EPROTO: it is none of ours; -ETIMEDOUT. What the
 * tool itself refuses is t->answer.err.
 */
int ctl_ask(struct ctl_tool *t, pid_t pid, const char *msg);

/* The id of a cgroup: a number, or a directory of a cgroup v2 hierarchy. */
int ctl_cgroup(const char *word, uint64_t *id);

#endif
