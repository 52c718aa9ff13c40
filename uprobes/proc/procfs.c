// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Small numbered files of /proc; see procfs.h. */
#include "proc/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

int proc_status_read(int dirfd, struct proc_status *st)
{
	static const struct kb_field fields[] = {
		{ "VmRSS", offsetof(struct proc_status, rss) },
		{ "RssAnon", offsetof(struct proc_status, rss_anon) },
		{ "RssFile", offsetof(struct proc_status, rss_file) },
		{ "RssShmem", offsetof(struct proc_status, rss_shmem) },
		{ "VmPTE", offsetof(struct proc_status, pte) },
		{ "VmSwap", offsetof(struct proc_status, swap) },
		{ "HugetlbPages", offsetof(struct proc_status, hugetlb) },
		{}
	};
	char buf[8192], *p;
	ssize_t n = slurp_small(dirfd, "status", buf, sizeof(buf));

	if (n < 0)
		return n;
	*st = (struct proc_status){};
	parse_kb(buf, fields, st);
	st->has_mm = strstr(buf, "\nVmRSS:") != NULL;
	st->tgid = field_long(buf, "Tgid");
	st->pid = field_long(buf, "Pid");
	st->uid = field_long(buf, "Uid");
	st->threads = field_long(buf, "Threads");
	p = strstr(buf, "\nState:\t");
	st->state = p ? p[8] : '?';
	if (!strncmp(buf, "Name:\t", 6))
		snprintf(st->comm, sizeof(st->comm), "%.*s", (int)strcspn(buf + 6, "\n"), buf + 6);
	return 0;
}

int proc_faults_read(int dirfd, uint64_t *faults)
{
	unsigned long long min, maj;
	char buf[2048], *p;
	ssize_t n = slurp_small(dirfd, "stat", buf, sizeof(buf));

	if (n < 0)
		return n;
	p = strrchr(buf, ')'); /* the name may hold anything, the last ')' ends it */
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &min, &maj) != 2)
		return -EIO;
	*faults = min + maj;
	return 0;
}

int proc_rollup_read(int dirfd, struct proc_rollup *r)
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
	char buf[4096];
	ssize_t n = slurp_small(dirfd, "smaps_rollup", buf, sizeof(buf));

	if (n < 0)
		return n;
	*r = (struct proc_rollup){};
	parse_kb(buf, fields, r);
	return n ? 0 : -ESRCH;
}

int proc_thp_events(uint64_t *events)
{
	static const char *const names[] = { "\nthp_fault_alloc ", "\nthp_collapse_alloc " };
	char buf[16384], *p;
	ssize_t n = slurp_small(AT_FDCWD, "/proc/vmstat", buf, sizeof(buf));

	if (n < 0)
		return n;
	*events = 0;
	for (size_t i = 0; i < 2; i++) {
		p = strstr(buf, names[i]);
		*events += p ? strtoull(p + strlen(names[i]), NULL, 10) : 0;
	}
	return 0;
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
