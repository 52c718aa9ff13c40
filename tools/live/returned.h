/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * returned.h - what becomes of pages that were given back.
 *
 * No fault is traced: a page that was given back and is in RAM when it is looked at, one second
 * and one minute later, was touched again in between. Each page is looked at for the last time
 * that it was given back; one that is back after a second is not looked at again.
 */
#ifndef LIVE_RETURNED_H
#define LIVE_RETURNED_H

#include "proc/pagemap.h"
#include <stdint.h>

#define RETURNED_TAGS 8

/* Bytes, by the tag that they were given back with. */
struct returned_sum {
	uint64_t watched;        /* looked at, or yet to be */
	uint64_t second, minute; /* in RAM again: within a second; later, within a minute */
	uint64_t huge;           /* of both: by a huge page */
};

struct released; /* one call */
struct chunk;    /* 64 MiB of address space */

struct returned {
	struct released *q;            /* as they came */
	size_t n, cap, second, minute; /* the next to be looked at after that time */
	uint32_t first;                /* number of q[0] */
	struct chunk *chunk;           /* ascending */
	size_t nchunks;
	struct returned_sum sum[RETURNED_TAGS];
	uint64_t dropped; /* bytes that there was no room to watch */
};

/*
 * Pages were given back; addr and len are of whole pages, tag < RETURNED_TAGS. What there is no
 * room for, and what is more than 64 MiB at once, is counted in dropped.
 */
void returned_add(struct returned *r, uint64_t addr, uint64_t len, uint64_t ts, int tag);

/* Look at what is due at that time; all: at everything, whatever its age. 0 or -errno. */
int returned_look(struct returned *r, struct pagemap *pm, uint64_t now, bool all);

void returned_free(struct returned *r);

#endif
