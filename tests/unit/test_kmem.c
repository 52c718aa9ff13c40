// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Estimates from a sample of kernel objects, and allocation flags in words. */
#include "live/gfp.h"
#include "live/kmem.h"
#include "test_lib.h"
#include <math.h>
#include <string.h>

#define RUNS    1000
#define OBJECTS 10007

/* xorshift64*: a run is its seed's. */
static uint32_t draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1dULL) >> 32;
}

/* As bpf/kmem.bpf.c chooses and counts; every third is freed. Sizes are `least` and up to 7 more.
 */
static struct kmem_sum sample_of(uint64_t seed, uint32_t sample, uint32_t least,
				 struct kmem_sum *all)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
	struct kmem_sum s = {};

	*all = s;
	for (int i = 0; i < OBJECTS; i++) {
		uint64_t bytes = least << (i % 8);
		bool chosen = sample == SAMPLE_ALL || draw(&state) < sample;
		struct kmem_sum one = { 1, bytes - 1, bytes, bytes * bytes };

		if (i % 3 == 0) {
			one.freed = 1;
			one.freed_bytes = bytes;
			one.freed_squares = bytes * bytes;
		}
		for (size_t k = 0; k < sizeof(one) / sizeof(uint64_t); k++) {
			((__u64 *)all)[k] += ((__u64 *)&one)[k];
			((__u64 *)&s)[k] += chosen ? ((__u64 *)&one)[k] : 0;
		}
	}
	return s;
}

/* Runs of 100 in which the truth was within the error, of what was allocated and what is left. */
static void covered(uint32_t sample, uint32_t least)
{
	int good = 0, good_left = 0;
	double mean = 0, mean_left = 0, spread = 0;
	struct kmem_sum all;

	for (int run = 0; run < RUNS; run++) {
		struct kmem_sum s = sample_of(run, sample, least, &all);
		struct kmem_part p = {};
		double left = all.bytes - all.freed_bytes;

		kmem_part_add(&p, &s, sample);
		good += fabs(p.bytes - all.bytes) <= kmem_error(p.var);
		good_left += fabs(p.left_bytes - left) <= kmem_error(p.left_var);
		mean += p.bytes / RUNS;
		mean_left += p.left_bytes / left / RUNS;
		spread += p.var / RUNS;
	}
	print_message("share %.4f %%: %.1f and %.1f of 100 runs\n", sample / 42949672.96,
		      good * 100.0 / RUNS, good_left * 100.0 / RUNS);
	assert_true(good * 100 / RUNS >= 88 && good_left * 100 / RUNS >= 88);
	/* no bias: the mean of all runs is off by four of its own standard errors at most */
	assert_true(fabs(mean - all.bytes) < 4 * sqrt(spread / RUNS));
	assert_true(fabs(mean_left - 1) < 0.05);
}

static void test_sample_is_within_its_error(void **state)
{
	covered((uint32_t)(0.01 * 4294967295.0), 8);
	covered((uint32_t)(0.03 * 4294967295.0), 4096);
	covered((uint32_t)(0.1 * 4294967295.0), 8);
	covered((uint32_t)(0.5 * 4294967295.0), 8);
}

static void test_all_is_exact(void **state)
{
	struct kmem_sum all, s = sample_of(1, SAMPLE_ALL, 8, &all);
	struct kmem_part p = {};

	kmem_part_add(&p, &s, SAMPLE_ALL);
	assert_true(p.bytes == all.bytes && p.left == all.count - all.freed);
	assert_true(p.requested == all.requested && p.objects == OBJECTS);
	assert_true(kmem_error(p.var) == U64_NULL && kmem_error(p.left_var) == U64_NULL);
}

/* Shares that change in between: each part counts by its own. */
static void test_shares_add_up(void **state)
{
	struct kmem_sum s = { .count = 3, .bytes = 48, .squares = 768 };
	struct kmem_part p = {};

	kmem_part_add(&p, &s, SAMPLE_ALL);
	kmem_part_add(&p, &s, 1U << 31);
	assert_true(p.objects == 9 && p.bytes == 48 + 96);
	assert_true(p.var == 768 * 0.5 / 0.25);
}

static void test_flags_in_words(void **state)
{
	struct gfp g = {};
	char buf[GFP_TEXT];

	gfp_open(&g); /* by this kernel's types, or as before 6.10: these bits are the same */
	assert_string_equal(gfp_text(&g, 0xcc0, buf), "GFP_KERNEL");
	assert_string_equal(gfp_text(&g, 0x400cc0, buf), "GFP_KERNEL_ACCOUNT");
	assert_string_equal(gfp_text(&g, 0xdc0, buf), "GFP_KERNEL|__GFP_ZERO");
	assert_string_equal(gfp_text(&g, 0x820, buf), "GFP_ATOMIC");
	assert_string_equal(gfp_text(&g, 0x100cca, buf), "GFP_HIGHUSER_MOVABLE");
	assert_string_equal(gfp_text(&g, 0x2800, buf), "GFP_NOWAIT|__GFP_NOWARN");
	assert_string_equal(gfp_text(&g, 0, buf), "none");
	assert_string_equal(gfp_text(&g, 0x80000000, buf), "0x80000000");
	memset(g.bit, 0, sizeof(g.bit));
	assert_string_equal(gfp_text(&g, 0xcc0, buf), "0xcc0");
	/* all at once is longer than the room for it */
	gfp_open(&g);
	assert_true(strlen(gfp_text(&g, UINT32_MAX, buf)) < GFP_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample_is_within_its_error),
		cmocka_unit_test(test_all_is_exact),
		cmocka_unit_test(test_shares_add_up),
		cmocka_unit_test(test_flags_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
