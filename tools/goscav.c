// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* goscav - memory given back to the system: by whom, how much, and what came back. */
#include "live/profile.h"
#include "live/scav.h"
#include <errno.h>

static struct conf {
	struct live_conf live;
} conf = { .live = LIVE_CONF };

static const struct opt opts[] = { LIVE_OPTS(struct conf), {} };

struct goscav {
	struct live live; /* first: see live_kind */
	struct scav_state scav;
};

static const struct section sections[] = {
	{ .key = "calls", .cols = scav_cols, .shape = SEC_ROWS, .weight = "bytes" },
	{ .key = "sources", .title = "BY SOURCE", .cols = scav_source_cols, .shape = SEC_ROWS },
	{ .key = "advice", .title = "BY ADVICE", .cols = scav_advice_cols, .shape = SEC_ROWS },
	{ .key = "returned_bytes",
	  .cols = hist_cols,
	  .shape = SEC_HIST,
	  .label = "source",
	  .unit = BYTES },
	{ .key = "summary", .cols = scav_summary_cols, .shape = SEC_FIELDS },
	LIVE_PROFILE,
	{}
};

static int goscav_setup(struct live *l)
{
	struct goscav *t = (struct goscav *)l;

	return scav_setup(&t->scav, l);
}

static int goscav_record(struct live *l, const struct event_head *e)
{
	struct goscav *t = (struct goscav *)l;

	if (e->kind == EV_MADVISE) {
		const struct scav_row *r = scav_record(&t->scav, l, (const struct scav_event *)e);

		if (r)
			emit_row(l->run, &sections[0], r);
	}
	if (e->kind == EV_COLLAPSE)
		scav_collapsed(&t->scav, (const struct scav_collapse_event *)e);
	return 0;
}

static const struct live_kind kind = {
	.families = (const char *const[]){ "scav", NULL },
	.needs = (const char *const[]){ "scav_madvise", NULL },
	.sheds = (const char *const[]){ "scav_collapse", "scav_enter", NULL },
	.conf = &conf.live,
	.size = sizeof(struct goscav),
	.setup = goscav_setup,
	.record = goscav_record,
};

static int goscav_check(struct run *r)
{
	return live_check(&conf.live);
}

static int goscav_open(struct run *r)
{
	int err = live_open(r, &kind);

	if (!err) {
		struct goscav *t = r->priv;

		scav_begin(&t->scav, &t->live);
	}
	return err;
}

/* Fifty times a second, as live.c looks into the rings. */
static int goscav_event(struct run *r)
{
	struct goscav *t = r->priv;
	int err = live_event(r);

	return err ? err : scav_watch(&t->scav, &t->live, false);
}

static int goscav_finish(struct run *r)
{
	struct goscav *t = r->priv;
	struct scav_summary sum = {};
	int err;

	scav_end(&t->scav, &t->live);
	err = live_finish(&t->live);
	err = err ? err : scav_watch(&t->scav, &t->live, true);
	if (err)
		return err;
	live_summarize(&t->live, &sum.live);
	scav_summarize(&t->scav, &t->live, &sum);
	scav_emit(&t->scav, &t->live, &sections[1], &sections[2], &sections[3]);
	emit_fields(r, &sections[4], &sum);
	scav_say(&t->live, &sum);
	return 0;
}

static void goscav_close(struct run *r)
{
	struct goscav *t = r->priv;

	scav_free(&t->scav);
	live_close(r);
}

TOOL(goscav, .brief = "Show memory given back: by whom, how much, what came back.",
     .examples = "  goscav -p 42                  # each call, until Ctrl-C\n"
		 "  goscav -p 42 -d 10 -v         # with addresses and stacks\n"
		 "  goscav -p 42 -d 10 -j         # as JSON\n",
     .interval = 1, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .check = goscav_check, .open = goscav_open, .look = live_look, .event = goscav_event,
     .finish = goscav_finish, .close = goscav_close);
