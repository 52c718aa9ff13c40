// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Page faults by what they were, where and who; see fault.h. */
#include "live/fault.h"
#include "array.h"
#include "human.h"
#include "proc/procfs.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_ORDER 9
#define NO_ROOM    0 /* the site of those that find none */

static const char *const kinds[FAULT_KINDS] = { "first", "refault", "again", "major" };

/* ---- begin and end ---- */

static int site_add(struct fault_state *f)
{
	if (f->n == FAULT_SITES)
		return NO_ROOM;
	if (array_room(f->site, f->n + 1, f->cap))
		return -ENOMEM;
	f->site[f->n] = (struct fault_site){ .stack_id = -1 };
	return f->n++;
}

/* The pages that are there already; zero pages are not, as the first write to them faults. */
static int see_resident(struct fault_state *f, struct live *l)
{
	struct page_runs runs = {};
	int err = target_maps(&l->target);

	err = err ? err : target_pages(&l->target, &runs);
	for (size_t i = 0; !err && i < runs.n; i++)
		if (runs.run[i].flags & PAGE_PRESENT)
			err = pages_see(&f->pages, runs.run[i].start, runs.run[i].end);
	page_runs_free(&runs);
	return err;
}

int fault_setup(struct fault_state *f, struct live *l)
{
	uint32_t *tgid = probes_const(&l->probes, "raw_tgid", sizeof(*tgid));
	int err = site_add(f);

	if (!tgid)
		return fail(-EINVAL, "the programs have no place for the process");
	*tgid = l->target.status.inner_pid;
	f->site[NO_ROOM].sum.row = "?";
	f->sym_known = !symbolizer_open(&f->sym, &l->gp);
	err = err < 0 ? err : see_resident(f, l);
	addr_rows_open(&f->rows, &l->gp);
	return err;
}

void fault_begin(struct fault_state *f, struct live *l)
{
	if (proc_faults_read(l->target.dirfd, &f->faults0))
		f->faults0 = U64_NULL;
}

void fault_end(struct fault_state *f, struct live *l)
{
	if (proc_faults_read(l->target.dirfd, &f->faults1))
		f->faults1 = U64_NULL;
}

/* ---- stacks ---- */

/*
 * Whether the Go function at pc has made no frame there: then its caller is not on the chain of
 * frames, and what is at the stack pointer, or in the link register, is where it returns to.
 */
static bool frameless(const struct fault_state *f, uint64_t pc)
{
	struct pcln_func pf;
	struct gofunc fn;

	return f->sym_known && pc >= f->sym.text && pc < f->sym.etext &&
	       pclntab_find(&f->sym.tab, pc - f->sym.text, &fn) &&
	       pclntab_func_read(&f->sym.tab, fn.func, &pf) &&
	       !pclntab_value(&f->sym.tab, pf.pcsp, pc - f->sym.text - fn.entry);
}

static void read_stack(struct fault_state *f, struct live *l, const struct fault_event *e,
		       struct event_stack *s)
{
	uint64_t pc[FAULT_FRAMES] = {};

	*s = (struct event_stack){ .n = 1, .pc = { e->pc } };
	if (frameless(f, e->pc))
		s->pc[s->n++] = e->lr;
	if (e->stack < 0 ||
	    bpf_map_lookup_elem(probes_map(&l->probes, "fault_stacks"), &e->stack, pc))
		return;
	/* its first is e->pc */
	for (size_t i = 1; i < FAULT_FRAMES && pc[i] && s->n < STACK_MAX; i++)
		s->pc[s->n++] = pc[i];
}

/* ---- one fault ---- */

static uint32_t hash(const struct fault_event *e, const char *row, enum fault_kind kind)
{
	uint64_t h = (uint32_t)e->stack * 8ULL + kind;

	h = (h ^ e->lr ^ (uintptr_t)row << 20) * 0x9e3779b97f4a7c15ULL;
	return h >> 52; /* FAULT_BUCKETS is 2^12 */
}

/* Without a stack the place itself is what is known. */
static bool same(const struct fault_site *s, const struct fault_event *e, const char *row,
		 enum fault_kind kind)
{
	return s->kind == kind && s->sum.row == row && s->stack_id == e->stack && s->lr == e->lr &&
	       (e->stack >= 0 || s->stack.pc[0] == e->pc);
}

static struct fault_site *site_of(struct fault_state *f, struct live *l,
				  const struct fault_event *e, const char *row,
				  enum fault_kind kind)
{
	uint32_t h = hash(e, row, kind);
	int i = f->bucket[h];

	while (i && !same(&f->site[i], e, row, kind))
		i = f->site[i].next;
	if (i)
		return &f->site[i];
	i = site_add(f);
	f->err = i < 0 ? i : f->err;
	if (i <= NO_ROOM)
		return &f->site[NO_ROOM];
	read_stack(f, l, e, &f->site[i].stack);
	owner_names(l, &f->site[i].stack, &f->names);
	f->site[i].sum = (struct fault_row){
		.by = "stack",
		.kind = kinds[kind],
		.row = row,
		.who = owner_who(&f->names),
	};
	f->site[i].kind = kind;
	f->site[i].stack_id = e->stack;
	f->site[i].lr = e->lr;
	f->site[i].next = f->bucket[h];
	f->bucket[h] = i;
	return &f->site[i];
}

/* What one fault brought: of anonymous memory all that was allocated at once for it. */
static uint64_t brought(struct fault_state *f, const struct fault_event *e, bool file)
{
	uint64_t bytes = e->order < 16 ? MEM_PAGE << e->order : MEM_PAGE;
	uint64_t start = e->addr & ~(bytes - 1);

	return file || !addr_rows_mapped(&f->rows, start, start + bytes) ? MEM_PAGE : bytes;
}

static void record_fault(struct fault_state *f, struct live *l, const struct fault_event *e)
{
	bool file;
	const char *row = addr_row(&f->rows, e->addr, &file);
	uint64_t bytes = brought(f, e, file), start = e->addr & ~(bytes - 1);
	int kind = pages_fault(&f->pages, e->addr), err;
	struct fault_site *s;

	err = kind < 0 ? kind : pages_see(&f->pages, start, start + bytes);
	f->err = f->err ? f->err : err;
	if (err)
		return;
	kind = e->major ? FAULT_MAJOR : kind;
	s = site_of(f, l, e, row, kind);
	s->sum.faults++;
	s->sum.bytes += bytes;
	s->sum.huge += bytes >= MEM_PAGE << HUGE_ORDER;
	live_hist_add(&f->bytes[kind], bytes);
}

int fault_record(struct fault_state *f, struct live *l, const struct event_head *head)
{
	const struct forget_event *e = (const void *)head;
	uint64_t end;

	if (head->kind == EV_FAULT)
		record_fault(f, l, (const void *)head);
	if (head->kind != EV_FORGET)
		return f->err;
	end = e->start + ((e->len + MEM_PAGE - 1) & ~(MEM_PAGE - 1));
	if (end > e->start)
		(e->unmapped ? pages_forget : pages_give)(&f->pages, e->start, end);
	return f->err;
}

/* ---- rows ---- */

static int by_bytes(const void *a, const void *b)
{
	const struct fault_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->faults < y->faults ? 1 : x->faults > y->faults ? -1 : 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Sites of one row and kind, and with who of one function, as one. */
static int emit_groups(struct fault_state *f, struct live *l, const struct section *s, bool who)
{
	struct fault_row *group = calloc(f->n, sizeof(*group));
	size_t n = 0, k;

	if (!group)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++) {
		const struct fault_row *r = &f->site[i].sum;

		for (k = 0;
		     k < n && (!same_text(group[k].row, r->row) || group[k].kind != r->kind ||
			       (who && !same_text(group[k].who, r->who)));
		     k++)
			;
		if (k == n)
			group[n++] =
				(struct fault_row){ who ? "who" : "row", r->kind, r->row, r->who };
		group[k].faults += r->faults;
		group[k].bytes += r->bytes;
		group[k].huge += r->huge;
	}
	qsort(group, n, sizeof(*group), by_bytes);
	for (k = 0; k < n; k++)
		if (group[k].faults)
			emit_row(l->run, s, &group[k]);
	free(group);
	return 0;
}

static int sites_by_bytes(const void *a, const void *b)
{
	return by_bytes(&((const struct fault_site *)a)->sum, &((const struct fault_site *)b)->sum);
}

int fault_emit(struct fault_state *f, struct live *l, const struct fault_sections *s)
{
	int err = emit_groups(f, l, s->rows, false);

	err = err ? err : emit_groups(f, l, s->who, true);
	if (err)
		return err;
	/* no record comes any more that would look for a site by its place */
	qsort(f->site, f->n, sizeof(*f->site), sites_by_bytes);
	for (size_t i = 0; i < f->n && f->site[i].sum.faults; i++) {
		owner_names(l, &f->site[i].stack, &f->names);
		f->site[i].sum.stack = owner_column(&f->names, f->frame);
		emit_row(l->run, s->stacks, &f->site[i].sum);
	}
	for (int k = 0; k < FAULT_KINDS; k++) {
		f->bytes[k].hist.value = kinds[k];
		if (f->bytes[k].hist.slots)
			emit_hist(l->run, s->bytes, &f->bytes[k].hist);
	}
	return 0;
}

void fault_summarize(struct fault_state *f, struct live *l, struct fault_summary *s)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct fault_site *from = &f->site[i];

		s->faults += from->sum.faults;
		s->bytes += from->sum.bytes;
		s->huge += from->sum.huge;
		s->of[from->kind] += from->sum.faults;
		s->bytes_of[from->kind] += from->sum.bytes;
	}
	s->first = s->of[FAULT_FIRST];
	s->refaults = s->of[FAULT_REFAULT];
	s->again = s->of[FAULT_AGAIN];
	s->major = s->of[FAULT_MAJOR];
	s->first_bytes = s->bytes_of[FAULT_FIRST];
	s->refault_bytes = s->bytes_of[FAULT_REFAULT];
	s->again_bytes = s->bytes_of[FAULT_AGAIN];
	s->major_bytes = s->bytes_of[FAULT_MAJOR];
	s->counted = f->faults0 == U64_NULL || f->faults1 == U64_NULL ? U64_NULL
								      : f->faults1 - f->faults0;
	if (s->counted != U64_NULL && s->counted && l->policy.now.sample == SAMPLE_ALL)
		s->live.coverage = s->faults * 100.0 / s->counted;
	s->hit_ns = s->live.probe_hits && s->live.overhead_ns != U64_NULL
			    ? s->live.overhead_ns / s->live.probe_hits
			    : U64_NULL;
	s->raw_ns = l->cost.raw_ns > 0 ? (uint64_t)l->cost.raw_ns : U64_NULL;
	s->syscall_ns = l->cost.call_ns > 0 ? (uint64_t)l->cost.other_ns : U64_NULL;
	s->sample_pct = policy_percent(l->policy.now.sample);
}

void fault_say(struct live *l, const struct fault_summary *s)
{
	emit_text(l->run, "%s faults: %s first, %s refault, %s again, %s major; %s of a huge page",
		  HUMAN(count, s->faults), HUMAN(count, s->first), HUMAN(count, s->refaults),
		  HUMAN(count, s->again), HUMAN(count, s->major), HUMAN(count, s->huge));
	emit_text(l->run, "%s first, %s refault", HUMAN(bytes3, s->first_bytes),
		  HUMAN(bytes3, s->refault_bytes));
	if (s->sample_pct < 100)
		emit_text(l->run, "of %.4g %% of the pages, not scaled", s->sample_pct);
	if (s->hit_ns != U64_NULL)
		emit_text(l->run, "%s hits, %s each", HUMAN(count, s->live.probe_hits),
			  HUMAN(nsec, s->hit_ns));
	live_say(l, &s->live);
}

void fault_free(struct fault_state *f)
{
	addr_rows_close(&f->rows);
	pages_free(&f->pages);
	free(f->site);
}
