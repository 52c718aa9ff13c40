/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * select.h - which processes are meant: by name, or by control group.
 *
 *	--comm NAME	all whose name (/proc/PID/comm, at most 15 bytes) is exactly NAME
 *	--cgroup PATH	all in that control group and those below it. PATH is its directory, or
 *			its name as in /proc/PID/cgroup, of version 2 or of the memory
 *			controller of version 1
 *
 * Kernel threads, zombies and this program itself are left out.
 */
#ifndef SELECT_H
#define SELECT_H

#include <sys/types.h>

/* Each takes one process after the other: 0 goes on, else what it returned. */
typedef int (*select_fn)(void *arg, pid_t pid);

/* 0, -errno with a sentence; -ESRCH: there is none. */
int select_comm(const char *name, select_fn found, void *arg);
int select_cgroup(const char *path, select_fn found, void *arg);

#endif
