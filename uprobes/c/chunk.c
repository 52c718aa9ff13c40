// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Large blocks with mappings of their own; see chunk.h. */
#include "c/chunk.h"
#include "array.h"
#include <stdlib.h>
#include <string.h>

#define CHUNKS_MAX   65536 /* DEFAULT_MMAP_MAX */
#define LOOKS_MAX    32768 /* pages whose first bytes are read, in one look */
#define LOOKS_BLIND  4096  /* the same, where nothing says that there is any block */
#define IS_MMAPPED   2
#define FLAGS        7
#define HEADER       16
#define COUNTS_BYTES 40 /* of mp_ before sbrk_base: what is looked at */

/* ---- malloc's own count ---- */

/*
 * The four ints before mmapped_mem begin 32 bytes before sbrk_base, or, where an
 * odd one stands before them, 36. Only one of the two makes sense.
 */
static bool counts_at(const uint8_t *base, size_t ints, struct cchunks *c)
{
	uint32_t n = get_u32(base - ints, 0), limit = get_u32(base - ints, 4),
		 most = get_u32(base - ints, 8), fixed = get_u32(base - ints, 12);
	uint64_t bytes = get_u64(base - 16, 0), most_bytes = get_u64(base - 8, 0);

	if (n > most || most > limit || limit > INT32_MAX || fixed > 1 || bytes > most_bytes ||
	    bytes % MEM_PAGE || most_bytes % MEM_PAGE || !n != !bytes || !most != !most_bytes)
		return false;
	c->counted = true;
	c->n_mmaps = n;
	c->mmapped_bytes = bytes;
	return true;
}

static int find_counts(struct cspace *s, uint64_t addr, const uint8_t *data, size_t len, void *arg)
{
	for (size_t o = COUNTS_BYTES; o + 8 <= len; o += 8) {
		uint64_t brk = get_u64(data, o);
		const struct vma *v;

		/* page aligned unless somebody else moved the break first */
		if (brk % 16 || !brk || !(v = maps_find(s->maps, brk)) || strcmp(v->name, "[heap]"))
			continue;
		if (counts_at(data + o, 32, arg) || counts_at(data + o, 36, arg))
			return 1;
	}
	return 0;
}

/* ---- candidates ---- */

struct candidate {
	uint64_t start, size;
	bool tiled;
};

struct search {
	struct cspace *s;
	struct candidate *c;
	size_t n;
	uint64_t bytes;
	unsigned looks; /* left */
	const struct cchunks *counts;
};

/* Nothing is left to look for: these are all. */
static bool complete(const struct search *x)
{
	return x->counts->counted && x->n == x->counts->n_mmaps &&
	       x->bytes == x->counts->mmapped_bytes;
}

static int candidate_add(struct search *x, uint64_t start, uint64_t size)
{
	if (array_more(x->c, x->n))
		return -ENOMEM;
	x->c[x->n++] = (struct candidate){ .start = start, .size = size };
	x->bytes += size;
	return 0;
}

/* The first resident page of [p, end), or end. */
static uint64_t next_resident(const struct cspace *s, uint64_t p, uint64_t end)
{
	for (size_t i = page_runs_from(s->runs, p); i < s->runs->n; i++) {
		const struct page_run *r = &s->runs->run[i];

		if (r->start >= end)
			break;
		if ((r->flags & (PAGE_PRESENT | PAGE_ZERO)) == PAGE_PRESENT)
			return r->start > p ? r->start : p;
	}
	return end;
}

/* The mapping of a block that begins with these words, in bytes; 0: it is none. */
static uint64_t block_size(const uint64_t h[2])
{
	uint64_t size = h[1] & ~(uint64_t)FLAGS;

	if (h[0] || (h[1] & FLAGS) != IS_MMAPPED || size < MEM_PAGE - HEADER)
		return 0;
	/* since 2.43 the header of a chunk that does not follow is not counted */
	size += size % MEM_PAGE ? HEADER : 0;
	return size % MEM_PAGE ? 0 : size;
}

/* One gap that nobody owns: the blocks in it, and whether they fill it. */
static int search_gap(struct search *x, uint64_t start, uint64_t end)
{
	uint64_t p = start, filled = start;
	size_t first = x->n;
	int err = 0;

	while (!err && p < end && x->n < CHUNKS_MAX && x->looks && !complete(x)) {
		uint64_t h[2], size;

		p = next_resident(x->s, p, end);
		if (p >= end)
			break;
		x->looks--;
		err = mem_read(x->s->mem, p, h, sizeof(h));
		if (err && !cspace_fatal(err))
			h[1] = err = 0;
		size = block_size(h);
		if (err || !size || size > end - p) {
			p += MEM_PAGE;
			continue;
		}
		err = candidate_add(x, p, size);
		filled = filled == p ? p + size : start;
		p += size;
	}
	for (size_t i = first; i < x->n; i++)
		x->c[i].tiled = filled == end;
	return err;
}

/* Large mappings are made from the top of the address space down: look there first. */
static int search_all(struct search *x)
{
	int err = 0;

	for (size_t i = x->s->maps->n; !err && i-- > 0 && !complete(x);) {
		const struct vma *v = &x->s->maps->vma[i];
		uint64_t a, b;

		for (uint64_t p = v->start; vma_plain(v) && !err && p < v->end; p = b) {
			const struct crange *r = cranges_at(&x->s->owned, p);

			if (cspace_gap(x->s, p, &a, &b))
				err = search_gap(x, a, b);
			else
				b = r ? r->end : v->end;
		}
	}
	return err;
}

int cchunks_find(struct cspace *s, struct cchunks *c)
{
	struct search x = { .s = s, .counts = c };
	bool all;
	int err;

	*c = (struct cchunks){};
	err = cspace_data(s, CDATA_LIBC, find_counts, c);
	if (err < 0)
		return err;
	x.looks = c->counted ? LOOKS_MAX : LOOKS_BLIND;
	err = search_all(&x);
	all = complete(&x);
	for (size_t i = 0; !err && i < x.n; i++) {
		if (!all && !x.c[i].tiled)
			continue;
		err = cranges_add(&s->owned, x.c[i].start, x.c[i].start + x.c[i].size, COWNER_CHUNK,
				  0);
		c->n++;
		c->bytes += x.c[i].size;
	}
	free(x.c);
	cranges_sort(&s->owned);
	return err;
}
