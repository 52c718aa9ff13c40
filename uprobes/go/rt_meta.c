// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The address map of the runtime's own memory; see rt_meta.h. Sources: malloc.go
 * (persistentalloc, sysAlloc callers), mheap.go, mpagealloc_64bit.go, mgcwork.go,
 * mprof.go, vgetrandom_linux.go, trace*.go of each release.
 */
#include "go/rt_meta.h"
#include "array.h"
#include "go/goproc.h"
#include "search.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX     (1U << 20) /* steps on any list of the target */
#define SLICE_MAX    (1ULL << 32)
#define SUMMARIES    5
#define CHUNK_L1     8192
#define BUCKHASH     179999 /* buckHashSize, mprof.go */
#define TRACE_BUF    (64U << 10)
#define ARENA_L2     (4194304ULL * 8)
#define BLOCK_RECORD 16
#define ARENAS_MAX   32768 /* 2 TiB of heap; each costs us 35 KiB */

/*
 * Whether a list has no end: element i of it is one that was met before (Brent's way:
 * the one at the last power of two), or there are more than there can be.
 */
static bool endless(uint64_t *met, unsigned i, uint64_t p)
{
	if (i == LIST_MAX || (i && p == *met))
		return true;
	if (!(i & (i - 1)))
		*met = p;
	return false;
}

static bool has(uint32_t off)
{
	return off != LAYOUT_NONE;
}

static int range_add(struct gometa *m, uint64_t addr, uint64_t len, enum meta_kind kind,
		     const char *what)
{
	uint64_t start = addr & ~(MEM_PAGE - 1),
		 end = (addr + len + MEM_PAGE - 1) & ~(MEM_PAGE - 1);

	if (!addr || !len || end < start || end > 1ULL << 56)
		return addr && len ? -EINVAL : 0;
	if (array_room(m->range, m->n + 1, m->cap))
		return -ENOMEM;
	m->range[m->n++] = (struct meta_range){ start, end, kind, what };
	return 0;
}

static int push(uint64_t **v, size_t *n, uint64_t x)
{
	if (array_more(*v, *n))
		return -ENOMEM;
	(*v)[(*n)++] = x;
	return 0;
}

long gometa_index(const uint64_t *start, size_t n, uint64_t size, uint64_t addr)
{
	size_t first = count_before(n, i, start[i] <= addr);
	return first && addr - start[first - 1] < size ? (long)first - 1 : -1;
}

static int by_start(const void *a, const void *b)
{
	const struct meta_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int by_base(const void *a, const void *b)
{
	const struct meta_arena *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static bool in_chunk(const struct gometa *m, uint64_t addr)
{
	return gometa_index(m->chunk, m->nchunks, GO_PERSISTENT, addr) >= 0;
}

/* Walk a list whose link is at offset link, adding each element as a range. */
static int list_add(struct goproc *gp, struct gometa *m, uint64_t p, uint32_t link, uint64_t size,
		    enum meta_kind kind, const char *what)
{
	uint64_t met = 0;
	int err = 0;

	for (unsigned i = 0; p && !err; i++) {
		if (endless(&met, i, p))
			return -ELOOP;
		err = range_add(m, p, size, kind, what);
		if (kind == META_OTHER)
			m->mapped_other += size;
		err = err ? err : mem_u64(gp->mem, p + link, &p);
	}
	return err;
}

static int read_chunks(struct goproc *gp, struct gometa *m)
{
	uint64_t p, met = 0;
	int err = mem_u64(gp->mem, gp->addr[G_persistentChunks], &p);

	for (unsigned i = 0; p && !err; i++) {
		if (endless(&met, i, p))
			return -ELOOP;
		err = push(&m->chunk, &m->nchunks, p);
		err = err ? err
			  : range_add(m, p, GO_PERSISTENT, META_PERSISTENT, "persistent chunk");
		err = err ? err : mem_u64(gp->mem, p, &p);
	}
	if (m->nchunks)
		qsort(m->chunk, m->nchunks, sizeof(*m->chunk), by_u64);
	return err;
}

/* The arenas of one list of arena indices; offset of the slice in mheap. */
static int read_arena_list(struct goproc *gp, struct gometa *m, uint32_t off, uint64_t l2)
{
	uint64_t ptr, len, cap, *idx = NULL;
	struct meta_arena *a;
	struct mem_vec *v = NULL;
	int err;

	if (!has(off))
		return 0;
	err = mem_slice(gp->mem, gp->addr[G_mheap_] + off, ARENAS_MAX, &ptr, &len, &cap);
	if (err || !len)
		return err;
	if (!in_chunk(m, ptr)) {
		err = range_add(m, ptr, cap * 8, META_GC, "arena list");
		m->mapped_gc += cap * 8;
	}
	a = realloc(m->arena, (m->narenas + len) * sizeof(*a));
	if (a)
		m->arena = a;
	idx = calloc(len, 8);
	v = calloc(len, sizeof(*v));
	err = err ? err : a && idx && v ? mem_read(gp->mem, ptr, idx, 8 * len) : -ENOMEM;
	for (size_t i = 0; !err && i < len; i++) {
		struct meta_arena *e = &m->arena[m->narenas + i];

		if (idx[i] >= ARENA_L2 / 8)
			err = -EINVAL;
		e->base = idx[i] * GO_ARENA + go_arena_base(gp->l);
		v[i] = (struct mem_vec){ .addr = l2 + 8 * idx[i], .buf = &e->info, .len = 8 };
	}
	err = err ? err : mem_readv(gp->mem, v, len);
	for (size_t i = 0; !err && i < len; i++, m->narenas++) {
		m->mapped_gc += gp->l->arena_size;
		err = range_add(m, m->arena[m->narenas].info, gp->l->arena_size, META_GC,
				"heapArena");
	}
	free(v);
	free(idx);
	return err;
}

static int read_arenas(struct goproc *gp, struct gometa *m)
{
	uint64_t l2;
	int err = mem_u64(gp->mem, gp->addr[G_mheap_] + gp->l->mheap_arenas, &l2);

	err = err ? err : range_add(m, l2, ARENA_L2, META_GC, "heap index");
	err = err ? err : read_arena_list(gp, m, gp->l->mheap_allArenas, l2);
	err = err ? err : read_arena_list(gp, m, gp->l->mheap_heapArenas, l2);
	err = err ? err : read_arena_list(gp, m, gp->l->mheap_userArenaArenas, l2);
	if (m->narenas)
		qsort(m->arena, m->narenas, sizeof(*m->arena), by_base);
	for (size_t i = 1; !err && i < m->narenas; i++)
		if (m->arena[i].base == m->arena[i - 1].base)
			err = -EINVAL;
	return err;
}

static int read_page_alloc(struct goproc *gp, struct gometa *m)
{
	const struct go_layout *l = gp->l;
	uint64_t mheap = gp->addr[G_mheap_], ptr, len, cap, chunks[CHUNK_L1];
	uint32_t entry = has(l->scav_chunk_size) ? l->scav_chunk_size : 1; /* 1.19: one byte */
	int err = 0;

	for (int i = 0; !err && i < SUMMARIES; i++) {
		err = mem_slice(gp->mem, mheap + l->mheap_summary + 24 * i, SLICE_MAX, &ptr, &len,
				&cap);
		err = err ? err : range_add(m, ptr, cap * 8, META_GC, "page summary");
	}
	err = err ? err : mem_read(gp->mem, mheap + l->mheap_chunks, chunks, sizeof(chunks));
	for (int i = 0; !err && i < CHUNK_L1; i++) {
		err = range_add(m, chunks[i], 1 << 20, META_GC, "page bitmaps");
		m->mapped_gc += chunks[i] ? 1 << 20 : 0;
	}
	if (!err && has(l->mheap_summary_mapped))
		err = mem_u64(gp->mem, mheap + l->mheap_summary_mapped, &len);
	m->mapped_gc += !err && has(l->mheap_summary_mapped) ? len : 0;
	err = err ? err
		  : mem_slice(gp->mem, mheap + l->mheap_scav_index, SLICE_MAX, &ptr, &len, &cap);
	err = err ? err : range_add(m, ptr, cap * entry, META_GC, "scavenge index");
	err = err ? err
		  : mem_slice(gp->mem, mheap + l->mheap_allspans, SLICE_MAX, &ptr, &len, &cap);
	m->mapped_other += err ? 0 : cap * 8;
	return err ? err : range_add(m, ptr, cap * 8, META_OTHER, "allspans array");
}

/* The four lists of gcBits arenas; the last cycle's lists move on while we walk. */
static int read_gcbits(struct goproc *gp, struct gometa *m)
{
	const struct go_layout *l = gp->l;
	const uint32_t heads[] = { l->gcbits_free, l->gcbits_next, l->gcbits_current,
				   l->gcbits_previous };
	size_t kept = 0;
	uint64_t p, met = 0;
	int err = 0;

	for (unsigned i = 0; !err && i < 4; i++) {
		err = mem_u64(gp->mem, gp->addr[G_gcBitsArenas] + heads[i], &p);
		for (unsigned k = 0; p && !err; k++) {
			if (endless(&met, k, p))
				return -ELOOP;
			err = push(&m->gcbits, &m->ngcbits, p);
			err = err ? err : mem_u64(gp->mem, p + l->gcbits_arena_next, &p);
		}
	}
	if (m->ngcbits)
		qsort(m->gcbits, m->ngcbits, sizeof(*m->gcbits), by_u64);
	for (size_t i = 0; i < m->ngcbits; i++)
		if (!kept || m->gcbits[i] != m->gcbits[kept - 1])
			m->gcbits[kept++] = m->gcbits[i];
	m->ngcbits = kept;
	for (size_t i = 0; !err && i < kept; i++)
		err = range_add(m, m->gcbits[i], GO_GCBITS_ARENA, META_GC, "gcBits arena");
	m->mapped_gc += kept * GO_GCBITS_ARENA;
	return err;
}

/* Resident bytes of [addr, addr + len). */
static uint64_t resident_bytes(struct goproc *gp, uint64_t addr, uint64_t len)
{
	uint64_t sum = 0, bits;

	for (uint64_t p = addr & ~(MEM_PAGE - 1); p < addr + len; p += MEM_PAGE) {
		uint64_t a = p > addr ? p : addr;
		uint64_t b = p + MEM_PAGE < addr + len ? p + MEM_PAGE : addr + len;

		if (!mem_resident(gp->mem, p, &bits, 1) && bits & 1)
			sum += b - a;
	}
	return sum;
}

static int read_buckets(struct goproc *gp, struct gometa *m, enum go_global head, uint64_t record)
{
	const struct go_layout *l = gp->l;
	uint64_t p = 0, met = 0, fields[2];
	int err = gp->addr[head] ? mem_u64(gp->mem, gp->addr[head], &p) : 0;

	for (unsigned i = 0; p && !err; i++) {
		struct mem_vec v[2] = {
			{ .addr = p + l->bucket_allnext, .buf = &fields[0], .len = 8 },
			{ .addr = p + l->bucket_nstk, .buf = &fields[1], .len = 8 },
		};

		if (endless(&met, i, p))
			return -ELOOP;
		err = mem_readv(gp->mem, v, 2);
		if (!err && fields[1] > 4096)
			err = -EINVAL;
		if (!err)
			m->bucket_bytes +=
				resident_bytes(gp, p, l->bucket_size + 8 * fields[1] + record);
		p = fields[0];
	}
	return err;
}

static int read_profile(struct goproc *gp, struct gometa *m)
{
	const uint32_t masks[] = { gp->l->md_gcdatamask, gp->l->md_gcbssmask };
	uint64_t p = 0;
	int32_t n;
	/* a stripped program that never profiled does not show where its table would be */
	int err = gp->addr[G_buckhash] ? mem_u64(gp->mem, gp->addr[G_buckhash], &p) : 0;

	err = err ? err : range_add(m, p, BUCKHASH * 8, META_PROFILE, "profile hash");
	for (int i = 0; !err && i < 2; i++) {
		uint64_t mask = gp->addr[G_firstmoduledata] + masks[i];

		err = mem_read(gp->mem, mask, &n, sizeof(n));
		err = err ? err : mem_u64(gp->mem, mask + 8, &p);
		/* own mapping only where data or bss are larger than 4 MiB */
		if (!err && p && n > 0 && !in_chunk(m, p))
			err = range_add(m, p, (n + 7) / 8 + 1, META_PROFILE, "GC mask of data");
	}
	err = err ? err : read_buckets(gp, m, G_mbuckets, gp->l->memrecord_size);
	err = err ? err : read_buckets(gp, m, G_bbuckets, BLOCK_RECORD);
	return err ? err : read_buckets(gp, m, G_xbuckets, BLOCK_RECORD);
}

static int read_span_queues(struct goproc *gp, struct gometa *m)
{
	const struct go_layout *l = gp->l;
	uint64_t p, ring, met = 0;
	uint32_t cap;
	int err;

	if (!has(l->work_spmcs))
		return 0;
	err = mem_u64(gp->mem, gp->addr[G_work] + l->work_spmcs, &p);
	for (unsigned i = 0; p && !err; i++) {
		if (endless(&met, i, p))
			return -ELOOP;
		err = mem_u64(gp->mem, p + l->spmc_ring, &ring);
		err = err ? err : mem_read(gp->mem, p + l->spmc_cap, &cap, sizeof(cap));
		err = err ? err : range_add(m, ring, cap * 8ULL, META_GC, "span queue");
		m->mapped_gc += cap * 8ULL;
		err = err ? err : mem_u64(gp->mem, p + l->spmc_next, &p);
	}
	return err;
}

static int read_getrandom(struct goproc *gp, struct gometa *m)
{
	const struct go_layout *l = gp->l;
	uint64_t va = gp->addr[G_vgetrandomAlloc], ptr, len, cap, size, p;
	int err;

	if (!va || !has(l->vgetrandom_states))
		return 0;
	err = mem_slice(gp->mem, va + l->vgetrandom_states, 1 << 20, &ptr, &len, &cap);
	err = err ? err : mem_u64(gp->mem, va + l->vgetrandom_size, &size);
	if (!err && size > MEM_PAGE)
		err = -EINVAL;
	for (uint64_t i = 0; !err && i < len; i++) {
		err = mem_u64(gp->mem, ptr + 8 * i, &p);
		err = err ? err : range_add(m, p, size, META_OTHER, "getrandom state");
	}
	return err;
}

static int trace_bufs(struct goproc *gp, struct gometa *m, uint64_t at, const char *what)
{
	uint64_t p;
	int err = mem_u64(gp->mem, at, &p);

	return err ? err : list_add(gp, m, p, 0, TRACE_BUF, META_OTHER, what);
}

/* One Go 1.22+ trace map: its region blocks. */
static int trace_map(struct goproc *gp, struct gometa *m, uint64_t map)
{
	const struct go_layout *l = gp->l;
	const uint32_t heads[] = { l->region_head, l->region_current, l->region_full };
	int err = 0;

	for (int i = 0; !err && has(l->tracemap_mem) && i < 3; i++)
		if (has(heads[i]))
			err = trace_bufs(gp, m, map + l->tracemap_mem + heads[i], "trace table");
	return err;
}

static int trace_tables(struct goproc *gp, struct gometa *m)
{
	const struct go_layout *l = gp->l;
	const struct {
		uint32_t off, width, size, tab;
	} t[] = {
		{ l->trace_stackTab, l->trace_stackTab_width, l->stacktab_size, l->stacktab_tab },
		{ l->trace_stringTab, l->trace_stringTab_width, l->stringtab_size,
		  l->stringtab_tab },
		{ l->trace_typeTab, l->trace_typeTab_width, l->typetab_size, l->typetab_tab },
	};
	int err = 0;

	/* before 1.22 the one stack table has a region of its own and no trace maps */
	if (has(l->trace_stackTab) && has(l->stacktab_mem))
		return trace_bufs(gp, m, gp->addr[G_trace] + l->trace_stackTab + l->stacktab_mem,
				  "trace table");
	for (unsigned i = 0; i < 3; i++) {
		if (!has(t[i].off) || !has(t[i].size) || !has(t[i].tab))
			continue;
		for (uint32_t o = 0; !err && o + t[i].size <= t[i].width; o += t[i].size) {
			uint64_t tab = gp->addr[G_trace] + t[i].off + o;

			err = trace_map(gp, m, tab + t[i].tab);
			if (!err && i == 1 && has(l->stringtab_buf))
				err = trace_bufs(gp, m, tab + l->stringtab_buf, "trace buffer");
		}
	}
	return err;
}

static int read_trace(struct goproc *gp, struct gometa *m)
{
	const struct go_layout *l = gp->l;
	const uint32_t heads[] = { l->trace_reading, l->trace_empty, l->trace_fullHead,
				   l->trace_buf, l->trace_cpuLogBuf };
	uint64_t trace = gp->addr[G_trace];
	int err = 0;

	if (!trace)
		return 0;
	for (unsigned i = 0; !err && i < sizeof(heads) / sizeof(heads[0]); i++)
		if (has(heads[i]))
			err = trace_bufs(gp, m, trace + heads[i], "trace buffer");
	for (uint32_t o = 0; !err && has(l->trace_full) && o < l->trace_full_width; o += 16)
		err = trace_bufs(gp, m, trace + l->trace_full + o, "trace buffer");
	for (uint32_t o = 0; !err && has(l->trace_cpuBuf) && o < 16; o += 8)
		err = trace_bufs(gp, m, trace + l->trace_cpuBuf + o, "trace buffer");
	return err ? err : trace_tables(gp, m);
}

static int system_stack(struct goproc *gp, struct gometa *m, uint64_t g)
{
	uint64_t stack[2];
	int err;

	if (!g)
		return 0;
	err = mem_read(gp->mem, g + gp->l->g_stack, stack, sizeof(stack));
	if (err)
		return err;
	if (array_more(m->stack, m->nstacks))
		return -ENOMEM;
	m->stack[m->nstacks++] = (struct meta_stack){ stack[0], stack[1] };
	return 0;
}

static int read_ms(struct goproc *gp, struct gometa *m)
{
	const struct go_layout *l = gp->l;
	uint64_t p, g0, gsignal, x, met = 0;
	int err = mem_u64(gp->mem, gp->addr[G_allm], &p);

	for (unsigned i = 0; p && !err; i++) {
		if (endless(&met, i, p))
			return -ELOOP;
		err = mem_u64(gp->mem, p + l->m_g0, &g0);
		err = err ? err : mem_u64(gp->mem, p + l->m_gsignal, &gsignal);
		err = err ? err : system_stack(gp, m, g0);
		err = err ? err : system_stack(gp, m, gsignal);
		if (!err && has(l->m_vgetrandom)) {
			err = mem_u64(gp->mem, p + l->m_vgetrandom, &x);
			err = err ? err : range_add(m, x, 1, META_OTHER, "getrandom state");
		}
		for (uint32_t o = 0; !err && has(l->m_trace_buf) && o < l->m_trace_buf_width;
		     o += 8)
			err = trace_bufs(gp, m, p + l->m_trace_buf + o, "trace buffer");
		err = err ? err : mem_u64(gp->mem, p + l->m_alllink, &p);
	}
	return err;
}

/* Before 1.22 each P has the trace buffer it writes to. */
static int read_ps(struct goproc *gp, struct gometa *m)
{
	const struct go_layout *l = gp->l;
	uint32_t off = has(l->p_tracebuf) ? l->p_tracebuf : l->p_trace_buf;
	uint64_t ptr, len, cap, p;
	int err;

	if (!has(off))
		return 0;
	err = mem_slice(gp->mem, gp->addr[G_allp], 1 << 16, &ptr, &len, &cap);
	for (uint64_t i = 0; !err && i < len; i++) {
		err = mem_u64(gp->mem, ptr + 8 * i, &p);
		err = err ? err : trace_bufs(gp, m, p + off, "trace buffer");
	}
	return err;
}

/* Ascending, overlaps cut off: one owner a page. */
static void finish(struct gometa *m)
{
	size_t out = 0;

	if (!m->n)
		return;
	qsort(m->range, m->n, sizeof(*m->range), by_start);
	for (size_t i = 0; i < m->n; i++) {
		struct meta_range r = m->range[i];

		if (out && r.start < m->range[out - 1].end)
			r.start = m->range[out - 1].end;
		if (r.start < r.end)
			m->range[out++] = r;
	}
	m->n = out;
}

int gometa_read(struct goproc *gp, struct gometa *m)
{
	static int (*const readers[])(struct goproc *, struct gometa *) = {
		read_chunks, /* first: the others ask what is in a chunk */
		read_arenas,    read_page_alloc, read_gcbits, read_profile, read_span_queues,
		read_getrandom, read_trace,      read_ms,     read_ps,
	};
	int err = 0;

	*m = (struct gometa){};
	for (size_t i = 0; !err && i < sizeof(readers) / sizeof(readers[0]); i++)
		err = readers[i](gp, m);
	finish(m);
	return err;
}

void gometa_free(struct gometa *m)
{
	free(m->range);
	free(m->chunk);
	free(m->gcbits);
	free(m->arena);
	free(m->stack);
	*m = (struct gometa){};
}
