// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Starts the command after "--" and waits for it; see cmd.h. */
#include "cmd.h"
#include "fail.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* In the child: only what a signal handler may do, too. Never returns. */
static void child_run(int go, int up, char **argv)
{
	ssize_t n;
	char c;
	int err;

	/* the frontend ignores it, and that would survive the exec */
	signal(SIGPIPE, SIG_DFL);
	do
		n = read(go, &c, 1);
	while (n < 0 && errno == EINTR);
	/* whoever started us is gone */
	if (n != 1)
		_exit(127);
	execvp(argv[0], argv);
	err = errno;
	while (write(up, &err, sizeof(err)) < 0 && errno == EINTR)
		;
	_exit(127);
}

int cmd_start(struct cmd *c, char **argv)
{
	int go[2], up[2], err;

	if (pipe2(go, O_CLOEXEC))
		return fail(-errno, "cannot start %s: %s", argv[0], strerror(errno));
	if (pipe2(up, O_CLOEXEC)) {
		err = -errno;
		goto out_go;
	}
	c->pid = fork();
	if (c->pid < 0) {
		err = -errno;
		goto out_up;
	}
	if (!c->pid) {
		close(go[1]);
		close(up[0]);
		child_run(go[0], up[1], argv);
	}
	close(go[0]);
	close(up[1]);
	c->go = go[1];
	c->up = up[0];
	c->pidfd = syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd >= 0)
		fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
	return 0;
out_up:
	close(up[0]);
	close(up[1]);
out_go:
	close(go[0]);
	close(go[1]);
	return fail(err, "cannot start %s: %s", argv[0], strerror(-err));
}

int cmd_go(struct cmd *c, char **argv)
{
	int err = 0;
	ssize_t n;

	if (write(c->go, "", 1) != 1)
		err = errno;
	close(c->go);
	do
		n = read(c->up, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	close(c->up);
	return err ? fail(-err, "cannot start %s: %s", argv[0], strerror(err)) : 0;
}

bool cmd_ended(const struct cmd *c)
{
	siginfo_t info = {};

	return !waitid(P_PID, c->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* Sleep until it ends or a signal comes, which cannot slip by. */
static void nap(const struct cmd *c, const sigset_t *unblocked)
{
	struct pollfd fd = { .fd = c->pidfd, .events = POLLIN };
	struct timespec tick = { .tv_nsec = 50000000 };

	ppoll(&fd, 1, c->pidfd < 0 ? &tick : NULL, unblocked);
}

int cmd_wait(struct cmd *c, int (*stopping)(void))
{
	bool told = false;
	sigset_t block, old;
	int status;
	pid_t pid;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	while (!(pid = waitpid(c->pid, &status, WNOHANG))) {
		if (stopping() == SIGTERM && !told) {
			kill(c->pid, SIGTERM);
			told = true;
		}
		nap(c, &old);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (pid < 0)
		return 1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int cmd_status(int err)
{
	return err == -ENOENT ? 127 : 126;
}
