// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The parsers of an executable over a forged one: whole, cut at every byte, with every
 * bit flipped, and with tables that lead to themselves or have no end. The same over
 * real ones is tests/e2e/hostile.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include "forge_elf.h"
#include "go/proof.h"
#include "hostile.h"

static void begin(struct hostile *h, struct forge_elf *f)
{
	hostile_begin(h, &f->rt->gp, f->rt->l->release, f->file, f->size);
	h->info = forge_shdr(f, FS_INFO)->sh_offset;
	h->all = true;
	h->pcln = forge_shdr(f, FS_PCLN)->sh_offset;
}

/* Nothing below means anything if the parsers stop at the first look at what is forged. */
static void whole(int minor)
{
	struct forge_elf *f = forge_elf_new(minor);
	struct goproc *gp = &f->rt->gp;
	struct symbol sym[G_COUNT];
	struct resolved r;
	struct symbolizer s;
	struct frame frame[8];
	struct hostile h;

	begin(&h, f);
	assert_int_equal(binary_open(&gp->bin, h.fd, "it"), 0);
	assert_int_equal(gp->bin.minor, minor);
	assert_string_equal(gp->bin.module, "x.org/y");
	assert_int_equal(binary_symbols(&gp->bin, go_global_names, sym, G_COUNT), G_COUNT);
	for (int i = 0; i < G_COUNT; i++)
		assert_int_equal(sym[i].addr, gp->addr[i]);
	assert_int_equal(symbolizer_open(&s, gp), 0);
	assert_int_equal(symbolize(&s, f->main + 20, frame, 8), 3);
	assert_string_equal(frame[0].function, "inl.b");
	assert_string_equal(frame[1].function, "inl.a");
	assert_string_equal(frame[2].function, "main.main");
	assert_string_equal(frame[2].file, "main.go");
	assert_int_equal(frame[2].line, 10);
	assert_int_equal(frame[0].start_line, minor < 20 ? 0 : 4);
	assert_int_equal(frame[1].start_line, minor < 20 ? 0 : 3);
	assert_int_equal(frame[2].start_line, minor < 20 ? 0 : 8);
	fail_clear();
	assert_int_equal(go_resolve(gp, gp->l, &r), 0);
	for (int i = 0; i < G_COUNT; i++)
		if (go_global_required[i])
			assert_int_equal(r.addr[i], gp->addr[i]);
	assert_int_equal(go_prove_structures(gp, true), 0);
	assert_string_equal(gp->why, "");
	assert_true(gp->proven);
	binary_close(&gp->bin);
	hostile_end(&h);
	forge_elf_free(f);
}

static void test_whole(void **state)
{
	for (size_t i = 0; i < go_layouts_count; i++)
		whole(atoi(go_layouts[i].release + 2));
}

static void test_cut_at_every_byte(void **state)
{
	static const int minors[] = { 19, 27 };
	struct hostile h;

	for (int i = 0; i < 2; i++) {
		struct forge_elf *f = forge_elf_new(minors[i]);

		begin(&h, f);
		for (size_t len = f->size; len--;) {
			hostile_cut(&h, len);
			hostile_run(&h, "cut at", len, NULL);
		}
		hostile_end(&h);
		forge_elf_free(f);
	}
}

static void test_every_bit_flipped(void **state)
{
	struct forge_elf *f = forge_elf_new(26);
	struct hostile h;

	begin(&h, f);
	for (size_t bit = 0; bit < f->size * 8; bit++) {
		h.all = bit % 3 == 0; /* else the dear ones by turns */
		hostile_flip(&h, bit / 8, 1 << bit % 8);
		hostile_run(&h, "bit", bit, "line table");
		hostile_flip(&h, bit / 8, 1 << bit % 8);
	}
	hostile_end(&h);
	forge_elf_free(f);
}

/* The module's and the runtime's own words, which the process may write as it likes. */
static void test_every_bit_of_the_module(void **state)
{
	struct forge_elf *f = forge_elf_new(24);
	uint8_t *md = global(f->rt, G_firstmoduledata);
	struct hostile h;

	begin(&h, f);
	for (size_t bit = 0; bit < 640 * 8; bit++) {
		if (!get_u64(md, bit / 64 * 8) && bit % 64 % 7)
			continue;
		md[bit / 8] ^= 1 << bit % 8;
		hostile_run(&h, "module bit", bit, NULL);
		md[bit / 8] ^= 1 << bit % 8;
	}
	hostile_end(&h);
	forge_elf_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_every_bit_flipped),
		cmocka_unit_test(test_every_bit_of_the_module),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
