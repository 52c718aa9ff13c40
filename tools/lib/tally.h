/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * tally.h - a number for each of many texts.
 *
 *	struct tally t = {};
 *	e = tally_at(&t, "main;alloc");		// the same one for the same text
 *	e->n += 5;				// 0 at first
 *	for (e = t.first; e; e = e->next) …	// in the order they were first asked for
 *	tally_free(&t);				// ready for the next round
 */
#ifndef TALLY_H
#define TALLY_H

#include "arena.h"

struct tally_entry {
	const char *text;
	uint64_t n;
	struct tally_entry *next;
};

struct tally {
	struct arena mem;
	void *tree;
	struct tally_entry *first, *last;
	size_t nr;
};

struct tally_entry *tally_at(struct tally *t, const char *text); /* NULL: out of memory */
void tally_free(struct tally *t);

#endif
