// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gogc - each garbage collection cycle: phases, pacing, assists, memory given back. */
#include "bpf/gc.h"
#include "live/gc.h"
#include "live/live.h"
#include <errno.h>
#include <math.h>

static struct conf {
	struct live_conf live;
	bool gctrace, assists;
} conf = { .live = LIVE_CONF };

static const struct opt opts[] = { LIVE_OPTS(struct conf),
				   OPT(0, "gctrace", struct conf, gctrace, NULL,
				       "print the lines of GODEBUG=gctrace=1"),
				   OPT('a', "assists", struct conf, assists, NULL,
				       "time of assists by goroutine: a probe for each assist"),
				   {} };

struct gogc {
	struct live live; /* first: see live_kind */
	struct gc_state gc;
};

static const struct section sections[] = {
	{ .key = "cycles", .cols = gc_cycle_cols, .shape = SEC_ROWS, .spans = gc_cycle_spans },
	{ .key = "gctrace", .cols = gc_trace_cols, .shape = SEC_ROWS, .flags = SEC_JSON_ONLY },
	{ .key = "assists",
	  .title = "ASSISTS  the goroutines that had to help most",
	  .cols = gc_assist_cols,
	  .shape = SEC_ROWS },
	{ .key = "pause_ns",
	  .title = "PAUSE  of each cycle, both stops together",
	  .cols = hist_cols,
	  .shape = SEC_HIST,
	  .unit = NSEC },
	{ .key = "cycle_ns",
	  .title = "CYCLE  from start to mark termination",
	  .cols = hist_cols,
	  .shape = SEC_HIST,
	  .unit = NSEC },
	{ .key = "summary", .cols = gc_summary_cols, .shape = SEC_FIELDS },
	{}
};

static int gogc_setup(struct live *l)
{
	struct gogc *t = (struct gogc *)l;

	if (!conf.assists) {
		probes_drop(&l->probes, "gc_assist_begin");
		probes_drop(&l->probes, "gc_assist_end");
	}
	return gc_setup(&t->gc, l);
}

/* A cycle that is known to its end: the next has begun, or there will be none. */
static void show(struct live *l)
{
	struct gogc *t = (struct gogc *)l;
	struct gc_cycle *c = gc_take(&t->gc);

	if (c && !conf.gctrace)
		emit_row(l->run, &sections[0], c);
}

static int gogc_record(struct live *l, const struct event_head *e)
{
	struct gogc *t = (struct gogc *)l;

	if (e->kind == EV_GC_END)
		show(l);
	gc_record(&t->gc, e);
	if (e->kind == EV_GC_END && conf.gctrace) {
		emit_text(l->run, "%s", gc_trace_line(&t->gc));
		emit_row(l->run, &sections[1], gc_trace_row(&t->gc));
	}
	return 0;
}

static const struct live_kind kind = {
	.families = (const char *const[]){ "gc", NULL },
	.needs = (const char *const[]){ "gc_end", NULL },
	.sheds = (const char *const[]){ "gc_assist_end", "gc_assist_begin", "gc_swept", "gc_start",
					"gc_asked", NULL },
	.conf = &conf.live,
	.size = sizeof(struct gogc),
	.setup = gogc_setup,
	.record = gogc_record,
};

static int gogc_check(struct run *r)
{
	return live_check(&conf.live);
}

static int gogc_open(struct run *r)
{
	int err = live_open(r, &kind);

	if (!err) {
		struct gogc *t = r->priv;

		gc_begin(&t->gc, &t->live);
	}
	return err;
}

static int gogc_finish(struct run *r)
{
	struct gogc *t = r->priv;
	struct gc_summary sum = {};
	int err;

	gc_end(&t->gc, &t->live);
	err = live_finish(&t->live);
	if (err)
		return err;
	show(&t->live);
	live_summarize(&t->live, &sum.live);
	gc_summarize(&t->gc, &t->live, &sum);
	gc_emit_assists(&t->gc, &t->live, &sections[2]);
	if (sum.cycles && !conf.gctrace) {
		emit_hist(r, &sections[3], &t->gc.pause.hist);
		emit_hist(r, &sections[4], &t->gc.length.hist);
	}
	emit_fields(r, &sections[5], &sum);
	gc_say(&t->live, &sum);
	return 0;
}

TOOL(gogc, .brief = "Show garbage collections: phases, pauses, assists.",
     .examples = "  gogc -p 42                    # each cycle, until Ctrl-C\n"
		 "  gogc -p 42 -d 10 -a           # and which goroutines had to assist\n"
		 "  gogc -p 42 -d 10 -j           # ten seconds, as JSON\n"
		 "  gogc -p 42 -d 5 --gctrace     # as the runtime itself would print it\n"
		 "  gogc -p 42 -d 5 -o trace:gc.json # a timeline for Perfetto\n",
     .interval = 1, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .check = gogc_check, .open = gogc_open, .look = live_look, .event = live_event,
     .finish = gogc_finish, .close = live_close);
