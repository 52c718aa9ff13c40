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
#define NONE            UINT32_MAX

static const char *file_at(const struct pclntab *t, const struct pcln_func *f, uint64_t pc)
{
	int32_t no = pclntab_value(t, f->pcfile, pc);
	uint64_t at = t->cutab + 4 * ((uint64_t)f->cu + (uint32_t)no);
	const char *name;
	uint32_t off;

	if (no < 0 || f->cu == NONE || at > t->len || t->len - at < 4 ||
	    !pclntab_have(t, t->p + at, 4))
		return "";
	off = get_u32(t->p, at);
	name = off == NONE ? NULL : pclntab_string(t, t->filetab + off);
	return name ? name : "";
}

static uint32_t inline_tree(const struct symbolizer *s, const struct pcln_func *f)
{
	if (f->nfuncdata <= FUNCDATA_INLINE || !s->gofunc)
		return NONE;
	return get_u32(s->tab.p, f->data + 4 * (f->npcdata + FUNCDATA_INLINE));
}

uint32_t symbolize_inline_table(const struct symbolizer *s, const struct pcln_func *f)
{
	if (f->npcdata <= PCDATA_INLINE || inline_tree(s, f) == NONE)
		return 0;
	return get_u32(s->tab.p, f->data + 4 * PCDATA_INLINE);
}

bool symbolize_inlined(const struct symbolizer *s, const struct pcln_func *f, int32_t ix,
		       struct inlined *out)
{
	bool old = s->tab.version < 20;
	uint64_t size = old ? 20 : 16, tree = inline_tree(s, f), at = tree + size * (uint32_t)ix;

	if (ix < 0 || tree == NONE || at > s->gofunc_len || s->gofunc_len - at < size ||
	    !pclntab_have(&s->tab, s->gofunc + at, size))
		return false;
	out->name_off = get_u32(s->gofunc, at + (old ? 12 : 4));
	out->parent = get_u32(s->gofunc, at + (old ? 16 : 8));
	out->start_line = old ? 0 : get_u32(s->gofunc, at + 12);
	return true;
}

size_t symbolize(const struct symbolizer *s, uint64_t pc, struct frame *out, size_t max)
{
	struct gofunc g;
	struct pcln_func f;
	uint64_t at;
	uint32_t table;
	size_t n = 0;

	if (pc < s->text || !pclntab_find(&s->tab, pc - s->text, &g) ||
	    !pclntab_func_read(&s->tab, g.func, &f))
		return 0;
	at = pc - s->text - g.entry;
	table = symbolize_inline_table(s, &f);
	while (n < max) {
		int32_t line = pclntab_value(&s->tab, f.pcln, at), ix;
		const char *name = g.name;
		struct inlined in = {};

		ix = pclntab_value(&s->tab, table, at);
		if (ix >= 0 && (!symbolize_inlined(s, &f, ix, &in) ||
				!(name = pclntab_string(&s->tab, s->tab.funcname + in.name_off)))) {
			name = g.name;
			ix = -1;
		}
		out[n++] = (struct frame){
			.function = name,
			.file = file_at(&s->tab, &f, at),
			.line = line < 0 ? 0 : line,
			.start_line = ix >= 0 ? in.start_line : f.start_line,
			.inlined = ix >= 0,
			.kind = FRAME_GO,
			.entry = s->text + g.entry,
			.module = "",
		};
		if (ix < 0)
			break;
		at = in.parent; /* max bounds the chain, also one that leads back to itself */
	}
	return n;
}

int symbolizer_at(struct symbolizer *s, const struct goproc *gp, const struct go_layout *l,
		  const struct image *im, uint64_t module)
{
	uint64_t gofunc, addr;
	struct gofunc last;
	int err;

	*s = (struct symbolizer){};
	err = image_pclntab(im, &s->tab, &addr);
	err = err ? err : mem_u64(gp->mem, module + l->md_text, &s->text);
	err = err ? err : mem_u64(gp->mem, module + l->md_gofunc, &gofunc);
	if (!err && !pclntab_func(&s->tab, s->tab.nfunc - 1, &last))
		err = -EBADMSG;
	if (err)
		return err;
	s->etext = s->text + last.end;
	s->gofunc = image_bytes(im, gofunc - gp->bias, 0, &s->gofunc_len);
	return 0;
}

int symbolizer_open_image(struct symbolizer *s, const struct goproc *gp, const struct image *im)
{
	uint64_t module = gp->addr[G_firstmoduledata];

	*s = (struct symbolizer){};
	return gp->l && module ? symbolizer_at(s, gp, gp->l, im, module) : -ENOENT;
}

int symbolizer_open(struct symbolizer *s, struct goproc *gp)
{
	struct image im;
	int err;

	err = image_open(&im, &gp->bin.file);
	return err ? err : symbolizer_open_image(s, gp, &im);
}
