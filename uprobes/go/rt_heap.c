// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Spans, page bitmaps and page caches; see rt_heap.h.
 *
 * mspan structures lie in persistent chunks. Read one by one they cost 50 ms a
 * GiB of heap; read chunk by chunk, 4 ms. So the addresses are first marked in
 * one bitmap a chunk, which also sorts them.
 */
#include "go/rt_heap.h"
#include "array.h"
#include "go/rt_bits.h"
#include "search.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SPANS     (1ULL << 31)
#define MAX_PROCS     65536U
#define MAX_RANGES    65536U
#define GRANULES      (GO_PERSISTENT / 8)
#define PCACHE_PAGES  64
#define MSPAN_IN_USE  1
#define MSPAN_MANUAL  2
#define MSPAN_MAX     256
#define ALLSPANS_PART 32768 /* pointers read at a time: 256 KiB */

struct arena *goheap_arena(const struct goheap *h, uint64_t addr)
{
	size_t first = count_before(h->narenas, i, h->arena[i]->base <= addr);
	return first && addr - h->arena[first - 1]->base < GO_ARENA ? h->arena[first - 1] : NULL;
}

uint64_t span_bytes(const struct span *s)
{
	return s->npages * GO_PAGE;
}

void span_parts(const struct span *s, struct span_sum *out)
{
	uint64_t size = s->elemsize ? s->elemsize : span_bytes(s);
	uint16_t live = s->live < s->allocs ? s->live : s->allocs;

	out->objects = s->allocs;
	out->live = live * size;
	out->fresh = (s->allocs - live) * size;
	/* marked or not, what is not swept still counts as allocated: dead for certain */
	out->unswept = s->sweep == -2 ? out->fresh : 0;
	out->free_slots = (s->nelems - s->allocs) * size;
	out->tail = span_bytes(s) - s->nelems * size;
}

/* ---- arenas and page bitmaps ---- */

static int arenas_new(struct goheap *h, const struct gometa *meta)
{
	h->arena = calloc(meta->narenas + 1, sizeof(*h->arena));
	if (!h->arena)
		return -ENOMEM;
	for (size_t i = 0; i < meta->narenas; i++) {
		struct arena *a = calloc(1, sizeof(*a));

		if (!a)
			return -ENOMEM;
		a->base = meta->arena[i].base;
		a->info = meta->arena[i].info;
		h->arena[h->narenas++] = a;
	}
	return 0;
}

/* Which chunks of 4 MiB the page allocator manages: pageAlloc.inUse. */
static int read_mapped(struct goproc *gp, struct goheap *h)
{
	uint64_t ptr, len, cap, range[2];
	int err = mem_slice(gp->mem, gp->addr[G_mheap_] + gp->l->mheap_inUse, MAX_RANGES, &ptr,
			    &len, &cap);

	for (uint64_t i = 0; !err && i < len; i++) {
		err = mem_read(gp->mem, ptr + 16 * i, range, sizeof(range));
		for (size_t k = 0; !err && k < h->narenas; k++) {
			struct arena *a = h->arena[k];

			for (uint32_t c = 0; c < GO_ARENA_PAGES; c += GO_CHUNK / GO_PAGE) {
				uint64_t at = a->base + c * GO_PAGE;

				if (at >= range[0] && at < range[1])
					memset(&a->mapped[c / 64], 0xff, GO_CHUNK / GO_PAGE / 8);
			}
		}
	}
	return err;
}

/*
 * pallocData of a 4 MiB chunk: alloc bits 64 bytes, scavenged bits 64 bytes, at
 * chunks[index >> 13][index & 8191]. The 16 chunks of an arena are neighbours.
 */
static int read_bitmaps(struct goproc *gp, struct goheap *h)
{
	enum { CHUNKS = GO_ARENA / GO_CHUNK, WORDS = GO_CHUNK / GO_PAGE / 64 };
	uint64_t data[CHUNKS][2 * WORDS], l2;
	int err = 0;

	for (size_t k = 0; !err && k < h->narenas; k++) {
		struct arena *a = h->arena[k];
		uint64_t ci = (a->base - go_arena_base(gp->l)) / GO_CHUNK;

		if (ci >> 13 >= 8192)
			return -EINVAL;
		err = mem_u64(gp->mem, gp->addr[G_mheap_] + gp->l->mheap_chunks + 8 * (ci >> 13),
			      &l2);
		if (err || !l2)
			continue;
		err = mem_read(gp->mem, l2 + sizeof(data[0]) * (ci & 8191), data, sizeof(data));
		for (int c = 0; !err && c < CHUNKS; c++) {
			memcpy(&a->alloc[c * WORDS], data[c], WORDS * 8);
			memcpy(&a->scav[c * WORDS], data[c] + WORDS, WORDS * 8);
		}
	}
	return err;
}

/* Pages a P holds for itself: allocated in the bitmap, free all the same. */
static int read_pcache(struct goproc *gp, struct goheap *h, uint64_t p)
{
	uint64_t c[3]; /* base, cache, scav: bit i is page base + i * 8 KiB */
	int err = mem_read(gp->mem, p + gp->l->p_pcache, c, sizeof(c));
	struct arena *a = err || !c[0] ? NULL : goheap_arena(h, c[0]);
	uint64_t word = a ? (c[0] - a->base) / GO_PAGE / 64 : 0;

	if (!a || c[0] % (PCACHE_PAGES * GO_PAGE))
		return err;
	a->alloc[word] &= ~c[1];
	a->scav[word] |= c[1] & c[2];
	return 0;
}

static int read_procs(struct goproc *gp, struct goheap *h)
{
	uint64_t ptr, len, cap, p, mcache, bits;
	int err = mem_slice(gp->mem, gp->addr[G_allp], MAX_PROCS, &ptr, &len, &cap);

	for (uint64_t i = 0; !err && i < len; i++) {
		err = mem_u64(gp->mem, ptr + 8 * i, &p);
		err = err ? err : read_pcache(gp, h, p);
		err = err ? err : mem_u64(gp->mem, p + gp->l->p_mcache, &mcache);
		if (!err && mcache && !mem_resident(gp->mem, mcache & ~(MEM_PAGE - 1), &bits, 1) &&
		    bits & 1)
			h->mcache_resident += gp->l->mcache_size;
	}
	return err;
}

static void count_scavenged(struct goheap *h)
{
	for (size_t k = 0; k < h->narenas; k++)
		for (unsigned w = 0; w < PAGE_WORDS; w++)
			h->scav_pages += __builtin_popcountll(h->arena[k]->scav[w]);
}

/* ---- spans ---- */

static int span_add(struct goheap *h, const struct span *s)
{
	if (array_room(h->span, h->n + 1, h->cap))
		return -ENOMEM;
	h->span[h->n++] = *s;
	return 0;
}

/* Note the type of a large object, span index h->n. */
static int large_add(struct goproc *gp, struct goheap *h, const struct span *s, const uint8_t *m)
{
	if (gp->l->mspan_largeType == LAYOUT_NONE || s->state != PS_IN_USE || s->elemsize ||
	    s->class & 1)
		return 0;
	if (array_room(h->large, h->nlarge + 1, h->large_cap))
		return -ENOMEM;
	h->large[h->nlarge++] =
		(struct large_type){ .span = h->n, .type = get_u64(m, gp->l->mspan_largeType) };
	return 0;
}

/* Note where a span starts; a span that cannot be true is not believed. */
static bool span_place(struct goheap *h, const struct span *s, size_t index)
{
	struct arena *a = goheap_arena(h, s->base);
	uint32_t page;

	if (!a || s->base % GO_PAGE || !s->npages || s->base + span_bytes(s) < s->base)
		return false;
	page = (s->base - a->base) / GO_PAGE;
	if (a->span_at[page])
		return false;
	a->span_at[page] = index + 1;
	/* a large one goes on in the arenas that follow */
	while (s->base + span_bytes(s) > a->base + GO_ARENA) {
		a = goheap_arena(h, a->base + GO_ARENA);
		if (!a)
			break;
		a->span_at[0] = index + 1;
	}
	return true;
}

static bool span_parse(const struct goproc *gp, const uint8_t *m, uint32_t sweepgen, struct span *s)
{
	const struct go_layout *l = gp->l;
	uint64_t list = get_u64(m, l->mspan_list), npages = get_u64(m, l->mspan_npages);
	uint64_t work = gp->addr[G_work];
	uint8_t state = m[l->mspan_state];
	uint64_t nelems = l->mspan_nelems_width == 2 ? get_u16(m, l->mspan_nelems)
						     : get_u64(m, l->mspan_nelems);
	uint64_t freeindex = l->mspan_nelems_width == 2 ? get_u16(m, l->mspan_freeindex)
							: get_u64(m, l->mspan_freeindex);
	int32_t sweep = get_u32(m, l->mspan_sweepgen) - sweepgen;

	if (state != MSPAN_IN_USE && state != MSPAN_MANUAL)
		return false;
	*s = (struct span){
		.base = get_u64(m, l->mspan_startAddr),
		.npages = npages > UINT32_MAX ? 0 : npages,
		.class = m[l->mspan_spanclass],
		.allocs = get_u16(m, l->mspan_allocCount),
		.nelems = nelems,
		.freeindex = freeindex,
		.sweep = sweep < -3 || sweep > 3 ? 3 : sweep,
		.state = PS_IN_USE,
	};
	if (state == MSPAN_MANUAL) {
		/* do not walk the lists: a torn one has no end */
		s->state = list == work + l->work_wbuf_free || list == work + l->work_wbuf_busy
				   ? PS_WORKBUF
				   : PS_STACK;
		return true;
	}
	s->elemsize = s->class / 2 < LAYOUT_SIZE_CLASSES ? go_size_class[s->class / 2] : 0;
	s->bits = get_u64(m, s->sweep == 0 || s->sweep == 3 ? l->mspan_allocBits
							    : l->mspan_gcmarkBits);
	/* elemsize says the same as the class, and slots fit: else it is being set up */
	if (s->class / 2 >= LAYOUT_SIZE_CLASSES || s->allocs > s->nelems || !nelems ||
	    nelems > 1024 || freeindex > nelems ||
	    s->nelems * (uint64_t)s->elemsize > span_bytes(s) ||
	    (s->elemsize && get_u64(m, l->mspan_elemsize) != s->elemsize) ||
	    (!s->elemsize && s->nelems != 1))
		s->bad = 1;
	return true;
}

static int span_take(struct goproc *gp, struct goheap *h, const uint8_t *mspan)
{
	struct span s;
	int err;

	if (!span_parse(gp, mspan, h->sweepgen, &s))
		return 0;
	if (!span_place(h, &s, h->n)) {
		h->bad_spans++;
		return 0;
	}
	if (s.bad) {
		h->bad_spans++;
		s.state = PS_TRANSIT;
	}
	if (s.state == PS_IN_USE)
		h->in_use += span_bytes(&s);
	else
		h->manual += span_bytes(&s);
	err = large_add(gp, h, &s, mspan);
	return err ? err : span_add(h, &s);
}

/* Resident bytes of [off, off + len) of a chunk whose 64 pages are the bits. */
static uint64_t overlap(uint64_t bits, uint64_t off, uint64_t len)
{
	uint64_t sum = 0;

	for (uint64_t p = off / MEM_PAGE; p * MEM_PAGE < off + len && p < 64; p++) {
		uint64_t a = p * MEM_PAGE, b = a + MEM_PAGE;

		a = a > off ? a : off;
		b = b < off + len ? b : off + len;
		sum += bits >> p & 1 ? b - a : 0;
	}
	return sum;
}

/* The mspans of one chunk, marked in map. */
static int read_chunk(struct goproc *gp, struct goheap *h, uint64_t chunk, const uint64_t *map,
		      uint8_t *buf)
{
	uint32_t size = gp->l->mspan_size;
	uint64_t resident;
	int err = mem_resident(gp->mem, chunk, &resident, 1);

	err = err ? err : mem_read(gp->mem, chunk, buf, GO_PERSISTENT);
	for (unsigned w = 0; !err && w < GRANULES / 64; w++)
		for (uint64_t bits = map[w]; !err && bits; bits &= bits - 1) {
			uint64_t off = (w * 64 + __builtin_ctzll(bits)) * 8;

			if (off + size > GO_PERSISTENT) {
				h->bad_spans++;
				continue;
			}
			h->mspan_resident += overlap(resident, off, size);
			err = span_take(gp, h, buf + off);
		}
	return err;
}

/* An mspan outside of every chunk the walk knew: the chunk is newer than the walk. */
static int read_stray(struct goproc *gp, struct goheap *h, uint64_t p)
{
	uint8_t mspan[MSPAN_MAX];
	int err = mem_read(gp->mem, p, mspan, gp->l->mspan_size);

	h->mspan_resident += err ? 0 : gp->l->mspan_size;
	return err ? err : span_take(gp, h, mspan);
}

static int mark_spans(struct goproc *gp, const struct gometa *meta, struct goheap *h, uint64_t *map)
{
	uint64_t ptr, len, cap, *part = malloc(ALLSPANS_PART * 8);
	long last = 0;
	int err = part ? mem_slice(gp->mem, gp->addr[G_mheap_] + gp->l->mheap_allspans, MAX_SPANS,
				   &ptr, &len, &cap)
		       : -ENOMEM;

	h->nspans_total = err ? 0 : len;
	for (uint64_t i = 0; !err && i < len; i += ALLSPANS_PART) {
		uint64_t n = len - i < ALLSPANS_PART ? len - i : ALLSPANS_PART;

		err = mem_read(gp->mem, ptr + 8 * i, part, 8 * n);
		for (uint64_t k = 0; !err && k < n; k++) {
			if (part[k] - meta->chunk[last] >= GO_PERSISTENT)
				last = gometa_index(meta->chunk, meta->nchunks, GO_PERSISTENT,
						    part[k]);
			if (last < 0 || part[k] % 8) {
				last = 0;
				err = read_stray(gp, h, part[k]);
				continue;
			}
			map[last * (GRANULES / 64) + (part[k] - meta->chunk[last]) / 512] |=
				1ULL << ((part[k] - meta->chunk[last]) / 8 % 64);
		}
	}
	free(part);
	return err;
}

static int read_spans(struct goproc *gp, const struct gometa *meta, struct goheap *h)
{
	uint64_t *map = calloc(meta->nchunks + 1, GRANULES / 8);
	uint8_t *buf = malloc(GO_PERSISTENT);
	int err = map && buf ? 0 : -ENOMEM;

	if (!err && (!meta->nchunks || gp->l->mspan_size > MSPAN_MAX))
		err = -EINVAL;
	err = err ? err : mark_spans(gp, meta, h, map);
	for (size_t i = 0; !err && i < meta->nchunks; i++) {
		const uint64_t *m = &map[i * (GRANULES / 64)];
		bool any = false;

		for (unsigned w = 0; w < GRANULES / 64 && !any; w++)
			any = m[w];
		if (any)
			err = read_chunk(gp, h, meta->chunk[i], m, buf);
	}
	free(buf);
	free(map);
	return err;
}

int goheap_read(struct goproc *gp, const struct gometa *meta, struct goheap *h, bool live)
{
	int err;

	*h = (struct goheap){};
	err = arenas_new(h, meta);
	/* as close together as can be: spans, bitmaps, page caches */
	err = err ? err
		  : mem_read(gp->mem, gp->addr[G_mheap_] + gp->l->mheap_sweepgen, &h->sweepgen, 4);
	err = err ? err : read_mapped(gp, h);
	err = err ? err : read_spans(gp, meta, h);
	err = err ? err : read_bitmaps(gp, h);
	err = err ? err : read_procs(gp, h);
	if (!err)
		count_scavenged(h);
	return err || !live ? err : goheap_live(gp, meta, h);
}

void goheap_free(struct goheap *h)
{
	for (size_t i = 0; i < h->narenas; i++)
		free(h->arena[i]);
	free(h->arena);
	free(h->span);
	free(h->large);
	*h = (struct goheap){};
}

static bool page_bit(const uint64_t *bits, uint32_t page)
{
	return bits[page / 64] >> (page % 64) & 1;
}

static enum page_state page_without_span(const struct arena *a, uint32_t page)
{
	if (!page_bit(a->mapped, page))
		return PS_UNMAPPED;
	if (page_bit(a->scav, page))
		return PS_RETURNED;
	return page_bit(a->alloc, page) ? PS_TRANSIT : PS_FREE;
}

enum page_state arena_next(const struct goheap *h, const struct arena *a, uint32_t *page,
			   struct span **s)
{
	uint32_t first = *page;
	enum page_state state;

	if (a->span_at[first]) {
		uint64_t end;

		*s = &h->span[a->span_at[first] - 1];
		end = ((*s)->base + span_bytes(*s) - a->base) / GO_PAGE;
		*page = end < GO_ARENA_PAGES ? end : GO_ARENA_PAGES;
		return (*s)->state;
	}
	*s = NULL;
	state = page_without_span(a, first);
	while (++*page < GO_ARENA_PAGES && !a->span_at[*page] &&
	       page_without_span(a, *page) == state)
		;
	return state;
}

const struct span *goheap_span(const struct goheap *h, uint64_t addr, uint32_t pages)
{
	const struct arena *a = goheap_arena(h, addr);
	uint32_t page = a ? (addr - a->base) / GO_PAGE : 0;

	for (uint32_t i = 0; a && i < pages && i <= page; i++) {
		uint32_t at = a->span_at[page - i];
		const struct span *s = at ? &h->span[at - 1] : NULL;

		if (s)
			return addr - s->base < span_bytes(s) ? s : NULL;
	}
	return NULL;
}
