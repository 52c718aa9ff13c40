/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pccache.h - answers about pcs that were given before, and the strings made for them.
 *
 * A hash table of fixed size; full, it is emptied. Strings are never given back: equal
 * ones are one, and when there is no more room for new ones, they are "?".
 */
#ifndef PCCACHE_H
#define PCCACHE_H

#include "frame.h"
#include <stddef.h>

struct pccache_slot {
	uint64_t pc;
	uint32_t first, n; /* frames; n 0: empty */
};

struct pccache {
	struct pccache_slot *slot;
	struct frame *frame;
	char *text;
	uint32_t *string; /* hash table of offsets in text */
	size_t npcs, nframes, ntext, nstrings;
};

int pccache_open(struct pccache *c);
void pccache_close(struct pccache *c);
/* Forget pcs; strings stay. */
void pccache_clear(struct pccache *c);

/* The frames that were put in for a pc, NULL: none. */
const struct frame *pccache_get(const struct pccache *c, uint64_t pc, size_t *n);
void pccache_put(struct pccache *c, uint64_t pc, const struct frame *f, size_t n);

/* A string that stays until the cache is closed. */
const char *pccache_string(struct pccache *c, const char *s);

#endif
