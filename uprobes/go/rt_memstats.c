// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* runtime.MemStats from outside; see rt_memstats.h. */
#include "go/rt_memstats.h"
#include "go/goproc.h"
#include "go/proof.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PROCS    65536U
#define MCACHE_MAX   4096
#define PROCS_A_CALL 64

/* What the caches of all Ps hold back from the counters. */
struct unflushed {
	uint64_t bytes, objects, tiny;
	uint64_t by_class[LAYOUT_SIZE_CLASSES];
	uint64_t procs;
};

/* The cached spans of one P that have objects the counters do not know yet. */
static void add_spans(const struct go_layout *l, const uint8_t *spans, size_t n, uint32_t sweepgen,
		      const uint8_t *classes, struct unflushed *u)
{
	size_t size = l->mspan_elemsize + 8 - l->mspan_sweepgen;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *s = spans + i * size;
		uint32_t since = get_u32(s, 0) - sweepgen;
		uint64_t count = (uint16_t)(get_u16(s, l->mspan_allocCount - l->mspan_sweepgen) -
					    get_u16(s, l->mspan_beforeCache - l->mspan_sweepgen));

		/* refill() takes a span out of the cache before it counts it: sweepgen tells */
		if (since != 3 && since != 1)
			continue;
		u->objects += count;
		u->by_class[classes[i] / 2] += count;
		u->bytes += count * go_size_class[classes[i] / 2];
	}
}

/*
 * One mcache: its spans are read from sweepgen to elemsize only, 24 bytes, so
 * that a span that straddles into a page never touched can be read too.
 */
static int add_mcache(struct goproc *gp, const uint8_t *c, uint32_t sweepgen, struct unflushed *u)
{
	const struct go_layout *l = gp->l;
	size_t size = l->mspan_elemsize + 8 - l->mspan_sweepgen, n = 0;
	struct mem_vec v[GO_SPAN_CLASSES];
	uint8_t spans[GO_SPAN_CLASSES * 64], classes[GO_SPAN_CLASSES];
	int err;

	if (size > 64)
		return -EINVAL;
	u->tiny += get_u64(c, l->mcache_tinyAllocs);
	for (unsigned k = 2; k < GO_SPAN_CLASSES; k++) { /* class 0 is never cached */
		uint64_t s = get_u64(c, l->mcache_alloc + 8 * k);

		if (!s || s == gp->addr[G_emptymspan])
			continue;
		v[n] = (struct mem_vec){ .addr = s + l->mspan_sweepgen,
					 .buf = spans + n * size,
					 .len = size };
		classes[n++] = k;
	}
	err = mem_readv(gp->mem, v, n);
	if (!err)
		add_spans(l, spans, n, sweepgen, classes, u);
	return err;
}

/* The addresses of the mcaches of the Ps in use. */
static int read_procs(struct goproc *gp, uint64_t **caches, size_t *n)
{
	const struct go_layout *l = gp->l;
	uint64_t ptr, len, cap, *p = NULL;
	struct mem_vec *v = NULL;
	int err = mem_slice(gp->mem, gp->addr[G_allp], MAX_PROCS, &ptr, &len, &cap);

	*caches = NULL;
	*n = 0;
	if (err || !len)
		return err;
	p = calloc(len, 8);
	v = calloc(len, sizeof(*v));
	err = p && v ? mem_read(gp->mem, ptr, p, 8 * len) : -ENOMEM;
	for (size_t i = 0; !err && i < len; i++)
		v[i] = (struct mem_vec){ .addr = p[i] + l->p_mcache, .buf = &p[i], .len = 8 };
	err = err ? err : mem_readv(gp->mem, v, len);
	free(v);
	if (err) {
		free(p);
		return err;
	}
	*caches = p;
	*n = len;
	return 0;
}

static int read_caches(struct goproc *gp, uint32_t sweepgen, struct unflushed *u)
{
	const struct go_layout *l = gp->l;
	size_t n = 0, size = l->mcache_alloc + 8 * GO_SPAN_CLASSES;
	uint64_t *caches;
	uint8_t *buf;
	int err;

	*u = (struct unflushed){};
	if (size > MCACHE_MAX)
		return -EINVAL;
	err = read_procs(gp, &caches, &n);
	buf = malloc(PROCS_A_CALL * size);
	err = err ? err : buf ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < n; i += PROCS_A_CALL) {
		struct mem_vec v[PROCS_A_CALL];
		size_t k = 0, m = n - i < PROCS_A_CALL ? n - i : PROCS_A_CALL;

		for (size_t j = i; j < i + m; j++)
			if (caches[j]) {
				v[k] = (struct mem_vec){ .addr = caches[j],
							 .buf = buf + k * size,
							 .len = size };
				k++;
			}
		err = mem_readv(gp->mem, v, k);
		for (size_t j = 0; !err && j < k; j++)
			err = add_mcache(gp, buf + j * size, sweepgen, u);
		u->procs += k;
	}
	free(buf);
	free(caches);
	return err;
}

/* (*gcControllerState).heapGoalInternal and memoryLimitHeapGoal, mgcpacer.go */
static uint64_t limit_goal(const struct go_counters *c)
{
	const struct go_layout *l = c->l;
	const uint64_t headroom_min = 1ULL << 20;
	uint64_t limit = go_counters_gc(c, l->gc_memoryLimit);
	uint64_t ready = go_counters_gc(c, l->gc_mappedReady);
	uint64_t alloc = go_counters_gc(c, l->gc_totalAlloc) - go_counters_gc(c, l->gc_totalFree);
	uint64_t marked = go_counters_gc(c, l->gc_heapMarked);
	uint64_t non_heap = ready - go_counters_gc(c, l->gc_heapFree) - alloc;
	uint64_t over = ready > limit ? ready - limit : 0, goal, headroom;

	if (non_heap + over >= limit)
		return marked;
	goal = limit - (non_heap + over);
	/* Go 1.19 keeps 1 MiB below the limit, later ones at least 3 % */
	headroom = strcmp(l->release, "1.19") ? goal / 100 * 3 : 0;
	if (headroom < headroom_min)
		headroom = headroom_min;
	goal = goal < headroom || goal - headroom < headroom ? headroom : goal - headroom;
	return goal > marked ? goal : marked;
}

static uint64_t next_gc(const struct go_counters *c)
{
	const struct go_layout *l = c->l;
	uint64_t goal = go_counters_gc(c, l->gc_gcPercentHeapGoal), by_limit = limit_goal(c);
	uint64_t trigger = go_counters_gc(c, l->gc_triggered);
	uint64_t sweep = go_counters_gc(c, l->gc_sweepDistMinTrigger);

	if (by_limit < goal)
		return by_limit;
	if (sweep > goal)
		goal = sweep;
	if (trigger != UINT64_MAX && goal < trigger + (64 << 10))
		goal = trigger + (64 << 10);
	return goal;
}

static void fill_pauses(const struct go_counters *c, struct memstats *ms)
{
	for (unsigned i = 0; i < MEMSTATS_PAUSES; i++) {
		ms->PauseNs[i] = go_counters_ms(c, c->l->ms_pause_ns + 8 * i);
		ms->PauseEnd[i] = go_counters_ms(c, c->l->ms_pause_end + 8 * i);
	}
}

static void fill_heap(const struct go_counters *c, const struct unflushed *u, struct memstats *ms)
{
	const struct go_layout *l = c->l;
	uint64_t tiny = c->tiny_allocs + u->tiny;

	ms->HeapInuse = go_counters_gc(c, l->gc_heapInUse);
	ms->HeapReleased = go_counters_gc(c, l->gc_heapReleased);
	ms->HeapIdle = go_counters_gc(c, l->gc_heapFree) + ms->HeapReleased;
	ms->HeapSys = ms->HeapInuse + ms->HeapIdle;
	ms->TotalAlloc = go_counters_gc(c, l->gc_totalAlloc) + u->bytes;
	ms->HeapAlloc = ms->TotalAlloc - go_counters_gc(c, l->gc_totalFree);
	ms->Alloc = ms->HeapAlloc;
	ms->tiny_allocs = tiny;
	ms->large_allocs = c->large_allocs;
	ms->large_bytes = c->large_alloc;
	ms->Mallocs = c->large_allocs + tiny + u->objects;
	ms->Frees = c->large_frees + tiny;
	for (unsigned i = 0; i < LAYOUT_SIZE_CLASSES; i++) {
		ms->Mallocs += c->small_allocs[i];
		ms->small_allocs[i] = c->small_allocs[i] + u->by_class[i];
		ms->Frees += c->small_frees[i];
		if (i < MEMSTATS_BY_SIZE)
			ms->BySize[i] = (struct memstats_class){
				.Size = go_size_class[i],
				.Mallocs = ms->small_allocs[i],
				.Frees = c->small_frees[i],
			};
	}
	ms->HeapObjects = ms->Mallocs - ms->Frees;
}

static void fill_sys(const struct go_counters *c, struct memstats *ms)
{
	const struct go_layout *l = c->l;

	ms->StackInuse = c->in_stacks;
	ms->StackSys = c->in_stacks + go_counters_ms(c, l->ms_stacks_sys);
	ms->MSpanSys = go_counters_ms(c, l->ms_mspan_sys);
	ms->MCacheSys = go_counters_ms(c, l->ms_mcache_sys);
	ms->BuckHashSys = go_counters_ms(c, l->ms_buckhash_sys);
	ms->GCSys = go_counters_ms(c, l->ms_gcMiscSys) + c->in_workbufs + c->in_ptrscalar;
	ms->OtherSys = go_counters_ms(c, l->ms_other_sys);
	ms->Sys = ms->HeapSys + ms->StackSys + ms->MSpanSys + ms->MCacheSys + ms->BuckHashSys +
		  ms->GCSys + ms->OtherSys;
}

static void fill_gc(const struct go_counters *c, struct memstats *ms)
{
	const struct go_layout *l = c->l;
	uint64_t fraction = go_counters_ms(c, l->ms_gc_cpu_fraction);

	ms->NextGC = next_gc(c);
	ms->LastGC = go_counters_ms(c, l->ms_last_gc_unix);
	ms->PauseTotalNs = go_counters_ms(c, l->ms_pause_total_ns);
	ms->NumGC = (uint32_t)go_counters_ms(c, l->ms_numgc);
	ms->NumForcedGC = (uint32_t)go_counters_ms(c, l->ms_numforcedgc);
	memcpy(&ms->GCCPUFraction, &fraction, sizeof(fraction));
	ms->EnableGC = (uint8_t)go_counters_ms(c, l->ms_enablegc);
	ms->heap_live = go_counters_gc(c, l->gc_heapLive);
	ms->heap_marked = go_counters_gc(c, l->gc_heapMarked);
	ms->gc_percent = (int32_t)go_counters_gc(c, l->gc_gcPercent);
	ms->memory_limit = go_counters_gc(c, l->gc_memoryLimit);
	fill_pauses(c, ms);
}

/* Whether an allocation or a collection was counted between two copies. */
static bool moved(const struct go_counters *a, const struct go_counters *b)
{
	const struct go_layout *l = a->l;
	const uint32_t gc[] = { l->gc_totalAlloc,   l->gc_totalFree, l->gc_heapInUse,
				l->gc_heapReleased, l->gc_heapFree,  l->gc_mappedReady };

	for (unsigned i = 0; i < sizeof(gc) / sizeof(gc[0]); i++)
		if (go_counters_gc(a, gc[i]) != go_counters_gc(b, gc[i]))
			return true;
	return memcmp(a->ms, b->ms, l->ms_size) != 0;
}

/* runtime.debug is set at the start and by os.Setenv("GODEBUG", …): one read will do. */
static int32_t madvdontneed(struct goproc *gp)
{
	int32_t v;

	if (!gp->addr[G_debug] || gp->l->debug_madvdontneed == LAYOUT_NONE ||
	    mem_read(gp->mem, gp->addr[G_debug] + gp->l->debug_madvdontneed, &v, sizeof(v)))
		return -1;
	return v != 0;
}

int memstats_read(struct goproc *gp, struct memstats *ms, unsigned max_attempts)
{
	struct go_counters *c = calloc(2, sizeof(*c));
	struct unflushed u = {};
	uint64_t start = 0, fixed[2] = {};
	uint32_t sweepgen[2] = {};
	int err = c ? 0 : -ENOMEM;

	*ms = (struct memstats){};
	while (!err && !ms->consistent && ms->attempts < max_attempts) {
		struct mem_vec v[2] = {
			{ .addr = gp->addr[G_mheap_] + gp->l->mheap_span_inuse,
			  .buf = &fixed[0],
			  .len = 8 },
			{ .addr = gp->addr[G_mheap_] + gp->l->mheap_cache_inuse,
			  .buf = &fixed[1],
			  .len = 8 },
		};
		uint64_t gen = gp->addr[G_mheap_] + gp->l->mheap_sweepgen;

		ms->attempts++;
		start = clock_mono_ns();
		err = go_counters_read(gp, &c[0]);
		err = err ? err : mem_read(gp->mem, gen, &sweepgen[0], 4);
		err = err ? err : read_caches(gp, sweepgen[0], &u);
		err = err ? err : mem_readv(gp->mem, v, 2);
		err = err ? err : mem_read(gp->mem, gen, &sweepgen[1], 4);
		err = err ? err : go_counters_read(gp, &c[1]);
		if (err == -EFAULT && ms->attempts < max_attempts) { /* a pointer was torn */
			err = 0;
			continue;
		}
		ms->skew_ns = clock_mono_ns() - start;
		ms->consistent = !err && sweepgen[0] == sweepgen[1] && !moved(&c[0], &c[1]) &&
				 !go_counters_check(&c[0]);
	}
	if (!err) {
		fill_heap(&c[0], &u, ms);
		fill_sys(&c[0], ms);
		fill_gc(&c[0], ms);
		ms->MSpanInuse = fixed[0];
		ms->MCacheInuse = fixed[1];
		ms->procs = u.procs;
		ms->madvdontneed = madvdontneed(gp);
		ms->sweepgen = sweepgen[0];
		ms->gc_cycle = ms->NumGC;
		if (ms->consistent)
			ms->skew_ns = 0;
	}
	free(c);
	return err;
}
