// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * What else must be true of a layout that is not the release's own; see proof.h.
 *
 * The six identities prove two structures. Everything else the readers follow is
 * held here against something the runtime says elsewhere: the allocators of
 * mspans and mcaches know the sizes of these, an M knows its thread, a cached span
 * its class, a goroutine's stack lies in a stack span, a pause is in two places.
 */
#include "go/goproc.h"
#include "go/proof.h"
#include "go/rt_heap.h"
#include "go/rt_meta.h"
#include "go/rt_stacks.h"
#include "search.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS     30
#define AT_REST      5 /* failures in a state that does not move, to be believed */
#define PAUSE_US     500
#define BUDGET_NS    400000000ULL
#define SAMPLE       4096 /* list elements looked at */
#define MCACHE_MAX   4096
#define FIXALLOC_AT  48   /* from fixalloc.size to fixalloc.inuse (mfixalloc.go) */
#define SENTINEL     0xa1 /* behind the mask, progToPointerMask (mbitmap.go) */
#define BUCKET_KINDS 3

struct walk {
	struct goproc *gp;
	struct go_counters before, behind;
	struct gometa meta;
	struct goheap heap;
	struct gostacks stacks;
	bool moved; /* the target changed it while we read */
};

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* Equal, or as near as two reads of a moving state can be told to be. */
static bool same(const struct walk *w, uint64_t a, uint64_t b)
{
	return a == b || (w->moved && distance(a, b) <= (a > b ? a : b) / 8);
}

/* All of n, or nearly all where the state moves. */
static bool most(const struct walk *w, uint64_t good, uint64_t n)
{
	return good == n || (w->moved && good >= n - n / 8);
}

/* ---- tests: each is true, or the layout is not this process's ---- */

static bool fixalloc(const struct walk *w, uint32_t inuse, uint32_t size)
{
	uint64_t at = w->gp->addr[G_mheap_] + inuse, says, used;

	return !mem_u64(w->gp->mem, at - FIXALLOC_AT, &says) && !mem_u64(w->gp->mem, at, &used) &&
	       says == size && used && used % size == 0;
}

static bool test_allocators(const struct walk *w)
{
	const struct go_layout *l = w->gp->l;

	return fixalloc(w, l->mheap_span_inuse, l->mspan_size) &&
	       fixalloc(w, l->mheap_cache_inuse, l->mcache_size);
}

static bool test_spans(const struct walk *w)
{
	const struct go_counters *c = &w->before;
	uint64_t workbufs = 0, bad = 0;

	for (size_t i = 0; i < w->heap.n; i++) {
		const struct span *s = &w->heap.span[i];
		bool swept = s->sweep == 0 || s->sweep == 3;

		workbufs += s->state == PS_WORKBUF ? span_bytes(s) : 0;
		/* what the last cycle found alive is still allocated */
		bad += s->bad || (s->state == PS_IN_USE && swept && s->live > s->allocs);
	}
	return w->heap.n && most(w, w->heap.n - bad, w->heap.n) &&
	       most(w, w->heap.n, w->heap.n + w->heap.bad_spans) &&
	       same(w, w->heap.in_use, c->in_heap) && same(w, workbufs, c->in_workbufs) &&
	       same(w, w->heap.manual - workbufs, c->in_stacks + c->in_ptrscalar);
}

static bool test_bitmaps(const struct walk *w)
{
	return same(w, w->heap.scav_pages * GO_PAGE,
		    go_counters_gc(&w->before, w->gp->l->gc_heapReleased));
}

/* What the runtime mapped for itself is anonymous memory. */
static bool test_ranges(const struct walk *w)
{
	const struct maps *maps = &w->gp->t->maps;

	for (size_t i = 0; i < w->meta.n; i++) {
		const struct meta_range *r = &w->meta.range[i];

		for (uint64_t p = r->start; p < r->end;) {
			const struct vma *v = maps_find(maps, p);

			if (!v || v->ino || v->flags & VMA_SHARED)
				return false;
			p = v->end;
		}
	}
	return w->meta.n && w->meta.narenas && w->meta.ngcbits;
}

static bool test_pauses(const struct walk *w)
{
	const struct go_layout *l = w->gp->l;
	const struct go_counters *c = &w->behind;
	uint32_t n = go_counters_ms(c, l->ms_numgc);
	uint64_t sum = 0, last = go_counters_ms(c, l->ms_last_gc_unix);
	uint64_t total = go_counters_ms(c, l->ms_pause_total_ns);

	if ((uint8_t)go_counters_ms(c, l->ms_enablegc) != 1 ||
	    (uint32_t)go_counters_ms(c, l->ms_numforcedgc) > n)
		return false;
	for (unsigned i = 0; i < 256; i++)
		sum += go_counters_ms(c, l->ms_pause_ns + 8 * i);
	if (!n)
		return !last && !total;
	return last == go_counters_ms(c, l->ms_pause_end + (n - 1) % 256 * 8) &&
	       (n <= 256 ? sum == total : sum <= total);
}

static bool test_pacer(const struct walk *w)
{
	const struct go_layout *l = w->gp->l;
	const struct go_counters *c = &w->before;
	int32_t percent = go_counters_gc(c, l->gc_gcPercent);
	uint64_t total = go_counters_gc(c, l->gc_totalAlloc);
	uint64_t goal = go_counters_gc(c, l->gc_gcPercentHeapGoal);

	/* commit() in mgcpacer.go: without a percentage there is no goal */
	return percent >= -1 && percent <= 1000000 && (percent < 0) == (goal == UINT64_MAX) &&
	       (int64_t)go_counters_gc(c, l->gc_memoryLimit) >= 0 &&
	       go_counters_gc(c, l->gc_heapMarked) <= 2 * total + GO_ARENA &&
	       go_counters_gc(c, l->gc_heapLive) <= 2 * total + GO_ARENA && goal;
}

/* A P; also one of those that a lower GOMAXPROCS leaves unused. */
static bool is_p(const struct walk *w, uint64_t p)
{
	uint64_t ptr, len, cap, at;

	if (mem_slice(w->gp->mem, w->gp->addr[G_allp], SAMPLE, &ptr, &len, &cap))
		return false;
	for (uint64_t i = 0; i < cap; i++)
		if (!mem_u64(w->gp->mem, ptr + 8 * i, &at) && at == p)
			return true;
	return false;
}

/*
 * The chain of Ms ends at the first: the process's main thread, by its own pid. Where C
 * is the host, it is the thread that the library or archive started the runtime in. Each has a
 * P or none.
 */
static bool test_threads(const struct walk *w)
{
	const struct go_layout *l = w->gp->l;
	const struct proc_status *st = &w->gp->t->status;
	uint64_t p, id = 0, threads = 0, n = 0;

	if (mem_u64(w->gp->mem, w->gp->addr[G_allm], &p))
		return false;
	for (; p; n++) {
		uint64_t g0, has;

		if (n == SAMPLE || mem_u64(w->gp->mem, p + l->m_procid, &id) ||
		    mem_u64(w->gp->mem, p + l->m_g0, &g0) || !g0 ||
		    mem_u64(w->gp->mem, p + l->m_p, &has) || (has && !is_p(w, has)) ||
		    mem_u64(w->gp->mem, p + l->m_alllink, &p))
			return false;
		threads += id != 0;
	}
	/* an M that waits for a thread of C to call has no stack yet */
	for (size_t i = 0; i < w->meta.nstacks; i++)
		if (w->meta.stack[i].hi && w->meta.stack[i].lo >= w->meta.stack[i].hi)
			return false;
	return target_has_thread(w->gp->t, id) && threads <= st->threads + n / 2 + 8;
}

static bool in_text(const struct goproc *gp, uint64_t pc)
{
	return pc - (gp->bin.text + gp->bias) <= gp->bin.text_end - gp->bin.text;
}

/* Where a goroutine was made, a plugin perhaps; one that C calls back in was not. */
static bool is_maker(const struct walk *w, uint64_t pc)
{
	const struct vma *v;

	if (!pc || in_text(w->gp, pc))
		return true;
	v = maps_find(&w->gp->t->maps, pc);
	return v && v->flags & VMA_X;
}

/*
 * Goroutines have ids of their own and stacks that are powers of two, in stack spans, and were
 * made by code.
 */
static bool test_goroutines(const struct walk *w)
{
	const struct go_layout *l = w->gp->l;
	uint64_t ptr, len, ids[SAMPLE], g, n = 0, good = 0, all = 0, twice = 0, made = 0;

	if (mem_u64(w->gp->mem, w->gp->addr[G_allgs], &ptr) ||
	    mem_u64(w->gp->mem, w->gp->addr[G_allglen], &len))
		return false;
	for (uint64_t i = 0; i < len && i < SAMPLE; i++) {
		uint64_t stack[2], id, size, pc;
		const struct span *s;
		uint32_t status;

		if (mem_u64(w->gp->mem, ptr + 8 * i, &g) ||
		    mem_read(w->gp->mem, g + l->g_atomicstatus, &status, 4) ||
		    mem_read(w->gp->mem, g + l->g_stack, stack, sizeof(stack)) ||
		    mem_u64(w->gp->mem, g + l->g_gopc, &pc) ||
		    mem_u64(w->gp->mem, g + l->g_goid, &id))
			return false;
		status &= ~0x1000u; /* _Gscan */
		all++;
		if (status > 11)
			continue;
		good++;
		if (status != 1 && status != 3 && status != 4) /* runnable, syscall, waiting */
			continue;
		ids[n++] = id;
		made += pc != 0;
		size = stack[1] - stack[0];
		s = goheap_span(&w->heap, stack[0], GO_SMALL_STACKS);
		if (!id || id > 1ULL << 48 || size < 2048 || size & (size - 1) || !s ||
		    s->state != PS_STACK || stack[1] > s->base + span_bytes(s) || !is_maker(w, pc))
			good--;
	}
	qsort(ids, n, sizeof(*ids), by_u64);
	for (uint64_t i = 1; i < n; i++)
		twice += ids[i] == ids[i - 1];
	return made && most(w, good > twice ? good - twice : 0, all);
}

/* What a P has cached is the empty span or one of that class. */
static bool test_caches(const struct walk *w)
{
	const struct goproc *gp = w->gp;
	const struct go_layout *l = gp->l;
	uint64_t ptr, len, cap, p, cache, good = 0, all = 0, used = 0;

	if (mem_slice(gp->mem, gp->addr[G_allp], SAMPLE, &ptr, &len, &cap))
		return false;
	for (uint64_t i = 0; i < len; i++) {
		uint64_t span[GO_SPAN_CLASSES];

		if (mem_u64(gp->mem, ptr + 8 * i, &p) || mem_u64(gp->mem, p + l->p_mcache, &cache))
			return false;
		if (!cache)
			continue;
		used++;
		if (mem_read(gp->mem, cache + l->mcache_alloc, span, sizeof(span)))
			return false;
		for (unsigned k = 2; k < GO_SPAN_CLASSES; k++) {
			uint8_t class = 0;

			all++;
			if (span[k] == gp->addr[G_emptymspan]) {
				good++;
				continue;
			}
			good += !mem_read(gp->mem, span[k] + l->mspan_spanclass, &class, 1) &&
				class == k;
		}
	}
	return used && most(w, good, all);
}

/*
 * The module knows its text, and behind that it says where data and bss are
 * (moduledata, symtab.go); the masks of these have a mark behind their end.
 */
static bool test_module(const struct walk *w)
{
	const struct go_layout *l = w->gp->l;
	const uint32_t masks[] = { l->md_gcdatamask, l->md_gcbssmask };
	uint64_t module = w->gp->addr[G_firstmoduledata], text, at[4]; /* data, edata, bss, ebss */

	if (mem_u64(w->gp->mem, module + l->md_text, &text) || !in_text(w->gp, text) ||
	    mem_read(w->gp->mem, module + l->md_etext + 24, at, sizeof(at)))
		return false;
	for (int i = 0; i < 2; i++) {
		uint64_t bytes = at[2 * i + 1] - at[2 * i], p;
		uint8_t mark;

		if (bytes >> 48 || mem_u64(w->gp->mem, module + masks[i] + 8, &p) ||
		    mem_read(w->gp->mem, p + (bytes / 8 + 7) / 8, &mark, 1) || mark != SENTINEL)
			return false;
	}
	return true;
}

/* What a bucket has counted: no more frees than allocations, and bytes are its size each. */
static bool test_record(const struct goproc *gp, uint64_t bucket, uint64_t record)
{
	const struct go_layout *l = gp->l;
	uint64_t size, allocs, frees, bytes;

	record += l->memrecord_active;
	if (l->memrecord_active + l->memcycle_size != l->memrecord_future ||
	    l->memrecord_future + 3 * l->memcycle_size != l->memrecord_size ||
	    mem_u64(gp->mem, bucket + l->bucket_bytes, &size) ||
	    mem_u64(gp->mem, record + l->memcycle_allocs, &allocs) ||
	    mem_u64(gp->mem, record + l->memcycle_frees, &frees) || frees > allocs)
		return false;
	if (l->memcycle_alloc_bytes == LAYOUT_NONE)
		return true;
	if (mem_u64(gp->mem, record + l->memcycle_alloc_bytes, &bytes) || bytes != allocs * size)
		return false;
	return !mem_u64(gp->mem, record + l->memcycle_free_bytes, &bytes) && bytes == frees * size;
}

/*
 * Buckets of the heap profile: their kind, their callers in the program's text,
 * and the nearest two of those that follow each other are one bucket apart.
 */
static bool test_buckets(const struct walk *w)
{
	const struct goproc *gp = w->gp;
	const struct go_layout *l = gp->l;
	uint64_t p, prev = 0, n = 0, slack = UINT64_MAX;

	if (!gp->addr[G_mbuckets]) /* a program without symbols that never profiled */
		return true;
	if (mem_u64(gp->mem, gp->addr[G_mbuckets], &p))
		return false;
	for (; p && n < SAMPLE; n++) {
		uint64_t kind, nstk, pc, size;

		if (mem_u64(gp->mem, p + l->bucket_typ, &kind) ||
		    mem_u64(gp->mem, p + l->bucket_nstk, &nstk) || !kind || kind > BUCKET_KINDS ||
		    nstk > 4096)
			return false;
		if (nstk && (mem_u64(gp->mem, p + l->bucket_size, &pc) || !in_text(gp, pc)))
			return false;
		size = l->bucket_size + 8 * nstk;
		if (!test_record(gp, p, p + size))
			return false;
		size += l->memrecord_size;
		/* the list's head is the newest, at the highest address of its chunk */
		if (prev > p && prev - p < size)
			return false;
		if (prev > p && prev - p - size < slack)
			slack = prev - p - size;
		prev = p;
		if (mem_u64(gp->mem, p + l->bucket_allnext, &p))
			return false;
	}
	return n < 16 || slack < 8;
}

static const struct {
	bool (*holds)(const struct walk *w);
	const char *what;
} tests[] = {
	/* these need no walk */
	{ test_allocators, "the allocators of mspan and mcache" },
	{ test_module, "the module's data" },
	{ test_pauses, "the record of pauses" },
	{ test_ranges, "the runtime's own mappings" },
	{ test_spans, "the sums of spans" },
	{ test_bitmaps, "the scavenged pages" },
	{ test_caches, "the spans that Ps have cached" },
	{ test_goroutines, "the stacks of goroutines" },
	{ test_threads, "the threads" },
	{ test_pacer, "the pacer" },
	{ test_buckets, "the heap profile" },
};
_Static_assert(sizeof(tests) / sizeof(tests[0]) == PROOF_STRUCTURES, "one bit a test");

static void walk_free(struct walk *w)
{
	gometa_free(&w->meta);
	goheap_free(&w->heap);
	gostacks_free(&w->stacks);
}

/* Read all there is, once; or the counters only. */
static int walk_read(struct walk *w, bool all)
{
	int err, late;

	mem_refresh(w->gp->mem);
	err = target_maps(w->gp->t);
	err = err ? err : go_counters_read(w->gp, &w->before);
	if (all) {
		err = err ? err : gometa_read(w->gp, &w->meta);
		err = err ? err : goheap_read(w->gp, &w->meta, &w->heap, true);
		err = err ? err : gostacks_read(w->gp, &w->stacks);
	}
	late = go_counters_read(w->gp, &w->behind);
	w->moved = late || memcmp(w->before.gc, w->behind.gc, w->gp->l->gc_size) ||
		   memcmp(w->before.ms, w->behind.ms, w->gp->l->ms_size);
	return err ? err : late;
}

static const char *first_failure(const struct walk *w, int err, unsigned n)
{
	if (err)
		return "its pointers";
	for (unsigned i = 0; i < n; i++)
		if (!tests[i].holds(w))
			return tests[i].what;
	return NULL;
}

int go_prove_structures(struct goproc *gp, bool all)
{
	unsigned n = all ? PROOF_STRUCTURES : PROOF_QUICK;
	struct walk *w = calloc(1, sizeof(*w));
	uint64_t start = clock_mono_ns();
	const char *what = NULL;
	int err = w ? 0 : -ENOMEM, rest = 0;

	gp->proven = false;
	for (int i = 0; w && i < ATTEMPTS && !gp->proven; i++) {
		*w = (struct walk){ .gp = gp };
		err = walk_read(w, all);
		what = first_failure(w, err, n);
		gp->proven = !what;
		walk_free(w);
		if (err == -ESRCH || err == -EPERM || err == -ENOMEM)
			break;
		err = 0;
		rest += !w->moved;
		if (gp->proven || rest == AT_REST || clock_mono_ns() - start > BUDGET_NS)
			break;
		usleep(PAUSE_US);
	}
	gp->checked += n;
	gp->failed += what ? 1 : 0;
	gp->proof_ns += clock_mono_ns() - start;
	if (!err && what)
		snprintf(gp->why, sizeof(gp->why), "with the layout of Go %s, %s do not fit",
			 gp->l->release, what);
	free(w);
	return err;
}

const char *go_structure_name(unsigned i)
{
	return i < PROOF_STRUCTURES ? tests[i].what : NULL;
}

int go_structures_check(struct goproc *gp, unsigned *held)
{
	struct walk *w = calloc(1, sizeof(*w));
	const unsigned all = (1U << PROOF_STRUCTURES) - 1;
	uint64_t start = clock_mono_ns();
	int err = w ? 0 : -ENOMEM, rest = 0;

	*held = 0;
	for (int i = 0; w && i < ATTEMPTS && *held != all && rest < AT_REST; i++) {
		unsigned now = 0;

		*w = (struct walk){ .gp = gp };
		err = walk_read(w, true);
		for (unsigned k = 0; !err && k < PROOF_STRUCTURES; k++)
			now |= (unsigned)tests[k].holds(w) << k;
		walk_free(w);
		rest += !w->moved;
		if (__builtin_popcount(now) > __builtin_popcount(*held))
			*held = now;
		if (err == -ESRCH || err == -EPERM || err == -ENOMEM)
			break;
		err = 0;
		if (*held == all || clock_mono_ns() - start > BUDGET_NS)
			break;
		usleep(PAUSE_US);
	}
	free(w);
	return err;
}
