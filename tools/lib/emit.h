/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * emit.h - the only way out for a tool's results.
 *
 * A tool declares its sections, in the order their keys have in JSON:
 *
 *	static const struct section sections[] = {
 *		// members of the object itself
 *		{ .cols = id_cols, .shape = SEC_FIELDS },
 *		// "facts":{…}
 *		{ .key = "facts", .cols = fact_cols, .shape = SEC_FIELDS },
 *		// "rows":[…], and a table
 *		{ .key = "rows", .cols = row_cols, .shape = SEC_ROWS },
 *		// "pause_ns":[…], and a drawing each
 *		{ .key = "pause_ns", .title = "Pauses", .cols = hist_cols, .shape = SEC_HIST,
 *		  .label = "reason", .unit = NSEC },
 *		{}
 *	};
 *
 * and emits, between emit_begin() and emit_end(), in the order a reader should see them in a
 * table: texts as they come, the rows of a section together where the first of them was
 * emitted. All of a look is kept until emit_end() and then rendered by every sink at once, so a
 * look that fails half way prints nothing. Rows and texts are copied, with what they point to.
 *
 * JSON of a tool that looks: one object a look, a line each, every declared key present.
 * Fields that were not emitted are null, rows that were not emitted an empty array.
 *
 * JSON of a tool that streams (.stream): one object a row, its members beside the common
 * ones (so the key of the section is not seen). A histogram is such an object, too, and says
 * its section: {"v":1,…,"hist":"pause_ns","reason":"sweep","unit":"ns","count":…}. What
 * emit_fields() emits is an object of its own, under the key of its section:
 * {"v":1,…,"summary":{…}}. A stream tool may emit outside of begin and end, too: then each call
 * is rendered at once, unsorted. Within a look the order is that of the sections.
 *
 * What a section declares beside its columns is for formats that show more than rows; a tool
 * need not know them:
 *
 *	.spans	 times in a row, for `trace`
 *	.weight	 what the stack of a row (a column of type struct stack) stands for, for `folded`;
 *		 in `pprof` it is what is shown first, beside the other columns that add up: of
 *		 unit COUNT, BYTES or NSEC, without COL_NO_SUM. Columns of role KEY are labels.
 *	.map	 rows that are stretches of address space, for `html`
 *
 * What a profile says beside its samples is a section of fields with the columns profile_cols:
 *
 *	{ .key = "profile", .cols = profile_cols, .shape = SEC_FIELDS, .flags = SEC_PROFILE }
 */
#ifndef EMIT_H
#define EMIT_H

#include "col.h"
#include <stdio.h>

struct run;

enum section_shape { SEC_FIELDS, SEC_ROWS, SEC_HIST };

enum section_flag {
	SEC_SHOW = 1,       /* fields: in tables too, one line each */
	SEC_SORTABLE = 2,   /* -s and -r apply */
	SEC_JSON_ONLY = 4,  /* not in tables */
	SEC_TABLE_ONLY = 8, /* not in JSON */
	SEC_WIDE = 16,      /* in tables with -v only */
	SEC_STATE = 32,     /* of a stream: a look has all rows, not those since the last one */
	SEC_PROFILE = SEC_JSON_ONLY | SEC_TABLE_ONLY, /* for `pprof` alone */
};

#define SPAN_AFTER 4

/*
 * A stretch of time that a row tells of. All but the two texts are keys of its columns: start
 * and end of unit MONO, the others of NSEC. It begins at start, plus `after`: durations of what
 * came before it. It lasts `dur`, or to `end`; without either it is a point in time. A row whose
 * numbers are not known has no such span.
 *
 *	{ .name = "sweep termination", .start = "start_ns", .dur = "sweep_term_ns" },
 *	{ .name = "mark", .start = "start_ns", .after = { "sweep_term_ns" }, .dur = "mark_ns" },
 *	{ .name_of = "reason", .track = "P", .track_of = "p", .start = …, .end = … },
 *	{}
 *
 * Name and track (a line of its own on the time axis) are a text, a column's value, or both with
 * a blank between; without a track it is the section's key.
 */
struct span_cols {
	const char *start, *after[SPAN_AFTER], *dur, *end;
	const char *name, *name_of, *track, *track_of;
};

/* A value of map_cols.kind, and what it is called in the legend. */
struct map_kind {
	const char *name, *label;
};

/*
 * A picture of rows that are pieces of memory, ascending, each in the colour of its kind. All
 * but kinds are keys: of the rows' columns and, table, of another section with a column kind.
 * What both have numbers of under one key adds up to the same, kind by kind; the picture
 * checks that. A section that is for pictures only has SEC_JSON_ONLY | SEC_TABLE_ONLY.
 */
struct map_cols {
	const char *addr, *size;      /* units ADDR, BYTES */
	const char *part;             /* BYTES: how much of size is full, the shade */
	const char *kind, *name;      /* texts: its colour, and what it is */
	const char *table;            /* the section that it adds up to */
	const struct map_kind *kinds; /* ends with {} */
};

struct section {
	const char *key;   /* the JSON member; NULL (fields only): members of the object itself */
	const char *title; /* a line above the table, or NULL */
	const struct col *cols; /* of a histogram: hist_cols */
	enum section_shape shape;
	unsigned int flags;
	const struct span_cols *spans; /* rows: ends with {}; NULL: none */
	const struct map_cols *map;    /* rows; NULL: no picture */
	const char *weight; /* rows: the key of a column of whole numbers; NULL: no profile */
	const char *label;  /* histograms: what tells one from another, "reason"; NULL: only one */
	enum unit unit;     /* histograms: of their values */
};

/* One histogram, in the slots of hist.h; how many values it has is the sum of them. */
struct hist {
	const char *value;      /* of the section's label, "mark termination"; NULL: not known */
	const uint64_t *slots;  /* HIST_SLOTS of them */
	uint64_t sum, min, max; /* of the values; U64_NULL: not known */
};

extern const struct col hist_cols[];

/* A mapping of code, as /proc/PID/maps has it. */
struct profile_mapping {
	uint64_t start, limit, offset;
	const char *file, *build_id; /* "": none */
};

struct profile {
	const char *period_type, *period_unit; /* NULL: not sampled */
	uint64_t period;                       /* between two samples */
	struct list mappings;                  /* of struct profile_mapping */
};

extern const struct col profile_cols[];

/* Begin a look: takes the time stamp. What an unfinished look had is dropped. */
void emit_begin(struct run *r);

/* Fields are emitted once a look; the last call counts. s points into the tool's sections. */
void emit_fields(struct run *r, const struct section *s, const void *row);
void emit_row(struct run *r, const struct section *s, const void *row);
void emit_hist(struct run *r, const struct section *s, const struct hist *h);

/* For human sinks only: a line; a line with its right part ending at column 80; a heading. */
__attribute__((format(printf, 2, 3))) void emit_text(struct run *r, const char *fmt, ...);
void emit_lr(struct run *r, const char *left, const char *right);
void emit_heading(struct run *r, const char *text);

/* A paragraph in lines of EMIT_COLUMNS, each `indent` blanks in. */
#define EMIT_COLUMNS 80
void emit_wrapped(struct run *r, unsigned int indent, const char *text);

/* Is there a sink for stacks: will rows of a section with a weight be seen, or recorded? */
bool emit_profiles(const struct run *r);

/* Render the look. 0 or -errno of the first sink that could not write (-EPIPE: reader gone). */
int emit_end(struct run *r);

/* Forget the look begun, if any. */
void emit_drop(struct run *r);

/* ---- for the frontend ---- */

/* The column of that key, and the first that is a stack; NULL: none. */
const struct col *section_col(const struct section *s, const char *key);
const struct col *section_stack(const struct section *s);

/* Do the sections name columns that there are? -EINVAL, a programmer's error. */
int sections_check(const struct section *sections);

/* All processes had their look: for formats that show them together. As emit_end(). */
int emit_round(struct run *r);

/* Ask for a sink, as in -o: "FMT" or "FMT:FILE"; see sinks_add(). */
int emit_add(struct run *r, const char *spec);

/* Open the files; without any sink asked for, add a table on stdout. See sinks_open(). */
int emit_open(struct run *r);

/* A sink on a stream of the caller's, who closes it; for tests. -EINVAL: no such format. */
int emit_attach(struct run *r, const char *format, FILE *f);

/* The first error of writing so far, or 0; -EPIPE: the reader left. */
int emit_error(const struct run *r);

/* Close all sinks, free everything: 0 or -errno, as emit_error(). */
int emit_close(struct run *r);

#endif
