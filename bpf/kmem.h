/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * kmem.h - memory that the kernel allocates in the target's context.
 *
 * Nothing is handed over event by event: the programs count by site, in kmem_sites, and keep
 * what was chosen and not yet freed in kmem_objects, by its address. An object is chosen when it
 * is allocated, at random; its end is then seen in whatever context it comes. So what was counted
 * under a share is an unbiased sample of it, objects and what is left of them alike.
 *
 * The kernel has ways to free without a tracepoint: kfree_rcu() and in bulk. Then an object is
 * there until its address is given out again, to anybody. Sites with such ends have at most as
 * much outstanding as they show.
 */
#ifndef KMEM_H
#define KMEM_H

#include "event.h"
#include "hist.h"

#define KMEM_SITES   8192
#define KMEM_STACKS  16384
#define KMEM_FRAMES  48
#define KMEM_NAME    32 /* of a cache */
#define KMEM_NO_CALL 0xffff

/* Slabs are made of pages: what is in one kind is not to be added to another. */
enum kmem_kind { KMEM_KMALLOC, KMEM_CACHE, KMEM_PAGES, KMEM_PERCPU, KMEM_KINDS };

/* What is counted apart. */
struct kmem_site {
	__u64 call_site; /* a return address in the kernel; 0: the kernel does not tell */
	__u64 cache;     /* of KMEM_CACHE: a key of kmem_caches; 0: the kernel does not tell */
	__u32 gfp;
	__s32 stack;  /* in kmem_stacks; negative: there was no room */
	__u32 sample; /* the share that it was chosen under, see struct policy */
	__u16 kind;
	__u16 call; /* the number of the system call that the thread was in, or KMEM_NO_CALL */
};
_Static_assert(sizeof(struct kmem_site) == 32, "a key has no holes");

/* Bytes are those allocated, where it does not say requested. */
struct kmem_sum {
	__u64 count, requested, bytes, squares; /* squares: of the bytes of each */
	__u64 freed, freed_bytes, freed_squares;
	__u64 unseen; /* of the freed: seen only when the address was given out again */
};

struct kmem_object {
	struct kmem_site site;
	__u32 bytes;
	__u32 pad;
};

#endif
