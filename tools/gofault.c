// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gofault - who makes pages resident: first touch, refault, major; by ledger row and stack. */
#include "live/fault.h"
#include "live/profile.h"
#include <errno.h>

static struct conf {
	struct live_conf live;
} conf = { .live = LIVE_CONF };

static const struct opt opts[] = { LIVE_OPTS(struct conf), {} };

struct gofault {
	struct live live; /* first: see live_kind */
	struct fault_state fault;
};

static const struct section sections[] = {
	{ .key = "rows", .cols = fault_row_cols, .shape = SEC_ROWS },
	{ .key = "who",
	  .title = "BY FUNCTION",
	  .cols = fault_who_cols,
	  .shape = SEC_ROWS,
	  .flags = SEC_SORTABLE },
	{ .key = "stacks",
	  .title = "BY STACK",
	  .cols = fault_stack_cols,
	  .shape = SEC_ROWS,
	  .flags = SEC_WIDE,
	  .weight = "bytes" },
	{ .key = "fault_bytes",
	  .title = "BYTES  of a fault, by kind",
	  .cols = hist_cols,
	  .shape = SEC_HIST,
	  .label = "kind",
	  .unit = BYTES },
	{ .key = "summary", .cols = fault_summary_cols, .shape = SEC_FIELDS },
	LIVE_PROFILE,
	{}
};

static int gofault_setup(struct live *l)
{
	return fault_setup(&((struct gofault *)l)->fault, l);
}

static int gofault_record(struct live *l, const struct event_head *e)
{
	return fault_record(&((struct gofault *)l)->fault, l, e);
}

static const struct live_kind kind = {
	.families = (const char *const[]){ "fault", NULL },
	.needs = (const char *const[]){ "fault_minor", "fault_major", NULL },
	.conf = &conf.live,
	.size = sizeof(struct gofault),
	.setup = gofault_setup,
	.record = gofault_record,
};

static int gofault_check(struct run *r)
{
	return live_check(&conf.live);
}

static int gofault_open(struct run *r)
{
	int err = live_open(r, &kind);
	struct gofault *t = r->priv;

	if (!err)
		fault_begin(&t->fault, &t->live);
	return err;
}

static int gofault_finish(struct run *r)
{
	static const struct fault_sections show = { &sections[0], &sections[1], &sections[2],
						    &sections[3] };
	struct gofault *t = r->priv;
	struct fault_summary sum = {};
	int err;

	fault_end(&t->fault, &t->live);
	err = live_finish(&t->live);
	if (err)
		return err;
	live_summarize(&t->live, &sum.live);
	fault_summarize(&t->fault, &t->live, &sum);
	emit_begin(r);
	err = fault_emit(&t->fault, &t->live, &show);
	if (err)
		return err;
	emit_fields(r, &sections[4], &sum);
	fault_say(&t->live, &sum);
	return emit_end(r);
}

static void gofault_close(struct run *r)
{
	fault_free(&((struct gofault *)r->priv)->fault);
	live_close(r);
}

TOOL(gofault, .brief = "Show who makes pages resident: by ledger row and stack.",
     .examples = "  gofault -p 42                 # until Ctrl-C\n"
		 "  gofault -p 42 -d 10 -v        # with stacks\n"
		 "  gofault -p 42 -d 10 -j        # as JSON\n",
     .interval = 1, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .check = gofault_check, .open = gofault_open, .look = live_look, .event = live_event,
     .finish = gofault_finish, .close = gofault_close);
