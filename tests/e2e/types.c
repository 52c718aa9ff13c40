// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * types PID - what the type descriptors say whose addresses are on stdin, one a line.
 *
 * A line each: address, name, size, ptrbytes, kind, package path, with tabs between; or
 * the address and why it is refused.
 */
#include "go/types.h"
#include "fail.h"
#include "go/goproc.h"
#include <stdio.h>
#include <stdlib.h>

static void print(const struct go_types *ts, uint64_t addr)
{
	struct go_type t;
	int err = go_type_read(ts, addr, &t);

	if (err)
		printf("0x%llx\t%d %s\n", (unsigned long long)addr, err, fail_text());
	else
		printf("0x%llx\t%s%s\t%llu\t%llu\t%s\t%s\n", (unsigned long long)addr, t.name,
		       t.cut ? "…" : "", (unsigned long long)t.size, (unsigned long long)t.ptrbytes,
		       go_kind_name(t.kind), t.pkg);
}

int main(int argc, char **argv)
{
	struct go_types ts;
	struct target t;
	struct goproc gp;
	char line[64];
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: types PID\n");
		return 2;
	}
	err = target_open(&t, atoi(argv[1]));
	err = err ? err : goproc_open(&gp, &t);
	err = err ? err : go_types_open(&ts, &gp);
	if (err) {
		fprintf(stderr, "types: %s\n", fail_text());
		return 1;
	}
	while (fgets(line, sizeof(line), stdin))
		print(&ts, strtoull(line, NULL, 16));
	goproc_close(&gp);
	target_close(&t);
	return 0;
}
