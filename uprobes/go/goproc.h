/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * goproc.h - the Go runtime inside a process: addresses and layout, proven.
 *
 * Nothing that is read through a struct goproc is believed before the live
 * process has satisfied the runtime's own identities with it (proof.c). When it
 * has not, `proven` is false, `why` says why in a sentence, and readers refuse.
 */
#ifndef GO_PROC_H
#define GO_PROC_H

#include "clock.h"
#include "go/binary.h"
#include "go/layout.h"
#include "mem.h"
#include "target.h"
#include <stdbool.h>

/* The runtime's variables that the readers start from; X(name, required). */
#define GO_GLOBALS(X)                                                                              \
	X(gcController, true)                                                                      \
	X(memstats, true)                                                                          \
	X(mheap_, true)                                                                            \
	X(allp, true)                                                                              \
	X(allm, true)                                                                              \
	X(allgs, true)                                                                             \
	X(allglen, true)                                                                           \
	X(work, true)                                                                              \
	X(emptymspan, true)                                                                        \
	X(gcBitsArenas, true)                                                                      \
	X(persistentChunks, true)                                                                  \
	X(buckhash, false)                                                                         \
	X(mbuckets, false)                                                                         \
	X(firstmoduledata, true)                                                                   \
	X(bbuckets, false)                                                                         \
	X(xbuckets, false)                                                                         \
	X(trace, false)                                                                            \
	X(vgetrandomAlloc, false)                                                                  \
	X(debug, false)

enum go_global {
#define ENUM(name, required) G_##name,
	GO_GLOBALS(ENUM)
#undef ENUM
		G_COUNT
};

extern const char *const go_global_names[G_COUNT];
extern const bool go_global_required[G_COUNT];

struct goproc {
	struct target *t;
	struct mem *mem;
	struct binary bin;
	uint64_t bias;             /* address in the process - address in the file */
	uint64_t addr[G_COUNT];    /* in the process; 0: not there */
	const char *how[G_COUNT];  /* how it was found: static text, or NULL */
	bool from_code;            /* the symbol table does not have them: found in code */
	const struct go_layout *l; /* NULL when none */
	bool exact;                /* the layout is this release's own, not a neighbour's */
	bool proven;
	char why[256];       /* why it is not proven, or which neighbour was used; "" */
	int checked, failed; /* identities of the last proof */
	int attempts;        /* snapshots it took until one balanced */
	uint64_t proof_ns;   /* time it took */
};

/*
 * Look into a target that was opened. 0 also when the facts cannot be proven;
 * -ENOEXEC when it is not Go. The target must outlive it.
 */
int goproc_open(struct goproc *gp, struct target *t);
void goproc_close(struct goproc *gp);

/*
 * Hold one layout against the process: the six identities; a few structures beside
 * them; or all that are read, which is what a neighbour's layout must satisfy. Sets
 * l, proven and why. 0, or -errno where it cannot be read.
 */
enum prove { PROVE_COUNTERS, PROVE_QUICK, PROVE_ALL };
int goproc_try(struct goproc *gp, const struct go_layout *l, enum prove how);

/* The start of its heap arena of an address, and the arena's index (linux/amd64). */
#define GO_PAGE         8192ULL
#define GO_ARENA        (64ULL << 20)
#define GO_ARENA_PAGES  (GO_ARENA / GO_PAGE)
#define GO_ARENA_BASE   0xffff800000000000ULL
#define GO_CHUNK        (4ULL << 20)   /* pallocChunkBytes */
#define GO_PERSISTENT   (256ULL << 10) /* persistentChunkSize */
#define GO_GCBITS_ARENA (64ULL << 10)
#define GO_SPAN_CLASSES (2 * LAYOUT_SIZE_CLASSES)

#endif
