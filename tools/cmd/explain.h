/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * explain.h - what the words of the output mean, as data.
 *
 * Every row of the ledger, member of MemStats, state of the matrix and term of the totals has an
 * entry. The field is what a user types and what JSON calls it; it is unique in any case.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stddef.h>

struct explain_entry {
	const char *field, *group;
	const char *brief;   /* one line: the list shows it */
	const char *meaning; /* more of that, or NULL */
	const char *source;  /* where it comes from */
	const char *trust;   /* how far to trust it */
	const char *drift;   /* what changed between Go 1.19 and 1.27; NULL: nothing known */
	const char *misread; /* what it is often taken for, or NULL */
};

/* Each ends with {}. */
extern const struct explain_entry explain_rows[];   /* of the ledger */
extern const struct explain_entry explain_states[]; /* of the matrix, and what is not in RSS */
extern const struct explain_entry explain_memstats[];
extern const struct explain_entry explain_terms[]; /* totals, proof, consistency, columns */
extern const struct explain_entry explain_heap[];  /* of goheap */

/* The i-th of all, or NULL. */
const struct explain_entry *explain_nth(size_t i);

#endif
