// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Histograms as rows; see hist_row.h. */
#include "hist_row.h"
#include "hist.h"

static const struct col bucket_cols[] = {
	COL(struct hist_bucket, low, "", NONE, KEY, "the least value that is counted here"),
	COL(struct hist_bucket, high, "", NONE, KEY, "the largest value that is counted here"),
	COL(struct hist_bucket, count, "", COUNT, COUNTER, "how many there were"),
	{}
};

/* The value is a member under the name of the section's label, which no column knows. */
const struct col hist_cols[] = {
	COL_F(struct hist_row, value, "", NONE, KEY, COL_TABLE_ONLY, "which histogram it is"),
	COL(struct hist_row, count, "", COUNT, COUNTER, "how many values"),
	COL(struct hist_row, sum, "", NONE, COUNTER, "all of them together"),
	COL(struct hist_row, min, "", NONE, GAUGE, "the least"),
	COL(struct hist_row, max, "", NONE, GAUGE, "the largest"),
	COL_LIST(struct hist_row, buckets, bucket_cols, "those that are not empty, in order"),
	{}
};

struct hist_row *hist_row_make(struct arena *a, const struct hist *h)
{
	struct hist_row *row = arena_alloc(a, sizeof(*row));
	struct hist_bucket *b;
	size_t n = 0;

	for (uint32_t slot = 0; slot < HIST_SLOTS; slot++)
		n += h->slots[slot] > 0;
	b = row ? arena_alloc(a, n * sizeof(*b)) : NULL;
	if (!b)
		return NULL;
	*row = (struct hist_row){ .value = h->value, .sum = h->sum, .min = h->min, .max = h->max };
	row->buckets = (struct list){ b, n, sizeof(*b) };
	for (uint32_t slot = 0; slot < HIST_SLOTS; slot++) {
		if (!h->slots[slot])
			continue;
		*b++ = (struct hist_bucket){ hist_low(slot), hist_high(slot), h->slots[slot] };
		row->count += h->slots[slot];
	}
	return row;
}

const struct hist_bucket *hist_row_bucket(const struct hist_row *h, size_t i)
{
	return (const void *)((const char *)h->buckets.rows + i * h->buckets.stride);
}

uint64_t hist_row_percentile(const struct hist_row *h, unsigned int pct)
{
	unsigned __int128 rank = ((unsigned __int128)h->count * pct + 99) / 100, seen = 0;

	for (size_t i = 0; i < h->buckets.n; i++) {
		const struct hist_bucket *b = hist_row_bucket(h, i);

		seen += b->count;
		if (seen >= rank)
			return h->max != U64_NULL && h->max < b->high ? h->max : b->high;
	}
	return U64_NULL;
}
