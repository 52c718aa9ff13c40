/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * elfsyms.h - the functions of an ELF file by address.
 *
 * From .symtab; in a stripped file from .dynsym and from .gnu_debugdata (a small ELF
 * file with a .symtab of the other functions, xz-compressed), if this program was
 * built with liblzma. 64-bit, little-endian; the bytes are hostile.
 *
 * A symbol names the bytes that it says it has. One without a size (written in
 * assembly) names those up to the next symbol in its section, but only where all
 * symbols are known (.symtab). Of several names of one function the plainest is taken:
 * fewest leading underscores, then global before weak before local, then the shorter.
 */
#ifndef ELFSYMS_H
#define ELFSYMS_H

#include "lazyfile.h"

struct elfsym {
	uint64_t addr; /* as in the file */
	uint32_t size;
	uint32_t name; /* offset in strings; bit 31: in those of the mini symbol table */
};

struct elfsyms {
	struct lazyfile file;          /* names are read from it when they are asked for */
	uint64_t strings, strings_len; /* in the file */
	struct lazyfile mini;          /* .gnu_debugdata, unpacked */
	uint64_t mini_strings, mini_len;
	struct elfsym *sym; /* ascending, no two at one address */
	size_t n;
	bool packed; /* has .gnu_debugdata that could not be unpacked: no liblzma, or damaged */
};

/* A range of addresses whose functions are not wanted: Go's have a better table. */
struct elfsyms_skip {
	uint64_t start, end;
};

/* -ENOEXEC: not such a file; -ENOENT: it has no functions; other -errno. */
int elfsyms_open(struct elfsyms *s, int fd, struct elfsyms_skip skip);
/* The same of a file in memory, which must outlive it. */
int elfsyms_open_memory(struct elfsyms *s, const void *p, size_t len);
void elfsyms_close(struct elfsyms *s);

/* The name of the function at an address of the file, NULL: none; *start is its first. */
const char *elfsyms_find(struct elfsyms *s, uint64_t addr, uint64_t *start);

#endif
