// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Address space by who asked for it, from records to rows; see map.h. */
#include "live/map.h"
#include "array.h"
#include "human.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SITES_MAX 16384 /* stacks that are told apart; the calls of more are of the first */
#define EARLIER   0     /* the site of what was mapped before we came */
#define OWNERS    64

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

const struct col map_cols[] = {
	COL(struct map_row, at_ns, "AT", MONO, GAUGE, "when the call ended"),
	COL(struct map_row, call, "CALL", NONE, KEY, "mmap, munmap, mremap or brk"),
	COL(struct map_row, owner, "OWNER", NONE, KEY, "whose call it was; see gommap(8)"),
	COL_F(struct map_row, addr, "ADDRESS", ADDR, GAUGE, COL_WIDE, "where"),
	COL(struct map_row, bytes, "BYTES", BYTES, GAUGE, "what it was about"),
	COL(struct map_row, change, "CHANGE", SBYTES, GAUGE,
	    "of the address space: less than BYTES where something was there already"),
	COL_F(struct map_row, reserved, "RESERVED", NONE, GAUGE, COL_JSON_ONLY,
	      "mapped so that it cannot be touched"),
	COL_F(struct map_row, goid, "GOROUTINE", NONE, GAUGE, COL_JSON_ONLY,
	      "who called; 0: none, or not known"),
	COL(struct map_row, who, "WHO", NONE, GAUGE,
	    "the innermost function that is no wrapper of the call, or the outermost"),
	COL_F(struct map_row, stack, "STACK", NONE, GAUGE, COL_WIDE, "where it was called"),
	{}
};

const struct col map_owner_cols[] = {
	COL(struct map_owner_row, owner, "OWNER", NONE, KEY, "whose calls"),
	COL(struct map_owner_row, calls, "CALLS", COUNT, COUNTER, "how many"),
	COL(struct map_owner_row, mapped_bytes, "MAPPED", BYTES, COUNTER, "what they mapped"),
	COL(struct map_owner_row, unmapped_bytes, "GONE", BYTES, COUNTER,
	    "what is gone of it, unmapped or replaced"),
	COL(struct map_owner_row, outstanding_bytes, "LEFT", BYTES, GAUGE, "what is left of it"),
	COL(struct map_owner_row, reserved_bytes, "RESERVED", BYTES, GAUGE,
	    "of that: mapped so that it cannot be touched"),
	COL(struct map_owner_row, resident_bytes, "RESIDENT", BYTES, GAUGE, "of that: in RAM"),
	{}
};

const struct col map_site_cols[] = {
	COL(struct map_site_row, owner, "OWNER", NONE, KEY, "whose calls"),
	COL(struct map_site_row, calls, "CALLS", COUNT, COUNTER, "from this stack"),
	COL(struct map_site_row, outstanding_bytes, "LEFT", BYTES, GAUGE,
	    "what is left of what they mapped"),
	COL_F(struct map_site_row, reserved_bytes, "RESERVED", BYTES, GAUGE, COL_WIDE,
	      "of that: mapped so that it cannot be touched"),
	COL(struct map_site_row, resident_bytes, "RESIDENT", BYTES, GAUGE, "of that: in RAM"),
	COL(struct map_site_row, who, "WHO", NONE, KEY,
	    "the innermost function that is no wrapper of the call, or the outermost"),
	COL_F(struct map_site_row, stack, "STACK", NONE, GAUGE, COL_WIDE, "where it was called"),
	{}
};

const struct col map_summary_cols[] = {
	LIVE_COLS(struct map_summary, live),
	COL(struct map_summary, calls, "CALLS", COUNT, COUNTER, "that did not fail"),
	COL(struct map_summary, mapped_bytes, "MAPPED", BYTES, COUNTER, "what they mapped"),
	COL(struct map_summary, unmapped_bytes, "GONE", BYTES, COUNTER,
	    "what is gone of it, unmapped or replaced"),
	COL(struct map_summary, outstanding_bytes, "LEFT", BYTES, GAUGE, "what is left of it"),
	COL(struct map_summary, reserved_bytes, "RESERVED", BYTES, GAUGE,
	    "of that: mapped so that it cannot be touched"),
	COL(struct map_summary, resident_bytes, "RESIDENT", BYTES, GAUGE, "of that: in RAM"),
	COL(struct map_summary, change, "CHANGE", SBYTES, GAUGE,
	    "of the address space, by the calls"),
	COL(struct map_summary, maps_change, "MAPS", SBYTES, GAUGE,
	    "the same by /proc/PID/maps, at the end and at the start"),
	COL(struct map_summary, unexplained_bytes, "UNEXPLAINED", SBYTES, GAUGE,
	    "what the calls do not explain of that: stacks that grow, calls meanwhile"),
	COL(struct map_summary, syscall_ns, "SYSCALL", NSEC, GAUGE,
	    "what any system call of any process takes longer meanwhile, as calibrated"),
	{}
};

static const char *const call_names[MAP_CALLS] = { "mmap", "munmap", "mremap", "brk" };

/* ---- stacks ---- */

static uint32_t hash(const struct event_stack *s)
{
	uint64_t h = s->n;

	for (uint32_t i = 0; i < s->n && i < STACK_MAX; i++)
		h = (h ^ s->pc[i]) * 0x9e3779b97f4a7c15ULL;
	return h >> 52; /* MAP_BUCKETS is 2^12 */
}

static bool same(const struct event_stack *a, const struct event_stack *b)
{
	return a->n == b->n && a->n <= STACK_MAX && !memcmp(a->pc, b->pc, a->n * sizeof(a->pc[0]));
}

static uint32_t site_add(struct map_state *m, const struct event_stack *s)
{
	if (m->nsites == SITES_MAX)
		return EARLIER;
	if (array_room(m->site, m->nsites + 1, m->cap)) {
		m->err = -ENOMEM;
		return EARLIER;
	}
	m->site[m->nsites] = (struct map_site){ .stack = *s };
	return m->nsites++;
}

/* The site of a record; names are looked up once for each. */
static uint32_t site_of(struct map_state *m, struct live *l, const struct event_stack *s)
{
	uint32_t h = hash(s), i = m->bucket[h];

	while (i && !same(&m->site[i].stack, s))
		i = m->site[i].next;
	if (i)
		return i;
	i = site_add(m, s);
	if (i == EARLIER)
		return i;
	owner_names(l, s, &m->names);
	m->site[i].owner = owner_of(l, &m->names);
	m->site[i].who = owner_who(&m->names);
	m->site[i].next = m->bucket[h];
	m->bucket[h] = i;
	return i;
}

/* ---- one call ---- */

static void gone(void *arg, const struct region *r)
{
	struct map_state *m = arg;

	m->site[r->site].unmapped += r->end - r->start;
	m->cut += r->end - r->start;
}

static uint64_t pages(uint64_t bytes)
{
	return (bytes + MEM_PAGE - 1) & ~(MEM_PAGE - 1);
}

static void map(struct map_state *m, uint64_t start, uint64_t len, uint32_t site, bool reserved)
{
	struct region r = { start, start + pages(len), site, reserved };
	int err = r.end < start ? -EINVAL : regions_map(&m->regions, &r, gone, m);

	if (!err)
		m->site[site].mapped += r.end - r.start;
	m->err = m->err ? m->err : err;
}

static void unmap(struct map_state *m, uint64_t start, uint64_t len)
{
	int err = start + pages(len) < start
			  ? -EINVAL
			  : regions_cut(&m->regions, start, start + pages(len), gone, m);

	m->err = m->err ? m->err : err;
}

/* Who mapped what is at addr. */
static struct region region_at(const struct map_state *m, uint64_t addr)
{
	for (size_t i = 0; i < m->regions.n; i++)
		if (m->regions.r[i].start <= addr && addr < m->regions.r[i].end)
			return m->regions.r[i];
	return (struct region){ .site = EARLIER };
}

/* What is moved stays its owner's; what is added is the caller's. */
static void move(struct map_state *m, const struct map_event *e, uint32_t site)
{
	uint64_t old_len = pages(e->arg[1]), len = pages(e->arg[2]), kept;
	struct region was = region_at(m, e->arg[0]);

	kept = old_len < len ? old_len : len;
	if (e->arg[3] & MREMAP_DONTUNMAP)
		was.site = site;
	else
		unmap(m, e->arg[0], old_len);
	map(m, e->ret, kept, was.site, was.reserved);
	if (len > kept)
		map(m, e->ret + kept, len - kept, site, was.reserved);
}

/* Whether it was moved; where it was before is not known until a call tells. */
static bool move_break(struct map_state *m, const struct map_event *e)
{
	m->brk_from = m->brk ? m->brk : e->ret;
	m->brk = e->ret;
	return m->brk != m->brk_from;
}

static void change_break(struct map_state *m, struct map_row *r, uint32_t site)
{
	uint64_t from = pages(m->brk_from), to = pages(m->brk);

	r->addr = from < to ? from : to;
	r->bytes = from < to ? to - from : from - to;
	if (to > from)
		map(m, from, to - from, site, false);
	else
		unmap(m, to, from - to);
}

static void apply(struct map_state *m, struct map_row *r, const struct map_event *e, uint32_t site)
{
	r->addr = e->call == MAP_MUNMAP ? e->arg[0] : e->ret;
	r->bytes = pages(e->arg[1]);
	switch (e->call) {
	case MAP_MMAP:
		r->reserved = !(e->arg[2] & (PROT_READ | PROT_WRITE | PROT_EXEC));
		map(m, e->ret, e->arg[1], site, r->reserved);
		break;
	case MAP_MUNMAP: unmap(m, e->arg[0], e->arg[1]); break;
	case MAP_MREMAP:
		r->bytes = pages(e->arg[2]);
		move(m, e, site);
		break;
	case MAP_BRK: change_break(m, r, site); break;
	}
}

const struct map_row *map_record(struct map_state *m, struct live *l, const struct map_event *e)
{
	struct map_row *r = &m->row;
	uint64_t before = regions_bytes(&m->regions);
	uint32_t site;

	if (e->call >= MAP_CALLS || (e->call == MAP_BRK && !move_break(m, e)))
		return NULL;
	site = site_of(m, l, &e->stack);
	owner_names(l, &e->stack, &m->names);
	*r = (struct map_row){
		.at_ns = e->head.ts,
		.owner = m->site[site].owner,
		.who = m->site[site].who,
		.goid = e->stack.goid,
		.stack = owner_column(&m->names, m->frame),
	};
	snprintf(r->call, sizeof(r->call), "%s", call_names[e->call]);
	m->cut = 0;
	m->site[site].calls++;
	apply(m, r, e, site);
	r->change = regions_bytes(&m->regions) - before;
	m->change += r->change;
	live_hist_add(&m->size, r->bytes);
	return r;
}

/* ---- begin and end ---- */

static uint64_t maps_bytes(const struct maps *maps)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < maps->n; i++)
		sum += maps->vma[i].end - maps->vma[i].start;
	return sum;
}

int map_begin(struct map_state *m, struct live *l)
{
	struct maps *maps = &l->target.maps;
	int err = target_maps(&l->target);

	site_add(m, &(struct event_stack){});
	if (!m->nsites)
		return -ENOMEM;
	m->site[EARLIER].owner = "earlier";
	for (size_t i = 0; !err && i < maps->n; i++) {
		const struct vma *v = &maps->vma[i];
		struct region r = { v->start, v->end, EARLIER, !(v->flags & ~VMA_SHARED) };

		err = regions_map(&m->regions, &r, NULL, NULL);
		if (!strcmp(v->name, "[heap]"))
			m->brk = v->end;
	}
	m->first_bytes = maps_bytes(maps);
	return err;
}

/* What is left of each site's, and how much of it is in RAM. */
static int count_left(struct map_state *m, struct live *l)
{
	struct page_runs runs = {};
	int err = 0;

	for (size_t i = 0; !err && i < m->regions.n; i++) {
		const struct region *r = &m->regions.r[i];
		struct map_site *s = &m->site[r->site];

		if (r->site == EARLIER)
			continue;
		s->outstanding += r->end - r->start;
		s->reserved += r->reserved ? r->end - r->start : 0;
		err = l->run->ended
			      ? 0
			      : pagemap_runs(&l->target.pagemap, r->start, r->end, false, &runs);
		s->resident += page_runs_resident(&runs, r->start, r->end);
		runs.n = 0;
	}
	page_runs_free(&runs);
	return err == -ESRCH ? 0 : err;
}

int map_end(struct map_state *m, struct live *l)
{
	int err = target_maps(&l->target);

	m->maps_bytes = err || l->run->ended ? U64_NULL : maps_bytes(&l->target.maps);
	return count_left(m, l);
}

static int by_outstanding(const void *a, const void *b)
{
	const struct map_owner_row *x = a, *y = b;

	if (x->outstanding_bytes != y->outstanding_bytes)
		return x->outstanding_bytes < y->outstanding_bytes ? 1 : -1;
	return strcmp(x->owner, y->owner);
}

static struct map_owner_row *owner_row(struct map_owner_row *rows, size_t *n, const char *owner)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(rows[i].owner, owner))
			return &rows[i];
	if (*n == OWNERS)
		return &rows[OWNERS - 1];
	rows[*n].owner = owner;
	return &rows[(*n)++];
}

static void emit_owners(struct map_state *m, struct live *l, const struct section *s)
{
	struct map_owner_row rows[OWNERS] = {};
	size_t n = 0;

	for (size_t i = 0; i < m->nsites; i++) {
		const struct map_site *from = &m->site[i];
		struct map_owner_row *to;

		if (!from->calls && !from->unmapped)
			continue;
		to = owner_row(rows, &n, from->owner);
		to->calls += from->calls;
		to->mapped_bytes += from->mapped;
		to->unmapped_bytes += from->unmapped;
		to->outstanding_bytes += from->outstanding;
		to->reserved_bytes += from->reserved;
		to->resident_bytes += from->resident;
	}
	qsort(rows, n, sizeof(rows[0]), by_outstanding);
	for (size_t i = 0; i < n; i++)
		emit_row(l->run, s, &rows[i]);
}

static int sites_by_outstanding(const void *a, const void *b)
{
	const struct map_site *x = a, *y = b;

	return x->outstanding < y->outstanding ? 1 : x->outstanding > y->outstanding ? -1 : 0;
}

void map_emit(struct map_state *m, struct live *l, const struct section *owners,
	      const struct section *sites)
{
	emit_owners(m, l, owners);
	/* no record comes any more that would look for a site by its place */
	qsort(m->site, m->nsites, sizeof(m->site[0]), sites_by_outstanding);
	for (size_t i = 0; i < m->nsites && m->site[i].outstanding; i++) {
		const struct map_site *s = &m->site[i];
		struct map_site_row row = { s->owner,    s->who,      s->calls, s->outstanding,
					    s->reserved, s->resident, {} };

		owner_names(l, &s->stack, &m->names);
		row.stack = owner_column(&m->names, m->frame);
		emit_row(l->run, sites, &row);
	}
}

void map_summarize(struct map_state *m, struct live *l, struct map_summary *s)
{
	for (size_t i = 0; i < m->nsites; i++) {
		const struct map_site *from = &m->site[i];

		s->calls += from->calls;
		s->mapped_bytes += from->mapped;
		s->unmapped_bytes += from->unmapped;
		s->outstanding_bytes += from->outstanding;
		s->reserved_bytes += from->reserved;
		s->resident_bytes += from->resident;
	}
	s->change = m->change;
	s->maps_change = s->unexplained_bytes = S64_NULL;
	if (m->maps_bytes != U64_NULL) {
		s->maps_change = m->maps_bytes - m->first_bytes;
		s->unexplained_bytes = s->maps_change - s->change;
	}
	s->syscall_ns = l->cost.call_ns > 0 ? (uint64_t)l->cost.other_ns : U64_NULL;
}

void map_say(struct live *l, const struct map_summary *s)
{
	emit_text(l->run, "%s calls: %s mapped, %s gone", HUMAN(count, s->calls),
		  HUMAN(bytes3, s->mapped_bytes), HUMAN(bytes3, s->unmapped_bytes));
	emit_text(l->run, "left: %s, of which reserved %s, in RAM %s",
		  HUMAN(bytes3, s->outstanding_bytes), HUMAN(bytes3, s->reserved_bytes),
		  HUMAN(bytes3, s->resident_bytes));
	emit_text(l->run, "address space %s, %s of it not explained by the calls",
		  HUMAN(sbytes, s->change), HUMAN(sbytes, s->unexplained_bytes));
	live_say(l, &s->live);
}

void map_free(struct map_state *m)
{
	regions_free(&m->regions);
	free(m->site);
}
