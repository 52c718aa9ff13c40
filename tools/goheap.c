// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* goheap - what the heap of a Go process is made of: size classes, states, large types. */
#include "heap/heap.h"
#include <errno.h>
#include <stdlib.h>

struct goheap_run {
	struct worker worker;
	struct heap_look look;
	struct heap_summary sum;
};

static struct conf {
	struct worker_conf worker;
	bool fresh;
} conf = { .worker = WORKER_CONF };

static const struct opt opts[] = {
	WORKER_OPTS(struct conf),
	OPT(0, "fresh", struct conf, fresh, NULL,
	    "profiles: with the cycles that the program itself does not show yet"),
	{}
};

static const struct section sections[] = {
	[H_CELLS] = { .key = "cells",
		      .cols = heap_cell_cols,
		      .shape = SEC_ROWS,
		      .flags = SEC_JSON_ONLY | SEC_TABLE_ONLY,
		      .map = &heap_map },
	[H_CLASSES] = { .key = "classes",
			.cols = heap_class_cols,
			.shape = SEC_ROWS,
			.flags = SEC_SORTABLE },
	[H_TYPES] = { .key = "types",
		      .title = "LARGE OBJECTS WITH POINTERS",
		      .cols = heap_type_cols,
		      .shape = SEC_ROWS,
		      .flags = SEC_SORTABLE },
	[H_PROFILE] = { .key = "samples",
			.cols = heap_profile_cols,
			.shape = SEC_ROWS,
			.flags = SEC_PROFILE | SEC_STATE,
			.weight = "inuse_space" },
	[H_PERIOD] = { .key = "profile",
		       .cols = profile_cols,
		       .shape = SEC_FIELDS,
		       .flags = SEC_PROFILE },
	[H_SUMMARY] = { .key = "summary", .cols = heap_summary_cols, .shape = SEC_FIELDS },
	{}
};

static int goheap_check(struct run *r)
{
	return worker_check(&conf.worker);
}

/* Is there anybody to see it? */
static bool wants_profile(const struct run *r)
{
	return emit_profiles(r) || r->record;
}

static int goheap_open(struct run *r)
{
	struct goheap_run *h = calloc(1, sizeof(*h));
	const struct worker_job *job = wants_profile(r) ? &heap_profile_job : &heap_job;
	int err = h ? worker_open(&h->worker, r, &conf.worker, job) : -ENOMEM;

	if (err) {
		free(h);
		return err;
	}
	r->priv = h;
	return 0;
}

static int goheap_look(struct run *r)
{
	struct goheap_run *h = r->priv;
	int err = worker_look(&h->worker, &h->look);

	if (err)
		return err;
	if (*h->look.profile.lack && emit_profiles(r))
		return fail(-ENOENT, "%s", h->look.profile.lack);
	h->look.looks++;
	emit_begin(r);
	err = heap_emit(r, sections, &h->worker, &h->look, &h->sum);
	if (!err && wants_profile(r) && !*h->look.profile.lack)
		err = heap_profile_emit(r, &sections[H_PROFILE], &h->look.profile, conf.fresh);
	return err ? err : emit_end(r);
}

/* The last object of a run that outlived its target says so. */
static int goheap_finish(struct run *r)
{
	struct goheap_run *h = r->priv;

	if (!r->ended || !h->look.looks)
		return 0;
	h->sum.ended = true;
	emit_begin(r);
	emit_fields(r, &sections[H_SUMMARY], &h->sum);
	emit_text(r, "%s  pid %d has exited", h->sum.comm, r->pid);
	return emit_end(r);
}

static void goheap_close(struct run *r)
{
	struct goheap_run *h = r->priv;

	census_free(&h->look.census);
	heap_profile_free(&h->look.profile);
	worker_close(&h->worker);
	free(h);
}

TOOL(goheap, .brief = "Show what the heap of a Go process is made of.",
     .examples = "  goheap -p 42                  # size classes, states, large types\n"
		 "  goheap -p 42 -s bytes -r 10   # the ten largest of each\n"
		 "  goheap -p 42 -j               # a JSON object each, and a summary\n"
		 "  goheap -p 42 -o html:FILE     # a page with a picture\n"
		 "  goheap -p 42 -o pprof:FILE    # its heap profile\n",
     .file = &conf.worker.core, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .check = goheap_check, .open = goheap_open, .look = goheap_look, .finish = goheap_finish,
     .close = goheap_close);
