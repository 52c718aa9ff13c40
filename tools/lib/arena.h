/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * arena.h - memory that is freed all at once, and copies of rows in it.
 *
 *	struct arena a = {};
 *	copy = row_copy(&a, cols, &row);
 *	arena_free(&a);		// ready for the next round
 *
 * All return NULL when memory is out.
 */
#ifndef ARENA_H
#define ARENA_H

#include "col.h"

struct arena {
	struct arena_chunk *chunks;
};

/* Aligned for any type, not cleared. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s);
void arena_free(struct arena *a);

/* A row as far as its columns know it, with the texts, numbers and rows it points to. */
void *row_copy(struct arena *a, const struct col *cols, const void *row);

#endif
