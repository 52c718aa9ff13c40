// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* goalloc - what allocates: by size class, stack, creator of the goroutine, type. */
#include "live/alloc.h"
#include "live/profile.h"
#include <errno.h>
#include <math.h>

#define SAMPLE_BUDGET 0.5 /* per cent of the target's CPU */

static struct conf {
	struct live_conf live;
	enum alloc_mode mode;
	unsigned int by;
	double share; /* of the time, per cent */
} conf = { .live = { .budget = NAN, .sample = 100, .ring = 4096 } };

static int set_mode(void *c, const char *arg)
{
	return alloc_mode_read(arg, &((struct conf *)c)->mode);
}

static int set_by(void *c, const char *arg)
{
	return alloc_by_read(arg, &((struct conf *)c)->by);
}

static const struct opt opts[] = {
	LIVE_OPTS(struct conf),
	OPT_CALL(0, "mode", set_mode, "MODE",
		 "totals, sampled, windowed or exact (the cheapest that can tell)"),
	OPT_CALL(0, "by", set_by, "LIST",
		 "what to tell apart: class, stack, creator, type (class; with --mode, all)"),
	{}
};

struct goalloc {
	struct live live; /* first: see live_kind */
	struct alloc_state alloc;
};

static const struct section sections[] = {
	{ .key = "classes", .cols = alloc_class_cols, .shape = SEC_ROWS },
	{ .key = "requested_bytes",
	  .title = "REQUESTED  by object",
	  .cols = hist_cols,
	  .shape = SEC_HIST,
	  .unit = BYTES },
	{ .key = "stacks",
	  .title = "BY STACK",
	  .cols = alloc_stack_cols,
	  .shape = SEC_ROWS,
	  .flags = SEC_SORTABLE,
	  .weight = "bytes" },
	{ .key = "creators",
	  .title = "BY CREATOR OF THE GOROUTINE",
	  .cols = alloc_creator_cols,
	  .shape = SEC_ROWS,
	  .flags = SEC_SORTABLE },
	{ .key = "types",
	  .title = "BY TYPE",
	  .cols = alloc_type_cols,
	  .shape = SEC_ROWS,
	  .flags = SEC_SORTABLE },
	{ .key = "summary", .cols = alloc_summary_cols, .shape = SEC_FIELDS },
	LIVE_PROFILE,
	{}
};

static int goalloc_setup(struct live *l)
{
	struct alloc_state *a = &((struct goalloc *)l)->alloc;

	a->mode = conf.mode;
	a->by = conf.by;
	return alloc_setup(a, l);
}

/* The programs count; no record comes one by one. */
static int goalloc_record(struct live *l, const struct event_head *e)
{
	return 0;
}

static int goalloc_collect(struct live *l)
{
	return alloc_collect(&((struct goalloc *)l)->alloc, l);
}

static const struct live_kind totals = {
	.families = (const char *const[]){ NULL },
	.needs = (const char *const[]){ NULL },
	.conf = &conf.live,
	.size = sizeof(struct goalloc),
};

static const struct live_kind probes = {
	.families = (const char *const[]){ "alloc", NULL },
	.needs = (const char *const[]){ NULL },
	.conf = &conf.live,
	.size = sizeof(struct goalloc),
	.setup = goalloc_setup,
	.record = goalloc_record,
	.collect = goalloc_collect,
};

static int goalloc_check(struct run *r)
{
	if (!conf.by)
		conf.by = conf.mode > ALLOC_TOTALS ? ALLOC_BY_ALL : ALLOC_BY_CLASS;
	if (!conf.mode && conf.live.sample < 100)
		conf.mode = ALLOC_WINDOWED;
	if (!conf.mode)
		conf.mode = conf.by == ALLOC_BY_CLASS ? ALLOC_TOTALS : ALLOC_SAMPLED;
	if (conf.live.sample < 100 && conf.mode != ALLOC_WINDOWED)
		return fail(-EINVAL, "--sample is the share of the time of --mode windowed");
	if (!(conf.live.sample > 0))
		return fail(-EINVAL, "--sample takes more than 0");
	conf.share = conf.live.sample < 100 ? conf.live.sample : 1;
	conf.live.sample = 100;
	if (conf.mode == ALLOC_WINDOWED && !isnan(conf.live.budget))
		return fail(-EINVAL, "what --mode windowed may cost is told by --sample");
	if (conf.mode == ALLOC_TOTALS && conf.by != ALLOC_BY_CLASS)
		return fail(-EINVAL, "--mode totals knows size classes only");
	/* who asks for every allocation is told what it costs; a sample has less than others take
	 */
	if (isnan(conf.live.budget))
		conf.live.budget = conf.mode >= ALLOC_WINDOWED ? INFINITY : SAMPLE_BUDGET;
	return live_check(&conf.live);
}

static int goalloc_open(struct run *r)
{
	int err = live_open(r, conf.mode == ALLOC_TOTALS ? &totals : &probes);
	struct goalloc *t = r->priv;

	if (!err) {
		t->alloc.mode = conf.mode;
		t->alloc.by = conf.by;
		t->alloc.share = conf.share / 100;
		err = alloc_look(&t->alloc, &t->live);
		if (!err && conf.mode == ALLOC_WINDOWED)
			err = alloc_window_begin(&t->alloc, &t->live);
		if (err)
			live_close(r);
	}
	return err;
}

static int goalloc_event(struct run *r)
{
	struct goalloc *t = r->priv;
	int err = live_event(r);

	return err || conf.mode != ALLOC_WINDOWED ? err : alloc_window_tick(&t->alloc, &t->live);
}

static int goalloc_look(struct run *r)
{
	struct goalloc *t = r->priv;
	int err = alloc_look(&t->alloc, &t->live);

	return err ? err : live_look(r);
}

static int goalloc_finish(struct run *r)
{
	static const struct alloc_sections show = { &sections[0], &sections[1], &sections[2],
						    &sections[3], &sections[4] };
	struct goalloc *t = r->priv;
	struct alloc_summary sum = {};
	int err = r->ended ? 0 : alloc_look(&t->alloc, &t->live);

	err = err ? err : live_finish(&t->live);
	if (err)
		return err;
	live_summarize(&t->live, &sum.live);
	alloc_summarize(&t->alloc, &t->live, &sum);
	emit_begin(r);
	err = alloc_emit(&t->alloc, &t->live, &show);
	if (err)
		return err;
	emit_fields(r, &sections[5], &sum);
	alloc_say(&t->alloc, &t->live, &sum);
	return emit_end(r);
}

static void goalloc_close(struct run *r)
{
	alloc_free(&((struct goalloc *)r->priv)->alloc);
	live_close(r);
}

TOOL(goalloc, .brief = "Show what allocates: sizes, stacks, goroutines, types.",
     .examples = "  goalloc -p 42 -d 10           # objects and bytes by size class, no probe\n"
		 "  goalloc -p 42 -d 10 --by stack # who allocates, from a sample\n"
		 "  goalloc -p 42 -d 10 --sample 1 --by type # of all in 1 % of the time\n"
		 "  goalloc -p 42 -d 1 --mode exact # every allocation, at its price\n"
		 "  goalloc -p 42 -d 10 --by stack -o pprof:allocs.pb.gz\n",
     .interval = 1, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .check = goalloc_check, .open = goalloc_open, .look = goalloc_look, .event = goalloc_event,
     .finish = goalloc_finish, .close = goalloc_close);
