// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The functions of a Go binary from its own line table; see pclntab.h. */
#include "go/pclntab.h"
#include "mem.h"
#include <errno.h>
#include <string.h>

#define MAGIC_118    0xfffffff0U
#define MAGIC_120    0xfffffff1U
#define HEADER       72
#define FUNC_MIN     40 /* bytes of _func before its pcdata */
#define NFUNC_MAX    (1U << 24)
#define NAME_MAX_LEN 4096

static bool in(const struct pclntab *t, uint64_t off, uint64_t len)
{
	return off <= t->len && len <= t->len - off;
}

int pclntab_parse(struct pclntab *t, const uint8_t *p, size_t len)
{
	uint32_t magic = len >= HEADER ? get_u32(p, 0) : 0;
	uint64_t nfunc;

	*t = (struct pclntab){ .p = p, .len = len };
	if ((magic != MAGIC_118 && magic != MAGIC_120) || p[4] || p[5] ||
	    (p[6] != 1 && p[6] != 2 && p[6] != 4) || p[7] != 8)
		return -EINVAL;
	t->version = magic == MAGIC_118 ? 18 : 20;
	nfunc = get_u64(p, 8);
	t->text_start = get_u64(p, 24);
	t->funcname = get_u64(p, 32);
	t->cutab = get_u64(p, 40);
	t->filetab = get_u64(p, 48);
	t->pctab = get_u64(p, 56);
	t->functab = get_u64(p, 64);
	if (!nfunc || nfunc > NFUNC_MAX || !in(t, t->functab, nfunc * 8 + 4) ||
	    !in(t, t->funcname, 1) || !in(t, t->cutab, 0) || !in(t, t->filetab, 0) ||
	    !in(t, t->pctab, 0))
		return -EINVAL;
	t->nfunc = nfunc;
	return 0;
}

bool pclntab_func(const struct pclntab *t, uint32_t i, struct gofunc *f)
{
	uint64_t entry = t->functab + 8ULL * i, name;

	if (i >= t->nfunc)
		return false;
	f->entry = get_u32(t->p, entry);
	f->end = get_u32(t->p, entry + 8);
	f->func = t->functab + get_u32(t->p, entry + 4);
	if (!in(t, f->func, FUNC_MIN) || f->end < f->entry)
		return false;
	name = t->funcname + (uint64_t)get_u32(t->p, f->func + 4);
	if (!in(t, name, 1))
		return false;
	f->name = (const char *)t->p + name;
	return memchr(f->name, 0, t->len - name < NAME_MAX_LEN ? t->len - name : NAME_MAX_LEN);
}

bool pclntab_find(const struct pclntab *t, uint64_t off, struct gofunc *f)
{
	uint32_t lo = 0, hi = t->nfunc;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (get_u32(t->p, t->functab + 8ULL * mid) <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && pclntab_func(t, lo - 1, f) && off >= f->entry && off < f->end;
}

size_t pclntab_lookup(const struct pclntab *t, const char *const *names, struct gofunc *out,
		      size_t n)
{
	size_t found = 0;
	struct gofunc f;

	for (size_t k = 0; k < n; k++)
		out[k].name = NULL;
	for (uint32_t i = 0; i < t->nfunc && found < n; i++) {
		/* all that is looked for is the runtime's: its functions are one block */
		if (!pclntab_func(t, i, &f) || strncmp(f.name, "runtime.", 8))
			continue;
		for (size_t k = 0; k < n; k++)
			if (!out[k].name && !strcmp(f.name + 8, names[k])) {
				out[k] = f;
				found++;
			}
	}
	return found;
}

long pclntab_scan(const uint8_t *data, size_t len)
{
	struct pclntab t;
	struct gofunc f;

	for (size_t i = 0; i + HEADER <= len;
	     i += 8) { /* 32-byte aligned in a section of its own */
		if (get_u32(data, i) != MAGIC_118 && get_u32(data, i) != MAGIC_120)
			continue;
		if (!pclntab_parse(&t, data + i, len - i) && pclntab_func(&t, 0, &f) &&
		    pclntab_func(&t, t.nfunc - 1, &f))
			return i;
	}
	return -1;
}
