/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * rt_memstats.h - runtime.MemStats of another process, read without stopping it.
 *
 * Formulas: (runtime/mstats.go, readmemstats_m) over the counters that
 * ReadMemStats itself sums up, plus what the per-P caches have not flushed yet.
 * Exact on an idle process; StackInuse may be higher by the per-P stack caches,
 * which ReadMemStats flushes first (at most 256 KiB seen).
 */
#ifndef RT_MEMSTATS_H
#define RT_MEMSTATS_H

#include "go/layout.h"
#include <stdbool.h>
#include <stdint.h>

#define MEMSTATS_PAUSES  256
#define MEMSTATS_BY_SIZE 61 /* len(MemStats.BySize) */

struct memstats_class {
	uint64_t Size, Mallocs, Frees;
};

/* Members as in the Go documentation; bytes, objects, nanoseconds. */
struct memstats {
	uint64_t Alloc, TotalAlloc, Sys, Lookups, Mallocs, Frees;
	uint64_t HeapAlloc, HeapSys, HeapIdle, HeapInuse, HeapReleased, HeapObjects;
	uint64_t StackInuse, StackSys, MSpanInuse, MSpanSys, MCacheInuse, MCacheSys;
	uint64_t BuckHashSys, GCSys, OtherSys;
	uint64_t NextGC, LastGC, PauseTotalNs, NumGC, NumForcedGC;
	double GCCPUFraction;
	bool EnableGC, DebugGC;
	uint64_t PauseNs[MEMSTATS_PAUSES], PauseEnd[MEMSTATS_PAUSES];
	struct memstats_class BySize[MEMSTATS_BY_SIZE];

	/* how the snapshot was had */
	unsigned attempts;
	bool consistent;   /* nothing moved while it was read */
	uint64_t skew_ns;  /* else: between the first and the last read */
	uint64_t gc_cycle; /* NumGC at both ends */

	/* not of MemStats, from the same snapshot */
	uint64_t small_allocs[LAYOUT_SIZE_CLASSES]; /* slots of each class, all of them */
	uint64_t tiny_allocs;                       /* objects in a slot that another began */
	uint64_t large_allocs, large_bytes;
	uint64_t heap_live, heap_marked, sweepgen;
	int32_t gc_percent;   /* GOGC; -1: off */
	int64_t memory_limit; /* GOMEMLIMIT; INT64_MAX: none */
	uint64_t procs;       /* GOMAXPROCS: Ps that are in use */
	int32_t madvdontneed; /* GODEBUG: 0 gives memory back by MADV_FREE, else by MADV_DONTNEED
			       * (runtime/mem_linux.go, sysUnusedOS); -1: unknown */
};

struct goproc;

/*
 * Read a snapshot in which the GC cycle, the sweep generation and the allocation
 * counters did not move, in at most max_attempts tries; else the last one, with
 * its skew. 0, or -errno when it cannot be read at all.
 */
int memstats_read(struct goproc *gp, struct memstats *ms, unsigned max_attempts);

#endif
