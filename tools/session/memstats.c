// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* runtime.MemStats as the session shows it; names as in the Go documentation. */
#include "session.h"

#define FIELD(st, field, unit, role, help) COL(struct st, field, #field, unit, role, help)

static const struct col size_cols[] = {
	FIELD(size_row, size, BYTES, KEY, "object size of the class"),
	FIELD(size_row, mallocs, COUNT, COUNTER, "objects allocated"),
	FIELD(size_row, frees, COUNT, COUNTER, "objects freed"),
	{}
};

static const struct col time_cols[] = { FIELD(time_row, at, TIME, GAUGE, "end of the pause"), {} };

#define STAT(field, unit, role, help)                                                              \
	COL_AS(#field, struct memstats_row, m.field, #field, unit, role, 0, help)

const struct col session_memstats_cols[] = {
	STAT(Alloc, BYTES, GAUGE, "same as HeapAlloc"),
	STAT(TotalAlloc, BYTES, COUNTER, "bytes allocated for heap objects, ever"),
	STAT(Sys, BYTES, GAUGE, "address space obtained from the system"),
	STAT(Lookups, COUNT, COUNTER, "always 0"),
	STAT(Mallocs, COUNT, COUNTER, "heap objects allocated, ever"),
	STAT(Frees, COUNT, COUNTER, "heap objects freed, ever"),
	STAT(HeapAlloc, BYTES, GAUGE, "bytes of heap objects, unswept garbage included"),
	STAT(HeapSys, BYTES, GAUGE, "address space of the heap"),
	STAT(HeapIdle, BYTES, GAUGE, "bytes of spans without objects"),
	STAT(HeapInuse, BYTES, GAUGE, "bytes of spans with objects"),
	STAT(HeapReleased, BYTES, GAUGE, "bytes given back to the system"),
	STAT(HeapObjects, COUNT, GAUGE, "objects allocated and not freed"),
	STAT(StackInuse, BYTES, GAUGE, "bytes of stack spans"),
	STAT(StackSys, BYTES, GAUGE, "StackInuse and stacks from the system"),
	STAT(MSpanInuse, BYTES, GAUGE, "bytes of mspan structures in use"),
	STAT(MSpanSys, BYTES, GAUGE, "bytes obtained for mspan structures"),
	STAT(MCacheInuse, BYTES, GAUGE, "bytes of mcache structures in use"),
	STAT(MCacheSys, BYTES, GAUGE, "bytes obtained for mcache structures"),
	STAT(BuckHashSys, BYTES, GAUGE, "bytes of profiling tables"),
	STAT(GCSys, BYTES, GAUGE, "bytes of garbage collection metadata"),
	STAT(OtherSys, BYTES, GAUGE, "bytes of other off-heap structures"),
	STAT(NextGC, BYTES, GAUGE, "heap size at which the next cycle should end"),
	STAT(LastGC, TIME, GAUGE, "end of the last cycle"),
	STAT(PauseTotalNs, NSEC, COUNTER, "time the world was stopped for cycles"),
	STAT(NumGC, COUNT, COUNTER, "cycles completed"),
	STAT(NumForcedGC, COUNT, COUNTER, "cycles the program asked for"),
	STAT(GCCPUFraction, NONE, GAUGE, "share of CPU time used by the collector, 0 to 1"),
	STAT(EnableGC, NONE, GAUGE, "always true"),
	STAT(DebugGC, NONE, GAUGE, "always false"),
	COL_LIST(struct memstats_row, by_size, size_cols, "BySize: by size class"),
	COL(struct memstats_row, pause_ns, "", NSEC, GAUGE, "PauseNs: ring of the last 256 pauses"),
	COL_LIST(struct memstats_row, pause_end, time_cols, "PauseEnd: ring of their ends"),
	{}
};

void session_memstats(struct session_look *s)
{
	struct memstats_row *m = &s->memstats;

	m->m = s->ms;
	for (int i = 0; i < MEMSTATS_BY_SIZE; i++)
		s->by_size[i] = (struct size_row){ s->ms.BySize[i].Size, s->ms.BySize[i].Mallocs,
						   s->ms.BySize[i].Frees };
	for (int i = 0; i < MEMSTATS_PAUSES; i++)
		s->pause_end[i].at = s->ms.PauseEnd[i];
	m->by_size = (struct list){ .rows = s->by_size,
				    .n = MEMSTATS_BY_SIZE,
				    .stride = sizeof(s->by_size[0]) };
	m->pause_ns = (struct numbers){ s->ms.PauseNs, MEMSTATS_PAUSES };
	m->pause_end = (struct list){ .rows = s->pause_end,
				      .n = MEMSTATS_PAUSES,
				      .stride = sizeof(s->pause_end[0]) };
}
