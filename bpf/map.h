/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* map.h - address space that is asked for and given back: mmap, munmap, mremap, brk. */
#ifndef MAP_H
#define MAP_H

#include "event.h"

enum map_call { MAP_MMAP, MAP_MUNMAP, MAP_MREMAP, MAP_BRK, MAP_CALLS };

/* EV_MAP: a call that did not fail. */
struct map_event {
	struct event_head head;
	__u64 arg[5]; /* as its manual page has them */
	__u64 ret;    /* where it is now; brk: the break */
	__u32 call;   /* enum map_call */
	__u32 pad;
	struct event_stack stack;
};

#endif
