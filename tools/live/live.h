/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * live.h - what every tool that shows events shares: the target, the probes, the policy, what
 * it costs, the summary.
 *
 * A tool says which families of programs it uses, which of them it cannot do without and which
 * it can, fills their constants, and turns records into rows:
 *
 *	static const struct live_kind kind = {
 *		.families = (const char *const[]){ "gc", NULL },
 *		.needs = (const char *const[]){ "gc_end", NULL },
 *		.conf = &conf.live, .size = sizeof(struct gogc), .setup = gogc_setup,
 *		.record = gogc_record,
 *	};
 *
 * Of its callbacks for struct tool look, event and close are those here; open and finish are its
 * own, and call live_open() and live_finish().
 */
#ifndef LIVE_H
#define LIVE_H

#include "ctl.h"
#include "go/goproc.h"
#include "live/audit.h"
#include "policy.h"
#include "probe/cost.h"
#include "probe/probe.h"
#include "symbols.h"
#include "tool.h"

/* Of the command line; part of each tool's own struct. */
struct live_conf {
	double budget, sample; /* per cent */
	uint64_t ring;         /* bytes a CPU */
	const char *audit;     /* file, or NULL */
	bool crc;              /* checksums of records */
};

#define LIVE_CONF                                                                                  \
	{                                                                                          \
		.budget = 1, .sample = 100, .ring = RING_DEFAULT                                   \
	}

#define LIVE_OPTS(st)                                                                              \
	OPT_PERCENT(0, "budget", st, live.budget, "PCT",                                           \
		    "of the target's CPU that probes may cost (1); 100 us/s always"),              \
		OPT_PERCENT(0, "sample", st, live.sample, "PCT",                                   \
			    "share of the events to take (100)"),                                  \
		OPT_SIZE(0, "ring", st, live.ring, "BYTES",                                        \
			 "buffer for records, on each CPU (256K)"),                                \
		OPT(0, "audit", st, live.audit, "FILE",                                            \
		    "append what is done to this log; see gomemtrace report"),                     \
		OPT(0, "crc", st, live.crc, NULL,                                                  \
		    "compute a checksum of each record, and check it")

struct live;

struct live_kind {
	const char *const *families; /* none: what the target's memory tells, without a probe */
	const char *const *needs;    /* programs without which there is nothing to show */
	const char *const *sheds; /* programs to give up, in this order, when it costs too much */
	const struct live_conf *conf;
	size_t size; /* of the tool's own struct, whose first member is a struct live */
	int (*setup)(struct live *l); /* fill the programs' constants */
	int (*record)(struct live *l, const struct event_head *e);
	/*
	 * At the end, or NULL: take what the programs counted in maps of their own, and add to
	 * probes.delivered what they called produced.
	 */
	int (*collect)(struct live *l);
};

/* Why something cannot be shown. */
struct live_missing {
	const char *id, *why;
};

/* What one of the programs counted; see struct prog_stat. */
struct live_program {
	const char *name;
	uint64_t hits, calls, filtered, produced, lost, body_ns;
};

struct live_summary {
	uint64_t produced, delivered, lost, filtered, probe_hits;
	uint64_t corrupt; /* U64_NULL: without --crc */
	double coverage;  /* per cent of what the runtime counted; NaN: not known */
	double overhead_pct, budget_pct;
	uint64_t overhead_ns, trap_ns, interrupted_ns, paused_ns, policy_changes;
	const char *mode;
	bool ended;
	struct live_program program[PROGS_MAX];
	struct list missing, policy, programs;
};

extern const struct col live_missing_cols[], live_policy_cols[], live_program_cols[];

/* The columns of a summary that every event tool has; m is the struct live_summary in st. */
#define LIVE_COLS(st, m)                                                                           \
	COL_AS("produced", st, m.produced, "PRODUCED", COUNT, COUNTER, 0,                          \
	       "records the programs made"),                                                       \
		COL_AS("delivered", st, m.delivered, "DELIVERED", COUNT, COUNTER, 0,               \
		       "of them: shown; produced = delivered + lost + corrupt, always"),           \
		COL_AS("lost", st, m.lost, "LOST", COUNT, COUNTER, 0,                              \
		       "of them: no room in the buffer"),                                          \
		COL_AS("corrupt", st, m.corrupt, "CORRUPT", COUNT, COUNTER, 0,                     \
		       "of them: came with a wrong checksum (--crc), and left out"),               \
		COL_AS("filtered", st, m.filtered, "FILTERED", COUNT, COUNTER, 0,                  \
		       "events that the policy did not want"),                                     \
		COL_AS("probe_hits", st, m.probe_hits, "HITS", COUNT, COUNTER, 0,                  \
		       "traps the target took for us"),                                            \
		COL_AS("coverage", st, m.coverage, "COVERAGE", PERCENT, GAUGE, 0,                  \
		       "share of what the runtime itself counted meanwhile"),                      \
		COL_AS("overhead_pct", st, m.overhead_pct, "OVERHEAD", PERCENT, GAUGE, 0,          \
		       "what the probes cost, of the target's CPU time: hits x calibrated cost"),  \
		COL_AS("budget_pct", st, m.budget_pct, "BUDGET", PERCENT, GAUGE, 0,                \
		       "what they may cost"),                                                      \
		COL_AS("overhead_ns", st, m.overhead_ns, "COST", NSEC, COUNTER, 0,                 \
		       "the same in time"),                                                        \
		COL_AS("trap_ns", st, m.trap_ns, "TRAP", NSEC, GAUGE, 0,                           \
		       "one trap at an emulated instruction, as calibrated at the start"),         \
		COL_AS("interrupted_ns", st, m.interrupted_ns, "INTERRUPTED", NSEC, COUNTER, 0,    \
		       "not in the cost: time in which something else ran amid our programs"),     \
		COL_AS("paused_ns", st, m.paused_ns, "PAUSED", NSEC, COUNTER, 0,                   \
		       "time without probes, to keep to the budget"),                              \
		COL_AS("mode", st, m.mode, "MODE", NONE, GAUGE, 0, "exact, or sampled"),           \
		COL_AS("ended", st, m.ended, "ENDED", NONE, GAUGE, 0, "the target ended"),         \
		COL_AS_TYPE("missing", st, m.missing, COL_LIST_TYPE(st, m.missing),                \
			    live_missing_cols, "", NONE, GAUGE, COL_JSON_ONLY,                     \
			    "what cannot be shown, and why"),                                      \
		COL_AS("policy_changes", st, m.policy_changes, "CHANGES", COUNT, COUNTER, 0,       \
		       "changes of the policy, member by member"),                                 \
		COL_AS_TYPE("policy", st, m.policy, COL_LIST_TYPE(st, m.policy), live_policy_cols, \
			    "", NONE, GAUGE, COL_JSON_ONLY,                                        \
			    "changes of the policy; of many, the last ones"),                      \
		COL_AS_TYPE("programs", st, m.programs, COL_LIST_TYPE(st, m.programs),             \
			    live_program_cols, "", NONE, GAUGE, COL_JSON_ONLY,                     \
			    "what each program counted")

#define LIVE_MISSING (PROGS_MAX + 16)

struct live {
	struct run *run;
	const struct live_kind *kind;
	struct target target;
	struct goproc gp;
	struct probes probes;
	struct symbols *names;
	struct policy_writer policy;
	struct live_audit audit;
	struct ctl ctl;
	struct cost cost;
	bool cost_told;
	bool stacks_told; /* what is wrong with the stacks of this target */
	int poll, timer;
	uint64_t cpu0, cpu_last; /* the target's CPU time at the start, and last seen */
	uint64_t opened_at;      /* when cpu0 was taken */
	uint64_t budget_at;      /* when it was looked at, between looks */
	uint64_t paused_at, paused_ns;
	struct live_missing missing[LIVE_MISSING];
	size_t nr_missing;
};

/* For .check of struct tool: do the options make sense? */
int live_check(const struct live_conf *conf);

/*
 * Open the process of r, attach, and make r->fd readable when there is something to do. On
 * success r->priv is the tool's struct, kind->size bytes of zeros but for its struct live.
 */
int live_open(struct run *r, const struct live_kind *kind);

/* For struct tool: every interval the budget is held; a target that is gone ends the run. */
int live_look(struct run *r);
int live_event(struct run *r);

/* Take the probes away and hand out the last records. Once; -EPROTO if the books are wrong. */
int live_finish(struct live *l);

/* What was counted; coverage is the tool's to say. */
void live_summarize(struct live *l, struct live_summary *s);

/* A line for people: what was seen, lost, and what it cost. */
void live_say(struct live *l, const struct live_summary *s);

/* For struct tool: frees what live_open() made. */
void live_close(struct run *r);

/*
 * The functions at the i-th address of a stack, innermost first: how many, at most max. Says once
 * if stacks of this target are not to be relied on.
 */
size_t live_frames(struct live *l, const struct event_stack *s, uint32_t i, struct frame *f,
		   size_t max);

/* The frames of a stack; out->frame points into room for max. Names last until live_close(). */
void live_stack(struct live *l, const struct event_stack *s, struct stack *out,
		struct stack_frame *room, size_t max);

#endif
