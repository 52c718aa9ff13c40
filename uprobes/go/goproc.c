// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The Go runtime inside a process; see goproc.h. */
#include "go/goproc.h"
#include "fail.h"
#include "go/proof.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const go_global_names[G_COUNT] = {
#define NAME(name, required) #name,
	GO_GLOBALS(NAME)
#undef NAME
};

static const bool required[G_COUNT] = {
#define REQUIRED(name, required) required,
	GO_GLOBALS(REQUIRED)
#undef REQUIRED
};

/* The bias of a position-independent executable, from its first mapping. */
static int find_bias(struct goproc *gp)
{
	const struct target *t = gp->t;

	gp->bias = 0;
	if (!gp->bin.pie)
		return 0;
	for (size_t i = 0; i < t->maps.n; i++) {
		const struct vma *v = &t->maps.vma[i];

		if (v->ino == t->exe_ino && !v->off) {
			gp->bias = v->start - gp->bin.base;
			return 0;
		}
	}
	return -ENOENT;
}

static int find_globals(struct goproc *gp)
{
	struct symbol sym[G_COUNT];

	if (gp->bin.stripped)
		return snprintf(gp->why, sizeof(gp->why),
				"the executable has no symbol table, so the runtime's variables "
				"cannot be found");
	binary_symbols(&gp->bin, go_global_names, sym, G_COUNT);
	for (int i = 0; i < G_COUNT; i++) {
		if (!sym[i].addr && required[i])
			return snprintf(gp->why, sizeof(gp->why),
					"the symbol table has no runtime.%s", go_global_names[i]);
		gp->addr[i] = sym[i].addr ? sym[i].addr + gp->bias : 0;
	}
	return 0;
}

/* The release's own entry, then its neighbours, nearest first. */
static const struct go_layout *candidate(int minor, size_t nth)
{
	const struct go_layout *exact = minor < 0 ? NULL : go_layout_find(minor);
	const struct go_layout *best = NULL;
	long best_key = 0, key;

	if (exact && !nth)
		return exact;
	nth -= exact != NULL;
	/* the nth smallest of |distance| * 2 + older, all different from the exact one */
	for (size_t taken = 0; taken <= nth; taken++) {
		const struct go_layout *next = NULL;
		long next_key = 0;

		for (size_t i = 0; i < go_layouts_count; i++) {
			const struct go_layout *l = &go_layouts[i];
			long d = atol(strchr(l->release, '.') + 1) - (minor < 0 ? 999 : minor);

			key = (d < 0 ? -d : d) * 2 + (d > 0);
			if (l == exact || (best && key <= best_key) || (next && key >= next_key))
				continue;
			next = l;
			next_key = key;
		}
		if (!next)
			return NULL;
		best = next;
		best_key = next_key;
	}
	return best;
}

static int prove_layout(struct goproc *gp)
{
	const struct go_layout *own = gp->bin.minor < 0 ? NULL : go_layout_find(gp->bin.minor);
	const struct go_layout *l;
	uint64_t spent = 0;
	int err = 0, failed = PROOF_IDENTITIES;

	for (size_t i = 0; (l = candidate(gp->bin.minor, i)); i++) {
		gp->l = l;
		gp->exact = l == own;
		err = go_prove(gp);
		spent += gp->proof_ns;
		if (err || gp->proven)
			break;
		if (gp->exact) /* its neighbours are no better guess than its own layout */
			break;
		failed = gp->failed < failed ? gp->failed : failed;
	}
	gp->proof_ns = spent;
	if (err)
		return err;
	if (gp->proven && !gp->exact)
		snprintf(gp->why, sizeof(gp->why),
			 "%s has no layout of its own; that of Go %s proved itself",
			 gp->bin.version[0] ? gp->bin.version : "this release", gp->l->release);
	else if (!gp->proven)
		snprintf(gp->why, sizeof(gp->why),
			 "the layout of Go %s did not prove itself: %d of %d identities failed in "
			 "%d snapshots",
			 own ? own->release : "any known release", own ? gp->failed : failed,
			 gp->checked, PROOF_ATTEMPTS);
	if (!gp->proven)
		gp->l = NULL;
	return 0;
}

int goproc_open(struct goproc *gp, struct target *t)
{
	int err;

	*gp = (struct goproc){ .t = t };
	err = binary_open(&gp->bin, t->exefd, t->exe);
	if (err)
		return err;
	gp->mem = mem_live_new(t);
	if (!gp->mem) {
		goproc_close(gp);
		return -ENOMEM;
	}
	if (find_bias(gp))
		snprintf(gp->why, sizeof(gp->why), "no mapping of the executable was found");
	else if (!find_globals(gp))
		err = prove_layout(gp);
	if (err == -EFAULT || err == -ENODATA) {
		/* variables that cannot be read are a fact about the process, not an error */
		snprintf(gp->why, sizeof(gp->why), "the runtime's variables cannot be read: %s",
			 err == -ENODATA ? "they are swapped out" : strerror(-err));
		gp->l = NULL;
		err = 0;
	}
	if (err)
		goproc_close(gp);
	return err;
}

void goproc_close(struct goproc *gp)
{
	mem_close(gp->mem);
	gp->mem = NULL;
	binary_close(&gp->bin);
}
