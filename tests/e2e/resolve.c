// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * resolve PID [TWIN] - are variables found in code those of the symbol table?
 *
 * PID runs a program with a symbol table, or without one if TWIN is a file of the same
 * layout that has it. What go_resolve() recovers must be the same addresses; a variable
 * that is optional may be missing, never wrong. The first line says where the line table
 * was found; then one line a variable; exit status 1 when one is wrong.
 */
#include "go/resolve.h"
#include "fail.h"
#include "go/image.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The symbol table's addresses in the process. */
static int truth(struct goproc *gp, const char *twin, uint64_t *addr)
{
	struct symbol sym[G_COUNT];
	struct binary b;
	int fd, err;

	if (!twin) {
		memcpy(addr, gp->addr, sizeof(gp->addr));
		return gp->from_code;
	}
	fd = open(twin, O_RDONLY);
	err = fd < 0 ? fd : binary_open(&b, fd, twin);
	if (err)
		return err;
	binary_symbols(&b, go_global_names, sym, G_COUNT);
	for (int i = 0; i < G_COUNT; i++)
		addr[i] = sym[i].addr ? sym[i].addr + gp->bias : 0;
	err = b.stripped || !gp->from_code;
	binary_close(&b);
	return err;
}

static void say_table(struct goproc *gp)
{
	struct image im;
	struct pclntab tab;
	uint64_t at = 0;

	if (image_open(&im, &gp->bin.file) || image_pclntab(&im, &tab, &at))
		printf("no line table\n");
	else
		printf("line table at 0x%llx, text start %s\n", (unsigned long long)at,
		       tab.text_start ? "set" : "zero");
}

int main(int argc, char **argv)
{
	uint64_t addr[G_COUNT] = {};
	struct target t;
	struct goproc gp;
	struct resolved r;
	uint64_t start;
	int err, wrong = 0;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: resolve PID [TWIN]\n");
		return 2;
	}
	err = target_open(&t, atoi(argv[1]));
	err = err ? err : goproc_open(&gp, &t);
	if (err || !gp.l || truth(&gp, argv[2], addr)) {
		printf("no symbol table to compare with: %s %s\n", fail_text(), err ? "" : gp.why);
		return 1;
	}
	say_table(&gp);
	start = clock_mono_ns();
	err = go_resolve(&gp, gp.l, &r);
	printf("%s: %u functions, resolved in %.1f ms%s%s\n", gp.bin.version, r.nfunc,
	       (clock_mono_ns() - start) / 1e6, err ? ": " : "", err ? fail_text() : "");
	for (int i = 0; i < G_COUNT; i++) {
		bool bad = r.addr[i] != addr[i] && (r.addr[i] || go_global_required[i]);

		printf("%-18s 0x%llx symbol table 0x%llx %s%s\n", go_global_names[i],
		       (unsigned long long)r.addr[i], (unsigned long long)addr[i],
		       r.how[i] ? r.how[i] : "not found", bad ? "  WRONG" : "");
		wrong += bad;
	}
	goproc_close(&gp);
	target_close(&t);
	return wrong || err;
}
