// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Arenas of glibc's malloc, forged in each layout it had: what is free is known
 * because we wrote it. Then what a hostile program may write instead.
 */
#include "test_c.h"

#include "c/arena.h"
#include "c/chunk.h"
#include <errno.h>

#define HEAP      0x7f4000000000ULL /* of 64 MiB, aligned */
#define HEAP2     0x7f4004000000ULL
#define BRK       0x1000000ULL
#define DATA      0x7fff10000000ULL /* of libc */
#define HEAP_LEN  0x40000ULL
#define HEAP2_LEN 0x10000ULL
#define BRK_LEN   0x21000ULL
#define PAGES     100000

/* One arena as it is laid out; chunks are cut off its memory one after the other. */
struct arena {
	uint8_t *state, *mem; /* bytes of malloc_state, and of the memory that has the chunks */
	uint64_t addr, base;  /* their addresses */
	uint64_t next, len;   /* of mem: where the next chunk goes, and its end */
	uint32_t head;
	bool clear; /* links of fast bins in the clear: before 2.32 */
	uint64_t free;
};

static uint64_t bin(const struct arena *a, unsigned n)
{
	return a->addr + a->head + 16 * (n - 1) - 16;
}

static void arena_init(struct arena *a, uint64_t next_arena, uint64_t system)
{
	uint64_t tail = a->head + CBINS * 16;

	for (unsigned n = 1; n <= CBINS; n++) {
		put64(a->state, a->head + 16 * (n - 1), bin(a, n));
		put64(a->state, a->head + 16 * (n - 1) + 8, bin(a, n));
	}
	put64(a->state, tail + CSTATE_NEXT, next_arena);
	put64(a->state, tail + CSTATE_SYSTEM_MEM, system);
	put64(a->state, tail + CSTATE_MAX_SYSTEM_MEM, system + 0x1000);
}

/* A chunk of size bytes, in use for now. */
static uint64_t cut(struct arena *a, uint64_t size)
{
	uint64_t p = a->base + a->next;

	assert_true(a->next + size <= a->len);
	put64(a->mem, a->next + 8, size | 5);
	a->next += size;
	return p;
}

/* The word of a malloc_state or chunk at an address. */
static uint8_t *at(struct arena *a, uint64_t addr)
{
	return addr - a->addr < CSTATE_MAX ? a->state + (addr - a->addr)
					   : a->mem + (addr - a->base);
}

static void into_bin(struct arena *a, unsigned n, uint64_t p)
{
	uint64_t head = bin(a, n), last = get_u64(at(a, head + 24), 0);

	put64(at(a, p + 16), 0, head);
	put64(at(a, p + 24), 0, last);
	put64(at(a, last + 16), 0, p);
	put64(at(a, head + 24), 0, p);
	a->free += get_u64(at(a, p + 8), 0) & ~7ULL;
}

static void into_fast(struct arena *a, unsigned n, uint64_t p)
{
	uint8_t *first = a->state + a->head - 16 - 80 + 8 * n;
	uint64_t link = get_u64(first, 0);

	put64(at(a, p + 16), 0, a->clear ? link : link ^ (p + 16) >> 12);
	put64(first, 0, p);
	a->free += get_u64(at(a, p + 8), 0) & ~7ULL;
}

/* What is left is top. */
static void end_with_top(struct arena *a)
{
	put64(a->mem, a->next + 8, (a->len - a->next) | 1);
	put64(a->state, a->head - 16, a->base + a->next);
	a->free += a->len - a->next;
}

/* Used and free chunks by turns, in every kind of list. */
static void fill(struct arena *a)
{
	for (unsigned n = 2; n <= 63; n += 7)
		for (int k = 0; k < 5; k++) {
			into_bin(a, n, cut(a, n * 16));
			cut(a, 48);
		}
	for (int k = 0; k < 7; k++) {
		into_bin(a, 1, cut(a, 32 + 16 * k));
		cut(a, 32);
		into_bin(a, 64 + 5 * k, cut(a, 1024 + 1600 * k));
		cut(a, 4096);
	}
	for (unsigned n = 0; n < 7 && a->head >= 104; n++)
		for (int k = 0; k < 3; k++) {
			into_fast(a, n, cut(a, (n + 2) * 16));
			cut(a, 32);
		}
	end_with_top(a);
}

struct world {
	struct forge f;
	struct arena second, first;
	uint8_t *heap, *heap2, *brk, *data;
};

/* A main arena, and, if asked for, a secondary one of two heaps. */
static void world_make(struct world *w, uint32_t head, bool clear, bool second)
{
	uint64_t main_arena = DATA + 0x1c60;

	*w = (struct world){};
	w->brk = forge_map(&w->f, BRK, BRK_LEN, 0, "[heap]");
	if (second) {
		w->heap = forge_map(&w->f, HEAP, HEAP_LEN, 0, "");
		w->heap2 = forge_map(&w->f, HEAP2, HEAP2_LEN, 0, "");
	}
	w->data = forge_map(&w->f, DATA, 0x4000, 77, "/lib/libc.so.6");
	forge_ready(&w->f);
	w->first = (struct arena){ .state = w->data + 0x1c60,
				   .mem = w->brk,
				   .addr = main_arena,
				   .base = BRK,
				   .len = BRK_LEN,
				   .head = head,
				   .clear = clear };
	arena_init(&w->first, second ? HEAP + 0x30 : main_arena, BRK_LEN);
	fill(&w->first);
	if (!second)
		return;
	put64(w->heap, 0, HEAP + 0x30);
	put64(w->heap, 16, HEAP_LEN);
	put64(w->heap, 24, HEAP_LEN);
	put64(w->heap2, 0, HEAP + 0x30);
	put64(w->heap2, 8, HEAP);
	put64(w->heap2, 16, HEAP2_LEN);
	put64(w->heap2, 24, HEAP2_LEN);
	w->second = (struct arena){ .state = w->heap + 0x30,
				    .mem = w->heap,
				    .addr = HEAP + 0x30,
				    .base = HEAP,
				    .next = 0x1000,
				    .len = HEAP_LEN,
				    .head = head,
				    .clear = clear };
	arena_init(&w->second, main_arena, HEAP_LEN + HEAP2_LEN);
	fill(&w->second);
}

static void walk_is(struct world *w, const struct carenas *as, struct carena *a, uint64_t system,
		    uint64_t free)
{
	uint64_t budget = PAGES;

	assert_int_equal(carena_walk(&w->f.s, as, a, &budget), 0);
	assert_null(a->why);
	assert_true(a->walked);
	assert_false(a->moving);
	assert_int_equal(a->system, system);
	assert_int_equal(a->free, free);
}

static void test_layouts(void **state)
{
	static const struct {
		uint32_t head;
		bool clear;
	} libc[] = { { 104, true }, { 112, true }, { 112, false }, { 24, false } };
	struct carenas as;
	struct world w;

	for (size_t i = 0; i < sizeof(libc) / sizeof(libc[0]); i++) {
		world_make(&w, libc[i].head, libc[i].clear, true);
		assert_int_equal(carenas_find(&w.f.s, &as), 0);
		assert_int_equal(as.head, libc[i].head);
		assert_int_equal(as.n, 2);
		assert_int_equal(as.arena[0].addr, HEAP + 0x30);
		assert_int_equal(as.arena[0].heaps, 2);
		assert_true(as.arena[1].main);
		assert_int_equal(as.arena[1].addr, w.first.addr);
		assert_int_equal(owned_by(&w.f, COWNER_ARENA), 2 * CHEAP_SIZE);
		walk_is(&w, &as, &as.arena[0], HEAP_LEN + HEAP2_LEN, w.second.free);
		walk_is(&w, &as, &as.arena[1], BRK_LEN, w.first.free);
		carenas_free(&as);
		forge_free(&w.f);
		/* the only arena there is */
		world_make(&w, libc[i].head, libc[i].clear, false);
		assert_int_equal(carenas_find(&w.f.s, &as), 0);
		assert_int_equal(as.n, 1);
		assert_true(as.arena[0].main);
		assert_int_equal(as.head, libc[i].head);
		walk_is(&w, &as, &as.arena[0], BRK_LEN, w.first.free);
		carenas_free(&as);
		forge_free(&w.f);
	}
}

/* ---- lists that are not what they should be ---- */

typedef void breaker(struct arena *a);

static uint64_t first_of(struct arena *a, unsigned n)
{
	return get_u64(at(a, bin(a, n) + 16), 0);
}

/* The second chunk of a bin points at itself: nobody comes back. */
static void self_loop(struct arena *a)
{
	uint64_t p = get_u64(at(a, first_of(a, 9) + 16), 0);

	put64(at(a, p + 16), 0, p);
}

/* Two chunks that know each other and not their bin. */
static void pair_loop(struct arena *a)
{
	uint64_t p = get_u64(at(a, first_of(a, 9) + 16), 0), q = get_u64(at(a, p + 16), 0);

	put64(at(a, q + 16), 0, p);
	put64(at(a, p + 24), 0, q);
}

static void size_overflows(struct arena *a)
{
	put64(at(a, first_of(a, 64) + 8), 0, ~0xfULL);
}

static void size_is_zero(struct arena *a)
{
	put64(at(a, first_of(a, 64) + 8), 0, 0);
}

static void size_beyond_heap(struct arena *a)
{
	put64(at(a, first_of(a, 64) + 8), 0, HEAP_LEN);
}

static void leads_out(struct arena *a)
{
	uint64_t p = get_u64(at(a, first_of(a, 9) + 16), 0);

	put64(at(a, p + 16), 0, 0x7ffffffff000);
}

static void leads_between(struct arena *a)
{
	uint64_t p = get_u64(at(a, first_of(a, 9) + 16), 0);

	put64(at(a, p + 16), 0, p + 8);
}

static void wrong_bin(struct arena *a)
{
	put64(at(a, first_of(a, 9) + 8), 0, 10 * 16);
}

static uint64_t first_fast(struct arena *a, unsigned n)
{
	return get_u64(a->state, a->head - 96 + 8 * n);
}

static void fast_loop(struct arena *a)
{
	uint64_t p = first_fast(a, 2);

	put64(at(a, p + 16), 0, a->clear ? p : p ^ (p + 16) >> 12);
}

static void fast_leads_out(struct arena *a)
{
	put64(at(a, first_fast(a, 2) + 16), 0, 0x5555555555555550);
}

static void fast_wrong_size(struct arena *a)
{
	put64(at(a, first_fast(a, 2) + 8), 0, 0x80);
}

static void top_beyond(struct arena *a)
{
	put64(at(a, get_u64(a->state, a->head - 16) + 8), 0, ~0xfULL);
}

static void top_nowhere(struct arena *a)
{
	put64(a->state, a->head - 16, 0);
}

static void test_broken_lists_are_unknown(void **state)
{
	static breaker *const all[] = {
		self_loop,       pair_loop,     size_overflows, size_is_zero, size_beyond_heap,
		leads_out,       leads_between, wrong_bin,      fast_loop,    fast_leads_out,
		fast_wrong_size, top_beyond,    top_nowhere,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) * 2; i++) {
		uint64_t budget = PAGES;
		struct carenas as;
		struct world w;

		world_make(&w, 112, i % 2, true);
		all[i / 2](&w.second);
		/* the main arena proves the layout; the heaps stay the arena's */
		assert_int_equal(carenas_find(&w.f.s, &as), 0);
		assert_int_equal(owned_by(&w.f, COWNER_ARENA), 2 * CHEAP_SIZE);
		as.head = 112;
		assert_int_equal(carena_walk(&w.f.s, &as, &as.arena[0], &budget), 0);
		assert_false(as.arena[0].walked);
		assert_non_null(as.arena[0].why);
		carenas_free(&as);
		forge_free(&w.f);
	}
}

static void test_too_much_to_read(void **state)
{
	uint64_t budget = 12;
	struct carenas as;
	struct world w;

	world_make(&w, 112, false, true);
	assert_int_equal(carenas_find(&w.f.s, &as), 0);
	assert_int_equal(carena_walk(&w.f.s, &as, &as.arena[0], &budget), 0);
	assert_false(as.arena[0].walked);
	assert_non_null(strstr(as.arena[0].why, "more free chunks"));
	carenas_free(&as);
	forge_free(&w.f);
}

/* ---- memory that only looks like a heap ---- */

static void nothing_found(struct world *w)
{
	struct carenas as;

	assert_int_equal(carenas_find(&w->f.s, &as), 0);
	for (size_t i = 0; i < as.n; i++)
		assert_true(as.arena[i].main);
	assert_int_equal(owned_by(&w->f, COWNER_ARENA), 0);
	carenas_free(&as);
	forge_free(&w->f);
}

static void test_what_is_no_arena(void **state)
{
	uint32_t x = 7;
	struct world w;

	/* the words of a heap's beginning, and no bins */
	world_make(&w, 112, false, true);
	memset(w.heap + 0x30, 0, CSTATE_MAX);
	nothing_found(&w);
	/* bins that point elsewhere */
	world_make(&w, 112, false, true);
	for (int i = 0; i < 254; i++)
		put64(w.heap, 0x30 + 112 + 8 * i, 0xc000000000 + i * 16);
	nothing_found(&w);
	/* a heap that is larger than heaps are */
	world_make(&w, 112, false, true);
	put64(w.heap, 24, 2 * CHEAP_SIZE);
	nothing_found(&w);
	/* a heap that comes after itself */
	world_make(&w, 112, false, true);
	put64(w.heap, 8, HEAP);
	nothing_found(&w);
	for (int round = 0; round < 50; round++) {
		world_make(&w, 112, false, true);
		for (size_t i = 0; i < HEAP_LEN / 4; i++)
			put32(w.heap, 4 * i, rnd(&x));
		put64(w.heap, 0, HEAP + 0x30);
		put64(w.heap, 8, 0);
		put64(w.heap, 16, HEAP_LEN);
		put64(w.heap, 24, HEAP_LEN);
		nothing_found(&w);
	}
	/* memory of the Go runtime is not looked at */
	world_make(&w, 112, false, true);
	cranges_add(&w.f.s.owned, HEAP, HEAP + CHEAP_SIZE, COWNER_GO, 0);
	cranges_sort(&w.f.s.owned);
	nothing_found(&w);
}

/* Bytes broken at random: it ends, in bounds, and what is free is never too much. */
static void test_random_damage(void **state)
{
	uint32_t x = 20250119;
	struct world w;

	world_make(&w, 112, false, true);
	for (int round = 0; round < 3000; round++) {
		uint8_t saved[6][8], *where[6];
		struct carenas as;

		for (int k = 0; k < 6; k++) {
			uint64_t off = k < 3 ? rnd(&x) % (CSTATE_MAX / 8) * 8
					     : rnd(&x) % (w.second.next / 8) * 8;

			where[k] = round % 2 ? w.heap + (k < 3 ? 0x30 : 0) + off
					     : (k < 3 ? w.first.state : w.brk) + off % w.first.next;
			memcpy(saved[k], where[k], 8);
			where[k][rnd(&x) % 8] ^= 1 << rnd(&x) % 8;
		}
		cranges_free(&w.f.s.owned);
		assert_int_equal(carenas_find(&w.f.s, &as), 0);
		for (size_t i = 0; i < as.n; i++) {
			uint64_t budget = PAGES;

			assert_int_equal(carena_walk(&w.f.s, &as, &as.arena[i], &budget), 0);
			assert_true(!as.arena[i].walked || as.arena[i].free <= as.arena[i].system);
		}
		carenas_free(&as);
		for (int k = 5; k >= 0; k--)
			memcpy(where[k], saved[k], 8);
	}
	forge_free(&w.f);
}

/* ---- large blocks ---- */

#define GAP     0x7fff00000000ULL
#define GAP_LEN 0x40000ULL

/* malloc's count, and blocks of 4, 16 and 12 pages somewhere in a gap of 64. */
static uint8_t *blocks_make(struct forge *f, uint32_t count, uint64_t bytes, bool odd, bool less)
{
	static const uint64_t start[] = { 0x2000, 0x6000, 0x20000 },
			      size[] = { 0x4000, 0x10000, 0xc000 };
	uint8_t *gap, *data;

	*f = (struct forge){};
	forge_map(f, BRK, BRK_LEN, 0, "[heap]");
	gap = forge_map(f, GAP, GAP_LEN, 0, "");
	data = forge_map(f, DATA, 0x1000, 77, "/lib/libc-2.31.so");
	forge_ready(f);
	for (int i = 0; i < 3; i++)
		put64(gap, start[i] + 8, (size[i] - 16 * less) | 2);
	data += 0x400 - (odd ? 36 : 32);
	put32(data, 0, count);
	put32(data, 4, 65536);
	put32(data, 8, count + 3);
	data += odd ? 36 : 32;
	put64(data - 16, 0, bytes);
	put64(data - 8, 0, bytes + 0x100000);
	put64(data, 0, BRK + 0x340);
	return gap;
}

static void blocks_are(struct forge *f, uint32_t n, uint64_t bytes)
{
	struct cchunks c;

	assert_int_equal(cchunks_find(&f->s, &c), 0);
	assert_true(c.counted);
	assert_int_equal(c.n, n);
	assert_int_equal(c.bytes, bytes);
	assert_int_equal(owned_by(f, COWNER_CHUNK), bytes);
	forge_free(f);
}

static void test_blocks(void **state)
{
	struct forge f;
	uint8_t *gap;

	for (int k = 0; k < 4; k++) {
		blocks_make(&f, 3, 0x20000, k & 1, k & 2);
		blocks_are(&f, 3, 0x20000);
	}
	/* none, says malloc: nothing is looked for */
	blocks_make(&f, 0, 0, false, false);
	blocks_are(&f, 0, 0);
	/* sums that differ prove nothing */
	blocks_make(&f, 3, 0x21000, false, false);
	blocks_are(&f, 0, 0);
	/* … but blocks that fill what others left do */
	blocks_make(&f, 9, 0x90000, false, false);
	cranges_add(&f.s.owned, GAP, GAP + 0x2000, COWNER_GO, 0);
	cranges_add(&f.s.owned, GAP + 0x16000, GAP + GAP_LEN, COWNER_STACK, 0);
	cranges_sort(&f.s.owned);
	blocks_are(&f, 2, 0x14000);
	/* a size that wraps, one that leaves its mapping, one of no bytes */
	gap = blocks_make(&f, 3, 0x20000, false, false);
	put64(gap, 0x2008, ~0xfffULL | 2);
	put64(gap, 0x6008, GAP_LEN | 2);
	put64(gap, 0x20008, 2);
	blocks_are(&f, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_broken_lists_are_unknown),
		cmocka_unit_test(test_too_much_to_read),
		cmocka_unit_test(test_what_is_no_arena),
		cmocka_unit_test(test_random_damage),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests_name("c_arena", tests, NULL, NULL);
}
