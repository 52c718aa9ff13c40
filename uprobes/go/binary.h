/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * binary.h - a Go executable: is it one, which release, where are its symbols.
 *
 * The file is hostile input: libelf checks the structure, everything after it
 * is bounded here. The descriptor stays the caller's and must outlive it.
 */
#ifndef GO_BINARY_H
#define GO_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Elf;

struct binary {
	struct Elf *elf;
	char version[64]; /* "go1.24.4", "" when the file does not say */
	char module[192]; /* main module or package path, "" when unknown */
	int minor;        /* 24 for go1.24.4; -1 when unknown */
	bool stripped;    /* no .symtab */
	bool pie;
	bool dynamic;            /* has a program interpreter (cgo, or linked externally) */
	uint64_t base;           /* lowest address of a loadable segment, page aligned */
	uint64_t text, text_end; /* .text */
	uint64_t bss_end;        /* end of the last loadable segment in memory */
};

/*
 * -ENOEXEC: not an ELF file, or not Go; -EOPNOTSUPP: Go for another machine.
 * name is for messages.
 */
int binary_open(struct binary *b, int fd, const char *name);
void binary_close(struct binary *b);

/*
 * Addresses (as in the file) and sizes of n symbols, in one pass; 0 for those
 * that are not there. Returns how many were found; 0 in a stripped file.
 */
struct symbol {
	uint64_t addr, size;
};
size_t binary_symbols(struct binary *b, const char *const *names, struct symbol *out, size_t n);

/* 24 of "go1.24.4", "go1.24-20250101-RC00", "devel go1.24-abc"; -1 if none. */
int go_version_minor(const char *version);
/* A release as it was published, "go1.24" or "go1.24.4": nothing before, nothing added. */
bool go_version_plain(const char *version);

/*
 * The version and module of a .go.buildinfo section of len bytes (format of
 * Go 1.18: magic, pointer size, flags, inline strings). false if malformed.
 *
 *   0  "\xff Go buildinf:"   14 pointer size   15 flags (2: strings inline)
 *   32 uvarint len, version   then uvarint len, module info between two
 *      16-byte sentinels: lines "path\tP", "mod\tM\tV", "build\tK=V"
 */
bool buildinfo_parse(const uint8_t *p, size_t len, char *version, size_t vsize, char *module,
		     size_t msize);

#endif
