// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Trace events for Perfetto and chrome://tracing: the spans of rows (emit.h) on a time axis.
 *
 *	{"displayTimeUnit":"ns","traceEvents":[
 *	{"name":"process_name","ph":"M","pid":42,"tid":0,"args":{"name":"server"}},
 *	{"name":"thread_name","ph":"M","pid":42,"tid":1,"args":{"name":"GC"}},
 *	{"name":"mark","cat":"gc","ph":"X","ts":5.001,"dur":0.250,"pid":42,"tid":1,"args":{…}}
 *	]}
 *
 * Times are CLOCK_MONOTONIC in us, with the ns behind the point. "X" lasts, "i" is a point in
 * time. A track is a thread to these viewers; args are the columns that are no part of the span.
 * Sections without spans have no time, and are left out. A span whose end is before its start,
 * or behind the end of time, is none.
 */
#include "json_cols.h"
#include "sink.h"
#include "stack.h"
#include "tally.h"
#include "tool.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct trace {
	struct tally names; /* "42": a process that was named; "42 GC": a track, n its tid */
	uint64_t tracks;
	bool any; /* an event is out */
};

struct span {
	const struct section *section;
	const struct span_cols *cols;
	const void *row;
	uint64_t start, dur;
};

static bool number_get(const struct span *p, const char *key, uint64_t *to)
{
	struct value v = col_value(section_col(p->section, key), p->row);

	*to = v.u;
	return v.kind == V_U64;
}

/* False: a number is not known, or it makes no sense. */
static bool span_get(struct span *p)
{
	uint64_t n;

	if (!number_get(p, p->cols->start, &p->start))
		return false;
	for (size_t i = 0; i < SPAN_AFTER && p->cols->after[i]; i++)
		if (!number_get(p, p->cols->after[i], &n) ||
		    __builtin_add_overflow(p->start, n, &p->start))
			return false;
	p->dur = 0;
	if (p->cols->dur)
		return number_get(p, p->cols->dur, &p->dur);
	if (!p->cols->end)
		return true;
	return number_get(p, p->cols->end, &n) && !__builtin_sub_overflow(n, p->start, &p->dur);
}

/* A text, the value of a column, or both; to be freed. NULL: out of memory. */
static char *words_make(const struct span *p, const char *text, const char *key)
{
	struct value v = { .kind = V_NULL };
	char *words;
	int n;

	if (key)
		v = col_value(section_col(p->section, key), p->row);
	text = text ? text : "";
	if (v.kind == V_TEXT)
		n = asprintf(&words, "%s%s%.*s", text, *text ? " " : "", (int)v.len, v.text);
	else if (v.kind == V_U64)
		n = asprintf(&words, "%s%s%" PRIu64, text, *text ? " " : "", v.u);
	else
		n = asprintf(&words, "%s", *text ? text : "?");
	return n < 0 ? NULL : words;
}

/* ---- events ---- */

static void event_open(struct trace *t, struct json *j, FILE *out)
{
	fputs(t->any ? ",\n" : "\n", out);
	t->any = true;
	*j = (struct json){ .f = out };
	json_open(j, NULL, '{');
}

static void metadata_put(struct trace *t, FILE *out, const char *what, const struct run *r,
			 uint64_t tid, const char *name)
{
	struct json j;

	event_open(t, &j, out);
	json_string(&j, "name", what);
	json_string(&j, "ph", "M");
	json_u64(&j, "pid", r->pid);
	json_u64(&j, "tid", tid);
	json_open(&j, "args", '{');
	json_string(&j, "name", name);
	json_close(&j, '}');
	json_close(&j, '}');
}

static int process_name(struct trace *t, const struct look *l, FILE *out)
{
	struct value comm = look_comm(l);
	char pid[16], *name;
	struct tally_entry *e;

	snprintf(pid, sizeof(pid), "%d", l->run->pid);
	e = tally_at(&t->names, pid);
	if (!e)
		return -ENOMEM;
	if (e->n)
		return 0;
	name = comm.kind == V_TEXT ? strndup(comm.text, comm.len) : strdup(l->run->tool->name);
	if (!name)
		return -ENOMEM;
	e->n = 1;
	metadata_put(t, out, "process_name", l->run, 0, name);
	free(name);
	return 0;
}

static int track_get(struct trace *t, const struct look *l, const char *name, FILE *out,
		     uint64_t *tid)
{
	struct tally_entry *e;
	char *key;

	if (asprintf(&key, "%d %s", l->run->pid, name) < 0)
		return -ENOMEM;
	e = tally_at(&t->names, key);
	free(key);
	if (!e)
		return -ENOMEM;
	if (!e->n) {
		e->n = ++t->tracks;
		metadata_put(t, out, "thread_name", l->run, e->n, name);
	}
	*tid = e->n;
	return 0;
}

static bool is_key(const char *key, const char *of)
{
	return of && !strcmp(key, of);
}

static bool col_in_args(const struct col *c, const struct span_cols *s)
{
	return col_in_json(c) && !is_key(c->key, s->start) && !is_key(c->key, s->dur) &&
	       !is_key(c->key, s->end) && !is_key(c->key, s->name_of) &&
	       !is_key(c->key, s->track_of);
}

/* A viewer shows each frame on a line. */
static int stack_put(struct json *j, const char *key, const struct list *frames)
{
	const struct stack_frame *f = frames->rows;

	json_open(j, key, '[');
	for (size_t i = 0; i < frames->n; i++) {
		char *text = frame_text(&f[i]);

		if (!text)
			return -ENOMEM;
		json_string(j, NULL, text);
		free(text);
	}
	json_close(j, ']');
	return 0;
}

static int args_put(struct json *j, const struct span *p)
{
	int err = 0;

	json_open(j, "args", '{');
	for (const struct col *c = p->section->cols; c->key && !err; c++) {
		struct value v = col_value(c, p->row);

		if (!col_in_args(c, p->cols))
			continue;
		if (c->type == CT_STACK)
			err = stack_put(j, c->key, &v.list);
		else
			json_col(j, c, p->row);
	}
	json_close(j, '}');
	return err;
}

static int event_put(struct trace *t, const struct look *l, const struct span *p, const char *name,
		     uint64_t tid, FILE *out)
{
	bool instant = !p->cols->dur && !p->cols->end;
	struct json j;
	int err;

	event_open(t, &j, out);
	json_string(&j, "name", name);
	json_string(&j, "cat", tool_json_name(l->run->tool));
	json_string(&j, "ph", instant ? "i" : "X");
	json_thousandths(&j, "ts", p->start);
	if (instant)
		json_string(&j, "s", "t");
	else
		json_thousandths(&j, "dur", p->dur);
	json_u64(&j, "pid", l->run->pid);
	json_u64(&j, "tid", tid);
	err = args_put(&j, p);
	json_close(&j, '}');
	return err;
}

static int span_put(struct trace *t, const struct look *l, struct span *p, FILE *out)
{
	const struct span_cols *c = p->cols;
	bool tracked = c->track || c->track_of;
	char *name, *track;
	uint64_t tid = 0;
	int err = -ENOMEM;

	if (!span_get(p))
		return 0;
	name = words_make(p, c->name, c->name_of);
	track = words_make(p, tracked ? c->track : p->section->key, c->track_of);
	if (name && track)
		err = process_name(t, l, out);
	if (!err)
		err = track_get(t, l, track, out, &tid);
	if (!err)
		err = event_put(t, l, p, name, tid, out);
	free(name);
	free(track);
	return err;
}

/* ---- the sink ---- */

static int begin(struct sink *s, const struct run *r, FILE *out)
{
	for (const struct section *sec = r->tool->sections; sec && sec->cols; sec++) {
		if (!sec->spans)
			continue;
		s->priv = calloc(1, sizeof(struct trace));
		fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
		return s->priv ? 0 : -ENOMEM;
	}
	return fail(-EINVAL, "%s has no times for a trace: give another format than trace",
		    r->tool->name);
}

static int look(struct sink *s, const struct look *l, FILE *out)
{
	struct trace *t = s->priv;
	bool any = t->any;
	int err = 0;

	for (const struct section *sec = l->run->tool->sections; sec->cols; sec++) {
		const struct rows *rows = &l->rows[sec - l->run->tool->sections];

		for (size_t i = 0; i < rows->n; i++)
			for (const struct span_cols *c = sec->spans; c && c->start && !err; c++)
				err = span_put(t, l, &(struct span){ sec, c, rows->row[i] }, out);
	}
	/* of a failed look nothing is written */
	t->any = err ? any : t->any;
	return err;
}

static int end(struct sink *s, FILE *out)
{
	(void)s;
	fputs("\n]}\n", out);
	return 0;
}

static void trace_free(struct sink *s)
{
	if (s->priv)
		tally_free(&((struct trace *)s->priv)->names);
	free(s->priv);
}

SINK(trace, .brief = "what took how long, for Perfetto and chrome://tracing", .flags = SINK_WHOLE,
     .begin = begin, .look = look, .end = end, .free = trace_free);
