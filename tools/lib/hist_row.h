/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * hist_row.h - a histogram as a row of its section: what sinks get of emit_hist(), and what a
 * recording has of it. Its buckets are the slots that are not empty, in order; one that was
 * replayed may have any.
 */
#ifndef HIST_ROW_H
#define HIST_ROW_H

#include "arena.h"
#include "emit.h"

struct hist_bucket {
	uint64_t low, high, count; /* values from low to high, both included */
};

struct hist_row {
	const char *value;
	uint64_t count, sum, min, max;
	struct list buckets;
};

/* In the arena; NULL: out of memory. */
struct hist_row *hist_row_make(struct arena *a, const struct hist *h);

const struct hist_bucket *hist_row_bucket(const struct hist_row *h, size_t i);

/*
 * A value that pct per cent of all are not above, and no smaller one of the histogram's is: the
 * largest of its bucket, so up to 1/16 more than it was. U64_NULL: there are no values.
 */
uint64_t hist_row_percentile(const struct hist_row *h, unsigned int pct);

#endif
