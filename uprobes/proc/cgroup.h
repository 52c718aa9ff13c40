/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * cgroup.h - the memory cgroup of a process: what is charged to it, how far the limit is.
 *
 * Sources: Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst, mm/memcontrol.c.
 * Both versions are read, also where v1's memory controller is mounted and v2 beside it.
 *
 *	usage = anon + file + kernel [+ sock] + residual
 *
 * file holds shmem (tmpfs, shared memory) and the page cache; kernel holds slab, page
 * tables, kernel stacks, per-CPU memory and vmalloc areas. sock is charged on v2 only: v1
 * counts TCP buffers, apart, and only once a limit for them was ever set.
 *
 * The residual is what CPUs have charged in advance, at most MEMCG_CHARGE_BATCH (64) pages
 * each. While a group is busy its parts may also be behind: each CPU keeps up to a batch of
 * changes, and a reader waits for them only beyond a batch a CPU; all are seen after 2 s
 * (FLUSH_TIME). So residual_bound is three batches a CPU, and one is left in a quiet group.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_UNKNOWN UINT64_MAX
#define CGROUP_LEVELS  16
#define CGROUP_PATH    512

/* A group with a limit: the process's own, or one above it. */
struct cgroup_level {
	char path[CGROUP_PATH];
	uint64_t limit;              /* memory.max, memory.limit_in_bytes */
	uint64_t usage, working_set; /* unknown for a group above those that can be seen */
	int64_t headroom;            /* limit - working_set; INT64_MIN: unknown */
};

struct cgroup {
	uint8_t version;        /* 1, 2; 0: unknown, why says why */
	char path[CGROUP_PATH]; /* below the root of the hierarchy as we see it */
	char container[65];     /* 64 hex digits, or "" */
	char runtime[16];       /* docker, containerd, cri-o, podman, or "" */
	char unit[128];         /* systemd's, or "" */
	char why[192];

	/* bytes, or CGROUP_UNKNOWN; limit and high also where there is none */
	uint64_t limit, high, usage;
	uint64_t working_set; /* usage - inactive_file, as cadvisor and kubelet have it */
	uint64_t anon, file, shmem, file_mapped, inactive_file, swapcached, swap;
	uint64_t kernel, slab, slab_reclaimable, slab_unreclaimable, pagetables, kernel_stack;
	uint64_t percpu, vmalloc, sock, hugetlb;
	int64_t residual; /* INT64_MIN: unknown */
	uint64_t residual_bound;

	/* of the processes in it and below it */
	uint64_t processes, others, others_rss, unreadable;

	/* with a limit, from the process's own group upwards; the least headroom, or -1 */
	struct cgroup_level level[CGROUP_LEVELS];
	size_t nlevels;
	int tightest;
};

/*
 * The memory cgroup of the process behind dirfd (/proc/PID): 0, also when there is none
 * or it cannot be seen: then version is 0 and why has a sentence. -ESRCH, -ENOMEM.
 * In a container it is found by our own mounts, else by those of the process.
 */
int cgroup_read(int dirfd, pid_t pid, struct cgroup *c);

/* Nothing is known, and why. */
void cgroup_unknown(struct cgroup *c, const char *why);

/* ---- its parts, for tests ---- */

/*
 * Version and path of the memory cgroup from /proc/PID/cgroup; unit from its systemd path,
 * container from either. -ENOENT: neither v1's memory controller nor v2 is there.
 */
int cgroup_parse(const char *text, struct cgroup *c);

/*
 * The directory of a path by /proc/PID/mountinfo: mount point and rest, of the mount that
 * shows most of what is above it. -ENOENT: none shows it.
 */
int cgroup_locate(const char *mountinfo, unsigned version, const char *path, char *mount,
		  char *rest, size_t size);

/* memory.stat. */
void cgroup_parse_stat(const char *text, struct cgroup *c);

/* Container id and runtime, systemd unit of a path. */
void cgroup_parse_path(const char *path, struct cgroup *c);

/* Everything that is in the files of mount + rest and of the groups above, up to mount. */
int cgroup_read_files(const char *mount, const char *rest, pid_t pid, struct cgroup *c);

#endif
