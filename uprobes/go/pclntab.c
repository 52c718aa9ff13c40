// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The functions of a Go binary from its own line table; see pclntab.h. */
#include "go/pclntab.h"
#include "lazyfile.h"
#include "mem.h"
#include "search.h"
#include <errno.h>
#include <string.h>

#define MAGIC_118    0xfffffff0U
#define MAGIC_120    0xfffffff1U
#define HEADER       72
#define FUNC_MIN     40 /* bytes of _func before its pcdata */
#define NFUNC_MAX    (1U << 24)
#define NAME_MAX_LEN 4096
#define VALUES_MAX   (1U << 20) /* bytes of one pc-value table: of a function of megabytes */
#define SCAN_PIECE   (1ULL << 20)
#define BUDGET       (6ULL << 20) /* of bytes that nothing points to */

bool pclntab_have(const struct pclntab *t, const uint8_t *p, uint64_t len)
{
	return !t->file || lazyfile_at(t->file, p - t->file->p, len);
}

static bool fits(const struct pclntab *t, uint64_t off, uint64_t len)
{
	return off <= t->len && len <= t->len - off;
}

static bool in(const struct pclntab *t, uint64_t off, uint64_t len)
{
	return fits(t, off, len) && pclntab_have(t, t->p + off, len);
}

static int parse(struct pclntab *t)
{
	uint32_t magic = in(t, 0, HEADER) ? get_u32(t->p, 0) : 0;
	const uint8_t *p = t->p;
	uint64_t nfunc;

	if ((magic != MAGIC_118 && magic != MAGIC_120) || p[4] || p[5] ||
	    (p[6] != 1 && p[6] != 2 && p[6] != 4) || p[7] != 8)
		return -EINVAL;
	t->quantum = p[6];
	t->version = magic == MAGIC_118 ? 18 : 20;
	nfunc = get_u64(p, 8);
	t->text_start = get_u64(p, 24);
	t->funcname = get_u64(p, 32);
	t->cutab = get_u64(p, 40);
	t->filetab = get_u64(p, 48);
	t->pctab = get_u64(p, 56);
	t->functab = get_u64(p, 64);
	if (!nfunc || nfunc > NFUNC_MAX || !fits(t, t->functab, nfunc * 8 + 4) ||
	    !fits(t, t->funcname, 1) || !fits(t, t->cutab, 0) || !fits(t, t->filetab, 0) ||
	    !fits(t, t->pctab, 0))
		return -EINVAL;
	t->nfunc = nfunc;
	return 0;
}

int pclntab_parse(struct pclntab *t, const uint8_t *p, size_t len)
{
	*t = (struct pclntab){ .p = p, .len = len };
	return parse(t);
}

int pclntab_parse_file(struct pclntab *t, struct lazyfile *file, uint64_t off, uint64_t len)
{
	*t = (struct pclntab){ .file = file };
	if (off > file->size || len > file->size - off)
		return -EINVAL;
	t->p = file->p + off;
	t->len = len;
	return parse(t);
}

void pclntab_trim(const struct pclntab *t)
{
	uint64_t at, names;

	if (!t->file)
		return;
	at = t->p - t->file->p;
	names = (t->cutab > t->funcname ? t->cutab - t->funcname : 0) +
		(t->pctab > t->filetab ? t->pctab - t->filetab : 0);
	if (t->file->loaded < BUDGET + (names < t->len ? names : t->len))
		return;
	/* all but the names of functions, before cutab, and of files, before pctab */
	lazyfile_drop(t->file, 0, at + t->funcname);
	lazyfile_drop(t->file, at + t->cutab, at + t->filetab);
	lazyfile_drop(t->file, at + t->pctab, UINT64_MAX);
}

void pclntab_drop_funcs(const struct pclntab *t)
{
	if (t->file)
		lazyfile_drop(t->file, t->p - t->file->p + t->functab, UINT64_MAX);
}

const char *pclntab_string(const struct pclntab *t, uint64_t at)
{
	uint64_t max = at < t->len ? t->len - at : 0;

	/* most are short: a long one may make another piece of the file necessary */
	for (uint64_t n = NAME_MAX_LEN / 32; max; n = NAME_MAX_LEN) {
		n = n < max ? n : max;
		if (!in(t, at, n))
			return NULL;
		if (memchr(t->p + at, 0, n))
			return (const char *)t->p + at;
		if (n >= max || n >= NAME_MAX_LEN)
			return NULL;
	}
	return NULL;
}

bool pclntab_func_bare(const struct pclntab *t, uint32_t i, struct gofunc *f, uint32_t *name_off)
{
	uint64_t entry = t->functab + 8ULL * i;

	if (i >= t->nfunc || !in(t, entry, 12))
		return false;
	*f = (struct gofunc){
		.entry = get_u32(t->p, entry),
		.end = get_u32(t->p, entry + 8),
		.func = t->functab + get_u32(t->p, entry + 4),
	};
	if (!in(t, f->func, FUNC_MIN) || f->end < f->entry)
		return false;
	*name_off = get_u32(t->p, f->func + 4);
	return true;
}

bool pclntab_func(const struct pclntab *t, uint32_t i, struct gofunc *f)
{
	uint32_t name;

	if (!pclntab_func_bare(t, i, f, &name))
		return false;
	f->name = pclntab_string(t, t->funcname + name);
	return f->name != NULL;
}

bool pclntab_find(const struct pclntab *t, uint64_t off, struct gofunc *f)
{
	size_t first;

	if (!in(t, t->functab, 8ULL * t->nfunc))
		return false;
	first = count_before(t->nfunc, i, get_u32(t->p, t->functab + 8ULL * i) <= off);
	return first && pclntab_func(t, first - 1, f) && off >= f->entry && off < f->end;
}

size_t pclntab_lookup(const struct pclntab *t, const char *const *names, struct gofunc *out,
		      size_t n)
{
	size_t found = 0;
	struct gofunc f;

	for (size_t k = 0; k < n; k++)
		out[k].name = NULL;
	for (uint32_t i = 0; i < t->nfunc && found < n; i++) {
		if (!(i % 1024))
			pclntab_trim(t);
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

bool pclntab_func_read(const struct pclntab *t, uint64_t at, struct pcln_func *f)
{
	uint64_t fixed = t->version >= 20 ? 44 : 40;

	if (!in(t, at, fixed))
		return false;
	*f = (struct pcln_func){
		.at = at,
		.pcsp = get_u32(t->p, at + 16),
		.data = at + fixed,
		.pcfile = get_u32(t->p, at + 20),
		.pcln = get_u32(t->p, at + 24),
		.npcdata = get_u32(t->p, at + 28),
		.cu = get_u32(t->p, at + 32),
		.nfuncdata = t->p[at + fixed - 1],
		.start_line = t->version >= 20 ? get_u32(t->p, at + 36) : 0,
	};
	return f->npcdata < 64 && in(t, f->data, 4ULL * (f->npcdata + f->nfuncdata));
}

/* How far the bytes at an offset are there without asking again. */
static uint64_t reach(const struct pclntab *t, uint64_t at)
{
	uint64_t n;

	if (at >= t->len)
		return 0;
	n = t->file ? LAZYFILE_PIECE - (t->p - t->file->p + at) % LAZYFILE_PIECE : t->len;
	n = n < t->len - at ? n : t->len - at;
	return in(t, at, n) ? at + n : 0;
}

static bool varint(const struct pclntab *t, struct pclnrun *run, uint32_t *v)
{
	*v = 0;
	for (int shift = 0; shift < 35; shift += 7) {
		uint8_t byte;

		if (run->at >= run->reach && !(run->reach = reach(t, run->at)))
			return false;
		byte = t->p[run->at++];
		*v |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

bool pclntab_run(const struct pclntab *t, struct pclnrun *run)
{
	bool first = !run->at;
	uint32_t delta, step;

	if (first) {
		if (!run->table)
			return false;
		run->at = t->pctab + run->table;
		run->value = -1;
	}
	run->bad = run->at - (t->pctab + run->table) >= VALUES_MAX || !varint(t, run, &delta);
	if (run->bad || (!delta && !first))
		return false;
	run->bad = !varint(t, run, &step);
	if (run->bad)
		return false;
	run->value += delta & 1 ? ~(delta >> 1) : delta >> 1;
	run->start = run->end;
	run->end += (uint64_t)step * t->quantum;
	return true;
}

int32_t pclntab_value(const struct pclntab *t, uint32_t table, uint64_t pc)
{
	struct pclnrun run = { .table = table };

	while (pclntab_run(t, &run))
		if (pc < run.end)
			return run.value;
	return -1;
}

static bool plausible(const struct pclntab *t)
{
	struct gofunc f;

	return pclntab_func(t, 0, &f) && pclntab_func(t, t->nfunc - 1, &f);
}

long pclntab_scan(const uint8_t *data, size_t len)
{
	struct lazyfile f;

	lazyfile_memory(&f, data, len);
	return pclntab_scan_file(&f, 0, len);
}

/* One piece, begun at a multiple of 8: 32-byte aligned in a section of its own. */
static int64_t scan_piece(struct lazyfile *file, uint64_t from, uint64_t to, uint64_t end)
{
	struct pclntab t;

	if (!lazyfile_at(file, from, to - from))
		return -1;
	for (uint64_t i = from; i + 4 <= to; i += 8) {
		uint32_t magic = get_u32(file->p, i);

		if ((magic == MAGIC_118 || magic == MAGIC_120) &&
		    !pclntab_parse_file(&t, file, i, end - i) && plausible(&t))
			return i;
	}
	return -1;
}

int64_t pclntab_scan_file(struct lazyfile *file, uint64_t off, uint64_t len)
{
	uint64_t end = off + len, next;
	int64_t found = -1;

	if (off > file->size || len > file->size - off)
		return -1;
	for (uint64_t i = off; i < end && found < 0; i = next) {
		next = end - i < SCAN_PIECE ? end : i + SCAN_PIECE;
		found = scan_piece(file, i, next, end);
		/* what was looked at in vain is not needed again */
		if (found < 0 && file->loaded > BUDGET)
			lazyfile_drop(file, 0, next);
	}
	return found;
}
