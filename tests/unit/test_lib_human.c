// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Numbers as people read them, most of all where one unit ends and the next begins. */
#include "col.h"
#include "human.h"
#include "test_lib.h"
#include <math.h>
#include <time.h>

#define KIB 1024ULL
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)

static void test_bytes(void **state)
{
	static const struct {
		uint64_t v;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1025, "1.0 KiB" },
		{ 1075, "1.0 KiB" },
		{ 1076, "1.1 KiB" },
		{ MIB - 52, "1023.9 KiB" },
		{ MIB - 51, "1.0 MiB" },
		{ MIB - 1, "1.0 MiB" },
		{ MIB, "1.0 MiB" },
		{ 325268275, "310.2 MiB" },
		{ GIB - 1, "1.0 GiB" },
		{ 1524713390, "1.4 GiB" },
		{ 1ULL << 60, "1.0 EiB" },
		{ UINT64_MAX - 1, "16.0 EiB" },
		{ U64_NULL, "-" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(HUMAN(bytes, cases[i].v), cases[i].text);
}

static void test_bytes3(void **state)
{
	static const struct {
		uint64_t v;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.00 KiB" },
		{ 10 * KIB - 6, "9.99 KiB" },
		{ 10 * KIB - 5, "10.0 KiB" },
		{ 100 * KIB - 52, "99.9 KiB" },
		{ 100 * KIB - 51, "100 KiB" },
		{ 512 * MIB, "512 MiB" },
		{ GIB - MIB / 2 - 1, "1023 MiB" },
		{ GIB - MIB / 2, "1.00 GiB" },
		{ 2 * GIB, "2.00 GiB" },
		{ 44 * MIB, "44.0 MiB" },
		{ UINT64_MAX - 1, "16.0 EiB" },
		{ U64_NULL, "-" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(HUMAN(bytes3, cases[i].v), cases[i].text);
}

static void test_sbytes(void **state)
{
	(void)state;
	assert_string_equal(HUMAN(sbytes, 0), "0 B");
	assert_string_equal(HUMAN(sbytes, 512), "+512 B");
	assert_string_equal(HUMAN(sbytes, -1258291), "-1.2 MiB");
	assert_string_equal(HUMAN(sbytes, INT64_MAX), "+8.0 EiB");
	assert_string_equal(HUMAN(sbytes, INT64_MIN + 1), "-8.0 EiB");
	assert_string_equal(HUMAN(sbytes, S64_NULL), "-");
}

static void test_count(void **state)
{
	(void)state;
	assert_string_equal(HUMAN(count, 0), "0");
	assert_string_equal(HUMAN(count, 999), "999");
	assert_string_equal(HUMAN(count, 1000), "1,000");
	assert_string_equal(HUMAN(count, 20013), "20,013");
	assert_string_equal(HUMAN(count, 123456), "123,456");
	assert_string_equal(HUMAN(count, UINT64_MAX - 1), "18,446,744,073,709,551,614");
	assert_string_equal(HUMAN(count, U64_NULL), "-");
}

static void test_nsec(void **state)
{
	(void)state;
	assert_string_equal(HUMAN(nsec, 0), "0 ns");
	assert_string_equal(HUMAN(nsec, 999), "999 ns");
	assert_string_equal(HUMAN(nsec, 1000), "1.0 us");
	assert_string_equal(HUMAN(nsec, 999949), "999.9 us");
	assert_string_equal(HUMAN(nsec, 999950), "1.0 ms");
	assert_string_equal(HUMAN(nsec, 14000000), "14.0 ms");
	assert_string_equal(HUMAN(nsec, 999949999), "999.9 ms");
	assert_string_equal(HUMAN(nsec, 999950000), "1.0 s");
	assert_string_equal(HUMAN(nsec, UINT64_MAX - 1), "18446744073.7 s");
	assert_string_equal(HUMAN(nsec, U64_NULL), "-");
}

static void test_times(void **state)
{
	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	assert_string_equal(HUMAN(time, 0), "1970-01-01T00:00:00+00:00");
	assert_string_equal(HUMAN(time, 1739278999999999999), "2025-02-11T13:03:19+00:00");
	setenv("TZ", "XST-5:30", 1);
	tzset();
	assert_string_equal(HUMAN(time, 1739278999000000000), "2025-02-11T18:33:19+05:30");
	assert_string_equal(HUMAN(time, U64_NULL), "-");
	assert_string_equal(HUMAN(mono, 12345678901234), "12345.678901");
	assert_string_equal(HUMAN(mono, 5), "0.000000");
	assert_string_equal(HUMAN(addr, 0xc000010000), "0xc000010000");
}

static void test_percent(void **state)
{
	(void)state;
	assert_string_equal(HUMAN(percent, 0), "0.0");
	assert_string_equal(HUMAN(percent, -0.04), "0.0");
	assert_string_equal(HUMAN(percent, -0.06), "-0.1");
	assert_string_equal(HUMAN(percent, 21.34), "21.3");
	assert_string_equal(HUMAN(percent, 99.96), "100.0");
	assert_string_equal(HUMAN(percent, NAN), "-");
	assert_string_equal(HUMAN(percent, INFINITY), "-");
	assert_string_equal(HUMAN(percent, 1e300), "1000000000000000.0");
}

static void test_stars(void **state)
{
	(void)state;
	assert_string_equal(HUMAN(stars, 0, true), "");
	assert_string_equal(HUMAN(stars, 2, true), "★★");
	assert_string_equal(HUMAN(stars, 3, false), "***");
	assert_string_equal(HUMAN(stars, 4, true), "-");
	assert_string_equal(HUMAN(stars, U64_NULL, true), "-");
}

static void test_bar(void **state)
{
	(void)state;
	assert_string_equal(HUMAN(bar, 0, true), "");
	assert_string_equal(HUMAN(bar, -5, true), "");
	assert_string_equal(HUMAN(bar, NAN, true), "");
	assert_string_equal(HUMAN(bar, 21.3, true), "████▎");
	assert_string_equal(HUMAN(bar, 35.2, true), "███████");
	assert_string_equal(HUMAN(bar, 4.4, true), "▉");
	assert_string_equal(HUMAN(bar, 100, true), "████████████████████");
	assert_string_equal(HUMAN(bar, 1e9, true), "████████████████████");
	assert_string_equal(HUMAN(bar, 21.3, false), "####");
	assert_string_equal(HUMAN(bar, 100, false), "####################");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),   cmocka_unit_test(test_bytes3),
		cmocka_unit_test(test_sbytes),  cmocka_unit_test(test_count),
		cmocka_unit_test(test_nsec),    cmocka_unit_test(test_times),
		cmocka_unit_test(test_percent), cmocka_unit_test(test_stars),
		cmocka_unit_test(test_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
