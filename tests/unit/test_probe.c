// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* probe: what the runs of a program cost, and what only interrupted them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/probe.h"

/* As the kernel side puts them into bins (engine.bpf.h, hit_end). */
static void runs(struct prog_body *bins, uint64_t hits, uint64_t ns)
{
	int i = 63 - __builtin_clzll(ns | 1);

	i = i < BODY_BINS ? i : BODY_BINS - 1;
	bins[i].hits += hits;
	bins[i].ns += hits * ns;
}

static void test_alike(void **state)
{
	struct prog_body bins[BODY_BINS] = {};
	struct probe_stat s = {};

	runs(bins, 101, 1009);
	runs(bins, 53, 2003);
	probe_body(bins, &s);
	assert_int_equal(s.body_ns, 101 * 1009 + 53 * 2003);
	assert_int_equal(s.interrupted_ns, 0);
}

static void test_interrupted(void **state)
{
	struct prog_body bins[BODY_BINS] = {};
	struct probe_stat s = {};

	runs(bins, 101, 1009);
	runs(bins, 1, 4000003); /* counted as one of the others */
	probe_body(bins, &s);
	assert_int_equal(s.body_ns, 102 * 1009);
	assert_int_equal(s.interrupted_ns, 4000003 - 1009);
}

/* 8 times as long in bins, and it still counts; 16 times, and it does not. */
static void test_bound(void **state)
{
	struct prog_body bins[BODY_BINS] = {};
	struct probe_stat s = {};

	runs(bins, 3, 1024);
	runs(bins, 1, 16383);
	probe_body(bins, &s);
	assert_int_equal(s.body_ns, 3 * 1024 + 16383);
	runs(bins, 1, 16384);
	probe_body(bins, &s);
	assert_int_equal(s.body_ns, (3 * 1024 + 16383) * 5 / 4);
	assert_int_equal(s.body_ns + s.interrupted_ns, 3 * 1024 + 16383 + 16384);
}

/* Long ones are what it costs, if most are; and the last bin is open. */
static void test_long(void **state)
{
	struct prog_body bins[BODY_BINS] = {};
	struct probe_stat s = {};

	probe_body(bins, &s);
	assert_int_equal(s.body_ns + s.interrupted_ns, 0);
	runs(bins, 2, 101);
	runs(bins, 3, 1ULL << 40);
	probe_body(bins, &s);
	assert_int_equal(s.body_ns, 2 * 101 + (3ULL << 40));
	assert_int_equal(s.interrupted_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
