/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * kmem.h - kernel memory by who asked for it, from what the programs counted (bpf/kmem.h) to rows.
 *
 * A chosen object stands for 1 / share of them. Of n objects of b bytes each that were seen under
 * a share p the whole is the sum of b / p, and its variance the sum of b * b * (1 - p) / (p * p):
 * the error is 1.96 times its root, so the truth is within it in 95 of 100 runs, as long as some
 * ten were seen. Without a sample there is no error.
 */
#ifndef LIVE_KMEM_H
#define LIVE_KMEM_H

#include "bpf/kmem.h"
#include "live/gfp.h"
#include "live/live.h"

#define KMEM_OBJECTS 131072 /* by default: chosen and not yet freed */

/* Estimates, as they add up. */
struct kmem_part {
	double objects, requested, bytes, left, left_bytes, unseen, var, left_var;
};

/* A site, or several together; NULL: not known, or not told apart. */
struct kmem_row {
	const char *by; /* "kind": what these rows are told apart by */
	const char *kind, *cache, *site, *call, *gfp;
	uint64_t objects, requested_bytes, allocated_bytes, error_bytes;
	uint64_t outstanding, outstanding_bytes, outstanding_error_bytes, unseen;
	struct stack stack;
	/* for us */
	struct kmem_part part;
	int32_t stack_id;
	uint64_t call_site;
	char cache_name[KMEM_NAME], gfp_name[GFP_TEXT];
};

struct kmem_summary {
	struct live_summary live;
	uint64_t objects, requested_bytes, allocated_bytes, error_bytes;
	uint64_t outstanding, outstanding_bytes, outstanding_error_bytes, unseen;
	uint64_t pages_bytes, pages_outstanding_bytes, raw_ns, hit_ns;
	double sample_pct;
};

extern const struct col kmem_kind_cols[], kmem_site_cols[], kmem_call_cols[], kmem_gfp_cols[],
	kmem_stack_cols[], kmem_summary_cols[];

struct kmem_state {
	struct kmem_row *row; /* of each site */
	size_t n;
	struct gfp gfp;
	uint64_t size[KMEM_KINDS][HIST_SLOTS];
	struct kmem_part kind[KMEM_KINDS];
	struct stack_frame frame[KMEM_FRAMES];
};

/* What is to be shown, in the order of the sections of gokmem. */
struct kmem_sections {
	const struct section *kinds, *sites, *calls, *flags, *stacks, *sizes;
};

int kmem_setup(struct live *l, uint64_t objects);
/* For struct live_kind: what was counted, when nothing is attached any more. */
int kmem_collect(struct kmem_state *m, struct live *l);
int kmem_emit(struct kmem_state *m, struct live *l, const struct kmem_sections *s);
void kmem_summarize(struct kmem_state *m, struct live *l, struct kmem_summary *s);
void kmem_say(struct live *l, const struct kmem_summary *s);
void kmem_free(struct kmem_state *m);

/* Add what was seen under a share: see above. */
void kmem_part_add(struct kmem_part *p, const struct kmem_sum *sum, uint32_t sample);
/* What an error of that variance is; U64_NULL: there is none. */
uint64_t kmem_error(double var);

#endif
