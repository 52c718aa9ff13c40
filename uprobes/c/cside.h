/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * cside.h - the C side of a Go process (cgo): what is whose, outside of the Go runtime.
 *
 * Only where there is one: a program without an interpreter and without thread-local
 * storage (PT_TLS, which every program has that a C linker made) costs two looks at
 * its program headers. Everything is found from the inside of the structures, so it
 * also works where the Go runtime's own facts are not known.
 */
#ifndef CSIDE_H
#define CSIDE_H

#include "c/arena.h"
#include "c/chunk.h"
#include "c/cspace.h"
#include "c/loader.h"
#include "c/names.h"
#include "c/pthread.h"
#include "go/goproc.h"
#include "go/rt_heap.h"

struct cside {
	struct cspace space; /* owned: the ranges of all, COWNER_GO ones too */
	struct carenas arenas;
	struct cchunks chunks;
	struct cthreads threads;
	struct cnames names;
	bool named;           /* names are known: they are looked for once */
	bool threads_unknown; /* not looked for: struct pthread is known on x86-64 only */
	uint64_t read_ns;
	uint64_t budget; /* pages that may still be read to walk free lists */
};

/*
 * Read the C side. meta and heap: the Go runtime's ranges, NULL where they are not
 * known. runs: pages the kernel holds, of the target's present mappings. May be
 * called again for another look at the same process: free lists are walked once,
 * in the first. c must have been zeroed before the first call; the maps and runs
 * must outlive its use. 0 or -errno.
 */
int cside_read(struct cside *c, struct goproc *gp, const struct gometa *meta,
	       const struct goheap *heap, const struct page_runs *runs);
void cside_free(struct cside *c);

#endif
