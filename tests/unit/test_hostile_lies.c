// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The parsers of an executable over a forged one that was made to cost: tables that
 * contain themselves, that have no end, or are everywhere at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include "forge_elf.h"
#include "hostile.h"
#include <errno.h>
#include <sys/resource.h>

enum { LARGE = 8 << 20, MANY = 60000, SEGMENTS = 1100 };

/* Offset of a table whose offset the line table's header has at off. */
static uint64_t *head(struct forge_elf *f, size_t off)
{
	return (uint64_t *)(f->file + forge_shdr(f, FS_PCLN)->sh_offset + off);
}

/* n more bytes at the end, 8-aligned, of one value; returns where they are. */
static size_t grow(struct forge_elf *f, size_t n, int byte)
{
	size_t at = (f->size + 7) / 8 * 8;

	f->file = realloc(f->file, at + n);
	assert_non_null(f->file);
	memset(f->file + f->size, 0, at - f->size);
	memset(f->file + at, byte, n);
	f->size = at + n;
	return at;
}

/* The segment of the line table holds all that follows it. */
static void to_the_end(struct forge_elf *f)
{
	forge_phdr(f, 1)->p_filesz = f->size - forge_phdr(f, 1)->p_offset;
}

/* Entry i of the inline tree, layout of Go 1.20. */
static void inlined_at(struct forge_elf *f, int i, uint32_t pc)
{
	memcpy(f->file + f->gofunc + 16 * i + 8, &pc, 4);
}

/* ---- tables that contain themselves ---- */

static void functab_is_header(struct forge_elf *f)
{
	*head(f, 64) = 0;
}

static void functab_is_names(struct forge_elf *f)
{
	*head(f, 32) = *head(f, 64);
}

static void funcs_are_functab(struct forge_elf *f)
{
	for (uint32_t i = 0; i < *head(f, 8); i++)
		memcpy(f->file + f->functab + 8 * i + 4, &(uint32_t){ 8 * i }, 4);
}

static void inlined_by_itself(struct forge_elf *f)
{
	inlined_at(f, 1, 20);
}

static void inlined_by_each_other(struct forge_elf *f)
{
	inlined_at(f, 0, 20);
}

static void tree_is_table(struct forge_elf *f)
{
	uint8_t *md = global(f->rt, G_firstmoduledata);

	put64(md, f->rt->l->md_gofunc, get_u64(md, 0));
}

static void strings_are_symbols(struct forge_elf *f)
{
	forge_shdr(f, FS_SYM)->sh_link = FS_SYM;
}

static void names_are_headers(struct forge_elf *f)
{
	((Elf64_Ehdr *)f->file)->e_shstrndx = FS_NONE;
	*forge_shdr(f, FS_NONE) = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_size = f->size };
}

static void sections_are_the_file(struct forge_elf *f)
{
	for (int i = 1; i < FS_COUNT; i++) {
		forge_shdr(f, i)->sh_offset = 0;
		forge_shdr(f, i)->sh_size = f->size;
	}
}

static void segments_are_the_file(struct forge_elf *f)
{
	for (int i = 0; i < 3; i++) {
		forge_phdr(f, i)->p_offset = 0;
		forge_phdr(f, i)->p_filesz = f->size;
		forge_phdr(f, i)->p_vaddr = 0;
	}
}

static void module_is_next(struct forge_elf *f)
{
	put64(global(f->rt, G_firstmoduledata), f->rt->l->md_next,
	      f->rt->gp.addr[G_firstmoduledata]);
}

static void lists_are_rings(struct forge_elf *f)
{
	const struct go_layout *l = f->rt->l;
	uint64_t m = get_u64(global(f->rt, G_allm), 0);

	put64(f->rt->chunk, m - CHUNK + l->m_alllink, m);
	put64(f->rt->chunk, 0, CHUNK);
}

/* ---- ends that are not there ---- */

static void everything_wraps(struct forge_elf *f)
{
	for (int i = 0; i < 3; i++) {
		forge_phdr(f, i)->p_vaddr = -MEM_PAGE;
		forge_phdr(f, i)->p_memsz = UINT64_MAX;
	}
	for (int i = 1; i < FS_COUNT; i++) {
		forge_shdr(f, i)->sh_addr = -MEM_PAGE;
		forge_shdr(f, i)->sh_size = -forge_shdr(f, i)->sh_offset;
	}
}

static void long_function(struct forge_elf *f)
{
	memcpy(f->file + f->functab + 8 * *head(f, 8), &(uint32_t){ UINT32_MAX }, 4);
}

/* Inlined at each second pc; called at one that is millions of steps away. */
static void values_without_end(struct forge_elf *f)
{
	size_t at = grow(f, LARGE, 1);

	for (size_t i = at; i < f->size; i += 4)
		f->file[i] = 2;
	*head(f, 56) = at - forge_shdr(f, FS_PCLN)->sh_offset;
	inlined_at(f, 0, LARGE / 2 - 64);
	to_the_end(f);
	long_function(f);
}

/* Steps that go nowhere. */
static void values_without_steps(struct forge_elf *f)
{
	size_t at = grow(f, LARGE, 0);

	for (size_t i = at; i < f->size; i += 2)
		f->file[i] = 2;
	*head(f, 56) = at - forge_shdr(f, FS_PCLN)->sh_offset;
	to_the_end(f);
}

static void numbers_without_end(struct forge_elf *f)
{
	size_t at = grow(f, LARGE, 0x80);

	*head(f, 56) = at - forge_shdr(f, FS_PCLN)->sh_offset;
	to_the_end(f);
}

/* Names of symbols that do not end, each looked at for as many symbols as there is room. */
static void strings_without_end(struct forge_elf *f)
{
	Elf64_Sym sym = { .st_name = 1, .st_value = 1, .st_shndx = 1 };
	size_t at = grow(f, LARGE, 0), text = grow(f, LARGE, 'r');

	for (size_t i = 0; i < LARGE / sizeof(sym); i++) {
		sym.st_info = i % 2 ? STT_OBJECT : STT_FUNC;
		memcpy(f->file + at + i * sizeof(sym), &sym, sizeof(sym));
	}
	forge_shdr(f, FS_SYM)->sh_offset = at;
	forge_shdr(f, FS_STR)->sh_offset = text;
	/* libelf refuses what is no whole number of symbols */
	forge_shdr(f, FS_SYM)->sh_size = LARGE / sizeof(sym) * sizeof(sym);
	forge_shdr(f, FS_STR)->sh_size = LARGE;
}

/* ---- everywhere at once ---- */

/* Section headers, all alike, as many as there can be. */
static void many_sections(struct forge_elf *f, const Elf64_Shdr *one)
{
	size_t at = grow(f, MANY * sizeof(*one), 0);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f->file;

	memcpy(f->file + at, forge_shdr(f, FS_NONE), FS_COUNT * sizeof(*one));
	for (int i = FS_COUNT; i < MANY; i++)
		memcpy(f->file + at + i * sizeof(*one), one, sizeof(*one));
	eh->e_shoff = at;
	eh->e_shnum = MANY;
}

static void section_names_without_end(struct forge_elf *f)
{
	size_t at = grow(f, LARGE, '.');

	forge_shdr(f, FS_SHSTR)->sh_offset = at;
	forge_shdr(f, FS_SHSTR)->sh_size = LARGE;
	many_sections(f, &(Elf64_Shdr){ .sh_name = 1, .sh_type = SHT_NOTE });
}

static void many_symbol_tables(struct forge_elf *f)
{
	Elf64_Shdr one;

	strings_without_end(f);
	one = *forge_shdr(f, FS_SYM);
	many_sections(f, &one);
}

static void section_names_are_compressed(struct forge_elf *f)
{
	size_t at = grow(f, 4096, 0);
	Elf64_Shdr *sh = forge_shdr(f, FS_SHSTR);

	sh->sh_flags = SHF_COMPRESSED;
	sh->sh_offset = at;
	sh->sh_size = 4096;
	memcpy(f->file + sh->sh_offset,
	       &(Elf64_Chdr){
		       .ch_type = ELFCOMPRESS_ZLIB, .ch_size = 1ULL << 33, .ch_addralign = 1 },
	       sizeof(Elf64_Chdr));
	memcpy(f->file + sh->sh_offset + sizeof(Elf64_Chdr), "\x78\x9c", 2);
}

/* No line table, in a file that is all segments of the whole file. */
static void many_segments(struct forge_elf *f)
{
	size_t at = grow(f, LARGE, 0);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f->file;
	Elf64_Phdr ph = { .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = f->size };

	for (int i = 0; i < SEGMENTS; i++)
		memcpy(f->file + at + i * sizeof(ph), &ph, sizeof(ph));
	*head(f, 0) = 0;
	eh->e_phoff = at;
	eh->e_phnum = SEGMENTS;
}

/* Headers of tables whose last function is nowhere, as close as they can be. */
static void many_tables(struct forge_elf *f)
{
	size_t at = grow(f, LARGE, 'x');

	for (size_t i = at; i + 72 <= f->size; i += 72) {
		memcpy(f->file + i, head(f, 0), 72);
		put64(f->file, i + 8, 1);
		put64(f->file, i + 32, 64);
		put64(f->file, i + 64, 72);
	}
	*head(f, 0) = 0;
	to_the_end(f);
}

/* As many functions as there is room for, none of whose names ends. */
static void many_functions(struct forge_elf *f)
{
	size_t at = grow(f, LARGE, 0), names = grow(f, 8192, 'r');

	*head(f, 8) = LARGE / 8 - 1;
	*head(f, 64) = at - forge_shdr(f, FS_PCLN)->sh_offset;
	*head(f, 32) = names - forge_shdr(f, FS_PCLN)->sh_offset;
	to_the_end(f);
}

/* Each byte of code may be an operand, each operand is data; each other function has them all. */
static void code_is_operands(struct forge_elf *f)
{
	const uint32_t size = 256 << 10;
	size_t at = grow(f, size, 5);

	forge_phdr(f, 0)->p_offset = at;
	forge_phdr(f, 0)->p_filesz = size;
	forge_phdr(f, 2)->p_memsz = 1ULL << 40;
	for (uint32_t i = 0; i < *head(f, 8); i++)
		memcpy(f->file + f->functab + 8 * i, &(uint32_t){ i % 2 * size }, 4);
	memcpy(f->file + f->functab + 8 * *head(f, 8), &size, 4);
}

/* The program is mapped everywhere, and nothing of it can be read. */
static void mapped_everywhere(struct forge_elf *f)
{
	f->vma[0].start = 1ULL << 32;
	f->vma[0].end = 1ULL << 47;
}

static const struct {
	const char *name;
	void (*tell)(struct forge_elf *f);
} lies[] = {
#define LIE(name)                                                                                  \
	{                                                                                          \
#name, name                                                                        \
	}
	LIE(functab_is_header),
	LIE(functab_is_names),
	LIE(funcs_are_functab),
	LIE(inlined_by_itself),
	LIE(inlined_by_each_other),
	LIE(tree_is_table),
	LIE(strings_are_symbols),
	LIE(names_are_headers),
	LIE(sections_are_the_file),
	LIE(segments_are_the_file),
	LIE(module_is_next),
	LIE(lists_are_rings),
	LIE(everything_wraps),
	LIE(long_function),
	LIE(values_without_end),
	LIE(values_without_steps),
	LIE(numbers_without_end),
	LIE(strings_without_end),
	LIE(section_names_without_end),
	LIE(many_symbol_tables),
	LIE(section_names_are_compressed),
	LIE(many_segments),
	LIE(many_tables),
	LIE(many_functions),
	LIE(code_is_operands),
	LIE(mapped_everywhere),
#undef LIE
};

static void test_lies(void **state)
{
	struct hostile h;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct forge_elf *f = forge_elf_new(24);

		lies[i].tell(f);
		hostile_begin(&h, &f->rt->gp, lies[i].name, f->file, f->size);
		h.info = forge_shdr(f, FS_INFO)->sh_offset;
		h.pcln = (uint8_t *)head(f, 0) - f->file;
		h.all = true;
		hostile_now.longest = 0;
		hostile_run(&h, "lie", i, NULL);
		printf("%s %llu us\n", lies[i].name,
		       (unsigned long long)hostile_now.longest / 1000);
		hostile_end(&h);
		forge_elf_free(f);
	}
}

/* The chain ends where the caller's room does. */
static void test_inlined_without_end(void **state)
{
	struct forge_elf *f = forge_elf_new(24);
	struct symbolizer s;
	struct frame frame[7];
	struct hostile h;

	inlined_by_each_other(f);
	hostile_begin(&h, &f->rt->gp, "inlined", f->file, f->size);
	assert_int_equal(binary_open(&f->rt->gp.bin, h.fd, "it"), 0);
	assert_int_equal(symbolizer_open(&s, &f->rt->gp), 0);
	assert_int_equal(symbolize(&s, f->main + 20, frame, 7), 7);
	assert_string_equal(frame[5].function, "inl.a");
	assert_string_equal(frame[6].function, "inl.b");
	binary_close(&f->rt->gp.bin);
	hostile_end(&h);
	forge_elf_free(f);
}

/* A file of any size is mostly holes; they are not read into memory to see that. */
static void test_holes(void **state)
{
	struct forge_elf *f = forge_elf_new(24);
	struct binary *b = &f->rt->gp.bin;
	struct rusage before, after;
	struct resolved r;
	struct hostile h;

	hostile_begin(&h, &f->rt->gp, "holes", f->file, f->size);
	assert_int_equal(ftruncate(h.fd, 3LL << 30), 0);
	assert_int_equal(binary_open(b, h.fd, "it"), 0);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(go_resolve(&f->rt->gp, f->rt->l, &r), 0);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
	binary_close(b);
	hostile_end(&h);
	forge_elf_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_inlined_without_end),
		cmocka_unit_test(test_holes),
	};

	return cmocka_run_group_tests_name("hostile lies", tests, NULL, NULL);
}
