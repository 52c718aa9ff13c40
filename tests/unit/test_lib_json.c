// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The JSON writer, on hostile text and on numbers at their limits. */
#include "json.h"
#include "test_lib.h"
#include <float.h>
#include <math.h>

#define JSON_IS(expected, call)                                                                    \
	do {                                                                                       \
		struct capture cap;                                                                \
		struct json j = {};                                                                \
		capture_begin(&cap);                                                               \
		j.f = cap.f;                                                                       \
		call;                                                                              \
		assert_string_equal(capture_end(&cap), expected);                                  \
		free(cap.text);                                                                    \
	} while (0)

#define TEXT_IS(expected, bytes)                                                                   \
	JSON_IS("\"" expected "\"", json_text(&j, NULL, bytes, sizeof(bytes) - 1))

static void test_structure(void **state)
{
	struct capture c;
	struct json j = {};

	(void)state;
	capture_begin(&c);
	j.f = c.f;
	json_open(&j, NULL, '{');
	json_u64(&j, "a", UINT64_MAX);
	json_open(&j, "empty", '[');
	json_close(&j, ']');
	json_open(&j, "list", '[');
	json_s64(&j, NULL, INT64_MIN);
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_null(&j, NULL);
	json_close(&j, ']');
	json_bool(&j, "yes", true);
	json_u64_text(&j, "ns", UINT64_MAX);
	json_string(&j, "none", NULL);
	json_close(&j, '}');
	assert_string_equal(capture_end(&c), "{\"a\":18446744073709551615,\"empty\":[],"
					     "\"list\":[-9223372036854775808,{},null],\"yes\":true,"
					     "\"ns\":\"18446744073709551615\",\"none\":null}");
	free(c.text);
}

static void test_pretty(void **state)
{
	struct capture c;
	struct json j = { .pretty = true };

	(void)state;
	capture_begin(&c);
	j.f = c.f;
	json_open(&j, NULL, '{');
	json_u64(&j, "a", 1);
	json_open(&j, "b", '[');
	json_close(&j, ']');
	json_open(&j, "c", '[');
	json_u64(&j, NULL, 2);
	json_close(&j, ']');
	json_close(&j, '}');
	assert_string_equal(capture_end(&c),
			    "{\n  \"a\": 1,\n  \"b\": [],\n  \"c\": [\n    2\n  ]\n}");
	free(c.text);
}

static void test_escapes(void **state)
{
	(void)state;
	TEXT_IS("", "");
	TEXT_IS("plain", "plain");
	TEXT_IS("a\\\"b\\\\c/", "a\"b\\c/");
	TEXT_IS("\\u0000\\u0009\\u000a\\u000d\\u001f\\u007f", "\0\t\n\r\x1f\x7f");
	TEXT_IS("\\u001b[31mred\\u001b[0m", "\x1b[31mred\x1b[0m");
	TEXT_IS("\\u009b31m", "\xc2\x9b"
			      "31m");
	TEXT_IS("\\u202egpj", "\xe2\x80\xaegpj");
	TEXT_IS("\\u2028\\ufeff", "\xe2\x80\xa8\xef\xbb\xbf");
	TEXT_IS("é★😀", "é★😀");
	TEXT_IS("\\udb40\\udc41", "\xf3\xa0\x81\x81");
}

static void test_not_utf8(void **state)
{
	(void)state;
	TEXT_IS("\\ufffd", "\xff");
	TEXT_IS("a\\ufffdb", "a\x80"
			     "b");
	TEXT_IS("\\ufffd\\ufffd", "\xc0\xaf");
	TEXT_IS("\\ufffd\\ufffd\\ufffd", "\xe0\x80\xaf");
	TEXT_IS("\\ufffd\\ufffd\\ufffd", "\xed\xa0\x80");
	TEXT_IS("\\ufffd\\ufffd\\ufffd\\ufffd", "\xf4\x90\x80\x80");
	TEXT_IS("\\ufffd\\ufffd", "\xe2\x98");
	TEXT_IS("\\ufffdx", "\xe2x");
	TEXT_IS("\\ufffd", "\xf0");
}

static void test_doubles(void **state)
{
	(void)state;
	JSON_IS("0", json_double(&j, NULL, 0));
	JSON_IS("3", json_double(&j, NULL, 3));
	JSON_IS("-1.5", json_double(&j, NULL, -1.5));
	JSON_IS("0.1", json_double(&j, NULL, 0.1));
	JSON_IS("0.30000000000000004", json_double(&j, NULL, 0.1 + 0.2));
	JSON_IS("0.3333333333333333", json_double(&j, NULL, 1.0 / 3));
	JSON_IS("1e+300", json_double(&j, NULL, 1e300));
	JSON_IS("1.7976931348623157e+308", json_double(&j, NULL, DBL_MAX));
	JSON_IS("4.94065645841247e-324", json_double(&j, NULL, 4.9406564584124654e-324));
	JSON_IS("null", json_double(&j, NULL, NAN));
	JSON_IS("null", json_double(&j, NULL, -INFINITY));
}

/* Every double that was written reads back as itself. */
static void test_doubles_round_trip(void **state)
{
	uint64_t seed = 88172645463325252ULL;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct capture c;
		struct json j = {};
		double v;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		memcpy(&v, &seed, sizeof(v));
		if (!isfinite(v))
			continue;
		capture_begin(&c);
		j.f = c.f;
		json_double(&j, NULL, v);
		assert_true(strtod(capture_end(&c), NULL) == v);
		free(c.text);
	}
}

/* A decimal comma, where such a locale is installed, does not reach the output. */
static void test_locale(void **state)
{
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setlocale(LC_NUMERIC, names[i]);
		JSON_IS("1234.5", json_double(&j, NULL, 1234.5));
	}
	setlocale(LC_NUMERIC, "C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure), cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_escapes),   cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_doubles),   cmocka_unit_test(test_doubles_round_trip),
		cmocka_unit_test(test_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
