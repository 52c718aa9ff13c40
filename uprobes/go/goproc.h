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
	X(MemProfileRate, false)                                                                   \
	X(firstmoduledata, true)                                                                   \
	X(bbuckets, false)                                                                         \
	X(xbuckets, false)                                                                         \
	X(trace, false)                                                                            \
	X(vgetrandomAlloc, false)                                                                  \
	X(runtimeInitTime, false)                                                                  \
	X(debug, false)                                                                            \
	X(buildVersion, false)

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
	struct binary bin;  /* the file with the runtime: mostly the executable */
	uint64_t bias;      /* address in the process - address in the file */
	struct binary host; /* the executable, where that is a library (module.h) */
	uint64_t host_bias;
	uint64_t addr[G_COUNT];    /* in the process; 0: not there */
	const char *how[G_COUNT];  /* how it was found: static text, or NULL */
	bool from_code;            /* the symbol table does not have them: found in code */
	bool version_live;         /* no build info: bin.version is from runtime.buildVersion */
	const struct go_layout *l; /* NULL when none */
	bool exact;                /* the layout is this release's own, not a neighbour's */
	bool proven;
	char why[256];       /* why it is not proven, or what is odd all the same; "" */
	int checked, failed; /* identities of the last proof */
	int attempts;        /* snapshots it took until one balanced */
	uint64_t proof_ns;   /* time it took */
};

/*
 * Look into a target that was opened. 0 also when the facts cannot be proven;
 * -ENOEXEC when it is not Go; -EOPNOTSUPP when it has more than one Go runtime, or not
 * in one file, or is for another machine. The target must outlive it.
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

/* The release that a Go string in the process names ("go1.24.4"). false: it names none. */
bool goproc_version_at(const struct goproc *gp, uint64_t addr, char *version, size_t size);

/* The executable, whether the Go runtime is in it or not. */
const struct binary *goproc_exe(const struct goproc *gp, uint64_t *bias);

/* Units of the heap, on both machines; where its arenas are counted from: go_arena_base(). */
#define GO_PAGE         8192ULL
#define GO_ARENA        (64ULL << 20)
#define GO_ARENA_PAGES  (GO_ARENA / GO_PAGE)
#define GO_CHUNK        (4ULL << 20)   /* pallocChunkBytes */
#define GO_PERSISTENT   (256ULL << 10) /* persistentChunkSize */
#define GO_GCBITS_ARENA (64ULL << 10)
#define GO_SPAN_CLASSES (2 * LAYOUT_SIZE_CLASSES)

#endif
