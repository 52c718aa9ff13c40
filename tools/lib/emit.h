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
 * ones (so the key of the section is not seen). What emit_fields() emits is an object of its
 * own, under the key of its section: {"v":1,…,"summary":{…}}. A stream tool may emit outside
 * of begin and end, too: then each call is rendered at once, unsorted.
 */
#ifndef EMIT_H
#define EMIT_H

#include "col.h"
#include <stdio.h>

struct run;

enum section_shape { SEC_FIELDS, SEC_ROWS };

enum section_flag {
	SEC_SHOW = 1,       /* fields: in tables too, one line each */
	SEC_SORTABLE = 2,   /* -s and -r apply */
	SEC_JSON_ONLY = 4,  /* not in tables */
	SEC_TABLE_ONLY = 8, /* not in JSON */
	SEC_WIDE = 16,      /* in tables with -v only */
};

struct section {
	const char *key;   /* the JSON member; NULL (fields only): members of the object itself */
	const char *title; /* a line above the table, or NULL */
	const struct col *cols;
	enum section_shape shape;
	unsigned int flags;
};

/* Begin a look: takes the time stamp. What an unfinished look had is dropped. */
void emit_begin(struct run *r);

/* Fields are emitted once a look; the last call counts. s points into the tool's sections. */
void emit_fields(struct run *r, const struct section *s, const void *row);
void emit_row(struct run *r, const struct section *s, const void *row);

/* For human sinks only: a line; a line with its right part ending at column 80; a heading. */
__attribute__((format(printf, 2, 3))) void emit_text(struct run *r, const char *fmt, ...);
void emit_lr(struct run *r, const char *left, const char *right);
void emit_heading(struct run *r, const char *text);

/* A paragraph in lines of EMIT_COLUMNS, each `indent` blanks in. */
#define EMIT_COLUMNS 80
void emit_wrapped(struct run *r, unsigned int indent, const char *text);

/* Render the look. 0 or -errno of the first sink that could not write (-EPIPE: reader gone). */
int emit_end(struct run *r);

/* Forget the look begun, if any. */
void emit_drop(struct run *r);

/* ---- for the frontend ---- */

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
