/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * elf_text.h - the strings of an ELF file.
 *
 * elf_strptr() looks for the end of a string through the whole rest of its table, each
 * time, and inflates a table that says it is compressed: a file of a few megabytes
 * keeps it busy for hours. Here a string that is too long is none.
 */
#ifndef ELF_TEXT_H
#define ELF_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct Elf;

struct elf_text {
	const char *p; /* belongs to the Elf; NULL: there is no such table */
	size_t n;
};

#define ELF_TEXT_MAX 4096 /* of one string, its NUL included; symbols of Go stay below */

/* The string table that is section ndx. */
struct elf_text elf_text_open(struct Elf *elf, size_t ndx);
/* The string at an offset; NULL when it does not end in the table, or is too long. */
const char *elf_text_at(const struct elf_text *t, uint64_t off);

#endif
