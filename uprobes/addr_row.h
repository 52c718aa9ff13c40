/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * addr_row.h - which row of the ledger an address is in, while the process goes on.
 *
 * What the runtime and the kernel think of the address space is read when it is asked for, and
 * again when an address is in nothing known; so often that it takes a tenth of the time at most.
 * Pages of heap arenas are told apart by their spans: "go.heap", "go.stacks", "go.runtime.gc";
 * that of objects makes no sense of a page. What C's allocator keeps in mappings of its own is
 * "anon.other" unless the mapping has its name.
 */
#ifndef ADDR_ROW_H
#define ADDR_ROW_H

#include "go/rt_heap.h"
#include "go/rt_meta.h"
#include <stdbool.h>

struct addr_rows {
	struct goproc *gp;
	struct gometa meta;
	struct goheap heap;
	bool known;              /* what the runtime thinks */
	struct maps now, before; /* the mappings, and those before they changed */
	uint64_t read_ns, took_ns, maps_ns, maps_took_ns, changed_ns;
};

void addr_rows_open(struct addr_rows *a, struct goproc *gp);
/*
 * "go.heap"; never NULL. "go.arenas": the runtime's, of heap or stacks; for which was not known
 * when it was read last. *file is whether the page is one of a file.
 */
const char *addr_row(struct addr_rows *a, uint64_t addr, bool *file);
/* Whether all of [start, end) is in one mapping. */
bool addr_rows_mapped(const struct addr_rows *a, uint64_t start, uint64_t end);
void addr_rows_close(struct addr_rows *a);

#endif
