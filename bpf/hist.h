/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * hist.h - the slots of a histogram, the same in the kernel and in tools.
 *
 * Log-linear: a power of two has HIST_SUB slots of equal width, so a value is known to one part
 * in 16, from 0 to 2^64 - 1; below 16 it is exact.
 *
 *	value	0 … 15	16 … 31	32 33   34 35 …  62 63	…  … 2^64 - 1
 *	slot	0 … 15	16 … 31	  32      33  …    47	…      975
 *
 * A program counts in a map of HIST_SLOTS __u64; emit_hist() takes such an array.
 */
#ifndef HIST_H
#define HIST_H

/* What vmlinux.h has cannot be declared again. */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define HIST_BITS  4
#define HIST_SUB   (1 << HIST_BITS)
#define HIST_SLOTS ((64 - HIST_BITS + 1) * HIST_SUB)

_Static_assert(HIST_SLOTS == 976, "recorded maps and their readers count on it");

/* The place of the highest bit that is set; v > 0. BPF has no instruction for it. */
static inline __u32 hist_log2(__u64 v)
{
	__u32 bit = 0;

	for (__u32 step = 32; step; step >>= 1) {
		if (v >> step) {
			v >>= step;
			bit += step;
		}
	}
	return bit;
}

/* Below HIST_SLOTS, which the verifier wants to see tested nevertheless. */
static inline __u32 hist_slot(__u64 v)
{
	__u32 shift;

	if (v < HIST_SUB)
		return v;
	shift = hist_log2(v) - HIST_BITS;
	return (shift + 1) * HIST_SUB + ((v >> shift) & (HIST_SUB - 1));
}

#ifndef __bpf__

/* The least and the largest value of a slot; slot < HIST_SLOTS. */
static inline __u64 hist_low(__u32 slot)
{
	if (slot < HIST_SUB)
		return slot;
	return (__u64)(HIST_SUB + slot % HIST_SUB) << (slot / HIST_SUB - 1);
}

static inline __u64 hist_high(__u32 slot)
{
	if (slot < HIST_SUB)
		return slot;
	return hist_low(slot) + (1ULL << (slot / HIST_SUB - 1)) - 1;
}

#endif
#endif
