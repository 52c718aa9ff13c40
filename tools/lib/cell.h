/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* cell.h - a value as a cell of a table. */
#ifndef CELL_H
#define CELL_H

#include "col.h"

/* Clean text (text.h) to be freed. NULL: the value is null, or *err is -ENOMEM. */
char *cell_text(const struct col *c, const void *row, bool utf8, int *err);

/* A whole number as it is in a cell, in buf of HUMAN_LEN bytes (human.h); "-" for U64_NULL. */
char *cell_number(char *buf, enum unit unit, uint64_t n);

/* Numbers end at the right of their column; texts, times, stars and bars begin at the left. */
bool cell_is_right(const struct col *c);

/* Columns to keep for a value not seen yet, where rows go out one by one. */
unsigned int cell_usual_width(const struct col *c);

#endif
