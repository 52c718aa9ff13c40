/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * session.h - what `gomemtrace -p PID` shows: the rows of its sections.
 *
 * cols.c, memstats.c and host.c have the columns, take.c takes a look, rows.c fills the rows
 * from its ledger, screen.c lays them out for people. One struct session_look is one look.
 */
#ifndef SESSION_H
#define SESSION_H

#include "go/rt_memstats.h"
#include "ledger.h"
#include "proc/cgroup.h"
#include "proc/procfs.h"
#include "session/worker.h"
#include "tool.h"

struct id_row {
	const char *comm, *go_version, *module;
};

struct binary_row {
	bool stripped, pie, cgo;
	const char *library, *host;
};

struct invariants_row {
	uint32_t checked, failed;
};

struct missing_row {
	const char *id, *why;
};

struct facts_row {
	const char *symbols, *layout, *addresses, *layout_release, *why;
	bool proven;
	struct object invariants;
	uint32_t attempts;
	uint64_t proof_ns;
	struct list missing;
};

struct total_row {
	uint64_t rss;
	const char *rss_source;
	int64_t gap, residual;
	uint64_t residual_bound;
	bool still, zero_pages_unknown;
	uint64_t locked;
	const char *state;
	uint64_t goroutines, dead_goroutines;
};

struct detail_row {
	const char *what;
	uint64_t resident, mapped, used, free;
};

struct ledger_line {
	const char *id;
	char label[48]; /* of the screen */
	uint64_t resident, mapped, error;
	int64_t delta;
	const char *source;
	uint64_t confidence;
	struct list detail;
	double percent, bar;
};

struct bytes_row {
	const char *id;
	uint64_t bytes;
};

struct cell_row {
	const char *state;
	uint64_t resident, huge, lazyfree, swapped, absent;
};

struct size_row {
	uint64_t size, mallocs, frees;
};

struct memstats_row {
	struct memstats m;
	struct list by_size;
	struct numbers pause_ns;
	struct list pause_end;
};

struct time_row {
	uint64_t at;
};

struct consistency_row {
	uint32_t attempts;
	bool consistent;
	uint64_t skew_ns, gc_cycle;
	uint32_t ledger_attempts;
	uint64_t window_ns, moved_bytes;
};

struct verdict_row {
	const char *cause, *because, *unless, *next;
	uint64_t bytes, confidence;
};

struct settings_row {
	int64_t gogc, gomemlimit; /* -1: off */
	uint64_t gomaxprocs;
	const char *madvise, *thp_enabled;
	uint64_t thp_max_ptes_none;
	int8_t thp_disabled;
};

struct cgroup_row {
	struct cgroup c;
	uint64_t version, limit;
	int64_t headroom;
	const char *path, *container, *runtime, *unit, *limit_path, *why;
	struct list limits; /* of struct cgroup_level */
};

/* What is charged to the group and is not in the RSS, or not as such. */
enum charged {
	CHARGED_SLAB,
	CHARGED_SOCK,
	CHARGED_PAGE_TABLES,
	CHARGED_STACKS,
	CHARGED_KERNEL,
	CHARGED_FILE,
	CHARGED_SHMEM,
	CHARGED_COUNT
};

/* What the child that took the look used for it. */
struct session_cost {
	uint64_t cpu_ns, rss;
};

struct self_row {
	uint64_t wall_ns, cpu_ns, rss, target_stopped_ns;
};

struct end_row {
	bool ended;
};

enum session_section {
	S_ID,
	S_BINARY,
	S_SETTINGS,
	S_FACTS,
	S_TOTAL,
	S_ROWS,
	S_WHERE, /* the rows as people read them */
	S_NOT_IN_RSS,
	S_CGROUP,
	S_MATRIX,
	S_JOIN, /* the matrix as people read it: what is there */
	S_MEMSTATS,
	S_CONSISTENCY,
	S_VERDICT,
	S_SELF,
	S_END,
};

extern const struct section session_sections[];
extern const struct col session_memstats_cols[]; /* of struct memstats_row */
extern const struct col session_settings_cols[]; /* of struct settings_row */
extern const struct col session_cgroup_cols[];   /* of struct cgroup_row */

struct session_look {
	struct ledger ledger;
	struct memstats ms;
	bool has_ms;
	struct cgroup cgroup;
	struct proc_thp thp;
	struct session_cost cost;
	struct self_row self;

	struct id_row id;
	struct binary_row binary;
	struct invariants_row invariants;
	struct missing_row missing[ROW_COUNT];
	struct facts_row facts;
	struct total_row total;
	struct ledger_line line[ROW_COUNT];
	struct detail_row *detail; /* of all rows, by row */
	struct bytes_row outside[5];
	struct settings_row settings;
	struct cgroup_row group;
	struct bytes_row charged[CHARGED_COUNT];
	struct cell_row cell[PS_COUNT];
	struct memstats_row memstats;
	struct size_row by_size[MEMSTATS_BY_SIZE];
	struct time_row pause_end[MEMSTATS_PAUSES];
	struct consistency_row consistency;
};

/* Fills ledger, ms, has_ms, cgroup, thp and cost. */
extern const struct worker_job session_job;

/* Fill everything from ledger, ms and gp; prev is the look before, or NULL. 0 or -errno. */
int session_fill(struct session_look *s, const struct goproc *gp, const struct session_look *prev);

/* Fill the memstats row from ms. */
void session_memstats(struct session_look *s);

/* Fill settings, group and charged from ms, cgroup and thp. */
void session_host(struct session_look *s);

/* Emit the JSON sections, then the screen. */
void session_emit(struct run *r, const struct session_look *s, const struct goproc *gp);
void session_screen(struct run *r, const struct session_look *s, const struct goproc *gp);
void session_header(struct run *r, const struct session_look *s, const struct goproc *gp);
/* The target has exited: the last object says so. 0 or -errno. */
int session_emit_end(struct run *r, const struct session_look *last);

#endif
