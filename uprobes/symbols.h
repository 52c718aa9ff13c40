/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * symbols.h - a name for every pc of a process.
 *
 *   Go       the program's line table, with inlined calls (go/symbolize.h)
 *   C        ELF symbols of the executable and of libraries, opened as the process has
 *            them: deleted, replaced, or in another mount namespace (elfsyms.h)
 *   [vdso]   the symbols of the kernel's library
 *   kernel   /proc/kallsyms, read when the first kernel address is asked for (ksyms.h)
 *
 * What has no symbol is "module+0x1234", an address as the file has it, or as it is where
 * there is no file; never the nearest name. Answers are kept, so that a pc costs O(log n)
 * once and one probe of a hash table from then on. Not for more than one thread.
 */
#ifndef SYMBOLS_H
#define SYMBOLS_H

#include "frame.h"
#include <stddef.h>

#define SYMBOLS_FRAMES 64 /* of one pc, inlined calls included */

struct goproc;
struct symfiles;
struct symbols;

/*
 * goproc must outlive it. files: opened files are shared with others (symfile.h), which
 * must outlive it too; NULL: they are its own. 0 or -errno; the process may have no Go
 * names, then symbols_lack() tells why.
 */
int symbols_open(struct symbols **s, struct goproc *gp, struct symfiles *files);
void symbols_close(struct symbols *s);

/*
 * The frames at pc, innermost first, at most max (> 0); a return address must be handed
 * in as pc - 1. At least one. Strings stay as they are until symbols_close().
 */
size_t symbols_lookup(struct symbols *s, uint64_t pc, struct frame *out, size_t max);

/*
 * Read the mappings again: call it once in a while, and when a library may have come or
 * gone. A pc outside of all known mappings does it by itself, ten times a second at most.
 */
int symbols_refresh(struct symbols *s);

/* What could not be had so far, and its cure, in a sentence; NULL: nothing. i = 0, 1, … */
const char *symbols_lack(const struct symbols *s, size_t i);

#endif
