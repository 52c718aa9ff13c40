/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* image.h - the bytes of an executable by address, from its file. */
#ifndef GO_IMAGE_H
#define GO_IMAGE_H

#include "go/binary.h"
#include "go/pclntab.h"

struct image {
	struct binary *bin;
	const uint8_t *file; /* the whole file; belongs to the binary */
	size_t size;
};

/* -ENOMEM when the file cannot be mapped. */
int image_open(struct image *im, struct binary *bin);

/* File bytes at an address of the file, and how many follow; NULL where there are none. */
const uint8_t *image_bytes(const struct image *im, uint64_t addr, uint64_t *left);

/* The range of writable segments, bss included. false if there are none. */
bool image_data(const struct image *im, uint64_t *start, uint64_t *end);

/*
 * The line table: in a section of its own, or inside .data.rel.ro where only its
 * header tells; *addr is its address in the file. -ENOENT if there is none.
 */
int image_pclntab(const struct image *im, struct pclntab *t, uint64_t *addr);

#endif
