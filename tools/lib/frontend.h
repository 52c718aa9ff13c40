/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* frontend.h - the parts of the frontend, in the order main() needs them. */
#ifndef FRONTEND_H
#define FRONTEND_H

#include "tool.h"

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED, EXIT_TARGET };

/* All of it: what main() does. Never exits. */
int frontend_main(int argc, char **argv);

/*
 * args.c: the command line into *r, whose tool is set; --replay may set another. 0, -EINVAL
 * with a sentence for usage, or another -errno: what was named is not there. After want_help and
 * the like the rest may be incomplete. args_free() what it left.
 */
int args_parse(struct run *r, int argc, char **argv);
void args_free(struct run *r);
extern const struct opt args_common[];

/* help.c */
void help_print(const struct tool *t, FILE *f);
void help_usage(const struct tool *t, FILE *f, const char *first, const char *next);

/* What is typed to run it: "gogc", "gomemtrace explain". */
const char *help_command(const struct tool *t, char *buf, size_t size);

/* man.c: the sections of the manual page that the tables know, in roff. */
void man_print(const struct tool *t, FILE *f);

/* complete.c: a completion of all tools for "bash", "zsh" or "fish". -EINVAL: another shell. */
int complete_print(const char *shell, FILE *f);

/* loop.c: open, look, wait, finish, close, for all processes. The exit status. */
int loop_run(struct run *r);

/* report.c: a failed process or run, in words on stderr; the status that goes with it. */
int report_error(const struct run *r, int err);
void report_usage(const char *prog);
enum exit_status report_status(int err);

#endif
