/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * cspace.h - an address space as the readers of C memory see it.
 *
 * Its mappings, the pages the kernel holds, and a list of who owns which part:
 * the Go runtime's ranges first, then what each reader finds. A reader looks only
 * where nobody owns anything yet, so C structures are never found in Go memory;
 * where the Go side is not known, they must prove themselves by structure.
 *
 * Everything read is hostile: an address that cannot be read is no error but a
 * reason not to believe. Only -ENOMEM, -EPERM and -ESRCH are handed up.
 */
#ifndef CSPACE_H
#define CSPACE_H

#include "mem.h"
#include "proc/maps.h"
#include "proc/pagemap.h"
#include <errno.h>
#include <stdbool.h>

enum cowner {
	COWNER_GO,     /* not ours: counted by the Go side */
	COWNER_ARENA,  /* a heap of a secondary arena; index: of its arena */
	COWNER_CHUNK,  /* a large block with a mapping of its own */
	COWNER_STACK,  /* of a thread; index: of the thread */
	COWNER_LOADER, /* the program loader's: link maps, the main thread's static TLS */
};

struct crange {
	uint64_t start, end; /* page aligned */
	enum cowner owner;
	uint32_t index;
	uint64_t resident, mapped; /* filled when pages are joined; mapped without guards */
};

struct cranges {
	struct crange *r; /* ascending and not overlapping after cranges_sort() */
	size_t n, cap;
};

int cranges_add(struct cranges *c, uint64_t start, uint64_t end, enum cowner owner, uint32_t index);
/* Of two that overlap, the one that begins later gives way. */
void cranges_sort(struct cranges *c);
/* The first range that ends above addr, or NULL: the owner if it starts there or before. */
struct crange *cranges_at(const struct cranges *c, uint64_t addr);
void cranges_free(struct cranges *c);

struct cspace {
	struct mem *mem;
	const struct maps *maps;
	const struct page_runs *runs;
	struct cranges owned;
	bool go_known; /* all of the Go runtime's ranges are in owned */
	uint64_t exe_ino;
	bool in_exe; /* the C library is linked into the executable */
};

/* Private anonymous memory that can be read and written, and has no role of its own. */
bool vma_plain(const struct vma *v);
/* The plain mapping that holds addr, or NULL. */
const struct vma *cspace_plain(const struct cspace *s, uint64_t addr);
/* The part of a plain mapping around addr that nobody owns; false if there is none. */
bool cspace_gap(const struct cspace *s, uint64_t addr, uint64_t *start, uint64_t *end);
bool cspace_resident(const struct cspace *s, uint64_t addr);

/*
 * Data of the C library, the thread library and the loader that can be written:
 * the parts that are resident, others as zeros. fn is called for each piece; it
 * ends the walk by returning something else than 0.
 */
enum cdata { CDATA_LIBC, CDATA_THREADS };
typedef int cdata_fn(struct cspace *s, uint64_t addr, const uint8_t *data, size_t len, void *arg);
int cspace_data(struct cspace *s, enum cdata what, cdata_fn *fn, void *arg);

/* Errors that end a look; others say that something is not what it looked like. */
static inline bool cspace_fatal(int err)
{
	return err == -ENOMEM || err == -EPERM || err == -ESRCH;
}

#endif
