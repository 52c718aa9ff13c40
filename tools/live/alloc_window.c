// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Every allocation, in short windows of time; see alloc.h. */
#include "fnv.h"
#include "live/alloc.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_NS 20000000ULL

/* Where the number of a key's cell is, plus one; or 0, where it is to be. */
static uint32_t *index_of(struct alloc_state *a, const struct alloc_key *key)
{
	uint64_t h = fnv(key, sizeof(*key));

	/* there are twice as many places as cells */
	for (;; h++) {
		uint32_t *at = &a->index[h % ALLOC_INDEX];

		if (!*at || !memcmp(&a->cell[*at - 1].key, key, sizeof(*key)))
			return at;
	}
}

/* The cell of a key that was counted in this window; NULL: there is no room. */
static struct alloc_cell *cell_of(struct alloc_state *a, const struct alloc_cell *c)
{
	uint32_t *at = index_of(a, &c->key);

	if (!*at && a->n == ALLOC_SUMS)
		return NULL;
	if (!*at) {
		a->cell[a->n] = (struct alloc_cell){ .key = c->key };
		*at = ++a->n;
	}
	return &a->cell[*at - 1];
}

static double of_window(const struct alloc_window *w, uint32_t class)
{
	return class == ALLOC_LARGE ? w->bytes[class] : w->objects[class];
}

/* What one cell has of a window, and what all of its class have. */
static void add_cell(struct alloc_state *a, const struct alloc_cell *c,
		     const struct alloc_window *w)
{
	struct alloc_cell *to = cell_of(a, c);
	double x, all = of_window(w, c->key.class);

	if (!to) {
		a->no_room += c->sum.objects;
		return;
	}
	x = c->key.class == ALLOC_LARGE ? c->sum.bytes : c->sum.objects;
	to->sum.objects += c->sum.objects;
	to->sum.bytes += c->sum.bytes;
	to->sum.requested += c->sum.requested;
	to->ratio.x += x;
	to->ratio.xx += x * x;
	to->ratio.xt += x * all;
}

/* Take out of the map what this window has put there. */
static int take_cells(struct alloc_state *a, struct live *l, struct alloc_cell *cell,
		      struct alloc_sum *cpu, size_t *n)
{
	int map = probes_map(&l->probes, "alloc_sums"), err = 0;
	struct alloc_key key;

	for (*n = 0; !err && *n < ALLOC_SUMS && !bpf_map_get_next_key(map, NULL, &key); ++*n) {
		cell[*n] = (struct alloc_cell){ .key = key };
		err = alloc_sum_read(l, map, &key, cpu, &cell[*n].sum);
		err = err ? err : bpf_map_delete_elem(map, &key) ? -errno : 0;
		if (!err && key.class == ALLOC_UNKNOWN)
			alloc_resolve(a, l, &cell[*n]);
	}
	return err;
}

static int end_window(struct alloc_state *a, struct live *l)
{
	struct alloc_cell *cell = calloc(ALLOC_SUMS, sizeof(*cell));
	struct alloc_sum *cpu = calloc(l->probes.ncpus, sizeof(*cpu));
	struct alloc_window w = {};
	size_t n = 0;
	int err = cell && cpu ? take_cells(a, l, cell, cpu, &n) : -ENOMEM;

	for (size_t i = 0; !err && i < n; i++) {
		uint32_t class = cell[i].key.class % ALLOC_KINDS;

		w.objects[class] += cell[i].sum.objects;
		w.bytes[class] += cell[i].sum.bytes;
	}
	for (size_t i = 0; !err && i < n; i++)
		add_cell(a, &cell[i], &w);
	for (uint32_t i = 0; !err && i < ALLOC_KINDS; i++) {
		a->all[i].t += of_window(&w, i);
		a->all[i].tt += of_window(&w, i) * of_window(&w, i);
	}
	a->windows++;
	free(cell);
	free(cpu);
	return err;
}

/* For all programs at once, which are attached. */
static int set_open(struct alloc_state *a, struct live *l, uint32_t open)
{
	uint32_t zero = 0;
	uint64_t now;

	if (bpf_map_update_elem(probes_map(&l->probes, "alloc_open"), &zero, &open, BPF_ANY))
		return fail(-errno, "cannot open or close a window: %s", strerror(errno));
	now = clock_mono_ns();
	if (open)
		a->opened = now;
	else
		a->window_ns += now - a->opened;
	a->open = open;
	return 0;
}

/* Close the window that is open. */
static int close_window(struct alloc_state *a, struct live *l)
{
	int err = set_open(a, l, false);

	probes_detach(&l->probes);
	/* so that what is attached has its share of the time, and not the windows alone */
	a->due = a->began + (uint64_t)((clock_mono_ns() - a->began) / a->share);
	return err ? err : end_window(a, l);
}

int alloc_window_begin(struct alloc_state *a, struct live *l)
{
	a->cell = calloc(ALLOC_SUMS + ALLOC_KINDS, sizeof(*a->cell));
	a->index = calloc(ALLOC_INDEX, sizeof(*a->index));
	if (!a->cell || !a->index)
		return -ENOMEM;
	/* how long it took to attach them is not known: they have been since then at least */
	a->began = clock_mono_ns();
	return set_open(a, l, true);
}

int alloc_window_tick(struct alloc_state *a, struct live *l)
{
	uint64_t now = clock_mono_ns();
	int err;

	if (l->run->ended)
		return 0;
	if (a->open)
		return now - a->opened < WINDOW_NS ? 0 : close_window(a, l);
	if (now < a->due)
		return 0;
	a->began = now;
	err = probes_attach(&l->probes);
	return err ? err : set_open(a, l, true);
}

int alloc_window_end(struct alloc_state *a, struct live *l)
{
	int err = 0;

	if (a->open) {
		err = set_open(a, l, false);
		err = err ? err : end_window(a, l);
	}
	for (size_t i = 0; i < a->n; i++)
		l->probes.delivered += a->cell[i].sum.objects;
	l->probes.delivered += a->no_room;
	a->sampled = l->probes.delivered;
	return err;
}

void alloc_window_estimate(struct alloc_state *a)
{
	size_t n = a->n;

	for (size_t i = 0; i < n; i++) {
		struct alloc_cell *c = &a->cell[i];
		uint32_t class = c->key.class % ALLOC_KINDS;

		c->part = alloc_ratio(&c->ratio, &a->all[class], a->windows, c->sum.objects,
				      a->delta.objects[class], a->delta.bytes[class]);
		if (c->sum.objects)
			c->part.requested = c->part.objects * c->sum.requested / c->sum.objects;
	}
	for (uint32_t i = 0; i < ALLOC_KINDS; i++)
		if (a->delta.objects[i] && !(a->all[i].t > 0))
			a->cell[a->n++] = (struct alloc_cell){
				.key = { .stack = -1, .class = i, .type = UINT64_MAX },
				.part = { .objects = a->delta.objects[i],
					  .bytes = a->delta.bytes[i] },
			};
}
