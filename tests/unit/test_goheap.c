// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Readers of the runtime over forged memory: a tiny Go 1.24 runtime of one arena
 * and three spans, whose numbers are known because we wrote them; then the same
 * with bytes broken at random, which must end, in bounds, whatever it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "forge.h"
#include "go/proof.h"
#include "go/rt_bits.h"
#include "go/rt_heap.h"
#include "go/rt_memstats.h"
#include "go/rt_stacks.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is read must be what was written ---- */

static void spans_and_pages(uint16_t machine)
{
	static const struct {
		enum page_state state;
		uint32_t end;
	} want[] = {
		{ PS_IN_USE, 1 },
		{ PS_IN_USE, 2 },
		{ PS_STACK, 6 },
		{ PS_FREE, 7 },
		{ PS_RETURNED, 8 },
		{ PS_FREE, 16 },
		{ PS_RETURNED, 32 },
		{ PS_TRANSIT, 33 },
		{ PS_FREE, GO_CHUNK / GO_PAGE },
		{ PS_UNMAPPED, GO_ARENA_PAGES },
	};
	struct forge *f = forge_new(go_layout_find(24, machine));
	struct gometa meta;
	struct goheap heap;
	struct span_sum sum;
	struct span *s;
	uint32_t page = 0;

	assert_int_equal(go_size_class[CLASS_1024 / 2], 1024);
	assert_int_equal(gometa_read(&f->gp, &meta), 0);
	assert_int_equal(meta.nchunks, 1);
	assert_int_equal(meta.ngcbits, 1);
	assert_int_equal(meta.narenas, 1);
	assert_int_equal(meta.arena[0].base, ARENA);
	assert_int_equal(goheap_read(&f->gp, &meta, &heap, true), 0);
	assert_int_equal(heap.n, 3);
	assert_int_equal(heap.nspans_total, 4);
	assert_int_equal(heap.bad_spans, 0);
	assert_int_equal(heap.in_use, 2 * GO_PAGE);
	assert_int_equal(heap.manual, 4 * GO_PAGE);
	assert_int_equal(heap.scav_pages, 17);
	assert_int_equal(heap.mspan_resident, 4 * f->l->mspan_size);
	assert_int_equal(heap.mcache_resident, f->l->mcache_size);
	span_parts(&heap.span[0], &sum);
	assert_int_equal(sum.live, 3 * 1024);
	assert_int_equal(sum.fresh, 2 * 1024);
	assert_int_equal(sum.unswept, 0);
	assert_int_equal(sum.free_slots, 3 * 1024);
	assert_int_equal(sum.tail, 0);
	span_parts(&heap.span[1], &sum);
	assert_int_equal(sum.live, 2 * 1024);
	assert_int_equal(sum.unswept, 5 * 1024);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(arena_next(&heap, heap.arena[0], &page, &s), want[i].state);
		assert_int_equal(page, want[i].end);
	}
	assert_ptr_equal(goheap_span(&heap, ARENA + 5 * GO_PAGE, 4), &heap.span[2]);
	assert_null(goheap_span(&heap, ARENA + 6 * GO_PAGE, 4));
	goheap_free(&heap);
	gometa_free(&meta);
	forge_free(f);
}

/* Arenas are counted from another address on each machine. */
static void test_spans_and_pages(void **state)
{
	spans_and_pages(EM_X86_64);
	spans_and_pages(EM_AARCH64);
}

/* The parts of every span are its size, whatever it holds. */
static void test_parts_add_up(void **state)
{
	for (int class = 1; class < LAYOUT_SIZE_CLASSES; class ++)
		for (int allocs = 0; allocs < 3; allocs++) {
			struct span s = { .npages = 4,
					  .elemsize = go_size_class[class],
					  .state = PS_IN_USE };
			struct span_sum p;

			s.nelems = span_bytes(&s) / s.elemsize;
			s.allocs = allocs < s.nelems ? allocs : s.nelems;
			s.live = 1;
			span_parts(&s, &p);
			assert_int_equal(p.live + p.fresh + p.free_slots + p.tail, span_bytes(&s));
		}
}

static void test_bits(void **state)
{
	uint8_t bits[16];

	memset(bits, 0xff, sizeof(bits));
	for (unsigned n = 0; n <= 128; n++)
		assert_int_equal(bits_count(bits, n), n);
	memset(bits, 0xaa, sizeof(bits));
	for (unsigned n = 0; n <= 128; n++)
		assert_int_equal(bits_count(bits, n), n / 2);
}

/* ---- the identities find every counter that is off ---- */

static void forge_counters(struct go_counters *c)
{
	const struct go_layout *l = c->l = go_layout_find(24, EM_X86_64);

	memset(c->gc, 0, sizeof(c->gc));
	memset(c->ms, 0, sizeof(c->ms));
	put64(c->gc, l->gc_heapInUse, 7 * GO_PAGE);
	put64(c->gc, l->gc_heapFree, 3 * GO_PAGE);
	put64(c->gc, l->gc_heapReleased, 5 * GO_PAGE);
	put64(c->gc, l->gc_totalAlloc, 40961 + 11 * 1024);
	put64(c->gc, l->gc_totalFree, 13 * 16);
	put64(c->ms, l->ms_other_sys, 101);
	put64(c->ms, l->ms_gcMiscSys, 103);
	put64(c->gc, l->gc_mappedReady, 12 * GO_PAGE + 204);
	c->in_heap = 7 * GO_PAGE;
	c->released = 5 * GO_PAGE;
	c->in_stacks = 2 * GO_PAGE;
	c->committed = 12 * GO_PAGE;
	c->large_alloc = 40961;
	c->small_allocs[CLASS_1024 / 2] = 11;
	c->small_frees[2] = 13;
}

static void test_identities(void **state)
{
	struct go_counters *c = calloc(1, sizeof(*c)), *d = calloc(1, sizeof(*d));
	const uint32_t *l;

	forge_counters(c);
	assert_int_equal(go_size_class[2], 16);
	assert_int_equal(go_counters_check(c), 0);
	assert_false(go_counters_trivial(c));
	const uint32_t offs[] = {
		c->l->gc_heapInUse,  c->l->gc_heapReleased, c->l->gc_heapFree,
		c->l->gc_totalAlloc, c->l->gc_totalFree,    c->l->gc_mappedReady
	};

	l = offs;
	for (int i = 0; i < 6; i++) {
		*d = *c;
		put64(d->gc, l[i], get_u64(d->gc, l[i]) + 1);
		assert_int_not_equal(go_counters_check(d), 0);
	}
	memset(d, 0, sizeof(*d));
	d->l = c->l;
	assert_int_equal(go_counters_check(d), 0); /* zeros balance, and prove nothing */
	assert_true(go_counters_trivial(d));
	free(c);
	free(d);
}

/* The layout that wrote the books proves itself; one of another kind never does. */
static void test_layouts_prove(void **state)
{
	for (size_t i = 0; i < go_layouts_count; i++) {
		int minor = atoi(go_layouts[i].release + 2);
		uint16_t machine = go_layouts[i].machine;
		struct forge *f = forge_new(&go_layouts[i]);

		assert_int_equal(go_prove(&f->gp), 0);
		assert_true(f->gp.proven);
		assert_int_equal(f->gp.attempts, 1);
		f->gp.l = go_layout_find(minor == 19 ? 27 : 19, machine);
		assert_int_equal(go_prove(&f->gp), 0);
		assert_false(f->gp.proven);
		assert_int_not_equal(f->gp.failed, 0);
		forge_free(f);
	}
}

/* ---- hostile memory ---- */

static uint32_t rnd(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	return *x ^= *x << 5;
}

static void read_everything(struct goproc *gp)
{
	struct gometa meta;
	struct goheap heap = {};
	struct gostacks stacks = {};
	struct memstats *ms = malloc(sizeof(*ms));

	if (!gometa_read(gp, &meta)) {
		if (!goheap_read(gp, &meta, &heap, true))
			for (size_t i = 0; i < heap.narenas; i++) {
				struct span *s;

				for (uint32_t p = 0; p < GO_ARENA_PAGES;) {
					uint32_t before = p;

					arena_next(&heap, heap.arena[i], &p, &s);
					assert_true(p > before);
				}
			}
		goheap_free(&heap);
	}
	if (!gostacks_read(gp, &stacks))
		assert_true(stacks.n < 1000);
	memstats_read(gp, ms, 2);
	gostacks_free(&stacks);
	gometa_free(&meta);
	free(ms);
}

static void test_broken_memory_ends(void **state)
{
	struct forge *f = forge_new(go_layout_find(24, EM_X86_64));
	uint32_t x = 20250119;

	for (int round = 0; round < 4000; round++) {
		uint8_t *where = round % 3 ? f->chunk : f->globals;
		uint32_t size = round % 3 ? GO_PERSISTENT : GLOBALS;
		uint8_t saved[8][8];
		uint32_t at[8];

		for (int k = 0; k < 8; k++) {
			/* most bytes are zero and unused: aim at words that hold something */
			at[k] = rnd(&x) % (size / 8) * 8;
			for (int i = 0; i < 20000 && !get_u64(where, at[k]); i++)
				at[k] = (at[k] + 8) % size;
			memcpy(saved[k], where + at[k], 8);
			where[at[k] + rnd(&x) % 8] ^= 1 << rnd(&x) % 8;
		}
		read_everything(&f->gp);
		for (int k = 7; k >= 0; k--)
			memcpy(where + at[k], saved[k], 8);
	}
	forge_free(f);
}

/* Lists that lead back to themselves end at a limit, with an error. */
static void test_lists_without_end(void **state)
{
	struct forge *f = forge_new(go_layout_find(24, EM_X86_64));
	struct gometa meta;

	put64(f->chunk, 0, CHUNK);
	assert_int_equal(gometa_read(&f->gp, &meta), -ELOOP);
	gometa_free(&meta);
	put64(f->chunk, 0, 0);
	put64(f->bits, f->l->gcbits_arena_next, BITS);
	assert_int_equal(gometa_read(&f->gp, &meta), -ELOOP);
	gometa_free(&meta);
	forge_free(f);
}

/* Counts that would cost us more memory than the target has are refused. */
static void test_absurd_counts(void **state)
{
	struct forge *f = forge_new(go_layout_find(24, EM_X86_64));
	uint8_t *list = global(f, G_mheap_) + f->l->mheap_allArenas;
	struct gometa meta;

	slice(list, 0, CHUNK + ARENA_LIST, 1 << 20);
	assert_int_equal(gometa_read(&f->gp, &meta), -EINVAL);
	gometa_free(&meta);
	put64(f->chunk, ARENA_LIST + 8, arena_index(f)); /* the same arena twice */
	slice(list, 0, CHUNK + ARENA_LIST, 2);
	assert_int_equal(gometa_read(&f->gp, &meta), -EINVAL);
	gometa_free(&meta);
	forge_free(f);
}

/* Behind the deadline every read fails, so that every walk ends. */
static void test_deadline(void **state)
{
	struct forge *f = forge_new(go_layout_find(24, EM_X86_64));
	struct gometa meta;
	uint64_t start, v;

	mem_deadline(f->gp.mem, 1);
	for (start = clock_mono_ns(); clock_mono_ns() < start + 100;)
		;
	assert_int_equal(mem_u64(f->gp.mem, CHUNK, &v), -ETIMEDOUT);
	assert_int_equal(gometa_read(&f->gp, &meta), -ETIMEDOUT);
	gometa_free(&meta);
	mem_deadline(f->gp.mem, 0);
	assert_int_equal(gometa_read(&f->gp, &meta), 0);
	gometa_free(&meta);
	forge_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans_and_pages),
		cmocka_unit_test(test_parts_add_up),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_layouts_prove),
		cmocka_unit_test(test_broken_memory_ends),
		cmocka_unit_test(test_lists_without_end),
		cmocka_unit_test(test_absurd_counts),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests_name("goheap", tests, NULL, NULL);
}
