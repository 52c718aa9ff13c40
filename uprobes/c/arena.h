/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * arena.h - the arenas of glibc's malloc in the memory of a process.
 *
 * Source: malloc/malloc.c and malloc/arena.c of glibc 2.26 to 2.43, x86-64. A
 * secondary arena lies in heaps of 64 MiB, aligned to their size:
 *
 *   base      ar_ptr, prev, size, mprotect_size   heap_info; 32 or 48 bytes
 *   base+32+  malloc_state                        in the first heap only (prev 0)
 *   …         chunks, up to base+size             the rest can be a reserve
 *
 *   malloc_state   mutex, flags, [have_fastchunks, 10 fast bins,] top,
 *                  last_remainder, 127 bins {fd, bk}, binmap[4], next, next_free,
 *                  attached_threads, system_mem, max_system_mem
 *
 * Releases differ in what stands before top: the fast bins came and went. So
 * the distance of the bins is not known but proven: each bin points at itself, 16
 * bytes before its own address, or at chunks that point back at it; top lies in
 * the arena; the heaps' sizes add up to system_mem. The main arena lies in the C
 * library's data, its chunks in [heap]; it is found by the ring of arenas, or in
 * a program with no other arena by the pattern of its bins.
 */
#ifndef ARENA_H
#define ARENA_H

#include "c/cspace.h"

#define CHEAP_SIZE (64ULL << 20) /* HEAP_MAX_SIZE */
#define CBINS      127

struct cheap {
	uint64_t base, arena, prev, size;
};

struct carena {
	uint64_t addr; /* of its malloc_state */
	bool main;
	uint32_t heaps;        /* of a secondary arena */
	uint64_t size;         /* of its heaps together */
	uint64_t system, free; /* got from the kernel; of that free: bins, fast bins, top */
	bool walked, moving;   /* free is known; it changed meanwhile */
	const char *why;       /* why free is not known: static text */
};

struct carenas {
	struct cheap *heap; /* ascending */
	size_t nheaps;
	struct carena *arena;
	size_t n;
	uint32_t head; /* bytes from a malloc_state to its bins; 0: not proven */
};

/*
 * Find the arenas and add their heaps to s->owned. For that it is enough that the
 * 254 words of an arena's bins point at themselves or into its own heaps, which they
 * always do; the offset of the bins, needed to add up free chunks, is proven in full
 * on one arena that is at rest.
 */
int carenas_find(struct cspace *s, struct carenas *as);
void carenas_free(struct carenas *as);
/* The arena whose malloc_state is at addr, or NULL. */
struct carena *carenas_at(const struct carenas *as, uint64_t addr);

/*
 * Add up the free chunks of an arena; those that a thread keeps for itself
 * (tcache) count as used, as in mallinfo(3). *budget is how many pages may still be
 * read for that. Always ends; what it could not do is in a->why. 0 or -errno.
 */
int carena_walk(struct cspace *s, const struct carenas *as, struct carena *a, uint64_t *budget);

/* ---- for carena_walk() ---- */

#define CSTATE_HEAD_MAX 128
#define CSTATE_TAIL     (16 + 5 * 8) /* binmap, next … max_system_mem */
#define CSTATE_MAX      (CSTATE_HEAD_MAX + CBINS * 16 + CSTATE_TAIL)

/* Offsets behind the bins */
enum { CSTATE_NEXT = 16, CSTATE_SYSTEM_MEM = 40, CSTATE_MAX_SYSTEM_MEM = 48 };

static inline size_t cstate_size(uint32_t head)
{
	return head + CBINS * 16 + CSTATE_TAIL;
}

/* Whether [p, p + len) lies in one piece in the memory the arena hands out. */
bool carena_holds(const struct cspace *s, const struct carenas *as, const struct carena *a,
		  uint64_t p, uint64_t len);

#endif
