/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* image.h - the bytes of an executable by address, from its file. */
#ifndef GO_IMAGE_H
#define GO_IMAGE_H

#include "elf64.h"
#include "go/pclntab.h"

struct image {
	struct lazyfile *file;
	struct elf64 elf;
};

/* -ENOEXEC when it is no 64-bit ELF file. The file must outlive it. */
int image_open(struct image *im, struct lazyfile *file);

/*
 * File bytes at an address of the file, and how many the file has from there. Those
 * are read of which len tells; NULL where there are none, or fewer than len.
 */
const uint8_t *image_bytes(const struct image *im, uint64_t addr, uint64_t len, uint64_t *left);

/* The range of writable segments, bss included. false if there are none. */
bool image_data(const struct image *im, uint64_t *start, uint64_t *end);

/*
 * The line table: in a section of its own, or inside .data.rel.ro where only its
 * header tells; *addr is its address in the file. -ENOENT if there is none.
 */
int image_pclntab(const struct image *im, struct pclntab *t, uint64_t *addr);

#endif
