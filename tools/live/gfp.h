/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * gfp.h - what an allocation in the kernel may do, in the kernel's words.
 *
 * "GFP_KERNEL|__GFP_ZERO", as in its trace (include/trace/events/mmflags.h). The bits are named by
 * the kernel's own types from 6.10 on; from 5.10 to then they did not change
 * (include/linux/gfp_types.h), and those that depend on its configuration have no names.
 */
#ifndef LIVE_GFP_H
#define LIVE_GFP_H

#include <stddef.h>
#include <stdint.h>

#define GFP_BITS 32
#define GFP_TEXT 160

struct gfp {
	char bit[GFP_BITS][24]; /* "__GFP_ZERO"; "": without a name */
};

void gfp_open(struct gfp *g);

/* In buf, which is returned; "none" for 0, a number for what has no name. */
const char *gfp_text(const struct gfp *g, uint32_t flags, char buf[GFP_TEXT]);

#endif
