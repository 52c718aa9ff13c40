/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * scav.h - memory given back, from records (bpf/scav.h) to rows.
 *
 *	background	the runtime's background scavenger
 *	eager		an allocation that made the heap grow pays for it
 *	limit		an allocation that would have passed the memory limit
 *	freeosmemory	debug.FreeOSMemory
 *	other		a madvise that is not the scavenger's
 *
 * An allocation that gives back is told by its stack, and which of the two it is by what the
 * scavenger was told. 1.19 does not tell it: there it is the limit if what is mapped, with what
 * is to be given back, comes within SCAV_NEAR of it.
 */
#ifndef LIVE_SCAV_H
#define LIVE_SCAV_H

#include "bpf/scav.h"
#include "live/hist.h"
#include "live/owner.h"
#include "live/returned.h"

#define SCAV_NEAR (4ULL << 20) /* what the heap grows by, at least */

enum scav_source { SCAV_BACKGROUND, SCAV_EAGER, SCAV_LIMIT, SCAV_FORCED, SCAV_OTHER, SCAV_SOURCES };

struct scav_row {
	uint64_t at_ns;
	char source[13], advice[16];
	const char *who;
	uint64_t addr, bytes;
	int64_t rss_change;
	uint64_t goid;
	struct stack stack;
};

struct scav_source_row {
	const char *source;
	uint64_t calls, returned_bytes;
	int64_t rss_change;
	uint64_t refault_1s_bytes, refault_60s_bytes, refault_huge_bytes;
};

struct scav_advice_row {
	const char *advice;
	uint64_t calls, advised_bytes;
};

struct scav_summary {
	struct live_summary live;
	uint64_t returned_bytes;
	int64_t rss_change;
	uint64_t refault_bytes, refault_1s_bytes, refault_60s_bytes, refault_huge_bytes,
		unwatched_bytes, collapsed_bytes, khugepaged_bytes, collapse_failed, syscall_ns;
	int64_t released_change;
};

extern const struct col scav_cols[], scav_source_cols[], scav_advice_cols[], scav_summary_cols[];

#define SCAV_ADVICES 128 /* values of madvise's advice that are told apart */

struct scav_state {
	int minor;
	struct scav_sum {
		uint64_t calls, bytes;
		uint64_t covered;   /* of the bytes: while the runtime's count was watched */
		int64_t rss_change; /* of the calls where it is known */
		uint64_t rss_known; /* how many */
		struct live_hist size;
	} source[SCAV_SOURCES];
	struct {
		uint64_t calls, bytes;
	} advice[SCAV_ADVICES];
	uint64_t collapsed, khugepaged, collapse_failed; /* huge pages */
	uint64_t huge_bytes;                             /* of one; 0: not known */
	/* by the runtime: HeapReleased, and what its scavenger counts; U64_NULL: not known */
	uint64_t first_released, released, first_counted, counted;
	uint64_t began_ns, ended_ns; /* when that was read; 0: not yet */
	uint64_t last_end;           /* of a call: when, and the anonymous memory then */
	int64_t last_anon;
	struct returned returned;
	struct scav_row row;
	struct owner_stack names;
	struct stack_frame frame[OWNER_FRAMES];
};

int scav_setup(struct scav_state *s, struct live *l);
void scav_begin(struct scav_state *s, struct live *l);
/* Before the probes go. */
void scav_end(struct scav_state *s, struct live *l);
/* The row of a record, good until the next; NULL: it came when the run had ended. */
const struct scav_row *scav_record(struct scav_state *s, struct live *l,
				   const struct scav_event *e);
void scav_collapsed(struct scav_state *s, const struct scav_collapse_event *e);
/* Look at the pages that are due; all: at all, for the last time. 0 or -errno. */
int scav_watch(struct scav_state *s, struct live *l, bool all);
void scav_emit(struct scav_state *s, struct live *l, const struct section *sources,
	       const struct section *advice, const struct section *hist);
void scav_summarize(struct scav_state *s, struct live *l, struct scav_summary *sum);
void scav_say(struct live *l, const struct scav_summary *sum);
void scav_free(struct scav_state *s);

#endif
