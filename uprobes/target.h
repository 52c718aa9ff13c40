/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * target.h - the process that is looked at, or the core file of one.
 *
 * Everything goes through descriptors opened once, so that a pid that is reused
 * is never mistaken for the process: once it is gone, calls fail with -ESRCH.
 */
#ifndef TARGET_H
#define TARGET_H

#include "proc/maps.h"
#include "proc/pagemap.h"
#include "proc/procfs.h"
#include <stdbool.h>
#include <sys/types.h>

struct core;

struct target {
	struct core *core; /* a core file; then there is no process: dirfd and pidfd are -1 */
	pid_t pid;
	int dirfd;        /* /proc/PID */
	int pidfd;        /* -1 on kernels without pidfd_open (before 5.3) */
	int exefd;        /* the executable, also when deleted or in another mount namespace */
	uint64_t exe_ino; /* as its mappings have them: stat(2) may say otherwise (overlayfs) */
	uint32_t exe_dev;
	char exe[256]; /* where /proc/PID/exe points, for messages */
	uint64_t exec; /* proc_exec_read() when it was opened */
	struct proc_status status;
	struct pagemap pagemap;
	struct maps maps; /* as of target_maps() */
};

/*
 * Open a process by id. -ESRCH: no such process, or a zombie; -ENOEXEC: a kernel
 * thread; -EPERM: not allowed to look. The id of a thread is no process, either. A
 * sentence is left in fail_text().
 */
int target_open(struct target *t, pid_t pid);

/*
 * Open a core file (core.h). exe is the program it is of, NULL: the one it names. Errors
 * as of core_open(); -EBADMSG, too, when exe is not what ran.
 */
int target_open_core(struct target *t, const char *path, const char *exe);
void target_close(struct target *t);

/* Whether a mapping is of the executable. */
bool target_is_exe(const struct target *t, const struct vma *v);

/* Read the mappings again. */
int target_maps(struct target *t);

/* -ESRCH once the process has exited, -ENOEXEC once it runs another program. */
int target_alive(const struct target *t);

/* Append the pages that are there (of a core: in it) to runs. 0 or -errno. */
int target_pages(struct target *t, struct page_runs *runs);

struct mem;
/* The target's memory; the target must outlive it. NULL with errno. */
struct mem *target_mem(struct target *t);
struct mem *mem_live_new(struct target *t);
struct mem *mem_core_new(struct target *t);

#endif
