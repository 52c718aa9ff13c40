/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * symfile.h - files with symbols, opened once for all processes that run them.
 *
 * Two files are one if they have the same build id (GNU's, else Go's) and size, or
 * without an id the same device, inode, size and time of change. A file can lie about
 * its id: whoever looks at programs that do gets wrong names for them.
 */
#ifndef SYMFILE_H
#define SYMFILE_H

#include "elfsyms.h"
#include "go/image.h"

#define SYMFILE_ID_MAX 96

struct symfile_key {
	uint64_t dev, ino, size;
	int64_t mtime_ns;
	uint8_t id[SYMFILE_ID_MAX]; /* build id; then dev, ino and mtime_ns are 0 */
};

struct symfile {
	struct symfile_key key;
	int fd;
	struct lazyfile file; /* of headers and of Go's tables */
	struct image image;
	struct elfsyms syms;
	int syms_err; /* of opening them; 1: not tried yet */
	unsigned users;
	struct symfile *next;
};

struct symfiles;

struct symfiles *symfiles_new(void);
/* No file may be in use. */
void symfiles_free(struct symfiles *all);

/*
 * The file of a descriptor, which stays the caller's. -ENOEXEC: no 64-bit ELF file;
 * other -errno. It stays open when nobody uses it any more, but for the oldest ones.
 */
int symfile_get(struct symfiles *all, int fd, struct symfile **out);
void symfile_put(struct symfiles *all, struct symfile *f);

/* The name of the C function at an address of the file, or NULL. Go's are to be skipped. */
const char *symfile_find(struct symfile *f, uint64_t addr, struct elfsyms_skip go, uint64_t *start);

/*
 * Address in the process - address in the file, of a mapping that begins at start and at
 * off in the file; false if it is of no segment with code.
 */
bool symfile_bias(const struct symfile *f, uint64_t start, uint64_t off, uint64_t *bias);

#endif
