// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The runtime's variables without a symbol table; see resolve.h. */
#include "go/resolve.h"
#include "fail.h"
#include "go/image.h"
#include "go/rt_meta.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX   (256U << 10) /* of one function */
#define PIECE      (64U << 10)
#define REFS_MAX   8192
#define CHUNKS_MAX 65536
#define LIST_MAX   100000
#define NAMES      10 /* of functions a variable is looked for in */
#define NAMES_ALL  128

struct refs { /* distinct addresses that code names, ascending */
	uint64_t *at;
	size_t n;
};

struct resolver {
	struct goproc *gp;
	const struct go_layout *l;
	struct image image;
	struct pclntab tab;
	uint64_t tab_addr;           /* in the process */
	uint64_t data, data_end;     /* writable part of the program, in the process */
	const char *name[NAMES_ALL]; /* of all functions that are looked at, and where they are */
	struct gofunc func[NAMES_ALL];
	size_t nfunc;
	uint64_t *chunk; /* persistent chunks, ascending */
	size_t nchunks;
	struct resolved *out;
};

/* ---- the module ---- */

static int find_table(struct resolver *r)
{
	uint64_t bias = r->gp->bias;
	int err = image_pclntab(&r->image, &r->tab, &r->tab_addr);

	if (err || !image_data(&r->image, &r->data, &r->data_end))
		return fail(-ENOENT, "no line table (pclntab) was found in %s", r->gp->t->exe);
	r->tab_addr += bias;
	r->data += bias;
	r->data_end += bias;
	return 0;
}

/*
 * moduledata begins {pcHeader, funcnametab.ptr, …}: both addresses are known. It
 * is read from the process, where a PIE is relocated.
 */
static int find_module(struct resolver *r)
{
	const struct maps *maps = &r->gp->t->maps;
	uint64_t text[2];
	uint8_t *buf = malloc(PIECE + 16);
	int err = buf ? -ENOENT : -ENOMEM;

	for (size_t i = 0; err == -ENOENT && i < maps->n; i++) {
		const struct vma *v = &maps->vma[i];

		if (!target_is_exe(r->gp->t, v) || v->flags & VMA_X)
			continue;
		for (uint64_t p = v->start; err == -ENOENT && p < v->end; p += PIECE) {
			size_t n = v->end - p < PIECE + 16 ? v->end - p : PIECE + 16;

			if (mem_read(r->gp->mem, p, buf, n))
				continue;
			for (size_t o = 0; err == -ENOENT && o + 16 <= n; o += 8)
				if (get_u64(buf, o) == r->tab_addr &&
				    get_u64(buf, o + 8) == r->tab_addr + r->tab.funcname) {
					r->out->addr[G_firstmoduledata] = p + o;
					err = 0;
				}
		}
	}
	free(buf);
	if (err)
		return fail(err, "no module data that names the line table was found");
	err = mem_read(r->gp->mem, r->out->addr[G_firstmoduledata] + r->l->md_text, text,
		       sizeof(text));
	if (err || text[0] >= text[1])
		return err ? err : -ENOENT;
	r->out->text = text[0];
	r->out->how[G_firstmoduledata] = "names the line table";
	return 0;
}

/* ---- code ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Every byte b with (b & 0xc7) == 5 may be the ModRM of an operand disp32(%rip);
 * the instruction ends 0, 1 or 4 bytes of immediate behind it.
 */
static void refs_add(const struct resolver *r, struct refs *refs, const struct gofunc *f)
{
	static const int immediate[] = { 0, 1, 4 };
	uint64_t addr = r->out->text + f->entry, left;
	const uint8_t *code = image_bytes(&r->image, addr - r->gp->bias, &left);
	uint64_t n = f->end - f->entry;

	if (!code || n > left || n > CODE_MAX)
		return;
	for (uint64_t i = 1; i + 5 <= n; i++) {
		if ((code[i] & 0xc7) != 5)
			continue;
		for (int k = 0; k < 3; k++) {
			uint64_t t = addr + i + 5 + immediate[k] +
				     (int64_t)(int32_t)get_u32(code, i + 1);

			if (t >= r->data && t < r->data_end && refs->n < REFS_MAX)
				refs->at[refs->n++] = t;
		}
	}
}

static const struct gofunc *func_of(const struct resolver *r, const char *name)
{
	for (size_t i = 0; i < r->nfunc; i++)
		if (r->name[i] == name) /* one string literal, or equal ones: any will do */
			return r->func[i].name ? &r->func[i] : NULL;
	return NULL;
}

/* What the functions of these names refer to; names end with NULL. */
static int refs_of(const struct resolver *r, const char *const *names, struct refs *refs)
{
	size_t kept = 0;

	*refs = (struct refs){ .at = calloc(REFS_MAX, sizeof(*refs->at)) };
	if (!refs->at)
		return -ENOMEM;
	for (; *names; names++) {
		const struct gofunc *f = func_of(r, *names);

		if (f)
			refs_add(r, refs, f);
	}
	qsort(refs->at, refs->n, sizeof(*refs->at), by_value);
	for (size_t i = 0; i < refs->n; i++)
		if (!kept || refs->at[i] != refs->at[kept - 1])
			refs->at[kept++] = refs->at[i];
	refs->n = kept;
	return 0;
}

static bool has(const struct refs *refs, uint64_t at)
{
	return bsearch(&at, refs->at, refs->n, sizeof(at), by_value) != NULL;
}

/* ---- structures: the base that most known members vote for ---- */

#define VOTE_FIELDS 40

struct ballot {
	enum go_global global;
	const char *names[NAMES + 1];
	uint16_t fields[VOTE_FIELDS]; /* offsets in struct go_layout; 0 ends */
};

#define AT(id) offsetof(struct go_layout, id)

static const struct ballot ballots[] = {
	{ G_memstats,
	  { "gcMarkTermination", "readmemstats_m", "gcMarkDone" },
	  { AT(ms_last_gc_unix), AT(ms_pause_total_ns), AT(ms_pause_ns), AT(ms_pause_end),
	    AT(ms_numgc), AT(ms_numforcedgc), AT(ms_gc_cpu_fraction), AT(ms_last_gc_nanotime),
	    AT(ms_lastHeapInUse) } },
	/* not gcStart and its like: runtime.work looks the same to them */
	{ G_gcController,
	  { "(*mheap).allocSpan", "(*mheap).initSpan", "(*mheap).freeSpanLocked",
	    "(*mcache).refill", "(*mcache).allocLarge", "(*mcache).releaseAll", "(*mheap).grow",
	    "sysMap", "sysFree", "(*pageAlloc).scavengeOne" },
	  { AT(gc_gcPercent), AT(gc_heapLive), AT(gc_heapInUse), AT(gc_heapReleased),
	    AT(gc_heapFree), AT(gc_totalAlloc), AT(gc_totalFree), AT(gc_mappedReady),
	    AT(gc_memoryLimit) } },
	{ G_mheap_,
	  { "(*mcache).refill", "gcSweep", "(*mheap).nextSpanForSweep", "sweepone", "bgsweep",
	    "finishsweep_m", "mallocinit", "(*sweepLocked).sweep", "freeSpecial", "addspecial" },
	  { AT(mheap_sweepgen), AT(mheap_allArenas), AT(mheap_heapArenas), AT(mheap_inUse),
	    AT(mheap_central), AT(mheap_sweepArenas), AT(mheap_markArenas), AT(mheap_pagesSwept),
	    AT(mheap_pagesInUse), AT(mheap_reclaimIndex), AT(mheap_reclaimCredit),
	    AT(mheap_sweepPagesPerByte), AT(mheap_sweepHeapLiveBasis), AT(mheap_speciallock),
	    AT(mheap_specialfinalizeralloc), AT(mheap_specialprofilealloc), AT(mheap_spanalloc),
	    AT(mheap_cachealloc), AT(mheap_curArena) } },
	{ G_work,
	  { "gcStart", "gcMarkDone", "gcMarkTermination", "gcMark", "gcMarkRootPrepare",
	    "gcBgMarkWorker" },
	  { AT(work_tSweepTerm), AT(work_tMark), AT(work_tMarkTerm), AT(work_tEnd), AT(work_heap0),
	    AT(work_heap1), AT(work_heap2), AT(work_stwprocs), AT(work_maxprocs),
	    AT(work_bytesMarked), AT(work_startSema), AT(work_markDoneSema), AT(work_mode),
	    AT(work_userForced), AT(work_nproc), AT(work_nwait), AT(work_sweepWaiters),
	    AT(work_cycles) } },
	{ G_gcBitsArenas,
	  { "newMarkBits", "nextMarkBitArenaEpoch", "newArenaMayUnlock" },
	  { AT(gcbits_lock), AT(gcbits_free), AT(gcbits_next), AT(gcbits_current),
	    AT(gcbits_previous) } },
	{ G_trace,
	  { "readTrace0", "traceAdvance", "StartTrace", "StopTrace", "traceReaderAvailable",
	    "traceReader", "traceFullDequeue", "traceFullQueue", "ReadTrace" },
	  { AT(trace_reading),      AT(trace_empty),          AT(trace_fullHead),
	    AT(trace_full),         AT(trace_cpuBuf),         AT(trace_cpuLogBuf),
	    AT(trace_buf),          AT(trace_lock),           AT(trace_gen),
	    AT(trace_reader),       AT(trace_shutdown),       AT(trace_workAvailable),
	    AT(trace_readerGen),    AT(trace_flushedGen),     AT(trace_headerWritten),
	    AT(trace_doneSema),     AT(trace_cpuLogRead),     AT(trace_cpuLogWrite),
	    AT(trace_cpuSleep),     AT(trace_seqGC),          AT(trace_signalLock),
	    AT(trace_bufLock),      AT(trace_enabled),        AT(trace_fullTail),
	    AT(trace_shutdownSema), AT(trace_ticksStart),     AT(trace_seqStart),
	    AT(trace_stringsLock),  AT(trace_lastNonZeroGen), AT(trace_exitingSyscall) } },
};

static int vote(struct resolver *r, const struct ballot *b)
{
	uint64_t *base = NULL, offs[VOTE_FIELDS];
	size_t noffs = 0, n = 0, best = 0;
	struct refs refs;
	int err = refs_of(r, b->names, &refs);

	for (int i = 0; i < VOTE_FIELDS && b->fields[i]; i++) {
		uint32_t off;
		bool again = false;

		memcpy(&off, (const char *)r->l + b->fields[i], sizeof(off));
		for (size_t k = 0; k < noffs; k++)
			again |= offs[k] == off;
		if (off != LAYOUT_NONE && !again)
			offs[noffs++] = off;
	}
	if (!err && !(base = calloc(refs.n * noffs + 1, sizeof(*base))))
		err = -ENOMEM;
	for (size_t i = 0; !err && i < refs.n; i++)
		for (size_t k = 0; k < noffs; k++)
			if (!((refs.at[i] - offs[k]) % 8) && refs.at[i] - offs[k] >= r->data)
				base[n++] = refs.at[i] - offs[k];
	if (!err)
		qsort(base, n, sizeof(*base), by_value);
	for (size_t i = 0, k; !err && i < n; i = k) {
		for (k = i; k < n && base[k] == base[i]; k++)
			;
		if (k - i > best) {
			best = k - i;
			r->out->addr[b->global] = base[i];
		}
	}
	/* one or two members in common are chance */
	if (best < 3)
		r->out->addr[b->global] = 0;
	r->out->how[b->global] = "votes of code that uses its members";
	free(base);
	free(refs.at);
	return err;
}

/* ---- pointers: tried on the live process ---- */

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
		if (r->nchunks == CHUNKS_MAX || p % MEM_PAGE || p < MEM_PAGE)
			return false;
		r->chunk[r->nchunks] = p;
		if (!u64_at(r, p, &p))
			return false;
	}
	qsort(r->chunk, r->nchunks, sizeof(*r->chunk), by_value);
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

/* {states []uintptr at 0, stateSize at its offset}: states are of one small size. */
static bool is_vgetrandom(struct resolver *r, uint64_t at)
{
	uint64_t ptr, len, cap, size;

	return r->l->vgetrandom_states != LAYOUT_NONE &&
	       !mem_slice(r->gp->mem, at + r->l->vgetrandom_states, 1 << 20, &ptr, &len, &cap) &&
	       u64_at(r, at + r->l->vgetrandom_size, &size) && size >= 64 && size <= MEM_PAGE &&
	       !(size % 8) && (ptr >= MEM_PAGE || !cap);
}

struct trial {
	enum go_global global;
	bool slice; /* code refers to its three words */
	const char *names[NAMES + 1];
	bool (*is)(struct resolver *r, uint64_t at);
	const char *how;
};

static const struct trial trials[] = {
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
	{ G_bbuckets, false, { "stkbucket" }, is_bbuckets, "block buckets" },
	{ G_xbuckets, false, { "stkbucket" }, is_xbuckets, "mutex buckets" },
	{ G_vgetrandomAlloc,
	  true,
	  { "vgetrandomGetState", "vgetrandomInit" },
	  is_vgetrandom,
	  "slice of states" },
};

static int try_pointer(struct resolver *r, const struct trial *t)
{
	struct refs refs;
	int err = refs_of(r, t->names, &refs);

	for (size_t i = 0; !err && i < refs.n; i++) {
		uint64_t at = refs.at[i];

		if (at % 8 || (t->slice && !has(&refs, at + 8)) || !t->is(r, at))
			continue;
		r->out->addr[t->global] = at;
		r->out->how[t->global] = t->how;
		break;
	}
	free(refs.at);
	return err;
}

static void names_add(struct resolver *r, const char *const *names)
{
	for (; *names && r->nfunc < NAMES_ALL; names++)
		r->name[r->nfunc++] = *names;
}

static int resolve_all(struct resolver *r)
{
	int err = 0;

	/* one pass over the table finds them all */
	for (size_t i = 0; i < sizeof(ballots) / sizeof(ballots[0]); i++)
		names_add(r, ballots[i].names);
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
		names_add(r, trials[i].names);
	pclntab_lookup(&r->tab, r->name, r->func, r->nfunc);
	for (size_t i = 0; !err && i < sizeof(ballots) / sizeof(ballots[0]); i++)
		err = vote(r, &ballots[i]);
	for (size_t i = 0; !err && i < sizeof(trials) / sizeof(trials[0]); i++)
		err = try_pointer(r, &trials[i]);
	for (int i = 0; !err && i < G_COUNT; i++)
		if (go_global_required[i] && !r->out->addr[i])
			err = fail(-ENOENT,
				   "the code of the runtime does not show where "
				   "runtime.%s is",
				   go_global_names[i]);
	return err;
}

int go_resolve(struct goproc *gp, const struct go_layout *l, struct resolved *out)
{
	struct resolver r = { .gp = gp, .l = l, .out = out };
	int err;

	*out = (struct resolved){};
	err = image_open(&r.image, &gp->bin);
	r.chunk = calloc(CHUNKS_MAX, sizeof(*r.chunk));
	err = err ? err : r.chunk ? find_table(&r) : -ENOMEM;
	err = err ? err : find_module(&r);
	out->nfunc = r.tab.nfunc;
	err = err ? err : resolve_all(&r);
	free(r.chunk);
	return err;
}
