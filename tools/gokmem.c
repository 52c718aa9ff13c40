// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gokmem - kernel memory allocated on the process's behalf: by whom, and what is left of it. */
#include "live/kmem.h"
#include "live/profile.h"
#include <errno.h>

static struct conf {
	struct live_conf live;
	uint64_t objects;
} conf = { .live = LIVE_CONF, .objects = KMEM_OBJECTS };

static const struct opt opts[] = { LIVE_OPTS(struct conf),
				   OPT_SIZE(0, "objects", struct conf, objects, "N",
					    "room for objects that are not freed yet (128K)"),
				   {} };

struct gokmem {
	struct live live; /* first: see live_kind */
	struct kmem_state kmem;
};

static const struct section sections[] = {
	{ .key = "kinds", .cols = kmem_kind_cols, .shape = SEC_ROWS },
	{ .key = "sites",
	  .title = "BY SITE",
	  .cols = kmem_site_cols,
	  .shape = SEC_ROWS,
	  .flags = SEC_SORTABLE },
	{ .key = "calls", .title = "BY SYSTEM CALL", .cols = kmem_call_cols, .shape = SEC_ROWS },
	{ .key = "flags", .title = "BY FLAGS", .cols = kmem_gfp_cols, .shape = SEC_ROWS },
	{ .key = "stacks",
	  .title = "BY STACK",
	  .cols = kmem_stack_cols,
	  .shape = SEC_ROWS,
	  .flags = SEC_WIDE,
	  .weight = "allocated_bytes" },
	{ .key = "requested_bytes",
	  .title = "REQUESTED  by kind",
	  .cols = hist_cols,
	  .shape = SEC_HIST,
	  .label = "kind",
	  .unit = BYTES },
	{ .key = "summary", .cols = kmem_summary_cols, .shape = SEC_FIELDS },
	LIVE_PROFILE,
	{}
};

static int gokmem_setup(struct live *l)
{
	return kmem_setup(l, conf.objects);
}

/* The programs count; no record comes one by one. */
static int gokmem_record(struct live *l, const struct event_head *e)
{
	return 0;
}

static int gokmem_collect(struct live *l)
{
	return kmem_collect(&((struct gokmem *)l)->kmem, l);
}

static const struct live_kind kind = {
	.families = (const char *const[]){ "kmem", NULL },
	.needs = (const char *const[]){ "kmem_kmalloc", "kmem_kfree", "kmem_cache_alloc",
					"kmem_cache_free", NULL },
	.sheds = (const char *const[]){ "kmem_page_alloc", "kmem_percpu_alloc", NULL },
	.conf = &conf.live,
	.size = sizeof(struct gokmem),
	.setup = gokmem_setup,
	.record = gokmem_record,
	.collect = gokmem_collect,
};

static int gokmem_check(struct run *r)
{
	if (!conf.objects || conf.objects > 1U << 24)
		return fail(-EINVAL, "--objects takes 1 to 16M");
	return live_check(&conf.live);
}

static int gokmem_open(struct run *r)
{
	return live_open(r, &kind);
}

static int gokmem_finish(struct run *r)
{
	static const struct kmem_sections show = { &sections[0], &sections[1], &sections[2],
						   &sections[3], &sections[4], &sections[5] };
	struct gokmem *t = r->priv;
	struct kmem_summary sum = {};
	int err = live_finish(&t->live);

	if (err)
		return err;
	live_summarize(&t->live, &sum.live);
	kmem_summarize(&t->kmem, &t->live, &sum);
	emit_begin(r);
	err = kmem_emit(&t->kmem, &t->live, &show);
	if (err)
		return err;
	emit_fields(r, &sections[6], &sum);
	kmem_say(&t->live, &sum);
	return emit_end(r);
}

static void gokmem_close(struct run *r)
{
	kmem_free(&((struct gokmem *)r->priv)->kmem);
	live_close(r);
}

TOOL(gokmem, .brief = "Show kernel memory taken for a process, and what is left.",
     .examples = "  gokmem -p 42                  # until Ctrl-C\n"
		 "  gokmem -p 42 -d 10 -v         # with stacks in the kernel\n"
		 "  gokmem -p 42 -d 10 --sample 1 # of one object in a hundred\n",
     .interval = 1, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .check = gokmem_check, .open = gokmem_open, .look = live_look, .event = live_event,
     .finish = gokmem_finish, .close = gokmem_close);
