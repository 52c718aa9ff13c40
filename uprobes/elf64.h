/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* elf64.h - headers of a 64-bit little-endian ELF file, every offset checked. */
#ifndef ELF64_H
#define ELF64_H

#include "lazyfile.h"
#include <elf.h>

struct elf64 {
	struct lazyfile *file;
	Elf64_Ehdr eh;
	Elf64_Shdr names; /* of the sections; size 0: none */
};

/* -ENOEXEC when it is none. Section headers that do not fit in are none. */
int elf64_open(struct elf64 *e, struct lazyfile *file);
/* Header i; false behind the last one. */
bool elf64_segment(const struct elf64 *e, unsigned i, Elf64_Phdr *ph);
bool elf64_section(const struct elf64 *e, unsigned i, Elf64_Shdr *sh);
/* The first section of a type, 0: any, and a name, NULL: any, whose bytes are in the file. */
bool elf64_find(const struct elf64 *e, uint32_t type, const char *name, Elf64_Shdr *sh);

/*
 * The build id, GNU's or else Go's, at most size bytes of it. Returns its length, 0 when
 * there is none.
 */
size_t elf64_build_id(const struct elf64 *e, uint8_t *id, size_t size);

#endif
