// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What a Go process allocates: counters, programs, and what they counted; see alloc.h. */
#include "live/alloc.h"
#include "human.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS      20 /* to read the counters while they stand still */
#define RATE_US       50000
#define PAGE          8192
#define SMALL_MAX     32768
#define BY_EIGHT_MAX  1024
#define HEADER_MIN    512
#define HEADER        8
#define TINY_SIZE     16
#define SPECIAL_MAX   80 /* what 1.27 has functions of their own for (malloc_generated.go) */
#define TYPE_PTRBYTES 8

static const char *const modes[] = { "auto", "totals", "sampled", "windowed", "exact" };

const char *alloc_mode_name(enum alloc_mode mode)
{
	return modes[mode];
}

int alloc_mode_read(const char *word, enum alloc_mode *mode)
{
	for (enum alloc_mode m = ALLOC_TOTALS; m <= ALLOC_EXACT; m++)
		if (!strcmp(word, modes[m])) {
			*mode = m;
			return 0;
		}
	return fail(-EINVAL, "--mode is one of totals, sampled, windowed, exact");
}

int alloc_by_read(const char *list, unsigned int *by)
{
	static const char *const words[] = { "class", "stack", "creator", "type" };

	while (*list) {
		size_t n = strcspn(list, ","), i = 0;

		while (i < ARRAY_SIZE(words) &&
		       (strlen(words[i]) != n || strncmp(words[i], list, n)))
			i++;
		if (i == ARRAY_SIZE(words))
			return fail(-EINVAL, "--by takes class, stack, creator and type");
		*by |= 1U << i;
		list += n + (list[n] == ',');
	}
	return 0;
}

/* ---- the runtime's counters ---- */

int alloc_counts_read(struct goproc *gp, struct alloc_counts *c)
{
	struct memstats *ms = malloc(sizeof(*ms));
	int err = ms ? memstats_read(gp, ms, ATTEMPTS) : -ENOMEM;

	*c = (struct alloc_counts){ .known = !err, .ts_ns = clock_mono_ns() };
	for (unsigned int i = 1; !err && i < ALLOC_CLASSES; i++) {
		c->objects[i] = ms->small_allocs[i];
		c->bytes[i] = ms->small_allocs[i] * go_size_class[i];
	}
	if (!err) {
		c->objects[ALLOC_LARGE] = ms->large_allocs;
		c->bytes[ALLOC_LARGE] = ms->large_bytes;
		c->objects[ALLOC_TINY] = ms->tiny_allocs;
		c->mallocs = ms->Mallocs;
		c->total_bytes = ms->TotalAlloc;
	}
	free(ms);
	return err;
}

/* Read while it moves, a counter may seem to have gone back by some. */
static uint64_t grown(uint64_t from, uint64_t to)
{
	return (int64_t)(to - from) > 0 ? to - from : 0;
}

static void count_delta(const struct alloc_counts *a, const struct alloc_counts *b,
			struct alloc_counts *d)
{
	*d = (struct alloc_counts){ .known = a->known && b->known, .ts_ns = b->ts_ns - a->ts_ns };
	for (int i = 0; i < ALLOC_KINDS; i++) {
		d->objects[i] = grown(a->objects[i], b->objects[i]);
		d->bytes[i] = grown(a->bytes[i], b->bytes[i]);
		d->mallocs += d->objects[i];
		d->total_bytes += d->bytes[i];
	}
}

int alloc_look(struct alloc_state *a, struct live *l)
{
	struct alloc_counts now;
	int err = alloc_counts_read(&l->gp, &now);

	if (err) /* a target that ends is none to be read */
		return err == -ENOMEM ? err : 0;
	if (!a->first.known)
		a->first = now;
	a->last = now;
	count_delta(&a->first, &a->last, &a->delta);
	return 0;
}

/* ---- what the programs are told ---- */

struct alloc_sizes {
	uint8_t by_8[136], by_128[256];
	uint16_t class_size[ALLOC_CLASSES];
	uint32_t span_bytes[ALLOC_CLASSES];
	uint32_t header, small_max;
};

struct alloc_conf {
	uint32_t by_stack, by_creator, by_type, malloc_min;
	uint32_t g_gopc, m_p, p_mcache, mcache_tiny;
	uint32_t mspan_nelems, mspan_nelems_width, mspan_allocCount, mspan_elemsize;
	uint32_t mspan_spanclass, mcache_alloc, profiled_arg;
	uint64_t emptymspan;
	uint32_t windows;
};

static bool has_headers(const struct go_layout *l)
{
	return go_layout_minor(l) >= 22;
}

static uint64_t small_max(const struct go_layout *l)
{
	return has_headers(l) ? SMALL_MAX - HEADER : SMALL_MAX;
}

/* The least class that has room. */
static uint32_t fitting(uint64_t size)
{
	for (uint32_t i = 1; i < ALLOC_CLASSES; i++)
		if (size <= go_size_class[i])
			return i;
	return ALLOC_LARGE;
}

uint32_t alloc_class(const struct go_layout *l, uint64_t size, bool pointers)
{
	if (size > small_max(l))
		return ALLOC_LARGE;
	return fitting(size + (pointers && size > HEADER_MIN && has_headers(l) ? HEADER : 0));
}

static void fill_sizes(const struct go_layout *l, struct alloc_sizes *s)
{
	for (unsigned int i = 0; i <= BY_EIGHT_MAX / 8; i++)
		s->by_8[i] = fitting(i ? i * 8 : 1);
	for (unsigned int i = 0; i <= (SMALL_MAX - BY_EIGHT_MAX) / 128; i++)
		s->by_128[i] = fitting(BY_EIGHT_MAX + i * 128);
	for (unsigned int i = 1; i < ALLOC_CLASSES; i++) {
		s->class_size[i] = go_size_class[i];
		s->span_bytes[i] = go_class_pages[i] * PAGE / go_size_class[i] * go_size_class[i];
	}
	s->header = has_headers(l) ? HEADER : 0;
	s->small_max = small_max(l);
}

static int fill_constants(struct alloc_state *a, struct live *l, uint32_t malloc_min)
{
	struct alloc_sizes *s = probes_const(&l->probes, "alloc_sizes", sizeof(*s));
	struct alloc_conf *c = probes_const(&l->probes, "alloc_conf", sizeof(*c));
	const struct go_layout *lay = l->gp.l;

	if (!s || !c)
		return fail(-EINVAL, "the programs have no place for sizes");
	if (lay->mcache_tinyoffset != lay->mcache_tiny + 8)
		return fail(-EINVAL,
			    "an mcache with fields in another order than all releases have");
	fill_sizes(lay, s);
	*c = (struct alloc_conf){
		/* of a sample, where it is made tells the type */
		.by_stack = a->by & ALLOC_BY_STACK ||
			    (a->mode == ALLOC_SAMPLED && a->by & ALLOC_BY_TYPE),
		.by_creator = !!(a->by & ALLOC_BY_CREATOR),
		.by_type = !!(a->by & ALLOC_BY_TYPE),
		.malloc_min = malloc_min,
		.g_gopc = lay->g_gopc,
		.m_p = lay->m_p,
		.p_mcache = lay->p_mcache,
		.mcache_tiny = lay->mcache_tiny,
		.mspan_nelems = lay->mspan_nelems,
		.mspan_nelems_width = lay->mspan_nelems_width,
		.mspan_allocCount = lay->mspan_allocCount,
		.mspan_elemsize = lay->mspan_elemsize,
		.mspan_spanclass = lay->mspan_spanclass,
		.mcache_alloc = lay->mcache_alloc,
		.emptymspan = l->gp.addr[G_emptymspan],
		.profiled_arg = go_layout_minor(lay) >= 23 ? 2 : 1,
		.windows = a->mode == ALLOC_WINDOWED,
	};
	return 0;
}

/* ---- which programs ---- */

/* All but those are left out. */
static void keep(struct live *l, const char *const *names, size_t n)
{
	for (size_t i = 0; i < l->probes.n; i++) {
		size_t k = 0;

		while (k < n && strcmp(names[k], l->probes.probe[i].name))
			k++;
		if (k == n)
			probes_drop(&l->probes, l->probes.probe[i].name);
	}
}

static bool sees_all(const struct probe *pr)
{
	return pr->state == PROBE_READY && pr->complete;
}

static bool see_all(struct live *l, const char *const *names, size_t n)
{
	while (n && sees_all(probes_find(&l->probes, names[n - 1])))
		n--;
	return !n;
}

static bool has_some(struct live *l, const char *const *names, size_t n)
{
	while (n && probes_find(&l->probes, names[n - 1])->state != PROBE_READY)
		n--;
	return n;
}

/* Rather of a function that is there and inlined than of one that this release does not have. */
static const char *why_not(struct live *l, const char *const *names, size_t n)
{
	const char *why = "";

	while (n--) {
		const struct probe *pr = probes_find(&l->probes, names[n]);

		if (pr->why[0] && (!why[0] || pr->state == PROBE_READY))
			why = pr->why;
	}
	return why;
}

/*
 * The set of functions that each allocation passes through once. From 1.24 on mallocgc has some
 * to call for each kind of object, and in 1.27 others call those for a size class past it; up to
 * 1.23 there is mallocgc only. A profile may have had either inlined.
 */
static int choose_all(struct live *l, uint32_t *malloc_min)
{
	static const char *const names[] = { "alloc_malloc",     "alloc_noscan_class",
					     "alloc_scan_class", "alloc_noscan",
					     "alloc_scan",       "alloc_whole" };
	const char *const *classes = names + 1, *const *kinds = names + 3;
	const struct probe *malloc = probes_find(&l->probes, names[0]);
	size_t nclasses = has_some(l, classes, 2) ? 2 : 0;

	*malloc_min = 0;
	if (!see_all(l, classes, nclasses) || !(see_all(l, kinds, 3) || sees_all(malloc)))
		return fail(-EOPNOTSUPP,
			    "not every allocation of process %d can be seen: %s (--mode sampled "
			    "can be used)",
			    l->run->pid, why_not(l, names, 6));
	if (see_all(l, kinds, 3)) {
		keep(l, nclasses ? classes : kinds, nclasses + 3);
	} else {
		*malloc_min = nclasses ? SPECIAL_MAX : 0;
		keep(l, names, 1 + nclasses);
	}
	return 0;
}

/* What it will cost is said before it does. */
static int say_cost(struct alloc_state *a, struct live *l)
{
	struct alloc_counts before, after, d;
	uint64_t cpu[2] = {};
	int err = alloc_counts_read(&l->gp, &before);
	double rate;

	target_cpu_ns(&l->target, &cpu[0]);
	usleep(RATE_US);
	err = err ? err : alloc_counts_read(&l->gp, &after);
	if (err)
		return err;
	target_cpu_ns(&l->target, &cpu[1]);
	count_delta(&before, &after, &d);
	rate = d.mallocs * 1e9 / d.ts_ns;
	if (cost_read(&l->cost, true))
		run_note(l->run,
			 "exact: it allocates %s objects a second now, each will be a trap of %.0f "
			 "ns and a program, %.3g s of CPU time a second at this rate",
			 HUMAN(count, (uint64_t)rate), l->cost.emulated_ns,
			 rate * l->cost.emulated_ns / 1e9);
	else
		run_note(l->run, "exact: it allocates %s objects a second now, each will be a trap",
			 HUMAN(count, (uint64_t)rate));
	return 0;
}

/* Where the need of a span is seen: nearest to it of those that no profile had inlined. */
static const char *some_spans(struct live *l)
{
	static const char *const sites[] = { "alloc_span", "alloc_refill", "alloc_next" };

	for (size_t i = 0; i < ARRAY_SIZE(sites); i++)
		if (sees_all(probes_find(&l->probes, sites[i])))
			return sites[i];
	return NULL;
}

/*
 * The runtime's own sampler costs nearly nothing, if the linker has not turned it off; else who
 * needs another span of a size class is a sample of who allocates of it.
 */
static int choose_some(struct alloc_state *a, struct live *l)
{
	static const char *const own[] = { "alloc_profiled" };
	const struct probe *large = probes_find(&l->probes, "alloc_large");
	const struct probe *flush = probes_find(&l->probes, "alloc_flush");
	const char *names[3] = { some_spans(l) };
	size_t n = 1;

	if (!l->gp.addr[G_MemProfileRate] ||
	    mem_u64(l->gp.mem, l->gp.addr[G_MemProfileRate], &a->rate) || a->rate > INT64_MAX ||
	    !sees_all(probes_find(&l->probes, "alloc_profiled")))
		a->rate = 0;
	if (a->rate) {
		a->source = "the runtime's own samples";
		keep(l, own, 1);
		return 0;
	}
	if (!names[0])
		return fail(-EOPNOTSUPP, "no allocations of process %d can be sampled: %s",
			    l->run->pid, probes_find(&l->probes, "alloc_next")->why);
	a->source = "those that needed a new span, and large ones";
	if (sees_all(large))
		names[n++] = large->name;
	else
		run_note(l->run, "who allocates large objects is not known: %s", large->why);
	/* parts of a span are no spans */
	if (sees_all(flush) && strcmp(names[0], "alloc_next"))
		names[n++] = flush->name;
	else
		run_debug(l->run,
			  "how much of a span was used when a collection took it is not seen");
	keep(l, names, n);
	return 0;
}

int alloc_setup(struct alloc_state *a, struct live *l)
{
	uint32_t malloc_min = 0;
	int err;

	if (a->mode == ALLOC_SAMPLED) {
		err = choose_some(a, l);
	} else {
		err = choose_all(l, &malloc_min);
		a->source = "every allocation";
	}
	err = err ? err : fill_constants(a, l, malloc_min);
	return !err && a->mode == ALLOC_EXACT ? say_cost(a, l) : err;
}

/* ---- what was counted ---- */

static void sum_add(struct alloc_sum *to, const struct alloc_sum *n)
{
	to->objects += n->objects;
	to->bytes += n->bytes;
	to->requested += n->requested;
	to->squares += n->squares;
}

int alloc_sum_read(struct live *l, int map, const void *key, struct alloc_sum *cpu,
		   struct alloc_sum *out)
{
	*out = (struct alloc_sum){};
	if (bpf_map_lookup_elem(map, key, cpu))
		return -errno;
	for (int i = 0; i < l->probes.ncpus; i++)
		sum_add(out, &cpu[i]);
	return 0;
}

static int collect_classes(struct alloc_state *a, struct live *l, struct alloc_sum *cpu)
{
	int map = probes_map(&l->probes, "alloc_classes"), err = 0;

	for (uint32_t i = 0; !err && i < ALLOC_KINDS; i++)
		err = alloc_sum_read(l, map, &i, cpu, &a->class[i]);
	return err;
}

static int collect_requests(struct alloc_state *a, struct live *l)
{
	int map = probes_map(&l->probes, "alloc_requests"), err = 0;
	uint64_t *cpu = calloc(l->probes.ncpus, sizeof(*cpu));

	for (uint32_t i = 0; cpu && !err && i < HIST_SLOTS; i++) {
		err = bpf_map_lookup_elem(map, &i, cpu) ? -errno : 0;
		for (int c = 0; !err && c < l->probes.ncpus; c++)
			a->requests[i] += cpu[c];
	}
	free(cpu);
	return cpu ? err : -ENOMEM;
}

/* The program could not read the type; by now it has been used, and so can be. */
void alloc_resolve(struct alloc_state *a, struct live *l, struct alloc_cell *c)
{
	uint64_t ptrbytes = 0;

	mem_read(l->gp.mem, c->key.type + TYPE_PTRBYTES, &ptrbytes, sizeof(ptrbytes));
	c->key.class = !ptrbytes && c->key.size < TINY_SIZE
			       ? ALLOC_TINY
			       : alloc_class(l->gp.l, c->key.size, ptrbytes);
	c->sum.bytes =
		c->key.class == ALLOC_TINY ? 0 : c->sum.objects * go_size_class[c->key.class];
	sum_add(&a->class[c->key.class], &c -> sum);
	if (!(a->by & ALLOC_BY_TYPE))
		c->key.type = 0;
	c->key.size = 0;
}

/* What collections took of the Ps, of a sample of spans. */
static int collect_flushed(struct alloc_state *a, struct live *l)
{
	int map = probes_map(&l->probes, "alloc_flushes"), err = 0;
	struct alloc_flushed *cpu = calloc(l->probes.ncpus, sizeof(*cpu));

	for (uint32_t i = 0; cpu && !err && i < ALLOC_SPAN_CLASSES; i++) {
		err = bpf_map_lookup_elem(map, &i, cpu) ? -errno : 0;
		for (int c = 0; !err && c < l->probes.ncpus; c++) {
			a->flushed[i].spans += cpu[c].spans;
			a->flushed[i].unused += cpu[c].unused;
		}
	}
	free(cpu);
	return cpu ? err : -ENOMEM;
}

static int collect_cells(struct alloc_state *a, struct live *l, struct alloc_sum *cpu)
{
	int map = probes_map(&l->probes, "alloc_sums");
	struct alloc_key next, *at = NULL;

	/* and one for each class of which there is no sample */
	a->cell = calloc(ALLOC_SUMS + ALLOC_CLASSES, sizeof(*a->cell));
	if (!a->cell)
		return -ENOMEM;
	while (a->n < ALLOC_SUMS && !bpf_map_get_next_key(map, at, &next)) {
		struct alloc_cell *c = &a->cell[a->n++];
		int err = alloc_sum_read(l, map, &next, cpu, &c->sum);

		if (err)
			return err;
		c->key = next;
		at = &c->key;
	}
	mem_refresh(l->gp.mem);
	for (size_t i = 0; i < a->n && a->mode != ALLOC_SAMPLED; i++)
		if (a->cell[i].key.class == ALLOC_UNKNOWN)
			alloc_resolve(a, l, &a->cell[i]);
	return 0;
}

int alloc_collect(struct alloc_state *a, struct live *l)
{
	struct alloc_sum *cpu = calloc(l->probes.ncpus, sizeof(*cpu));
	int err = cpu ? collect_classes(a, l, cpu) : -ENOMEM;

	if (!err && a->mode == ALLOC_WINDOWED) {
		free(cpu);
		err = alloc_window_end(a, l);
		return err ? err : alloc_estimate(a, l);
	}
	err = err ? err : collect_requests(a, l);
	err = err ? err : collect_flushed(a, l);
	err = err ? err : collect_cells(a, l, cpu);
	free(cpu);
	if (err)
		return err;
	for (size_t i = 0; i < a->n; i++)
		if (a->mode == ALLOC_SAMPLED)
			a->sampled += a->cell[i].sum.objects;
		else
			sum_add(&a->class[a->cell[i].key.class % ALLOC_KINDS], &a -> cell[i].sum);
	for (int i = 0; i < ALLOC_KINDS; i++) {
		a->sampled += a->class[i].objects;
		a->requested += a->class[i].requested;
	}
	l->probes.delivered += a->sampled;
	return alloc_estimate(a, l);
}

void alloc_free(struct alloc_state *a)
{
	free(a->index);
	free(a->cell);
}
