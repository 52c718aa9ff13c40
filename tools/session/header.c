// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The first lines of the screen: what is looked at, its settings, how far to trust it. */
#include "human.h"
#include "lines.h"
#include "session.h"
#include <stdio.h>
#include <string.h>

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
	struct line l = { .head = "", .indent = "" };
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
	if (l->core)
		snprintf(right, sizeof(right), "core file %s", HUMAN(bytes3, l->rss));
	else if (s->has_ms)
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
	emit_text(r, "%s%s%s · residual %s%s · %s%s",
		  l->go ? "layout table, proven" : "Go facts not proven", l->go ? " · " : "",
		  l->go ? moving : "", HUMAN(sbytes, l->residual), bound,
		  HUMAN(nsec, s->self.wall_ns), l->core ? "" : ", never stopped");
	if (l->core)
		emit_text(r, "resident means in the core%s: what the kernel held is not known",
			  l->zeros_left_out ? " and not zeros" : "");
}

/* What is not as usual about the process: another executable, no progress. */
static void circumstances(struct run *r, const struct session_look *s)
{
	const struct ledger *l = &s->ledger;
	char text[640];

	if (s->binary.library) {
		snprintf(text, sizeof(text), "Go is in the shared library %s, loaded by %s",
			 s->binary.library, s->binary.host);
		line_wrap(r, text);
	}
	if (l->core)
		return;
	if (l->state == 't')
		emit_text(r, "the process is stopped by a debugger, process %d", l->tracer);
	else if (l->state == 'T')
		emit_text(r, "the process is stopped (SIGSTOP or the like)");
}

void session_header(struct run *r, const struct session_look *s, const struct goproc *gp)
{
	header(r, s, gp);
	trust(r, s, gp);
	circumstances(r, s);
	if (s->ledger.zero_unknown)
		line_wrap(r, "zero pages could not be told from others (needs Linux 6.7 or "
			     "CAP_SYS_ADMIN): anonymous rows may be too high, by what the "
			     "residual is below 0");
	if (!s->facts.why)
		return;
	line_wrap(r, s->facts.why);
	if (!s->ledger.go)
		emit_text(r, "rows missing: go.heap.* go.stacks.* go.runtime.*; their pages are in "
			     "anon.other");
}
