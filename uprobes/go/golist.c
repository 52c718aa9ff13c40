// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* All Go processes; see golist.h. */
#include "go/golist.h"
#include "array.h"
#include "fail.h"
#include "go/binary.h"
#include "go/goproc.h"
#include "go/module.h"
#include "go/rt_memstats.h"
#include "proc/guard.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS             32       /* children at a time, */
#define WORKING           4        /* of which so many make progress */
#define STUCK_NS          50000000 /* without progress for so long, one does not count */
#define MEMSTATS_ATTEMPTS 20
#define CMDLINE_MAX       (4U << 20)
#define GO_THREADS        3 /* at least, of a program with a Go runtime */

enum verdict { V_BEGIN, V_LIBRARIES, V_OTHER, V_UNKNOWN, V_GO };

/* What the scanner says of one process; behind V_GO comes its entry. */
struct judged {
	uint32_t at; /* index into the pids */
	uint32_t verdict;
};

struct exe { /* read once */
	dev_t dev;
	ino_t ino;
	int err;
	struct golist_entry is;
};

struct scan {
	const pid_t *pids;
	size_t n, from;
	bool all; /* also those that are not Go */
	struct exe *seen;
	size_t nseen, cap;
	struct gofiles files;
	bool no_libraries; /* the mappings of one process could not be read in time */
};

static int add(struct golist *l, const struct golist_entry *e)
{
	if (array_room(l->entry, l->n + 1, l->cap))
		return -ENOMEM;
	l->entry[l->n++] = *e;
	return 0;
}

static void explain(struct golist_entry *e, int err, const char *why)
{
	e->err = err;
	snprintf(e->reason, sizeof(e->reason), "%s", why);
}

/* ---- which are Go: one child for all, until one process blocks it ---- */

static int read_exe(int fd, const char *name, struct golist_entry *e)
{
	struct binary b;
	int err = binary_open(&b, fd, name);

	if (err)
		return err;
	snprintf(e->version, sizeof(e->version), "%s", b.version);
	snprintf(e->module, sizeof(e->module), "%s", b.module);
	e->stripped = b.stripped;
	binary_close(&b);
	return 0;
}

/* The executable of a process, from memory if it was read before. */
static int judge_exe(struct scan *s, int dirfd, struct golist_entry *e)
{
	struct stat st;
	struct exe *x;
	int fd;

	if (fstatat(dirfd, "exe", &st, 0))
		return -errno;
	for (x = s->seen; x < s->seen + s->nseen; x++)
		if (x->dev == st.st_dev && x->ino == st.st_ino)
			break;
	if (x == s->seen + s->nseen) {
		if (array_room(s->seen, s->nseen + 1, s->cap))
			return -ENOMEM;
		fd = openat(dirfd, "exe", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		x = &s->seen[s->nseen++];
		*x = (struct exe){ .dev = st.st_dev, .ino = st.st_ino };
		x->err = read_exe(fd, "the executable", &x->is);
		close(fd);
		if (x->err)
			explain(&x->is, x->err, fail_text());
	}
	memcpy(e->version, x->is.version, sizeof(e->version));
	memcpy(e->module, x->is.module, sizeof(e->module));
	e->stripped = x->is.stripped;
	explain(e, x->err, x->is.reason);
	return x->err;
}

/*
 * Of another user's process only the name is to be had. If the file of that name is a Go
 * program, it is one, most likely: a process may call itself what it likes.
 */
static enum verdict judge_name(int dirfd, uid_t uid, struct golist_entry *e)
{
	char *name = proc_slurp(dirfd, "cmdline", CMDLINE_MAX, NULL), *base;
	int fd = name && *name == '/' ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	int err = fd < 0 ? -ENOENT : read_exe(fd, name, e);

	base = name && *name == '/' ? strrchr(name, '/') + 1 : "";
	if (!err && strncmp(base, e->comm, 15))
		err = -ENOENT;
	if (fd >= 0)
		close(fd);
	free(name);
	explain(e, -EPERM, "");
	snprintf(e->reason, sizeof(e->reason),
		 "not permitted: a process of user %u (needs CAP_SYS_PTRACE; try sudo); known by "
		 "its name only",
		 uid);
	return err ? V_UNKNOWN : V_GO;
}

/*
 * Go in a library of a program that is not. Its mappings are behind its mmap_lock, which
 * nothing else here needs: fd is told before, so that one that blocks is known to be no
 * more than a suspect.
 */
static enum verdict judge_libraries(struct scan *s, int fd, size_t at, int dirfd,
				    struct golist_entry *e)
{
	struct judged j = { at, V_LIBRARIES };
	struct gomodules mods = {};
	struct maps maps = {};
	int file = -1;

	if (guard_write(fd, &j, sizeof(j)) || maps_read(dirfd, &maps))
		return V_OTHER;
	if (!gomodules_find(&s->files, dirfd, &maps, &mods) && mods.n)
		file = gomodule_file(dirfd, mods.m[0].text);
	maps_free(&maps);
	if (file < 0)
		return V_OTHER;
	explain(e, read_exe(file, "the library", e), "");
	close(file);
	return V_GO;
}

static enum verdict judge(struct scan *s, int fd, size_t at, struct golist_entry *e)
{
	pid_t pid = s->pids[at];
	enum verdict v = V_OTHER;
	struct proc_status st;
	char path[32];
	int dirfd, err;

	*e = (struct golist_entry){ .pid = pid,
				    .rss = GOLIST_UNKNOWN,
				    .heap_inuse = GOLIST_UNKNOWN,
				    .heap_alloc = GOLIST_UNKNOWN };
	snprintf(path, sizeof(path), "/proc/%d", pid);
	dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = dirfd < 0 ? -errno : proc_status_read(dirfd, &st);
	if (!err && (!st.has_mm || st.state == 'Z')) {
		explain(e, -ENOEXEC, "a kernel thread, or a process that has exited");
	} else if (!err) {
		memcpy(e->comm, st.comm, sizeof(e->comm));
		e->rss = st.rss;
		err = judge_exe(s, dirfd, e);
		if (err == -EACCES || err == -EPERM)
			v = judge_name(dirfd, st.uid, e);
		else if (!err || err == -EOPNOTSUPP)
			v = V_GO;
		else if (err == -ENOEXEC && !s->no_libraries && st.threads >= GO_THREADS)
			v = judge_libraries(s, fd, at, dirfd, e);
		else if (!e->err)
			explain(e, err, strerror(-err));
	} else {
		explain(e, -ESRCH, "no such process");
	}
	if (dirfd >= 0)
		close(dirfd);
	return s->all ? V_GO : v;
}

static void scanner(int fd, void *arg)
{
	struct scan *s = arg;

	for (size_t i = s->from; i < s->n; i++) {
		struct judged j = { i, V_BEGIN };
		struct golist_entry e;

		if (guard_write(fd, &j, sizeof(j)))
			return;
		j.verdict = judge(s, fd, i, &e);
		if (guard_write(fd, &j, sizeof(j)) ||
		    (j.verdict == V_GO && guard_write(fd, &e, sizeof(e))))
			return;
	}
}

/*
 * Take what one scanner says, until it is done or does not answer: s->from is the next,
 * *at is what it was about then.
 */
static int scan_get(struct scan *s, struct guard *g, struct golist *l, uint32_t *at)
{
	struct golist_entry e = {};
	struct judged j;
	int err = 0;

	*at = V_BEGIN;
	while (!err && s->from < s->n) {
		err = guard_get(g, &j, sizeof(j));
		if (!err)
			*at = j.verdict;
		if (err || j.verdict == V_BEGIN || j.verdict == V_LIBRARIES)
			continue;
		if (j.verdict == V_GO)
			err = guard_get(g, &e, sizeof(e));
		if (!err && j.verdict == V_GO)
			err = add(l, &e);
		l->unknown += j.verdict == V_UNKNOWN;
		s->from++;
	}
	return err;
}

static int scan(struct scan *s, struct golist *l, uint64_t deadline_ns)
{
	int err = 0;

	while (!err && s->from < s->n) {
		struct guard g;
		uint32_t at;

		err = guard_start(&g, deadline_ns, scanner, s);
		if (err)
			break;
		err = scan_get(s, &g, l, &at);
		guard_end(&g);
		if ((err == -ETIMEDOUT || err == -EPIPE) && at == V_LIBRARIES && !s->all) {
			/* once is enough: others may wait for the same */
			s->no_libraries = true;
			s->from++;
			l->unknown++;
			err = 0;
		} else if (err == -ETIMEDOUT || err == -EPIPE) {
			struct golist_entry e = { .pid = s->pids[s->from++],
						  .rss = GOLIST_UNKNOWN,
						  .heap_inuse = GOLIST_UNKNOWN,
						  .heap_alloc = GOLIST_UNKNOWN };

			explain(&e, err, fail_text());
			err = add(l, &e);
		}
	}
	l->scanned = s->n;
	return err;
}

/* ---- what they hold: a child for each ---- */

static void peek_memstats(struct goproc *gp, struct golist_entry *e)
{
	struct memstats *ms = calloc(1, sizeof(*ms));
	struct proc_status st;
	int err = ms ? memstats_read(gp, ms, MEMSTATS_ATTEMPTS) : -ENOMEM;

	if (err) {
		explain(e, err, strerror(-err));
	} else {
		e->heap_inuse = ms->HeapInuse;
		e->heap_alloc = ms->HeapAlloc;
		if (!proc_status_read(gp->t->dirfd, &st))
			e->rss = st.rss;
	}
	free(ms);
}

static void peek(int fd, void *arg)
{
	struct golist_entry e = *(struct golist_entry *)arg;
	struct target t;
	struct goproc gp;
	int err = target_open(&t, e.pid);

	err = err ? err : goproc_open(&gp, &t);
	/* a file without build info does not say it, the process does */
	if (!err)
		snprintf(e.version, sizeof(e.version), "%s", gp.bin.version);
	if (err) {
		explain(&e, err, *fail_text() ? fail_text() : strerror(-err));
	} else if (!gp.proven) {
		explain(&e, -ENOEXEC, gp.why);
	} else {
		peek_memstats(&gp, &e);
	}
	guard_write(fd, &e, sizeof(e));
}

/* Whether one more may be started: those that hang do not hold up the others. */
static struct guard *free_slot(struct guard *g)
{
	struct guard *slot = NULL;
	int working = 0;

	for (int i = 0; i < SLOTS; i++) {
		if (!g[i].pid)
			slot = &g[i];
		else
			working += guard_idle_ns(&g[i]) < STUCK_NS;
	}
	return working < WORKING ? slot : NULL;
}

static void peek_all(struct golist *l, uint64_t deadline_ns)
{
	struct guard g[SLOTS] = {};
	struct golist_entry *of[SLOTS], e;
	size_t next = 0, running = 0, i;
	int err;

	while (next < l->n || running) {
		struct guard *slot = next < l->n ? free_slot(g) : NULL;

		if (slot) {
			struct golist_entry *want = &l->entry[next++];

			/* those that may not or cannot be looked at have their reason */
			if (want->err)
				continue;
			err = guard_start(slot, deadline_ns, peek, want);
			if (err)
				explain(want, err, fail_text());
			of[slot - g] = want;
			running += !err;
			continue;
		}
		i = guard_any(g, SLOTS, 20);
		if (i == SLOTS)
			continue;
		err = guard_get(&g[i], &e, sizeof(e));
		if (!err)
			*of[i] = e;
		else
			explain(of[i], err, fail_text());
		guard_end(&g[i]);
		running--;
	}
}

/* ---- the list ---- */

static bool gap_known(const struct golist_entry *e)
{
	return e->rss != GOLIST_UNKNOWN && e->heap_alloc != GOLIST_UNKNOWN;
}

static int by_gap(const void *a, const void *b)
{
	const struct golist_entry *x = a, *y = b;
	int64_t p, q;

	if (gap_known(x) != gap_known(y))
		return gap_known(x) ? -1 : 1;
	p = x->rss - (gap_known(x) ? x->heap_alloc : 0);
	q = y->rss - (gap_known(y) ? y->heap_alloc : 0);
	if (p == q)
		return (x->pid > y->pid) - (x->pid < y->pid);
	return p > q ? -1 : 1;
}

static int all_pids(pid_t **pids, size_t *n)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	size_t cap = 0;

	*pids = NULL;
	*n = 0;
	if (!d)
		return fail(-errno, "cannot list /proc: %s", strerror(errno));
	while ((e = readdir(d))) {
		long pid = strtol(e->d_name, NULL, 10);

		if (pid <= 0 || pid == getpid())
			continue;
		if (array_room(*pids, *n + 1, cap)) {
			closedir(d);
			free(*pids);
			return -ENOMEM;
		}
		(*pids)[(*n)++] = pid;
	}
	closedir(d);
	return 0;
}

/* Those that ended between scan and look are no longer here; ones asked for stay. */
static void drop_gone(struct golist *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->entry[i].err != -ESRCH)
			l->entry[kept++] = l->entry[i];
	l->n = kept;
}

int golist_read(struct golist *l, const pid_t *only, size_t nonly, uint64_t deadline_ns)
{
	struct scan s = { .pids = only, .n = nonly, .all = nonly };
	pid_t *all = NULL;
	int err = 0;

	*l = (struct golist){};
	if (!nonly) {
		err = all_pids(&all, &s.n);
		s.pids = all;
	}
	err = err ? err : scan(&s, l, deadline_ns);
	if (!err) {
		peek_all(l, deadline_ns);
		if (!nonly)
			drop_gone(l);
		qsort(l->entry, l->n, sizeof(*l->entry), by_gap);
	} else {
		golist_free(l);
	}
	free(all);
	return err;
}

void golist_free(struct golist *l)
{
	free(l->entry);
	*l = (struct golist){};
}
