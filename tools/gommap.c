// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gommap - who maps address space, and what is left of it: by owner and by stack. */
#include "live/map.h"
#include "live/profile.h"
#include <errno.h>

static struct conf {
	struct live_conf live;
} conf = { .live = LIVE_CONF };

static const struct opt opts[] = { LIVE_OPTS(struct conf), {} };

struct gommap {
	struct live live; /* first: see live_kind */
	struct map_state map;
};

static const struct section sections[] = {
	{ .key = "calls", .cols = map_cols, .shape = SEC_ROWS },
	{ .key = "owners", .title = "BY OWNER", .cols = map_owner_cols, .shape = SEC_ROWS },
	{ .key = "outstanding",
	  .title = "WHAT IS LEFT, BY STACK",
	  .cols = map_site_cols,
	  .shape = SEC_ROWS,
	  .weight = "outstanding_bytes" },
	{ .key = "bytes", .cols = hist_cols, .shape = SEC_HIST, .unit = BYTES },
	{ .key = "summary", .cols = map_summary_cols, .shape = SEC_FIELDS },
	LIVE_PROFILE,
	{}
};

static int gommap_setup(struct live *l)
{
	return 0;
}

static int gommap_record(struct live *l, const struct event_head *e)
{
	struct gommap *t = (struct gommap *)l;
	const struct map_row *r;

	if (e->kind != EV_MAP)
		return 0;
	r = map_record(&t->map, l, (const struct map_event *)e);
	if (r)
		emit_row(l->run, &sections[0], r);
	if (t->map.err == -E2BIG)
		return fail(-E2BIG, "process %d has more than %u mappings", l->run->pid,
			    REGIONS_MAX);
	return t->map.err;
}

static const struct live_kind kind = {
	.families = (const char *const[]){ "map", NULL },
	.needs = (const char *const[]){ "map_mmap", "map_munmap", NULL },
	.conf = &conf.live,
	.size = sizeof(struct gommap),
	.setup = gommap_setup,
	.record = gommap_record,
};

static int gommap_check(struct run *r)
{
	return live_check(&conf.live);
}

static void gommap_close(struct run *r)
{
	struct gommap *t = r->priv;

	map_free(&t->map);
	live_close(r);
}

static int gommap_open(struct run *r)
{
	int err = live_open(r, &kind);
	struct gommap *t = r->priv;

	if (err)
		return err;
	err = map_begin(&t->map, &t->live);
	if (err)
		gommap_close(r);
	return err;
}

static int gommap_finish(struct run *r)
{
	struct gommap *t = r->priv;
	struct map_summary sum = {};
	int err = live_finish(&t->live);

	err = err ? err : map_end(&t->map, &t->live);
	if (err)
		return err;
	live_summarize(&t->live, &sum.live);
	map_summarize(&t->map, &t->live, &sum);
	map_emit(&t->map, &t->live, &sections[1], &sections[2]);
	if (sum.calls)
		emit_hist(r, &sections[3], &t->map.size.hist);
	emit_fields(r, &sections[4], &sum);
	map_say(&t->live, &sum);
	return 0;
}

TOOL(gommap, .brief = "Show who maps address space, and what is left of it.",
     .examples = "  gommap -p 42                  # each call, until Ctrl-C\n"
		 "  gommap -p 42 -d 10 -v         # with addresses and stacks\n"
		 "  gommap -p 42 -d 10 -j         # as JSON\n",
     .interval = 1, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .check = gommap_check, .open = gommap_open, .look = live_look, .event = live_event,
     .finish = gommap_finish, .close = gommap_close);
