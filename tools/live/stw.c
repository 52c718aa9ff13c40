// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Stops of the world, from records to rows; see stw.h. */
#include "live/stw.h"
#include "human.h"
#include "mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct col stw_cols[] = {
	COL(struct stw_row, start_ns, "START", MONO, GAUGE, "when stopping began"),
	COL(struct stw_row, reason, "REASON", NONE, KEY, "why the world was stopped"),
	COL(struct stw_row, stopping_ns, "STOPPING", NSEC, GAUGE,
	    "until all goroutines had stopped"),
	COL(struct stw_row, stopped_ns, "STOPPED", NSEC, GAUGE, "from then until they ran again"),
	COL(struct stw_row, pause_ns, "PAUSE", NSEC, GAUGE, "both together"),
	COL_F(struct stw_row, exact, "EXACT", NONE, GAUGE, COL_JSON_ONLY,
	      "the pause is by the runtime's own clock readings"),
	COL_F(struct stw_row, gc, "GC", NONE, GAUGE, COL_JSON_ONLY,
	      "it is part of MemStats.PauseTotalNs"),
	COL_F(struct stw_row, goid, "GOROUTINE", NONE, GAUGE, COL_JSON_ONLY, "who asked; 0: none"),
	COL_F(struct stw_row, generation, "", NONE, GAUGE, COL_JSON_ONLY,
	      "number of the policy it was taken under"),
	COL(struct stw_row, who, "WHO", NONE, GAUGE,
	    "who asked: the innermost function that is not the runtime's, or the outermost"),
	COL_F(struct stw_row, stack, "STACK", NONE, GAUGE, COL_WIDE, "who asked for it"),
	{}
};

const struct span_cols stw_spans[] = {
	{ .name_of = "reason", .track = "stop the world", .start = "start_ns", .dur = "pause_ns" },
	{}
};

const struct col stw_reason_cols[] = {
	COL(struct stw_reason_row, reason, "REASON", NONE, KEY, "why the world was stopped"),
	COL(struct stw_reason_row, stops, "STOPS", COUNT, COUNTER, "how often"),
	COL(struct stw_reason_row, pause_ns, "PAUSE", NSEC, COUNTER, "all together"),
	COL(struct stw_reason_row, max_ns, "MAX", NSEC, GAUGE, "the longest"),
	{}
};

const struct col stw_summary_cols[] = {
	LIVE_COLS(struct stw_summary, live),
	COL(struct stw_summary, stops, "STOPS", COUNT, COUNTER, "times the world was stopped"),
	COL(struct stw_summary, gc_stops, "GC", COUNT, COUNTER, "of them: for a collection"),
	COL(struct stw_summary, pause_ns, "PAUSE", NSEC, COUNTER, "their pauses, added up"),
	COL(struct stw_summary, gc_pause_ns, "GC PAUSE", NSEC, COUNTER, "of them: for collections"),
	COL(struct stw_summary, exact, "EXACT", COUNT, COUNTER,
	    "stops whose pause is by the runtime's own clock readings"),
	COL(struct stw_summary, pause_total_ns, "RUNTIME", NSEC, GAUGE,
	    "what PauseTotalNs grew by, from the first collection's end to the last one's"),
	COL(struct stw_summary, pause_seen_ns, "SEEN", NSEC, GAUGE,
	    "the pauses that were seen between those"),
	{}
};

/* stwReason of 1.21 to 1.27 (runtime/proc.go) */
static const char *const reasons[] = {
	"unknown",
	"GC mark termination",
	"GC sweep termination",
	"write heap dump",
	"goroutine profile",
	"goroutine profile cleanup",
	"all goroutines stack trace",
	"read mem stats",
	"AllThreadsSyscall",
	"GOMAXPROCS",
	"start trace",
	"stop trace",
	"CountPagesInUse (test)",
	"ReadMetricsSlow (test)",
	"ReadMemStatsSlow (test)",
	"PageCachePagesLeaked (test)",
	"ResetDebugLog (test)",
};

enum { GC_MARK_TERM = 1, GC_SWEEP_TERM = 2 };

/* As struct stw_places of stw.bpf.c. */
struct stw_places {
	uint64_t pause_start, sweep_term, mark, mark_term, end, pause_ns, pause_total;
	uint32_t m_preemptoff, stop_reason, start_worldstop, no_end;
};

static uint64_t work(const struct goproc *gp, uint32_t off)
{
	return off == LAYOUT_NONE || !gp->addr[G_work] ? 0 : gp->addr[G_work] + off;
}

/* A program without which the rest can do: whether it is there. */
static bool has(struct live *l, const char *name)
{
	const struct probe *pr = probes_find(&l->probes, name);

	return pr && pr->state == PROBE_READY && pr->complete;
}

/* Leave out what this release has no use for. words: of what startTheWorldWithSema gets. */
static void drop_programs(struct live *l, uint32_t words, bool stopping)
{
	if (!stopping)
		probes_drop(&l->probes, "stw_stopped");
	if (words) {
		probes_drop(&l->probes, "stw_stop");
		probes_drop(&l->probes, "stw_stopped");
		probes_drop(&l->probes, "stw_done");
	} else {
		probes_drop(&l->probes, "stw_total");
	}
	if (words != 2)
		probes_drop(&l->probes, "stw_stopping");
}

int stw_setup(struct stw_state *s, struct live *l, bool stopping)
{
	struct stw_places *at = probes_const(&l->probes, "stw_places", sizeof(*at));
	const struct go_layout *lay = l->gp.l;
	uint32_t words = lay->worldstop_finished != LAYOUT_NONE ? 4
			 : lay->worldstop_start != LAYOUT_NONE  ? 2
								: 0;
	bool told = words && has(l, "stw_total");

	if (!at)
		return fail(-EINVAL, "the programs of stw have other places than we");
	s->minor = go_layout_minor(lay);
	*at = (struct stw_places){
		.pause_total = l->gp.addr[G_memstats] + lay->ms_pause_total_ns,
		.m_preemptoff = lay->m_preemptoff,
		.stop_reason = s->minor >= 21,
		.start_worldstop = words,
		.no_end = words ? !told : !has(l, "stw_done"),
	};
	/* where the runtime does not hand the pause over */
	if (!told) {
		at->pause_start = s->minor < 22 ? work(&l->gp, lay->work_pauseStart) : 0;
		at->sweep_term = work(&l->gp, lay->work_tSweepTerm);
		at->mark = work(&l->gp, lay->work_tMark);
		at->mark_term = work(&l->gp, lay->work_tMarkTerm);
		at->end = work(&l->gp, lay->work_tEnd);
		at->pause_ns = work(&l->gp, lay->work_pauseNS);
	}
	drop_programs(l, words, stopping);
	return 0;
}

/* ---- one stop ---- */

/* Of 1.19: a collection stops the world with no text of its own, but wrote the time down. */
static const char *old_reason(const struct stw_event *e)
{
	if (e->text[0] && strcmp(e->text, "gcing"))
		return e->text;
	if (e->pause_start && e->pause_start == e->sweep_term)
		return reasons[GC_SWEEP_TERM];
	if (e->pause_start && e->pause_start == e->mark_term)
		return reasons[GC_MARK_TERM];
	return reasons[0];
}

static const char *reason_name(const struct stw_state *s, const struct stw_event *e)
{
	if (s->minor < 21)
		return old_reason(e);
	return e->reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[e->reason] : reasons[0];
}

/* The runtime's own begin of the stop, or 0. */
static uint64_t began(const struct stw_state *s, const struct stw_event *e, bool gc)
{
	if (s->minor >= 22)
		return e->arg_started;
	return gc ? e->pause_start : 0;
}

static bool is_gc(const char *reason)
{
	return reason == reasons[GC_MARK_TERM] || reason == reasons[GC_SWEEP_TERM];
}

/*
 * Of the cycle's pauses that work.pauseNS has, those before this stop. A mark termination adds
 * its own, and sets work.tEnd, before the world is started; the others after it.
 */
static uint64_t paused_before(const struct stw_state *s, const struct stw_event *e)
{
	uint64_t begin = began(s, e, true);

	if (reason_name(s, e) != reasons[GC_MARK_TERM] || e->end < e->mark_term)
		return e->pause_ns;
	return e->pause_ns - (e->end - begin);
}

/*
 * The end of a stop for a collection, or 0, where the runtime does not hand it over. A mark
 * termination closes its books before the world runs; a sweep termination writes the time down
 * then, and one that found more to mark adds to work.pauseNS. That is seen at the next stop; if
 * others were lost in between it may be too much, but then is outside of what our clock saw.
 */
static uint64_t ended(const struct stw_state *s, const struct stw_event *e, uint64_t begin,
		      const struct stw_after *after)
{
	uint64_t end = after->mark;

	if (reason_name(s, e) == reasons[GC_MARK_TERM]) {
		if (e->end >= e->mark_term)
			return e->end;
		end = begin + after->pause_ns - e->pause_ns;
	}
	if (after->sweep_term != e->sweep_term || end < e->start_ts)
		return 0;
	return e->done_ts && end > e->done_ts ? 0 : end;
}

static const char *who(const struct stack *st)
{
	const char *name = NULL;

	for (size_t i = 0; i < st->n; i++) {
		if (!st->frame[i].function)
			continue;
		name = st->frame[i].function;
		if (strncmp(name, "runtime.", 8))
			break;
	}
	return name;
}

static struct stw_reason *reason_find(struct stw_state *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->nreasons; i++)
		if (!strcmp(s->reason[i].name, name))
			return &s->reason[i];
	if (i == STW_REASONS)
		return &s->reason[i - 1];
	s->nreasons++;
	snprintf(s->reason[i].name, sizeof(s->reason[i].name), "%s", name);
	return &s->reason[i];
}

static void count(struct stw_state *s, const struct stw_row *r)
{
	struct stw_reason *k = reason_find(s, r->reason);

	k->stops++;
	live_hist_add(&k->pause, r->pause_ns);
	s->stops++;
	s->exact += r->exact;
	s->pause_ns += r->pause_ns;
	if (!r->gc)
		return;
	s->gc_stops++;
	s->gc_exact += r->exact;
	s->gc_pause_ns += r->pause_ns;
}

/*
 * At the end of a collection all its pauses are in PauseTotalNs: between two of them it has
 * grown by what we have seen since, to the nanosecond. (A mark termination that found more to
 * mark adds nothing yet.)
 */
static void books(struct stw_state *s, const struct stw_event *e)
{
	if (s->anchored && e->pause_total == s->total_last)
		return;
	if (!s->anchored) {
		s->anchored = true;
		s->total_first = e->pause_total;
		s->seen_first = s->gc_pause_ns;
		s->inexact_first = s->gc_stops - s->gc_exact;
	}
	s->total_last = e->pause_total;
	s->seen_last = s->gc_pause_ns;
	s->inexact_last = s->gc_stops - s->gc_exact;
}

static void fill_exact(const struct stw_state *s, struct stw_row *r, const struct stw_event *e,
		       const struct stw_after *after)
{
	uint64_t start = began(s, e, r->gc), end = 0;

	if (e->total)
		end = start + e->total;
	else if (start && r->gc)
		end = ended(s, e, start, after);
	r->exact = start && end;
	start = start ? start : e->stop_ts;
	end = end ? end : e->done_ts ? e->done_ts : e->start_ts;
	r->start_ns = start ? start : U64_NULL;
	r->pause_ns = start && end > start ? end - start : U64_NULL;
}

/* Until when it took to stop: by the runtime since 1.22, by our clock before. */
static uint64_t stopped_at(const struct stw_event *e)
{
	if (e->stopping && e->arg_started)
		return e->arg_started + e->stopping;
	return e->arg_finished ? e->arg_finished : e->stopped_ts;
}

static void show(struct stw_state *s, struct live *l, const struct section *rows,
		 const struct stw_event *e, const struct stw_after *after)
{
	struct stw_row *r = &s->row;
	uint64_t stopped = stopped_at(e), end;

	*r = (struct stw_row){ .reason = reason_name(s, e),
			       .goid = e->stack.goid,
			       .generation = e->head.generation };
	r->gc = is_gc(r->reason);
	r->stopping_ns = r->stopped_ns = U64_NULL;
	fill_exact(s, r, e, after);
	end = r->pause_ns == U64_NULL ? 0 : r->start_ns + r->pause_ns;
	if (r->start_ns != U64_NULL && stopped > r->start_ns)
		r->stopping_ns = stopped - r->start_ns;
	if (stopped && end > stopped)
		r->stopped_ns = end - stopped;
	live_stack(l, &e->stack, &r->stack, s->frame, STW_FRAMES);
	r->who = who(&r->stack);
	if (r->pause_ns != U64_NULL)
		count(s, r);
	if (r->reason == reasons[GC_MARK_TERM])
		books(s, e);
	emit_row(l->run, rows, r);
}

/* What the runtime has now. */
static struct stw_after after_now(struct live *l)
{
	const struct go_layout *lay = l->gp.l;
	struct stw_after now = {};

	mem_refresh(l->gp.mem);
	if (mem_u64(l->gp.mem, work(&l->gp, lay->work_tSweepTerm), &now.sweep_term) ||
	    mem_u64(l->gp.mem, work(&l->gp, lay->work_tMark), &now.mark) ||
	    mem_u64(l->gp.mem, work(&l->gp, lay->work_pauseNS), &now.pause_ns))
		return (struct stw_after){};
	return now;
}

/* Whether the end of a stop is not known yet: what comes after it is to tell. */
static bool unfinished(const struct stw_state *s, const struct stw_event *e,
		       const struct stw_after *after)
{
	const char *reason = reason_name(s, e);

	if (e->total || !is_gc(reason) || !began(s, e, true))
		return false;
	/* one that found more to mark: of work.pauseNS only the next stop knows its own part */
	if (reason == reasons[GC_MARK_TERM])
		return e->end < e->mark_term;
	return !ended(s, e, began(s, e, true), after);
}

void stw_record(struct stw_state *s, struct live *l, const struct section *rows,
		const struct stw_event *e)
{
	struct stw_after at = { e->sweep_term, e->mark, paused_before(s, e) }, now = {};

	if (s->held)
		show(s, l, rows, &s->last, &at);
	if (!e->total)
		now = after_now(l);
	s->held = unfinished(s, e, &now);
	if (s->held)
		s->last = *e;
	else
		show(s, l, rows, e, &now);
}

void stw_finish(struct stw_state *s, struct live *l, const struct section *rows)
{
	struct stw_after now = after_now(l);

	if (s->held)
		show(s, l, rows, &s->last, &now);
	s->held = false;
}

/* ---- the end ---- */

void stw_emit(struct stw_state *s, struct live *l, const struct section *table,
	      const struct section *hist)
{
	for (size_t i = 0; i < s->nreasons; i++) {
		struct stw_reason *k = &s->reason[i];
		struct stw_reason_row row = { k->name, k->stops, k->pause.hist.sum,
					      k->pause.hist.max };

		emit_row(l->run, table, &row);
	}
	for (size_t i = 0; i < s->nreasons; i++) {
		s->reason[i].pause.hist.value = s->reason[i].name;
		emit_hist(l->run, hist, &s->reason[i].pause.hist);
	}
}

void stw_summarize(struct stw_state *s, struct live *l, struct stw_summary *sum)
{
	sum->stops = s->stops;
	sum->gc_stops = s->gc_stops;
	sum->pause_ns = s->pause_ns;
	sum->gc_pause_ns = s->gc_pause_ns;
	sum->exact = s->exact;
	sum->pause_total_ns = s->anchored ? s->total_last - s->total_first : U64_NULL;
	sum->pause_seen_ns = s->anchored ? s->seen_last - s->seen_first : U64_NULL;
	/* where our clock had to do, the two differ by what it does not see */
	if (s->anchored && sum->pause_total_ns && s->inexact_first == s->inexact_last)
		sum->live.coverage = sum->pause_seen_ns * 100.0 / sum->pause_total_ns;
}

void stw_say(struct live *l, const struct stw_summary *s)
{
	emit_text(l->run, "%s stops, paused %s; for collections: %s, %s", HUMAN(count, s->stops),
		  HUMAN(nsec, s->pause_ns), HUMAN(count, s->gc_stops), HUMAN(nsec, s->gc_pause_ns));
	live_say(l, &s->live);
}
