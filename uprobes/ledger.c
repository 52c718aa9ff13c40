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
#include <unistd.h>

#define HUGE_PAGE (2ULL << 20)
#define TORN_US   2000
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
	struct proc_status status; /* rss is exact: of smaps_rollup where VmRSS is not */
	struct proc_thp_events thp;
	uint64_t faults;
};

struct look {
	struct goproc *gp;
	struct page_runs runs;
	struct gometa meta, meta_after;
	struct goheap heap, after;
	struct gostacks stacks;
	struct cside c;
	struct go_counters *before, *behind;
	struct end a, b;
	bool moved, exact;
};

/* The first end reads faults first, the last end reads them last: none is missed. */
static int end_read(const struct target *t, struct end *e, bool exact, bool last)
{
	struct proc_rollup r;
	int err;

	if (t->core) { /* nothing moves */
		*e = (struct end){ .status = t->status };
		return 0;
	}
	err = last ? 0 : proc_faults_read(t->dirfd, &e->faults);
	if (!last)
		proc_thp_events_read(&e->thp);
	err = err ? err : proc_status_read(t->dirfd, &e->status);
	if (!err && !e->status.has_mm)
		err = -ESRCH;
	if (!err && !exact)
		err = proc_rollup_read(t->dirfd, &r);
	if (!err && !exact)
		e->status.rss = r.rss;
	if (last)
		proc_thp_events_read(&e->thp);
	return err || !last ? err : proc_faults_read(t->dirfd, &e->faults);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/*
 * What can have been mapped in the window: a fault maps one page, or as many as
 * this kernel gives it; one that it answers with a huge page is counted in
 * /proc/vmstat too, host-wide; file faults may map neighbours as well, which shows
 * in RssFile. What was unmapped follows from the change of the RSS.
 */
static void bound(const struct look *k, struct ledger *l)
{
	static uint64_t fault_bytes; /* a fact about the host */
	const struct proc_status *a = &k->a.status, *b = &k->b.status;
	uint64_t faults = k->b.faults - k->a.faults;
	uint64_t huge = k->b.thp.faults - k->a.thp.faults;

	if (!fault_bytes)
		fault_bytes = proc_fault_bytes();
	huge = huge < faults ? huge : faults; /* others have faults as well */
	huge += k->b.thp.collapses - k->a.thp.collapses;
	l->mapped_bytes = faults * fault_bytes + huge * HUGE_PAGE +
			  distance(a->rss_file, b->rss_file) + distance(a->rss_shmem, b->rss_shmem);
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
	int err = end_read(t, &k->a, k->exact, false);

	err = err ? err : target_maps(t);
	k->runs.n = 0;
	k->runs.zero_unknown = false;
	err = err ? err : target_pages(t, &k->runs);
	err = err ? err : end_read(t, &k->b, k->exact, true);
	l->zero_unknown = k->runs.zero_unknown;
	l->window_ns = clock_mono_ns() - start;
	return err;
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

	k->moved = !err && go_counters_differ(k->before, k->behind);
	if (err || !k->moved)
		return err;
	err = gometa_read(k->gp, &k->meta_after);
	return err ? err : goheap_read(k->gp, &k->meta, &k->after, false);
}

/* Resident bytes of [start, end) that no range of the map from *at on has; *at moves up. */
static uint64_t unmapped(const struct look *k, const struct gometa *m, size_t *at, uint64_t start,
			 uint64_t end)
{
	uint64_t sum = page_runs_resident(&k->runs, start, end);

	while (*at < m->n && m->range[*at].end <= start)
		++*at;
	for (size_t i = *at; i < m->n && m->range[i].start < end; i++) {
		uint64_t a = m->range[i].start > start ? m->range[i].start : start;
		uint64_t b = m->range[i].end < end ? m->range[i].end : end;

		sum -= page_runs_resident(&k->runs, a, b);
	}
	return sum;
}

/*
 * Memory the runtime mapped for itself between its first reading and the scan has
 * no owner in the first map: its pages went to anon.other, and are an error of it.
 */
static void find_growth(const struct look *k, struct ledger *l)
{
	const struct gometa *after = &k->meta_after;
	struct ledger_row *other = &l->row[ROW_ANON_OTHER];
	size_t at = 0;

	if (!k->moved)
		return;
	for (size_t i = 0; i < after->n; i++)
		l->grown_bytes +=
			unmapped(k, &k->meta, &at, after->range[i].start, after->range[i].end);
	for (size_t i = 0; i < after->narenas; i++)
		if (!goheap_arena(&k->heap, after->arena[i].base))
			l->grown_bytes += page_runs_resident(&k->runs, after->arena[i].base,
							     after->arena[i].base + GO_ARENA);
	if (l->grown_bytes) {
		other->error += l->grown_bytes;
		other->confidence = 2;
	}
}

/* The identities that tie spans and bitmaps to the counters; only a still state tells. */
static void check_identities(const struct look *k, struct ledger *l)
{
	const struct go_counters *c = k->before;

	if (k->moved)
		return;
	l->checked = 3;
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

/* Without page flags: lazily freed pages of all mappings bound those of the heap. */
static int lazyfree_bound(const struct look *k, struct ledger *l)
{
	struct ledger_cell *c = &l->cell[PS_RETURNED];
	struct proc_rollup r;
	int err = proc_rollup_read(k->gp->t->dirfd, &r);

	if (!err)
		c->lazyfree =
			r.lazyfree < c->resident + c->huge ? r.lazyfree : c->resident + c->huge;
	return err;
}

static int rss(const struct look *k, struct ledger *l)
{
	l->rss = k->b.status.rss;
	l->core = k->gp->t->core;
	l->state = k->b.status.state;
	l->tracer = k->b.status.tracer;
	l->zeros_left_out = l->core && k->gp->t->core->zeros_left_out;
	l->page_tables = l->core ? UINT64_MAX : k->b.status.pte;
	l->locked = l->core ? UINT64_MAX : k->b.status.locked;
	l->swap = l->core ? UINT64_MAX : k->b.status.swap;
	l->hugetlb = l->core ? UINT64_MAX : k->b.status.hugetlb;
	l->rss_from_rollup = !k->exact && !l->core;
	l->residual = l->rss;
	for (int i = 0; i < ROW_COUNT; i++)
		l->residual -= l->row[i].resident;
	/*
	 * munmap clears pages before it lowers the RSS: taken off its CPU in between, it
	 * leaves a window that looks still and is not.
	 */
	if (l->still && l->residual) {
		l->still = false;
		l->bound = l->residual < 0 ? -l->residual : l->residual;
	}
	return l->lazyfree_unknown && !l->core ? lazyfree_bound(k, l) : 0;
}

static void look_reset(struct look *k)
{
	gometa_free(&k->meta);
	gometa_free(&k->meta_after);
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

static void walk_deadline(const struct look *k)
{
	mem_deadline(k->gp->mem, WALK_NS * (1 + k->gp->t->status.rss / (16ULL << 30)));
}

static int attempt(struct look *k, struct ledger *l, bool go)
{
	struct join_input in = { .gp = k->gp, .runs = &k->runs };
	int err, go_err = 0;

	ledger_reset(l);
	look_reset(k);
	err = target_maps(k->gp->t);
	if (err)
		return err;
	mem_refresh(k->gp->mem);
	walk_deadline(k);
	if (go)
		go_err = go_before(k);
	err = scan(k, l);
	if (err)
		return err;
	k->gp->t->status = k->b.status;
	walk_deadline(k); /* the pages took what they took */
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
	if (l->go)
		find_growth(k, l);
	bound(k, l);
	return err ? err : rss(k, l);
}

/* A ledger with Go rows is better than one without, then one whose map is whole, then
 * the one with the smaller bound. */
static bool better(const struct ledger *a, const struct ledger *b)
{
	if (a->go != b->go)
		return a->go;
	if (!a->grown_bytes != !b->grown_bytes)
		return !a->grown_bytes;
	return a->bound < b->bound;
}

static bool good(const struct ledger *l, bool proven)
{
	return l->still && !l->grown_bytes && (l->go || !proven);
}

int ledger_take(struct goproc *gp, struct ledger *l, unsigned max_attempts, uint64_t budget_ns)
{
	static int exact = -1; /* a fact about the kernel */
	struct look k = { .gp = gp, .before = calloc(2, sizeof(*k.before)) };
	uint64_t start = clock_mono_ns();
	struct ledger best = { .detail = l->detail, .cap = l->cap }, now = {}, swap;
	unsigned tries = 0;
	int err = k.before ? 0 : -ENOMEM, gone;

	k.behind = k.before + 1;
	if (exact < 0)
		exact = proc_rss_exact();
	k.exact = exact;
	while (!err && tries < max_attempts) {
		err = attempt(&k, &now, gp->proven);
		err = err ? err : target_alive(gp->t);
		if (!err && (!tries++ || better(&now, &best))) {
			swap = best;
			best = now;
			now = swap;
		}
		if (err || good(&best, gp->proven) || clock_mono_ns() - start > budget_ns)
			break;
		if (gp->proven && !best.go) /* half-way through a change, and off its CPU */
			usleep(TORN_US);
	}
	mem_deadline(gp->mem, 0);
	best.attempts = tries;
	if (!gp->proven)
		snprintf(best.why, sizeof(best.why), "%s", gp->why);
	look_reset(&k);
	cside_free(&k.c);
	page_runs_free(&k.runs);
	free(k.before);
	ledger_free(&now);
	*l = best;
	gone = err ? target_alive(gp->t) : 0; /* says why in a sentence */
	return gone ? gone : err;
}

void ledger_free(struct ledger *l)
{
	free(l->detail);
	*l = (struct ledger){};
}
