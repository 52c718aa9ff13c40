// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The session as people read it: a header, the rows that matter, the join. */
#include "human.h"
#include "lines.h"
#include "session.h"
#include <stdio.h>
#include <string.h>

#define SMALL 0.5 /* per cent of the RSS: rows below are told in one line */

/* As people read them: a group and a part of it, in the order of the ledger. */
static const struct label {
	const char *group, *part;
} labels[ROW_COUNT] = {
	[ROW_HEAP_LIVE] = { "Go heap", "live at last GC" },
	[ROW_HEAP_NEW] = { "Go heap", "allocated since" },
	[ROW_HEAP_FREE_SLOTS] = { "Go heap", "free slots in spans" },
	[ROW_HEAP_TAIL] = { "Go heap", "span tails, unusable" },
	[ROW_HEAP_IDLE] = { "Go heap", "idle, not given back" },
	[ROW_HEAP_RETURNED] = { "Go heap", "given back, resident" },
	[ROW_STACKS_INUSE] = { "Go stacks", "in use" },
	[ROW_STACKS_FREE] = { "Go stacks", "free" },
	[ROW_RT_MSPAN] = { "Go runtime", "mspan" },
	[ROW_RT_MCACHE] = { "Go runtime", "mcache" },
	[ROW_RT_GC] = { "Go runtime", "garbage collector" },
	[ROW_RT_PROFILE] = { "Go runtime", "profile tables" },
	[ROW_RT_OTHER] = { "Go runtime", "other" },
	[ROW_ELF_TEXT] = { "binary", "text" },
	[ROW_ELF_RODATA] = { "binary", "rodata" },
	[ROW_ELF_DATA] = { "binary", "data" },
	[ROW_ELF_BSS] = { "binary", "bss" },
	[ROW_CGO_HEAP] = { "C heap", "brk" },
	[ROW_CGO_ARENAS] = { "C heap", "arenas and mappings" },
	[ROW_THREADS_STACKS] = { "thread stacks", "" },
	[ROW_LIBS] = { "libraries", "" },
	[ROW_FILES] = { "mapped files", "" },
	[ROW_SHMEM] = { "shared memory", "" },
	[ROW_ANON_OTHER] = { "other anonymous memory", "" },
	[ROW_KERNEL] = { "kernel mappings", "" },
	[ROW_PROBES] = { "probes", "" },
};

/* A row inside a group is named by its id where the group's heading is not beside it. */
static void small_rows(struct run *r, const struct session_look *s, const bool *shown)
{
	struct line l = { .head = "also: " };

	for (int i = 0; i < ROW_COUNT; i++)
		if (!shown[i] && s->ledger.row[i].confidence && s->ledger.row[i].resident)
			line_bytes(r, &l, ledger_row_ids[i], s->ledger.row[i].resident);
	line_flush(r, &l);
}

static void outside(struct run *r, const struct session_look *s)
{
	static const char *const names[] = { "untouched heap", "untouched stacks", "page tables",
					     "swap", "hugetlb" };
	static const char *const charged[CHARGED_COUNT] = {
		[CHARGED_SLAB] = "cgroup slab",
		[CHARGED_SOCK] = "cgroup sockets",
		[CHARGED_PAGE_TABLES] = "cgroup page tables",
		[CHARGED_STACKS] = "cgroup kernel stacks",
		[CHARGED_KERNEL] = "cgroup other kernel memory",
		[CHARGED_FILE] = "cgroup page cache",
		[CHARGED_SHMEM] = "cgroup tmpfs and shmem",
	};
	struct line l = { .head = "not in RSS: " };
	uint64_t least = r->verbose ? 1 : s->ledger.rss * (SMALL / 100);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (s->outside[i].bytes != U64_NULL && s->outside[i].bytes)
			line_bytes(r, &l, names[i], s->outside[i].bytes);
	for (size_t i = 0; i < CHARGED_COUNT; i++)
		if (s->charged[i].bytes != U64_NULL && s->charged[i].bytes &&
		    s->charged[i].bytes >= least)
			line_bytes(r, &l,
				   i == CHARGED_KERNEL && s->cgroup.slab == CGROUP_UNKNOWN
					   ? "cgroup kernel memory"
					   : charged[i],
				   s->charged[i].bytes);
	line_flush(r, &l);
}

/* "Go heap  idle", and below it the parts of the same group alone. */
static void label_line(struct ledger_line *line, const struct label *l, const char **group)
{
	bool again = *group && !strcmp(*group, l->group);

	snprintf(line->label, sizeof(line->label), "%s%s%s", again ? "         " : l->group,
		 again || !*l->part ? "" : "  ", l->part);
	*group = l->group;
}

static void where(struct run *r, const struct session_look *s)
{
	bool shown[ROW_COUNT] = {};
	const char *group = NULL;

	for (int i = 0; i < ROW_COUNT; i++) {
		struct ledger_line line = s->line[i];
		bool heap = i <= ROW_HEAP_RETURNED;

		/* the heap is always told in full; of the rest, what matters */
		if (!s->ledger.row[i].confidence ||
		    (!heap && !(line.percent >= SMALL) && r->verbose == 0))
			continue;
		shown[i] = true;
		label_line(&line, &labels[i], &group);
		line.error = line.error ? line.error : U64_NULL;
		emit_row(r, &session_sections[S_WHERE], &line);
	}
	small_rows(r, s, shown);
	if (s->ledger.locked && s->ledger.locked != U64_NULL)
		emit_text(r, "locked in memory: %s of these mappings",
			  HUMAN(bytes3, s->ledger.locked));
	outside(r, s);
}

/* What Go thinks of its pages x what the kernel holds; states that nothing is in are left out. */
static void join(struct run *r, const struct session_look *s)
{
	static const enum page_state order[] = { PS_IN_USE,   PS_STACK,    PS_WORKBUF, PS_FREE,
						 PS_RETURNED, PS_UNMAPPED, PS_TRANSIT };

	for (size_t i = 0; s->ledger.go && i < ARRAY_SIZE(order); i++) {
		const struct ledger_cell *c = &s->ledger.cell[order[i]];

		if (c->resident || c->huge || c->swapped || c->absent)
			emit_row(r, &session_sections[S_JOIN], &s->cell[order[i]]);
	}
}

void session_screen(struct run *r, const struct session_look *s, const struct goproc *gp)
{
	session_header(r, s, gp);
	where(r, s);
	join(r, s);
}
