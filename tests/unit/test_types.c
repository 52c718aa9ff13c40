// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Type descriptors in two forged modules: as they should be, and each thing wrong with them. */
#include "fail.h" /* before cmocka, whose fail() is a macro */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "go/goproc.h"
#include "go/types.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATA  0x500000ULL
#define TYPES 0x600000ULL
#define MORE  0x700000ULL

enum { SIZE = 8192, AT_STRUCT = 64, AT_MAP = 256, NAME = 512, PKG = 600, LONG = 1024 };

static uint8_t data[4096], types[SIZE], more[SIZE];
static struct goproc gp;

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, 8);
}

static void put_module(uint64_t at, uint64_t start, uint64_t end, uint64_t next)
{
	put64(data + at + gp.l->md_types, start);
	put64(data + at + gp.l->md_etypes, end);
	put64(data + at + gp.l->md_next, next);
}

static void put_name(uint8_t *p, size_t len, const char *text)
{
	p[0] = 1;
	p[1] = (len & 0x7f) | 0x80;
	p[2] = len >> 7;
	memcpy(p + 3, text, len);
}

static void put_type(uint8_t *p, uint64_t size, uint64_t ptrbytes, int kind, int tflag, int name)
{
	put64(p, size);
	put64(p + 8, ptrbytes);
	p[20] = tflag;
	p[21] = p[22] = 8;
	p[23] = kind;
	put32(p + 40, name);
}

/* Two modules with a struct main.T and a map main.M each. */
static int setup_release(int minor)
{
	static const struct mem_segment seg[] = { { DATA, data, sizeof(data) },
						  { TYPES, types, SIZE },
						  { MORE, more, SIZE } };
	const uint32_t map_size = minor < 24 ? 88 : minor < 27 ? 112 : 136;

	memset(data, 0, sizeof(data));
	mem_close(gp.mem);
	gp = (struct goproc){ .l = go_layout_find(minor, EM_X86_64), .proven = true };
	gp.addr[G_firstmoduledata] = DATA;
	gp.mem = mem_image_new(seg, 3);
	put_module(0, TYPES, TYPES + SIZE, DATA + 2048);
	put_module(2048, MORE, MORE + SIZE, 0);
	for (int i = 0; i < 2; i++) {
		uint8_t *p = i ? more : types;

		memset(p, 0, SIZE);
		put_name(p + NAME, 7, i ? "*more.T" : "*main.T");
		put_name(p + PKG, 4, i ? "more" : "main");
		put_type(p + AT_STRUCT, 40, 16, GO_KIND_STRUCT, 7, NAME);
		put32(p + AT_STRUCT + 80, PKG);
		put_type(p + AT_MAP, 8, 8, GO_KIND_MAP | 32, 7, NAME);
		put32(p + AT_MAP + map_size, PKG);
	}
	return 0;
}

static int setup(void **state)
{
	return setup_release(24);
}

static int teardown(void **state)
{
	mem_close(gp.mem);
	gp.mem = NULL;
	return 0;
}

/* The error of the struct in the first module. */
static int look(struct go_type *t)
{
	struct go_types ts;
	int err = go_types_open(&ts, &gp);

	return err ? err : go_type_read(&ts, TYPES + AT_STRUCT, t);
}

static void test_both_modules(void **state)
{
	struct go_types ts;
	struct go_type t;

	for (size_t i = 0; i < go_layouts_count; i++) {
		setup_release(atoi(go_layouts[i].release + 2));
		assert_int_equal(go_types_open(&ts, &gp), 0);
		assert_int_equal(ts.n, 2);
		assert_int_equal(go_type_read(&ts, TYPES + AT_STRUCT, &t), 0);
		assert_string_equal(t.name, "main.T");
		assert_string_equal(t.pkg, "main");
		assert_int_equal(t.size, 40);
		assert_int_equal(t.ptrbytes, 16);
		assert_int_equal(t.kind, GO_KIND_STRUCT);
		assert_true(t.named && !t.cut);
		assert_int_equal(go_type_read(&ts, MORE + AT_MAP, &t), 0);
		assert_string_equal(t.name, "more.T");
		assert_string_equal(t.pkg, "more");
		assert_string_equal(go_kind_name(t.kind), "map");
	}
}

static void test_not_in_a_module(void **state)
{
	const uint64_t at[] = { 0, 1, TYPES - 8, TYPES + SIZE, DATA, 0xc000010000, UINT64_MAX };
	struct go_types ts;
	struct go_type t;

	assert_int_equal(go_types_open(&ts, &gp), 0);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		assert_int_equal(go_type_read(&ts, at[i], &t), -ENOENT);
		assert_non_null(strstr(fail_text(), "made at run time"));
	}
}

/* Every single thing that a descriptor must be. */
static void test_no_descriptor(void **state)
{
	static const struct {
		int at;
		uint8_t byte;
	} bad[] = {
		{ 23, 0 },                  /* no kind */
		{ 23, 27 },                 /* one too many */
		{ 23, 2 },                  /* an int of 40 bytes */
		{ 8, 48 },                  /* more pointers than bytes */
		{ 8, 12 },                  /* half a pointer */
		{ 21, 0 },                  /* alignment */
		{ 21, 3 },                  /* not a power of two */
		{ 21, 16 },                 /* more than the size allows */
		{ 22, 6 },                  /* of a field */
		{ 20, 64 },                 /* a flag that there is not */
		{ 6, 1 },                   /* too large */
		{ 43, 0x80 },               /* a name before the module */
		{ 42, 1 },                  /* a name behind it */
		{ 83, 0x80 },               /* the same of the package */
		{ 82, 1 },                  /* behind it */
		{ NAME - 64, 64 },          /* a flag of a name */
		{ NAME - 64 + 3, '?' },     /* no star to leave out */
		{ NAME - 64 + 2, 0x7f },    /* a length far out */
		{ NAME - 64 + 4, '\n' },    /* no text */
		{ NAME - 64 + 1, 1 | 0x80 } /* only a star */
	};
	struct go_type t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup_release(24);
		assert_int_equal(look(&t), 0);
		types[AT_STRUCT + bad[i].at] = bad[i].byte;
		if (look(&t) != -EINVAL)
			fail_msg("byte %d = %d is let pass", bad[i].at, bad[i].byte);
	}
}

static void test_long_names(void **state)
{
	static char text[SIZE];
	struct go_type t;

	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "ö", 2);
	text[0] = '*';
	text[1] = 'x'; /* then a sequence begins at every even byte */
	put32(types + AT_STRUCT + 40, LONG);
	put_name(types + LONG, 1 + 1023, text);
	assert_int_equal(look(&t), 0); /* it fits */
	assert_int_equal(strlen(t.name), 1023);
	assert_false(t.cut);
	put_name(types + LONG, 4001, text);
	assert_int_equal(look(&t), 0);
	assert_true(t.cut);
	assert_int_equal(strlen(t.name), 1023); /* x and 511 whole letters */
	memcpy(text, "*", 1);
	memmove(text + 1, text + 2, sizeof(text) - 2); /* without the x */
	put_name(types + LONG, 4001, text);
	assert_int_equal(look(&t), 0);
	assert_int_equal(strlen(t.name), 1022); /* not half a letter */
}

static void test_names_at_the_end(void **state)
{
	struct go_type t;

	put32(types + AT_STRUCT + 40, SIZE - 10);
	put_name(types + SIZE - 10, 7, "*main.E");
	assert_int_equal(look(&t), 0);
	assert_string_equal(t.name, "main.E");
	types[SIZE - 9] = 8 | 0x80; /* one byte behind the end */
	assert_int_equal(look(&t), -EINVAL);
	put32(types + AT_STRUCT + 40, SIZE - 1);
	assert_int_equal(look(&t), -EINVAL);
	put32(types + AT_STRUCT + 40, SIZE - 3); /* a length that does not end */
	memset(types + SIZE - 3, 0, 1);
	memset(types + SIZE - 2, 0x80, 2);
	assert_int_equal(look(&t), -EINVAL);
}

static void test_unnamed_has_no_package(void **state)
{
	struct go_type t;

	types[AT_STRUCT + 20] = 3;
	assert_int_equal(look(&t), 0);
	assert_string_equal(t.pkg, "");
	types[AT_STRUCT + 20] = 7;
	put32(types + AT_STRUCT + 80, 0);
	assert_int_equal(look(&t), 0);
	assert_string_equal(t.pkg, "");
}

static void test_modules(void **state)
{
	struct go_types ts;
	struct go_type t;

	put_module(2048, MORE, MORE + SIZE, DATA); /* round and round: an end all the same */
	assert_int_equal(go_types_open(&ts, &gp), 0);
	assert_int_equal(ts.n, GO_MODULES_MAX);
	assert_true(ts.cut);
	put_module(2048, MORE, MORE - 8, 0);
	assert_int_equal(go_types_open(&ts, &gp), -EINVAL);
	put_module(2048, MORE, MORE + (1ULL << 32), 0);
	assert_int_equal(go_types_open(&ts, &gp), -EINVAL);
	put_module(2048, MORE, MORE + SIZE, 0x900000);
	assert_int_equal(go_types_open(&ts, &gp), -EFAULT);
	put_module(2048, MORE, MORE + 2 * SIZE, 0); /* the last page is not there */
	assert_int_equal(go_types_open(&ts, &gp), 0);
	assert_int_equal(go_type_read(&ts, MORE + SIZE, &t), -EFAULT);
	gp.proven = false;
	assert_int_equal(go_types_open(&ts, &gp), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_modules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_in_a_module, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unnamed_has_no_package, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modules, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
