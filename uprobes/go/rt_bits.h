/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * rt_bits.h - which objects survived the last garbage collection, span by span.
 *
 * allocBits of a swept span is the last cycle's mark bitmap: allocation never
 * sets a bit in it. A span not swept yet has the marks in gcmarkBits and, from
 * 1.26 on, for small objects in its own last 128 bytes:
 *
 *   base + npages * 8192 - 128   scans [63] | owned | marks [63] | class
 */
#ifndef RT_BITS_H
#define RT_BITS_H

#include "go/rt_heap.h"

/* Fill span.live of every heap span; sets span.bad where it cannot be. 0 or -errno. */
int goheap_live(struct goproc *gp, const struct gometa *meta, struct goheap *h);

/* Set bits among the first n of the bitmap. */
unsigned bits_count(const uint8_t *bits, unsigned n);

#endif
