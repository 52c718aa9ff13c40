// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Who asks: the other side of ctl.c. */
#include "clock.h"
#include "ctl.h"
#include "tool.h"
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SOCKETS_MAX 1000000 /* lines of /proc/net/unix */

/* Num RefCount Protocol Flags Type St Inode Path, in hexadecimal; net/unix/af_unix.c */
static bool read_line(const char *line, char *name, size_t size)
{
	unsigned int flags, type;
	char path[128];

	return sscanf(line, "%*s %*x %*x %x %x %*x %*u %127s", &flags, &type, path) == 3 &&
	       flags & 0x10000 /* it listens */ && type == SOCK_SEQPACKET &&
	       !strncmp(path, "@" CTL_PREFIX, sizeof(CTL_PREFIX)) &&
	       snprintf(name, size, "%s", path + 1) < (int)size;
}

int ctl_list(struct ctl_tool *t, size_t max, size_t *n)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[256];

	*n = 0;
	if (!f)
		return fail(-errno, "cannot read /proc/net/unix: %s", strerror(errno));
	for (int i = 0; i < SOCKETS_MAX && *n < max && fgets(line, sizeof(line), f); i++)
		if (read_line(line, t[*n].name, sizeof(t[*n].name)))
			(*n)++;
	fclose(f);
	return 0;
}

static int connect_to(int fd, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = strlen(name);

	memcpy(a.sun_path + 1, name, len);
	if (!connect(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 1 + len))
		return 0;
	if (errno == ECONNREFUSED)
		return fail(-ESRCH, "the tool at @%s is gone", name);
	return fail(-errno, "cannot reach @%s: %s", name, strerror(errno));
}

/* The name has the pid as the tool sees it, the kernel has it as we do: that is what counts. */
static int check_peer(int fd, struct ctl_tool *t, pid_t pid)
{
	socklen_t len = sizeof(struct ucred);
	struct ucred who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return -errno;
	t->pid = who.pid;
	t->uid = who.uid;
	if (pid && pid != who.pid)
		return -EAGAIN;
	if (geteuid() && who.uid != geteuid())
		return fail(-EACCES,
			    "the tool at @%s runs as uid %u: only that user and root may "
			    "ask it",
			    t->name, who.uid);
	return 0;
}

static int take(int fd, struct ctl_tool *t)
{
	struct ctl_answer *a = &t->answer;
	ssize_t n = recv(fd, a, sizeof(*a), MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return fail(-ETIMEDOUT,
			    "the tool at @%s does not answer: it may be stopped, or "
			    "nobody reads what it writes",
			    t->name);
	if (n <= 0)
		return fail(-ESRCH, "the tool at @%s hung up", t->name);
	if (n != sizeof(*a) || a->magic != CTL_MAGIC || !memchr(a->tool, 0, sizeof(a->tool)) ||
	    !memchr(a->text, 0, sizeof(a->text)))
		return fail(-EPROTO, "what listens at @%s is not of this gomemtrace", t->name);
	return 0;
}

int ctl_ask(struct ctl_tool *t, pid_t pid, const char *msg)
{
	struct timeval wait = { .tv_sec = 2 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	/* also of connect(), where the queue is full */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	err = connect_to(fd, t->name);
	err = err ? err : check_peer(fd, t, pid);
	t->sent_ns = clock_mono_ns();
	if (!err && send(fd, msg, strlen(msg), MSG_NOSIGNAL) < 0 && errno != EPIPE)
		err = -errno;
	err = err ? err : take(fd, t);
	close(fd);
	return err;
}

int ctl_cgroup(const char *word, uint64_t *id)
{
	struct statfs fs;
	struct stat st;

	if (*word != '/')
		return opt_read_u64("cgroup", word, UINT64_MAX, id);
	if (stat(word, &st) || statfs(word, &fs))
		return fail(-EINVAL, "cgroup: %.128s: %s", word, strerror(errno));
	if (!S_ISDIR(st.st_mode) || fs.f_type != CGROUP2_SUPER_MAGIC)
		return fail(-EINVAL, "cgroup: %.128s is no directory of a cgroup v2 hierarchy",
			    word);
	*id = st.st_ino;
	return 0;
}
