/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * names.h - which C library and which allocators a process has, by name.
 *
 * Evidence is a mapped library, or a symbol of the executable. Only glibc's malloc
 * is read (arena.h); of others it is known that they are there, not what is theirs.
 */
#ifndef CNAMES_H
#define CNAMES_H

#include "proc/maps.h"
#include <stdbool.h>

struct Elf;

struct cname {
	const char *name; /* "jemalloc" */
	char by[64];      /* "libjemalloc.so.2", or a symbol of the program */
};

#define CNAMES_MAX 4

struct cnames {
	bool glibc;
	struct cname other[CNAMES_MAX];
	unsigned n;
};

/* elf: the executable if its symbols shall be searched (a pass over all), or NULL. */
void cnames_find(struct cnames *c, const struct maps *maps, struct Elf *elf);
/* Whether an allocator named a mapping as its own: "[anon:scudo:primary]". */
bool cname_is_allocator(const char *name);

#endif
