/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * symbolize.h - pc -> function, file, line, with the whole chain of inlined calls.
 *
 * From the line table alone (pclntab.h), so a stripped program's pcs have names too:
 *
 *   _func (behind entry, name, args, deferreturn): pcsp pcfile pcln npcdata cuOffset
 *   [startLine, 1.20+] funcID flag pad nfuncdata, then u32 pcdata[npcdata] and
 *   u32 funcdata[nfuncdata]
 *   pc-value table: pairs of varints (zig-zag value delta, pc delta), 0 ends
 *   inline tree (FUNCDATA 3, relative to moduledata.gofunc), selected by PCDATA 2:
 *     1.18  { parent i16, funcID u8, pad u8, file i32, line i32, name i32, parentPc i32 }
 *     1.20  { funcID u8, pad u8[3], name i32, parentPc i32, startLine i32 }
 *
 * Nothing is allocated; a lookup is O(log functions) and the length of one table.
 */
#ifndef GO_SYMBOLIZE_H
#define GO_SYMBOLIZE_H

#include "frame.h"
#include "go/pclntab.h"

struct symbolizer {
	struct pclntab tab;
	uint64_t text, etext;  /* where Go's functions are in the process */
	const uint8_t *gofunc; /* bytes at moduledata.gofunc; NULL: no inline trees */
	uint64_t gofunc_len;
};

/*
 * The frames at pc, innermost first, at most max. A return address must be handed
 * in as pc - 1. Returns how many, 0 for a pc outside of the table's functions.
 */
size_t symbolize(const struct symbolizer *s, uint64_t pc, struct frame *out, size_t max);

/* Entry ix of a function's inline tree. false: there is none, or it is malformed. */
struct inlined {
	uint32_t name_off;   /* of its name, in the block of function names */
	uint64_t parent;     /* the pc it was called at, an offset from the function's entry */
	uint32_t start_line; /* 0 before 1.20 */
};
bool symbolize_inlined(const struct symbolizer *s, const struct pcln_func *f, int32_t ix,
		       struct inlined *out);
/* Its pc-value table of indexes in the inline tree; 0: nothing is inlined. */
uint32_t symbolize_inline_table(const struct symbolizer *s, const struct pcln_func *f);

struct goproc;
struct image;
/*
 * The symbolizer of a process whose layout is known: the table and the inline trees
 * are the file's, text and gofunc are told by its module data. The process must
 * outlive it. 0 or -errno.
 */
int symbolizer_open(struct symbolizer *s, struct goproc *gp);
/* The same from another opening of the executable, which must outlive it instead. */
int symbolizer_open_image(struct symbolizer *s, const struct goproc *gp, const struct image *im);
/* The same with a layout and an address of the module data that are not proven yet. */
struct go_layout;
int symbolizer_at(struct symbolizer *s, const struct goproc *gp, const struct go_layout *l,
		  const struct image *im, uint64_t module);

#endif
