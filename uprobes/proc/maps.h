/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* maps.h - the mappings of a process, from /proc/PID/maps. */
#ifndef MAPS_H
#define MAPS_H

#include <stddef.h>
#include <stdint.h>

enum { VMA_R = 1, VMA_W = 2, VMA_X = 4, VMA_SHARED = 8 };

struct vma {
	uint64_t start, end; /* [start, end), page aligned */
	uint64_t off, ino;   /* of the mapped file */
	uint32_t dev;        /* major << 20 | minor */
	uint32_t flags;      /* VMA_* */
	const char *name;    /* path, "[stack]", "[anon: …]" or "" ; belongs to the maps */
};

struct maps {
	struct vma *vma; /* ascending, not overlapping */
	size_t n;
	char *text;
};

/* Reads dirfd/maps. Returns 0 or -errno; free with maps_free(). */
int maps_read(int dirfd, struct maps *m);
/* The same of a text that was read; the maps take it, also on failure. */
int maps_parse(char *text, struct maps *m);
void maps_free(struct maps *m);

/* The mapping that holds addr, or NULL. */
const struct vma *maps_find(const struct maps *m, uint64_t addr);

#endif
