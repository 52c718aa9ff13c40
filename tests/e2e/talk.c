// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * talk SOCKET say TEXT | junk | silent N SECONDS | loop N USEC WORD... - the other side of a
 * tool's socket (tools/lib/ctl.h), from the protocol alone and with none of the care of
 * gomemtrace ctl.
 *
 * say: one message. junk: what is none. silent: N connections that say nothing. loop: N changes,
 * so long after one another, the words in turn, each with its own lower bound. A line for each
 * answer: err, generation, when it was sent, when the policy was written, a sentence.
 */
#include "clock.h"
#include "ctl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SILENT_MAX 1000

static const char *name;

static int reach(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = strlen(name);

	if (fd < 0 || len >= sizeof(a.sun_path))
		return -1;
	memcpy(a.sun_path + 1, name, len);
	if (!connect(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 1 + len))
		return fd;
	close(fd);
	return -1;
}

/* Whether there was an answer. */
static int say(const void *msg, size_t len)
{
	struct ctl_answer a = {};
	uint64_t sent = clock_mono_ns();
	int fd = reach();

	if (fd < 0) {
		printf("unreachable %s\n", strerror(errno));
		return 1;
	}
	send(fd, msg, len, MSG_NOSIGNAL);
	if (recv(fd, &a, sizeof(a), 0) == sizeof(a) && a.magic == CTL_MAGIC)
		printf("%d %u %llu %llu %s\n", a.err, a.policy.generation, (unsigned long long)sent,
		       (unsigned long long)a.written_ns, a.text);
	else
		printf("none\n");
	close(fd);
	return !a.magic;
}

static int junk(void)
{
	static const size_t lens[] = { CTL_MESSAGE, CTL_MESSAGE + 1, 4096, 100003 };
	static const char *const texts[] = { "sample",
					     "=",
					     "sample=1 ",
					     "sample=1  size_min=1",
					     "Show",
					     "show show",
					     "sample=1\n",
					     "\xff\x01",
					     "size_min=2 size_max=1",
					     "sample=100 nonsense=7" };
	char *long_one = malloc(lens[3]);
	int unanswered = 0;

	memset(long_one, 'a', lens[3]);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		unanswered += say(long_one, lens[i]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		unanswered += say(texts[i], strlen(texts[i]));
	/* a NUL within; no byte at all, which is as good as hanging up */
	unanswered += say("show\0show", 9);
	unanswered += !say("", 0);
	free(long_one);
	return unanswered;
}

static int silent(int n, double seconds)
{
	int fds[SILENT_MAX];

	for (int i = 0; i < n && i < SILENT_MAX; i++) {
		fds[i] = reach();
		if (fds[i] < 0)
			return 1;
	}
	printf("silent\n");
	fflush(stdout);
	usleep(seconds * 1e6);
	return 0;
}

static int loop(int n, useconds_t us, char **words, int nwords)
{
	char msg[CTL_MESSAGE];
	int err = 0;

	for (int i = 0; i < n && !err; i++)
		err = say(msg,
			  snprintf(msg, sizeof(msg), "%s size_min=%d", words[i % nwords], i + 1));
	return err;
}

int main(int argc, char **argv)
{
	name = argv[1];
	if (argc == 4 && !strcmp(argv[2], "say"))
		return say(argv[3], strlen(argv[3]));
	if (argc == 3 && !strcmp(argv[2], "junk"))
		return junk();
	if (argc == 5 && !strcmp(argv[2], "silent"))
		return silent(atoi(argv[3]), atof(argv[4]));
	if (argc > 5 && !strcmp(argv[2], "loop"))
		return loop(atoi(argv[3]), atoi(argv[4]), argv + 5, argc - 5);
	return 2;
}
