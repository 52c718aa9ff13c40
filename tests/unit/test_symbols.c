// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What names are made of: files read in pieces, ELF symbols, kallsyms, kept answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include "elf64.h"
#include "elfsyms.h"
#include "ksyms.h"
#include "pccache.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define P LAZYFILE_PIECE

/* ---- lazyfile ---- */

static uint8_t byte_at(uint64_t i)
{
	return i * 31 + i / 251;
}

static int make_file(uint64_t size)
{
	int fd = memfd_create("file", 0);
	uint8_t *b = malloc(size);

	for (uint64_t i = 0; i < size; i++)
		b[i] = byte_at(i);
	assert_int_equal(write(fd, b, size), size);
	free(b);
	return fd;
}

static void test_pieces(void **state)
{
	const uint64_t size = 5 * P + 77;
	int fd = make_file(size);
	struct lazyfile f;
	const uint8_t *p;

	assert_int_equal(lazyfile_open(&f, fd), 0);
	assert_int_equal(f.size, size);
	assert_int_equal(f.loaded, 0);
	p = lazyfile_at(&f, 3 * P - 5, 10); /* across a border */
	assert_non_null(p);
	for (int i = 0; i < 10; i++)
		assert_int_equal(p[i], byte_at(3 * P - 5 + i));
	assert_int_equal(f.loaded, 2 * P);
	assert_non_null(lazyfile_at(&f, size - 1, 1));
	assert_int_equal(f.loaded, 2 * P + 77);
	assert_non_null(lazyfile_at(&f, size, 0));
	assert_null(lazyfile_at(&f, size, 1));
	assert_null(lazyfile_at(&f, size - 1, 2));
	assert_null(lazyfile_at(&f, 1, UINT64_MAX));
	assert_null(lazyfile_at(&f, UINT64_MAX, 2));
	/* whole pieces only are given back */
	lazyfile_drop(&f, 2 * P + 1, UINT64_MAX);
	assert_int_equal(f.loaded, P);
	assert_int_equal(*lazyfile_at(&f, 3 * P, 1), byte_at(3 * P));
	lazyfile_drop(&f, UINT64_MAX - 3, UINT64_MAX);
	lazyfile_drop(&f, 0, UINT64_MAX);
	assert_int_equal(f.loaded, 0);
	lazyfile_close(&f);
	close(fd);
}

/* What was read stays, what was not is an error: no SIGBUS. */
static void test_cut_off(void **state)
{
	int fd = make_file(4 * P);
	struct lazyfile f;

	assert_int_equal(lazyfile_open(&f, fd), 0);
	assert_non_null(lazyfile_at(&f, 3 * P, 8));
	assert_int_equal(ftruncate(fd, P + 100), 0);
	assert_int_equal(*lazyfile_at(&f, 3 * P + 1, 1), byte_at(3 * P + 1));
	assert_null(lazyfile_at(&f, 2 * P, 1));
	assert_null(lazyfile_at(&f, P + 50, 1));
	assert_non_null(lazyfile_at(&f, P - 1, 1));
	lazyfile_close(&f);
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(lazyfile_open(&f, fd), -EINVAL);
	close(fd);
}

static void test_strings(void **state)
{
	static const char bytes[] = { 'a', 'b', 0, 'c', 'd' };
	struct lazyfile f;

	lazyfile_memory(&f, bytes, sizeof(bytes));
	assert_string_equal(lazyfile_string(&f, 1, 10), "b");
	assert_string_equal(lazyfile_string(&f, 2, 10), "");
	assert_null(lazyfile_string(&f, 0, 2));  /* longer than may be */
	assert_null(lazyfile_string(&f, 3, 10)); /* does not end */
	assert_null(lazyfile_string(&f, 5, 10));
}

/* ---- ELF symbols: of this very program, whose addresses we know ---- */

__attribute__((noinline)) static int a_static_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 3;
}

static uint64_t self_bias(void)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR); /* NOLINT */

	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		if (ph[i].p_type == PT_PHDR)
			return getauxval(AT_PHDR) - ph[i].p_vaddr;
	return 0;
}

static void test_self(void **state)
{
	uint64_t bias = self_bias(), at = (uint64_t)(uintptr_t)a_static_function - bias, start;
	int fd = open("/proc/self/exe", O_RDONLY);
	struct elfsyms s;

	a_static_function(1);
	assert_int_equal(elfsyms_open(&s, fd, (struct elfsyms_skip){}), 0);
	assert_string_equal(elfsyms_find(&s, at, &start), "a_static_function");
	assert_string_equal(elfsyms_find(&s, at + 1, &start), "a_static_function");
	assert_int_equal(start, at);
	assert_string_equal(elfsyms_find(&s, (uint64_t)(uintptr_t)test_self - bias, &start),
			    "test_self");
	assert_null(elfsyms_find(&s, 0, &start));
	assert_null(elfsyms_find(&s, UINT64_MAX, &start));
	for (size_t i = 1; i < s.n; i++)
		assert_true(s.sym[i].addr > s.sym[i - 1].addr);
	elfsyms_close(&s);
	/* those that are not wanted */
	assert_int_equal(elfsyms_open(&s, fd, (struct elfsyms_skip){ at, at + 1 }), 0);
	assert_null(elfsyms_find(&s, at, &start));
	elfsyms_close(&s);
	close(fd);
}

/* A file of one section of symbols: each cut and each flipped bit is survived. */
struct forged {
	Elf64_Ehdr eh;
	Elf64_Shdr sh[4];
	Elf64_Sym sym[5];
	char str[40];
};

static void forge(struct forged *f)
{
	static const char strings[] = "\0__alias\0alias\0bare\0weak";

	memset(f, 0, sizeof(*f));
	memcpy(f->eh.e_ident, ELFMAG, SELFMAG);
	f->eh.e_ident[EI_CLASS] = ELFCLASS64;
	f->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	f->eh.e_shoff = offsetof(struct forged, sh);
	f->eh.e_shnum = 4;
	f->eh.e_shentsize = sizeof(f->sh[0]);
	f->sh[1] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
				 .sh_offset = offsetof(struct forged, sym),
				 .sh_size = sizeof(f->sym),
				 .sh_entsize = sizeof(f->sym[0]),
				 .sh_link = 2 };
	f->sh[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				 .sh_offset = offsetof(struct forged, str),
				 .sh_size = sizeof(f->str) };
	f->sh[3] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS, .sh_addr = 0x1000, .sh_size = 0x100 };
	f->sym[1] = (Elf64_Sym){ 1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 3, 0x1000, 16 };
	f->sym[2] = (Elf64_Sym){ 9, ELF64_ST_INFO(STB_WEAK, STT_FUNC), 0, 3, 0x1000, 16 };
	f->sym[3] = (Elf64_Sym){ 15, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 3, 0x1020, 0 };
	f->sym[4] = (Elf64_Sym){ 20, ELF64_ST_INFO(STB_WEAK, STT_FUNC), 0, 3, 0x1040, 4 };
	memcpy(f->str, strings, sizeof(strings));
}

static void test_forged(void **state)
{
	struct forged f;
	struct elfsyms s;
	uint64_t start;

	forge(&f);
	assert_int_equal(elfsyms_open_memory(&s, &f, sizeof(f)), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(elfsyms_find(&s, 0x100f, &start), "alias"); /* the plainest */
	assert_null(elfsyms_find(&s, 0x1010, &start));
	assert_string_equal(elfsyms_find(&s, 0x103f, &start), "bare"); /* up to the next */
	assert_string_equal(elfsyms_find(&s, 0x1043, &start), "weak");
	assert_null(elfsyms_find(&s, 0x1044, &start));
	elfsyms_close(&s);
	/* in .dynsym not all symbols are known: one without a size names nothing */
	f.sh[1].sh_type = SHT_DYNSYM;
	assert_int_equal(elfsyms_open_memory(&s, &f, sizeof(f)), 0);
	assert_null(elfsyms_find(&s, 0x1020, &start));
	elfsyms_close(&s);
	f.sh[1].sh_size = 0;
	assert_int_equal(elfsyms_open_memory(&s, &f, sizeof(f)), -ENOENT);
	f.eh.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(elfsyms_open_memory(&s, &f, sizeof(f)), -ENOEXEC);
}

static void use(const void *p, size_t len)
{
	struct elfsyms s;
	uint64_t start;

	if (elfsyms_open_memory(&s, p, len))
		return;
	for (uint64_t a = 0xff0; a < 0x1100; a += 8)
		elfsyms_find(&s, a, &start);
	elfsyms_close(&s);
}

static void test_damaged(void **state)
{
	uint8_t *p = malloc(sizeof(struct forged)), *cut;

	for (size_t bit = 0; bit < 8 * sizeof(struct forged); bit++) {
		forge((struct forged *)p);
		p[bit / 8] ^= 1 << bit % 8;
		use(p, sizeof(struct forged));
	}
	forge((struct forged *)p);
	for (size_t len = 0; len < sizeof(struct forged); len++) {
		cut = malloc(len + 1);
		memcpy(cut, p, len);
		cut = realloc(cut, len + !len);
		use(cut, len);
		free(cut);
	}
	free(p);
}

/* ---- the kernel ---- */

static void test_kernel(void **state)
{
	struct ksyms k;

	assert_int_equal(ksyms_parse(&k, strdup("ffffffff81000100 T b\n"
						"ffffffff81000000 T a\n"
						"ffffffff81000000 t a_alias\n"
						"ffffffff81000180 D data\n"
						"ffffffff81000200 W weak\n"
						"ffffffffc0000000 t m\t[mod]\n")),
			 0);
	assert_int_equal(k.n, 4);
	assert_string_equal(k.text + ksyms_find(&k, 0xffffffff810000ff)->name, "a");
	assert_string_equal(k.text + ksyms_find(&k, 0xffffffff81000100)->name, "b");
	assert_null(ksyms_find(&k, 0xffffffff81000180)); /* data is no function */
	assert_null(ksyms_find(&k, 0xffffffff80ffffff));
	assert_string_equal(k.text + ksyms_find(&k, 0xffffffffc0000010)->module, "[mod]");
	assert_int_equal(ksyms_find(&k, 0xffffffff81000000)->module, 0);
	/* far behind the last one is no function, either */
	assert_null(ksyms_find(&k, 0xfffffffff0000000));
	ksyms_close(&k);
	assert_int_equal(ksyms_parse(&k, strdup("0000000000000000 T a\n0000000000000000 T b\n")),
			 -EPERM);
	assert_int_equal(ksyms_parse(&k, strdup("")), -ENOENT);
	assert_int_equal(ksyms_parse(&k, strdup("nonsense\n")), -ENOENT);
	assert_int_equal(ksyms_parse(&k, strdup("ffffffff81000000 T")), -ENOENT);
}

/* ---- kept answers ---- */

static void test_cache(void **state)
{
	struct frame f = { .function = "f" }, two[2] = { { .line = 1 }, { .line = 2 } };
	struct pccache c;
	const struct frame *got;
	const char *s;
	char text[32];
	size_t n;

	assert_int_equal(pccache_open(&c), 0);
	assert_null(pccache_get(&c, 0, &n));
	pccache_put(&c, 0, two, 2);
	got = pccache_get(&c, 0, &n);
	assert_int_equal(n, 2);
	assert_int_equal(got[1].line, 2);
	/* more than it holds: whatever it still knows is right, and the last one is known */
	for (uint64_t pc = 1; pc < 100000; pc++) {
		f.line = pc;
		pccache_put(&c, pc * 16, &f, 1);
		assert_int_equal(pccache_get(&c, pc * 16, &n)->line, pc);
	}
	for (uint64_t pc = 1; pc < 100000; pc++) {
		got = pccache_get(&c, pc * 16, &n);
		assert_true(!got || got->line == pc);
	}
	pccache_clear(&c);
	assert_null(pccache_get(&c, 99999 * 16, &n));
	/* strings stay, and are one if they are equal; full, the answer is not another's */
	s = pccache_string(&c, "libc.so.6+0x1234");
	for (int i = 0; i < 300000; i++) {
		snprintf(text, sizeof(text), "x+%d", i);
		got = NULL;
		if (strcmp(pccache_string(&c, text), text))
			assert_string_equal(pccache_string(&c, text), "?");
	}
	assert_ptr_equal(pccache_string(&c, "libc.so.6+0x1234"), s);
	assert_string_equal(s, "libc.so.6+0x1234");
	pccache_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),  cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_self),
		cmocka_unit_test(test_forged),  cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_kernel),  cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
