/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * owner.h - whose a system call was, by the stack that it was made from.
 *
 *	go.heap		heap arenas, also those reserved only
 *	go.gc		heap index, page summaries and bitmaps, mark bits
 *	go.persistent	chunks for what the runtime never frees; large pieces of it
 *	go.profile	the memory profiler's buckets
 *	go.other	anything else of the runtime: MemStats.OtherSys
 *	go.user		Go code outside of the runtime
 *	libc		the C library for itself: malloc, thread stacks
 *	cgo		C code in the executable
 *	libfoo.so.1	a library
 *	?		nothing is known of the caller
 *
 * The runtime says which of its counters an allocation goes into by an argument; here the
 * function that hands it over stands for it (sysStat in runtime/malloc.go and its callers).
 */
#ifndef LIVE_OWNER_H
#define LIVE_OWNER_H

#include "frame.h"
#include "live/live.h"

#define OWNER_FRAMES 96

/* A stack with names; good as long as the names are (symbols.h). */
struct owner_stack {
	struct frame f[OWNER_FRAMES];
	uint64_t addr[OWNER_FRAMES];
	size_t n;
};

/* Without what only looked like a frame: see stack_of_call() in bpf/syscall.bpf.h. */
void owner_names(struct live *l, const struct event_stack *s, struct owner_stack *out);

const char *owner_of(const struct live *l, const struct owner_stack *s);

/* The innermost function that is not a wrapper of the call; NULL: none. */
const char *owner_who(const struct owner_stack *s);

/* Whether a function of that name, or one that begins so, is on it. */
bool owner_has(const struct owner_stack *s, const char *prefix);

/* For a column; room has OWNER_FRAMES. */
struct stack owner_column(const struct owner_stack *s, struct stack_frame *room);

#endif
