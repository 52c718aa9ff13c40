/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * heap.h - what goheap shows of a census (census.h): its rows and columns.
 *
 * take.c takes the census by a worker, rows.c makes rows of it and emits them, cols.c has
 * their columns.
 */
#ifndef HEAP_H
#define HEAP_H

#include "census.h"
#include "heap/profile.h"
#include "session/worker.h"
#include "tool.h"

/* What is looked at, and a census of it. */
struct heap_look {
	struct census census;
	struct heap_profile profile;
	uint64_t looks;
};

/* Of struct heap_look: the census alone, and with the heap profile. */
extern const struct worker_job heap_job, heap_profile_job;

/* Size class x noscan of what is in use, and each other state of pages. */
struct heap_class_row {
	const char *state;
	char what[24]; /* of the screen: "48 noscan" */
	uint64_t size_class;
	int8_t noscan;
	uint64_t spans, objects, mapped, bytes;
	double occupancy;
	uint64_t live_bytes, free_slots_bytes, tail_bytes, resident;
};

struct heap_cell_row {
	uint64_t addr, mapped;
	const char *state;
	char what[24];
	uint64_t spans, objects, bytes, live_bytes, free_slots_bytes, tail_bytes, resident;
};

struct heap_type_row {
	char type[1032];
	const char *package;
	uint64_t size, objects, bytes, live_objects, live_bytes;
};

struct heap_summary {
	const char *comm, *go_version;
	uint64_t inuse_bytes, occupied_bytes, live_bytes, free_slots_bytes, tail_bytes;
	uint64_t resident, heap_inuse, objects;
	bool types_known;
	uint64_t typed_objects, typed_bytes, untyped_objects, passed_objects;
	uint64_t cell_bytes;
	bool consistent;
	uint64_t moved_bytes, unmarked_bytes;
	uint32_t attempts;
	uint64_t window_ns;
	bool ended;
};

extern const struct col heap_class_cols[], heap_cell_cols[], heap_type_cols[], heap_summary_cols[];
extern const struct map_cols heap_map; /* of cells: their sums are those of the classes */

/* The sections of the tool, from s on. */
enum heap_section { H_CELLS, H_CLASSES, H_TYPES, H_PROFILE, H_PERIOD, H_SUMMARY };

/* Emit a look; sum is filled, its texts belong to w. 0 or -ENOMEM. */
int heap_emit(struct run *r, const struct section *s, const struct worker *w,
	      const struct heap_look *look, struct heap_summary *sum);

#endif
