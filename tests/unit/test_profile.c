// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The heap profile in forged memory: what is shown, what is not yet, lists that lie. */
#include "fail.h" /* before cmocka, whose fail() is a macro */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "go/profile.h"

#define DATA    0x500000ULL
#define BUCKETS 0x600000ULL
#define EACH    1024 /* bytes from one bucket to the next */
#define MOST    8

static uint8_t globals[8192], memory[MOST * EACH];
static struct mem_segment seg[] = { { DATA, globals, sizeof(globals) },
				    { BUCKETS, memory, sizeof(memory) } };
static struct target target;
static struct goproc gp;

static void put(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, sizeof(v));
}

/* Bucket i of a size, with n pcs, its counts those of the four cycles: active, future. */
static void bucket_put(unsigned i, uint64_t size, uint64_t n, const uint64_t counts[4][2])
{
	const struct go_layout *l = gp.l;
	uint8_t *b = memory + i * EACH, *record = b + l->bucket_size + 8 * n;

	put(b + l->bucket_allnext, i + 1 < MOST ? BUCKETS + (i + 1) * EACH : 0);
	put(b + l->bucket_typ, 1);
	put(b + l->bucket_bytes, size);
	put(b + l->bucket_nstk, n);
	for (uint64_t k = 0; k < n; k++)
		put(b + l->bucket_size + 8 * k, 0x401000 + 16 * i + k);
	for (unsigned k = 0; k < 4; k++) {
		uint8_t *c = record + (k ? l->memrecord_future + (k - 1) * l->memcycle_size
					 : l->memrecord_active);

		put(c + l->memcycle_allocs, counts[k][0]);
		put(c + l->memcycle_frees, counts[k][1]);
		if (l->memcycle_alloc_bytes == LAYOUT_NONE)
			continue;
		put(c + l->memcycle_alloc_bytes, counts[k][0] * size);
		put(c + l->memcycle_free_bytes, counts[k][1] * size);
	}
}

/* A process of that layout, in which so many collections have ended. */
static void begin(const struct go_layout *l, uint32_t collections)
{
	memset(memory, 0, sizeof(memory));
	gp = (struct goproc){ .t = &target, .proven = true, .l = l };
	gp.addr[G_mbuckets] = DATA;
	gp.addr[G_MemProfileRate] = DATA + 8;
	gp.addr[G_memstats] = DATA + 16 - l->ms_numgc;
	put(globals, BUCKETS);
	put(globals + 8, 4096);
	put(globals + 16, collections);
	gp.mem = mem_image_new(seg, 2);
	assert_non_null(gp.mem);
}

static void end(struct goprofile *p)
{
	goprofile_free(p);
	mem_close(gp.mem);
}

static void test_counts(void **state)
{
	static const uint64_t counts[4][2] = { { 101, 7 }, { 0, 0 }, { 5, 3 }, { 11, 0 } };

	(void)state;
	for (size_t k = 0; k < go_layouts_count; k++) {
		struct goprofile p;

		/* future[0] is the next to be shown, and empty: nothing is in between */
		begin(&go_layouts[k], 9);
		for (unsigned i = 0; i < MOST; i++)
			bucket_put(i, 48 + i, i, counts);
		assert_int_equal(goprofile_read(&gp, &p), 0);
		assert_true(p.consistent);
		assert_int_equal(p.n, MOST);
		assert_int_equal(p.rate, 4096);
		for (unsigned i = 0; i < MOST; i++) {
			const struct goprofile_bucket *b = &p.bucket[i];

			assert_int_equal(b->size, 48 + i);
			assert_int_equal(b->depth, i);
			assert_true(!i || p.pc[b->first] == 0x401000 + 16 * i);
			assert_int_equal(b->shown.allocs, 101);
			assert_int_equal(b->shown.free_bytes, 7 * (48 + i));
			assert_int_equal(b->unseen.allocs, 16);
			assert_int_equal(b->unseen.alloc_bytes, 16 * (48 + i));
			assert_int_equal(b->unseen.frees, 3);
		}
		end(&p);
		/* and here it is not, and stays so */
		begin(&go_layouts[k], 10);
		bucket_put(MOST - 1, 48, 1, counts);
		put(globals, BUCKETS + (MOST - 1) * EACH);
		assert_int_equal(goprofile_read(&gp, &p), 0);
		assert_false(p.consistent);
		assert_int_equal(p.bucket[0].shown.allocs, 101);
		end(&p);
	}
}

/* Before the first collection all there is is shown. */
static void test_nothing_shown(void **state)
{
	static const uint64_t counts[4][2] = { { 0, 0 }, { 0, 0 }, { 0, 0 }, { 13, 0 } };
	struct goprofile p;

	(void)state;
	begin(&go_layouts[0], 0);
	for (unsigned i = 0; i < MOST; i++)
		bucket_put(i, 32, 3, counts);
	assert_int_equal(goprofile_read(&gp, &p), 0);
	assert_int_equal(p.bucket[2].shown.alloc_bytes, 13 * 32);
	assert_int_equal(p.bucket[2].unseen.allocs, 0);
	end(&p);
}

static void refused(int err, const char *why)
{
	struct goprofile p;

	assert_int_equal(goprofile_read(&gp, &p), err);
	assert_non_null(strstr(fail_text(), why));
	assert_null(p.bucket);
	end(&p);
}

static void test_lies(void **state)
{
	static const uint64_t counts[4][2] = { { 1, 1 } };
	const struct go_layout *l = &go_layouts[0];

	(void)state;
	for (int lie = 0; lie < 7; lie++) {
		begin(l, 1);
		for (unsigned i = 0; i < MOST; i++)
			bucket_put(i, 32, 3, counts);
		switch (lie) {
		case 0: /* a ring */
			put(memory + (MOST - 1) * EACH + l->bucket_allnext, BUCKETS + 2 * EACH);
			refused(-ELOOP, "has no end");
			break;
		case 1: /* itself */
			put(memory + l->bucket_allnext, BUCKETS);
			refused(-ELOOP, "has no end");
			break;
		case 2:
			put(memory + EACH + l->bucket_nstk, 1ULL << 61);
			refused(-EINVAL, "damaged");
			break;
		case 3: /* of another kind */
			put(memory + EACH + l->bucket_typ, 2);
			refused(-EINVAL, "damaged");
			break;
		case 4: /* nowhere */
			put(memory + EACH + l->bucket_allnext, 0x700000);
			refused(-EFAULT, "cannot be read");
			break;
		case 5: /* off */
			put(globals + 8, 0);
			refused(-ENOENT, "no heap profile");
			break;
		case 6: /* not found in the program */
			gp.addr[G_MemProfileRate] = 0;
			refused(-ENOENT, "rate");
			break;
		}
	}
}

/* By scaleHeapSample: 1/(1 - exp(-1024/4096)) = 4.52081…, 1/(1 - exp(-1)) = 1.58197… */
static void test_scale(void **state)
{
	static const struct {
		uint64_t count, bytes, rate;
		int64_t objects, space;
	} cases[] = {
		{ 10, 10240, 4096, 45, 46293 },
		{ 7, 7, 1, 7, 7 },
		{ 3, 12288, 4096, 4, 19439 },
		{ 0, 5, 4096, 0, 0 },
		{ 5, 0, 4096, 0, 0 },
		{ 5, 40, 0, 5, 40 },
		{ UINT64_MAX, UINT64_MAX, 1, INT64_MAX, INT64_MAX },
		{ 1, 1, UINT64_MAX, INT64_MAX, INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t objects, space;

		goprofile_scale(cases[i].count, cases[i].bytes, cases[i].rate, &objects, &space);
		assert_int_equal(objects, cases[i].objects);
		assert_int_equal(space, cases[i].space);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_nothing_shown),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
