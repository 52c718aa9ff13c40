// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Memory given back, from records to rows; see scav.h. */
#include "live/scav.h"
#include "clock.h"
#include "human.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ROOT_PIDNS 0xeffffffcUL /* inode of the first PID namespace: PROC_PID_INIT_INO */

const struct col scav_cols[] = {
	COL(struct scav_row, at_ns, "AT", MONO, GAUGE, "when the call ended"),
	COL(struct scav_row, source, "SOURCE", NONE, KEY,
	    "who gave back: background, eager, limit, freeosmemory, other; see goscav(8)"),
	COL(struct scav_row, advice, "ADVICE", NONE, KEY, "as madvise(2) has it"),
	COL_F(struct scav_row, addr, "ADDRESS", ADDR, GAUGE, COL_WIDE, "where"),
	COL(struct scav_row, bytes, "BYTES", BYTES, GAUGE, "what it was about"),
	COL(struct scav_row, rss_change, "RSS", SBYTES, GAUGE,
	    "change of the process's anonymous memory from the begin of the call to its end"),
	COL_F(struct scav_row, goid, "GOROUTINE", NONE, GAUGE, COL_JSON_ONLY,
	      "who called; 0: none, or not known"),
	COL(struct scav_row, who, "WHO", NONE, GAUGE,
	    "the innermost function that is not the runtime's, or the outermost"),
	COL_F(struct scav_row, stack, "STACK", NONE, GAUGE, COL_WIDE, "where it was called"),
	{}
};

const struct col scav_source_cols[] = {
	COL(struct scav_source_row, source, "SOURCE", NONE, KEY, "who gave back"),
	COL(struct scav_source_row, calls, "CALLS", COUNT, COUNTER, "of madvise"),
	COL(struct scav_source_row, returned_bytes, "BACK", BYTES, COUNTER, "given back"),
	COL(struct scav_source_row, rss_change, "RSS", SBYTES, COUNTER,
	    "change of the process's anonymous memory in those calls"),
	COL(struct scav_source_row, refault_1s_bytes, "IN 1 S", BYTES, COUNTER,
	    "of what was given back: in RAM again within a second"),
	COL(struct scav_source_row, refault_60s_bytes, "IN 60 S", BYTES, COUNTER,
	    "later, and within a minute"),
	COL(struct scav_source_row, refault_huge_bytes, "HUGE", BYTES, COUNTER,
	    "of both: as part of a huge page"),
	{}
};

const struct col scav_advice_cols[] = {
	COL(struct scav_advice_row, advice, "ADVICE", NONE, KEY, "as madvise(2) has it"),
	COL(struct scav_advice_row, calls, "CALLS", COUNT, COUNTER, "that did not fail"),
	COL(struct scav_advice_row, advised_bytes, "BYTES", BYTES, COUNTER, "what they were about"),
	{}
};

const struct col scav_summary_cols[] = {
	LIVE_COLS(struct scav_summary, live),
	COL(struct scav_summary, returned_bytes, "BACK", BYTES, COUNTER,
	    "given back by the runtime's scavenger"),
	COL(struct scav_summary, rss_change, "RSS", SBYTES, COUNTER,
	    "change of the process's anonymous memory in those calls"),
	COL(struct scav_summary, refault_bytes, "AGAIN", BYTES, COUNTER,
	    "of what was given back: in RAM again within a minute"),
	COL(struct scav_summary, refault_1s_bytes, "IN 1 S", BYTES, COUNTER,
	    "of that: within a second"),
	COL(struct scav_summary, refault_60s_bytes, "IN 60 S", BYTES, COUNTER, "of that: later"),
	COL(struct scav_summary, refault_huge_bytes, "HUGE", BYTES, COUNTER,
	    "of that: as part of a huge page"),
	COL(struct scav_summary, unwatched_bytes, "UNWATCHED", BYTES, COUNTER,
	    "given back and not looked at again: MADV_FREE, or no room"),
	COL(struct scav_summary, collapsed_bytes, "COLLAPSED", BYTES, COUNTER,
	    "small pages that the kernel made huge ones of"),
	COL(struct scav_summary, khugepaged_bytes, "KHUGEPAGED", BYTES, COUNTER,
	    "of that: by khugepaged; the rest in calls of the process"),
	COL(struct scav_summary, collapse_failed, "FAILED", COUNT, COUNTER,
	    "attempts at that which came to nothing"),
	COL(struct scav_summary, released_change, "HEAPRELEASED", SBYTES, GAUGE,
	    "what MemStats.HeapReleased changed by: it also falls when pages are used again"),
	COL(struct scav_summary, syscall_ns, "SYSCALL", NSEC, GAUGE,
	    "what any system call of any process takes longer meanwhile, as calibrated"),
	{}
};

static const char *const source_names[SCAV_SOURCES] = {
	[SCAV_BACKGROUND] = "background", [SCAV_EAGER] = "eager", [SCAV_LIMIT] = "limit",
	[SCAV_FORCED] = "freeosmemory",   [SCAV_OTHER] = "other",
};

/* linux/mman-common.h; old headers lack some. */
static const char *const advice_names[SCAV_ADVICES] = {
	[0] = "normal",           [1] = "random",          [2] = "sequential",
	[3] = "willneed",         [4] = "dontneed",        [8] = "free",
	[9] = "remove",           [10] = "dontfork",       [11] = "dofork",
	[12] = "mergeable",       [13] = "unmergeable",    [14] = "hugepage",
	[15] = "nohugepage",      [16] = "dontdump",       [17] = "dodump",
	[18] = "wipeonfork",      [19] = "keeponfork",     [20] = "cold",
	[21] = "pageout",         [22] = "populate_read",  [23] = "populate_write",
	[24] = "dontneed_locked", [25] = "collapse",       [100] = "hwpoison",
	[101] = "soft_offline",   [102] = "guard_install", [103] = "guard_remove",
};

/* As struct scav_places of scav.bpf.c. */
struct scav_places {
	uint64_t mapped, limit;
	uint32_t cpus, host_tgid;
};

static uint64_t place(const struct goproc *gp, enum go_global global, uint32_t off)
{
	return off == LAYOUT_NONE || !gp->addr[global] ? 0 : gp->addr[global] + off;
}

/* One of the two programs that see what the scavenger is asked for: the rarer one, if it can be. */
static void choose_asked(struct live *l)
{
	const struct probe *pr = probes_find(&l->probes, "scav_asked_by_alloc");
	bool alloc = pr && pr->state == PROBE_READY && pr->complete;

	probes_drop(&l->probes, alloc ? "scav_asked_by_any" : "scav_asked_by_alloc");
}

/* khugepaged says whose memory it is by the first namespace's ids. */
static bool in_first_pidns(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino == ROOT_PIDNS;
}

int scav_setup(struct scav_state *s, struct live *l)
{
	struct scav_places *at = probes_const(&l->probes, "scav_places", sizeof(*at));
	struct probe *collapse = probes_find(&l->probes, "scav_collapse");

	if (!at)
		return fail(-EINVAL, "the programs of scav have other places than we");
	s->minor = go_layout_minor(l->gp.l);
	*at = (struct scav_places){
		.mapped = place(&l->gp, G_gcController, l->gp.l->gc_mappedReady),
		.limit = place(&l->gp, G_gcController, l->gp.l->gc_memoryLimit),
		.cpus = libbpf_num_possible_cpus(),
		.host_tgid = l->target.pid,
	};
	choose_asked(l);
	if (collapse && collapse->state == PROBE_READY && !in_first_pidns()) {
		probes_drop(&l->probes, "scav_collapse");
		collapse->state = PROBE_OFF;
		snprintf(collapse->why, sizeof(collapse->why),
			 "collapsed pages cannot be told from inside of a PID namespace");
	}
	return 0;
}

static uint64_t word_now(struct live *l, enum go_global global, uint32_t off)
{
	uint64_t addr = place(&l->gp, global, off), v;

	return addr && !mem_u64(l->gp.mem, addr, &v) ? v : U64_NULL;
}

/* MemStats.HeapReleased, and what was given back but by FreeOSMemory (since 1.21), now. */
static void released_now(struct live *l, uint64_t *released, uint64_t *counted)
{
	uint64_t bg, eager;

	mem_refresh(l->gp.mem);
	*released = word_now(l, G_gcController, l->gp.l->gc_heapReleased);
	bg = word_now(l, G_mheap_, l->gp.l->mheap_scav_releasedBg);
	eager = word_now(l, G_mheap_, l->gp.l->mheap_scav_releasedEager);
	*counted = bg == U64_NULL || eager == U64_NULL ? U64_NULL : bg + eager;
}

static uint64_t huge_page_bytes(void)
{
	unsigned long long bytes = 0;
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");

	if (f && fscanf(f, "%llu", &bytes) != 1)
		bytes = 0;
	if (f)
		fclose(f);
	return bytes;
}

void scav_begin(struct scav_state *s, struct live *l)
{
	released_now(l, &s->first_released, &s->first_counted);
	s->began_ns = clock_mono_ns();
	s->huge_bytes = huge_page_bytes();
}

void scav_end(struct scav_state *s, struct live *l)
{
	released_now(l, &s->released, &s->counted);
	s->ended_ns = clock_mono_ns();
}

/* ---- one call ---- */

static enum scav_source source_of(const struct scav_state *s, const struct scav_event *e)
{
	bool near = e->mapped + e->wanted + SCAV_NEAR > e->limit;

	if (!owner_has(&s->names, "runtime.(*pageAlloc).scavengeOne"))
		return SCAV_OTHER;
	if (owner_has(&s->names, "runtime.bgscavenge"))
		return SCAV_BACKGROUND;
	if (owner_has(&s->names, "runtime.(*mheap).scavengeAll"))
		return SCAV_FORCED;
	return (s->minor >= 20 ? e->forced != 0 : near) ? SCAV_LIMIT : SCAV_EAGER;
}

static bool gives_back(uint32_t advice)
{
	return advice == MADV_DONTNEED || advice == MADV_FREE;
}

static void count(struct scav_state *s, const struct scav_event *e, enum scav_source source)
{
	struct scav_sum *sum = &s->source[source];
	const struct scav_row *r = &s->row;

	if (e->advice < SCAV_ADVICES) {
		s->advice[e->advice].calls++;
		s->advice[e->advice].bytes += r->bytes;
	}
	if (!gives_back(e->advice))
		return;
	sum->calls++;
	sum->bytes += r->bytes;
	sum->covered += e->head.ts >= s->began_ns ? r->bytes : 0;
	if (r->rss_change != S64_NULL) {
		sum->rss_change += r->rss_change;
		sum->rss_known++;
	}
	live_hist_add(&sum->size, r->bytes);
	if (source == SCAV_OTHER)
		return;
	/* pages that are only lazily free are in RAM all the same */
	if (e->advice == MADV_FREE)
		s->returned.dropped += r->bytes;
	else
		returned_add(&s->returned, r->addr, r->bytes, e->head.ts, source);
}

/*
 * What changed in a call; of calls at the same time, the first that ends has what changed until
 * then, so that their sum is right.
 */
static int64_t rss_change(struct scav_state *s, const struct scav_event *e)
{
	int64_t from = e->anon_before;

	if (from == SCAV_UNKNOWN || e->anon_after == SCAV_UNKNOWN)
		return S64_NULL;
	if (e->begun < s->last_end)
		from = s->last_anon;
	s->last_end = e->head.ts;
	s->last_anon = e->anon_after;
	return e->anon_after - from;
}

const struct scav_row *scav_record(struct scav_state *s, struct live *l, const struct scav_event *e)
{
	const char *advice = e->advice < SCAV_ADVICES ? advice_names[e->advice] : NULL;
	enum scav_source source;

	/* probes are taken away one after the other */
	if (s->ended_ns && e->head.ts > s->ended_ns)
		return NULL;
	owner_names(l, &e->stack, &s->names);
	source = source_of(s, e);
	s->row = (struct scav_row){
		.at_ns = e->head.ts,
		.who = owner_who(&s->names),
		.addr = e->addr,
		.bytes = (e->len + MEM_PAGE - 1) & ~(MEM_PAGE - 1),
		.rss_change = rss_change(s, e),
		.goid = e->stack.goid,
		.stack = owner_column(&s->names, s->frame),
	};
	snprintf(s->row.source, sizeof(s->row.source), "%s", source_names[source]);
	snprintf(s->row.advice, sizeof(s->row.advice), "%s", advice ? advice : "?");
	count(s, e, source);
	return &s->row;
}

void scav_collapsed(struct scav_state *s, const struct scav_collapse_event *e)
{
	s->collapsed += e->status == 1;
	s->khugepaged += e->status == 1 && !e->by_target;
	s->collapse_failed += e->status != 1;
}

int scav_watch(struct scav_state *s, struct live *l, bool all)
{
	int err = l->run->ended
			  ? 0
			  : returned_look(&s->returned, &l->target.pagemap, clock_mono_ns(), all);

	return err == -ESRCH ? 0 : err;
}

/* ---- the end ---- */

static struct scav_source_row source_row(const struct scav_state *s, const struct live *l,
					 enum scav_source i)
{
	const struct scav_sum *sum = &s->source[i];
	const struct returned_sum *back = &s->returned.sum[i];
	struct scav_source_row row = {
		source_names[i],
		sum->calls,
		sum->bytes,
		sum->rss_known ? sum->rss_change : S64_NULL,
		back->second,
		back->minute,
		l->target.pagemap.scan ? back->huge : U64_NULL,
	};

	if (i == SCAV_OTHER) /* not watched */
		row.refault_1s_bytes = row.refault_60s_bytes = row.refault_huge_bytes = U64_NULL;
	return row;
}

void scav_emit(struct scav_state *s, struct live *l, const struct section *sources,
	       const struct section *advice, const struct section *hist)
{
	for (int i = 0; i < SCAV_SOURCES; i++) {
		struct scav_source_row row = source_row(s, l, i);

		if (row.calls)
			emit_row(l->run, sources, &row);
	}
	for (int i = 0; i < SCAV_ADVICES; i++) {
		struct scav_advice_row row = { advice_names[i] ? advice_names[i] : "?",
					       s->advice[i].calls, s->advice[i].bytes };

		if (row.calls)
			emit_row(l->run, advice, &row);
	}
	for (int i = 0; i < SCAV_SOURCES; i++) {
		s->source[i].size.hist.value = source_names[i];
		if (s->source[i].calls)
			emit_hist(l->run, hist, &s->source[i].size.hist);
	}
}

/* Of what the runtime's scavenger counted itself; FreeOSMemory it does not. */
static double coverage(const struct scav_state *s)
{
	uint64_t counted = s->counted - s->first_counted, seen = 0;

	/* GODEBUG=scavtrace=1 sets it back */
	if (s->first_counted == U64_NULL || s->counted == U64_NULL || !counted ||
	    s->counted < s->first_counted)
		return NAN;
	for (int i = 0; i < SCAV_FORCED; i++)
		seen += s->source[i].covered;
	return seen * 100.0 / counted;
}

void scav_summarize(struct scav_state *s, struct live *l, struct scav_summary *sum)
{
	const struct probe *collapse = probes_find(&l->probes, "scav_collapse");
	uint64_t known = 0;

	for (int i = 0; i < SCAV_OTHER; i++) {
		struct scav_source_row row = source_row(s, l, i);

		sum->returned_bytes += row.returned_bytes;
		sum->rss_change += s->source[i].rss_change;
		known += s->source[i].rss_known;
		sum->refault_1s_bytes += row.refault_1s_bytes;
		sum->refault_60s_bytes += row.refault_60s_bytes;
		sum->refault_huge_bytes += row.refault_huge_bytes;
	}
	if (!l->target.pagemap.scan)
		sum->refault_huge_bytes = U64_NULL;
	if (!known)
		sum->rss_change = S64_NULL;
	sum->refault_bytes = sum->refault_1s_bytes + sum->refault_60s_bytes;
	sum->unwatched_bytes = s->returned.dropped;
	sum->collapsed_bytes = s->collapsed * s->huge_bytes;
	sum->khugepaged_bytes = s->khugepaged * s->huge_bytes;
	sum->collapse_failed = s->collapse_failed;
	if (!collapse || collapse->state == PROBE_OFF)
		sum->collapsed_bytes = sum->khugepaged_bytes = sum->collapse_failed = U64_NULL;
	sum->live.coverage = coverage(s);
	sum->released_change = s->released == U64_NULL || s->first_released == U64_NULL
				       ? S64_NULL
				       : (int64_t)(s->released - s->first_released);
	sum->syscall_ns = l->cost.call_ns > 0 ? (uint64_t)l->cost.other_ns : U64_NULL;
}

void scav_say(struct live *l, const struct scav_summary *s)
{
	emit_text(l->run, "%s given back, RSS %s; in RAM again: %s in 1 s, %s in 60 s",
		  HUMAN(bytes3, s->returned_bytes), HUMAN(sbytes, s->rss_change),
		  HUMAN(bytes3, s->refault_1s_bytes), HUMAN(bytes3, s->refault_60s_bytes));
	emit_text(l->run, "huge pages: %s back in them; collapsed %s, by khugepaged %s",
		  HUMAN(bytes3, s->refault_huge_bytes), HUMAN(bytes3, s->collapsed_bytes),
		  HUMAN(bytes3, s->khugepaged_bytes));
	live_say(l, &s->live);
}

void scav_free(struct scav_state *s)
{
	returned_free(&s->returned);
}
