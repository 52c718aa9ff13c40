/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * core.h - a core file: what a process's memory was when it died, or was copied.
 *
 * Written by the kernel (fs/binfmt_elf.c) or by gdb (gcore): an ELF file of type
 * ET_CORE, little-endian, 64 bit.
 *
 *   PT_NOTE  CORE/NT_PRSTATUS  a thread each          CORE/NT_PRPSINFO  pid, name
 *            CORE/NT_AUXV      AT_PHDR, AT_RANDOM, …  CORE/NT_FILE      mapped files
 *   PT_LOAD  a mapping each: [vaddr, vaddr + memsz), of which filesz bytes at offset
 *
 * Pages of a file that were not changed are left out (coredump_filter); their bytes
 * are the file's. Anonymous pages that are left out were never touched: the kernel
 * leaves holes for those inside a mapping that it did write. gdb writes zeros for
 * them, and so does whatever copies a core without care; in a core without a hole
 * anonymous pages of zeros are taken for such. What the kernel held of each page is
 * not told: what a core can say is which pages are in it.
 *
 * A core may be anybody's: it is hostile input.
 */
#ifndef CORE_H
#define CORE_H

#include "proc/maps.h"
#include "proc/pagemap.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct core_segment {
	uint64_t start, end; /* page aligned */
	uint64_t off, size;  /* the bytes that are in the file */
	uint32_t flags;      /* VMA_* */
};

struct core_file {
	uint64_t start, end, off;
	const char *name;
	uint64_t id; /* the same for entries of one name; not 0 */
};

struct core {
	int fd;
	struct core_segment *seg; /* ascending, not overlapping */
	size_t n;
	struct core_file *file; /* ascending */
	size_t nfiles;
	struct page_runs runs; /* pages that are in the file, holes left out */
	uint64_t bytes;        /* of those */
	bool zeros_left_out;   /* there is no hole: anonymous pages of zeros, too */
	char *notes;
	uint64_t at_phdr, at_random, at_vdso, page; /* of auxv; 0: unknown */
	pid_t pid;
	uid_t uid;
	char comm[17];
	uint64_t threads;
	const struct core_file *exe; /* the mapping of the program's headers, or NULL */
};

/*
 * -ENOEXEC: not a core file; -EOPNOTSUPP: of another machine or page size; -EBADMSG: a
 * damaged or truncated one; other -errno. A sentence is left in fail_text().
 */
int core_open(struct core *c, const char *path);
void core_close(struct core *c);

/* The mappings, with the names the core knows. The core must outlive them. */
int core_maps(const struct core *c, struct maps *m);

/* The segment that holds addr, or NULL. */
const struct core_segment *core_segment_at(const struct core *c, uint64_t addr);

/* The file that was mapped at addr, whether the core has a segment of it or not; or NULL. */
const struct core_file *core_file_at(const struct core *c, uint64_t addr);

/* Read bytes that are in the file. 0, or -EIO. */
int core_read(const struct core *c, const struct core_segment *s, uint64_t addr, void *buf,
	      size_t len);

#endif
