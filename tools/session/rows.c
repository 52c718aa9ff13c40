// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* From a ledger and a MemStats to the rows of the session; see session.h. */
#include "go/proof.h"
#include "session.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[PS_COUNT] = {
	[PS_IN_USE] = "in_use",   [PS_STACK] = "stack",        [PS_WORKBUF] = "workbuf",
	[PS_FREE] = "free",       [PS_RETURNED] = "scavenged", [PS_UNMAPPED] = "not_mapped",
	[PS_TRANSIT] = "transit",
};

/* Details of all rows, grouped by row, the largest first. */
static int by_row(const void *a, const void *b)
{
	const struct ledger_detail *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->resident > y->resident ? -1 : x->resident < y->resident;
}

static int fill_details(struct session_look *s)
{
	struct ledger *l = &s->ledger;

	s->detail = calloc(l->ndetail + 1, sizeof(*s->detail));
	if (!s->detail)
		return -ENOMEM;
	qsort(l->detail, l->ndetail, sizeof(*l->detail), by_row);
	for (size_t i = 0; i < l->ndetail; i++) {
		const struct ledger_detail *d = &l->detail[i];
		struct list *list = &s->line[d->row].detail;

		s->detail[i] = (struct detail_row){ d->what, d->resident, d->mapped,
						    d->malloc ? d->used : U64_NULL,
						    d->malloc ? d->free : U64_NULL };
		if (!list->n++)
			list->rows = &s->detail[i];
	}
	return 0;
}

static void fill_lines(struct session_look *s, const struct session_look *prev)
{
	const struct ledger *l = &s->ledger;

	for (int i = 0; i < ROW_COUNT; i++) {
		const struct ledger_row *r = &l->row[i];
		bool known = r->confidence;
		double share = known && l->rss ? 100.0 * r->resident / l->rss : NAN;

		s->line[i] = (struct ledger_line){
			.id = ledger_row_ids[i],
			.resident = known ? r->resident : U64_NULL,
			.mapped = known ? r->mapped : U64_NULL,
			.error = known ? r->error : U64_NULL,
			.delta = S64_NULL,
			.source = ledger_row_sources[i],
			.confidence = known ? r->confidence : U64_NULL,
			.percent = share,
			.bar = share,
		};
		if (known && prev && prev->ledger.row[i].confidence)
			s->line[i].delta = r->resident - prev->ledger.row[i].resident;
	}
}

static void fill_facts(struct session_look *s, const struct goproc *gp)
{
	size_t n = 0;

	s->binary = (struct binary_row){ gp->bin.stripped, gp->bin.pie, gp->bin.dynamic };
	if (gp->t->lib.ino) {
		s->binary.library = gp->t->lib.path;
		s->binary.host = gp->t->exe;
	}
	s->id = (struct id_row){ gp->t->status.comm, gp->bin.version[0] ? gp->bin.version : NULL,
				 gp->bin.module[0] ? gp->bin.module : NULL };
	s->invariants = (struct invariants_row){ gp->checked + s->ledger.checked,
						 gp->failed + s->ledger.failed };
	for (int i = 0; i < ROW_COUNT; i++)
		if (!s->ledger.row[i].confidence)
			s->missing[n++] = (struct missing_row){ ledger_row_ids[i], s->ledger.why };
	s->facts = (struct facts_row){
		.symbols = gp->from_code ? "pclntab" : "symtab",
		.layout = gp->l ? "table" : NULL,
		.addresses = gp->from_code ? "code" : "symtab",
		.layout_release = gp->l ? gp->l->release : NULL,
		.proven = s->ledger.go,
		.invariants = { &s->invariants },
		.attempts = gp->attempts,
		.proof_ns = gp->proof_ns,
		.missing = { .rows = s->missing, .n = n, .stride = sizeof(s->missing[0]) },
		.why = s->ledger.why[0] ? s->ledger.why
		       : gp->why[0]     ? gp->why
					: NULL,
	};
}

static const char *state(const struct ledger *l)
{
	return l->core           ? NULL
	       : l->state == 'T' ? "stopped"
	       : l->state == 't' ? "traced"
				 : "running";
}

static void fill_total(struct session_look *s)
{
	const struct ledger *l = &s->ledger;

	s->total = (struct total_row){
		.rss = l->rss,
		.rss_source = l->core              ? "core"
			      : l->rss_from_rollup ? "smaps_rollup"
						   : "status",
		.gap = s->has_ms && !l->core ? (int64_t)(l->rss - s->ms.HeapAlloc) : S64_NULL,
		.residual = l->residual,
		.residual_bound = l->bound,
		.still = l->still,
		.zero_pages_unknown = l->zero_unknown,
		.locked = l->locked,
		.state = state(l),
		.goroutines = l->go ? l->goroutines : U64_NULL,
		.dead_goroutines = l->go ? l->dead_goroutines : U64_NULL,
	};
	s->outside[0] =
		(struct bytes_row){ "heap.untouched", l->go ? l->heap_untouched : U64_NULL };
	s->outside[1] =
		(struct bytes_row){ "stacks.untouched", l->go ? l->stacks_untouched : U64_NULL };
	s->outside[2] = (struct bytes_row){ "page_tables", l->page_tables };
	s->outside[3] = (struct bytes_row){ "swap", l->swap };
	s->outside[4] = (struct bytes_row){ "hugetlb", l->hugetlb };
}

static uint64_t known(bool yes, uint64_t bytes)
{
	return yes ? bytes : U64_NULL;
}

static void fill_cells(struct session_look *s, const struct goproc *gp)
{
	const struct ledger *l = &s->ledger;
	bool kernel = l->go && !l->core;

	for (int i = 0; i < PS_COUNT; i++)
		s->cell[i] = (struct cell_row){
			.state = states[i],
			.resident = known(l->go, l->cell[i].resident),
			.huge = known(kernel && gp->t->pagemap.scan, l->cell[i].huge),
			.lazyfree = known(kernel, l->cell[i].lazyfree),
			.swapped = known(kernel, l->cell[i].swapped),
			.absent = known(l->go, l->cell[i].absent),
		};
}

int session_fill(struct session_look *s, const struct goproc *gp, const struct session_look *prev)
{
	int err;

	fill_lines(s, prev);
	err = fill_details(s);
	for (int i = 0; i < ROW_COUNT; i++)
		s->line[i].detail.stride = sizeof(*s->detail);
	fill_facts(s, gp);
	fill_total(s);
	fill_cells(s, gp);
	session_memstats(s);
	session_host(s);
	s->consistency = (struct consistency_row){
		.attempts = s->ms.attempts,
		.consistent = s->ms.consistent,
		.skew_ns = s->ms.skew_ns,
		.gc_cycle = s->has_ms ? s->ms.gc_cycle : U64_NULL,
		.ledger_attempts = s->ledger.attempts,
		.window_ns = s->ledger.window_ns,
		.moved_bytes = s->ledger.moved_bytes,
	};
	return err;
}

void session_emit(struct run *r, const struct session_look *s, const struct goproc *gp)
{
	const struct section *sec = session_sections;

	emit_fields(r, &sec[S_ID], &s->id);
	emit_fields(r, &sec[S_BINARY], &s->binary);
	emit_fields(r, &sec[S_SETTINGS], &s->settings);
	emit_fields(r, &sec[S_FACTS], &s->facts);
	emit_fields(r, &sec[S_TOTAL], &s->total);
	for (int i = 0; i < ROW_COUNT; i++)
		emit_row(r, &sec[S_ROWS], &s->line[i]);
	for (size_t i = 0; i < ARRAY_SIZE(s->outside); i++)
		emit_row(r, &sec[S_NOT_IN_RSS], &s->outside[i]);
	for (size_t i = 0; i < ARRAY_SIZE(s->charged); i++)
		emit_row(r, &sec[S_NOT_IN_RSS], &s->charged[i]);
	emit_fields(r, &sec[S_CGROUP], &s->group);
	for (int i = 0; i < PS_COUNT; i++)
		emit_row(r, &sec[S_MATRIX], &s->cell[i]);
	if (s->has_ms)
		emit_fields(r, &sec[S_MEMSTATS], &s->memstats);
	if (s->has_ms)
		emit_fields(r, &sec[S_CONSISTENCY], &s->consistency);
	emit_fields(r, &sec[S_SELF], &s->self);
	emit_fields(r, &sec[S_END], &(struct end_row){ false });
	session_screen(r, s, gp);
}

int session_emit_end(struct run *r, const struct session_look *last)
{
	emit_begin(r);
	emit_fields(r, &session_sections[S_ID], &last->id);
	emit_fields(r, &session_sections[S_END], &(struct end_row){ true });
	emit_text(r, "%s  pid %d has exited", last->id.comm, r->pid);
	return emit_end(r);
}
