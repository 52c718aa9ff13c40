/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pclntab.h - the functions of a Go binary from its own line table.
 *
 * Every Go binary has it, also a stripped one: the runtime needs it for stack
 * growth and tracebacks. Format of Go 1.18 to 1.27 (runtime/symtab.go):
 *
 *   0  magic u32 (1.18: fffffff0, 1.20: fffffff1)   4 zero   6 minLC   7 ptrsize
 *   8  nfunc     16 nfiles   24 textStart (0 from 1.26)
 *   32 offsets from the header of: funcnametab, cutab, filetab, pctab, functab
 *
 *   functab: nfunc * { entry u32 - text, offset of _func u32 }, then the end u32
 *   _func:   entry u32, name i32, …
 *
 * The bytes are the file's, hostile, and stay the caller's.
 */
#ifndef GO_PCLNTAB_H
#define GO_PCLNTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pclntab {
	const uint8_t *p;
	size_t len;
	int version; /* 18 or 20 */
	uint32_t nfunc;
	uint64_t text_start; /* as the header has it; 0 from 1.26, unrelocated in a PIE */
	uint64_t funcname, cutab, filetab, pctab, functab; /* offsets */
};

struct gofunc {
	uint64_t entry, end; /* offsets from the start of the module's text */
	const char *name;    /* NUL-terminated, in the table */
	uint64_t func;       /* offset of its _func */
};

/* Parse a header at p, of which len bytes are there. -EINVAL: not a table we know. */
int pclntab_parse(struct pclntab *t, const uint8_t *p, size_t len);

/* Function i < nfunc. false if its entry is malformed. */
bool pclntab_func(const struct pclntab *t, uint32_t i, struct gofunc *f);

/* The function that holds an offset from the start of text. */
bool pclntab_find(const struct pclntab *t, uint64_t off, struct gofunc *f);

/*
 * Look up n names in one pass; f[i].name is NULL for those not there. Returns how
 * many were found.
 */
size_t pclntab_lookup(const struct pclntab *t, const char *const *names, struct gofunc *f,
		      size_t n);

/* The offset in data of the first header with a plausible table, or -1. */
long pclntab_scan(const uint8_t *data, size_t len);

#endif
