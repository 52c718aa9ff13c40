// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The runtime's variables without a symbol table; see resolve.h. */
#include "fail.h"
#include "go/resolver.h"
#include "search.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNTIME  "runtime."
#define CODE_MAX (256U << 10) /* of one function */
#define PIECE    (64U << 10)
#define REFS_MAX 8192

/* ---- the module ---- */

static int find_table(struct resolver *r)
{
	uint64_t bias = r->gp->bias;
	int err = image_pclntab(&r->image, &r->tab, &r->tab_addr);

	if (err || !image_data(&r->image, &r->data, &r->data_end))
		return fail(-ENOENT, "no line table (pclntab) was found in %s",
			    target_go_path(r->gp->t));
	r->tab_addr += bias;
	r->data += bias;
	r->data_end += bias;
	return 0;
}

/* Where in n bytes of buf the two words are that moduledata begins with; -1: nowhere. */
static long module_in(const struct resolver *r, const uint8_t *buf, size_t n)
{
	for (size_t o = 0; o + 16 <= n; o += 8)
		if (get_u64(buf, o) == r->tab_addr &&
		    get_u64(buf, o + 8) == r->tab_addr + r->tab.funcname)
			return o;
	return -1;
}

/* -ENOENT: not in this mapping. */
static int module_of(struct resolver *r, const struct vma *v, uint8_t *buf)
{
	for (uint64_t p = v->start; p < v->end; p += PIECE) {
		size_t n = v->end - p < PIECE + 16 ? v->end - p : PIECE + 16;
		int err = mem_read(r->gp->mem, p, buf, n);
		long at = err ? -1 : module_in(r, buf, n);

		/* a mapping may be of any size, also far behind the end of its file */
		if (err == -ETIMEDOUT || err == -ESRCH)
			return err;
		if (at >= 0) {
			r->out->addr[G_firstmoduledata] = p + at;
			return 0;
		}
	}
	return -ENOENT;
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

	for (size_t i = 0; err == -ENOENT && i < maps->n; i++)
		if (target_is_go(r->gp->t, &maps->vma[i]) && !(maps->vma[i].flags & VMA_X))
			err = module_of(r, &maps->vma[i], buf);
	free(buf);
	if (err)
		return fail(err, "no module data that names the line table was found");
	err = mem_read(r->gp->mem, r->out->addr[G_firstmoduledata] + r->l->md_text, text,
		       sizeof(text));
	if (!err && text[0] >= text[1])
		err = -ENOENT;
	if (err)
		return fail(err, "the module data does not say where the program's text is");
	r->out->text = text[0];
	r->out->how[G_firstmoduledata] = "names the line table";
	return 0;
}

/* ---- code ---- */

static void refs_add(const struct resolver *r, struct coderefs *refs, uint64_t addr, uint64_t end)
{
	uint64_t n = end - addr, left;
	const uint8_t *code =
		n <= CODE_MAX ? image_bytes(&r->image, addr - r->gp->bias, n, &left) : NULL;

	if (code)
		coderefs_add(refs, r->gp->bin.machine, code, n, addr);
}

static const struct gofunc *func_of(const struct resolver *r, const char *name)
{
	for (size_t i = 0; i < r->nfunc; i++)
		if (r->name[i] == name) /* one string literal, or equal ones: any will do */
			return r->func[i].name ? &r->func[i] : NULL;
	return NULL;
}

int resolver_refs(const struct resolver *r, const char *const *names, struct coderefs *refs)
{
	size_t kept = 0;

	*refs = (struct coderefs){ .start = r->data,
				   .end = r->data_end,
				   .at = calloc(REFS_MAX, sizeof(*refs->at)),
				   .max = REFS_MAX };
	if (!refs->at)
		return -ENOMEM;
	for (; *names; names++) {
		const struct gofunc *f = func_of(r, *names);

		if (f)
			refs_add(r, refs, r->out->text + f->entry, r->out->text + f->end);
		for (size_t i = 0; i < r->sites.n; i++)
			if (!strcmp(r->full[r->sites.site[i].name] + strlen(RUNTIME), *names))
				refs_add(r, refs, r->sites.site[i].start, r->sites.site[i].end);
	}
	qsort(refs->at, refs->n, sizeof(*refs->at), by_u64);
	for (size_t i = 0; i < refs->n; i++)
		if (!kept || refs->at[i] != refs->at[kept - 1])
			refs->at[kept++] = refs->at[i];
	refs->n = kept;
	return 0;
}

bool resolver_has(const struct coderefs *refs, uint64_t at)
{
	return bsearch(&at, refs->at, refs->n, sizeof(at), by_u64) != NULL;
}

/* ---- structures: the base that most known members vote for ---- */

#define VOTE_FIELDS 40

struct ballot {
	enum go_global global;
	const char *names[RESOLVER_NAMES + 1];
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
	struct coderefs refs;
	int err = resolver_refs(r, b->names, &refs);

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
		qsort(base, n, sizeof(*base), by_u64);
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

/* ---- all together ---- */

static int try_pointer(struct resolver *r, const struct trial *t)
{
	struct coderefs refs;
	int err = resolver_refs(r, t->names, &refs);

	for (size_t i = 0; !err && i < refs.n; i++) {
		uint64_t at = refs.at[i];

		if (at % 8 || (t->slice && !resolver_has(&refs, at + 8)) || !t->is(r, at))
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
	for (; *names && r->nfunc < RESOLVER_NAMES_ALL; names++)
		r->name[r->nfunc++] = *names;
}

static void find_functions(struct resolver *r)
{
	/* one pass over the table finds them all */
	for (size_t i = 0; i < sizeof(ballots) / sizeof(ballots[0]); i++)
		names_add(r, ballots[i].names);
	for (const struct trial *p = resolver_trials; p->is; p++)
		names_add(r, p->names);
	pclntab_lookup(&r->tab, r->name, r->func, r->nfunc);
}

/*
 * A profile (PGO) makes the compiler inline functions of the runtime: what they refer to
 * is referred to where they were inlined.
 */
static int find_inlined(struct resolver *r)
{
	struct inline_answer *answer = calloc(r->nfunc, sizeof(*answer));
	char(*text)[64] = calloc(r->nfunc, sizeof(*text));
	struct symbolizer s = {};
	size_t n = 0;
	int err = answer && text ? symbolizer_at(&s, r->gp, r->l, &r->image,
						 r->out->addr[G_firstmoduledata])
				 : -ENOMEM;

	for (size_t i = 0; !err && i < r->nfunc; i++) {
		bool again = false;

		snprintf(text[n], sizeof(*text), RUNTIME "%s", r->name[i]);
		for (size_t k = 0; k < n; k++)
			again |= !strcmp(text[k], text[n]);
		r->full[n] = text[n];
		n += !again;
	}
	err = err ? err : inline_find(&s, r->full, n, answer, &r->sites);
	free(answer);
	r->text = text;
	return err;
}

static int resolve_all(struct resolver *r)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(ballots) / sizeof(ballots[0]); i++)
		err = vote(r, &ballots[i]);
	for (const struct trial *p = resolver_trials; !err && p->is; p++)
		err = try_pointer(r, p);
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
	err = image_open(&r.image, &gp->bin.file);
	r.chunk = calloc(RESOLVER_CHUNKS, sizeof(*r.chunk));
	err = err ? err : r.chunk ? find_table(&r) : -ENOMEM;
	err = err ? err : find_module(&r);
	out->nfunc = r.tab.nfunc;
	if (!err) {
		find_functions(&r);
		err = resolve_all(&r);
	}
	/* it takes as long again, and few programs need it */
	if (err == -ENOENT && out->text && !find_inlined(&r))
		err = resolve_all(&r);
	inline_sites_free(&r.sites);
	free(r.text);
	free(r.chunk);
	lazyfile_drop(&gp->bin.file, 0, UINT64_MAX);
	return err;
}
