// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Where results go: find the format, open the file, write whole looks; see sink.h. */
#include "sink.h"
#include "tool.h"
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_WIDTH 80
#define LEAST_WIDTH 40
#define BASE_MAX    (64U << 20)

static const struct sink_ops *format_find(const char *name, size_t len)
{
	for (const struct sink_ops *o = sink_after(NULL); o; o = sink_after(o))
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

static int format_unknown(const char *name, size_t len)
{
	char list[128] = "";

	for (const struct sink_ops *o = sink_after(NULL); o; o = sink_after(o)) {
		size_t end = strlen(list);

		snprintf(list + end, sizeof(list) - end, "%s%s", end ? ", " : "", o->name);
	}
	return fail(-EINVAL, "unknown format '%.*s': the formats are %s",
		    (int)(len < 64 ? len : 64), name, list);
}

static bool paths_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static int sink_add(struct sinks *s, const struct sink_ops *ops, const char *path, FILE *f)
{
	if (s->n == SINKS_MAX)
		return fail(-EINVAL, "more than %d outputs", SINKS_MAX);
	s->v[s->n++] = (struct sink){ .ops = ops, .path = path, .file = f, .width = TABLE_WIDTH };
	return 0;
}

static int sinks_add_ops(struct sinks *s, const struct sink_ops *ops, const char *path)
{
	if (path && !strcmp(path, "-"))
		path = NULL;
	for (const struct sink *old = s->v; old < s->v + s->n; old++)
		if (paths_equal(old->path, path))
			return fail(-EINVAL, "%s and %s cannot both go to %s: use -o %s:FILE",
				    old->ops->name, ops->name, path ? path : "stdout", ops->name);
	return sink_add(s, ops, path, NULL);
}

int sinks_add(struct sinks *s, const char *spec)
{
	size_t len = strcspn(spec, ":");
	const struct sink_ops *ops = format_find(spec, len);
	const char *path = spec[len] ? spec + len + 1 : NULL;

	if (!ops)
		return format_unknown(spec, len);
	if (path && !*path)
		return fail(-EINVAL, "'%s' names no file: give %s or %s:FILE", spec, ops->name,
			    ops->name);
	return sinks_add_ops(s, ops, path);
}

int sinks_add_file(struct sinks *s, const char *format, const char *path)
{
	const struct sink_ops *ops = format_find(format, strlen(format));

	return ops ? sinks_add_ops(s, ops, path) : format_unknown(format, strlen(format));
}

bool look_replaces(const struct look *l, const struct section *s)
{
	const struct rows *rows = &l->rows[s - l->run->tool->sections];

	/* what a stream says at its end need not have them once more */
	return !l->run->tool->stream || (s->flags & SEC_STATE && rows->n);
}

struct value look_comm(const struct look *l)
{
	const struct section *sections = l->run->tool->sections;

	for (const struct section *s = sections; s && s->cols; s++) {
		const struct rows *rows = &l->rows[s - sections];
		const struct col *c = s->shape == SEC_FIELDS ? col_find(s->cols, "comm") : NULL;

		if (c && (c->type == CT_CHARS || c->type == CT_STR) && rows->n)
			return col_value(c, rows->row[0]);
	}
	return (struct value){};
}

/* What the stream can show: a terminal has a width, may be bold, and may be cleared. */
static void sink_look_over(struct sink *s, const struct run *r)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool able = term && *term && strcmp(term, "dumb");
	struct winsize ws;

	s->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	s->tty = fileno(s->file) >= 0 && isatty(fileno(s->file));
	if (!s->tty)
		return;
	s->bold = able && !(no_color && *no_color);
	s->clear = able && r->interval > 0 && !r->no_clear;
	if (!ioctl(fileno(s->file), TIOCGWINSZ, &ws) && ws.ws_col)
		s->width = ws.ws_col < LEAST_WIDTH ? LEAST_WIDTH : ws.ws_col;
}

/* ---- files ---- */

static FILE *private_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return NULL;
	/* one that was there already keeps its mode unless it is changed */
	if (fstat(fd, &st) || (S_ISREG(st.st_mode) && st.st_mode & 077 && fchmod(fd, 0600))) {
		int err = errno;

		close(fd);
		errno = err;
		return NULL;
	}
	return fdopen(fd, "w");
}

/* The length of the directory's part of a path, the slash included. */
static int dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 - path : 0;
}

/* A file that is replaced is not opened until there is something to put in its place. */
static int replaced_check(const struct sink *s)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", dir_length(s->path), s->path);
	return access(*dir ? dir : ".", W_OK | X_OK) ? -errno : 0;
}

/* A pipe or device cannot be replaced, only written to. */
static bool is_replaced(const struct sink *s)
{
	struct stat st;

	return s->path && s->ops->flags & SINK_REPLACE &&
	       (lstat(s->path, &st) || S_ISREG(st.st_mode));
}

static int sink_open(struct sink *s)
{
	if (is_replaced(s))
		return replaced_check(s);
	if (!s->path)
		s->file = stdout;
	else if (s->ops->flags & SINK_PRIVATE)
		s->file = private_open(s->path);
	else
		s->file = fopen(s->path, "we");
	return s->file ? 0 : -errno;
}

static int write_failed(struct sinks *sinks, struct sink *s, int err)
{
	s->failed = true;
	sinks->error = err;
	return fail(err, "cannot write %s: %s", s->path ? s->path : "stdout", strerror(-err));
}

static int fd_write(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		buf += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	return 0;
}

/* Readers see the old file or the new one: it is written beside it, and takes its name. */
static int file_replace(const char *path, const char *buf, size_t len)
{
	mode_t mask = umask(0);
	char tmp[PATH_MAX];
	int dir = dir_length(path), fd, err;

	umask(mask);
	if (snprintf(tmp, sizeof(tmp), "%.*s.%s.XXXXXX", dir, path, path + dir) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fd_write(fd, buf, len);
	if (!err && fchmod(fd, 0666 & ~mask))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(tmp, path))
		err = -errno;
	if (err)
		unlink(tmp);
	return err;
}

static int sink_write(struct sinks *sinks, struct sink *s, const char *buf, size_t len)
{
	int err = 0;

	if (!len)
		return 0;
	if (!s->file)
		err = file_replace(s->path, buf, len);
	else if (fwrite(buf, 1, len, s->file) != len || fflush(s->file))
		err = -errno;
	return err ? write_failed(sinks, s, err) : 0;
}

/* ---- what a format says ---- */

struct saying {
	int (*plain)(struct sink *s, FILE *out);
	const struct look *look;
	const struct run *begin;
};

static int sink_say(struct sinks *sinks, struct sink *s, const struct saying *w)
{
	char *buf = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&buf, &len);
	int err;

	if (!out)
		return -ENOMEM;
	if (w->plain)
		err = w->plain(s, out);
	else if (w->look)
		err = s->ops->look(s, w->look, out);
	else
		err = s->ops->begin(s, w->begin, out);
	if (fclose(out) && !err)
		err = -ENOMEM;
	if (!err)
		err = sink_write(sinks, s, buf, len);
	free(buf);
	return err;
}

static int sink_begin(struct sinks *sinks, struct sink *s, const struct run *r)
{
	int err = 0;

	if (s->file)
		sink_look_over(s, r);
	if (s->tty && s->ops->flags & SINK_BINARY)
		return fail(-EINVAL, "%s is nothing for a terminal: use -o %s:FILE", s->ops->name,
			    s->ops->name);
	if (s->ops->begin)
		err = sink_say(sinks, s, &(struct saying){ .begin = r });
	s->begun = !err;
	return err;
}

/* One file can be of one format only. */
static int base_check(const struct sinks *sinks, const struct run *r)
{
	size_t n = 0;

	for (const struct sink *s = sinks->v; s < sinks->v + sinks->n; s++)
		n += !!(s->ops->flags & SINK_BASE);
	if (!r->base || n == 1)
		return 0;
	return n ? fail(-EINVAL, "--base is for one output: %s is of one format", r->base)
		 : fail(-EINVAL, "--base needs an output that can show a difference: use "
				 "-o pprof:FILE or -f");
}

int base_read(const char *path, char **bytes, size_t *len)
{
	FILE *f = fopen(path, "re");
	size_t room = 0;
	int err = f ? 0 : -errno;

	*bytes = NULL;
	*len = 0;
	while (!err && !feof(f)) {
		char *grown = *len < BASE_MAX ? realloc(*bytes, room = 2 * *len + 65536) : NULL;

		if (!grown) {
			err = *len < BASE_MAX ? -ENOMEM : -EFBIG;
			break;
		}
		*bytes = grown;
		*len += fread(*bytes + *len, 1, room - *len - 1, f);
		err = ferror(f) ? -errno : 0;
	}
	if (f)
		fclose(f);
	if (!err)
		return 0;
	free(*bytes);
	*bytes = NULL;
	return fail(err, "cannot read %s: %s", path, strerror(-err));
}

int sinks_open(struct sinks *sinks, const struct run *r)
{
	int bad = base_check(sinks, r);

	if (bad)
		return bad;
	for (struct sink *s = sinks->v; s < sinks->v + sinks->n; s++) {
		int err;

		if (s->file)
			continue;
		if (s->path && r->replay && !strcmp(s->path, r->replay))
			return fail(-EINVAL, "%s cannot be replayed into itself", s->path);
		err = sink_open(s);
		if (err)
			return fail(err, "cannot write %s: %s", s->path, strerror(-err));
		err = sink_begin(sinks, s, r);
		if (err)
			return err;
	}
	return 0;
}

int sinks_attach(struct sinks *sinks, const char *format, FILE *f, const struct run *r)
{
	const struct sink_ops *ops = format_find(format, strlen(format));
	int err = ops ? sink_add(sinks, ops, NULL, f) : format_unknown(format, strlen(format));

	return err ? err : sink_begin(sinks, &sinks->v[sinks->n - 1], r);
}

int sinks_look(struct sinks *sinks, const struct look *l, bool whole)
{
	int err = sinks->error;

	for (struct sink *s = sinks->v; s < sinks->v + sinks->n && !err; s++) {
		if (whole != !!(s->ops->flags & SINK_WHOLE))
			continue;
		err = sink_say(sinks, s, &(struct saying){ .look = l });
		s->looks += !err && !l->live;
	}
	return err;
}

int sinks_round(struct sinks *sinks)
{
	int err = sinks->error;

	for (struct sink *s = sinks->v; s < sinks->v + sinks->n && !err; s++)
		if (s->ops->round)
			err = sink_say(sinks, s, &(struct saying){ .plain = s->ops->round });
	return err;
}

int sinks_close(struct sinks *sinks)
{
	int err = 0;

	for (struct sink *s = sinks->v; s < sinks->v + sinks->n; s++) {
		/* where one could not be written, the others still come to an end */
		if (s->begun && s->ops->end && !s->failed)
			err = sink_say(sinks, s, &(struct saying){ .plain = s->ops->end });
		sinks->error = sinks->error ? sinks->error : err;
		if (s->path && s->file && fclose(s->file) && !sinks->error)
			write_failed(sinks, s, -errno);
		if (s->ops->free)
			s->ops->free(s);
	}
	sinks->n = 0;
	return sinks->error;
}
