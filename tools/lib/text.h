/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * text.h - text from anywhere, made fit for a terminal.
 *
 * Names of processes, files and modules are chosen by whoever wrote the target. What a
 * terminal would obey (control characters, direction marks) or could not show (broken
 * UTF-8) becomes a visible escape: \x1b, \u202e. Lines keep their width that way, too.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What terminals must not get, and readers of JSON are better off without. */
bool text_is_unsafe(uint32_t c);

/* The code point at *p, which moves behind it, or -1 for a byte that starts none; *p < end. */
int32_t text_next(const char **p, const char *end);

/*
 * A clean copy of len bytes at s, to be freed; NULL: out of memory. Without utf8 the result
 * is ASCII, with a likeness for the signs the tools use themselves and ? for the rest.
 */
char *text_clean(const char *s, size_t len, bool utf8);

/* Columns that clean text takes. */
size_t text_width(const char *s);

/*
 * Print clean text, in at most `width` columns (0: all of it); what is cut off leaves an
 * ellipsis. Returns the columns printed.
 */
size_t text_print(FILE *f, const char *s, size_t width, bool utf8);

#endif
