// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Totals, columns, proof and consistency, explained; see explain.h. */
#include "explain.h"

#define TOTAL       "total"
#define COLUMN      "column"
#define PROOF       "facts"
#define CONSISTENCY "consistency"
#define SETTING     "settings"

const struct explain_entry explain_terms[] = {
	{ .field = "rss",
	  .group = TOTAL,
	  .brief = "resident set size: memory of the process that is in RAM",
	  .source = "VmRSS of /proc/PID/status where the kernel keeps it exactly (6.16 and later, "
		    "which is tried, not assumed), else Rss of smaps_rollup.",
	  .trust = "3 stars.",
	  .misread = "Before Linux 6.16 VmRSS is off by batches per thread or CPU, so ps and top "
		     "may show another number. Shared pages count in full. What the cgroup is "
		     "charged for is more, see not in RSS." },
	{ .field = "rss_source",
	  .group = TOTAL,
	  .brief = "where rss was read: status or smaps_rollup",
	  .source =
		  "Fresh pages of gomemtrace itself are touched one by one; if VmRSS shows each, it "
		  "is exact here.",
	  .trust = "Exact." },
	{ .field = "gap",
	  .group = TOTAL,
	  .brief = "rss - HeapAlloc: what MemStats and profiles do not account for",
	  .source = "rss and HeapAlloc of the same look.",
	  .trust = "As HeapAlloc.",
	  .misread = "A gap is normal: GOGC headroom, stacks, the binary. It can be negative, when "
		     "allocated memory was never touched." },
	{ .field = "residual",
	  .group = TOTAL,
	  .brief = "rss - the sum of all rows, signed",
	  .meaning =
		  "What came and went while pages were counted. It is printed, never hidden in a "
		  "row.",
	  .source = "rss is read before and after the scan.",
	  .trust = "0 in a still look. Else it is between -(bytes unmapped) and +(bytes mapped) "
		   "during the scan: that is residual_bound.",
	  .misread = "It is no memory of unknown owner: that is anon.other." },
	{ .field = "residual_bound",
	  .group = TOTAL,
	  .brief = "the residual cannot be larger than this",
	  .source = "Page faults before and after the scan: no page comes without one, but for "
		    "khugepaged, swap, and populating system calls.",
	  .trust = "Never exceeded in more than 10,000 windows." },
	{ .field = "still",
	  .group = TOTAL,
	  .brief = "no page came or went during the scan",
	  .source = "Faults and rss were the same before and after.",
	  .trust = "In about 5,700 still windows the residual was 0.",
	  .misread = "A program that works is rarely still; several scans are tried." },
	{ .field = "goroutines",
	  .group = TOTAL,
	  .brief = "goroutines, those of the runtime included",
	  .source = "runtime.allgs by state.",
	  .trust = "2 stars while they come and go.",
	  .misread = "runtime.NumGoroutine leaves the runtime's own out." },
	{ .field = "dead_goroutines",
	  .group = TOTAL,
	  .brief = "exited goroutines that are kept for reuse",
	  .source = "runtime.allgs by state.",
	  .trust = "2 stars while they come and go.",
	  .misread =
		  "Their structures are never freed, whatever the number of goroutines is now." },

	{ .field = "id",
	  .group = COLUMN,
	  .brief = "name of a row: stable, the same in JSON and metrics",
	  .source = "Fixed.",
	  .trust = "A name is not used again for something else." },
	{ .field = "resident",
	  .group = COLUMN,
	  .brief = "bytes that the kernel holds in RAM",
	  .source = "PAGEMAP_SCAN, or pagemap before Linux 6.7. Zero pages are left out.",
	  .trust = "See confidence and error of the row." },
	{ .field = "mapped",
	  .group = COLUMN,
	  .brief = "bytes of address space",
	  .source = "/proc/PID/maps and the runtime's structures.",
	  .trust = "3 stars.",
	  .misread = "Address space costs nothing." },
	{ .field = "error",
	  .group = COLUMN,
	  .brief = "resident may be off by this much, either way",
	  .meaning =
		  "Bytes that were apportioned, not counted: spans resident in part, chunks that "
		  "several rows share, pages whose state changed during the scan.",
	  .source = "Added up while counting.",
	  .trust = "A bound, not an estimate." },
	{ .field = "delta",
	  .group = COLUMN,
	  .brief = "change since the look before; CHANGE in tables",
	  .source = "This look less the one before.",
	  .trust = "As the rows." },
	{ .field = "source",
	  .group = COLUMN,
	  .brief = "what was counted for the row",
	  .source = "Fixed.",
	  .trust = "Exact." },
	{ .field = "confidence",
	  .group = COLUMN,
	  .brief = "how far to trust a row: 3, 2 or 1 stars",
	  .meaning = "3: a counter, or pages one by one. 2: a snapshot of structures that move, or "
		     "of chunks that are split by counters. 1: inferred. null: not known, "
		     "facts.missing says why.",
	  .source = "How the row was counted in this look.",
	  .trust = "It is about the method; error is about the bytes." },
	{ .field = "detail",
	  .group = COLUMN,
	  .brief = "what a row consists of: files, mappings, structures",
	  .source = "As the row.",
	  .trust = "As the row." },

	{ .field = "proven",
	  .group = PROOF,
	  .brief = "the live process satisfied the runtime's own identities",
	  .meaning = "Layouts and addresses are believed only after six identities of the "
		     "runtime's own books held in one snapshot: heapInUse is the sum of the per-P "
		     "statistics, totalAlloc the sum over size classes, and so on.",
	  .source = "Up to 100 snapshots: under load about half of them tear, and a torn one is no "
		    "disproof.",
	  .trust = "A wrong layout has not passed: all identities were exact on ten stripped "
		   "programs of others, and with layouts of another patch release.",
	  .misread =
		  "Without proof the Go rows are missing, and their pages are in anon.other: the "
		  "ledger still adds up." },
	{ .field = "symbols",
	  .group = PROOF,
	  .brief = "where the names of the runtime were found",
	  .source = "The symbol table, or pclntab where there is none.",
	  .trust = "What is found is proven on the live process." },
	{ .field = "addresses",
	  .group = PROOF,
	  .brief = "where the addresses of the runtime's variables are from",
	  .source = "The symbol table, or the code that uses the variables.",
	  .trust = "What is found is proven on the live process." },
	{ .field = "layout",
	  .group = PROOF,
	  .brief = "where the layout of the runtime's structures is from",
	  .source = "A table made from the DWARF of real toolchains.",
	  .trust = "Proven on the live process.",
	  .drift =
		  "Every release moves something: 1.21 gcController, 1.22 mspan and heapArena, 1.23 "
		  "g, p and stop-the-world records, 1.24 mcache, 1.25 arenas and span types, 1.26 "
		  "moduledata and mark bits, 1.27 profile records. Within a release nothing was "
		  "seen to move." },
	{ .field = "layout_release",
	  .group = PROOF,
	  .brief = "the Go release whose layout is in use",
	  .source = "The table's entry that was proven; a neighbour's if there is none of its own.",
	  .trust = "Proven on the live process." },
	{ .field = "invariants",
	  .group = PROOF,
	  .brief = "identities that were tried, and how many failed",
	  .source = "Six of the runtime's counters, and those that tie spans and bitmaps to them.",
	  .trust = "Exact. The latter are judged only if nothing moved." },
	{ .field = "missing",
	  .group = PROOF,
	  .brief = "rows that could not be counted, with the reason",
	  .source = "As it happened.",
	  .trust = "Their pages are in anon.other." },
	{ .field = "proof_ns",
	  .group = PROOF,
	  .brief = "time the proof took",
	  .source = "CLOCK_MONOTONIC.",
	  .trust = "Exact." },

	{ .field = "attempts",
	  .group = CONSISTENCY,
	  .brief = "tries until one was consistent (of the proof, of MemStats)",
	  .source = "Counted.",
	  .trust = "Exact." },
	{ .field = "consistent",
	  .group = CONSISTENCY,
	  .brief = "nothing moved while MemStats was read",
	  .source =
		  "The runtime's own sequence (cycle, sweep generation, statistics epoch) was the "
		  "same before and after.",
	  .trust = "3 stars. If it is false, skew_ns says how far apart the reads are." },
	{ .field = "skew_ns",
	  .group = CONSISTENCY,
	  .brief = "time between the first and the last read of MemStats",
	  .source = "CLOCK_MONOTONIC.",
	  .trust = "Exact." },
	{ .field = "gc_cycle",
	  .group = CONSISTENCY,
	  .brief = "garbage collection cycle that MemStats belongs to",
	  .source = "memstats.numgc.",
	  .trust = "Exact." },
	{ .field = "ledger_attempts",
	  .group = CONSISTENCY,
	  .brief = "page scans until one was still",
	  .source = "Counted.",
	  .trust = "Exact." },
	{ .field = "window_ns",
	  .group = CONSISTENCY,
	  .brief = "time the page scan took",
	  .source = "CLOCK_MONOTONIC.",
	  .trust = "Exact." },
	{ .field = "moved_bytes",
	  .group = CONSISTENCY,
	  .brief = "resident pages whose Go state changed around the scan",
	  .source = "The runtime's state is read before and after the scan, and compared.",
	  .trust = "It is the error of the rows of the heap and the stacks.",
	  .misread = "The total is not affected: only which row a page is in." },

	{ .field = "gogc",
	  .group = SETTING,
	  .brief = "GOGC in per cent; -1: off",
	  .source = "gcController.gcPercent.",
	  .trust = "Exact: what is in force, not what the environment said." },
	{ .field = "gomemlimit",
	  .group = SETTING,
	  .brief = "GOMEMLIMIT in bytes; -1: off",
	  .source = "gcController.memoryLimit.",
	  .trust = "Exact: what is in force.",
	  .misread =
		  "It limits what the runtime knows of: C memory, mapped files and refilled pages "
		  "are beyond it." },
	{ .field = "working_set",
	  .group = SETTING,
	  .brief = "usage of the cgroup less inactive_file: what an orchestrator watches",
	  .source = "memory.current (or usage_in_bytes) and memory.stat of the cgroup.",
	  .trust = "As exact as the kernel's own accounting.",
	  .misread = "It includes kernel memory and active page cache: it is no RSS." },
	{}
};
