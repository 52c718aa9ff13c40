// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Kernel memory by who asked for it, from counters to estimates; see kmem.h. */
#include "live/kmem.h"
#include "human.h"
#include "live/sysname.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONFIDENCE 1.96 /* standard errors: 95 of 100 */
#define OUR_FRAMES 12   /* of the programs and what runs them, at most */

static const char *const kinds[KMEM_KINDS] = { "kmalloc", "cache", "pages", "percpu" };

/* ---- estimates ---- */

void kmem_part_add(struct kmem_part *p, const struct kmem_sum *sum, uint32_t sample)
{
	double share = sample == SAMPLE_ALL ? 1 : sample / 4294967296.0;
	double spread = (1 - share) / share / share;

	p->objects += sum->count / share;
	p->requested += sum->requested / share;
	p->bytes += sum->bytes / share;
	p->left += (sum->count - sum->freed) / share;
	p->left_bytes += (sum->bytes - sum->freed_bytes) / share;
	p->unseen += sum->unseen / share;
	p->var += sum->squares * spread;
	p->left_var += (sum->squares - sum->freed_squares) * spread;
}

static void part_join(struct kmem_part *p, const struct kmem_part *q)
{
	p->objects += q->objects;
	p->requested += q->requested;
	p->bytes += q->bytes;
	p->left += q->left;
	p->left_bytes += q->left_bytes;
	p->unseen += q->unseen;
	p->var += q->var;
	p->left_var += q->left_var;
}

uint64_t kmem_error(double var)
{
	return var > 0 ? (uint64_t)llround(CONFIDENCE * sqrt(var)) : U64_NULL;
}

static void fill_numbers(struct kmem_row *r)
{
	const struct kmem_part *p = &r->part;

	r->objects = llround(p->objects);
	r->requested_bytes = llround(p->requested);
	r->allocated_bytes = llround(p->bytes);
	r->error_bytes = kmem_error(p->var);
	r->outstanding = llround(p->left);
	r->outstanding_bytes = llround(p->left_bytes);
	r->outstanding_error_bytes = kmem_error(p->left_var);
	r->unseen = llround(p->unseen);
}

/* ---- stacks in the kernel ---- */

/* What leads from an allocation to our programs. */
static const char *const ours[] = { "__traceiter_", "bpf_trace_run", "__bpf_trace_",
				    "bpf_get_stackid" };

/* The allocator: where it does not tell who called it, that is the first that is none of these. */
static const char *const allocator[] = {
	"__alloc_pages",        "alloc_pages",
	"__alloc_frozen_pages", "alloc_frozen_pages",
	"__folio_alloc",        "folio_alloc",
	"vma_alloc_folio",      "alloc_page_interleave",
	"__get_free_pages",     "get_zeroed_page",
	"get_free_pages",       "pcpu_alloc",
	"__alloc_percpu",       "alloc_pages_vma",
	"policy_alloc",         "vma_alloc_zeroed_movable_folio",
};

static bool begins_any(const char *s, const char *const *prefix, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(s, prefix[i], strlen(prefix[i])))
			return true;
	return false;
}

/* A return address belongs to the call before it. */
static const char *function_at(struct live *l, uint64_t pc)
{
	struct frame f;

	symbols_lookup(l->names, pc - 1, &f, 1);
	return f.function;
}

static size_t first_frame(struct live *l, const uint64_t *pc, size_t n, uint64_t call_site)
{
	size_t i, first = 0;

	for (i = 0; call_site && i < n && i < OUR_FRAMES; i++)
		if (pc[i] == call_site)
			return i;
	for (i = 0; i < n && i < OUR_FRAMES; i++)
		if (begins_any(function_at(l, pc[i]), ours, ARRAY_SIZE(ours)))
			first = i + 1;
	while (first < n && begins_any(function_at(l, pc[first]), allocator, ARRAY_SIZE(allocator)))
		first++;
	return first;
}

/* From the call of the allocator on; good until the next. */
static struct stack read_stack(struct kmem_state *m, struct live *l, int32_t id, uint64_t call_site)
{
	uint64_t pc[KMEM_FRAMES] = {};
	size_t n = 0, out = 0;
	struct frame f;

	if (id < 0 || bpf_map_lookup_elem(probes_map(&l->probes, "kmem_stacks"), &id, pc))
		return (struct stack){};
	while (n < KMEM_FRAMES && pc[n])
		n++;
	for (size_t i = first_frame(l, pc, n, call_site); i < n; i++) {
		symbols_lookup(l->names, pc[i] - 1, &f, 1);
		m->frame[out++] = (struct stack_frame){
			.function = f.function,
			.line = U32_NULL,
			.module = f.module,
			.addr = pc[i],
			.start_line = U32_NULL,
		};
	}
	return (struct stack){ m->frame, out };
}

/* ---- what was counted ---- */

static void add_row(struct kmem_state *m, struct live *l, const struct kmem_site *k,
		    const struct kmem_sum *sum)
{
	struct kmem_row *r = &m->row[m->n++];

	r->by = "stack";
	r->kind = k->kind < KMEM_KINDS ? kinds[k->kind] : NULL;
	r->stack_id = k->stack;
	r->call_site = k->call_site;
	if (k->cache &&
	    !bpf_map_lookup_elem(probes_map(&l->probes, "kmem_caches"), &k->cache, r->cache_name)) {
		r->cache_name[KMEM_NAME - 1] = '\0';
		r->cache = r->cache_name;
	}
	/* before 6.1 the kernel does not say what a per-CPU allocation may do */
	if (k->kind != KMEM_PERCPU || k->call_site)
		r->gfp = gfp_text(&m->gfp, k->gfp, r->gfp_name);
	r->call = k->call == KMEM_NO_CALL ? "none" : sysname(k->call);
	if (k->call_site) {
		r->site = function_at(l, k->call_site);
	} else {
		struct stack s = read_stack(m, l, k->stack, 0);

		r->site = s.n ? s.frame[0].function : NULL;
	}
	kmem_part_add(&r->part, sum, k->sample);
	fill_numbers(r);
	if (k->kind < KMEM_KINDS)
		part_join(&m->kind[k->kind], &r->part);
}

static int collect_sites(struct kmem_state *m, struct live *l)
{
	int map = probes_map(&l->probes, "kmem_sites");
	struct kmem_site key, next, *at = NULL;
	struct kmem_sum sum;

	m->row = calloc(KMEM_SITES, sizeof(*m->row));
	if (!m->row)
		return -ENOMEM;
	while (m->n < KMEM_SITES && !bpf_map_get_next_key(map, at, &next)) {
		if (bpf_map_lookup_elem(map, &next, &sum))
			return -errno;
		l->probes.delivered += sum.count;
		add_row(m, l, &next, &sum);
		key = next;
		at = &key;
	}
	return 0;
}

static int collect_sizes(struct kmem_state *m, struct live *l)
{
	int map = probes_map(&l->probes, "kmem_sizes"), err = 0;
	uint64_t *cpu = calloc(l->probes.ncpus, sizeof(*cpu));

	if (!cpu)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < KMEM_KINDS * HIST_SLOTS; i++) {
		err = bpf_map_lookup_elem(map, &i, cpu) ? -errno : 0;
		for (int c = 0; !err && c < l->probes.ncpus; c++)
			m->size[i / HIST_SLOTS][i % HIST_SLOTS] += cpu[c];
	}
	free(cpu);
	return err;
}

int kmem_setup(struct live *l, uint64_t objects)
{
	static const char *const before_6_1[] = { "kmem_kmalloc_node", "kmem_cache_alloc_node" };
	uint32_t *tgid = probes_const(&l->probes, "raw_tgid", sizeof(*tgid));

	if (!tgid)
		return fail(-EINVAL, "the programs have no place for the process");
	/* where there is none of them, the others see it all */
	for (size_t i = 0; i < ARRAY_SIZE(before_6_1); i++)
		if (probes_find(&l->probes, before_6_1[i])->state == PROBE_OFF)
			probes_drop(&l->probes, before_6_1[i]);
	*tgid = l->target.status.inner_pid;
	return probes_resize(&l->probes, "kmem_objects", objects);
}

int kmem_collect(struct kmem_state *m, struct live *l)
{
	int err;

	gfp_open(&m->gfp);
	err = collect_sites(m, l);
	return err ? err : collect_sizes(m, l);
}

/* ---- rows ---- */

enum key { BY_KIND = 1, BY_CACHE = 2, BY_SITE = 4, BY_CALL = 8, BY_GFP = 16 };

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same(const struct kmem_row *a, const struct kmem_row *b, unsigned int by)
{
	return (!(by & BY_KIND) || a->kind == b->kind) &&
	       (!(by & BY_CACHE) || same_text(a->cache, b->cache)) &&
	       (!(by & BY_SITE) || same_text(a->site, b->site)) &&
	       (!(by & BY_CALL) || same_text(a->call, b->call)) &&
	       (!(by & BY_GFP) || same_text(a->gfp, b->gfp));
}

static int by_bytes(const void *a, const void *b)
{
	const struct kmem_row *x = *(struct kmem_row *const *)a, *y = *(struct kmem_row *const *)b;

	if (x->allocated_bytes != y->allocated_bytes)
		return x->allocated_bytes < y->allocated_bytes ? 1 : -1;
	return x < y ? -1 : 1;
}

/* The largest first; what points into a row stays good. -ENOMEM: none is. */
static int emit_sorted(struct kmem_state *m, struct live *l, const struct section *s,
		       struct kmem_row *row, size_t n)
{
	struct kmem_row **at = calloc(n + 1, sizeof(struct kmem_row *));

	for (size_t i = 0; at && i < n; i++)
		at[i] = &row[i];
	if (at)
		qsort(at, n, sizeof(struct kmem_row *), by_bytes);
	for (size_t i = 0; at && i < n; i++) {
		at[i]->stack = read_stack(m, l, at[i]->stack_id, at[i]->call_site);
		emit_row(l->run, s, at[i]);
	}
	free(at);
	return at ? 0 : -ENOMEM;
}

/* Rows that are the same in those keys, as one. */
static int emit_groups(struct kmem_state *m, struct live *l, const struct section *s,
		       unsigned int by, const char *name)
{
	struct kmem_row *group = calloc(m->n + 1, sizeof(*group));
	size_t n = 0, k;
	int err;

	if (!group)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++) {
		const struct kmem_row *r = &m->row[i];

		for (k = 0; k < n && !same(&group[k], r, by); k++)
			;
		if (k == n)
			group[n++] = (struct kmem_row){ .by = name,
							.kind = r->kind,
							.cache = r->cache,
							.site = r->site,
							.call = r->call,
							.gfp = r->gfp,
							.stack_id = -1 };
		part_join(&group[k].part, &r->part);
	}
	for (k = 0; k < n; k++)
		fill_numbers(&group[k]);
	err = emit_sorted(m, l, s, group, n);
	free(group);
	return err;
}

static void emit_sizes(struct kmem_state *m, struct live *l, const struct section *s)
{
	for (int k = 0; k < KMEM_KINDS; k++) {
		struct hist h = { .value = kinds[k],
				  .slots = m->size[k],
				  .sum = llround(m->kind[k].requested),
				  .min = U64_NULL,
				  .max = U64_NULL };

		if (m->kind[k].objects > 0)
			emit_hist(l->run, s, &h);
	}
}

int kmem_emit(struct kmem_state *m, struct live *l, const struct kmem_sections *s)
{
	int err = emit_groups(m, l, s->kinds, BY_KIND, "kind");

	err = err ? err : emit_groups(m, l, s->sites, BY_KIND | BY_SITE | BY_CACHE, "site");
	err = err ? err : emit_groups(m, l, s->calls, BY_KIND | BY_CALL, "call");
	err = err ? err : emit_groups(m, l, s->flags, BY_KIND | BY_GFP, "gfp");
	err = err ? err : emit_sorted(m, l, s->stacks, m->row, m->n);
	emit_sizes(m, l, s->sizes);
	return err;
}

void kmem_summarize(struct kmem_state *m, struct live *l, struct kmem_summary *s)
{
	struct kmem_row all = {}, pages = { .part = m->kind[KMEM_PAGES] };

	for (int k = 0; k < KMEM_KINDS; k++)
		if (k != KMEM_PAGES)
			part_join(&all.part, &m->kind[k]);
	fill_numbers(&all);
	fill_numbers(&pages);
	s->objects = all.objects;
	s->requested_bytes = all.requested_bytes;
	s->allocated_bytes = all.allocated_bytes;
	s->error_bytes = all.error_bytes;
	s->outstanding = all.outstanding;
	s->outstanding_bytes = all.outstanding_bytes;
	s->outstanding_error_bytes = all.outstanding_error_bytes;
	s->unseen = all.unseen;
	s->pages_bytes = pages.allocated_bytes;
	s->pages_outstanding_bytes = pages.outstanding_bytes;
	s->sample_pct = policy_percent(l->policy.now.sample);
	s->hit_ns = s->live.probe_hits && s->live.overhead_ns != U64_NULL
			    ? s->live.overhead_ns / s->live.probe_hits
			    : U64_NULL;
	s->raw_ns = l->cost.raw_ns > 0 ? (uint64_t)l->cost.raw_ns : U64_NULL;
}

void kmem_say(struct live *l, const struct kmem_summary *s)
{
	emit_text(l->run, "%s objects: %s requested, %s allocated, %s outstanding",
		  HUMAN(count, s->objects), HUMAN(bytes3, s->requested_bytes),
		  HUMAN(bytes3, s->allocated_bytes), HUMAN(bytes3, s->outstanding_bytes));
	emit_text(l->run, "pages: %s allocated, %s outstanding; slabs are made of such",
		  HUMAN(bytes3, s->pages_bytes), HUMAN(bytes3, s->pages_outstanding_bytes));
	if (s->sample_pct < 100)
		emit_text(l->run, "of a sample of %.4g %%: %s +- %s allocated, in 95 of 100 runs",
			  s->sample_pct, HUMAN(bytes3, s->allocated_bytes),
			  HUMAN(bytes3, s->error_bytes));
	if (s->live.paused_ns)
		emit_text(l->run, "probes were paused: at most so much is outstanding");
	if (s->unseen) {
		emit_text(l->run, "%s were freed unseen, known as their addresses came again:",
			  HUMAN(count, s->unseen));
		emit_text(l->run, "where that is so (-v) at most so much is outstanding");
	}
	if (s->hit_ns != U64_NULL)
		emit_text(l->run, "%s hits in its context, %s each",
			  HUMAN(count, s->live.probe_hits), HUMAN(nsec, s->hit_ns));
	live_say(l, &s->live);
}

void kmem_free(struct kmem_state *m)
{
	free(m->row);
}
