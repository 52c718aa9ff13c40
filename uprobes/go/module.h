/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * module.h - Go in shared libraries: which mapped files are Go, and which has the runtime.
 *
 * A C program has Go in it when it loads a library built with -buildmode=c-shared; the
 * runtime is then that library's. A Go program may load plugins (-buildmode=plugin), which
 * are modules of its own runtime, or such a library, which brings another runtime along.
 * Of two runtimes neither owns what the other has: they are not told apart, but refused.
 *
 * Only files with a mapping that is executable are looked at, FILES_MAX at most, and of
 * each the section headers and their names; a file without those is not recognised. It is
 * opened through /proc/PID/map_files, so it may be deleted or in another mount namespace;
 * where that is not permitted, below /proc/PID/root, if device and inode are the mapping's.
 */
#ifndef GO_MODULE_H
#define GO_MODULE_H

#include "go/goproc.h"

/* Whether files are Go, by device and inode, for those who ask about many processes. */
struct gofiles {
	struct gofile {
		uint64_t ino;
		uint32_t dev;
		bool go, unreadable;
	} * file;
	size_t n, cap;
};
void gofiles_free(struct gofiles *f);

/* One that was loaded: a file that is mapped twice (dlmopen) is two. */
struct gomodule {
	const struct vma *text; /* its executable mapping, belongs to the maps */
	uint64_t bias;
};

#define GOMODULES_MAX 8

struct gomodules {
	struct gomodule m[GOMODULES_MAX];
	size_t n;
	unsigned unreadable; /* mapped files that could not be opened */
};

/* The Go libraries among the mappings. 0, also when there are none, or -ENOMEM. */
int gomodules_find(struct gofiles *known, int dirfd, const struct maps *maps,
		   struct gomodules *out);

/* The file of a mapping, for reading; -errno if it cannot be had. */
int gomodule_file(int dirfd, const struct vma *v);

/*
 * The executable of gp is not Go: take the one library that is. 0; -ENOEXEC when there is
 * none, the sentence is the one left before; -EOPNOTSUPP when there are several.
 */
int gomodule_take(struct goproc *gp);

/*
 * The executable is Go: refuse with -EOPNOTSUPP if a library brings a runtime of its own,
 * or if the executable has none (-linkshared). What is in the chain of the modules is not
 * a runtime of its own.
 */
int gomodule_alone(struct goproc *gp);

#endif
