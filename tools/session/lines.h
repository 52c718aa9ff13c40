/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* lines.h - items in lines of 80 columns, for people. */
#ifndef SESSION_LINES_H
#define SESSION_LINES_H

#include "tool.h"

#define COLUMNS 80

struct line {
	const char *head;   /* of the first line only */
	const char *indent; /* of those that follow; NULL: two blanks */
	char text[COLUMNS * 4];
	size_t items;
};

/* Add an item behind a separator, beginning a new line where 80 columns end. */
void line_add(struct run *r, struct line *l, const char *separator, const char *item);
/* The same: "name 310 MiB". */
void line_bytes(struct run *r, struct line *l, const char *name, uint64_t bytes);
/* Emit what is there. */
void line_flush(struct run *r, struct line *l);

/* A sentence in lines of 80 columns. */
void line_wrap(struct run *r, const char *text);

#endif
