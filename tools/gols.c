// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gols - which Go processes run here, and what of their memory Go does not know. */
#include "go/golist.h"
#include "human.h"
#include "proc/guard.h"
#include "tool.h"
#include <errno.h>

static struct conf {
	double deadline;
} conf = { .deadline = GUARD_DEADLINE_NS / 1e9 };

static const struct opt opts[] = { OPT_SECONDS(
					   0, "deadline", struct conf, deadline, "SEC",
					   "give up on a process that is stuck for so long (1)"),
				   {} };

struct process {
	uint64_t pid;
	const char *comm, *go_version, *module, *reason;
	uint64_t rss, heap_inuse, heap_alloc;
	int64_t gap;
	bool stripped;
};

static const struct col process_cols[] = {
	COL(struct process, pid, "PID", NONE, KEY, "process id"),
	COL(struct process, comm, "NAME", NONE, KEY, "name of the process"),
	COL(struct process, go_version, "GO", NONE, KEY, "release that built the program"),
	COL(struct process, rss, "RSS", BYTES, GAUGE, "resident set size (VmRSS)"),
	COL(struct process, heap_inuse, "HEAP", BYTES, GAUGE, "MemStats.HeapInuse"),
	COL_F(struct process, heap_alloc, "ALLOC", BYTES, GAUGE, COL_WIDE, "MemStats.HeapAlloc"),
	COL(struct process, gap, "GAP", SBYTES, GAUGE, "rss - heap_alloc"),
	COL(struct process, module, "MODULE", NONE, KEY, "main module"),
	COL_F(struct process, stripped, "STRIPPED", NONE, GAUGE, COL_JSON_ONLY,
	      "the executable has no symbol table"),
	COL(struct process, reason, "REASON", NONE, GAUGE, "why something is not known"),
	{}
};

struct summary {
	uint64_t processes, scanned, unknown, rss;
};

static const struct col summary_cols[] = {
	COL(struct summary, processes, "processes", COUNT, GAUGE, "Go processes listed"),
	COL(struct summary, scanned, "scanned", COUNT, GAUGE, "processes of any kind"),
	COL(struct summary, unknown, "unknown", COUNT, GAUGE,
	    "of those: may be Go, but their executable may not be read"),
	COL(struct summary, rss, "rss", BYTES, GAUGE, "RSS of those listed, added up"),
	{}
};

static const struct section sections[] = {
	{ .key = "processes", .cols = process_cols, .shape = SEC_ROWS, .flags = SEC_SORTABLE },
	{ .key = "summary", .cols = summary_cols, .shape = SEC_FIELDS },
	{}
};

static const char *word(const char *text)
{
	return *text ? text : NULL;
}

static void emit_process(struct run *r, const struct golist_entry *e)
{
	bool known = e->rss != GOLIST_UNKNOWN && e->heap_alloc != GOLIST_UNKNOWN;
	struct process p = {
		.pid = e->pid,
		.comm = word(e->comm),
		.go_version = word(e->version),
		.module = word(e->module),
		.reason = word(e->reason),
		.rss = e->rss,
		.heap_inuse = e->heap_inuse,
		.heap_alloc = e->heap_alloc,
		.gap = known ? (int64_t)(e->rss - e->heap_alloc) : S64_NULL,
		.stripped = e->stripped,
	};

	emit_row(r, &sections[0], &p);
}

static int gols_look(struct run *r)
{
	struct summary sum = {};
	struct golist l;
	int err = golist_read(&l, r->pids, r->nr_pids, conf.deadline * 1e9);
	size_t gone = 0;

	if (err)
		return err;
	for (size_t i = 0; i < l.n; i++)
		gone += l.entry[i].err == -ESRCH;
	if (r->nr_pids && gone == l.n) {
		golist_free(&l);
		return fail(-ESRCH, "none of the processes named is there");
	}
	emit_begin(r);
	for (size_t i = 0; i < l.n; i++) {
		emit_process(r, &l.entry[i]);
		sum.rss += l.entry[i].rss == GOLIST_UNKNOWN ? 0 : l.entry[i].rss;
	}
	sum.processes = l.n;
	sum.scanned = l.scanned;
	sum.unknown = l.unknown;
	emit_fields(r, &sections[1], &sum);
	if (!l.n)
		emit_text(r, "no Go process among %s", HUMAN(count, l.scanned));
	if (l.unknown)
		emit_text(r, "%s more may be Go: the executable may not be read (try sudo)",
			  HUMAN(count, l.unknown));
	golist_free(&l);
	return emit_end(r);
}

TOOL(gols, .brief = "List the Go processes here, the largest gap first.",
     .examples = "  gols                          # all of them\n"
		 "  gols 5                        # again every 5 s\n"
		 "  gols -s rss -r 10             # the ten largest\n"
		 "  gols -j                       # a JSON object each, and a summary\n",
     .no_target = true, .stream = true, .opts = opts, .conf = &conf, .sections = sections,
     .look = gols_look);
