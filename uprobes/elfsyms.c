// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The functions of an ELF file by address; see elfsyms.h. */
#include "elfsyms.h"
#include "array.h"
#include "elf64.h"
#include "search.h"
#include "unxz.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SYMS_MAX     (1U << 20)  /* functions */
#define TABLE_MAX    (16U << 20) /* entries of a symbol table */
#define NAME_MAX_LEN 4096
#define PACKED_MAX   (16U << 20)
#define MINI_MAX     (64U << 20)
#define IN_MINI      (1U << 31)
#define BATCH        4096 /* entries that are read at once */

/* A function while the table is made. */
struct raw {
	struct elfsym sym;
	uint64_t limit; /* where it ends at the latest, if it has no size */
	int binding;    /* smaller is better */
};

struct reader {
	struct elfsyms *out;
	struct elfsyms_skip skip;
	struct raw *raw;
	size_t n, cap;
};

static const char *name_of(struct elfsyms *s, uint32_t name)
{
	bool mini = name & IN_MINI;
	uint64_t off = name & ~IN_MINI, len = mini ? s->mini_len : s->strings_len;
	uint64_t left = off < len ? len - off : 0;

	return lazyfile_string(mini ? &s->mini : &s->file,
			       (mini ? s->mini_strings : s->strings) + off,
			       left < NAME_MAX_LEN ? left : NAME_MAX_LEN);
}

static int binding(const Elf64_Sym *sym)
{
	switch (ELF64_ST_BIND(sym->st_info)) {
	case STB_GLOBAL: return 0;
	case STB_WEAK: return 1;
	default: return 2;
	}
}

/* ---- reading ---- */

static int add(struct reader *r, const struct raw *raw)
{
	if (r->n == SYMS_MAX)
		return -E2BIG;
	if (array_room(r->raw, r->n + 1, r->cap))
		return -ENOMEM;
	r->raw[r->n++] = *raw;
	return 0;
}

static bool wanted(const struct reader *r, const Elf64_Sym *sym)
{
	int type = ELF64_ST_TYPE(sym->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && sym->st_shndx != SHN_UNDEF &&
	       sym->st_value && sym->st_name && !(sym->st_name & IN_MINI) &&
	       (sym->st_value < r->skip.start || sym->st_value >= r->skip.end);
}

static int read_symbol(struct reader *r, const struct elf64 *e, const Elf64_Sym *sym, uint32_t mini,
		       bool complete)
{
	uint32_t size = sym->st_size < UINT32_MAX ? sym->st_size : UINT32_MAX;
	struct raw raw = { { sym->st_value, size, sym->st_name | mini }, 0, binding(sym) };
	Elf64_Shdr sh;

	if (!wanted(r, sym))
		return 0;
	if (!size && complete && elf64_section(e, sym->st_shndx, &sh) &&
	    sym->st_value - sh.sh_addr < sh.sh_size)
		raw.limit = sh.sh_addr + sh.sh_size;
	if (sym->st_value < r->skip.start && raw.limit > r->skip.start)
		raw.limit = r->skip.start;
	return size || raw.limit > sym->st_value ? add(r, &raw) : 0;
}

static int read_table(struct reader *r, const struct elf64 *e, const Elf64_Shdr *table,
		      uint32_t mini)
{
	uint64_t n = table->sh_size / sizeof(Elf64_Sym);
	bool complete = table->sh_type == SHT_SYMTAB && !mini;
	Elf64_Sym sym;

	if (table->sh_entsize != sizeof(sym))
		return -ENOEXEC;
	n = n < TABLE_MAX ? n : TABLE_MAX;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = table->sh_offset + i * sizeof(sym), batch = n - i;
		const uint8_t *p;
		int err;

		batch = batch < BATCH ? batch : BATCH;
		if (!(i % BATCH) && !lazyfile_at(e->file, at, batch * sizeof(sym)))
			return -EIO;
		p = lazyfile_at(e->file, at, sizeof(sym));
		if (!p)
			return -EIO;
		memcpy(&sym, p, sizeof(sym));
		err = read_symbol(r, e, &sym, mini, complete);
		if (err)
			return err;
	}
	return 0;
}

static bool strings_of(const struct elf64 *e, const Elf64_Shdr *table, uint64_t *off, uint64_t *len)
{
	Elf64_Shdr sh;

	if (!elf64_section(e, table->sh_link, &sh) || sh.sh_offset > e->file->size ||
	    sh.sh_size > e->file->size - sh.sh_offset)
		return false;
	*off = sh.sh_offset;
	*len = sh.sh_size < IN_MINI ? sh.sh_size : IN_MINI;
	return true;
}

static int read_mini(struct reader *r, const struct elf64 *e, const Elf64_Shdr *packed)
{
	struct elfsyms *out = r->out;
	const uint8_t *p = packed->sh_size <= PACKED_MAX
				   ? lazyfile_at(e->file, packed->sh_offset, packed->sh_size)
				   : NULL;
	Elf64_Shdr table;
	struct elf64 mini;
	uint8_t *bytes;
	size_t len;

	out->packed = true;
	if (!p || unxz(p, packed->sh_size, MINI_MAX, &bytes, &len))
		return 0;
	lazyfile_memory(&out->mini, bytes, len);
	if (elf64_open(&mini, &out->mini) || !elf64_find(&mini, SHT_SYMTAB, NULL, &table) ||
	    !strings_of(&mini, &table, &out->mini_strings, &out->mini_len))
		return 0;
	out->packed = false;
	return read_table(r, &mini, &table, IN_MINI);
}

static int read_all(struct reader *r)
{
	struct elfsyms *out = r->out;
	Elf64_Shdr table, packed;
	struct elf64 e;
	bool full;
	int err = elf64_open(&e, &out->file);

	if (err)
		return err;
	full = elf64_find(&e, SHT_SYMTAB, NULL, &table);
	if ((full || elf64_find(&e, SHT_DYNSYM, NULL, &table)) &&
	    strings_of(&e, &table, &out->strings, &out->strings_len))
		err = read_table(r, &e, &table, 0);
	if (!err && !full && elf64_find(&e, 0, ".gnu_debugdata", &packed))
		err = read_mini(r, &e, &packed);
	return err;
}

/* ---- one name for each function ---- */

static int by_addr(const void *a, const void *b)
{
	const struct raw *x = a, *y = b;

	if (x->sym.addr != y->sym.addr)
		return x->sym.addr < y->sym.addr ? -1 : 1;
	return (x->sym.name > y->sym.name) - (x->sym.name < y->sym.name);
}

/* Whether a names the function better than b. */
static bool better(struct elfsyms *s, const struct raw *a, const struct raw *b)
{
	const char *x = name_of(s, a->sym.name), *y = name_of(s, b->sym.name);
	long d;

	if (!x || !y)
		return x != NULL;
	if (!a->sym.size != !b->sym.size)
		return a->sym.size;
	d = (long)strspn(x, "_") - (long)strspn(y, "_");
	d = d ? d : a->binding - b->binding;
	d = d ? d : (long)strlen(x) - (long)strlen(y);
	return d ? d < 0 : strcmp(x, y) < 0;
}

static int finish(struct reader *r)
{
	struct elfsyms *s = r->out;

	if (!r->n)
		return -ENOENT;
	qsort(r->raw, r->n, sizeof(*r->raw), by_addr);
	s->sym = malloc(r->n * sizeof(*s->sym));
	if (!s->sym)
		return -ENOMEM;
	for (size_t i = 0, k; i < r->n; i = k) {
		struct raw *best = &r->raw[i];
		uint64_t end;

		for (k = i + 1; k < r->n && r->raw[k].sym.addr == best->sym.addr; k++)
			if (better(s, &r->raw[k], best))
				best = &r->raw[k];
		end = k < r->n && r->raw[k].sym.addr < best->limit ? r->raw[k].sym.addr
								   : best->limit;
		if (!best->sym.size)
			best->sym.size = end - best->sym.addr < UINT32_MAX ? end - best->sym.addr
									   : UINT32_MAX;
		s->sym[s->n++] = best->sym;
	}
	return 0;
}

/* Only names are needed from here on: those that were compared are most of the aliases. */
static void give_back(struct elfsyms *s)
{
	struct elfsym *fit = realloc(s->sym, s->n * sizeof(*fit));

	s->sym = fit ? fit : s->sym;
	lazyfile_drop(&s->file, 0, UINT64_MAX);
}

static int open_file(struct elfsyms *s, struct elfsyms_skip skip)
{
	struct reader r = { .out = s, .skip = skip };
	int err = read_all(&r);

	err = err ? err : finish(&r);
	free(r.raw);
	if (err) {
		bool packed = s->packed;

		elfsyms_close(s);
		s->packed = packed;
	} else {
		give_back(s);
	}
	return err;
}

int elfsyms_open(struct elfsyms *s, int fd, struct elfsyms_skip skip)
{
	int err;

	*s = (struct elfsyms){};
	err = lazyfile_open(&s->file, fd);
	return err ? err : open_file(s, skip);
}

int elfsyms_open_memory(struct elfsyms *s, const void *p, size_t len)
{
	*s = (struct elfsyms){};
	lazyfile_memory(&s->file, p, len);
	return open_file(s, (struct elfsyms_skip){});
}

void elfsyms_close(struct elfsyms *s)
{
	lazyfile_close(&s->file);
	free(s->mini.p);
	free(s->sym);
	*s = (struct elfsyms){};
}

const char *elfsyms_find(struct elfsyms *s, uint64_t addr, uint64_t *start)
{
	size_t first = count_before(s->n, i, s->sym[i].addr <= addr);
	if (!first || addr - s->sym[first - 1].addr >= s->sym[first - 1].size)
		return NULL;
	*start = s->sym[first - 1].addr;
	return name_of(s, s->sym[first - 1].name);
}
