/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* draw.h - what a table has beside cells: stacks below a row, histograms. 0 or -ENOMEM. */
#ifndef DRAW_H
#define DRAW_H

#include "col.h"
#include "hist_row.h"
#include <stdio.h>

/* A frame a line, the innermost first, indented. */
int draw_stack(FILE *out, const struct stack *s, bool utf8);

/*
 * A line for each power of two between the first and the last that has values, in at most 80
 * columns, and their number, mean and percentiles. With heads there is a heading.
 *
 *	              range  count |distribution                            |
 *	 16.4 us -> 32.8 us     12 |********************                    |
 *	 32.8 us -> 65.5 us     24 |****************************************|
 *	count 36  mean 38.1 us  p50 36.9 us  p99 63.5 us  max 64.0 us
 */
int draw_hist(FILE *out, const struct hist_row *h, enum unit unit, bool heads);

#endif
