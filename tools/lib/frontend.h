/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* frontend.h - the parts of the frontend, in the order main() needs them. */
#ifndef FRONTEND_H
#define FRONTEND_H

#include "tool.h"

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_REFUSED, EXIT_TARGET };

/* All of it: what main() does. Never exits. */
int frontend_main(int argc, char **argv);

/*
 * args.c: the command line into *r, whose tool is set. 0, or -EINVAL with a sentence. After
 * want_help, want_version or want_schema the rest may be incomplete. args_free() what it left.
 */
int args_parse(struct run *r, int argc, char **argv);
void args_free(struct run *r);
extern const struct opt args_common[];

/* help.c */
void help_print(const struct tool *t, FILE *f);

/* loop.c: open, look, wait, finish, close, for all processes. The exit status. */
int loop_run(struct run *r);

/* report.c: a failed process or run, in words on stderr; the status that goes with it. */
int report_error(const struct run *r, int err);
void report_usage(const char *prog);
enum exit_status report_status(int err);

#endif
