/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * cmd.h - the command after "--": started, looked at, waited for.
 *
 * It has our stdin, stdout and stderr, and our signal dispositions as they were at the start.
 * It is held before its exec until everything is ready for it, so nothing of it is missed.
 */
#ifndef CMD_H
#define CMD_H

#include <stdbool.h>
#include <sys/types.h>

struct cmd {
	pid_t pid;
	int pidfd;  /* readable once it has ended; -1 on kernels without (before 5.3) */
	int go, up; /* pipes: to let it go; closed by its exec, or the errno of that */
};

/* Start argv[0], held: 0, or -errno with a sentence. */
int cmd_start(struct cmd *c, char **argv);

/* Let it go. -ENOENT, -EACCES …: it could not be executed, and has ended. */
int cmd_go(struct cmd *c, char **argv);

/* Has it ended? Its status stays to be collected. */
bool cmd_ended(const struct cmd *c);

/*
 * Wait for its end, handing on SIGTERM if `stopping` says that one came. Its exit status as
 * shells have it: 128 + the signal that ended it.
 */
int cmd_wait(struct cmd *c, int (*stopping)(void));

/* The exit status for a command that could not be executed, as shells have it: 126 or 127. */
int cmd_status(int err);

#endif
