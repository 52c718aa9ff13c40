/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * proof.h - identities that hold in every Go runtime, 1.19 to 1.27.
 *
 * gcController, memstats.heapStats and the size classes count the same things
 * independently (mgcpacer.go, mstats.go). With a wrong address or offset they
 * cannot agree, so agreement proves both. Under churn a snapshot may be torn
 * between two updates; one that balances cannot be.
 */
#ifndef GO_PROOF_H
#define GO_PROOF_H

#include "go/layout.h"
#include <stdbool.h>
#include <stdint.h>

#define PROOF_IDENTITIES 6
#define PROOF_ATTEMPTS   100
#define PROOF_STRUCTURES 11
#define PROOF_QUICK      3 /* of them: a few reads */

/* A copy of both structures, taken by one call, and the sums the formulas need. */
struct go_counters {
	const struct go_layout *l;
	uint8_t gc[1024];  /* runtime.gcController */
	uint8_t ms[16384]; /* runtime.memstats */
	/* the three generations of memstats.heapStats, added up */
	int64_t committed, released, in_heap, in_stacks, in_workbufs, in_ptrscalar;
	int64_t tiny_allocs, large_alloc, large_allocs, large_free, large_frees;
	int64_t small_allocs[LAYOUT_SIZE_CLASSES], small_frees[LAYOUT_SIZE_CLASSES];
};

struct goproc;

/* Read both structures and add up. 0 or -errno. */
int go_counters_read(struct goproc *gp, struct go_counters *c);
/* Whether any counter that a change of spans or bitmaps moves differs. */
bool go_counters_differ(const struct go_counters *a, const struct go_counters *b);
uint64_t go_counters_gc(const struct go_counters *c, uint32_t off);
uint64_t go_counters_ms(const struct go_counters *c, uint32_t off);

/*
 * Bit i set: identity i+1 does not hold.
 * I1 heapInUse = inHeap           I2 heapReleased = released
 * I3 heapInUse + heapFree = committed - inStacks - inWorkBufs - inPtrScalarBits
 * I4 totalAlloc = large + small by class    I5 totalFree likewise
 * I6 mappedReady = all that is mapped - released
 * All identities also hold for memory full of zeros: trivial() tells.
 */
unsigned go_counters_check(const struct go_counters *c);

/* Both sides of each, which are to be equal, and what they are. */
struct go_identity {
	uint64_t left, right;
	const char *what;
};
void go_identities(const struct go_counters *c, struct go_identity id[PROOF_IDENTITIES]);
bool go_counters_trivial(const struct go_counters *c);

/* Prove gp->l at gp->addr; fills proven, checked, failed, attempts, proof_ns. */
int go_prove(struct goproc *gp);

/*
 * A neighbour's layout may satisfy the six and still be wrong elsewhere: hold every
 * further structure that is read against what the runtime says of it in another
 * place. Not all: only those that cost a few reads, for a release's own layout. Adds
 * to checked, failed and proof_ns, sets proven, and why if it is not.
 */
int go_prove_structures(struct goproc *gp, bool all);

/*
 * Each of these tests by itself, and what it is of. Bit i of *held: test i holds, in the
 * look in which most of them did. Changes nothing in gp. 0 or -errno.
 */
int go_structures_check(struct goproc *gp, unsigned *held);
const char *go_structure_name(unsigned i);

#endif
