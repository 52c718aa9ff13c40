/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * ledger.h - where every resident page of a Go process is.
 *
 * Total: Rss. Each row is counted from its own evidence; what nobody claims is
 * anon.other. The sum of the rows and the signed residual is Rss exactly. A page
 * belongs to one row; a span that is partly resident is apportioned among its
 * slots, and that is part of the rows' error.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "go/goproc.h"
#include "go/rt_heap.h"
#include <stdbool.h>
#include <stdint.h>

/* X(enum, id, confidence at best, what is counted) */
#define LEDGER_ROWS(X)                                                                             \
	X(HEAP_LIVE, "go.heap.live", 3, "mark bits of spans x pagemap")                            \
	X(HEAP_NEW, "go.heap.new", 3, "allocation counts and mark bits of spans x pagemap")        \
	X(HEAP_FREE_SLOTS, "go.heap.free_slots", 3, "allocation counts of spans x pagemap")        \
	X(HEAP_TAIL, "go.heap.tail", 3, "size classes of spans x pagemap")                         \
	X(HEAP_IDLE, "go.heap.idle", 3, "page bitmap x pagemap")                                   \
	X(HEAP_RETURNED, "go.heap.returned", 3, "scavenged bits x pagemap")                        \
	X(STACKS_INUSE, "go.stacks.inuse", 3, "goroutine and system stacks x pagemap")             \
	X(STACKS_FREE, "go.stacks.free", 3, "stack spans less stacks in use x pagemap")            \
	X(RT_MSPAN, "go.runtime.mspan", 3, "mspan structures by address x pagemap")                \
	X(RT_MCACHE, "go.runtime.mcache", 3, "mcache structures by address x pagemap")             \
	X(RT_GC, "go.runtime.gc", 2, "GC structures by address; shared chunks by counters")        \
	X(RT_PROFILE, "go.runtime.profile", 3, "profile hash and buckets by address x pagemap")    \
	X(RT_OTHER, "go.runtime.other", 2,                                                         \
	  "other structures by address; shared chunks by counters")                                \
	X(ELF_TEXT, "elf.text", 3, "executable mappings of the program")                           \
	X(ELF_RODATA, "elf.rodata", 3, "read-only mappings of the program")                        \
	X(ELF_DATA, "elf.data", 3, "writable mappings of the program")                             \
	X(ELF_BSS, "elf.bss", 3, "zero-initialised data of the program")                           \
	X(CGO_HEAP, "cgo.heap", 3, "the brk heap")                                                 \
	X(CGO_ARENAS, "cgo.arenas", 3, "malloc's arenas and large blocks by structure x pagemap")  \
	X(THREADS_STACKS, "threads.stacks", 3, "stacks of C threads by structure x pagemap")       \
	X(LIBS, "libs", 3, "mappings of shared libraries, their bss, the loader's memory")         \
	X(FILES, "files", 3, "mappings of other files")                                            \
	X(SHMEM, "shmem", 3, "shared memory and tmpfs mappings")                                   \
	X(ANON_OTHER, "anon.other", 3, "anonymous mappings that nobody above owns")                \
	X(KERNEL, "kernel", 3, "vdso and vvar")                                                    \
	X(PROBES, "probes", 3, "private pages in the program's text, and [uprobes]")

enum ledger_row_id {
#define ENUM(name, ...) ROW_##name,
	LEDGER_ROWS(ENUM)
#undef ENUM
		ROW_COUNT,
	ROW_GO_LAST = ROW_RT_OTHER,
};

extern const char *const ledger_row_ids[ROW_COUNT];
extern const char *const ledger_row_sources[ROW_COUNT];

struct ledger_row {
	uint64_t resident, mapped; /* bytes */
	uint64_t error;            /* resident may be off by this much either way */
	uint8_t confidence;        /* 1 to 3; 0: not known, why not is in ledger.why */
};

struct ledger_cell {       /* the join: one state of runtime pages; bytes */
	uint64_t resident; /* in 4 KiB pages */
	uint64_t huge, lazyfree, swapped, absent;
};

struct ledger_detail {
	uint8_t row;
	bool malloc;    /* memory of C's malloc whose chunks were added up: used, free */
	char what[120]; /* path, or address range, or name of the structure */
	uint64_t resident, mapped;
	uint64_t used, free; /* bytes in chunks handed out (headers included), and free */
};

struct ledger {
	struct ledger_row row[ROW_COUNT];
	struct ledger_cell cell[PS_COUNT];
	struct ledger_detail *detail;
	size_t ndetail, cap;

	/* of a core file: resident is what is in it, rss all of that; what only the kernel
	 * knew is unknown: page_tables, swap and hugetlb are UINT64_MAX, cells partly null */
	bool core;
	bool zeros_left_out; /* pages of zeros are taken for not in it (core.h) */
	uint64_t rss;
	int64_t residual;      /* rss - sum of the rows */
	uint64_t bound;        /* of |residual|: pages that came and went, or itself, see still */
	bool still;            /* no fault, the same RSS at both ends, and no residual */
	bool rss_from_rollup;  /* else VmRSS, which is exact on this kernel */
	bool zero_unknown;     /* zero pages could not be left out */
	bool lazyfree_unknown; /* per page; then it is the mappings' sum, an upper bound */
	unsigned attempts;
	bool go;              /* the Go rows are known */
	char why[320];        /* why not; "" */
	bool moved;           /* the runtime's state changed during the scan */
	uint64_t grown_bytes; /* resident, mapped by the runtime while we looked: anon.other */
	uint64_t moved_bytes; /* resident pages whose state changed */
	uint64_t mapped_bytes, unmapped_bytes; /* RSS that came and went in the window */

	/* not in RSS */
	uint64_t heap_untouched, stacks_untouched, page_tables, swap, hugetlb;

	uint64_t locked; /* bytes of mappings that are locked in memory, whatever their row */

	char state;   /* of the process, behind the scan: proc_status.state */
	pid_t tracer; /* 0: none */

	uint64_t goroutines, dead_goroutines, system_stacks; /* the last in resident bytes */
	uint64_t unswept; /* of HEAP_NEW: neither marked nor swept yet: dead */
	uint64_t spans, bad_spans;
	/* identities beside the six of proof.h: spans = heapInUse, = stacks + work
	 * buffers, scavenged bits = heapReleased; judged when nothing moved */
	unsigned checked, failed;
	uint64_t window_ns; /* the page scan */
};

/*
 * Take a ledger: up to max_attempts looks, until one is still, within about
 * budget_ns; else the one with the smallest bound. gp may be unproven: then Go
 * rows have confidence 0 and their pages are in anon.other. 0 or -errno. l is
 * overwritten; free it once with ledger_free().
 */
int ledger_take(struct goproc *gp, struct ledger *l, unsigned max_attempts, uint64_t budget_ns);
void ledger_free(struct ledger *l);

#endif
