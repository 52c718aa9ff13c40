// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Children with a deadline; see guard.h. */
#include "proc/guard.h"
#include "fail.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS  10
#define REAP_MS  50 /* what a killed child may take to die before it is left behind */
#define HANGING  64 /* children left behind that a process keeps at most */
#define MSEC     1000000ULL
#define FIRST_FD 3

/* Killed, and not dead yet: they wait in the kernel for a lock of their target. */
static pid_t hanging[HANGING];

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* A place to remember one more, after those that died since were reaped; NULL: none. */
static pid_t *hanging_slot(void)
{
	pid_t *slot = NULL;

	for (pid_t *h = hanging; h < hanging + HANGING; h++) {
		if (*h && waitpid(*h, NULL, WNOHANG))
			*h = 0;
		if (!*h)
			slot = h;
	}
	return slot;
}

/* Everything but fd is closed; what libraries expect to be open leads nowhere. */
static int child_descriptors(int fd)
{
	int null, at = fd;

	if (fd < FIRST_FD)
		at = fcntl(fd, F_DUPFD, FIRST_FD);
	null = open("/dev/null", O_RDWR);
	if (at < 0 || null < 0)
		return -errno;
	for (int i = 0; i < FIRST_FD; i++)
		if (i != null && dup2(null, i) < 0)
			return -errno;
	/* before 5.9 the others stay open: only a child that hangs would show it */
	if (at > FIRST_FD)
		syscall(SYS_close_range, FIRST_FD, at - 1, 0);
	syscall(SYS_close_range, at + 1, ~0U, 0);
	return at;
}

static void child(const int *fds, pid_t parent, void (*work)(int fd, void *arg), void *arg)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* the terminal's Ctrl-C is the parent's to handle */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	close(fds[0]);
	fd = child_descriptors(fds[1]);
	if (fd < 0)
		_exit(1);
	fail_clear();
	work(fd, arg);
	_exit(0);
}

int guard_start(struct guard *g, uint64_t deadline_ns, void (*work)(int fd, void *arg), void *arg)
{
	pid_t parent = getpid();
	int fds[2], err;

	*g = (struct guard){ .fd = -1, .deadline_ns = deadline_ns };
	if (!hanging_slot())
		return fail(-EAGAIN, "%d children wait for processes that do not answer", HANGING);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return fail(-errno, "cannot make a pipe: %s", strerror(errno));
	g->pid = fork();
	if (!g->pid)
		child(fds, parent, work, arg);
	err = -errno;
	close(fds[1]);
	if (g->pid < 0) {
		close(fds[0]);
		g->pid = 0;
		return fail(err, "cannot start a child: %s", strerror(-err));
	}
	g->fd = fds[0];
	if (clock_getcpuclockid(g->pid, &g->clock))
		g->clock = CLOCK_MONOTONIC; /* cannot be: then nothing ever expires */
	g->seen_ns = clock_ns(CLOCK_MONOTONIC);
	return 0;
}

/* R: it would work if it had a CPU; T: somebody stopped it. */
static bool waits_in_kernel(pid_t pid)
{
	char path[32], buf[256], *p;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
	p = strrchr(buf, ')');
	return !p || !strchr("RTt", p[1] ? p[2] : '\0');
}

/*
 * Idle time is added up from the times between two looks, each of which counts for a few
 * ticks at most: time for which parent and child were stopped together does not count.
 */
static void watch(struct guard *g)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(g->clock), since;

	since = now - g->seen_ns;
	g->seen_ns = now;
	if (cpu != g->cpu_ns) {
		g->cpu_ns = cpu;
		g->idle_ns = 0;
		return;
	}
	g->idle_ns += since < 5 * TICK_MS * MSEC ? since : 5 * TICK_MS * MSEC;
	if (g->idle_ns >= g->deadline_ns) {
		g->expired = waits_in_kernel(g->pid);
		g->idle_ns = g->expired ? g->idle_ns : 0;
	}
}

uint64_t guard_idle_ns(const struct guard *g)
{
	return g->idle_ns;
}

static int expired(const struct guard *g)
{
	return fail(-ETIMEDOUT,
		    "no answer within %.3g s: most likely one of its threads waits in the kernel "
		    "(state D) and holds its mmap_lock",
		    g->deadline_ns / 1e9);
}

int guard_get(struct guard *g, void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		struct pollfd p = { .fd = g->fd, .events = POLLIN };
		ssize_t n;

		if (g->expired)
			return expired(g);
		if (poll(&p, 1, TICK_MS) <= 0) {
			watch(g);
			continue;
		}
		n = recv(g->fd, (char *)buf + done, len - done, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(-EPIPE, "the child that looks at the process died");
		g->idle_ns = 0;
		done += n;
	}
	return 0;
}

void *guard_get_array(struct guard *g, size_t n, size_t size, int *err)
{
	void *array;

	if (*err)
		return NULL;
	array = n < SIZE_MAX ? calloc(n + 1, size) : NULL;
	*err = array ? guard_get(g, array, n * size)
		     : fail(-ENOMEM, "no memory for %zu times %zu bytes", n, size);
	if (*err) {
		free(array);
		array = NULL;
	}
	return array;
}

int guard_put(struct guard *g, const void *buf, size_t len)
{
	int err = guard_write(g->fd, buf, len);

	/* idle until now, as it should be */
	g->seen_ns = clock_ns(CLOCK_MONOTONIC);
	g->idle_ns = 0;
	return err ? fail(err, "the child that looks at the process died") : 0;
}

size_t guard_any(struct guard *g, size_t n, int timeout_ms)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + timeout_ms * MSEC;
	struct pollfd *p = calloc(n + 1, sizeof(*p));
	size_t found = n;

	while (p && found == n) {
		for (size_t i = 0; i < n; i++)
			p[i] = (struct pollfd){ .fd = g[i].pid ? g[i].fd : -1, .events = POLLIN };
		if (poll(p, n, TICK_MS) < 0)
			memset(p, 0, n * sizeof(*p));
		for (size_t i = 0; i < n && found == n; i++) {
			if (!g[i].pid)
				continue;
			if (!p[i].revents)
				watch(&g[i]);
			if (p[i].revents || g[i].expired)
				found = i;
		}
		if (clock_ns(CLOCK_MONOTONIC) >= end)
			break;
	}
	free(p);
	return found;
}

void guard_end(struct guard *g)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + REAP_MS * MSEC;
	pid_t *slot;

	if (!g->pid)
		return;
	if (g->fd >= 0)
		close(g->fd);
	kill(g->pid, SIGKILL);
	while (!waitpid(g->pid, NULL, WNOHANG)) {
		if (clock_ns(CLOCK_MONOTONIC) >= end) {
			slot = hanging_slot();
			if (slot)
				*slot = g->pid;
			break;
		}
		usleep(200);
	}
	*g = (struct guard){ .fd = -1 };
}

int guard_write(int fd, const void *buf, size_t len)
{
	while (len) {
		ssize_t n = send(fd, buf, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		buf = (const char *)buf + n;
		len -= n;
	}
	return 0;
}

int guard_read(int fd, void *buf, size_t len)
{
	while (len) {
		ssize_t n = recv(fd, buf, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		buf = (char *)buf + n;
		len -= n;
	}
	return 0;
}
