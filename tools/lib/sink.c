// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Where results go: find the format, open the file, write whole looks; see sink.h. */
#include "sink.h"
#include "tool.h"
#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TABLE_WIDTH 80
#define LEAST_WIDTH 40

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
	if (path && !strcmp(path, "-"))
		path = NULL;
	for (const struct sink *old = s->v; old < s->v + s->n; old++)
		if (paths_equal(old->path, path))
			return fail(-EINVAL, "%s and %s cannot both go to %s: use -o %s:FILE",
				    old->ops->name, ops->name, path ? path : "stdout", ops->name);
	return sink_add(s, ops, path, NULL);
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

int sinks_open(struct sinks *sinks, const struct run *r)
{
	for (struct sink *s = sinks->v; s < sinks->v + sinks->n; s++) {
		if (s->file)
			continue;
		s->file = s->path ? fopen(s->path, "we") : stdout;
		if (!s->file)
			return fail(-errno, "cannot write %s: %s", s->path, strerror(errno));
		sink_look_over(s, r);
	}
	return 0;
}

int sinks_attach(struct sinks *sinks, const char *format, FILE *f, const struct run *r)
{
	const struct sink_ops *ops = format_find(format, strlen(format));
	int err = ops ? sink_add(sinks, ops, NULL, f) : format_unknown(format, strlen(format));

	if (!err)
		sink_look_over(&sinks->v[sinks->n - 1], r);
	return err;
}

static int write_failed(struct sinks *sinks, const struct sink *s, int err)
{
	sinks->error = err;
	return fail(err, "cannot write %s: %s", s->path ? s->path : "stdout", strerror(-err));
}

static int sink_look(struct sinks *sinks, struct sink *s, const struct look *l)
{
	char *buf = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&buf, &len);
	int err;

	if (!out)
		return -ENOMEM;
	err = s->ops->look(s, l, out);
	if (fclose(out) && !err)
		err = -ENOMEM;
	if (!err && len && (fwrite(buf, 1, len, s->file) != len || fflush(s->file)))
		err = write_failed(sinks, s, -errno);
	free(buf);
	s->looks += !l->live;
	return err;
}

int sinks_look(struct sinks *sinks, const struct look *l)
{
	int err = sinks->error;

	for (size_t i = 0; i < sinks->n && !err; i++)
		err = sink_look(sinks, &sinks->v[i], l);
	return err;
}

int sinks_close(struct sinks *sinks)
{
	for (struct sink *s = sinks->v; s < sinks->v + sinks->n; s++)
		if (s->path && s->file && fclose(s->file) && !sinks->error)
			write_failed(sinks, s, -errno);
	sinks->n = 0;
	return sinks->error;
}
