// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * One look at a process: see ledger.h. The order matters. The runtime's state is
 * read first, then pages, then, if its counters say that it moved, its state
 * again. Faults and RSS are read around the pages: pages are conserved, so what
 * came and went in between bounds the residual.
 */
#include "ledger.h"
#include "core.h"
#include "fail.h"
#include "go/proof.h"
#include "ledger_join.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_PAGE (2ULL << 20)
#define WALK_NS   700000000ULL /* for reading the runtime, and as much a 16 GiB of RSS */

const char *const ledger_row_ids[ROW_COUNT] = {
#define ID(name, id, best, source) id,
	LEDGER_ROWS(ID)
#undef ID
};

const char *const ledger_row_sources[ROW_COUNT] = {
#define SOURCE(name, id, best, source) source,
	LEDGER_ROWS(SOURCE)
#undef SOURCE
};

/* What the kernel counts at one end of the page scan. */
struct end {
	struct proc_status status;
	uint64_t faults, thp;
};

struct look {
	struct goproc *gp;
	struct page_runs runs;
	struct gometa meta;
	struct goheap heap, after;
	struct gostacks stacks;
	struct cside c;
	struct go_counters *before, *behind;
	struct end a, b;
	bool moved;
};

/* The first end reads faults first, the last end reads them last: none is missed. */
static int end_read(const struct target *t, struct end *e, bool last)
{
	int err;

	if (t->core) { /* nothing moves */
		*e = (struct end){ .status = t->status };
		return 0;
	}
	err = last ? 0 : proc_faults_read(t->dirfd, &e->faults);
	if (proc_thp_events(&e->thp))
		e->thp = 0;
	err = err ? err : proc_status_read(t->dirfd, &e->status);
	if (!err && !e->status.has_mm)
		err = -ESRCH;
	return err || !last ? err : proc_faults_read(t->dirfd, &e->faults);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/*
 * What can have been mapped in the window: a fault maps one page; one that the
 * kernel answers with a huge page is counted in /proc/vmstat too; file faults may
 * map neighbours as well, which shows in RssFile. What was unmapped follows from
 * the change of the RSS.
 */
static void bound(const struct look *k, struct ledger *l)
{
	const struct proc_status *a = &k->a.status, *b = &k->b.status;

	l->mapped_bytes = (k->b.faults - k->a.faults) * MEM_PAGE +
			  (k->b.thp - k->a.thp) * HUGE_PAGE + distance(a->rss_file, b->rss_file) +
			  distance(a->rss_shmem, b->rss_shmem);
	/* what came without a fault (populate, remap) shows in the RSS itself */
	if (b->rss > a->rss && b->rss - a->rss > l->mapped_bytes)
		l->mapped_bytes = b->rss - a->rss;
	l->unmapped_bytes = l->mapped_bytes + a->rss - b->rss;
	l->bound = l->mapped_bytes > l->unmapped_bytes ? l->mapped_bytes : l->unmapped_bytes;
	l->still = !l->mapped_bytes && !l->unmapped_bytes;
}

static int scan(struct look *k, struct ledger *l)
{
	struct target *t = k->gp->t;
	uint64_t start = clock_mono_ns();
	int err = end_read(t, &k->a, false);

	err = err ? err : target_maps(t);
	k->runs.n = 0;
	k->runs.zero_unknown = false;
	err = err ? err : target_pages(t, &k->runs);
	err = err ? err : end_read(t, &k->b, true);
	l->zero_unknown = k->runs.zero_unknown;
	l->window_ns = clock_mono_ns() - start;
	return err;
}

/* Whether any counter that a change of spans or bitmaps moves has moved. */
static bool counters_moved(const struct look *k)
{
	const struct go_layout *l = k->gp->l;

	return memcmp(k->before->gc + l->gc_heapInUse, k->behind->gc + l->gc_heapInUse,
		      l->gc_mappedReady + 8 - l->gc_heapInUse) ||
	       memcmp(k->before->ms, k->behind->ms, l->ms_size);
}

static int go_before(struct look *k)
{
	int err = go_counters_read(k->gp, k->before);

	err = err ? err : gometa_read(k->gp, &k->meta);
	err = err ? err : goheap_read(k->gp, &k->meta, &k->heap, true);
	return err ? err : gostacks_read(k->gp, &k->stacks);
}

static int go_behind(struct look *k)
{
	int err = go_counters_read(k->gp, k->behind);

	k->moved = !err && counters_moved(k);
	return err || !k->moved ? err : goheap_read(k->gp, &k->meta, &k->after, false);
}

/* The identities that tie spans and bitmaps to the counters; only a still state tells. */
static void check_identities(const struct look *k, struct ledger *l)
{
	const struct go_counters *c = k->before;

	l->checked = 3;
	if (k->moved)
		return;
	l->failed += k->heap.in_use != (uint64_t)c->in_heap;
	l->failed += k->heap.manual != (uint64_t)(c->in_stacks + c->in_workbufs + c->in_ptrscalar);
	l->failed += k->heap.scav_pages * GO_PAGE != go_counters_gc(c, k->gp->l->gc_heapReleased);
	if (l->failed)
		snprintf(l->why, sizeof(l->why),
			 "the runtime's pages do not add up: spans in use %llu, heapInUse %lld; "
			 "manual spans %llu, counted %lld; scavenged %llu, heapReleased %llu",
			 (unsigned long long)k->heap.in_use, (long long)c->in_heap,
			 (unsigned long long)k->heap.manual,
			 (long long)(c->in_stacks + c->in_workbufs + c->in_ptrscalar),
			 (unsigned long long)(k->heap.scav_pages * GO_PAGE),
			 (unsigned long long)go_counters_gc(c, k->gp->l->gc_heapReleased));
}

static int rss(const struct look *k, struct ledger *l, bool exact)
{
	struct proc_rollup r = {};
	int err = 0;

	l->rss = k->b.status.rss;
	l->core = k->gp->t->core;
	l->zeros_left_out = l->core && k->gp->t->core->zeros_left_out;
	l->page_tables = k->b.status.pte;
	l->swap = k->b.status.swap;
	l->hugetlb = k->b.status.hugetlb;
	l->rss_from_rollup = !exact && !l->core;
	if (l->core)
		l->page_tables = l->swap = l->hugetlb = UINT64_MAX;
	else if (!exact || l->lazyfree_unknown)
		err = proc_rollup_read(k->gp->t->dirfd, &r);
	if (l->rss_from_rollup)
		l->rss = r.rss;
	if (l->lazyfree_unknown && !l->core) {
		struct ledger_cell *c = &l->cell[PS_RETURNED];

		c->lazyfree = r.lazyfree < c->resident ? r.lazyfree : c->resident;
	}
	l->residual = l->rss;
	for (int i = 0; i < ROW_COUNT; i++)
		l->residual -= l->row[i].resident;
	return err;
}

static void look_reset(struct look *k)
{
	gometa_free(&k->meta);
	goheap_free(&k->heap);
	goheap_free(&k->after);
	gostacks_free(&k->stacks);
	k->moved = false;
}

/* Forget what is in a ledger, keep its memory. */
static void ledger_reset(struct ledger *l)
{
	*l = (struct ledger){ .detail = l->detail, .cap = l->cap };
}

static int attempt(struct look *k, struct ledger *l, bool go, bool exact)
{
	struct join_input in = { .gp = k->gp, .runs = &k->runs };
	int err, go_err = 0;

	ledger_reset(l);
	look_reset(k);
	err = target_maps(k->gp->t);
	if (err)
		return err;
	mem_refresh(k->gp->mem);
	mem_deadline(k->gp->mem, WALK_NS * (1 + k->gp->t->status.rss / (16ULL << 30)));
	if (go)
		go_err = go_before(k);
	err = scan(k, l);
	if (err)
		return err;
	if (go && !go_err)
		go_err = go_behind(k);
	if (go && !go_err) {
		check_identities(k, l);
		in.meta = &k->meta;
		in.heap = &k->heap;
		in.stacks = &k->stacks;
		in.after = k->moved ? &k->after : NULL;
		in.gc_counter = go_counters_ms(k->before, k->gp->l->ms_gcMiscSys);
		in.other_counter = go_counters_ms(k->before, k->gp->l->ms_other_sys);
	}
	if (go_err == -ESRCH || go_err == -ENOMEM || go_err == -EPERM)
		return go_err;
	err = cside_read(&k->c, k->gp, in.meta, in.heap, &k->runs);
	if (err)
		return err;
	in.c = &k->c;
	if (go_err)
		snprintf(l->why, sizeof(l->why), "the runtime's structures cannot be read: %s",
			 go_err == -ENODATA ? "some are swapped out" : strerror(-go_err));
	l->go = go && !go_err && !l->failed;
	if (!l->go)
		in.meta = NULL;
	err = ledger_join(&in, l);
	bound(k, l);
	return err ? err : rss(k, l, exact);
}

/* A ledger with Go rows is better than one without, then the smaller bound is. */
static bool better(const struct ledger *a, const struct ledger *b)
{
	if (a->go != b->go)
		return a->go;
	return a->bound < b->bound;
}

int ledger_take(struct goproc *gp, struct ledger *l, unsigned max_attempts, uint64_t budget_ns)
{
	static int exact = -1; /* a fact about the kernel */
	struct look k = { .gp = gp, .before = calloc(2, sizeof(*k.before)) };
	uint64_t start = clock_mono_ns();
	struct ledger best = { .detail = l->detail, .cap = l->cap }, now = {}, swap;
	unsigned tries = 0;
	int err = k.before ? 0 : -ENOMEM;

	k.behind = k.before + 1;
	if (exact < 0)
		exact = proc_rss_exact();
	while (!err && tries < max_attempts) {
		err = attempt(&k, &now, gp->proven, exact);
		if (!err && (!tries++ || better(&now, &best))) {
			swap = best;
			best = now;
			now = swap;
		}
		if (best.still && (best.go || !gp->proven))
			break;
		if (clock_mono_ns() - start > budget_ns)
			break;
	}
	best.attempts = tries;
	if (!gp->proven)
		snprintf(best.why, sizeof(best.why), "%s", gp->why);
	look_reset(&k);
	cside_free(&k.c);
	page_runs_free(&k.runs);
	free(k.before);
	ledger_free(&now);
	*l = best;
	if (err == -ESRCH || (err && target_alive(gp->t)))
		return fail(-ESRCH, "process %d has exited", gp->t->pid);
	return err;
}

void ledger_free(struct ledger *l)
{
	free(l->detail);
	*l = (struct ledger){};
}
