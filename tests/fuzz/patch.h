/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * patch.h - forged memory whose words are broken as the input says.
 *
 * A patch is 13 bytes: 4 where, 1 what, 8 the new value.
 */
#ifndef PATCH_H
#define PATCH_H

#include "mem.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PATCH 13
#define WORDS 64 /* patches that are taken */

struct region {
	uint8_t *p;
	size_t size;
	uint64_t addr;
};

struct undo {
	uint8_t *at;
	uint64_t old;
};

static inline uint64_t patch_value(const uint8_t *in, uint64_t old, const struct region *r,
				   size_t n)
{
	uint64_t v;

	memcpy(&v, in + 1, 8);
	switch (in[0] % 4) {
	case 0: return v;
	case 1: return old ^ v;
	case 2: return old + (int8_t)v;
	default: return r[v % n].addr + v / n % (r[v % n].size / 8) * 8; /* some address */
	}
}

static inline struct undo patch(const struct region *r, size_t n, const uint8_t *in)
{
	const struct region *k;
	struct undo u;
	uint32_t where;
	uint64_t v;

	memcpy(&where, in, 4);
	k = &r[where % n];
	u.at = k->p + where / n % (k->size / 8) * 8;
	u.old = get_u64(u.at, 0);
	v = patch_value(in + 4, u.old, r, n);
	memcpy(u.at, &v, sizeof(v));
	return u;
}

/* All patches of the input; undo has room for WORDS. Returns how many. */
static inline size_t patch_all(const struct region *r, size_t n, const uint8_t *data, size_t size,
			       struct undo *undo)
{
	size_t done = 0;

	for (; size >= PATCH && done < WORDS; data += PATCH, size -= PATCH)
		undo[done++] = patch(r, n, data);
	return done;
}

static inline void patch_undo(const struct undo *undo, size_t n)
{
	while (n--)
		memcpy(undo[n].at, &undo[n].old, sizeof(undo[n].old));
}

#endif
