/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* fnv.h - FNV-1a of 64 bits: a hash of bytes that nobody chose to collide. */
#ifndef FNV_H
#define FNV_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t fnv(const void *bytes, size_t n)
{
	const uint8_t *byte = bytes;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ byte[i]) * 0x100000001b3;
	return h;
}

#endif
