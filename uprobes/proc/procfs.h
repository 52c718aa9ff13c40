/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * procfs.h - the files of /proc/PID that are small and have named numbers.
 *
 * All functions take the descriptor of the /proc/PID directory, so that a pid
 * that is reused never answers for the process that was meant: a read through
 * it fails with -ESRCH once the process is gone. Sizes are bytes.
 */
#ifndef PROCFS_H
#define PROCFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* /proc/PID/status (proc_pid_status(5)) */
struct proc_status {
	char state;      /* R S D T t Z X I */
	char comm[64];   /* as the kernel escapes it */
	pid_t tgid, pid; /* in the reader's pid namespace */
	pid_t inner_pid; /* in its own: what getpid() tells the process */
	uid_t uid;       /* real uid */
	pid_t tracer;    /* who is attached to it with ptrace(2); 0: nobody */
	uint64_t rss;    /* VmRSS */
	uint64_t rss_anon, rss_file, rss_shmem;
	uint64_t pte, swap, hugetlb;
	uint64_t locked; /* VmLck: mappings that mlock(2) keeps in memory */
	uint64_t threads;
	int has_mm; /* 0 for kernel threads and zombies */
};
int proc_status_read(int dirfd, struct proc_status *st);
void proc_status_parse(const char *text, struct proc_status *st);

/* Faults of all threads, living and dead: /proc/PID/stat minflt + majflt. */
int proc_faults_read(int dirfd, uint64_t *faults);
int proc_faults_parse(const char *text, uint64_t *faults);

/*
 * Where the kernel put the stack when the program was executed: field 28 of
 * /proc/PID/stat. It changes with every execve (address space randomisation), also
 * of the same file; 0 where it may not be read.
 */
int proc_exec_read(int dirfd, uint64_t *stack);

/* When the process was started, on CLOCK_MONOTONIC; the kernel says it in ticks of 10 ms. */
int proc_start_read(int dirfd, uint64_t *ns);

/* /proc/PID/smaps_rollup; holds the target's mmap_lock, 11 ms a resident GiB. */
struct proc_rollup {
	uint64_t rss, pss, swap, lazyfree, locked, anon_huge;
};
int proc_rollup_read(int dirfd, struct proc_rollup *r);
void proc_rollup_parse(const char *text, struct proc_rollup *r);

/* Huge pages since boot, host-wide, of faults and of khugepaged: /proc/vmstat
 * thp_fault_alloc and thp_collapse_alloc. 0 where the kernel has no THP. */
struct proc_thp_events {
	uint64_t faults, collapses;
};
void proc_thp_events_read(struct proc_thp_events *e);

/*
 * Bytes one small fault of anonymous memory can map: a page, or the largest size
 * of multi-size huge pages that is always on (Linux 6.8, hugepages-*kB/enabled).
 */
uint64_t proc_fault_bytes(void);

/*
 * Transparent huge pages: the host's setting ("always", "madvise", "never"; "" unknown) and
 * khugepaged/max_ptes_none (UINT64_MAX: unknown), Documentation/admin-guide/mm/transhuge.rst;
 * and whether the process has them off by PR_SET_THP_DISABLE (-1: unknown, before 5.0).
 */
struct proc_thp {
	char enabled[16];
	uint64_t max_ptes_none;
	int8_t disabled;
};
void proc_thp_read(int dirfd, struct proc_thp *thp);

/*
 * Whether VmRSS of /proc/PID/status is the exact sum on this kernel (6.16+) and
 * not off by per-CPU or per-thread batches: touches fresh pages of our own one
 * by one and expects each to be seen. Where it is not, use smaps_rollup.
 */
int proc_rss_exact(void);

/* The whole file into a malloc'd, NUL-terminated buffer, at most max bytes. */
char *proc_slurp(int dirfd, const char *name, size_t max, size_t *len);

#endif
