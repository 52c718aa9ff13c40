/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* test_lib.h - what the tests of tools/lib share. */
#ifndef TEST_LIB_H
#define TEST_LIB_H

/* cmocka.h needs these, and comes after them. */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* cmocka's; fail.h has ours */

/* A stream in memory; the text is whole after capture_end(), and freed with free(). */
struct capture {
	FILE *f;
	char *text;
	size_t len;
};

static inline void capture_begin(struct capture *c)
{
	*c = (struct capture){};
	c->f = open_memstream(&c->text, &c->len);
	assert_non_null(c->f);
}

static inline char *capture_end(struct capture *c)
{
	assert_int_equal(fclose(c->f), 0);
	return c->text;
}

static inline void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part))
		return;
	print_error("'%s' is not in '%s'\n", part, text);
	_fail(__FILE__, __LINE__);
}

static inline void locale_utf8(void)
{
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

static inline void locale_ascii(void)
{
	assert_non_null(setlocale(LC_CTYPE, "C"));
}

#endif
