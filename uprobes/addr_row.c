// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Rows of addresses; see addr_row.h. */
#include "addr_row.h"
#include "clock.h"
#include "ledger_join.h"
#include "search.h"

#define REST_NS 5000000ULL    /* between two readings at least */
#define READ_NS 1000000000ULL /* for one of them */
#define LATE_NS 100000000ULL  /* as old may a fault be when it is asked for */
#define SHARE   10            /* a part of ten of the time is for reading */

static void forget(struct addr_rows *a)
{
	goheap_free(&a->heap);
	gometa_free(&a->meta);
	a->meta = (struct gometa){};
	a->known = false;
}

static bool same_maps(const struct maps *a, const struct maps *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = a->vma[i].start == b->vma[i].start && a->vma[i].end == b->vma[i].end;
	return same;
}

/* Those that were there before they changed are kept; others may read the target's own. */
static void read_maps(struct addr_rows *a)
{
	uint64_t start = clock_mono_ns();
	struct maps now = {};

	if (maps_read(a->gp->t->dirfd, &now) || same_maps(&now, &a->now)) {
		maps_free(&now);
	} else {
		/* of several changes in a row those before the first of them */
		bool late = start - a->changed_ns > LATE_NS;

		maps_free(late ? &a->before : &a->now);
		a->before = late ? a->now : a->before;
		a->changed_ns = late ? start : a->changed_ns;
		a->now = now;
	}
	a->maps_ns = clock_mono_ns();
	a->maps_took_ns = a->maps_ns - start;
}

static void read_again(struct addr_rows *a)
{
	uint64_t start = clock_mono_ns();

	forget(a);
	read_maps(a);
	if (a->gp->proven && !target_maps(a->gp->t)) { /* by which its memory is read */
		mem_refresh(a->gp->mem);
		mem_deadline(a->gp->mem, READ_NS);
		a->known = !gometa_read(a->gp, &a->meta) &&
			   !goheap_read(a->gp, &a->meta, &a->heap, false);
		mem_deadline(a->gp->mem, 0);
	}
	a->read_ns = clock_mono_ns();
	a->took_ns = a->read_ns - start;
}

void addr_rows_open(struct addr_rows *a, struct goproc *gp)
{
	*a = (struct addr_rows){ .gp = gp };
	read_again(a);
}

void addr_rows_close(struct addr_rows *a)
{
	if (a->gp)
		forget(a);
	maps_free(&a->before);
	maps_free(&a->now);
}

static const char *row_of_state(enum page_state state)
{
	switch (state) {
	case PS_IN_USE: return "go.heap";
	case PS_STACK: return "go.stacks";
	case PS_WORKBUF: return ledger_row_ids[ROW_RT_GC];
	default: return NULL;
	}
}

/* NULL: free, given back or not mapped, as far as is known: but it is being touched. */
static const char *arena_row(const struct addr_rows *a, const struct arena *at, uint64_t addr)
{
	uint32_t page = (addr - at->base) / GO_PAGE;
	const struct span *around = goheap_span(&a->heap, addr, GO_ARENA_PAGES);
	struct span *s;

	if (around)
		return row_of_state(around->state);
	return row_of_state(arena_next(&a->heap, at, &page, &s));
}

static const char *meta_row(const struct gometa *m, uint64_t addr)
{
	static const enum ledger_row_id rows[] = { [META_PERSISTENT] = ROW_RT_OTHER,
						   [META_GC] = ROW_RT_GC,
						   [META_PROFILE] = ROW_RT_PROFILE,
						   [META_OTHER] = ROW_RT_OTHER };
	size_t first = count_before(m->n, i, m->range[i].end <= addr);
	return first < m->n && m->range[first].start <= addr
		       ? ledger_row_ids[rows[m->range[first].kind]]
		       : NULL;
}

/* NULL: in nothing that is known, with these mappings. */
static const char *find_in(struct addr_rows *a, const struct maps *maps, uint64_t addr, bool *file)
{
	const struct vma *v = maps_find(maps, addr);
	struct arena *arena = a->known ? goheap_arena(&a->heap, addr) : NULL;
	const char *row = a->known && !arena ? meta_row(&a->meta, addr) : NULL;
	struct maps own = a->gp->t->maps;
	bool exec_anon;
	uint64_t end;

	*file = v && v->ino;
	if (!v || arena)
		return v && arena ? arena_row(a, arena, addr) : NULL;
	if (row)
		return row;
	a->gp->t->maps = *maps; /* where vma_row() looks */
	row = ledger_row_ids[vma_row(a->gp, v - maps->vma, addr, &end, &exec_anon)];
	a->gp->t->maps = own;
	return row;
}

/* What comes late may have been touched in a mapping that is gone. */
static const char *find(struct addr_rows *a, uint64_t addr, bool *file)
{
	const char *row = find_in(a, &a->now, addr, file);

	return row ? row : find_in(a, &a->before, addr, file);
}

static bool rested(uint64_t read_ns, uint64_t took_ns, uint64_t least)
{
	uint64_t rest = took_ns * SHARE;

	return clock_mono_ns() - read_ns > (rest > least ? rest : least);
}

const char *addr_row(struct addr_rows *a, uint64_t addr, bool *file)
{
	const char *row = find(a, addr, file);

	if (!row && !maps_find(&a->now, addr) && rested(a->maps_ns, a->maps_took_ns, 0)) {
		read_maps(a);
		row = find(a, addr, file);
	}
	/* what is new of the runtime's looks like anybody's until it is read */
	if ((!row || row == ledger_row_ids[ROW_ANON_OTHER]) &&
	    rested(a->read_ns, a->took_ns, REST_NS)) {
		read_again(a);
		row = find(a, addr, file);
	}
	if (row)
		return row;
	return a->known && goheap_arena(&a->heap, addr) ? "go.arenas" : "unmapped";
}

bool addr_rows_mapped(const struct addr_rows *a, uint64_t start, uint64_t end)
{
	const struct vma *v = maps_find(&a->now, start);

	v = v ? v : maps_find(&a->before, start);
	return v && end <= v->end;
}
