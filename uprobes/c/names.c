// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* C libraries and allocators by name; see names.h. */
#include "c/names.h"
#include "elf_text.h"
#include <gelf.h>
#include <stdio.h>
#include <string.h>

#define SYMTAB_MAX (256U << 20)

static const struct {
	const char *prefix, *name; /* of a mapped file; NULL: glibc */
} libraries[] = {
	{ "libc.so.6", NULL },         { "libc-2.", NULL },           { "ld-musl", "musl" },
	{ "libc.musl", "musl" },       { "libjemalloc", "jemalloc" }, { "libtcmalloc", "tcmalloc" },
	{ "libmimalloc", "mimalloc" }, { "librpmalloc", "rpmalloc" }, { "libsnmalloc", "snmalloc" },
	{ "libscudo", "scudo" },       { "libhoard", "hoard" },
};

/* Functions that no other library has. */
static const struct {
	const char *symbol, *name; /* NULL: glibc */
} symbols[] = {
	{ "__libc_mallopt", NULL },
	{ "__malloc_alloc_meta", "musl mallocng" },
	{ "je_malloc", "jemalloc" },
	{ "je_arena_boot", "jemalloc" },
	{ "je_malloc_default", "jemalloc" },
	{ "tc_malloc", "tcmalloc" },
	{ "TCMallocInternalMalloc", "tcmalloc" },
	{ "mi_malloc", "mimalloc" },
	{ "rpmalloc", "rpmalloc" },
};

static void add(struct cnames *c, const char *name, const char *by)
{
	if (!name) {
		c->glibc = true;
		return;
	}
	for (unsigned i = 0; i < c->n; i++)
		if (!strcmp(c->other[i].name, name))
			return;
	if (c->n == CNAMES_MAX)
		return;
	c->other[c->n].name = name;
	snprintf(c->other[c->n++].by, sizeof(c->other[0].by), "%s", by);
}

static void by_maps(struct cnames *c, const struct maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		const char *base = maps->vma[i].ino ? strrchr(maps->vma[i].name, '/') : NULL;

		if (!base || (i && maps->vma[i].name == maps->vma[i - 1].name))
			continue;
		for (size_t k = 0; k < sizeof(libraries) / sizeof(libraries[0]); k++)
			if (!strncmp(base + 1, libraries[k].prefix, strlen(libraries[k].prefix)))
				add(c, libraries[k].name, base + 1);
		/* musl's own name; glibc's has a number */
		if (!strcmp(base + 1, "libc.so"))
			add(c, "musl", base + 1);
	}
}

static void by_symbol(struct cnames *c, const char *s)
{
	for (size_t k = 0; k < sizeof(symbols) / sizeof(symbols[0]); k++)
		if (s[0] == symbols[k].symbol[0] && !strcmp(s, symbols[k].symbol))
			add(c, symbols[k].name, s);
}

/* The first symbol table: there is no other (gABI), unless to keep us busy. */
static void by_symbols(struct cnames *c, Elf *elf)
{
	Elf_Scn *scn = NULL;
	Elf_Data *d = NULL;
	struct elf_text text;
	GElf_Shdr sh;
	GElf_Sym sym;

	while (!d && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB && sh.sh_entsize &&
		    sh.sh_size <= SYMTAB_MAX)
			d = elf_getdata(scn, NULL);
	if (!d)
		return;
	text = elf_text_open(elf, sh.sh_link);
	for (size_t i = 0; i < d->d_size / sh.sh_entsize && gelf_getsym(d, i, &sym); i++) {
		const char *s;

		if (GELF_ST_TYPE(sym.st_info) != STT_FUNC || sym.st_shndx == SHN_UNDEF)
			continue;
		s = elf_text_at(&text, sym.st_name);
		if (s)
			by_symbol(c, s);
	}
}

void cnames_find(struct cnames *c, const struct maps *maps, Elf *elf)
{
	*c = (struct cnames){};
	by_maps(c, maps);
	if (elf)
		by_symbols(c, elf);
}

bool cname_is_allocator(const char *name)
{
	/* by PR_SET_VMA_ANON_NAME; glibc 2.39 with glibc.mem.decorate_maps */
	static const char *const names[] = { "glibc: malloc",   "scudo:",   "tcmalloc",
					     "partition_alloc", "jemalloc", "mimalloc" };

	if (strncmp(name, "[anon:", 6))
		return false;
	name += name[6] == ' ' ? 7 : 6;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}
