/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* rt_stacks.h - goroutines and their stacks, from runtime.allgs. */
#ifndef RT_STACKS_H
#define RT_STACKS_H

#include <stddef.h>
#include <stdint.h>

struct gostack {
	uint64_t lo, hi;
};

struct gostacks {
	struct gostack *stack; /* of goroutines that are not dead, ascending, apart */
	size_t n, cap;
	uint64_t dead;    /* goroutines that have exited; their structures are kept for reuse */
	uint64_t overlap; /* bytes of stacks that two goroutines seemed to have */
};

struct goproc;

/* 0 or -errno; free with gostacks_free() either way. */
int gostacks_read(struct goproc *gp, struct gostacks *s);
void gostacks_free(struct gostacks *s);

#endif
