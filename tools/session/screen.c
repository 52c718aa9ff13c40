// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The session as people read it: a header, the rows that matter, the join. */
#include "human.h"
#include "session.h"
#include "text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 80
#define SMALL   0.5 /* per cent of the RSS: rows below are told in one line */

struct line {
	const char *head; /* of the first line only */
	char text[COLUMNS * 4];
	size_t items;
};

static void line_flush(struct run *r, struct line *l)
{
	if (l->items)
		emit_text(r, "%s", l->text);
	l->text[0] = '\0';
	l->items = 0;
	l->head = "  ";
}

/* Add an item behind a separator, beginning a new line where 80 columns end. */
static void line_add(struct run *r, struct line *l, const char *separator, const char *item)
{
	size_t n;

	if (l->items && text_width(l->text) + text_width(separator) + text_width(item) > COLUMNS)
		line_flush(r, l);
	n = strlen(l->text);
	snprintf(l->text + n, sizeof(l->text) - n, "%s%s", l->items ? separator : l->head, item);
	l->items++;
}

static void line_bytes(struct run *r, struct line *l, const char *name, uint64_t bytes)
{
	char item[COLUMNS * 2];

	snprintf(item, sizeof(item), "%s %s", name, HUMAN(bytes3, bytes));
	line_add(r, l, " · ", item);
}

/* "limit 2.00 GiB, working set 1.61": a unit is said once. */
static void cgroup_limit(struct run *r, struct line *l, const struct cgroup *c)
{
	const struct cgroup_level *tight = c->tightest < 0 ? NULL : &c->level[c->tightest];
	char limit[HUMAN_LEN] = "no limit", used[HUMAN_LEN] = "", item[COLUMNS * 3];
	uint64_t set = tight ? tight->working_set : c->working_set;
	char *unit;

	/* no limit: who asks for more wants to know what there is */
	if (!c->version || (!tight && !r->verbose))
		return;
	if (tight)
		human_bytes3(limit, tight->limit);
	if (set != CGROUP_UNKNOWN)
		human_bytes3(used, set);
	unit = strchr(used, ' ');
	if (unit && tight && !strcmp(unit, strchr(limit, ' ')))
		*unit = '\0';
	snprintf(item, sizeof(item), "%scgroup %s%s%s%s", c->tightest > 0 ? "parent " : "",
		 tight ? "limit " : "", limit, *used ? ", working set " : "", used);
	line_add(r, l, " · ", item);
}

static void settings(struct run *r, const struct session_look *s)
{
	struct line l = { .head = "" };
	char gogc[16] = "off", limit[HUMAN_LEN] = "off", item[COLUMNS * 2];

	if (s->has_ms) {
		if (s->ms.gc_percent >= 0)
			snprintf(gogc, sizeof(gogc), "%d", s->ms.gc_percent);
		if (s->ms.memory_limit != INT64_MAX)
			human_bytes3(limit, s->ms.memory_limit);
		snprintf(item, sizeof(item), "GOGC %s  GOMEMLIMIT %s  P %llu", gogc, limit,
			 (unsigned long long)s->ms.procs);
		line_add(r, &l, "", item);
	}
	cgroup_limit(r, &l, &s->cgroup);
	if (s->settings.madvise) {
		snprintf(item, sizeof(item), "madvise %s", s->settings.madvise);
		line_add(r, &l, "  ", item);
	}
	if (s->settings.thp_enabled) {
		snprintf(item, sizeof(item), "THP %s",
			 s->thp.disabled == 1 ? "off here" : s->settings.thp_enabled);
		line_add(r, &l, "  ", item);
	}
	if (s->has_ms) {
		snprintf(item, sizeof(item), "%s goroutines", HUMAN(count, s->ledger.goroutines));
		line_add(r, &l, " · ", item);
	}
	line_flush(r, &l);
}

static void header(struct run *r, const struct session_look *s, const struct goproc *gp)
{
	const struct ledger *l = &s->ledger;
	char left[160], right[64];

	snprintf(left, sizeof(left), "%.32s  pid %d  %s%s%s%s", s->id.comm, r->pid,
		 s->id.go_version ? s->id.go_version : "Go release unknown",
		 s->binary.stripped ? " stripped" : "", s->binary.pie ? " PIE" : "",
		 s->binary.cgo ? " cgo" : "");
	if (s->has_ms)
		snprintf(right, sizeof(right), "RSS %s  gap %s%s", HUMAN(bytes3, l->rss),
			 s->total.gap < 0 ? "-" : "",
			 HUMAN(bytes3, s->total.gap < 0 ? -s->total.gap : s->total.gap));
	else
		snprintf(right, sizeof(right), "RSS %s", HUMAN(bytes3, l->rss));
	emit_lr(r, left, right);
	settings(r, s);
}

/* How far the numbers can be trusted, in one line. */
static void trust(struct run *r, const struct session_look *s, const struct goproc *gp)
{
	const struct ledger *l = &s->ledger;
	char moving[64] = "consistent", bound[HUMAN_LEN + 8] = "";

	if (!s->ms.consistent)
		snprintf(moving, sizeof(moving), "skew %s", HUMAN(nsec, s->ms.skew_ns));
	if (l->bound)
		snprintf(bound, sizeof(bound), " (bound %s)", HUMAN(bytes3, l->bound));
	emit_text(r, "%s%s%s · residual %s%s · %s, never stopped",
		  l->go ? "layout table, proven" : "Go facts not proven", l->go ? " · " : "",
		  l->go ? moving : "", HUMAN(sbytes, l->residual), bound,
		  HUMAN(nsec, s->self.wall_ns));
}

/* A sentence in lines of 80 columns. */
static void wrap(struct run *r, const char *text)
{
	while (*text) {
		size_t n = strlen(text);

		if (n > COLUMNS) {
			n = COLUMNS;
			while (n && text[n] != ' ')
				n--;
			n = n ? n : COLUMNS;
		}
		emit_text(r, "%.*s", (int)n, text);
		text += n + (text[n] == ' ');
	}
}

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
			line_bytes(r, &l, charged[i], s->charged[i].bytes);
	line_flush(r, &l);
}

static void where(struct run *r, const struct session_look *s)
{
	bool shown[ROW_COUNT] = {};

	for (int i = 0; i < ROW_COUNT; i++) {
		struct ledger_line line = s->line[i];
		bool heap = i <= ROW_HEAP_RETURNED;

		/* the heap is always told in full; of the rest, what matters */
		if (!s->ledger.row[i].confidence ||
		    (!heap && !(line.percent >= SMALL) && r->verbose == 0))
			continue;
		shown[i] = true;
		line.error = line.error ? line.error : U64_NULL;
		emit_row(r, &session_sections[S_WHERE], &line);
	}
	small_rows(r, s, shown);
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
	header(r, s, gp);
	trust(r, s, gp);
	if (s->facts.why) {
		wrap(r, s->facts.why);
		if (!s->ledger.go)
			emit_text(r,
				  "rows missing: go.heap.* go.stacks.* go.runtime.*; their pages "
				  "are in anon.other");
	}
	where(r, s);
	join(r, s);
}
