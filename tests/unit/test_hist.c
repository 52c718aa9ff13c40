// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The slots of histograms: they cover all values, in order, without a gap. */
#include "hist.h"
#include "test_lib.h"

static void test_round_trip(void **state)
{
	(void)state;
	for (uint32_t slot = 0; slot < HIST_SLOTS; slot++) {
		uint64_t low = hist_low(slot), high = hist_high(slot);

		assert_true(low <= high);
		assert_int_equal(hist_slot(low), slot);
		assert_int_equal(hist_slot(high), slot);
		assert_int_equal(hist_slot(low + (high - low) / 2), slot);
		if (slot + 1 < HIST_SLOTS)
			assert_true(hist_low(slot + 1) == high + 1);
	}
	assert_true(hist_low(0) == 0);
	assert_true(hist_high(HIST_SLOTS - 1) == UINT64_MAX);
}

/* Exact below 32, where a slot is one value; then 1/16 of the value at most. */
static void test_width(void **state)
{
	(void)state;
	for (uint32_t slot = 0; slot < HIST_SLOTS; slot++) {
		uint64_t width = hist_high(slot) - hist_low(slot) + 1;

		if (slot < 2 * HIST_SUB)
			assert_int_equal(width, 1);
		else
			assert_true(width <= hist_low(slot) / HIST_SUB);
	}
}

/* A power of two begins a slot, and the value before it is in the slot before. */
static void test_powers(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t v = 1ULL << bit;

		assert_int_equal(hist_log2(v), bit);
		assert_int_equal(hist_log2(v | (v - 1)), bit);
		assert_true(hist_low(hist_slot(v)) == v);
		assert_int_equal(hist_slot(v), hist_slot(v - 1) + 1);
	}
}

/* Values of which the slot was worked out by hand, as in the drawing of hist.h. */
static void test_values(void **state)
{
	static const struct {
		uint64_t v;
		uint32_t slot;
	} known[] = {
		{ 0, 0 },      { 15, 15 },    { 16, 16 },          { 31, 31 }, { 32, 32 },
		{ 33, 32 },    { 34, 33 },    { 63, 47 },          { 64, 48 }, { 1000, 111 },
		{ 1023, 111 }, { 1024, 112 }, { UINT64_MAX, 975 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(hist_slot(known[i].v), known[i].slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_powers),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
