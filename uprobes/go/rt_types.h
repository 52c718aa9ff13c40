/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * rt_types.h - the types of large objects, as the runtime notes them.
 *
 * From Go 1.22 on an object with pointers whose slot is larger than 512 bytes has its type's
 * address in the first word of the slot (mbitmap.go, heapSetTypeSmallHeader), and one that
 * is a span by itself in mspan.largeType. Smaller ones, and those without pointers, have
 * none; nor has any before 1.22. Of memory for several values (make, append, maps) it is
 * the type of one of them.
 */
#ifndef RT_TYPES_H
#define RT_TYPES_H

#include "go/goproc.h"
#include "go/rt_heap.h"
#include "go/types.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object_type {
	uint64_t addr; /* of the descriptor; 0: none */
	bool array;    /* too large for one value of it: memory for several */
	uint64_t size; /* of one value */
	uint64_t objects, bytes, live_objects, live; /* bytes of slots */
	char name[1024], pkg[256];                   /* as of struct go_type */
};

#define OBJECT_TYPES_MAX 4096

/* Rows that are of no type and have no name: what is noted is none; it is beyond the limit. */
enum { OBJECTS_UNTYPED, OBJECTS_OTHERS, OBJECT_TYPES_FIRST };

struct object_types {
	struct object_type *type;
	size_t n, cap;
	bool known;       /* the release notes them */
	uint64_t objects; /* that were looked at: live, or allocated since */
	uint64_t passed;  /* objects that were too many to look at, or without marks */
};

/* Headers that are read; a GiB of objects of 1 KiB has a million. */
#define OBJECTS_MAX (8ULL << 20)

/*
 * Read the types of the large objects of a heap whose marks were read. 0 or -errno. o is
 * overwritten; free it with object_types_free().
 */
int object_types_read(struct goproc *gp, const struct goheap *h, struct object_types *o);
void object_types_free(struct object_types *o);

#endif
