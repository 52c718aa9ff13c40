/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * sink.h - an output format, and where it goes.
 *
 * A format is one file that ends in SINK(name, .brief = …, .look = …), which registers it:
 * nothing else knows the formats. It renders a whole look (emit.h) to a stream in memory,
 * which is then written at once; so a sink sees no errors of writing, and a reader no half
 * lines.
 */
#ifndef SINK_H
#define SINK_H

#include "emit.h"

enum part_kind { PART_TEXT, PART_LR, PART_HEADING, PART_SECTION };

struct part { /* what a human sink prints, in order */
	enum part_kind kind;
	const char *text, *right;
	size_t section;
};

struct rows {
	const void **row;
	size_t n, room;
};

struct look {
	const struct run *run;
	const struct part *parts;
	size_t nr_parts;
	const struct rows *rows; /* by index of the section; fields have 0 or 1 row */
	bool live;               /* one emission of a stream, not a finished look */
};

struct sink {
	const struct sink_ops *ops;
	const char *path; /* NULL: stdout, or the caller's stream */
	FILE *file;
	bool tty, bold, utf8;
	bool clear;         /* the screen before a round of looks */
	unsigned int width; /* of the terminal, or 80 */
	uint64_t looks;     /* rendered so far */
	uint64_t headed;    /* table: sections of a stream whose heading is out, a bit each */
};

struct sink_ops {
	const char *name, *brief;
	/* 0 or -errno; may keep state in s between looks. */
	int (*look)(struct sink *s, const struct look *l, FILE *out);
};

#define SINK(id, ...)                                                                              \
	static const struct sink_ops id##_sink = { .name = #id, __VA_ARGS__ };                     \
	static const struct sink_ops *const id##_sink_entry                                        \
		__attribute__((used, section("gomt_sinks"))) = &id##_sink

/* The formats in order of name: sink_after(NULL) is the first, NULL ends. */
const struct sink_ops *sink_after(const struct sink_ops *prev);

#define SINKS_MAX 16

struct sinks {
	struct sink v[SINKS_MAX];
	size_t n;
	int error; /* of writing: the first; nothing is written after it */
};

/* "FMT" or "FMT:FILE". -EINVAL: unknown format, or one file for two. Keeps spec by reference. */
int sinks_add(struct sinks *s, const char *spec);
int sinks_attach(struct sinks *s, const char *format, FILE *f, const struct run *r);

/* Open what is not open: 0, or -errno with a sentence. */
int sinks_open(struct sinks *s, const struct run *r);

/* Have all of them render the look: 0, s->error with a sentence, or -ENOMEM. */
int sinks_look(struct sinks *s, const struct look *l);
int sinks_close(struct sinks *s);

#endif
