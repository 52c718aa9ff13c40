// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* pc -> function, file, line and inlined calls; see symbolize.h. */
#include "go/symbolize.h"
#include "go/goproc.h"
#include "go/image.h"
#include "mem.h"
#include <errno.h>
#include <string.h>

#define PCDATA_INLINE   2
#define FUNCDATA_INLINE 3
#define STRING_MAX_LEN  4096
#define NONE            UINT32_MAX

/* What a _func says, as offsets that were checked. */
struct func {
	uint64_t at, data; /* its start; its pcdata */
	uint32_t pcfile, pcln, npcdata, nfuncdata, cu;
};

static bool func_read(const struct pclntab *t, uint64_t at, struct func *f)
{
	uint64_t fixed = t->version >= 20 ? 44 : 40;

	if (at > t->len || t->len - at < fixed)
		return false;
	*f = (struct func){
		.at = at,
		.data = at + fixed,
		.pcfile = get_u32(t->p, at + 20),
		.pcln = get_u32(t->p, at + 24),
		.npcdata = get_u32(t->p, at + 28),
		.cu = get_u32(t->p, at + 32),
		.nfuncdata = t->p[at + fixed - 1],
	};
	return f->npcdata < 64 && t->len - f->data >= 4ULL * (f->npcdata + f->nfuncdata);
}

static bool varint(const struct pclntab *t, uint64_t *at, uint32_t *v)
{
	*v = 0;
	for (int shift = 0; shift < 35 && *at < t->len; shift += 7) {
		uint8_t byte = t->p[(*at)++];

		*v |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* The value of a pc-value table at pc, an offset from the function's entry; -1: none. */
static int32_t pcvalue(const struct pclntab *t, uint32_t table, uint64_t pc)
{
	uint64_t at = t->pctab + table, end = 0;
	uint32_t delta, step, value = -1;

	if (!table || at >= t->len)
		return -1;
	for (bool first = true;; first = false) {
		if (!varint(t, &at, &delta) || (!delta && !first) || !varint(t, &at, &step))
			return -1;
		value += delta & 1 ? ~(delta >> 1) : delta >> 1;
		end += (uint64_t)step * t->p[6];
		if (pc < end)
			return value;
	}
}

static const char *string_at(const struct pclntab *t, uint64_t at)
{
	if (at >= t->len ||
	    !memchr(t->p + at, 0, t->len - at < STRING_MAX_LEN ? t->len - at : STRING_MAX_LEN))
		return NULL;
	return (const char *)t->p + at;
}

static const char *file_at(const struct pclntab *t, const struct func *f, uint64_t pc)
{
	int32_t no = pcvalue(t, f->pcfile, pc);
	uint64_t at = t->cutab + 4 * ((uint64_t)f->cu + (uint32_t)no);
	const char *name;
	uint32_t off;

	if (no < 0 || f->cu == NONE || at > t->len || t->len - at < 4)
		return "";
	off = get_u32(t->p, at);
	name = off == NONE ? NULL : string_at(t, t->filetab + off);
	return name ? name : "";
}

/* Entry ix of the function's inline tree: the name, and the pc it was called at. */
static bool inlined_call(const struct symbolizer *s, const struct func *f, int32_t ix,
			 const char **name, uint64_t *parent)
{
	bool old = s->tab.version < 20;
	uint64_t size = old ? 20 : 16, tree, at;

	if (f->nfuncdata <= FUNCDATA_INLINE || !s->gofunc)
		return false;
	tree = get_u32(s->tab.p, f->data + 4 * (f->npcdata + FUNCDATA_INLINE));
	at = tree + size * (uint32_t)ix;
	if (tree == NONE || at > s->gofunc_len || s->gofunc_len - at < size)
		return false;
	*name = string_at(&s->tab, s->tab.funcname + get_u32(s->gofunc, at + (old ? 12 : 4)));
	*parent = get_u32(s->gofunc, at + (old ? 16 : 8));
	return *name != NULL;
}

size_t symbolize(const struct symbolizer *s, uint64_t pc, struct frame *out, size_t max)
{
	struct gofunc g;
	struct func f;
	uint64_t at;
	size_t n = 0;

	if (pc < s->text || !pclntab_find(&s->tab, pc - s->text, &g) ||
	    !func_read(&s->tab, g.func, &f))
		return 0;
	at = pc - s->text - g.entry;
	while (n < max) {
		int32_t line = pcvalue(&s->tab, f.pcln, at), ix = -1;
		const char *name = g.name;
		uint64_t parent = at;

		if (f.npcdata > PCDATA_INLINE)
			ix = pcvalue(&s->tab, get_u32(s->tab.p, f.data + 4 * PCDATA_INLINE), at);
		if (ix >= 0 && !inlined_call(s, &f, ix, &name, &parent))
			ix = -1;
		out[n++] = (struct frame){ name, file_at(&s->tab, &f, at), line < 0 ? 0 : line,
					   ix >= 0, s->text + g.entry };
		if (ix < 0)
			break;
		at = parent; /* max bounds the chain, also one that leads back to itself */
	}
	return n;
}

int symbolizer_open(struct symbolizer *s, struct goproc *gp)
{
	uint64_t module = gp->addr[G_firstmoduledata], gofunc, addr;
	struct image im;
	int err = gp->l && module ? image_open(&im, &gp->bin) : -ENOENT;

	*s = (struct symbolizer){};
	err = err ? err : image_pclntab(&im, &s->tab, &addr);
	err = err ? err : mem_u64(gp->mem, module + gp->l->md_text, &s->text);
	err = err ? err : mem_u64(gp->mem, module + gp->l->md_gofunc, &gofunc);
	if (!err)
		s->gofunc = image_bytes(&im, gofunc - gp->bias, &s->gofunc_len);
	return err;
}
