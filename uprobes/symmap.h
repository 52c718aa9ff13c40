/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * symmap.h - the mappings of a process that hold code, and the files they are of.
 *
 * A file is opened when the first pc in it is asked for: through /proc/PID/map_files,
 * which is the very file, deleted or not (CAP_CHECKPOINT_RESTORE), else by its path below
 * /proc/PID/root, if the inode there is still that of the mapping.
 */
#ifndef SYMMAP_H
#define SYMMAP_H

#include "symfile.h"
#include "target.h"

struct symmap_entry {
	struct vma vma; /* its name is not kept */
	const char *module;
	struct symfile *file; /* NULL: none, or not opened yet */
	uint64_t bias;        /* address in the process - address in the file */
	int err;              /* of opening it; 1: not tried yet */
};

struct pccache;

struct symmap {
	struct symfiles *files;
	struct pccache *strings;
	struct symmap_entry *e; /* ascending */
	size_t n;
	struct symfile **held; /* all that were ever opened: their strings were handed out */
	size_t nheld;
};

/* Read the mappings (again). *changed: a pc may be in another file now. 0 or -errno. */
int symmap_read(struct symmap *m, struct target *t, bool *changed);
/* The mapping that holds pc, its file opened if that can be; NULL. */
struct symmap_entry *symmap_find(struct symmap *m, struct target *t, uint64_t pc);
/* Hold a file open until the end. NULL with errno. */
struct symfile *symmap_hold(struct symmap *m, int fd);
void symmap_close(struct symmap *m);

#endif
