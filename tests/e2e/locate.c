// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * locate PID SITE... - where probes would go in a process, without attaching any
 *
 * A line a site ("go:runtime.gcStart"): it, the number of places, whether a probe there
 * sees every call, and why not.
 */
#include "fail.h"
#include "probe/probe.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct target t;
	struct goproc gp;
	struct locator *l;
	int err;

	if (argc < 3) {
		fprintf(stderr, "usage: locate PID SITE...\n");
		return 2;
	}
	err = target_open(&t, atoi(argv[1]));
	err = err ? err : goproc_open(&gp, &t);
	if (err || !gp.l) {
		printf("%s %s\n", fail_text(), err ? "" : gp.why);
		return 1;
	}
	l = locator_new(&gp, (const char *const *)argv + 2, argc - 2);
	if (!l) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	for (int i = 2; i < argc; i++) {
		struct probe pr = { .site = argv[i] };

		locator_find(l, &pr);
		printf("%s %zu %s %s\n", pr.site, pr.noff, pr.complete ? "complete" : "partial",
		       pr.why);
	}
	locator_free(l);
	goproc_close(&gp);
	target_close(&t);
	return 0;
}
