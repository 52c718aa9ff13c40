/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * census.h - what the Go heap is made of: spans by size class, pages by state, where they
 * are, and the types of large objects.
 *
 * Spans, bitmaps and marks are the runtime's (go/rt_heap.h), pages the kernel's. In a still
 * process the pages of spans in use are heapInUse, and their objects HeapAlloc, both to the
 * byte. Of a span in use, mapped = bytes + free_slots + tail.
 */
#ifndef CENSUS_H
#define CENSUS_H

#include "go/goproc.h"
#include "go/rt_heap.h"
#include "go/rt_types.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct census_sum { /* bytes, but for the first two */
	uint64_t spans;
	uint64_t objects; /* slots that are occupied, objects not swept yet included */
	uint64_t mapped;  /* address space: all pages */
	uint64_t bytes;   /* of the objects: slots, as HeapAlloc counts them */
	uint64_t live;    /* of those, marked in the last finished collection */
	uint64_t free_slots, tail;
	uint64_t resident; /* of mapped, in RAM */
};

#define CENSUS_MIXED 0xff /* a span class that there is not: several, or none */

/*
 * A piece of the arenas in one state, ascending; or, when there are too many, what of a
 * window of address space is in one state. One span may be larger than a window: it is a
 * cell of its own.
 */
struct census_cell {
	uint64_t addr;
	uint8_t state; /* enum page_state */
	uint8_t class; /* of spans in use; or CENSUS_MIXED */
	struct census_sum sum;
};

#define CENSUS_CELLS 16384 /* at most; a GiB of small objects has 131,072 spans */

struct census {
	struct census_sum class[GO_SPAN_CLASSES]; /* of spans in use; 0 and 1: large objects */
	struct census_sum state[PS_COUNT];        /* PS_IN_USE is the sum of the classes */
	struct census_cell *cell;
	size_t ncells;
	uint64_t window; /* bytes; 0: each cell is one span, or one run of pages without */
	struct object_types types;

	uint64_t heap_inuse; /* as the runtime counts it */
	bool consistent;     /* nothing moved, and spans are what the runtime counts */
	bool pages_unknown;  /* zero pages could not be left out of what is resident */
	uint64_t moved;      /* else: bytes of objects that came and went meanwhile, at least */
	uint64_t unmarked;   /* bytes of objects whose marks could not be read: not in live */
	uint64_t window_ns;  /* from the first read to the last */
	unsigned attempts;
};

/*
 * Take one: up to max_attempts times, until nothing moves, within about budget_ns. gp must
 * be proven. c is overwritten; free it once with census_free(). 0 or -errno, with a sentence.
 */
int census_take(struct goproc *gp, struct census *c, unsigned max_attempts, uint64_t budget_ns);
void census_free(struct census *c);

/*
 * Classes, states and at most `max` cells from a heap and the pages the kernel holds. 0 or
 * -errno.
 */
int census_count(const struct goheap *h, const struct page_runs *runs, size_t max,
		 struct census *c);

#endif
