/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * sink.h - an output format, and where it goes.
 *
 * A format is one file that ends in SINK(name, .brief = …, .look = …), which registers it:
 * nothing else knows the formats. It renders a whole look (emit.h) to a stream in memory,
 * which is then written at once; so a sink sees no errors of writing, and a reader no half
 * lines. Beside looks a format may have something to say at other times:
 *
 *	begin	once, before the first look
 *	round	when all processes had their look
 *	end	once, when nothing more will come
 *
 * These, too, write to a stream in memory.
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

/* The bytes of a file, to be freed, and room for one more: r->base. 0 or -errno, with a sentence.
 */
int base_read(const char *path, char **bytes, size_t *len);

/* Whether its rows of the section are all there are now, so that those of older looks go. */
bool look_replaces(const struct look *l, const struct section *s);

/* The name of the process, if the tool says it; or V_NULL. */
struct value look_comm(const struct look *l);

struct sink {
	const struct sink_ops *ops;
	const char *path; /* NULL: stdout, or the caller's stream */
	FILE *file;       /* NULL while a file that is replaced (below) is not being written */
	void *priv;       /* the format's own; free() frees it */
	bool tty, bold, utf8;
	bool clear;         /* the screen before a round of looks */
	unsigned int width; /* of the terminal, or 80 */
	bool begun;         /* so that there is something to end */
	bool failed;        /* could not be written: it says no more */
	uint64_t looks;     /* rendered so far */
	uint64_t headed;    /* table: sections of a stream whose heading is out, a bit each */
};

enum sink_flag {
	SINK_WHOLE = 1,   /* gets all rows in the order of emission: -s and -r do not apply */
	SINK_REPLACE = 2, /* its FILE is replaced as a whole, atomically, by each thing it writes */
	SINK_PRIVATE = 4, /* its FILE is readable for its owner only */
	SINK_BINARY = 8,  /* nothing for a terminal */
	SINK_BASE = 16,   /* shows the difference to an earlier file, r->base */
	SINK_STACKS = 32, /* shows sections with a weight, whatever their flags */
};

struct sink_ops {
	const char *name, *brief;
	unsigned int flags;
	/* 0 or -errno; may keep state in s between calls. All but look may be NULL. */
	int (*begin)(struct sink *s, const struct run *r, FILE *out);
	int (*look)(struct sink *s, const struct look *l, FILE *out);
	int (*round)(struct sink *s, FILE *out);
	int (*end)(struct sink *s, FILE *out);
	void (*free)(struct sink *s);
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
/* The same with the file apart; NULL: stdout. */
int sinks_add_file(struct sinks *s, const char *format, const char *path);
int sinks_attach(struct sinks *s, const char *format, FILE *f, const struct run *r);

/* Open what is not open: 0, or -errno with a sentence. */
int sinks_open(struct sinks *s, const struct run *r);

/*
 * Have them render the look, those that want it whole or the others: 0, s->error with a
 * sentence, or -errno of the format.
 */
int sinks_look(struct sinks *s, const struct look *l, bool whole);
int sinks_round(struct sinks *s);
int sinks_close(struct sinks *s);

#endif
