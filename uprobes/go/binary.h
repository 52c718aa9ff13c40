/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * binary.h - a Go executable: is it one, which release, where are its symbols.
 *
 * The file is hostile input: libelf checks the structure, everything after it
 * is bounded here. The descriptor stays the caller's and must outlive it.
 */
#ifndef GO_BINARY_H
#define GO_BINARY_H

#include "lazyfile.h"
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The machine we run on, and so all processes that we can look into. */
#ifdef __aarch64__
#define BINARY_HOST EM_AARCH64
#else
#define BINARY_HOST EM_X86_64
#endif

struct Elf;

struct binary {
	struct Elf *elf;
	struct lazyfile file; /* its bytes */
	char version[64];     /* "go1.24.4", "" when the file does not say */
	char module[192];     /* main module or package path, "" when unknown */
	uint16_t machine;     /* EM_X86_64 or EM_AARCH64 */
	int minor;            /* 24 for go1.24.4; -1 when unknown */
	bool stripped;        /* no .symtab */
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
/* The same of any executable of this machine, Go or not. */
int binary_open_host(struct binary *b, int fd, const char *name);
void binary_close(struct binary *b);

/* -EOPNOTSUPP, with a sentence, for a program that this host does not run by itself. */
int binary_native(const struct binary *b, const char *name);

/*
 * Addresses (as in the file) and sizes of n symbols, in one pass; 0 for those
 * that are not there. Returns how many were found; 0 in a stripped file.
 */
struct symbol {
	uint64_t addr, size;
};
size_t binary_symbols(struct binary *b, const char *const *names, struct symbol *out, size_t n);

/* The note of the linker, "action/content/…" or hexadecimal digits; false: there is none. */
bool binary_build_id(struct binary *b, char *id, size_t size);
/* The same of GNU's, which is what pprof calls a build id: only digits, in more recent programs. */
bool binary_gnu_id(struct binary *b, char *id, size_t size);

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
