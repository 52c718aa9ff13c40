/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * map.h - address space by who asked for it, from records (bpf/map.h) to rows.
 *
 * The mappings that there were when we came are the start; every call changes them as the
 * kernel did. So at the end each byte has an owner, and what the calls do not explain of
 * /proc/PID/maps is printed.
 */
#ifndef LIVE_MAP_H
#define LIVE_MAP_H

#include "bpf/map.h"
#include "live/hist.h"
#include "live/owner.h"
#include "live/regions.h"

struct map_row {
	uint64_t at_ns;
	char call[7];
	const char *owner, *who;
	uint64_t addr, bytes;
	int64_t change;
	bool reserved;
	uint64_t goid;
	struct stack stack;
};

struct map_owner_row {
	const char *owner;
	uint64_t calls, mapped_bytes, unmapped_bytes, outstanding_bytes, reserved_bytes,
		resident_bytes;
};

struct map_site_row {
	const char *owner, *who;
	uint64_t calls, outstanding_bytes, reserved_bytes, resident_bytes;
	struct stack stack;
};

struct map_summary {
	struct live_summary live;
	uint64_t calls, mapped_bytes, unmapped_bytes, outstanding_bytes, reserved_bytes,
		resident_bytes, syscall_ns;
	int64_t change, maps_change, unexplained_bytes;
};

extern const struct col map_cols[], map_owner_cols[], map_site_cols[], map_summary_cols[];

/* A stack that calls were made from. */
struct map_site {
	struct event_stack stack;
	const char *owner, *who;
	uint64_t calls, mapped, unmapped, outstanding, reserved, resident;
	uint32_t next; /* with the same hash */
};

#define MAP_BUCKETS 4096

struct map_state {
	struct regions regions;
	struct map_site *site; /* the first is for what there was before */
	size_t nsites, cap;
	uint32_t bucket[MAP_BUCKETS]; /* 0: empty */
	uint64_t brk, brk_from;       /* where the heap of brk(2) ends, and ended; 0: not known */
	uint64_t first_bytes, maps_bytes;
	int64_t change;
	uint64_t cut; /* by the call at hand */
	struct live_hist size;
	struct map_row row;
	struct owner_stack names;
	struct stack_frame frame[OWNER_FRAMES];
	int err;
};

int map_begin(struct map_state *m, struct live *l);
/* The row of a record, good until the next; NULL: nothing changed. */
const struct map_row *map_record(struct map_state *m, struct live *l, const struct map_event *e);
/* After the last record: what is mapped, and resident, now. */
int map_end(struct map_state *m, struct live *l);
void map_emit(struct map_state *m, struct live *l, const struct section *owners,
	      const struct section *sites);
void map_summarize(struct map_state *m, struct live *l, struct map_summary *s);
void map_say(struct live *l, const struct map_summary *s);
void map_free(struct map_state *m);

#endif
