// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Owners of addresses x pages the kernel holds; see ledger_join.h. */
#include "ledger_join.h"
#include "array.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DETAILS_MAX 65536
#define NEIGHBOURS  32 /* details that are compared with a new one */

/* What the kernel holds of a piece of address space, in bytes. */
struct held {
	uint64_t small, huge, swapped;
	uint64_t anon; /* of small and huge: not of a file */
};

struct join {
	const struct join_input *in;
	struct ledger *l;
	size_t run;            /* the first run that may matter: queries ascend */
	size_t arena, meta, c; /* likewise */
	uint64_t persistent;   /* resident bytes of persistent chunks */
};

static void held_add(struct held *h, const struct page_run *r, uint64_t bytes)
{
	if (r->flags & PAGE_SWAPPED)
		h->swapped += bytes;
	if ((r->flags & (PAGE_PRESENT | PAGE_ZERO)) != PAGE_PRESENT)
		return; /* zero pages are mapped, not resident */
	if (r->flags & PAGE_HUGE)
		h->huge += bytes;
	else
		h->small += bytes;
	if (!(r->flags & PAGE_FILE))
		h->anon += bytes;
}

static struct held held(struct join *j, uint64_t start, uint64_t end)
{
	const struct page_runs *runs = j->in->runs;
	struct held h = {};

	while (j->run < runs->n && runs->run[j->run].end <= start)
		j->run++;
	for (size_t i = j->run; i < runs->n && runs->run[i].start < end; i++) {
		const struct page_run *r = &runs->run[i];
		uint64_t a = r->start > start ? r->start : start, b = r->end < end ? r->end : end;

		held_add(&h, r, b - a);
	}
	return h;
}

int ledger_detail_put(struct ledger *l, const struct ledger_detail *d)
{
	if (l->ndetail == DETAILS_MAX)
		return 0;
	if (array_room(l->detail, l->ndetail + 1, l->cap))
		return -ENOMEM;
	l->detail[l->ndetail++] = *d;
	return 0;
}

int ledger_detail_add(struct ledger *l, enum ledger_row_id row, const char *what, uint64_t resident,
		      uint64_t mapped)
{
	struct ledger_detail add = { .row = row, .resident = resident, .mapped = mapped };

	/* mappings of one file are neighbours; what is further away is merged at the end */
	for (size_t i = l->ndetail, n = 0; row != ROW_ANON_OTHER && n < NEIGHBOURS && i-- > 0;
	     n++) {
		struct ledger_detail *d = &l->detail[i];

		if (d->row == row && !strncmp(d->what, what, sizeof(d->what) - 1)) {
			d->resident += resident;
			d->mapped += mapped;
			return 0;
		}
	}
	snprintf(add.what, sizeof(add.what), "%s", what);
	return ledger_detail_put(l, &add);
}

static int by_name(const void *a, const void *b)
{
	const struct ledger_detail *x = a, *y = b;

	return x->row != y->row ? x->row - y->row : strcmp(x->what, y->what);
}

/* One detail for what came in several places. */
static void merge_details(struct ledger *l)
{
	size_t kept = 0;

	if (l->ndetail)
		qsort(l->detail, l->ndetail, sizeof(*l->detail), by_name);
	for (size_t i = 0; i < l->ndetail; i++) {
		struct ledger_detail *last = kept ? &l->detail[kept - 1] : NULL;

		if (!last || by_name(last, &l->detail[i])) {
			l->detail[kept++] = l->detail[i];
			continue;
		}
		last->resident += l->detail[i].resident;
		last->mapped += l->detail[i].mapped;
	}
	l->ndetail = kept;
}

static void row_add(struct ledger *l, enum ledger_row_id row, uint64_t resident, uint64_t mapped)
{
	l->row[row].resident += resident;
	l->row[row].mapped += mapped;
}

/* ---- pieces ---- */

/*
 * The state of the pages from p on. A mapping may begin in the middle of a span: the
 * kernel splits them where advice differs (Go 1.19 advises on huge pages).
 */
static enum page_state state_at(const struct join *j, const struct arena *a, uint64_t p,
				bool begins, uint32_t *page, struct span **s)
{
	const struct goheap *h = j->in->heap;
	const struct span *around = begins ? goheap_span(h, p, GO_ARENA_PAGES) : NULL;

	*page = (p - a->base) / GO_PAGE;
	if (around) /* one that came from the arena before starts at page 0 of this one */
		*page = around->base < a->base ? 0 : (around->base - a->base) / GO_PAGE;
	return arena_next(h, a, page, s);
}

static int piece_arena(struct join *j, const struct arena *a, uint64_t p, bool begins,
		       uint64_t limit, uint64_t *next)
{
	uint32_t page;
	struct span *s;
	enum page_state state = state_at(j, a, p, begins, &page, &s);
	struct ledger_cell *c = &j->l->cell[state];
	uint64_t end = a->base + page * GO_PAGE, resident;
	struct held h;

	end = end < limit ? end : limit;
	h = held(j, p, end);
	resident = h.small + h.huge;
	*next = end;
	c->resident += h.small;
	c->huge += h.huge;
	c->swapped += h.swapped;
	c->absent += end - p - resident - h.swapped;
	if (s)
		s->resident += resident / MEM_PAGE;
	switch (state) {
	case PS_FREE:
	case PS_TRANSIT: /* its bytes are an error, added in errors() */
		row_add(j->l, ROW_HEAP_IDLE, resident, end - p);
		break;
	case PS_RETURNED:
	case PS_UNMAPPED: /* resident only if somebody else put it there */
		row_add(j->l, ROW_HEAP_RETURNED, resident,
			state == PS_RETURNED ? end - p : resident);
		if (resident && pagemap_lazyfree(&j->in->gp->t->pagemap, p, end, &c->lazyfree))
			j->l->lazyfree_unknown = true;
		break;
	case PS_WORKBUF:
		row_add(j->l, ROW_RT_GC, resident, end - p);
		return ledger_detail_add(j->l, ROW_RT_GC, "work buffers", resident, end - p);
	case PS_STACK:
		row_add(j->l, ROW_STACKS_FREE, resident, end - p); /* those in use move later */
		break;
	default: /* in use: apportioned span by span when all is known */ break;
	}
	return 0;
}

static int piece_meta(struct join *j, const struct meta_range *r, uint64_t p, uint64_t end)
{
	static const enum ledger_row_id rows[] = {
		[META_GC] = ROW_RT_GC, [META_PROFILE] = ROW_RT_PROFILE, [META_OTHER] = ROW_RT_OTHER
	};
	struct held h = held(j, p, end);

	if (r->kind == META_PERSISTENT) {
		j->persistent += h.small + h.huge;
		return 0;
	}
	row_add(j->l, rows[r->kind], h.small + h.huge, end - p);
	return ledger_detail_add(j->l, rows[r->kind], r->what, h.small + h.huge, end - p);
}

static int piece_vma(struct join *j, size_t i, uint64_t p, uint64_t limit, uint64_t *next)
{
	const struct vma *v = &j->in->gp->t->maps.vma[i];
	char range[64];
	bool exec_anon;
	uint64_t end;
	enum ledger_row_id row = vma_row(j->in->gp, i, p, &end, &exec_anon);
	struct held h;
	const char *what = v->name;

	*next = end = end < limit ? end : limit;
	h = held(j, p, end);
	if (exec_anon) {
		row_add(j->l, ROW_PROBES, h.anon, 0);
		h.small -= h.anon < h.small ? h.anon : h.small;
	}
	row_add(j->l, row, h.small + h.huge, end - p);
	if (row == ROW_ANON_OTHER) {
		snprintf(range, sizeof(range), "0x%llx-0x%llx%s%.20s", (unsigned long long)p,
			 (unsigned long long)end, v->name[0] ? " " : "", v->name);
		what = range;
	} else if (row == ROW_LIBS && !*what) { /* what a library has beside its file follows it */
		what = i && v[-1].name[0] ? v[-1].name : target_go_path(j->in->gp->t);
	}
	if (!(h.small + h.huge) || (row != ROW_ANON_OTHER && row != ROW_FILES && row != ROW_LIBS &&
				    row != ROW_SHMEM && row != ROW_CGO_ARENAS))
		return 0;
	return ledger_detail_add(j->l, row, what, h.small + h.huge, end - p);
}

/* A piece that the C side owns; reserves and guards cannot be touched and do not count. */
static int piece_c(struct join *j, struct crange *r, const struct vma *v, uint64_t p, uint64_t end)
{
	struct held h = held(j, p, end);
	uint64_t mapped = v->flags & (VMA_R | VMA_W) ? end - p : 0;

	r->resident += h.small + h.huge;
	r->mapped += mapped;
	row_add(j->l, ledger_c_row(r), h.small + h.huge, mapped);
	return 0;
}

/* What the Go runtime does not own of mapping i, from p on. */
static int piece_other(struct join *j, size_t i, uint64_t p, uint64_t limit, uint64_t *next)
{
	const struct vma *v = &j->in->gp->t->maps.vma[i];
	struct cranges *c = j->in->c ? &j->in->c->space.owned : NULL;

	while (c && j->c < c->n && (c->r[j->c].end <= p || c->r[j->c].owner == COWNER_GO))
		j->c++;
	if (c && j->c < c->n && !v->ino && !(v->flags & VMA_SHARED) &&
	    (!v->name[0] || !strncmp(v->name, "[anon", 5))) {
		struct crange *r = &c->r[j->c];

		if (r->start <= p) {
			*next = r->end < limit ? r->end : limit;
			return piece_c(j, r, v, p, *next);
		}
		limit = r->start < limit ? r->start : limit;
	}
	return piece_vma(j, i, p, limit, next);
}

/* The owner of address p inside mapping i, and the piece it owns. */
static int piece(struct join *j, size_t i, uint64_t p, uint64_t *next)
{
	const struct join_input *in = j->in;
	const struct gometa *m = in->meta;
	uint64_t limit = in->gp->t->maps.vma[i].end;

	if (!m)
		return piece_other(j, i, p, limit, next);
	while (j->arena < in->heap->narenas && in->heap->arena[j->arena]->base + GO_ARENA <= p)
		j->arena++;
	while (j->meta < m->n && m->range[j->meta].end <= p)
		j->meta++;
	if (j->arena < in->heap->narenas) {
		const struct arena *a = in->heap->arena[j->arena];

		if (a->base <= p)
			return piece_arena(j, a, p, p == in->gp->t->maps.vma[i].start, limit, next);
		limit = a->base < limit ? a->base : limit;
	}
	if (j->meta < m->n) {
		const struct meta_range *r = &m->range[j->meta];

		if (r->start <= p) {
			*next = r->end < limit ? r->end : limit;
			return piece_meta(j, r, p, *next);
		}
		limit = r->start < limit ? r->start : limit;
	}
	return piece_other(j, i, p, limit, next);
}

/* ---- what is known only when all pieces are ---- */

static void split_spans(struct join *j)
{
	static const enum ledger_row_id row[SPAN_PARTS] = { ROW_HEAP_LIVE, ROW_HEAP_NEW,
							    ROW_HEAP_FREE_SLOTS, ROW_HEAP_TAIL };
	struct ledger *l = j->l;

	for (size_t i = 0; i < j->in->heap->n; i++) {
		const struct span *s = &j->in->heap->span[i];
		uint64_t mapped[SPAN_PARTS], resident[SPAN_PARTS];
		struct span_sum sum;
		bool exact;

		if (s->state != PS_IN_USE)
			continue;
		span_parts(s, &sum);
		exact = span_split(j->in, s, mapped, resident);
		for (int k = 0; k < SPAN_PARTS; k++) {
			row_add(l, row[k], resident[k], mapped[k]);
			l->row[row[k]].error += exact ? 0 : resident[k];
		}
		l->unswept += sum.unswept ? resident[1] : 0;
	}
	l->heap_untouched = l->cell[PS_IN_USE].absent;
	l->stacks_untouched = l->cell[PS_STACK].absent;
	l->spans = j->in->heap->n;
	l->bad_spans = j->in->heap->bad_spans;
}

/* Resident bytes of a stack that lies in a stack span; others are not ours to count. */
static uint64_t stack_resident(const struct join *j, uint64_t lo, uint64_t hi, uint64_t *mapped)
{
	const struct span *s = goheap_span(j->in->heap, lo, GO_SMALL_STACKS);

	if (!s || s->state != PS_STACK || hi > s->base + span_bytes(s))
		return 0;
	*mapped += hi - lo;
	return page_runs_resident(j->in->runs, lo, hi);
}

static void split_stacks(struct join *j)
{
	struct ledger *l = j->l;
	const struct gostacks *g = j->in->stacks;
	uint64_t inuse = 0, mapped = 0, all = l->row[ROW_STACKS_FREE].resident;

	for (size_t i = 0; i < g->n; i++)
		inuse += stack_resident(j, g->stack[i].lo, g->stack[i].hi, &mapped);
	for (size_t i = 0; i < j->in->meta->nstacks; i++)
		l->system_stacks += stack_resident(j, j->in->meta->stack[i].lo,
						   j->in->meta->stack[i].hi, &mapped);
	inuse += l->system_stacks;
	if (inuse > all) { /* stacks that were freed or moved between the two reads */
		l->row[ROW_STACKS_INUSE].error += inuse - all;
		inuse = all;
	}
	mapped = mapped < l->row[ROW_STACKS_FREE].mapped ? mapped : l->row[ROW_STACKS_FREE].mapped;
	row_add(l, ROW_STACKS_INUSE, inuse, mapped);
	l->row[ROW_STACKS_FREE].resident -= inuse;
	l->row[ROW_STACKS_FREE].mapped -= mapped;
	l->row[ROW_STACKS_INUSE].error += g->overlap;
	l->row[ROW_STACKS_FREE].error += g->overlap;
	l->goroutines = g->n;
	l->dead_goroutines = g->dead;
}

static uint64_t take_from(uint64_t *pool, uint64_t want)
{
	uint64_t got = want < *pool ? want : *pool;

	*pool -= got;
	return got;
}

/*
 * Persistent chunks: mspans, mcaches and profile buckets by address; the rest is
 * small structures of the collector and others, split as their counters are.
 */
static int split_persistent(struct join *j)
{
	const struct join_input *in = j->in;
	uint64_t pool = j->persistent, mapped = in->meta->nchunks * GO_PERSISTENT;
	uint64_t mspan = take_from(&pool, in->heap->mspan_resident);
	uint64_t mcache = take_from(&pool, in->heap->mcache_resident);
	uint64_t bucket = take_from(&pool, in->meta->bucket_bytes);
	uint64_t gc =
		in->gc_counter > in->meta->mapped_gc ? in->gc_counter - in->meta->mapped_gc : 0;
	uint64_t other = in->other_counter > in->meta->mapped_other
				 ? in->other_counter - in->meta->mapped_other
				 : 0;
	uint64_t gc_part = gc + other ? (unsigned __int128)pool * gc / (gc + other) : 0;
	int err;

	row_add(j->l, ROW_RT_MSPAN, mspan, mspan);
	row_add(j->l, ROW_RT_MCACHE, mcache, mcache);
	row_add(j->l, ROW_RT_PROFILE, bucket, bucket);
	row_add(j->l, ROW_RT_GC, gc_part, gc_part);
	row_add(j->l, ROW_RT_OTHER, pool - gc_part, mapped - mspan - mcache - bucket - gc_part);
	/* nothing says which of the two a byte of the rest is: either may be off by the smaller */
	j->l->row[ROW_RT_GC].error += gc_part < pool - gc_part ? gc_part : pool - gc_part;
	j->l->row[ROW_RT_OTHER].error += gc_part < pool - gc_part ? gc_part : pool - gc_part;
	err = ledger_detail_add(j->l, ROW_RT_GC, "shared chunks", gc_part, gc_part);
	return err ? err
		   : ledger_detail_add(j->l, ROW_RT_OTHER, "shared chunks", pool - gc_part,
				       mapped - mspan - mcache - bucket - gc_part);
}

/* ---- the rows' error: pages whose state changed while we looked ---- */

static const enum ledger_row_id state_row[PS_COUNT] = {
	[PS_UNMAPPED] = ROW_HEAP_RETURNED, [PS_FREE] = ROW_HEAP_IDLE,
	[PS_RETURNED] = ROW_HEAP_RETURNED, [PS_WORKBUF] = ROW_RT_GC,
	[PS_TRANSIT] = ROW_HEAP_IDLE,
};

/* Pages that were in a state, or are now: the rows they went to may be off by them. */
static void state_error(struct ledger *l, enum page_state state, const struct span *s,
			uint64_t resident)
{
	struct span_sum part;
	uint64_t size;

	if (state == PS_STACK) {
		l->row[ROW_STACKS_INUSE].error += resident;
		l->row[ROW_STACKS_FREE].error += resident;
	} else if (state == PS_IN_USE && s && (size = span_bytes(s))) {
		span_parts(s, &part);
		l->row[ROW_HEAP_LIVE].error += (double)resident * part.live / size;
		l->row[ROW_HEAP_NEW].error += (double)resident * part.fresh / size;
		l->row[ROW_HEAP_FREE_SLOTS].error += (double)resident * part.free_slots / size;
		l->row[ROW_HEAP_TAIL].error += (double)resident * part.tail / size;
	} else if (state != PS_IN_USE) {
		l->row[state_row[state]].error += resident;
	}
}

static void changed_pages(struct join *j, const struct arena *a, const struct arena *b)
{
	const struct goheap *before = j->in->heap, *after = j->in->after;
	struct ledger *l = j->l;

	for (uint32_t p = 0, q = 0, at = 0; at < GO_ARENA_PAGES;) {
		struct span *s, *t;
		uint32_t from = at;
		enum page_state x, y;
		uint64_t resident;

		p = q = at;
		x = arena_next(before, a, &p, &s);
		y = arena_next(after, b, &q, &t);
		at = p < q ? p : q;
		if (x == y && (!s || !t || (s->base == t->base && s->class == t->class)))
			continue;
		resident = page_runs_resident(j->in->runs, a->base + from * GO_PAGE,
					      a->base + at * GO_PAGE);
		l->moved_bytes += resident;
		state_error(l, x, s, resident);
		state_error(l, y, t, resident);
	}
}

/* Objects allocated and swept meanwhile, in spans that stayed what they were. */
static void changed_slots(struct join *j)
{
	const struct goheap *before = j->in->heap, *after = j->in->after;

	for (size_t i = 0; i < before->n; i++) {
		const struct span *s = &before->span[i], *t;
		const struct arena *a = goheap_arena(after, s->base);
		uint32_t at = a ? a->span_at[(s->base - a->base) / GO_PAGE] : 0;
		uint64_t d;

		if (s->state != PS_IN_USE || !at)
			continue;
		t = &after->span[at - 1];
		if (t->base != s->base || t->class != s->class || t->state != s->state)
			continue;
		d = (t->allocs > s->allocs ? t->allocs - s->allocs : s->allocs - t->allocs) *
		    (uint64_t)s->elemsize;
		j->l->row[ROW_HEAP_NEW].error += d;
		j->l->row[ROW_HEAP_FREE_SLOTS].error += d;
		/* another cycle: what was marked is not what is marked now */
		if (before->sweepgen != after->sweepgen)
			j->l->row[ROW_HEAP_LIVE].error += s->live * (uint64_t)s->elemsize;
	}
}

static void errors(struct join *j)
{
	const struct goheap *after = j->in->after;
	struct ledger *l = j->l;

	l->row[ROW_HEAP_IDLE].error += l->cell[PS_TRANSIT].resident + l->cell[PS_TRANSIT].huge;
	if (!after)
		return;
	l->moved = true;
	for (size_t i = 0; i < j->in->heap->narenas; i++) {
		const struct arena *a = j->in->heap->arena[i], *b = goheap_arena(after, a->base);

		if (b)
			changed_pages(j, a, b);
	}
	changed_slots(j);
	for (int r = 0; r <= ROW_GO_LAST; r++) {
		if (l->row[r].error > l->row[r].resident + l->moved_bytes)
			l->row[r].error = l->row[r].resident + l->moved_bytes;
		l->row[r].confidence = 2;
	}
}

static void confidence(struct ledger *l, bool go)
{
#define BEST(name, id, best, source) [ROW_##name] = best,
	static const uint8_t best[ROW_COUNT] = { LEDGER_ROWS(BEST) };
#undef BEST

	for (int r = 0; r < ROW_COUNT; r++)
		l->row[r].confidence = r <= ROW_GO_LAST && !go ? 0 : best[r];
}

int ledger_join(const struct join_input *in, struct ledger *l)
{
	struct join j = { .in = in, .l = l };
	const struct maps *maps = &in->gp->t->maps;
	int err = 0;

	confidence(l, in->meta != NULL);
	for (size_t i = 0; in->heap && i < in->heap->n; i++)
		in->heap->span[i].resident = 0;
	for (size_t i = 0; in->c && i < in->c->space.owned.n; i++)
		in->c->space.owned.r[i].resident = in->c->space.owned.r[i].mapped = 0;
	for (size_t i = 0; !err && i < maps->n; i++)
		for (uint64_t p = maps->vma[i].start; !err && p < maps->vma[i].end;)
			err = piece(&j, i, p, &p);
	err = err ? err : ledger_c_details(in, l);
	if (!err && in->meta) {
		split_spans(&j);
		split_stacks(&j);
		err = split_persistent(&j);
		errors(&j);
	}
	merge_details(l);
	return err;
}
