// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Appends records to an audit log; the format is drawn in audit.h. */
#include "audit.h"
#include "fail.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define TAIL 32 /* room for the last member */

struct audit {
	int fd;
	const char *path;
	uint64_t seq;
	char prev[SHA256_HEX];
	FILE *f; /* into line */
	struct json json;
	int err;
	char why[256];
	char line[AUDIT_LINE_MAX];
};

static int broken(struct audit *a, int err, const char *what)
{
	a->err = err;
	snprintf(a->why, sizeof(a->why), "cannot %s the audit log %.160s: %s", what, a->path,
		 strerror(-err));
	return fail(err, "%s", a->why);
}

int audit_error(const struct audit *a)
{
	return a->err ? fail(a->err, "%s", a->why) : 0;
}

/* ---- opening ---- */

/* Of the whole process, and not handed on to children. */
static struct flock whole(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

pid_t audit_writer(int fd)
{
	struct flock lock = whole(F_RDLCK);

	return fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static int claim(const struct audit *a)
{
	struct flock lock = whole(F_WRLCK);
	struct stat st;

	if (fstat(a->fd, &st))
		return fail(-errno, "cannot use %s: %s", a->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(-EINVAL, "cannot use %s as an audit log: not a regular file", a->path);
	if (!fcntl(a->fd, F_SETLK, &lock))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return fail(-errno, "cannot lock %s: %s", a->path, strerror(errno));
	return fail(-EBUSY, "the audit log %s is being written by process %d: name another",
		    a->path, audit_writer(a->fd));
}

/* Go on behind the records that are there. */
static int resume(struct audit *a)
{
	struct audit_check *c = malloc(sizeof(*c));
	struct stat st;
	int err = c ? 0 : -ENOMEM;

	memset(a->prev, '0', SHA256_HEX - 1);
	if (!err && fstat(a->fd, &st))
		err = -errno;
	if (!err && st.st_size) {
		audit_check_begin(c, NULL);
		err = audit_check_fd(c, a->fd);
		if (!err && c->broken)
			err = fail(-EBADMSG, "%s is no audit log to append to: %s; name another",
				   a->path, c->why);
		a->seq = c->records;
		memcpy(a->prev, c->end, sizeof(a->prev));
	}
	free(c);
	return err;
}

int audit_open(struct audit **to, const char *path)
{
	struct audit *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->path = path;
	a->f = fmemopen(a->line, sizeof(a->line) - TAIL, "w");
	a->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (a->fd < 0)
		err = fail(-errno, "cannot open the audit log %s: %s", path, strerror(errno));
	else
		err = a->f ? claim(a) : -ENOMEM;
	err = err ? err : resume(a);
	if (err) {
		audit_close(a);
		return err;
	}
	*to = a;
	return 0;
}

void audit_close(struct audit *a)
{
	if (!a)
		return;
	if (a->f)
		fclose(a->f);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

/* ---- records ---- */

struct json *audit_begin(struct audit *a, const char *event)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	rewind(a->f);
	a->json = (struct json){ .f = a->f };
	json_open(&a->json, NULL, '{');
	json_u64(&a->json, "v", 1);
	json_u64(&a->json, "seq", a->seq);
	json_string(&a->json, "prev", a->prev);
	json_u64_text(&a->json, "at_ns", ts.tv_sec * 1000000000ULL + ts.tv_nsec);
	json_string(&a->json, "event", event);
	return &a->json;
}

static int append(struct audit *a, size_t len)
{
	ssize_t n;

	do
		n = write(a->fd, a->line, len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return 0;
	/* what is there of it shows as a torn line */
	return broken(a, n < 0 ? -errno : -ENOSPC, "write");
}

int audit_end(struct audit *a)
{
	bool full = fflush(a->f) || ferror(a->f);
	long len = ftell(a->f);

	if (a->err)
		return audit_error(a);
	if (full || len < 0)
		return broken(a, -EFBIG, "write");
	len += sprintf(a->line + len, ",\"crc\":\"%08x\"}\n",
		       (unsigned int)crc32(0, (uint8_t *)a->line, len));
	if (append(a, len))
		return a->err;
	sha256_hex(a->line, len, a->prev);
	a->seq++;
	return 0;
}

int audit_sync(struct audit *a)
{
	if (!a->err && fdatasync(a->fd))
		return broken(a, -errno, "write");
	return audit_error(a);
}

uint64_t audit_seq(const struct audit *a)
{
	return a->seq;
}

const char *audit_hash(const struct audit *a)
{
	return a->prev;
}
