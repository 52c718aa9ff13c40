// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The runtime's pointers, tried on the live process; see resolve.h. */
#include "go/resolver.h"
#include "go/rt_meta.h"
#include "proc/procfs.h"
#include "search.h"
#include <errno.h>
#include <stdlib.h>

#define LIST_MAX 100000
#define RATE_MAX (1ULL << 31)

static bool u64_at(const struct resolver *r, uint64_t addr, uint64_t *v)
{
	return !mem_u64(r->gp->mem, addr, v);
}

static bool in_chunk(const struct resolver *r, uint64_t addr)
{
	return gometa_index(r->chunk, r->nchunks, GO_PERSISTENT, addr) >= 0;
}

/* A slice of Ps: each has an mcache, whose two entries of class 0 are emptymspan. */
static bool is_allp(struct resolver *r, uint64_t at)
{
	uint64_t ptr, len, cap, p, mcache, empty[2] = {}, first = 0;

	if (mem_slice(r->gp->mem, at, 65536, &ptr, &len, &cap) || !len)
		return false;
	for (uint64_t i = 0; i < len; i++) {
		if (!u64_at(r, ptr + 8 * i, &p) || !p || !u64_at(r, p + r->l->p_mcache, &mcache))
			return false;
		if (!mcache) /* a P that is not in use now */
			continue;
		if (mem_read(r->gp->mem, mcache + r->l->mcache_alloc, empty, sizeof(empty)) ||
		    empty[0] != empty[1] || empty[0] < r->data || empty[0] >= r->data_end ||
		    (first && empty[0] != first))
			return false;
		first = empty[0];
	}
	if (!first)
		return false;
	r->out->addr[G_emptymspan] = first;
	r->out->how[G_emptymspan] = "class 0 of every mcache";
	return true;
}

/* A chain of Ms, each the m of its g0. */
static bool is_allm(struct resolver *r, uint64_t at)
{
	uint64_t m, g0, back;

	if (!u64_at(r, at, &m) || !m)
		return false;
	for (unsigned i = 0; m; i++) {
		if (i == LIST_MAX || m % 8 || !u64_at(r, m + r->l->m_g0, &g0) || !g0 ||
		    !u64_at(r, g0 + r->l->g_m, &back) || back != m ||
		    !u64_at(r, m + r->l->m_alllink, &m))
			return false;
	}
	return true;
}

/* A slice of gs: all have a stack, or none yet, and no two one goid. */
static bool is_allgs(struct resolver *r, uint64_t at)
{
	uint64_t ptr, len, cap, g, stack[2], goid, last = 0;

	if (mem_slice(r->gp->mem, at, 1ULL << 28, &ptr, &len, &cap) || !len)
		return false;
	for (uint64_t i = 0; i < len && i < 64; i++) {
		if (!u64_at(r, ptr + 8 * i, &g) || !g || g % 8 ||
		    mem_read(r->gp->mem, g + r->l->g_stack, stack, sizeof(stack)) ||
		    stack[0] > stack[1] || !u64_at(r, g + r->l->g_goid, &goid) ||
		    goid >= 1ULL << 48 || (goid && goid == last))
			return false;
		last = goid;
	}
	return true;
}

/* The list of persistent chunks: the mcaches lie in them. */
static bool is_chunks(struct resolver *r, uint64_t at)
{
	uint64_t p, ptr, len, cap, mcache;

	r->nchunks = 0;
	if (!u64_at(r, at, &p) || !p)
		return false;
	for (; p; r->nchunks++) {
		if (r->nchunks == RESOLVER_CHUNKS || p % MEM_PAGE || p < MEM_PAGE)
			return false;
		r->chunk[r->nchunks] = p;
		if (!u64_at(r, p, &p))
			return false;
	}
	qsort(r->chunk, r->nchunks, sizeof(*r->chunk), by_u64);
	if (mem_slice(r->gp->mem, r->out->addr[G_allp], 65536, &ptr, &len, &cap) || !len ||
	    !u64_at(r, ptr, &p) || !u64_at(r, p + r->l->p_mcache, &mcache))
		return false;
	return in_chunk(r, mcache);
}

/* The profile's hash table: what is in it are buckets in persistent chunks. */
static bool is_buckhash(struct resolver *r, uint64_t at)
{
	enum { ENTRIES = 179999, STEP = 512 };
	uint64_t table, e[STEP], found = 0, bits;

	if (!u64_at(r, at, &table) || !table || table % MEM_PAGE)
		return false;
	for (uint64_t i = 0; i + STEP <= ENTRIES; i += STEP) {
		if (mem_resident(r->gp->mem, table + 8 * i, &bits, 1) || !(bits & 1))
			continue;
		if (mem_read(r->gp->mem, table + 8 * i, e, sizeof(e)))
			return false;
		for (int k = 0; k < STEP; k++) {
			if (e[k] && !in_chunk(r, e[k]))
				return false;
			found += e[k] != 0;
		}
	}
	return found > 0;
}

/* The head of a list of profile buckets of one kind. */
static bool is_buckets(struct resolver *r, uint64_t at, uint64_t kind)
{
	uint64_t b, typ;

	return u64_at(r, at, &b) && in_chunk(r, b) && u64_at(r, b + r->l->bucket_typ, &typ) &&
	       typ == kind;
}

static bool is_mbuckets(struct resolver *r, uint64_t at)
{
	return is_buckets(r, at, 1);
}

/*
 * How many bytes a sample of the heap profile stands for. The program's start turns it off where
 * nothing reads the profile, the sampler asks for it: the one small number both refer to.
 */
static bool is_rate(struct resolver *r, uint64_t at)
{
	static const char *const start[] = { "schedinit", "parsedebugvars", NULL };
	static const char *const sampler[] = { "profilealloc", "nextSample", "mallocgc", NULL };
	struct coderefs a, b = {};
	uint64_t v, found = 0;
	int err = u64_at(r, at, &v) && v && v < RATE_MAX ? resolver_refs(r, start, &a) : -ENOENT;

	if (err)
		return false;
	err = resolver_refs(r, sampler, &b);
	/* a constant that is stored lies between the operand and what it counts from */
	for (size_t i = 0; !err && i < b.n; i++)
		if (!(b.at[i] % 8) &&
		    (resolver_has(&a, b.at[i]) || resolver_has(&a, b.at[i] - 4)) &&
		    u64_at(r, b.at[i], &v) && v && v < RATE_MAX)
			found = found ? 1 : b.at[i];
	free(a.at);
	free(b.at);
	return found == at;
}

static bool is_bbuckets(struct resolver *r, uint64_t at)
{
	return is_buckets(r, at, 2);
}

static bool is_xbuckets(struct resolver *r, uint64_t at)
{
	return is_buckets(r, at, 3);
}

/* The number of gs is the length of their slice, or will be in a moment. */
static bool is_allglen(struct resolver *r, uint64_t at)
{
	uint64_t allgs = r->out->addr[G_allgs], len, v;

	return (at < allgs || at >= allgs + 24) && u64_at(r, allgs + 8, &len) &&
	       u64_at(r, at, &v) && v == len;
}

/*
 * nanotime() of the runtime's start: no earlier than the process (in ticks of 10 ms), before
 * the first collection, and one of few words that both main and a collection's end refer to.
 */
static bool is_init_time(struct resolver *r, uint64_t at)
{
	static const char *const end[] = { "gcMarkTermination", NULL };
	uint64_t v, start, work = r->out->addr[G_work];
	struct coderefs refs;
	bool both;

	/* members of runtime.work are times, too */
	if ((work && at >= work && at < work + 4096) || !u64_at(r, at, &v) || v > clock_mono_ns() ||
	    proc_start_read(r->gp->t->dirfd, &start) || v + 20000000 < start ||
	    resolver_refs(r, end, &refs))
		return false;
	both = resolver_has(&refs, at);
	free(refs.at);
	return both;
}

/* {states []uintptr at 0, stateSize at its offset}: states are of one small size. */
static bool is_vgetrandom(struct resolver *r, uint64_t at)
{
	uint64_t ptr, len, cap, size;

	return r->l->vgetrandom_states != LAYOUT_NONE &&
	       !mem_slice(r->gp->mem, at + r->l->vgetrandom_states, 1 << 20, &ptr, &len, &cap) &&
	       u64_at(r, at + r->l->vgetrandom_size, &size) && size >= 64 && size <= MEM_PAGE &&
	       !(size % 8) && (ptr >= MEM_PAGE || !cap);
}

/* The string that the linker fills in, a release's name. */
static bool is_version(struct resolver *r, uint64_t at)
{
	char version[64];

	return goproc_version_at(r->gp, at, version, sizeof(version));
}

const struct trial resolver_trials[] = {
	/* in this order: later ones lean on earlier ones */
	{ G_allp, true, { "stopTheWorldWithSema", "procresize" }, is_allp, "slice of Ps" },
	{ G_persistentChunks, false, { "persistentalloc1" }, is_chunks, "chunks hold the mcaches" },
	{ G_allm,
	  false,
	  { "mcommoninit", "mexit", "schedtrace", "allocm" },
	  is_allm,
	  "chain of Ms" },
	{ G_allgs, true, { "allgadd" }, is_allgs, "slice of gs" },
	{ G_allglen, false, { "allgadd" }, is_allglen, "equals the length of allgs" },
	{ G_buckhash, false, { "stkbucket" }, is_buckhash, "table of buckets in chunks" },
	{ G_mbuckets, false, { "stkbucket", "mProf_FlushLocked" }, is_mbuckets, "memory buckets" },
	{ G_MemProfileRate,
	  false,
	  { "schedinit", "parsedebugvars", "profilealloc", "nextSample", "mallocgc" },
	  is_rate,
	  "set at the start, asked for by the sampler" },
	{ G_bbuckets, false, { "stkbucket" }, is_bbuckets, "block buckets" },
	{ G_xbuckets, false, { "stkbucket" }, is_xbuckets, "mutex buckets" },
	{ G_runtimeInitTime, false, { "main" }, is_init_time, "when the process began to run" },
	{ G_vgetrandomAlloc,
	  true,
	  { "vgetrandomGetState", "vgetrandomInit" },
	  is_vgetrandom,
	  "slice of states" },
	{ G_buildVersion, true, { "schedinit" }, is_version, "names a release" },
	{}
};
