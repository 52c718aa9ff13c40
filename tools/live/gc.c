// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Garbage collection cycles, from records to rows; see gc.h. */
#include "live/gc.h"
#include "human.h"
#include "mem.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORCED      "forced"
#define ASSISTS     10    /* goroutines that are shown */
#define ASSISTS_MAX 16384 /* as of the map */

const struct col gc_cycle_cols[] = {
	COL(struct gc_cycle, cycle, "CYCLE", NONE, KEY, "number of the cycle: NumGC at its end"),
	COL(struct gc_cycle, trigger, "WHY", NONE, KEY,
	    "heap: it reached the trigger; time: two minutes without one; forced: runtime.GC(); ?: it "
	    "had begun before we came"),
	COL(struct gc_cycle, start_ns, "START", MONO, GAUGE, "begin of sweep termination"),
	COL_F(struct gc_cycle, sweep_term_ns, "SWEEPT", NSEC, GAUGE, COL_WIDE,
	      "sweep termination: the world is stopped"),
	COL(struct gc_cycle, mark_ns, "MARK", NSEC, GAUGE, "concurrent mark"),
	COL_F(struct gc_cycle, mark_term_ns, "MARKT", NSEC, GAUGE, COL_WIDE,
	      "mark termination: the world is stopped"),
	COL_F(struct gc_cycle, sweep_ns, "SWEEP", NSEC, GAUGE, COL_WIDE,
	      "from mark termination until the background sweeper found nothing left"),
	COL(struct gc_cycle, pause_ns, "PAUSE", NSEC, GAUGE,
	    "all the world was stopped in this cycle: MemStats.PauseNs"),
	COL(struct gc_cycle, heap_before, "BEFORE", BYTES, GAUGE, "heap when it began"),
	COL_F(struct gc_cycle, heap_after, "AFTER", BYTES, GAUGE, COL_WIDE,
	      "heap when marking ended"),
	COL(struct gc_cycle, heap_marked, "MARKED", BYTES, GAUGE, "of it: reachable"),
	COL_F(struct gc_cycle, goal, "GOAL", BYTES, GAUGE, COL_WIDE,
	      "the heap this cycle was to end at"),
	COL_F(struct gc_cycle, assist_ns, "ASSIST", NSEC, GAUGE, COL_WIDE,
	      "CPU time of goroutines that had to help marking"),
	COL_F(struct gc_cycle, dedicated_ns, "DEDICATED", NSEC, GAUGE, COL_JSON_ONLY,
	      "CPU time of dedicated mark workers"),
	COL_F(struct gc_cycle, fractional_ns, "FRACTIONAL", NSEC, GAUGE, COL_JSON_ONLY,
	      "CPU time of fractional mark workers"),
	COL_F(struct gc_cycle, idle_ns, "IDLE", NSEC, GAUGE, COL_JSON_ONLY,
	      "CPU time of idle mark workers"),
	COL_F(struct gc_cycle, stacks, "STACKS", BYTES, GAUGE, COL_JSON_ONLY, "stacks scanned"),
	COL_F(struct gc_cycle, globals, "GLOBALS", BYTES, GAUGE, COL_JSON_ONLY,
	      "global variables scanned"),
	COL_F(struct gc_cycle, procs, "P", COUNT, GAUGE, COL_JSON_ONLY, "GOMAXPROCS"),
	COL_F(struct gc_cycle, returned_bytes, "BACK", BYTES, GAUGE, COL_WIDE,
	      "given back to the system after it, until the next one ended"),
	COL_F(struct gc_cycle, gc_cpu_pct, "CPU%", PERCENT, GAUGE, COL_JSON_ONLY,
	      "MemStats.GCCPUFraction"),
	COL_F(struct gc_cycle, generation, "", NONE, GAUGE, COL_JSON_ONLY,
	      "number of the policy it was taken under"),
	{}
};

const struct span_cols gc_cycle_spans[] = {
	{ .name = "sweep termination", .track = "GC", .start = "start_ns", .dur = "sweep_term_ns" },
	{ .name = "mark",
	  .track = "GC",
	  .start = "start_ns",
	  .after = { "sweep_term_ns" },
	  .dur = "mark_ns" },
	{ .name = "mark termination",
	  .track = "GC",
	  .start = "start_ns",
	  .after = { "sweep_term_ns", "mark_ns" },
	  .dur = "mark_term_ns" },
	{ .name = "sweep",
	  .track = "GC sweep",
	  .start = "start_ns",
	  .after = { "sweep_term_ns", "mark_ns", "mark_term_ns" },
	  .dur = "sweep_ns" },
	{}
};

const struct col gc_trace_cols[] = {
	COL(struct gc_trace, cycle, "CYCLE", NONE, KEY, "number of the cycle"),
	COL(struct gc_trace, line, "LINE", NONE, GAUGE, "as GODEBUG=gctrace=1 has it"),
	{}
};

const struct col gc_assist_cols[] = {
	COL(struct gc_assist_row, goid, "GOROUTINE", NONE, KEY, "its id"),
	COL_AS("assists", struct gc_assist_row, count, "ASSISTS", COUNT, COUNTER, 0,
	       "times it had to help"),
	COL(struct gc_assist_row, assist_ns, "TIME", NSEC, COUNTER, "time it took it"),
	{}
};

const struct col gc_summary_cols[] = {
	LIVE_COLS(struct gc_summary, live),
	COL(struct gc_summary, cycles, "CYCLES", COUNT, COUNTER, "cycles seen to end"),
	COL(struct gc_summary, forced, "FORCED", COUNT, COUNTER, "of them: asked for"),
	COL(struct gc_summary, numgc, "NUMGC", COUNT, COUNTER,
	    "cycles by the runtime's own count meanwhile"),
	COL(struct gc_summary, pause_ns, "PAUSE", NSEC, COUNTER, "their pauses, added up"),
	COL(struct gc_summary, assist_ns, "ASSIST", NSEC, COUNTER,
	    "time of assists, by the runtime's count"),
	COL(struct gc_summary, assist_seen_ns, "SEEN", NSEC, COUNTER,
	    "time of assists, by goroutine, as our own clock has it"),
	COL(struct gc_summary, returned_bytes, "BACK", BYTES, COUNTER,
	    "given back to the system meanwhile"),
	COL(struct gc_summary, gc_cpu_pct, "CPU%", PERCENT, GAUGE,
	    "MemStats.GCCPUFraction at the last cycle"),
	{}
};

/* ---- where the words are ---- */

struct word_at {
	enum go_global global;
	size_t field; /* offset in struct go_layout */
	uint32_t size;
};

#define AT(id) offsetof(struct go_layout, id)

static const struct word_at words[GC_WORDS_COUNT] = {
	[GC_numgc] = { G_memstats, AT(ms_numgc), 4 },
	[GC_tSweepTerm] = { G_work, AT(work_tSweepTerm), 8 },
	[GC_tMark] = { G_work, AT(work_tMark), 8 },
	[GC_tMarkTerm] = { G_work, AT(work_tMarkTerm), 8 },
	[GC_tEnd] = { G_work, AT(work_tEnd), 8 },
	[GC_heap0] = { G_work, AT(work_heap0), 8 },
	[GC_heap1] = { G_work, AT(work_heap1), 8 },
	[GC_heap2] = { G_work, AT(work_heap2), 8 },
	[GC_stwprocs] = { G_work, AT(work_stwprocs), 4 },
	[GC_maxprocs] = { G_work, AT(work_maxprocs), 4 },
	[GC_userForced] = { G_work, AT(work_userForced), 1 },
	[GC_pauseNS] = { G_work, AT(work_pauseNS), 8 },
	[GC_assistTime] = { G_gcController, AT(gc_assistTime), 8 },
	[GC_dedicatedMarkTime] = { G_gcController, AT(gc_dedicatedMarkTime), 8 },
	[GC_fractionalMarkTime] = { G_gcController, AT(gc_fractionalMarkTime), 8 },
	[GC_idleMarkTime] = { G_gcController, AT(gc_idleMarkTime), 8 },
	[GC_lastHeapGoal] = { G_gcController, AT(gc_lastHeapGoal), 8 },
	[GC_lastStackScan] = { G_gcController, AT(gc_lastStackScan), 8 },
	[GC_globalsScan] = { G_gcController, AT(gc_globalsScan), 8 },
	[GC_gc_cpu_fraction] = { G_memstats, AT(ms_gc_cpu_fraction), 8 },
	[GC_releasedBg] = { G_mheap_, AT(mheap_scav_releasedBg), 8 },
	[GC_releasedEager] = { G_mheap_, AT(mheap_scav_releasedEager), 8 },
	[GC_heapReleased] = { G_gcController, AT(gc_heapReleased), 8 },
};

static uint64_t word_addr(const struct goproc *gp, enum gc_word w)
{
	uint32_t off;

	/* 1.19 prints the most of stack there may be to scan, later releases what was scanned */
	memcpy(&off,
	       (const char *)gp->l + (w == GC_lastStackScan && go_layout_minor(gp->l) < 20
					      ? AT(gc_maxStackScan)
					      : words[w].field),
	       sizeof(off));
	return off == LAYOUT_NONE || !gp->addr[words[w].global] ? 0
								: gp->addr[words[w].global] + off;
}

int gc_setup(struct gc_state *g, struct live *l)
{
	const struct probe *start = probes_find(&l->probes, "gc_start");
	struct gc_place *at = probes_const(&l->probes, "gc_places", sizeof(*at) * GC_WORDS_COUNT);

	if (!at)
		return fail(-EINVAL, "the programs of gc have other words than we");
	for (int i = 0; i < GC_WORDS_COUNT; i++)
		at[i] = (struct gc_place){ word_addr(&l->gp, i), words[i].size, 0 };
	g->has_scav = at[GC_releasedBg].addr && at[GC_releasedEager].addr;
	g->asked = start->state != PROBE_READY || !start->complete;
	probes_drop(&l->probes, g->asked ? "gc_start" : "gc_asked");
	return 0;
}

/* A word of the runtime now, or 0. */
static uint64_t word_now(struct live *l, enum gc_word w)
{
	uint64_t v = 0, addr = word_addr(&l->gp, w);

	return addr && !mem_read(l->gp.mem, addr, &v, words[w].size) ? v : U64_NULL;
}

static uint64_t released_now(struct live *l)
{
	uint64_t bg, eager;

	mem_refresh(l->gp.mem);
	bg = word_now(l, GC_releasedBg);
	eager = word_now(l, GC_releasedEager);
	return bg == U64_NULL || eager == U64_NULL ? U64_NULL : bg + eager;
}

void gc_begin(struct gc_state *g, struct live *l)
{
	mem_refresh(l->gp.mem);
	g->numgc = word_now(l, GC_numgc);
	g->released = g->first_released = g->has_scav ? released_now(l) : U64_NULL;
	if (l->gp.addr[G_runtimeInitTime])
		mem_u64(l->gp.mem, l->gp.addr[G_runtimeInitTime], &g->init_ns);
}

/* Before the probes go: what the runtime counted until now. */
void gc_end(struct gc_state *g, struct live *l)
{
	uint64_t now;

	mem_refresh(l->gp.mem);
	g->end = word_now(l, GC_numgc);
	now = g->has_scav ? released_now(l) : U64_NULL;
	if (g->pending && now != U64_NULL && g->released != U64_NULL)
		g->cycle.returned_bytes = now - g->released;
	if (now != U64_NULL && g->first_released != U64_NULL)
		g->returned = now - g->first_released;
	else
		g->returned = U64_NULL;
}

/* ---- records ---- */

static const char *trigger_name(const struct gc_state *g, const uint64_t *w)
{
	static const char *const names[] = { "heap", "time" };

	/* who asked before the last end may have waited for it */
	unsigned int kinds = g->kinds[0] | (g->asked ? g->kinds[1] : 0), i = 0;

	if (w[GC_userForced])
		return FORCED;
	kinds &= ~(1U << ARRAY_SIZE(names));
	while (i < ARRAY_SIZE(names) && kinds != 1U << i)
		i++;
	return i < ARRAY_SIZE(names) ? names[i] : "?";
}

static void cycle_fill(struct gc_state *g, const uint64_t *w)
{
	double cpu;

	memcpy(&cpu, &w[GC_gc_cpu_fraction], sizeof(cpu));
	g->cycle = (struct gc_cycle){
		.cycle = w[GC_numgc],
		.start_ns = w[GC_tSweepTerm],
		.sweep_term_ns = w[GC_tMark] - w[GC_tSweepTerm],
		.mark_ns = w[GC_tMarkTerm] - w[GC_tMark],
		.mark_term_ns = w[GC_tEnd] - w[GC_tMarkTerm],
		.sweep_ns = U64_NULL,
		.pause_ns = w[GC_pauseNS],
		.heap_before = w[GC_heap0],
		.heap_after = w[GC_heap1],
		.heap_marked = w[GC_heap2],
		.goal = w[GC_lastHeapGoal],
		.assist_ns = w[GC_assistTime],
		.dedicated_ns = w[GC_dedicatedMarkTime],
		.fractional_ns = w[GC_fractionalMarkTime],
		.idle_ns = w[GC_idleMarkTime],
		.stacks = w[GC_lastStackScan],
		.globals = w[GC_globalsScan],
		.procs = w[GC_maxprocs],
		.returned_bytes = U64_NULL,
		.gc_cpu_pct = cpu * 100,
	};
}

static void cycle_ended(struct gc_state *g, const struct gc_end_event *e)
{
	const uint64_t *w = (const uint64_t *)e->word;

	memcpy(g->word, w, sizeof(g->word));
	cycle_fill(g, w);
	g->cycle.generation = e->head.generation;
	snprintf(g->cycle.trigger, sizeof(g->cycle.trigger), "%s", trigger_name(g, w));
	g->released = g->has_scav ? w[GC_releasedBg] + w[GC_releasedEager] : U64_NULL;
	g->kinds[1] = g->kinds[0];
	g->kinds[0] = 0;
	g->pending = true;
	g->cycles++;
	g->seen += g->numgc == U64_NULL || w[GC_numgc] > g->numgc;
	g->forced += w[GC_userForced] != 0;
	g->pause_ns += w[GC_pauseNS];
	g->assist_ns += w[GC_assistTime];
	live_hist_add(&g->pause, w[GC_pauseNS]);
	live_hist_add(&g->length, w[GC_tEnd] - w[GC_tSweepTerm]);
}

void gc_record(struct gc_state *g, const struct event_head *e)
{
	if (e->kind == EV_GC_START)
		g->kinds[0] |= 1U << (((const struct gc_start_event *)e)->kind & 31);
	if (e->kind == EV_GC_SWEPT && g->pending && g->cycle.sweep_ns == U64_NULL &&
	    e->ts > g->word[GC_tEnd])
		g->cycle.sweep_ns = e->ts - g->word[GC_tEnd];
	if (e->kind == EV_GC_END)
		cycle_ended(g, (const struct gc_end_event *)e);
}

/* The cycle that waited, with what was given back since; NULL: none. */
struct gc_cycle *gc_take(struct gc_state *g)
{
	if (!g->pending)
		return NULL;
	g->pending = false;
	return &g->cycle;
}

/* ---- gctrace ---- */

/* fmtNSAsMS of runtime/mgc.go: three significant digits, or whole milliseconds from 10 on. */
static const char *ms(char *buf, size_t size, uint64_t ns)
{
	uint64_t x = ns / 1000, unit = 1000; /* of x to the millisecond */
	int dec = 3;

	if (ns >= 10000000) {
		snprintf(buf, size, "%llu", (unsigned long long)(ns / 1000000));
		return buf;
	}
	if (!x) {
		snprintf(buf, size, "0");
		return buf;
	}
	for (; x >= 100; dec--, unit /= 10)
		x /= 10;
	if (!dec)
		snprintf(buf, size, "%llu", (unsigned long long)x);
	else
		snprintf(buf, size, "%llu.%0*llu", (unsigned long long)(x / unit), dec,
			 (unsigned long long)(x % unit));
	return buf;
}

#define MS(ns) ms((char[32]){ 0 }, 32, ns)
#define MB(b)  ((unsigned long long)((b) >> 20))

const char *gc_trace_line(struct gc_state *g)
{
	const uint64_t *w = g->word;
	uint64_t since = (w[GC_tSweepTerm] - g->init_ns) / 1000000;
	double cpu;

	memcpy(&cpu, &w[GC_gc_cpu_fraction], sizeof(cpu));
	snprintf(g->line, sizeof(g->line),
		 "gc %llu @%llu.%03llus %d%%: %s+%s+%s ms clock, %s+%s/%s/%s+%s ms cpu, "
		 "%llu->%llu->%llu MB, %llu MB goal, %llu MB stacks, %llu MB globals, %llu P%s",
		 (unsigned long long)w[GC_numgc], (unsigned long long)since / 1000,
		 (unsigned long long)since % 1000, (int)(cpu * 100),
		 MS(w[GC_tMark] - w[GC_tSweepTerm]), MS(w[GC_tMarkTerm] - w[GC_tMark]),
		 MS(w[GC_tEnd] - w[GC_tMarkTerm]),
		 MS(w[GC_stwprocs] * (w[GC_tMark] - w[GC_tSweepTerm])), MS(w[GC_assistTime]),
		 MS(w[GC_dedicatedMarkTime] + w[GC_fractionalMarkTime]), MS(w[GC_idleMarkTime]),
		 MS(w[GC_stwprocs] * (w[GC_tEnd] - w[GC_tMarkTerm])), MB(w[GC_heap0]),
		 MB(w[GC_heap1]), MB(w[GC_heap2]), MB(w[GC_lastHeapGoal]), MB(w[GC_lastStackScan]),
		 MB(w[GC_globalsScan]), (unsigned long long)w[GC_maxprocs],
		 w[GC_userForced] ? " (forced)" : "");
	return g->line;
}

const struct gc_trace *gc_trace_row(struct gc_state *g)
{
	g->trace = (struct gc_trace){ g->word[GC_numgc], g->line };
	return &g->trace;
}

/* ---- the end ---- */

/* All goroutines that assisted, the longest first. Returns how many, *rows is the caller's. */
static size_t read_assists(struct live *l, struct gc_assist_row **rows)
{
	const struct probe *pr = probes_find(&l->probes, "gc_assist_end");
	int map = pr && pr->state != PROBE_DROPPED ? probes_map(&l->probes, "assists") : -1;
	struct gc_assist v;
	uint64_t key, *prev = NULL;
	size_t n = 0;

	*rows = calloc(ASSISTS_MAX, sizeof(**rows));
	while (*rows && map >= 0 && n < ASSISTS_MAX && !bpf_map_get_next_key(map, prev, &key)) {
		if (!bpf_map_lookup_elem(map, &key, &v))
			(*rows)[n++] = (struct gc_assist_row){ key, v.count, v.ns };
		prev = &key;
	}
	return n;
}

static int by_time(const void *a, const void *b)
{
	const struct gc_assist_row *x = a, *y = b;

	return x->assist_ns < y->assist_ns ? 1 : x->assist_ns > y->assist_ns ? -1 : 0;
}

void gc_emit_assists(struct gc_state *g, struct live *l, const struct section *s)
{
	struct gc_assist_row *rows;
	size_t n = read_assists(l, &rows);

	if (n)
		qsort(rows, n, sizeof(*rows), by_time);
	for (size_t i = 0; i < n && i < ASSISTS; i++)
		emit_row(l->run, s, &rows[i]);
	free(rows);
}

void gc_summarize(struct gc_state *g, struct live *l, struct gc_summary *s)
{
	struct gc_assist_row *rows;
	size_t n = read_assists(l, &rows);

	for (size_t i = 0; i < n; i++)
		s->assist_seen_ns += rows[i].assist_ns;
	free(rows);
	/* a target that has gone cannot be asked, and a cycle may have ended since it was */
	if (g->end == U64_NULL || (g->cycles && g->word[GC_numgc] > g->end))
		g->end = g->cycles ? g->word[GC_numgc] : g->numgc;
	s->numgc = g->numgc == U64_NULL ? U64_NULL : g->end - g->numgc;
	s->cycles = g->cycles;
	s->forced = g->forced;
	s->pause_ns = g->pause_ns;
	s->assist_ns = g->assist_ns;
	s->returned_bytes = g->returned;
	s->gc_cpu_pct = g->cycles ? g->cycle.gc_cpu_pct : NAN;
	if (s->numgc && s->numgc != U64_NULL)
		s->live.coverage = g->seen * 100.0 / s->numgc;
}

void gc_say(struct live *l, const struct gc_summary *s)
{
	emit_text(l->run, "%s cycles, %s forced, paused %s, assists %s", HUMAN(count, s->cycles),
		  HUMAN(count, s->forced), HUMAN(nsec, s->pause_ns), HUMAN(nsec, s->assist_ns));
	live_say(l, &s->live);
}
