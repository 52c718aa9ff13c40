// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A census by a worker, and its way through a pipe; see heap.h. */
#include "fail.h"
#include "heap/heap.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ATTEMPTS  10
#define BUDGET_NS 300000000ULL

static int look_take(struct goproc *gp, void *to)
{
	struct heap_look *look = to;

	if (!gp->proven)
		return fail(-ENODATA, "the heap cannot be read: %s", gp->why);
	census_free(&look->census);
	return census_take(gp, &look->census, ATTEMPTS, BUDGET_NS);
}

static int look_put(int fd, const void *from)
{
	const struct census *c = &((const struct heap_look *)from)->census;
	int err = guard_write(fd, c, sizeof(*c));

	err = err ? err : guard_write(fd, c->cell, c->ncells * sizeof(*c->cell));
	return err ? err : guard_write(fd, c->types.type, c->types.n * sizeof(*c->types.type));
}

static int look_get(struct guard *g, void *to)
{
	struct census *c = &((struct heap_look *)to)->census;
	int err;

	census_free(c);
	err = guard_get(g, c, sizeof(*c));
	c->cell = guard_get_array(g, c->ncells, sizeof(*c->cell), &err);
	c->types.type = guard_get_array(g, c->types.n, sizeof(*c->types.type), &err);
	if (err)
		census_free(c);
	return err;
}

const struct worker_job heap_job = { sizeof(struct heap_look), look_take, look_put, look_get };

/* ---- with the profile ---- */

static int both_take(struct goproc *gp, void *to)
{
	struct heap_look *look = to;
	int err = look_take(gp, to);

	err = err ? err : heap_profile_take(gp, &look->profile);
	if (err != -ENOENT)
		return err;
	/* whether it is missed is not known here */
	snprintf(look->profile.lack, sizeof(look->profile.lack), "%s", fail_text());
	return 0;
}

static int both_put(int fd, const void *from)
{
	int err = look_put(fd, from);

	return err ? err : heap_profile_put(fd, &((const struct heap_look *)from)->profile);
}

static int both_get(struct guard *g, void *to)
{
	int err = look_get(g, to);

	return err ? err : heap_profile_get(g, &((struct heap_look *)to)->profile);
}

const struct worker_job heap_profile_job = { sizeof(struct heap_look), both_take, both_put,
					     both_get };
