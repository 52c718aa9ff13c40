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
 * The bytes are the file's, hostile, and stay the caller's. Of a table in a file only
 * what is looked at is read (lazyfile.h).
 */
#ifndef GO_PCLNTAB_H
#define GO_PCLNTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lazyfile;

struct pclntab {
	const uint8_t *p;
	size_t len;
	struct lazyfile *file; /* that p points into; NULL: all bytes are there */
	int version;           /* 18 or 20 */
	uint32_t nfunc;
	uint32_t quantum;    /* bytes of the smallest instruction */
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
/* The same of bytes [off, off + len) of a file, which must outlive the table. */
int pclntab_parse_file(struct pclntab *t, struct lazyfile *file, uint64_t off, uint64_t len);

/* Whether len bytes at p, in the table's file or in its memory, can be read; reads them. */
bool pclntab_have(const struct pclntab *t, const uint8_t *p, uint64_t len);
/* Give back memory, but for names that were handed out, once it is more than a few MiB. */
void pclntab_trim(const struct pclntab *t);
/* Give back that of all _funcs: for a pass over them, which comes back to none. */
void pclntab_drop_funcs(const struct pclntab *t);

/* The string at an offset of the table; NULL if it does not end within 4096 bytes. */
const char *pclntab_string(const struct pclntab *t, uint64_t at);

/* Function i < nfunc. false if its entry is malformed. */
bool pclntab_func(const struct pclntab *t, uint32_t i, struct gofunc *f);
/* The same without its name, NULL, which need not be read then: *name_off is where it is. */
bool pclntab_func_bare(const struct pclntab *t, uint32_t i, struct gofunc *f, uint32_t *name_off);

/* The function that holds an offset from the start of text. */
bool pclntab_find(const struct pclntab *t, uint64_t off, struct gofunc *f);

/*
 * Look up n names in one pass; f[i].name is NULL for those not there. Returns how
 * many were found.
 */
size_t pclntab_lookup(const struct pclntab *t, const char *const *names, struct gofunc *f,
		      size_t n);

/* What a _func says (symbolize.h has its bytes): offsets in the table that were checked. */
struct pcln_func {
	uint64_t at, data;           /* its start; its pcdata */
	uint32_t pcsp, pcfile, pcln; /* pc-value tables: stack depth, file, line */
	uint32_t npcdata, nfuncdata, cu;
	uint32_t start_line; /* 0 before 1.20 */
};

/* Read the _func at an offset of the table (gofunc.func). false if it does not fit. */
bool pclntab_func_read(const struct pclntab *t, uint64_t at, struct pcln_func *f);

/* The value of a pc-value table at pc, an offset from the function's entry; -1: none. */
int32_t pclntab_value(const struct pclntab *t, uint32_t table, uint64_t pc);

/*
 * All runs of a pc-value table in turn: of [start, end), offsets from the entry, the value
 * is value. Begin with { .table = … }; false at the end, or where it is malformed: then bad.
 */
struct pclnrun {
	uint32_t table;
	int32_t value;
	uint64_t start, end;
	uint64_t at, reach; /* where to go on; how far the bytes are there */
	bool bad;
};
bool pclntab_run(const struct pclntab *t, struct pclnrun *run);

/* The offset in data of the first header with a plausible table, or -1. */
long pclntab_scan(const uint8_t *data, size_t len);
/* The same of bytes [off, off + len) of a file: an offset in the file. */
int64_t pclntab_scan_file(struct lazyfile *file, uint64_t off, uint64_t len);

#endif
