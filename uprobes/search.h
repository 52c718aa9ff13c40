/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * search.h - binary search, and the order it wants.
 *
 *	n = count_before(m->n, i, m->vma[i].end <= addr);
 *
 * How many of n elements come before what is looked for: those for which the condition on the
 * index i holds. It must hold for a first part of them and for none of the rest, as in what is
 * sorted. The result is the index of the first for which it does not, or n.
 */
#ifndef SEARCH_H
#define SEARCH_H

#include <stddef.h>
#include <stdint.h>

#define count_before(n, i, condition)                                                              \
	({                                                                                         \
		size_t first_ = 0, end_ = (n);                                                     \
                                                                                                   \
		while (first_ < end_) {                                                            \
			size_t i = first_ + (end_ - first_) / 2;                                   \
                                                                                                   \
			if (condition)                                                             \
				first_ = i + 1;                                                    \
			else                                                                       \
				end_ = i;                                                          \
		}                                                                                  \
		first_;                                                                            \
	})

/* For qsort() and bsearch(), of 64 bit numbers. */
static inline int by_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

#endif
