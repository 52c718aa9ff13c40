// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * facts PID - does a fact that is called proven fail when it is wrong?
 *
 * Each offset and size of the layout is made wrong in turn, each variable moved. A line
 * for each that is proven as it is and stays so: its name, the change, its proof.
 */
#include "go/facts.h"
#include "fail.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(id, ...) offsetof(struct go_layout, id),
static const size_t members[] = { LAYOUT_FIELDS(AT, AT, AT) };
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static int tried, refuted;

/* Of the nth fact of a group; -1 also when nothing can be read at all. */
static int proven(struct goproc *gp, enum go_fact_group group, size_t nth, struct go_fact *fact)
{
	struct go_facts f;
	int is = -1;

	if (go_facts_read(gp, &f))
		return -1;
	for (size_t i = 0; i < f.n; i++)
		if (f.fact[i].group == group && !nth--) {
			is = f.fact[i].proven;
			*fact = f.fact[i];
			break;
		}
	go_facts_free(&f);
	return is;
}

static void say(const struct go_fact *f, long change)
{
	printf("%s\t%+ld\t%s\n", f->name, change, f->proof);
}

static void layout(struct goproc *gp)
{
	static const int change[] = { 8, -8, 24, 4 };
	const struct go_layout *own = gp->l;
	struct go_fact f, wrong;

	for (size_t i = 0; i < MEMBERS; i++) {
		int is = proven(gp, FACT_LAYOUT, i, &f);

		tried += is == 1;
		for (size_t k = 0; is == 1 && k < sizeof(change) / sizeof(change[0]); k++) {
			struct go_layout l = *own;
			uint32_t *v = (uint32_t *)((char *)&l + members[i]);

			if (change[k] < 0 && *v < (uint32_t)-change[k])
				continue;
			*v += change[k];
			gp->l = &l;
			is = proven(gp, FACT_LAYOUT, i, &wrong);
			gp->l = own;
		}
		refuted += f.proven == 1 && is != 1;
		if (is == 1)
			say(&f, 0);
	}
}

static void globals(struct goproc *gp)
{
	struct go_fact f, wrong;

	for (size_t i = 0; i < G_COUNT; i++) {
		uint64_t own = gp->addr[i];

		if (proven(gp, FACT_GLOBALS, i, &f) != 1)
			continue;
		tried++;
		gp->addr[i] += 64;
		if (proven(gp, FACT_GLOBALS, i, &wrong) == 1)
			say(&f, 64);
		else
			refuted++;
		gp->addr[i] = own;
	}
}

int main(int argc, char **argv)
{
	struct target t;
	struct goproc gp;
	int err = argc == 2 ? target_open(&t, atoi(argv[1])) : -1;

	err = err ? err : goproc_open(&gp, &t);
	if (err || !gp.proven) {
		fprintf(stderr, "facts: %s %s\n", fail_text(), err ? "" : gp.why);
		return 1;
	}
	layout(&gp);
	globals(&gp);
	fprintf(stderr, "%d proven facts made wrong, %d refuted\n", tried, refuted);
	goproc_close(&gp);
	target_close(&t);
	return 0;
}
