// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Thread stacks and the program loader's memory, forged: rings of struct pthread,
 * link maps, static TLS. Then rings that do not end, and lists that lie.
 */
#include "test_c.h"

#include "c/loader.h"
#include "c/names.h"
#include "c/pthread.h"

#define LD        0x7ffff0000000ULL /* data of the loader */
#define HEAD_USED (LD + 0x300)      /* threads with stacks of their own */
#define HEAD_USER (LD + 0x310)      /* with stacks that were given: the main thread */
#define HEAD_KEPT (LD + 0x320)      /* stacks of exited threads */
#define STACKS    0x7fff00000000ULL
#define STACK     0x10000ULL
#define SIZE      0x900 /* of struct pthread */
#define LIST      0x2c0
#define BLOCK     0x690
#define TLS       0x7fffe0000000ULL
#define MAIN_TCB  (TLS + 0x2740)
#define THREADS   5

struct world {
	struct forge f;
	uint8_t *stacks, *tls, *ld;
	uint64_t tcb[THREADS];
};

static uint8_t *bytes_at(struct world *w, uint64_t addr)
{
	for (size_t i = 0; i < w->f.maps.n; i++)
		if (addr - w->f.seg[i].addr < w->f.seg[i].len)
			return (uint8_t *)w->f.seg[i].data + (addr - w->f.seg[i].addr);
	fail();
	return NULL;
}

static void ring_init(struct world *w, uint64_t head)
{
	put64(bytes_at(w, head), 0, head);
	put64(bytes_at(w, head), 8, head);
}

static void ring_add(struct world *w, uint64_t head, uint64_t node)
{
	uint64_t next = get_u64(bytes_at(w, head), 0);

	put64(bytes_at(w, node), 0, next);
	put64(bytes_at(w, node), 8, head);
	put64(bytes_at(w, next), 8, node);
	put64(bytes_at(w, head), 0, node);
}

static void thread_init(struct world *w, uint64_t tcb, int tid, uint64_t block, uint64_t size)
{
	uint8_t *p = bytes_at(w, tcb);

	put64(p, 0, tcb);
	put64(p, 16, tcb);
	put32(p, 0x2d0, tid);
	put64(p, BLOCK, block);
	put64(p, BLOCK + 8, size);
	put64(p, BLOCK + 16, block ? 0x1000 : 0);
}

/* Three threads, two stacks kept, the main thread; each stack has a page of guard. */
static void world_make(struct world *w)
{
	*w = (struct world){};
	w->stacks = forge_map(&w->f, STACKS, THREADS * STACK, 0, "");
	w->tls = forge_map(&w->f, TLS, 0x4000, 0, "");
	w->ld = forge_map(&w->f, LD, 0x2000, 78, "/lib/ld-linux-x86-64.so.2");
	forge_ready(&w->f);
	ring_init(w, HEAD_USED);
	ring_init(w, HEAD_USER);
	ring_init(w, HEAD_KEPT);
	for (int i = 0; i < THREADS; i++) {
		w->tcb[i] = STACKS + (i + 1) * STACK - SIZE;
		thread_init(w, w->tcb[i], i < 3 ? 100 + i : 0, STACKS + i * STACK, STACK);
		ring_add(w, i < 3 ? HEAD_USED : HEAD_KEPT, w->tcb[i] + LIST);
	}
	thread_init(w, MAIN_TCB, 99, 0, 0x7ffffffff000);
	ring_add(w, HEAD_USER, MAIN_TCB + LIST);
}

static void test_threads(void **state)
{
	struct cthreads t;
	struct world w;

	world_make(&w);
	assert_int_equal(cthreads_find(&w.f.s, &t), 0);
	assert_int_equal(t.list, LIST);
	assert_int_equal(t.stackblock, BLOCK);
	assert_int_equal(t.n, THREADS + 1);
	assert_false(t.torn);
	assert_int_equal(t.main_tcb, MAIN_TCB);
	assert_int_equal(owned_by(&w.f, COWNER_STACK), THREADS * STACK);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(t.thread[i].tcb, w.tcb[i]);
		assert_int_equal(t.thread[i].tid, i < 3 ? 100 + i : 0);
		assert_int_equal(t.thread[i].start, STACKS + i * STACK);
		assert_int_equal(t.thread[i].guard, 0x1000);
	}
	cthreads_free(&t);
	forge_free(&w.f);
}

/* A stack that a program gave: pages that it shares with others are not counted. */
static void test_stack_that_was_given(void **state)
{
	struct cthreads t;
	struct world w;

	world_make(&w);
	put64(bytes_at(&w, w.tcb[1]), BLOCK, STACKS + STACK + 0x123);
	put64(bytes_at(&w, w.tcb[1]), BLOCK + 8, STACK - 0x200);
	put64(bytes_at(&w, w.tcb[1]), BLOCK + 16, 0);
	assert_int_equal(cthreads_find(&w.f.s, &t), 0);
	assert_int_equal(owned_by(&w.f, COWNER_STACK), THREADS * STACK - 0x2000);
	cthreads_free(&t);
	forge_free(&w.f);
}

/* A thread that is on its way out: what lies behind it is reached from the other end. */
static void test_torn_ring(void **state)
{
	struct cthreads t;
	struct world w;

	world_make(&w);
	put64(bytes_at(&w, w.tcb[1]), 16, 0);
	assert_int_equal(cthreads_find(&w.f.s, &t), 0);
	assert_true(t.torn);
	assert_int_equal(owned_by(&w.f, COWNER_STACK), (THREADS - 1) * STACK);
	assert_int_equal(t.main_tcb, MAIN_TCB);
	cthreads_free(&t);
	forge_free(&w.f);
}

static void test_hostile_rings(void **state)
{
	uint32_t x = 4711;
	struct cthreads t;
	struct world w;

	/* a ring without its head */
	world_make(&w);
	put64(bytes_at(&w, w.tcb[0] + LIST), 0, w.tcb[2] + LIST);
	put64(bytes_at(&w, w.tcb[2] + LIST), 8, w.tcb[0] + LIST);
	assert_int_equal(cthreads_find(&w.f.s, &t), 0);
	assert_in_range(t.n, 1, THREADS + 1);
	cthreads_free(&t);
	forge_free(&w.f);
	/* stacks that do not hold their thread, wrap, or are larger than memory */
	world_make(&w);
	put64(bytes_at(&w, w.tcb[0]), BLOCK + 8, 0x1000);
	put64(bytes_at(&w, w.tcb[1]), BLOCK + 8, ~0xfffULL);
	put64(bytes_at(&w, w.tcb[2]), BLOCK, 0x1000);
	assert_int_equal(cthreads_find(&w.f.s, &t), 0);
	assert_int_equal(owned_by(&w.f, COWNER_STACK), 2 * STACK);
	cthreads_free(&t);
	forge_free(&w.f);
	world_make(&w);
	for (int round = 0; round < 3000; round++) {
		uint8_t saved[4][8], *where[4];

		for (int k = 0; k < 4; k++) {
			where[k] = k ? bytes_at(&w, w.tcb[rnd(&x) % THREADS]) +
						   rnd(&x) % (SIZE / 8) * 8
				     : w.ld + 0x2f0 + rnd(&x) % 8 * 8;
			memcpy(saved[k], where[k], 8);
			where[k][rnd(&x) % 8] ^= 1 << rnd(&x) % 8;
		}
		cranges_free(&w.f.s.owned);
		assert_int_equal(cthreads_find(&w.f.s, &t), 0);
		assert_in_range(t.n, 0, THREADS + 1);
		cthreads_free(&t);
		for (int k = 3; k >= 0; k--)
			memcpy(where[k], saved[k], 8);
	}
	forge_free(&w.f);
}

/* ---- the loader ---- */

#define DYNAMIC (LD + 0x1000)
#define DEBUG   (LD + 0x1200)
#define EXE_MAP (LD + 0x1400) /* the loader's own link map; the others were allocated */
#define LIB_MAP (TLS + 0x100)
#define DTV     (TLS + 0x200)

static void loader_make(struct world *w)
{
	world_make(w);
	put64(bytes_at(w, DYNAMIC), 0, 1);
	put64(bytes_at(w, DYNAMIC), 16, 21); /* DT_DEBUG */
	put64(bytes_at(w, DYNAMIC), 24, DEBUG);
	put64(bytes_at(w, DEBUG), 0, 1);
	put64(bytes_at(w, DEBUG), 8, EXE_MAP);
	put64(bytes_at(w, EXE_MAP), 24, LIB_MAP);
	put64(bytes_at(w, LIB_MAP), 32, EXE_MAP);
	put64(bytes_at(w, MAIN_TCB), 8, DTV);
	put64(bytes_at(w, DTV - 16), 0, 3);
	put64(bytes_at(w, DTV + 16), 0, MAIN_TCB - 0x100);
	put64(bytes_at(w, DTV + 32), 0, TLS + 0x1f00);
	put64(bytes_at(w, DTV + 48), 0, ~0ULL); /* not allocated */
}

static uint64_t loader_owns(struct world *w, bool go_known)
{
	struct cloader l;
	uint64_t bytes;

	w->f.s.go_known = go_known;
	assert_int_equal(cloader_find(&w->f.s, &l, DYNAMIC, MAIN_TCB), 0);
	assert_int_equal(cloader_own(&w->f.s, &l), 0);
	cloader_free(&l);
	bytes = owned_by(&w->f, COWNER_LOADER);
	forge_free(&w->f);
	return bytes;
}

static void test_loader(void **state)
{
	struct world w;

	loader_make(&w);
	assert_int_equal(loader_owns(&w, true), 0x4000);
	loader_make(&w);
	assert_int_equal(loader_owns(&w, false), 0x4000);
	/* not what the Go runtime has of the mapping */
	loader_make(&w);
	cranges_add(&w.f.s.owned, TLS + 0x1000, TLS + 0x2000, COWNER_GO, 0);
	cranges_sort(&w.f.s.owned);
	assert_int_equal(loader_owns(&w, true), 0x3000);
	/* in a large mapping, or where Go's ranges are not known: only what was seen */
	loader_make(&w);
	w.f.vma[1].end += 1 << 20;
	assert_int_equal(loader_owns(&w, true), 0x4000);
	loader_make(&w);
	put64(bytes_at(&w, DTV + 32), 0, MAIN_TCB - 0x50);
	assert_int_equal(loader_owns(&w, false), 0x3000);
}

static void test_hostile_loader(void **state)
{
	struct world w;

	loader_make(&w); /* link maps in a circle */
	put64(bytes_at(&w, LIB_MAP), 24, EXE_MAP);
	assert_in_range(loader_owns(&w, true), 0x1000, 0x4000);
	loader_make(&w); /* a vector of more blocks than there can be, one at the address 0 */
	put64(bytes_at(&w, DTV - 16), 0, ~0ULL);
	put64(bytes_at(&w, DTV + 16), 0, 0);
	assert_in_range(loader_owns(&w, true), 0x1000, 0x4000);
	loader_make(&w); /* no vector */
	put64(bytes_at(&w, MAIN_TCB), 8, 8);
	assert_in_range(loader_owns(&w, true), 0x1000, 0x4000);
}

/* ---- ranges, names ---- */

static void test_ranges(void **state)
{
	struct cranges c = {};

	assert_null(cranges_at(&c, 0));
	cranges_add(&c, 0x5000, 0x8000, COWNER_STACK, 1);
	cranges_add(&c, 0x1000, 0x3000, COWNER_ARENA, 2);
	cranges_add(&c, 0x2000, 0x6000, COWNER_CHUNK, 3);
	cranges_add(&c, 0x2000, 0x2000, COWNER_CHUNK, 4);
	cranges_add(&c, 0x9000, 0x8000, COWNER_CHUNK, 5);
	cranges_add(&c, 0x5500, 0x5600, COWNER_GO, 6);
	cranges_sort(&c);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.r[1].start, 0x3000);
	assert_int_equal(c.r[1].end, 0x6000);
	assert_int_equal(c.r[2].start, 0x6000);
	assert_ptr_equal(cranges_at(&c, 0), &c.r[0]);
	assert_ptr_equal(cranges_at(&c, 0x3000), &c.r[1]);
	assert_ptr_equal(cranges_at(&c, 0x7fff), &c.r[2]);
	assert_null(cranges_at(&c, 0x8000));
	cranges_free(&c);
}

static void test_names(void **state)
{
	struct vma v[] = {
		{ .ino = 1, .name = "/usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)" },
		{ .ino = 2, .name = "/opt/x/libjemalloc.so.2" },
		{ .ino = 2, .name = "/opt/x/libjemalloc.so.2" },
		{ .ino = 3, .name = "/lib/ld-musl-x86_64.so.1" },
		{ .ino = 4, .name = "/lib/libcurl.so" },
		{ .ino = 0, .name = "[heap]" },
	};
	struct maps maps = { .vma = v, .n = sizeof(v) / sizeof(v[0]) };
	struct cnames c;

	cnames_find(&c, &maps, NULL);
	assert_true(c.glibc);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.other[0].name, "jemalloc");
	assert_string_equal(c.other[0].by, "libjemalloc.so.2");
	assert_string_equal(c.other[1].name, "musl");
	assert_true(cname_is_allocator("[anon:scudo:primary]"));
	assert_true(cname_is_allocator("[anon: glibc: malloc arena]"));
	assert_false(cname_is_allocator("[anon: Go: heap]"));
	assert_false(cname_is_allocator("[heap]"));
	assert_false(cname_is_allocator(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),   cmocka_unit_test(test_stack_that_was_given),
		cmocka_unit_test(test_torn_ring), cmocka_unit_test(test_hostile_rings),
		cmocka_unit_test(test_loader),    cmocka_unit_test(test_hostile_loader),
		cmocka_unit_test(test_ranges),    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("c_thread", tests, NULL, NULL);
}
