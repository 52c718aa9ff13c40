// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Hostile names on their way to a terminal: escapes, widths, cuts. */
#include "test_lib.h"
#include "text.h"

static void clean_is(const char *s, size_t len, bool utf8, const char *expected)
{
	char *clean = text_clean(s, len, utf8);

	assert_string_equal(clean, expected);
	free(clean);
}

#define CLEAN_IS(bytes, utf8, expected) clean_is(bytes, sizeof(bytes) - 1, utf8, expected)

static void test_clean(void **state)
{
	(void)state;
	CLEAN_IS("", true, "");
	CLEAN_IS("plain name", true, "plain name");
	CLEAN_IS("\x1b[2J\x1b]0;owned\a", true, "\\x1b[2J\\x1b]0;owned\\x07");
	CLEAN_IS("a\nb\rc\td\0e\x7f", true, "a\\x0ab\\x0dc\\x09d\\x00e\\x7f");
	CLEAN_IS("\xc2\x9b"
		 "31m",
		 true, "\\u009b31m");
	CLEAN_IS("\xe2\x80\xae"
		 "exe.txt",
		 true, "\\u202eexe.txt");
	CLEAN_IS("\xe2\x80\x8bzero", true, "\\u200bzero");
	CLEAN_IS("\xff\xc0\xaf", true, "\\xff\\xc0\\xaf");
	CLEAN_IS("\x9b", true, "\\x9b");
	CLEAN_IS("é★", true, "é★");
}

static void test_clean_ascii(void **state)
{
	(void)state;
	CLEAN_IS("a · b ★★ … → ≥", false, "a . b ** ... -> >=");
	CLEAN_IS("é日", false, "??");
	CLEAN_IS("\xff", false, "\\xff");
	CLEAN_IS("\xe2\x80\xae", false, "\\u202e");
}

/* Whatever comes in, nothing a terminal obeys comes out, and every cell has its width. */
static void test_clean_any_bytes(void **state)
{
	uint64_t seed = 1442695040888963407ULL;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		char bytes[24], *clean;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			bytes[i] = seed >> 56;
		}
		clean = text_clean(bytes, sizeof(bytes), round & 1);
		for (const char *p = clean, *end = p + strlen(p); p < end;) {
			int32_t c = text_next(&p, end);

			assert_true(c >= 0x20);
			assert_false(text_is_unsafe(c));
		}
		assert_true(text_width(clean) > 0);
		free(clean);
	}
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("é★▎"), 3);
	assert_int_equal(text_width("日本"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1);
}

static void print_is(const char *s, size_t width, bool utf8, const char *expected, size_t columns)
{
	struct capture c;

	capture_begin(&c);
	assert_int_equal(text_print(c.f, s, width, utf8), columns);
	assert_string_equal(capture_end(&c), expected);
	free(c.text);
}

static void test_cut(void **state)
{
	(void)state;
	print_is("abcdef", 0, true, "abcdef", 6);
	print_is("abcdef", 6, true, "abcdef", 6);
	print_is("abcdef", 5, true, "abcd…", 5);
	print_is("abcdef", 5, false, "abcd~", 5);
	print_is("abcdef", 1, true, "…", 1);
	print_is("日本語", 6, true, "日本語", 6);
	print_is("日本語", 5, true, "日本…", 5);
	print_is("日本語", 4, true, "日…", 3);
	print_is("ééé", 2, true, "é…", 2);
}

static int setup(void **state)
{
	(void)state;
	locale_utf8();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clean_ascii),
		cmocka_unit_test(test_clean_any_bytes),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
