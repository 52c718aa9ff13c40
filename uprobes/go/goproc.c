// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The Go runtime inside a process; see goproc.h. */
#include "go/goproc.h"
#include "fail.h"
#include "go/module.h"
#include "go/proof.h"
#include "go/resolve.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For a layout, and all together: none is begun behind them. */
#define RESOLVE_NS 2000000000ULL /* for the variables of a program without symbols */
#define PROVE_NS   600000000ULL

const char *const go_global_names[G_COUNT] = {
#define NAME(name, required) #name,
	GO_GLOBALS(NAME)
#undef NAME
};

const bool go_global_required[G_COUNT] = {
#define REQUIRED(name, required) required,
	GO_GLOBALS(REQUIRED)
#undef REQUIRED
};

/* The bias of a position-independent executable, from its first mapping. */
static int find_bias(const struct target *t, const struct binary *exe, uint64_t *bias)
{
	*bias = 0;
	if (!exe->pie)
		return 0;
	for (size_t i = 0; i < t->maps.n; i++) {
		const struct vma *v = &t->maps.vma[i];

		if (target_is_exe(t, v) && !v->off) {
			*bias = v->start - exe->base;
			return 0;
		}
	}
	return -ENOENT;
}

/* From the symbol table if it has them; else they are looked for in code, by layout. */
static void find_globals(struct goproc *gp)
{
	struct symbol sym[G_COUNT];

	binary_symbols(&gp->bin, go_global_names, sym, G_COUNT);
	for (int i = 0; i < G_COUNT; i++) {
		gp->from_code |= !sym[i].addr && go_global_required[i];
		gp->addr[i] = sym[i].addr ? sym[i].addr + gp->bias : 0;
		gp->how[i] = sym[i].addr ? "symbol table" : NULL;
	}
}

/* 0 also when they are not found; then why is set. */
static int resolve_globals(struct goproc *gp, const struct go_layout *l)
{
	struct resolved *r = calloc(1, sizeof(*r));
	int err = r ? go_resolve(gp, l, r) : -ENOMEM;

	if (!err) {
		memcpy(gp->addr, r->addr, sizeof(gp->addr));
		memcpy(gp->how, r->how, sizeof(gp->how));
	} else if (err == -ENOENT) {
		snprintf(gp->why, sizeof(gp->why),
			 "no symbol table, and with the layout of Go %s %s", l->release,
			 fail_text());
	}
	free(r);
	return err == -ENOENT ? 0 : err;
}

bool goproc_version_at(const struct goproc *gp, uint64_t addr, char *version, size_t size)
{
	uint64_t s[2]; /* pointer, length */

	if (mem_read(gp->mem, addr, s, sizeof(s)) || !s[1] || s[1] >= size ||
	    mem_read(gp->mem, s[0], version, s[1]))
		return false;
	version[s[1]] = '\0';
	for (uint64_t i = 0; i < s[1]; i++)
		if (version[i] < ' ' || version[i] > '~')
			return false;
	return go_version_minor(version) >= 0;
}

/*
 * Without symbols the string is found in code. Its finding depends on a layout no more than
 * that of the module does, whose head is alike in all releases: the first will do.
 */
static int find_version_in_code(struct goproc *gp)
{
	struct resolved *r = calloc(1, sizeof(*r));
	int err = r ? -ENOENT : -ENOMEM;

	mem_deadline(gp->mem, RESOLVE_NS);
	for (size_t i = go_layouts_count; i-- && err == -ENOENT && !r->addr[G_buildVersion];)
		if (go_layouts[i].machine == gp->bin.machine)
			err = go_resolve(gp, &go_layouts[i], r);
	mem_deadline(gp->mem, 0);
	if (r)
		gp->addr[G_buildVersion] = r->addr[G_buildVersion];
	free(r);
	return err == -ENOENT ? 0 : err;
}

/* The linker leaves the release in a variable, too, which the runtime keeps alive. */
static int find_version(struct goproc *gp)
{
	char version[sizeof(gp->bin.version)];
	int err = 0;

	if (gp->bin.version[0])
		return 0;
	if (!gp->addr[G_buildVersion] && gp->from_code)
		err = find_version_in_code(gp);
	if (err || !gp->addr[G_buildVersion] ||
	    !goproc_version_at(gp, gp->addr[G_buildVersion], version, sizeof(version)))
		return err;
	memcpy(gp->bin.version, version, sizeof(version));
	gp->bin.minor = go_version_minor(version);
	gp->version_live = true;
	return 0;
}

/* The release's own entry, then its neighbours, nearest first. */
static const struct go_layout *candidate(const struct binary *bin, size_t nth)
{
	const int minor = bin->minor;
	const struct go_layout *exact = go_layout_find(minor, bin->machine);
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
			long d = go_layout_minor(l) - (minor < 0 ? 999 : minor);

			key = (d < 0 ? -d : d) * 2 + (d > 0);
			if (l->machine != bin->machine || l == exact || (best && key <= best_key) ||
			    (next && key >= next_key))
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

int goproc_try(struct goproc *gp, const struct go_layout *l, enum prove how)
{
	int err;

	gp->l = l;
	gp->why[0] = '\0';
	gp->proven = false;
	mem_deadline(gp->mem, RESOLVE_NS);
	err = gp->from_code ? resolve_globals(gp, l) : 0;
	mem_deadline(gp->mem, PROVE_NS);
	if (!err && gp->why[0])
		return 0;
	err = err ? err : go_prove(gp);
	if (err)
		snprintf(gp->why, sizeof(gp->why), "the runtime's variables cannot be read: %s",
			 err == -ENODATA ? "they are swapped out" : strerror(-err));
	else if (!gp->proven)
		snprintf(gp->why, sizeof(gp->why),
			 "the layout of Go %s did not prove itself: %d of %d identities failed in "
			 "%d snapshots",
			 l->release, gp->failed, gp->checked, PROOF_ATTEMPTS);
	if (err || !gp->proven || how == PROVE_COUNTERS)
		return err;
	return go_prove_structures(gp, how == PROVE_ALL);
}

/* Which layout was taken, if it is not the release's own. */
static void say_neighbour(struct goproc *gp, const struct go_layout *own, const char *first)
{
	const char *version = gp->bin.version[0] ? gp->bin.version : "this release";

	if (own)
		snprintf(gp->why, sizeof(gp->why), "%.140s; that of Go %s did, and is used", first,
			 gp->l->release);
	else
		snprintf(gp->why, sizeof(gp->why),
			 "%s has no layout of its own; that of Go %s proved itself", version,
			 gp->l->release);
}

static int prove_layout(struct goproc *gp)
{
	const struct go_layout *own = go_layout_find(gp->bin.minor, gp->bin.machine), *l;
	struct goproc first = {};
	uint64_t spent = 0, begun = clock_mono_ns();
	bool quick;
	int err = 0;

	for (size_t i = 0; spent < PROVE_NS && clock_mono_ns() - begun < RESOLVE_NS &&
			   (l = candidate(&gp->bin, i));
	     i++) {
		gp->exact = l == own;
		/* its own layout at addresses from its own symbols needs no more than a look */
		quick = gp->exact && !gp->from_code && !gp->version_live &&
			go_version_plain(gp->bin.version);
		err = goproc_try(gp, l, quick ? PROVE_QUICK : PROVE_ALL);
		spent += gp->proof_ns;
		if (!i)
			first = *gp;
		/* what is wrong with the target is not wrong with the layout */
		if (gp->proven || err == -ESRCH || err == -EPERM || err == -ENOMEM)
			break;
		err = 0;
	}
	mem_deadline(gp->mem, 0);
	if (gp->proven && !gp->exact)
		say_neighbour(gp, own, first.why);
	else if (gp->proven && gp->version_live)
		snprintf(gp->why, sizeof(gp->why), "no build info; runtime.buildVersion says %s",
			 gp->bin.version);
	if (!gp->proven) {
		first.bin = gp->bin; /* it has read the file since */
		*gp = first;
		gp->l = NULL;
	}
	gp->proof_ns = spent;
	return err;
}

static int open_files(struct goproc *gp)
{
	int err = binary_open(&gp->bin, gp->t->exefd, gp->t->exe);

	return err == -ENOEXEC && !gp->t->core ? gomodule_take(gp) : err;
}

const struct binary *goproc_exe(const struct goproc *gp, uint64_t *bias)
{
	*bias = gp->t->lib.ino ? gp->host_bias : gp->bias;
	return gp->t->lib.ino ? &gp->host : &gp->bin;
}

int goproc_open(struct goproc *gp, struct target *t)
{
	uint64_t *bias;
	int err;

	*gp = (struct goproc){ .t = t };
	err = open_files(gp);
	if (err) {
		goproc_close(gp);
		return err;
	}
	/* a core may be of either machine */
	err = t->core ? 0 : binary_native(&gp->bin, t->exe);
	if (err) {
		goproc_close(gp);
		return err;
	}
	gp->mem = target_mem(t);
	if (!gp->mem) {
		goproc_close(gp);
		return -ENOMEM;
	}
	bias = t->lib.ino ? &gp->host_bias : &gp->bias;
	if (find_bias(t, goproc_exe(gp, &(uint64_t){ 0 }), bias)) {
		snprintf(gp->why, sizeof(gp->why), "no mapping of the executable was found");
	} else {
		find_globals(gp);
		err = find_version(gp);
		err = err ? err : prove_layout(gp);
		err = err || t->lib.ino ? err : gomodule_alone(gp);
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
	binary_close(&gp->host);
}
