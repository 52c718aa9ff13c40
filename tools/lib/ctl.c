// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The tool's side of gomemtrace ctl; see ctl.h. */
#include "ctl.h"
#include "clock.h"
#include "tool.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define TOLD_NS 1000000000ULL /* strangers are mentioned once in so long */

/* ---- messages ---- */

static int read_sample(const char *word, struct policy *p)
{
	double percent;
	int err = opt_read_percent("sample", word, &percent);

	if (!err)
		p->sample = policy_sample(percent);
	return err;
}

static int read_size_min(const char *word, struct policy *p)
{
	return opt_read_size("size_min", word, (uint64_t *)&p->size_min);
}

static int read_size_max(const char *word, struct policy *p)
{
	return opt_read_size("size_max", word, (uint64_t *)&p->size_max);
}

static int read_cgroup(const char *word, struct policy *p)
{
	return opt_read_u64("cgroup", word, UINT64_MAX, (uint64_t *)&p->cgroup);
}

static int read_tgid(const char *word, struct policy *p)
{
	uint64_t v;
	int err = opt_read_u64("tgid", word, INT32_MAX, &v);

	if (!err && !v)
		err = fail(-EINVAL, "tgid: 0 is no process");
	if (!err)
		p->tgid = v;
	return err;
}

static const struct key {
	const char *name;
	int (*read)(const char *word, struct policy *p);
} keys[] = {
	{ "sample", read_sample }, { "size_min", read_size_min }, { "size_max", read_size_max },
	{ "cgroup", read_cgroup }, { "tgid", read_tgid },
};

static int read_word(char *word, struct policy *p, unsigned int *seen)
{
	char *value = strchr(word, '=');

	if (!value)
		return fail(-EINVAL, "'%.64s' is not KEY=VALUE", word);
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(word, keys[i].name))
			continue;
		if (*seen & 1U << i)
			return fail(-EINVAL, "%s is given twice", word);
		*seen |= 1U << i;
		return keys[i].read(value, p);
	}
	return fail(-EINVAL, "'%.64s' cannot be set: sample, size_min, size_max, cgroup, tgid can",
		    word);
}

int ctl_parse(const char *msg, size_t len, struct policy *p, bool *change)
{
	char text[CTL_MESSAGE + 1], *rest = text, *word;
	struct policy new = *p;
	unsigned int seen = 0;
	int err = 0;

	*change = false;
	if (len > CTL_MESSAGE)
		return fail(-EINVAL, "a message is at most %d bytes", CTL_MESSAGE);
	memcpy(text, msg, len);
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return fail(-EINVAL, "a message is printable ASCII");
	if (!strcmp(text, "show"))
		return 0;
	for (int n = 0; !err && (word = strsep(&rest, " ")); n++)
		err = n == CTL_WORDS ? fail(-EINVAL, "more than %d words", CTL_WORDS)
				     : read_word(word, &new, &seen);
	if (!err && new.size_min > new.size_max)
		err = fail(-EINVAL, "size_min %llu is more than size_max %llu",
			   (unsigned long long)new.size_min, (unsigned long long)new.size_max);
	if (err)
		return err;
	*change = memcmp(p, &new, sizeof(new));
	*p = new;
	return 0;
}

/* ---- listening ---- */

static int add_fd(struct ctl *c, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(c->poll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static int listen_at(int fd, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = strlen(name);

	memcpy(a.sun_path + 1, name, len);
	return bind(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 1 + len) ||
			       listen(fd, BACKLOG)
		       ? -errno
		       : 0;
}

void ctl_open(struct ctl *c, struct run *r, struct policy_writer *policy, int poll)
{
	char name[64];
	int err;

	*c = (struct ctl){ .run = r, .policy = policy, .poll = poll, .target = r->pid };
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(name, sizeof(name), CTL_PREFIX "%d.%d", getpid(), r->pid);
	err = c->fd < 0 ? -errno : listen_at(c->fd, name);
	err = err ? err : add_fd(c, c->fd);
	if (!err)
		return;
	run_note(r, "gomemtrace ctl will not reach this run: socket @%s: %s", name, strerror(-err));
	ctl_close(c);
}

static void peer_close(struct ctl_peer *p)
{
	if (p->fd)
		close(p->fd);
	p->fd = 0;
}

void ctl_close(struct ctl *c)
{
	for (struct ctl_peer *p = c->peer; p < c->peer + CTL_PEERS; p++)
		peer_close(p);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* ---- hearing ---- */

static void answer(struct ctl *c, int fd, int err, uint64_t written)
{
	struct ctl_answer a = {
		.magic = CTL_MAGIC,
		.err = err,
		.target = c->target,
		.written_ns = written,
		.policy = c->policy->now,
	};

	snprintf(a.tool, sizeof(a.tool), "%s", c->run->tool->name);
	if (err)
		snprintf(a.text, sizeof(a.text), "%.255s", fail_text());
	/* whoever does not take it has no answer */
	send(fd, &a, sizeof(a), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The descriptor of whoever is not heard goes away without an answer, but for the reason. */
static void refuse(struct ctl *c, int fd, const struct ucred *who)
{
	struct ctl_answer a = { .magic = CTL_MAGIC, .err = -EACCES, .target = c->target };
	uint64_t now = clock_mono_ns();

	snprintf(a.text, sizeof(a.text), "only root and user %u may do that", geteuid());
	/* what was not read would take the answer back */
	recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT);
	send(fd, &a, sizeof(a), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
	c->refused++;
	if (c->told_ns && now - c->told_ns < TOLD_NS)
		return;
	run_note(c->run, "refused to be controlled by uid %u, pid %d (%llu refused so far)",
		 who->uid, who->pid, (unsigned long long)c->refused);
	c->told_ns = now;
}

static void welcome(struct ctl *c, int fd)
{
	struct ctl_peer *p = &c->peer[c->next++ % CTL_PEERS];
	socklen_t len = sizeof(struct ucred);
	struct ucred who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len)) {
		close(fd);
		return;
	}
	if (who.uid && who.uid != geteuid()) {
		c->next--;
		refuse(c, fd, &who);
		return;
	}
	peer_close(p);
	*p = (struct ctl_peer){ .fd = fd, .uid = who.uid, .pid = who.pid };
	if (add_fd(c, fd))
		peer_close(p);
}

static int obey(struct ctl *c, const struct ctl_peer *peer, const char *msg, size_t len,
		uint64_t *written)
{
	struct policy p = c->policy->now;
	char who[64];
	bool change;
	int err = ctl_parse(msg, len, &p, &change);

	if (err || !change)
		return err;
	snprintf(who, sizeof(who), "uid %u, pid %d", peer->uid, peer->pid);
	err = policy_set(c->policy, p, who);
	*written = c->policy->written_ns;
	return err;
}

/* One message, one answer, and that is all. */
static void hear(struct ctl *c, struct ctl_peer *p)
{
	char msg[CTL_MESSAGE + 1];
	ssize_t n = recv(p->fd, msg, sizeof(msg), MSG_DONTWAIT);
	uint64_t written = 0;
	int err;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		fail_clear();
		err = obey(c, p, msg, n, &written);
		answer(c, p->fd, err, written);
		fail_clear();
	}
	peer_close(p);
}

void ctl_event(struct ctl *c)
{
	int fd;

	if (c->fd < 0)
		return;
	for (int i = 0; i < BACKLOG; i++) {
		fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			break;
		welcome(c, fd);
		/* most have spoken already: none is put off by those behind it */
		for (struct ctl_peer *p = c->peer; p < c->peer + CTL_PEERS; p++)
			if (p->fd == fd)
				hear(c, p);
	}
	for (struct ctl_peer *p = c->peer; p < c->peer + CTL_PEERS; p++)
		if (p->fd)
			hear(c, p);
}
