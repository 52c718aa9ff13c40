// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* /proc/PID/maps, one line a mapping:
 *
 *   00400000-0048b000 r-xp 00001000 fd:00 1234       /path with spaces
 *   start    end      perm offset   dev   inode      name
 */
#include "proc/maps.h"
#include "proc/procfs.h"
#include "search.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPS_MAX_BYTES (256U << 20)

static int vma_parse(char *line, struct vma *v)
{
	unsigned long long start, end, off, ino;
	unsigned maj, min;
	char perm[5];
	int name = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, perm, &off, &maj, &min,
		   &ino, &name) != 7 ||
	    start >= end)
		return -EIO;
	*v = (struct vma){
		.start = start,
		.end = end,
		.off = off,
		.ino = ino,
		.dev = maj << 20 | min,
		.flags = (perm[0] == 'r') * VMA_R | (perm[1] == 'w') * VMA_W |
			 (perm[2] == 'x') * VMA_X | (perm[3] == 's') * VMA_SHARED,
		.name = name ? line + name : "",
	};
	return 0;
}

int maps_read(int dirfd, struct maps *m)
{
	char *text = proc_slurp(dirfd, "maps", MAPS_MAX_BYTES, NULL);

	*m = (struct maps){};
	return text ? maps_parse(text, m) : -errno;
}

int maps_parse(char *text, struct maps *m)
{
	size_t lines = 0;
	char *nl;

	*m = (struct maps){ .text = text };
	for (char *p = m->text; (p = strchr(p, '\n')); p++)
		lines++;
	m->vma = calloc(lines + 1, sizeof(*m->vma));
	if (!m->vma) {
		maps_free(m);
		return -ENOMEM;
	}
	for (char *line = m->text; (nl = strchr(line, '\n')); line = nl + 1) {
		struct vma *v = &m->vma[m->n];

		*nl = '\0';
		if (vma_parse(line, v))
			continue;
		/* the file is read in pieces: a mapping that grew between two may repeat */
		if (m->n && v->start < v[-1].end) {
			v->off += v->ino ? v[-1].end - v->start : 0;
			v->start = v[-1].end;
		}
		m->n += v->start < v->end;
	}
	return 0;
}

void maps_free(struct maps *m)
{
	free(m->vma);
	free(m->text);
	*m = (struct maps){};
}

const struct vma *maps_find(const struct maps *m, uint64_t addr)
{
	size_t first = count_before(m->n, i, m->vma[i].end <= addr);
	return first < m->n && m->vma[first].start <= addr ? &m->vma[first] : NULL;
}
