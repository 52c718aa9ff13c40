// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * layouts - which layouts a process lets stand: for each, a line of JSON.
 *
 *   layouts PID     {"release":"1.24","identities":true,"structures":true,"why":""}
 *
 * Every layout is tried as if it were a neighbour's, also the process's own.
 */
#include "fail.h"
#include "go/goproc.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct target t;
	struct goproc gp;
	int err = argc == 2 ? target_open(&t, atoi(argv[1])) : -1;

	err = err ? err : goproc_open(&gp, &t);
	if (err) {
		fprintf(stderr, "layouts: %s\n", fail_text());
		return 1;
	}
	for (size_t i = 0; i < go_layouts_count; i++) {
		bool identities;

		if (go_layouts[i].machine != gp.bin.machine)
			continue;
		goproc_try(&gp, &go_layouts[i], PROVE_COUNTERS);
		identities = gp.proven;
		if (identities)
			goproc_try(&gp, &go_layouts[i], PROVE_ALL);
		printf("{\"release\":\"%s\",\"identities\":%s,\"structures\":%s,\"ns\":%llu,"
		       "\"why\":\"%s\"}\n",
		       go_layouts[i].release, identities ? "true" : "false",
		       gp.proven ? "true" : "false", (unsigned long long)gp.proof_ns, gp.why);
	}
	goproc_close(&gp);
	target_close(&t);
	return 0;
}
