/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * fault.h - page faults by what they were, where and who, from records (bpf/fault.h) to rows.
 *
 * Which pages were there is known from the page tables at the start, and from then on by the
 * faults and by the calls that take pages away, in the order of time (pages.h).
 */
#ifndef LIVE_FAULT_H
#define LIVE_FAULT_H

#include "addr_row.h"
#include "bpf/fault.h"
#include "go/symbolize.h"
#include "live/hist.h"
#include "live/owner.h"
#include "live/pages.h"

enum fault_kind { FAULT_FIRST, FAULT_REFAULT, FAULT_AGAIN, FAULT_MAJOR, FAULT_KINDS };

struct fault_row {
	const char *by; /* "row": what these rows are told apart by */
	const char *kind, *row, *who;
	uint64_t faults, bytes, huge;
	struct stack stack;
};

struct fault_summary {
	struct live_summary live;
	uint64_t faults, bytes, huge, of[FAULT_KINDS], bytes_of[FAULT_KINDS];
	uint64_t first, refaults, again, major;
	uint64_t first_bytes, refault_bytes, again_bytes, major_bytes;
	uint64_t counted, hit_ns, raw_ns, syscall_ns;
	double sample_pct;
};

extern const struct col fault_row_cols[], fault_who_cols[], fault_stack_cols[],
	fault_summary_cols[];

/* Faults of one kind in one row from one place. */
struct fault_site {
	struct fault_row sum;
	enum fault_kind kind;
	int32_t stack_id;
	uint64_t lr;
	struct event_stack stack;
	uint32_t next; /* with the same hash; 0: none */
};

#define FAULT_BUCKETS 4096
#define FAULT_SITES   65536 /* more are of the first */

struct fault_state {
	struct addr_rows rows;
	struct pages pages;
	struct symbolizer sym; /* to tell whether a function has made a frame */
	bool sym_known;
	struct fault_site *site; /* the first is for those that find no room */
	size_t n, cap;
	uint32_t bucket[FAULT_BUCKETS];
	uint64_t faults0, faults1; /* by the kernel's count, at both ends */
	struct live_hist bytes[FAULT_KINDS];
	struct owner_stack names;
	struct stack_frame frame[OWNER_FRAMES];
	int err;
};

struct fault_sections {
	const struct section *rows, *who, *stacks, *bytes;
};

/* For struct live_kind. */
int fault_setup(struct fault_state *f, struct live *l);
int fault_record(struct fault_state *f, struct live *l, const struct event_head *e);

/* When it is attached, and before it is detached: what the kernel has counted. */
void fault_begin(struct fault_state *f, struct live *l);
void fault_end(struct fault_state *f, struct live *l);

int fault_emit(struct fault_state *f, struct live *l, const struct fault_sections *s);
void fault_summarize(struct fault_state *f, struct live *l, struct fault_summary *s);
void fault_say(struct live *l, const struct fault_summary *s);
void fault_free(struct fault_state *f);

#endif
