/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * alloc.h - what a Go process allocates, from counters and samples to rows.
 *
 * Sums are the runtime's own counters in every mode (uprobes/go/rt_memstats.h): objects and
 * bytes by size class are exact and cost nothing. Who allocates is known
 *
 *	exact     of every allocation
 *	windowed  of every allocation in a share of the time, scaled by size class
 *	sampled   of some: those that the runtime samples for its own profile, or those that
 *	          made it get a new span, scaled by size class
 *
 * What is estimated has bounds: in 95 of 100 runs the truth is within them (alloc_est.h).
 */
#ifndef LIVE_ALLOC_H
#define LIVE_ALLOC_H

#include "bpf/alloc.h"
#include "go/rt_memstats.h"
#include "go/types.h"
#include "live/alloc_est.h"
#include "live/live.h"

enum alloc_mode { ALLOC_AUTO, ALLOC_TOTALS, ALLOC_SAMPLED, ALLOC_WINDOWED, ALLOC_EXACT };
enum alloc_by { ALLOC_BY_CLASS = 1, ALLOC_BY_STACK = 2, ALLOC_BY_CREATOR = 4, ALLOC_BY_TYPE = 8 };
#define ALLOC_BY_ALL 15
#define ALLOC_INDEX  (2 * ALLOC_SUMS)

/* What the runtime counted since it started, or between two looks. */
struct alloc_counts {
	uint64_t objects[ALLOC_KINDS], bytes[ALLOC_KINDS]; /* by class */
	uint64_t mallocs, total_bytes;
	uint64_t ts_ns;
	bool known;
};

struct alloc_cell {
	struct alloc_key key;
	struct alloc_sum sum; /* as it was counted */
	uint64_t stack;       /* the same for all that are to be shown as one stack */
	struct alloc_part part;
	struct alloc_cluster ratio; /* over windows, in objects; of large ones in bytes */
};

/* What was counted by class in one window. */
struct alloc_window {
	double objects[ALLOC_KINDS], bytes[ALLOC_KINDS];
};

struct alloc_row {
	const char *by; /* "class": what these rows are told apart by */
	const char *kind;
	uint64_t size_class;
	uint64_t objects, bytes, low, high, requested_bytes, samples;
	double objects_per_s, bytes_per_s;
	const char *function, *creator, *type;
	struct stack stack;
};

struct alloc_summary {
	struct live_summary live;
	uint64_t objects, bytes, tiny_objects, large_objects, large_bytes, sampled_objects;
	uint64_t window_ns, windows;
	double seconds;
	const char *source;
};

extern const struct col alloc_class_cols[], alloc_stack_cols[], alloc_creator_cols[],
	alloc_type_cols[], alloc_summary_cols[];

struct alloc_state {
	enum alloc_mode mode;
	unsigned int by;
	const char *source; /* what the samples are, for people */
	struct alloc_counts first, last, delta;
	struct alloc_cell *cell;
	size_t n;
	struct alloc_sum class[ALLOC_KINDS]; /* of exact: as counted by us */
	uint64_t requests[HIST_SLOTS], requested;
	uint64_t sampled;
	/* windowed */
	double share; /* of the time */
	bool open;
	uint64_t began, opened, due; /* since then programs are attached, since then all count */
	uint64_t window_ns, windows, no_room;
	struct alloc_clusters all[ALLOC_KINDS];
	uint32_t *index; /* of the cells, by a hash of the key */
	struct alloc_flushed flushed[ALLOC_SPAN_CLASSES];
	uint64_t rate; /* of the runtime's own sampler, bytes; 0: it is not what is used */
	struct go_types types;
	struct go_type type;
	struct stack_frame frame[STACK_MAX];
};

/* What is to be shown. */
struct alloc_sections {
	const struct section *classes, *requests, *stacks, *creators, *types;
};

const char *alloc_mode_name(enum alloc_mode mode);
/* "exact"; "stack,type". 0, or -EINVAL with a sentence. */
int alloc_mode_read(const char *word, enum alloc_mode *mode);
int alloc_by_read(const char *list, unsigned int *by);

/* Fill the programs' constants, and leave out what the mode does not need. */
int alloc_setup(struct alloc_state *a, struct live *l);
/* Look at the counters: from the first look on they are counted. 0 also if they cannot be read. */
int alloc_look(struct alloc_state *a, struct live *l);
/* For struct live_kind: what was counted, when nothing is attached any more. */
int alloc_collect(struct alloc_state *a, struct live *l);
int alloc_emit(struct alloc_state *a, struct live *l, const struct alloc_sections *s);
void alloc_summarize(struct alloc_state *a, struct live *l, struct alloc_summary *s);
void alloc_say(struct alloc_state *a, struct live *l, const struct alloc_summary *s);
void alloc_free(struct alloc_state *a);

/* Windows: the first is open once the programs are attached; a tick opens and closes them. */
int alloc_window_begin(struct alloc_state *a, struct live *l);
int alloc_window_tick(struct alloc_state *a, struct live *l);
/* When nothing is attached any more. */
int alloc_window_end(struct alloc_state *a, struct live *l);
void alloc_window_estimate(struct alloc_state *a);

/* The value of a key on all CPUs; cpu has room for them. 0 or -errno. */
int alloc_sum_read(struct live *l, int map, const void *key, struct alloc_sum *cpu,
		   struct alloc_sum *out);
/* The class of what a program could not read the type of. */
void alloc_resolve(struct alloc_state *a, struct live *l, struct alloc_cell *c);

/* What was counted, to what it stands for. */
int alloc_estimate(struct alloc_state *a, struct live *l);

/* The return addresses of a key's stack, innermost first: s->n of them. */
void alloc_pcs(struct live *l, const struct alloc_key *k, struct event_stack *s);
bool alloc_is_plumbing(const char *function);

/* Whether it is the runtime's own, by name. */
bool alloc_is_runtime(const char *function);
/*
 * The type that is allocated at the innermost call that is not the runtime's own, by its code:
 * the address of a descriptor; 0: that call has no type; UINT64_MAX: not known.
 */
uint64_t alloc_site_type(struct live *l, const struct go_types *types, const struct event_stack *s);

/* The runtime's counters by now. 0 or -errno. */
int alloc_counts_read(struct goproc *gp, struct alloc_counts *c);
/* The class of an object that the programs did not know it of. */
uint32_t alloc_class(const struct go_layout *l, uint64_t size, bool pointers);

#endif
