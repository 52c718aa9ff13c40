/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * profile.h - the heap profile that a Go program keeps of itself, read from outside.
 *
 * The runtime samples about one allocation in each MemProfileRate bytes, and counts it in the
 * bucket of its size and stack (runtime/mprof.go):
 *
 *   mbuckets -> bucket { next, allnext, typ, hash, size, nstk }  the newest first, by allnext
 *               uintptr stk[nstk]                                return addresses
 *               memRecord { active, future[3] }                  four memRecordCycles
 *   memRecordCycle { allocs, frees, alloc_bytes, free_bytes }    1.27: { allocs, frees }
 *
 * An allocation is counted in future[(C + 2) % 3], a free in future[(C + 1) % 3]; C counts the
 * collections, and the end of each adds future[C % 3] to active. So active is what
 * runtime.MemProfile and /debug/pprof/heap show: the heap as it was at the end of a collection. The
 * cycles that are not shown yet are in future. A program in which no collection has ended shows all
 * of them.
 *
 * In a program whose code never asks for the profile the linker turns it off: the rate is 0, and
 * there is no bucket but of what was allocated before the runtime knew.
 */
#ifndef GO_PROFILE_H
#define GO_PROFILE_H

#include "frame.h"
#include "go/goproc.h"

#define GOPROFILE_BUCKETS (1U << 20) /* more are refused, */
#define GOPROFILE_STACK   1024       /* and deeper ones: maxProfStackDepth */
#define GOPROFILE_PCS     (1U << 24) /* of all buckets together */

struct goprofile_count {
	uint64_t allocs, frees, alloc_bytes, free_bytes; /* sampled, not scaled */
};

struct goprofile_bucket {
	uint64_t size;                        /* of each object, in bytes */
	uint32_t first, depth;                /* its stack: depth of the pcs, from first */
	struct goprofile_count shown, unseen; /* what the program shows, and what it has beside */
};

struct goprofile {
	struct goprofile_bucket *bucket; /* in the order of the list */
	size_t n, cap;
	uint64_t *pc; /* return addresses, the innermost first */
	size_t npc, pc_cap;
	uint64_t rate;        /* MemProfileRate now; 0: off, 1: each allocation */
	uint64_t collections; /* when it was read */
	bool consistent;      /* all of what is shown is of the same moment */
	int attempts;         /* readings it took */
};

/*
 * Read it, again while a collection changes it: a bounded number of times, then as it is.
 * 0; -ENOENT: the program has no heap profile; -EINVAL, -ELOOP, -E2BIG: the list is damaged or
 * too long; -ESRCH; other -errno. With a sentence.
 */
int goprofile_read(struct goproc *gp, struct goprofile *p);
void goprofile_free(struct goprofile *p);

struct symbols;

struct goprofile_frame {
	struct frame f; /* inlined: of the same location as the one behind it */
	uint64_t addr;  /* of the location: in the call, not the return address */
};

#define GOPROFILE_FRAMES (GOPROFILE_STACK + 64)

/*
 * The frames of a bucket, innermost first, as runtime/pprof puts them into locations (proto.go,
 * appendLocsForStack): without functions of the runtime at the inner end and without goexit.
 * How many; room is for GOPROFILE_FRAMES.
 */
size_t goprofile_frames(struct symbols *names, const struct goproc *gp, const struct goprofile *p,
			const struct goprofile_bucket *b, struct goprofile_frame *room);

void goprofile_add(struct goprofile_count *to, const struct goprofile_count *c);

/*
 * What a sampled count stands for, as runtime/pprof computes it (scaleHeapSample): an object
 * of b bytes is sampled with the probability 1 - exp(-b/rate).
 */
void goprofile_scale(uint64_t count, uint64_t bytes, uint64_t rate, int64_t *objects,
		     int64_t *space);

#endif
