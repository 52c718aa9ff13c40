// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Small numbered files of /proc; see procfs.h. */
#include "proc/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STATUS_MAX (4U << 20)

static ssize_t slurp_small(int dirfd, const char *name, char *buf, size_t size)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r;
	int err;

	if (fd < 0)
		return -errno;
	while (n < size - 1 && (r = read(fd, buf + n, size - 1 - n)) != 0) {
		if (r < 0) {
			err = -errno;
			close(fd);
			return err;
		}
		n += r;
	}
	close(fd);
	buf[n] = '\0';
	return n;
}

char *proc_slurp(int dirfd, const char *name, size_t max, size_t *len)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC), err;
	size_t n = 0, cap = 65536;
	char *buf = fd < 0 ? NULL : malloc(cap), *bigger;
	ssize_t r;

	if (fd < 0)
		return NULL;
	while (buf && (r = read(fd, buf + n, cap - 1 - n)) != 0) {
		if (r < 0 || n + r >= max) {
			err = r < 0 ? errno : EFBIG;
			free(buf);
			close(fd);
			errno = err;
			return NULL;
		}
		n += r;
		if (n == cap - 1) {
			bigger = realloc(buf, cap *= 2);
			if (!bigger)
				free(buf);
			buf = bigger;
		}
	}
	close(fd);
	if (!buf) {
		errno = ENOMEM;
		return NULL;
	}
	buf[n] = '\0';
	if (len)
		*len = n;
	return buf;
}

/* "Name:   123 kB" lines into u64 members of a structure, in bytes. */
struct kb_field {
	const char *name;
	size_t off;
};

static void parse_kb(const char *text, const struct kb_field *f, void *out)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (const struct kb_field *k = f; k->name; k++) {
			size_t n = strlen(k->name);

			if (!strncmp(line, k->name, n) && line[n] == ':')
				*(uint64_t *)((char *)out + k->off) =
					strtoull(line + n + 1, NULL, 10) * 1024;
		}
	}
}

static long field_long(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, n) && line[n] == ':')
			return strtol(line + n + 1, NULL, 10);
	}
	return -1;
}

/* The last number of "NSpid:\t4242\t17\t1"; Linux 4.1. */
static pid_t inner_pid(const char *text)
{
	const char *p = strstr(text, "\nNSpid:"), *end = p ? strchr(p + 1, '\n') : NULL;

	if (!end)
		return field_long(text, "Tgid");
	while (end > p && end[-1] >= '0' && end[-1] <= '9')
		end--;
	return strtol(end, NULL, 10);
}

void proc_status_parse(const char *text, struct proc_status *st)
{
	static const struct kb_field fields[] = {
		{ "VmRSS", offsetof(struct proc_status, rss) },
		{ "RssAnon", offsetof(struct proc_status, rss_anon) },
		{ "RssFile", offsetof(struct proc_status, rss_file) },
		{ "RssShmem", offsetof(struct proc_status, rss_shmem) },
		{ "VmPTE", offsetof(struct proc_status, pte) },
		{ "VmSwap", offsetof(struct proc_status, swap) },
		{ "VmLck", offsetof(struct proc_status, locked) },
		{ "HugetlbPages", offsetof(struct proc_status, hugetlb) },
		{}
	};
	const char *p;

	*st = (struct proc_status){};
	parse_kb(text, fields, st);
	st->has_mm = strstr(text, "\nVmRSS:") != NULL;
	st->tgid = field_long(text, "Tgid");
	st->pid = field_long(text, "Pid");
	st->inner_pid = inner_pid(text);
	st->uid = field_long(text, "Uid");
	st->tracer = field_long(text, "TracerPid");
	st->threads = field_long(text, "Threads");
	p = strstr(text, "\nState:\t");
	st->state = p ? p[8] : '?';
	if (!strncmp(text, "Name:\t", 6))
		snprintf(st->comm, sizeof(st->comm), "%.*s", (int)strcspn(text + 6, "\n"),
			 text + 6);
}

int proc_status_read(int dirfd, struct proc_status *st)
{
	/* 65,536 supplementary groups come before the memory */
	char *text = proc_slurp(dirfd, "status", STATUS_MAX, NULL);

	if (!text)
		return -errno;
	proc_status_parse(text, st);
	free(text);
	return 0;
}

int proc_faults_parse(const char *text, uint64_t *faults)
{
	unsigned long long min, maj;
	const char *p = strrchr(text, ')'); /* the name may hold anything, the last ')' ends it */

	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &min, &maj) != 2)
		return -EIO;
	*faults = min + maj;
	return 0;
}

int proc_faults_read(int dirfd, uint64_t *faults)
{
	char buf[2048];
	ssize_t n = slurp_small(dirfd, "stat", buf, sizeof(buf));

	return n < 0 ? n : proc_faults_parse(buf, faults);
}

/* A number of /proc/PID/stat by its field, counted from 1; the name's closing ')' ends field 2. */
static int stat_field(int dirfd, int wanted, unsigned long long *v)
{
	char buf[2048], *p;
	ssize_t n = slurp_small(dirfd, "stat", buf, sizeof(buf));

	if (n < 0)
		return n;
	p = strrchr(buf, ')'); /* field 3 follows */
	for (int field = 3; p && field <= wanted; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, " %llu", v) == 1 ? 0 : -EIO;
}

int proc_exec_read(int dirfd, uint64_t *stack)
{
	unsigned long long v;
	int err = stat_field(dirfd, 28, &v);

	if (!err)
		*stack = v;
	return err;
}

int proc_start_read(int dirfd, uint64_t *ns)
{
	struct timespec boot, mono;
	unsigned long long ticks;
	uint64_t suspended;
	int err = stat_field(dirfd, 22, &ticks);

	if (err)
		return err;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	suspended = (boot.tv_sec - mono.tv_sec) * 1000000000ULL + boot.tv_nsec - mono.tv_nsec;
	*ns = ticks * (1000000000ULL / sysconf(_SC_CLK_TCK)) - suspended;
	return 0;
}

void proc_rollup_parse(const char *text, struct proc_rollup *r)
{
	static const struct kb_field fields[] = {
		{ "Rss", offsetof(struct proc_rollup, rss) },
		{ "Pss", offsetof(struct proc_rollup, pss) },
		{ "Swap", offsetof(struct proc_rollup, swap) },
		{ "LazyFree", offsetof(struct proc_rollup, lazyfree) },
		{ "Locked", offsetof(struct proc_rollup, locked) },
		{ "AnonHugePages", offsetof(struct proc_rollup, anon_huge) },
		{}
	};

	*r = (struct proc_rollup){};
	parse_kb(text, fields, r);
}

int proc_rollup_read(int dirfd, struct proc_rollup *r)
{
	char buf[4096];
	ssize_t n = slurp_small(dirfd, "smaps_rollup", buf, sizeof(buf));

	if (n < 0)
		return n;
	proc_rollup_parse(buf, r);
	return n ? 0 : -ESRCH;
}

static uint64_t counter(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

void proc_thp_events_read(struct proc_thp_events *e)
{
	char buf[16384];

	*e = (struct proc_thp_events){};
	if (slurp_small(AT_FDCWD, "/proc/vmstat", buf, sizeof(buf)) < 0)
		return;
	e->faults = counter(buf, "\nthp_fault_alloc ");
	e->collapses = counter(buf, "\nthp_collapse_alloc ");
}

uint64_t proc_fault_bytes(void)
{
	char path[96], buf[128];
	uint64_t largest = 4096;

	for (uint64_t kb = 16; kb < 2048; kb *= 2) {
		snprintf(path, sizeof(path),
			 "/sys/kernel/mm/transparent_hugepage/hugepages-%llukB/enabled",
			 (unsigned long long)kb);
		if (slurp_small(AT_FDCWD, path, buf, sizeof(buf)) > 0 && strstr(buf, "[always]"))
			largest = kb * 1024;
	}
	return largest;
}

void proc_thp_read(int dirfd, struct proc_thp *thp)
{
	const char *sys = "/sys/kernel/mm/transparent_hugepage";
	char buf[256], path[96], *p, *status;
	bool there;

	*thp = (struct proc_thp){ .max_ptes_none = UINT64_MAX, .disabled = -1 };
	snprintf(path, sizeof(path), "%s/enabled", sys);
	there = slurp_small(AT_FDCWD, path, buf, sizeof(buf)) >= 0;
	p = there ? strchr(buf, '[') : NULL; /* always [madvise] never */
	if (p)
		snprintf(thp->enabled, sizeof(thp->enabled), "%.*s", (int)strcspn(p + 1, "]"),
			 p + 1);
	snprintf(path, sizeof(path), "%s/khugepaged/max_ptes_none", sys);
	if (slurp_small(AT_FDCWD, path, buf, sizeof(buf)) > 0)
		thp->max_ptes_none = strtoull(buf, NULL, 10);
	/* a kernel without huge pages says 0, too */
	status = there ? proc_slurp(dirfd, "status", STATUS_MAX, NULL) : NULL;
	p = status ? strstr(status, "\nTHP_enabled:") : NULL;
	if (p)
		thp->disabled = strtol(p + strlen("\nTHP_enabled:"), NULL, 10) == 0;
	free(status);
}

int proc_rss_exact(void)
{
	enum { PAGES = 24 };
	struct proc_status before, after;
	int fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), exact = fd >= 0;
	char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED || fd < 0)
		exact = 0;
	/* the first read faults in what the reading itself needs */
	if (exact && (madvise(p, PAGES * 4096, MADV_NOHUGEPAGE), proc_status_read(fd, &before)))
		exact = 0;
	for (int i = 0; exact && i < PAGES; i++) {
		exact = !proc_status_read(fd, &before);
		*(volatile char *)(p + i * 4096) = 1;
		exact = exact && !proc_status_read(fd, &after) && after.rss == before.rss + 4096;
	}
	if (p != MAP_FAILED)
		munmap(p, PAGES * 4096);
	if (fd >= 0)
		close(fd);
	return exact;
}
