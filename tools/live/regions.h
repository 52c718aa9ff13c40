/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * regions.h - the address space of a process as it changes call by call.
 *
 *	regions_map()	what is there is replaced, as by mmap(2) with MAP_FIXED
 *	regions_cut()	what is there goes
 *
 * Every byte belongs to one site, a number of the caller's, or to none.
 */
#ifndef LIVE_REGIONS_H
#define LIVE_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGIONS_MAX (1U << 18)

struct region {
	uint64_t start, end;
	uint32_t site;
	bool reserved; /* mapped so that it cannot be touched */
};

struct regions {
	struct region *r; /* ascending, not overlapping */
	size_t n, cap;
};

/* Told of each piece that goes. */
typedef void (*region_fn)(void *arg, const struct region *gone);

/* Both: 0, -ENOMEM, or -E2BIG for more than REGIONS_MAX. Nothing changes unless 0. */
int regions_cut(struct regions *rs, uint64_t start, uint64_t end, region_fn fn, void *arg);
int regions_map(struct regions *rs, const struct region *with, region_fn fn, void *arg);

uint64_t regions_bytes(const struct regions *rs);
void regions_free(struct regions *rs);

#endif
