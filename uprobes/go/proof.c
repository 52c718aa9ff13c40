// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The runtime's own identities; see proof.h. */
#include "go/proof.h"
#include "go/goproc.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PROOF_AT_ONCE  20
#define PROOF_PAUSE_US 300

uint64_t go_counters_gc(const struct go_counters *c, uint32_t off)
{
	return off == LAYOUT_NONE || off > sizeof(c->gc) - 8 ? 0 : get_u64(c->gc, off);
}

uint64_t go_counters_ms(const struct go_counters *c, uint32_t off)
{
	return off == LAYOUT_NONE || off > sizeof(c->ms) - 8 ? 0 : get_u64(c->ms, off);
}

bool go_counters_differ(const struct go_counters *a, const struct go_counters *b)
{
	const struct go_layout *l = a->l;

	return memcmp(a->gc + l->gc_heapInUse, b->gc + l->gc_heapInUse,
		      l->gc_mappedReady + 8 - l->gc_heapInUse) ||
	       memcmp(a->ms, b->ms, l->ms_size);
}

static int64_t generations(const struct go_counters *c, uint32_t off, unsigned index)
{
	const struct go_layout *l = c->l;
	uint64_t sum = 0;

	if (off == LAYOUT_NONE)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		sum += go_counters_ms(c, l->ms_stats + i * l->hs_size + off + index * 8);
	return sum;
}

static void add_up(struct go_counters *c)
{
	const struct go_layout *l = c->l;

	c->committed = generations(c, l->hs_committed, 0);
	c->released = generations(c, l->hs_released, 0);
	c->in_heap = generations(c, l->hs_inHeap, 0);
	c->in_stacks = generations(c, l->hs_inStacks, 0);
	c->in_workbufs = generations(c, l->hs_inWorkBufs, 0);
	c->in_ptrscalar = generations(c, l->hs_inPtrScalarBits, 0);
	c->tiny_allocs = generations(c, l->hs_tinyAllocCount, 0);
	c->large_alloc = generations(c, l->hs_largeAlloc, 0);
	c->large_allocs = generations(c, l->hs_largeAllocCount, 0);
	c->large_free = generations(c, l->hs_largeFree, 0);
	c->large_frees = generations(c, l->hs_largeFreeCount, 0);
	for (unsigned i = 0; i < LAYOUT_SIZE_CLASSES; i++) {
		c->small_allocs[i] = generations(c, l->hs_smallAllocCount, i);
		c->small_frees[i] = generations(c, l->hs_smallFreeCount, i);
	}
}

int go_counters_read(struct goproc *gp, struct go_counters *c)
{
	const struct go_layout *l = gp->l;
	struct mem_vec v[2] = {
		{ .addr = gp->addr[G_gcController], .buf = c->gc, .len = l->gc_size },
		{ .addr = gp->addr[G_memstats], .buf = c->ms, .len = l->ms_size },
	};
	int err;

	if (l->gc_size > sizeof(c->gc) || l->ms_size > sizeof(c->ms))
		return -EINVAL;
	c->l = l;
	err = mem_readv(gp->mem, v, 2);
	if (!err)
		add_up(c);
	return err;
}

/* Unsigned throughout: a wrong layout gives any bits at all, and sums that wrap. */
static uint64_t by_class(const int64_t *counts)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LAYOUT_SIZE_CLASSES; i++)
		sum += (uint64_t)counts[i] * go_size_class[i];
	return sum;
}

void go_identities(const struct go_counters *c, struct go_identity id[PROOF_IDENTITIES])
{
	const struct go_layout *l = c->l;
	uint64_t in_use = go_counters_gc(c, l->gc_heapInUse);
	uint64_t released = go_counters_gc(c, l->gc_heapReleased);
	uint64_t free_ = go_counters_gc(c, l->gc_heapFree);
	uint64_t manual = (uint64_t)c->in_stacks + c->in_workbufs + c->in_ptrscalar;
	uint64_t mapped = in_use + free_ + released + manual;
	const uint32_t sys[] = { l->ms_stacks_sys,   l->ms_mspan_sys, l->ms_mcache_sys,
				 l->ms_buckhash_sys, l->ms_gcMiscSys, l->ms_other_sys };

	for (unsigned i = 0; i < sizeof(sys) / sizeof(sys[0]); i++)
		mapped += go_counters_ms(c, sys[i]);
	id[0] = (struct go_identity){ in_use, c->in_heap, "heapInUse = inHeap" };
	id[1] = (struct go_identity){ released, c->released, "heapReleased = released" };
	id[2] = (struct go_identity){ in_use + free_, c->committed - manual,
				      "heapInUse + heapFree = committed - inStacks - inWorkBufs - "
				      "inPtrScalarBits" };
	id[3] = (struct go_identity){ go_counters_gc(c, l->gc_totalAlloc),
				      c->large_alloc + by_class(c->small_allocs),
				      "totalAlloc = largeAlloc + smallAllocCount by class" };
	id[4] = (struct go_identity){ go_counters_gc(c, l->gc_totalFree),
				      c->large_free + by_class(c->small_frees),
				      "totalFree = largeFree + smallFreeCount by class" };
	id[5] = (struct go_identity){ go_counters_gc(c, l->gc_mappedReady), mapped - c->released,
				      "mappedReady = all that is mapped - released" };
}

unsigned go_counters_check(const struct go_counters *c)
{
	struct go_identity id[PROOF_IDENTITIES];
	unsigned failed = 0;

	go_identities(c, id);
	for (unsigned i = 0; i < PROOF_IDENTITIES; i++)
		failed |= (unsigned)(id[i].left != id[i].right) << i;
	return failed;
}

bool go_counters_trivial(const struct go_counters *c)
{
	uint64_t in_use = go_counters_gc(c, c->l->gc_heapInUse);
	uint64_t ready = go_counters_gc(c, c->l->gc_mappedReady);

	return !in_use || in_use % GO_PAGE || !ready || !go_counters_ms(c, c->l->ms_other_sys) ||
	       !go_counters_ms(c, c->l->ms_gcMiscSys);
}

int go_prove(struct goproc *gp)
{
	struct go_counters c;
	uint64_t start = clock_mono_ns();
	unsigned failed = ~0u, best = PROOF_IDENTITIES;
	int err = 0;

	gp->proven = false;
	gp->checked = PROOF_IDENTITIES;
	for (gp->attempts = 1; gp->attempts <= PROOF_ATTEMPTS; gp->attempts++) {
		err = go_counters_read(gp, &c);
		if (err)
			break;
		failed = go_counters_check(&c);
		if ((unsigned)__builtin_popcount(failed) < best)
			best = __builtin_popcount(failed);
		if (!failed && !go_counters_trivial(&c)) {
			gp->proven = true;
			break;
		}
		/*
		 * A reader of runtime/metrics that the kernel took off its CPU half-way
		 * leaves the sums doubled until it runs again: wait for that, too.
		 */
		if (gp->attempts >= PROOF_AT_ONCE)
			usleep(PROOF_PAUSE_US);
	}
	if (gp->attempts > PROOF_ATTEMPTS)
		gp->attempts = PROOF_ATTEMPTS;
	gp->failed = gp->proven ? 0 : best;
	gp->proof_ns = clock_mono_ns() - start;
	return err;
}
