// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * resolve PID - are variables found in code those of the symbol table?
 *
 * PID runs a program with a symbol table. What go_resolve() recovers without it
 * must be the same addresses; a variable that is optional may be missing, never
 * wrong. One line a variable; exit status 1 when one is wrong.
 */
#include "go/resolve.h"
#include "fail.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct target t;
	struct goproc gp;
	struct resolved r;
	uint64_t start;
	int err, wrong = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: resolve PID\n");
		return 2;
	}
	err = target_open(&t, atoi(argv[1]));
	err = err ? err : goproc_open(&gp, &t);
	if (err || gp.bin.stripped || !gp.l) {
		printf("no symbol table to compare with: %s %s\n", fail_text(), err ? "" : gp.why);
		return 1;
	}
	start = clock_mono_ns();
	err = go_resolve(&gp, gp.l, &r);
	printf("%s: %u functions, resolved in %.1f ms%s%s\n", gp.bin.version, r.nfunc,
	       (clock_mono_ns() - start) / 1e6, err ? ": " : "", err ? fail_text() : "");
	for (int i = 0; i < G_COUNT; i++) {
		bool bad = r.addr[i] != gp.addr[i] && (r.addr[i] || go_global_required[i]);

		printf("%-18s 0x%llx symbol table 0x%llx %s%s\n", go_global_names[i],
		       (unsigned long long)r.addr[i], (unsigned long long)gp.addr[i],
		       r.how[i] ? r.how[i] : "not found", bad ? "  WRONG" : "");
		wrong += bad;
	}
	goproc_close(&gp);
	target_close(&t);
	return wrong || err;
}
