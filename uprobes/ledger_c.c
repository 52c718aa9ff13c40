// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The C side in the ledger: whose rows its ranges are, and their details. */
#include "ledger_join.h"
#include <stdio.h>
#include <stdlib.h>

#define KEEP 8 /* details of one kind: the largest; the others are one more */

enum ledger_row_id ledger_c_row(const struct crange *r)
{
	static const enum ledger_row_id row[] = {
		[COWNER_GO] = ROW_COUNT,         [COWNER_ARENA] = ROW_CGO_ARENAS,
		[COWNER_CHUNK] = ROW_CGO_ARENAS, [COWNER_STACK] = ROW_THREADS_STACKS,
		[COWNER_LOADER] = ROW_LIBS,
	};

	return row[r->owner];
}

static void add(struct ledger_detail *d, const struct ledger_detail *x)
{
	d->resident += x->resident;
	d->mapped += x->mapped;
	d->used += x->used;
	d->free += x->free;
	d->malloc = d->malloc && x->malloc;
}

static int by_resident(const void *a, const void *b)
{
	const struct ledger_detail *x = a, *y = b;

	return x->resident > y->resident ? -1 : x->resident < y->resident;
}

/* The largest of n details one by one, the others together: "12 other arenas". */
static int put_largest(struct ledger *l, struct ledger_detail *d, size_t n, const char *others)
{
	struct ledger_detail rest = {};
	int err = 0;

	qsort(d, n, sizeof(*d), by_resident);
	for (size_t i = 0; !err && i < n; i++) {
		if (i < KEEP || n == KEEP + 1) {
			err = ledger_detail_put(l, &d[i]);
		} else if (i == KEEP) {
			rest = d[i];
			snprintf(rest.what, sizeof(rest.what), "%zu other %s", n - KEEP, others);
		} else {
			add(&rest, &d[i]);
		}
	}
	return err || n <= KEEP + 1 ? err : ledger_detail_put(l, &rest);
}

static void name_arena(struct ledger_detail *d, const struct carena *a)
{
	char heaps[32] = "";

	if (a->heaps > 1)
		snprintf(heaps, sizeof(heaps), ", %u heaps", a->heaps);
	if (a->main)
		snprintf(heaps, sizeof(heaps), " (main)");
	snprintf(d->what, sizeof(d->what), "arena 0x%llx%s%s%s%s", (unsigned long long)a->addr,
		 heaps, a->moving ? ", changing" : "", a->why ? "; free chunks unknown: " : "",
		 a->why ? a->why : "");
	d->malloc = a->walked;
	d->used = a->walked ? a->system - a->free : 0;
	d->free = a->walked ? a->free : 0;
}

static int arenas(const struct cside *c, struct ledger *l)
{
	size_t n = c->arenas.n;
	struct ledger_detail *d = calloc(n ? n : 1, sizeof(*d));
	int err = 0;

	if (!d)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		d[i].row = ROW_CGO_ARENAS;
		name_arena(&d[i], &c->arenas.arena[i]);
	}
	for (size_t i = 0; i < c->space.owned.n; i++) {
		const struct crange *r = &c->space.owned.r[i];

		if (r->owner == COWNER_ARENA) {
			d[r->index].resident += r->resident;
			d[r->index].mapped += r->mapped;
		}
	}
	/* the main arena's chunks are the brk heap */
	if (n && c->arenas.arena[n - 1].main) {
		n--;
		d[n].row = ROW_CGO_HEAP;
		d[n].resident = l->row[ROW_CGO_HEAP].resident;
		d[n].mapped = l->row[ROW_CGO_HEAP].mapped;
		err = ledger_detail_put(l, &d[n]);
	}
	err = err ? err : put_largest(l, d, n, "arenas");
	free(d);
	return err;
}

/* Stacks of living threads and of exited ones; the main thread's has no range of ours. */
static int stacks(const struct cside *c, struct ledger *l)
{
	const struct ledger_row *row = &l->row[ROW_THREADS_STACKS];
	struct ledger_detail *d = calloc(c->threads.n + 1, sizeof(*d));
	struct ledger_detail exited = { .row = ROW_THREADS_STACKS },
			     first = { .row = ROW_THREADS_STACKS,
				       .what = "main thread",
				       .resident = row->resident,
				       .mapped = row->mapped };
	size_t n = 0, gone = 0;
	int err = d ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < c->space.owned.n; i++) {
		const struct crange *r = &c->space.owned.r[i];
		struct ledger_detail x = { .row = ROW_THREADS_STACKS,
					   .resident = r->resident,
					   .mapped = r->mapped };
		int32_t tid;

		if (r->owner != COWNER_STACK || !r->mapped)
			continue;
		tid = c->threads.thread[r->index].tid;
		first.resident -= r->resident;
		first.mapped -= r->mapped;
		snprintf(x.what, sizeof(x.what), "thread %d", tid);
		if (tid)
			d[n++] = x;
		else
			add(&exited, &x);
		gone += !tid;
	}
	snprintf(exited.what, sizeof(exited.what), "stacks of %zu exited threads, for reuse", gone);
	if (first.mapped)
		err = err ? err : ledger_detail_put(l, &first);
	if (gone)
		err = err ? err : ledger_detail_put(l, &exited);
	err = err ? err : put_largest(l, d, n, "threads");
	free(d);
	return err;
}

/* Large blocks, and the loader's own memory: each one detail. */
static int together(const struct cside *c, struct ledger *l)
{
	struct ledger_detail block = { .row = ROW_CGO_ARENAS, .malloc = true },
			     loader = { .row = ROW_LIBS,
					.what = "program loader, static TLS of the main thread" };
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < c->space.owned.n; i++) {
		const struct crange *r = &c->space.owned.r[i];
		struct ledger_detail *d = r->owner == COWNER_CHUNK    ? &block
					  : r->owner == COWNER_LOADER ? &loader
								      : NULL;

		if (!d)
			continue;
		d->resident += r->resident;
		d->mapped += r->mapped;
		n += r->owner == COWNER_CHUNK;
	}
	block.used = c->chunks.bytes;
	snprintf(block.what, sizeof(block.what), "%zu large blocks, each a mapping of its own", n);
	if (n)
		err = ledger_detail_put(l, &block);
	return err || !loader.mapped ? err : ledger_detail_put(l, &loader);
}

/* Others than glibc: what is theirs is not told apart, so that is said. */
static int names(const struct cnames *c, struct ledger *l)
{
	int err = 0;

	for (unsigned i = 0; !err && i < c->n; i++) {
		struct ledger_detail d = { .row = ROW_ANON_OTHER };

		snprintf(d.what, sizeof(d.what), "%s is here (%s), its memory not told apart",
			 c->other[i].name, c->other[i].by);
		err = ledger_detail_put(l, &d);
	}
	return err;
}

static int threads_unknown(struct ledger *l)
{
	struct ledger_detail d = {
		.row = ROW_ANON_OTHER,
		.what = "stacks of C threads are here: not told apart on arm64"
	};

	return ledger_detail_put(l, &d);
}

int ledger_c_details(const struct join_input *in, struct ledger *l)
{
	const struct cside *c = in->c;
	int err;

	if (!c || !c->named)
		return 0;
	err = arenas(c, l);
	err = err ? err : stacks(c, l);
	err = err ? err : together(c, l);
	if (c->threads_unknown)
		err = err ? err : threads_unknown(l);
	return err ? err : names(&c->names, l);
}
