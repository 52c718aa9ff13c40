// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Mark bits of all spans; see rt_bits.h. Bitmaps lie in gcBits arenas of 64 KiB,
 * which are read whole: the spans are first sorted by the arena of theirs. */
#include "go/rt_bits.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BITS_MAX    128 /* bytes: 1024 slots */
#define INLINE_SIZE 64  /* marks[63] and the class */
#define BATCH       64

unsigned bits_count(const uint8_t *bits, unsigned n)
{
	unsigned sum = 0;

	for (; n >= 64; n -= 64, bits += 8)
		sum += __builtin_popcountll(get_u64(bits, 0));
	for (; n >= 8; n -= 8, bits++)
		sum += __builtin_popcount(*bits);
	return n ? sum + __builtin_popcount(*bits & ((1u << n) - 1)) : sum;
}

static bool wanted(const struct span *s)
{
	return s->state == PS_IN_USE && !s->bad;
}

static unsigned bytes_of(const struct span *s)
{
	return (s->nelems + 7) / 8;
}

static bool unswept(const struct span *s)
{
	return s->sweep != 0 && s->sweep != 3;
}

/* Indices of the spans in order of the gcBits arena of their bitmaps; the ones that
 * are in none come last. first[i] is where arena i begins, first[n] the strays. */
static uint32_t *sort_by_arena(const struct gometa *meta, const struct goheap *h, size_t *first)
{
	uint32_t *order = malloc((h->n + 1) * sizeof(*order));
	size_t n = meta->ngcbits, total = 0;
	long last = 0;

	for (int pass = 0; order && pass < 2; pass++) {
		for (size_t i = 0; i < h->n; i++) {
			uint64_t bits = h->span[i].bits;
			size_t a;

			if (!wanted(&h->span[i]))
				continue;
			if (!n || last < 0 || bits - meta->gcbits[last] >= GO_GCBITS_ARENA)
				last = gometa_index(meta->gcbits, n, GO_GCBITS_ARENA, bits);
			a = last < 0 ? n : (size_t)last;
			last = last < 0 ? 0 : last;
			if (!pass)
				first[a]++;
			else
				order[first[a]++] = i;
		}
		for (size_t i = 0; !pass && i <= n; i++) {
			size_t count = first[i];

			first[i] = total;
			total += count;
		}
	}
	/* filling moved each start to the next one's place */
	memmove(first + 1, first, (n + 1) * sizeof(*first));
	first[0] = 0;
	return order;
}

/* One bitmap that cannot be read spoils its span; these spoil the look. */
static int fatal(int err)
{
	return err == -ESRCH || err == -EPERM || err == -ENOMEM || err == -ETIMEDOUT ? err : 0;
}

static int read_arena(struct goproc *gp, uint64_t arena, struct goheap *h, const uint32_t *order,
		      size_t n, uint8_t *buf)
{
	int err = n ? mem_read(gp->mem, arena, buf, GO_GCBITS_ARENA) : 0;

	for (size_t i = 0; i < n; i++) {
		struct span *s = &h->span[order[i]];
		uint64_t off = s->bits - arena;

		if (err || off + bytes_of(s) > GO_GCBITS_ARENA)
			s->bad = 1;
		else
			s->live = bits_count(buf + off, s->nelems);
	}
	return fatal(err);
}

/* Bitmaps in arenas that came after the walk: one by one. */
static int read_strays(struct goproc *gp, struct goheap *h, const uint32_t *order, size_t n)
{
	uint8_t buf[BATCH][BITS_MAX];
	struct mem_vec v[BATCH];
	int err;

	for (size_t i = 0; i < n; i += BATCH) {
		size_t m = n - i < BATCH ? n - i : BATCH;

		for (size_t k = 0; k < m; k++) {
			const struct span *s = &h->span[order[i + k]];

			v[k] = (struct mem_vec){ .addr = s->bits,
						 .buf = buf[k],
						 .len = bytes_of(s) };
		}
		err = fatal(mem_readv(gp->mem, v, m));
		if (err)
			return err;
		for (size_t k = 0; k < m; k++) {
			struct span *s = &h->span[order[i + k]];

			s->bad |= v[k].err != 0;
			s->live = v[k].err ? 0 : bits_count(buf[k], s->nelems);
		}
	}
	return 0;
}

/* Spans whose marks are in their own last bytes: heapArena.pageUseSpanInlineMarkBits. */
static bool *find_inline(struct goproc *gp, struct goheap *h, size_t *count)
{
	uint8_t bits[GO_ARENA_PAGES / 8];
	bool *inl = calloc(h->n + 1, sizeof(*inl));
	uint64_t have = 0;

	*count = 0;
	for (size_t i = 0; inl && i < h->n; i++) {
		const struct span *s = &h->span[i];
		struct arena *a = wanted(s) && unswept(s) ? goheap_arena(h, s->base) : NULL;
		uint32_t page = a ? (s->base - a->base) / GO_PAGE : 0;

		if (!a)
			continue;
		if (have != a->base &&
		    mem_read(gp->mem, a->info + gp->l->arena_inline_marks, bits, sizeof(bits))) {
			h->span[i].bad = 1;
			continue;
		}
		have = a->base;
		inl[i] = bits[page / 8] >> (page % 8) & 1 && s->nelems <= 63 * 8;
		*count += inl[i];
	}
	return inl;
}

/* Inline marks of some spans; sweep ORs them into gcmarkBits, which may hold some already. */
static int read_inline(struct goproc *gp, struct goheap *h, const uint32_t *idx, size_t n)
{
	uint8_t marks[BATCH][INLINE_SIZE], bits[BATCH][BITS_MAX];
	struct mem_vec v[2 * BATCH];
	int err;

	for (size_t k = 0; k < n; k++) {
		const struct span *s = &h->span[idx[k]];

		v[2 * k] = (struct mem_vec){ .addr = s->base + span_bytes(s) - INLINE_SIZE,
					     .buf = marks[k],
					     .len = INLINE_SIZE };
		v[2 * k + 1] =
			(struct mem_vec){ .addr = s->bits, .buf = bits[k], .len = bytes_of(s) };
	}
	err = mem_readv(gp->mem, v, 2 * n);
	for (size_t k = 0; k < n; k++) {
		struct span *s = &h->span[idx[k]];

		if (v[2 * k].err || v[2 * k + 1].err) {
			s->bad = 1;
			continue;
		}
		for (unsigned b = 0; b < bytes_of(s); b++)
			bits[k][b] |= marks[k][b];
		s->live = bits_count(bits[k], s->nelems);
	}
	return fatal(err);
}

static int add_inline(struct goproc *gp, struct goheap *h)
{
	uint32_t idx[BATCH];
	size_t n = 0, left;
	bool *inl;
	int err = 0;

	if (gp->l->arena_inline_marks == LAYOUT_NONE)
		return 0;
	inl = find_inline(gp, h, &left);
	if (!inl)
		return -ENOMEM;
	for (size_t i = 0; !err && left && i < h->n; i++) {
		if (inl[i])
			idx[n++] = i;
		if (n == BATCH || i + 1 == h->n) {
			err = read_inline(gp, h, idx, n);
			n = 0;
		}
	}
	free(inl);
	return err;
}

int goheap_live(struct goproc *gp, const struct gometa *meta, struct goheap *h)
{
	size_t n = meta->ngcbits, *first = calloc(n + 2, sizeof(*first));
	uint32_t *order = first ? sort_by_arena(meta, h, first) : NULL;
	uint8_t *buf = malloc(GO_GCBITS_ARENA);
	int err = order && buf ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < n; i++)
		err = read_arena(gp, meta->gcbits[i], h, order + first[i], first[i + 1] - first[i],
				 buf);
	err = err ? err : read_strays(gp, h, order + first[n], first[n + 1] - first[n]);
	free(buf);
	free(order);
	free(first);
	return err ? err : add_inline(gp, h);
}
