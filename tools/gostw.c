// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gostw - every stop of the world: why, how long, and who asked for it. */
#include "live/profile.h"
#include "live/stw.h"
#include <errno.h>

static struct conf {
	struct live_conf live;
	bool stopping;
} conf = { .live = LIVE_CONF };

static const struct opt opts[] = { LIVE_OPTS(struct conf),
				   OPT(0, "stopping", struct conf, stopping, NULL,
				       "to Go 1.21, too, how long stopping took: a dearer probe"),
				   {} };

struct gostw {
	struct live live; /* first: see live_kind */
	struct stw_state stw;
};

static const struct section sections[] = {
	{ .key = "stops",
	  .cols = stw_cols,
	  .shape = SEC_ROWS,
	  .spans = stw_spans,
	  .weight = "pause_ns" },
	{ .key = "reasons", .title = "BY REASON", .cols = stw_reason_cols, .shape = SEC_ROWS },
	{ .key = "pause_ns",
	  .title = "PAUSE  by reason, from the begin of the stop until the world runs again",
	  .cols = hist_cols,
	  .shape = SEC_HIST,
	  .label = "reason",
	  .unit = NSEC },
	{ .key = "summary", .cols = stw_summary_cols, .shape = SEC_FIELDS },
	LIVE_PROFILE,
	{}
};

static int gostw_setup(struct live *l)
{
	struct gostw *t = (struct gostw *)l;

	return stw_setup(&t->stw, l, conf.stopping);
}

static int gostw_record(struct live *l, const struct event_head *e)
{
	struct gostw *t = (struct gostw *)l;

	if (e->kind == EV_STW)
		stw_record(&t->stw, l, &sections[0], (const struct stw_event *)e);
	return 0;
}

static const struct live_kind kind = {
	.families = (const char *const[]){ "stw", NULL },
	.needs = (const char *const[]){ "stw_start", NULL },
	.sheds = (const char *const[]){ "stw_stopped", "stw_stopping", "stw_stop", NULL },
	.conf = &conf.live,
	.size = sizeof(struct gostw),
	.setup = gostw_setup,
	.record = gostw_record,
};

static int gostw_check(struct run *r)
{
	return live_check(&conf.live);
}

static int gostw_open(struct run *r)
{
	return live_open(r, &kind);
}

static int gostw_finish(struct run *r)
{
	struct gostw *t = r->priv;
	struct stw_summary sum = {};
	int err = live_finish(&t->live);

	if (err)
		return err;
	stw_finish(&t->stw, &t->live, &sections[0]);
	live_summarize(&t->live, &sum.live);
	stw_summarize(&t->stw, &t->live, &sum);
	stw_emit(&t->stw, &t->live, &sections[1], &sections[2]);
	emit_fields(r, &sections[3], &sum);
	stw_say(&t->live, &sum);
	return 0;
}

TOOL(gostw, .brief = "Show every stop of the world: why, how long, who asked.",
     .examples = "  gostw -p 42                   # each stop, until Ctrl-C\n"
		 "  gostw -p 42 -d 10 -v          # with the stacks that asked\n"
		 "  gostw -p 42 -d 10 -j          # as JSON\n"
		 "  gostw -p 42 -d 10 -f          # stacks by the pauses they caused\n",
     .interval = 1, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .check = gostw_check, .open = gostw_open, .look = live_look, .event = live_event,
     .finish = gostw_finish, .close = live_close);
