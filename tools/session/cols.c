// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The columns of the session: JSON members, tables, schema and help from one place. */
#include "session.h"

#define FIELD(st, field, unit, role, help) COL(struct st, field, #field, unit, role, help)

static const struct col id_cols[] = { FIELD(id_row, comm, NONE, KEY, "name of the process"),
				      FIELD(id_row, go_version, NONE, KEY,
					    "release that built the program"),
				      FIELD(id_row, module, NONE, KEY, "main module"),
				      {} };

static const struct col binary_cols[] = {
	FIELD(binary_row, stripped, NONE, GAUGE, "the executable has no symbol table"),
	FIELD(binary_row, pie, NONE, GAUGE, "position-independent executable"),
	FIELD(binary_row, cgo, NONE, GAUGE, "linked with a C library at run time"),
	FIELD(binary_row, library, NONE, GAUGE,
	      "shared library that has the Go runtime, where the executable is not Go"),
	FIELD(binary_row, host, NONE, GAUGE, "the executable, then"),
	{}
};

static const struct col invariants_cols[] = {
	FIELD(invariants_row, checked, COUNT, GAUGE, "identities of the runtime that were tried"),
	FIELD(invariants_row, failed, COUNT, GAUGE, "identities that did not hold"),
	{}
};

static const struct col missing_cols[] = { FIELD(missing_row, id, NONE, KEY,
						 "row that could not be counted"),
					   FIELD(missing_row, why, NONE, GAUGE, "the reason"),
					   {} };

static const struct col facts_cols[] = {
	FIELD(facts_row, symbols, NONE, GAUGE,
	      "where the runtime's names were found: symtab or pclntab"),
	FIELD(facts_row, layout, NONE, GAUGE, "where the structures' layout is from: table"),
	FIELD(facts_row, addresses, NONE, GAUGE,
	      "where addresses of variables are from: symtab or code"),
	FIELD(facts_row, layout_release, NONE, GAUGE, "Go release of the layout in use"),
	FIELD(facts_row, proven, NONE, GAUGE, "the live process satisfied the identities"),
	COL_OBJECT(struct facts_row, invariants, invariants_cols, "the identities"),
	FIELD(facts_row, attempts, COUNT, GAUGE, "snapshots until one balanced"),
	FIELD(facts_row, proof_ns, NSEC, GAUGE, "time the proof took"),
	COL_LIST(struct facts_row, missing, missing_cols, "rows that could not be counted"),
	FIELD(facts_row, why, NONE, GAUGE, "why the facts are missing or not exact"),
	{}
};

static const struct col total_cols[] = {
	FIELD(total_row, rss, BYTES, GAUGE, "resident set size"),
	FIELD(total_row, rss_source, NONE, GAUGE,
	      "status: VmRSS, exact here; smaps_rollup; core: bytes in the core file"),
	FIELD(total_row, gap, SBYTES, GAUGE, "rss - HeapAlloc"),
	FIELD(total_row, residual, SBYTES, GAUGE, "rss - sum of the rows"),
	FIELD(total_row, residual_bound, BYTES, GAUGE, "the residual cannot be larger than this"),
	FIELD(total_row, still, NONE, GAUGE, "no page came or went during the scan"),
	FIELD(total_row, zero_pages_unknown, NONE, GAUGE,
	      "zero pages, which are not in rss, could not be told from others"),
	FIELD(total_row, locked, BYTES, GAUGE, "mappings that are locked in memory (VmLck)"),
	FIELD(total_row, state, NONE, GAUGE,
	      "running; stopped (SIGSTOP and the like); traced: stopped by a debugger"),
	FIELD(total_row, goroutines, COUNT, GAUGE, "goroutines, those of the runtime included"),
	FIELD(total_row, dead_goroutines, COUNT, GAUGE, "exited goroutines kept for reuse"),
	{}
};

static const struct col detail_cols[] = {
	FIELD(detail_row, what, NONE, KEY, "path, address range or structure"),
	FIELD(detail_row, resident, BYTES, GAUGE, "resident bytes"),
	FIELD(detail_row, mapped, BYTES, GAUGE, "bytes of address space"),
	FIELD(detail_row, used, BYTES, GAUGE, "of C's malloc: in chunks handed out"),
	FIELD(detail_row, free, BYTES, GAUGE, "of C's malloc: in free chunks"),
	{}
};

static const struct col row_cols[] = {
	FIELD(ledger_line, id, NONE, KEY, "row of the ledger"),
	FIELD(ledger_line, resident, BYTES, GAUGE, "resident bytes"),
	FIELD(ledger_line, mapped, BYTES, GAUGE, "bytes of address space"),
	FIELD(ledger_line, error, BYTES, GAUGE, "resident may be off by this much"),
	FIELD(ledger_line, delta, SBYTES, GAUGE, "change since the look before"),
	FIELD(ledger_line, source, NONE, GAUGE, "what was counted"),
	FIELD(ledger_line, confidence, STARS, GAUGE,
	      "3 counter or page truth, 2 snapshot of a moving structure, 1 inferred"),
	COL_LIST(struct ledger_line, detail, detail_cols, "what the row consists of"),
	{}
};

static const struct col where_cols[] = {
	COL(struct ledger_line, label, "WHERE", NONE, KEY, "what the memory is"),
	COL(struct ledger_line, resident, "RESIDENT", BYTES, GAUGE, "resident bytes"),
	COL(struct ledger_line, error, "+-", BYTES, GAUGE, "may be off by this much"),
	COL(struct ledger_line, delta, "CHANGE", SBYTES, GAUGE, "since the look before"),
	COL(struct ledger_line, percent, "%", PERCENT, GAUGE, "share of the RSS"),
	COL(struct ledger_line, bar, "", BAR, GAUGE, "the same, drawn"),
	{}
};

static const struct col outside_cols[] = { FIELD(bytes_row, id, NONE, KEY,
						 "memory that is no part of the RSS"),
					   FIELD(bytes_row, bytes, BYTES, GAUGE, "bytes"),
					   {} };

static const struct col cell_cols[] = {
	COL(struct cell_row, state, "GO PAGES", NONE, KEY,
	    "what the Go runtime thinks of the pages"),
	COL(struct cell_row, resident, "RESIDENT", BYTES, GAUGE, "held in pages of 4 KiB"),
	COL(struct cell_row, huge, "HUGE", BYTES, GAUGE, "held in huge pages"),
	COL(struct cell_row, lazyfree, "LAZYFREE", BYTES, GAUGE,
	    "of those: the kernel may take them back (MADV_FREE)"),
	COL(struct cell_row, swapped, "SWAPPED", BYTES, GAUGE, "in swap"),
	COL(struct cell_row, absent, "ABSENT", BYTES, GAUGE, "the kernel holds nothing"),
	{}
};

static const struct col consistency_cols[] = {
	FIELD(consistency_row, attempts, COUNT, GAUGE,
	      "reads of MemStats until one was consistent"),
	FIELD(consistency_row, consistent, NONE, GAUGE, "nothing moved while MemStats was read"),
	FIELD(consistency_row, skew_ns, NSEC, GAUGE, "else: time between its first and last read"),
	FIELD(consistency_row, gc_cycle, COUNT, GAUGE, "garbage collection cycle of MemStats"),
	FIELD(consistency_row, ledger_attempts, COUNT, GAUGE, "page scans until one was still"),
	FIELD(consistency_row, window_ns, NSEC, GAUGE, "time the page scan took"),
	FIELD(consistency_row, moved_bytes, BYTES, GAUGE,
	      "resident pages whose Go state changed around the scan"),
	{}
};

static const struct col verdict_cols[] = {
	FIELD(verdict_row, cause, NONE, KEY, "named cause"),
	FIELD(verdict_row, bytes, BYTES, GAUGE, "bytes it explains"),
	FIELD(verdict_row, confidence, STARS, GAUGE, "how sure"),
	FIELD(verdict_row, because, NONE, GAUGE, "the rule that matched"),
	FIELD(verdict_row, unless, NONE, GAUGE, "what would disprove it"),
	FIELD(verdict_row, next, NONE, GAUGE, "the next command"),
	{}
};

static const struct col self_cols[] = {
	FIELD(self_row, wall_ns, NSEC, GAUGE, "time this look took"),
	FIELD(self_row, cpu_ns, NSEC, GAUGE, "CPU time this look took"),
	FIELD(self_row, rss, BYTES, GAUGE, "peak resident set of gomemtrace"),
	FIELD(self_row, target_stopped_ns, NSEC, GAUGE, "time the target was stopped: never"),
	{}
};

static const struct col end_cols[] = {
	FIELD(end_row, ended, NONE, GAUGE, "the target has exited: nothing else is in this object"),
	{}
};

const struct section session_sections[] = {
	[S_ID] = { .cols = id_cols, .shape = SEC_FIELDS },
	[S_BINARY] = { .key = "binary", .cols = binary_cols, .shape = SEC_FIELDS },
	[S_SETTINGS] = { .key = "settings", .cols = session_settings_cols, .shape = SEC_FIELDS },
	[S_FACTS] = { .key = "facts", .cols = facts_cols, .shape = SEC_FIELDS },
	[S_TOTAL] = { .cols = total_cols, .shape = SEC_FIELDS },
	[S_ROWS] = { .key = "rows", .cols = row_cols, .shape = SEC_ROWS, .flags = SEC_JSON_ONLY },
	[S_WHERE] = { .key = "where",
		      .cols = where_cols,
		      .shape = SEC_ROWS,
		      .flags = SEC_TABLE_ONLY | SEC_SORTABLE },
	[S_NOT_IN_RSS] = { .key = "not_in_rss",
			   .cols = outside_cols,
			   .shape = SEC_ROWS,
			   .flags = SEC_JSON_ONLY },
	[S_CGROUP] = { .key = "cgroup", .cols = session_cgroup_cols, .shape = SEC_FIELDS },
	[S_MATRIX] = { .key = "matrix",
		       .cols = cell_cols,
		       .shape = SEC_ROWS,
		       .flags = SEC_JSON_ONLY },
	[S_JOIN] = { .key = "join", .cols = cell_cols, .shape = SEC_ROWS, .flags = SEC_TABLE_ONLY },
	[S_MEMSTATS] = { .key = "memstats", .cols = session_memstats_cols, .shape = SEC_FIELDS },
	[S_CONSISTENCY] = { .key = "consistency", .cols = consistency_cols, .shape = SEC_FIELDS },
	[S_VERDICT] = { .key = "verdict",
			.cols = verdict_cols,
			.shape = SEC_ROWS,
			.flags = SEC_JSON_ONLY },
	[S_SELF] = { .key = "self", .cols = self_cols, .shape = SEC_FIELDS },
	[S_END] = { .cols = end_cols, .shape = SEC_FIELDS },
	{}
};
