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

/* A shared library that has the Go runtime, while the executable has none (go/module.h). */
struct target_lib {
	uint64_t ino; /* as its mappings have them; 0: the executable has it */
	uint32_t dev;
	int fd;
	char path[256]; /* for messages */
};

struct target {
	struct core *core; /* a core file; then there is no process: dirfd and pidfd are -1 */
	pid_t pid;
	int dirfd;        /* /proc/PID */
	int pidfd;        /* -1 on kernels without pidfd_open (before 5.3) */
	int exefd;        /* the executable, also when deleted or in another mount namespace */
	uint64_t exe_ino; /* as its mappings have them: stat(2) may say otherwise (overlayfs) */
	uint32_t exe_dev;
	char exe[256]; /* where /proc/PID/exe points, for messages */
	struct target_lib lib;
	uint64_t exec; /* proc_exec_read() when it was opened */
	struct proc_status status;
	struct pagemap pagemap;
	struct maps maps; /* as of target_maps() */
};

/*
 * Open a process by id. -ESRCH: no such process, or a zombie; -ENOEXEC: a kernel
 * thread; -EPERM: not allowed to look; -EOPNOTSUPP: this kernel's pages. The id of a thread is no
 * process, either. A sentence is left in fail_text().
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
/* Whether it is of the file that has the Go runtime: a library, or the executable. */
bool target_is_go(const struct target *t, const struct vma *v);
const char *target_go_path(const struct target *t);
/* The file of a mapping if it is open: the executable or that library. Else -1. */
int target_file(const struct target *t, const struct vma *v);

/* Read the mappings again. */
int target_maps(struct target *t);

/* -ESRCH once the process has exited, -ENOEXEC once it runs another program. */
int target_alive(const struct target *t);

/* Whether id, as the process itself would say it, is one of its threads. */
bool target_has_thread(const struct target *t, uint64_t id);

/* Append the pages that are there (of a core: in it) to runs. 0 or -errno. */
int target_pages(struct target *t, struct page_runs *runs);

/*
 * The file with the Go runtime, by a name this process can open it with: also when it was
 * deleted, or is in another mount namespace.
 */
void target_fd_path(const struct target *t, char *buf, size_t size);

/* The PID namespace the process is in: device and inode of it. 0 or -errno. */
int target_pidns(const struct target *t, uint64_t *dev, uint64_t *ino);

/* CPU time it has used, all threads together, in ns. 0 or -errno. */
int target_cpu_ns(const struct target *t, uint64_t *ns);

struct mem;
/* The target's memory; the target must outlive it. NULL with errno. */
struct mem *target_mem(struct target *t);
struct mem *mem_live_new(struct target *t);
struct mem *mem_core_new(struct target *t);

#endif
