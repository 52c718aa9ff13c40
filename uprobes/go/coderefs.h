/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * coderefs.h - which variables the code of a function may name.
 *
 * No disassembler is needed: some of what is found is chance, and whoever asks must not
 * mind (resolve.h).
 *
 *   amd64  operands disp32(%rip): every byte that may be the ModRM of one
 *   arm64  adrp xN,page and what is added to it: add, and the offset of a load or store
 *          by xN or by what was added up, as long as xN is not written again
 */
#ifndef GO_CODEREFS_H
#define GO_CODEREFS_H

#include <stddef.h>
#include <stdint.h>

struct coderefs {
	uint64_t start, end; /* only addresses in [start, end) are of interest */
	uint64_t *at;        /* room for max of them, which the caller has made */
	size_t n, max;
};

/*
 * Append the addresses that len bytes of code name, which are at addr; machine is EM_X86_64
 * or EM_AARCH64. What does not fit is left out.
 */
void coderefs_add(struct coderefs *r, uint16_t machine, const uint8_t *code, size_t len,
		  uint64_t addr);

#endif
