// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A line table of three functions, whole, cut at every byte, and with every bit flipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "go/pclntab.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 72, FUNCTAB = 112, FUNCS = 144, SIZE = FUNCS + 3 * 48 };

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, 8);
}

/* runtime.a at 0, main.b at 0x40, runtime.c at 0x100, text ends at 0x180 */
static void make(uint8_t p[SIZE], uint32_t magic)
{
	static const char names[] = "runtime.a\0main.b\0runtime.c";
	static const uint32_t entry[] = { 0, 0x40, 0x100, 0x180 }, name[] = { 0, 10, 17 };

	memset(p, 0, SIZE);
	put32(p, magic);
	p[6] = 1;
	p[7] = 8;
	put64(p + 8, 3);
	put64(p + 24, 0x401000);
	put64(p + 32, NAMES);
	put64(p + 40, NAMES);
	put64(p + 48, NAMES);
	put64(p + 56, NAMES);
	put64(p + 64, FUNCTAB);
	memcpy(p + NAMES, names, sizeof(names));
	for (int i = 0; i < 3; i++) {
		put32(p + FUNCTAB + 8 * i, entry[i]);
		put32(p + FUNCTAB + 8 * i + 4, FUNCS - FUNCTAB + 48 * i);
		put32(p + FUNCS + 48 * i, entry[i]);
		put32(p + FUNCS + 48 * i + 4, name[i]);
	}
	put32(p + FUNCTAB + 24, entry[3]);
}

static void test_functions(void **state)
{
	static const char *const want[] = { "c", "nosuch", "a" };
	uint8_t p[SIZE];
	struct pclntab t;
	struct gofunc f, g[3];

	for (int v = 0; v < 2; v++) {
		make(p, v ? 0xfffffff1 : 0xfffffff0);
		assert_int_equal(pclntab_parse(&t, p, sizeof(p)), 0);
		assert_int_equal(t.version, v ? 20 : 18);
		assert_int_equal(t.nfunc, 3);
		assert_int_equal(t.text_start, 0x401000);
		assert_true(pclntab_func(&t, 1, &f));
		assert_string_equal(f.name, "main.b");
		assert_int_equal(f.entry, 0x40);
		assert_int_equal(f.end, 0x100);
		assert_false(pclntab_func(&t, 3, &f));
	}
	assert_true(pclntab_find(&t, 0xff, &f));
	assert_string_equal(f.name, "main.b");
	assert_true(pclntab_find(&t, 0x17f, &f));
	assert_string_equal(f.name, "runtime.c");
	assert_false(pclntab_find(&t, 0x180, &f));
	/* only the runtime's functions are looked up, by the name behind the package */
	assert_int_equal(pclntab_lookup(&t, want, g, 3), 2);
	assert_int_equal(g[0].entry, 0x100);
	assert_null(g[1].name);
	assert_int_equal(g[2].entry, 0);
}

static void use(const uint8_t *p, size_t len)
{
	static const char *const want[] = { "c", "a" };
	struct pclntab t;
	struct gofunc f, g[2];

	if (pclntab_parse(&t, p, len))
		return;
	for (uint32_t i = 0; i < 4; i++)
		if (pclntab_func(&t, i, &f))
			assert_true(strlen(f.name) < len);
	for (uint64_t off = 0; off < 0x200; off += 16)
		pclntab_find(&t, off, &f);
	pclntab_lookup(&t, want, g, 2);
}

/* In a buffer of exactly that many bytes, so that a sanitizer sees each one too far. */
static void test_cut_at_every_byte(void **state)
{
	uint8_t p[SIZE];

	make(p, 0xfffffff1);
	for (size_t len = 0; len <= SIZE; len++) {
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, p, len);
		use(cut, len);
		pclntab_scan(cut, len);
		free(cut);
	}
}

static void test_every_bit_flipped(void **state)
{
	uint8_t *p = malloc(SIZE);

	for (size_t bit = 0; bit < SIZE * 8; bit++) {
		make(p, 0xfffffff1);
		p[bit / 8] ^= 1 << bit % 8;
		use(p, SIZE);
	}
	free(p);
}

static void test_scan(void **state)
{
	uint8_t *p = calloc(1, 4096 + SIZE);

	assert_int_equal(pclntab_scan(p, 4096), -1);
	make(p + 1024, 0xfffffff1);
	put32(p + 512, 0xfffffff1); /* the magic alone is no table */
	assert_int_equal(pclntab_scan(p, 4096 + SIZE), 1024);
	assert_int_equal(pclntab_scan(p, 1024 + 71), -1);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_every_bit_flipped),
		cmocka_unit_test(test_scan),
	};

	return cmocka_run_group_tests_name("pclntab", tests, NULL, NULL);
}
