// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* All readers of C memory, one after the other; see cside.h. */
#include "c/cside.h"
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#define READ_NS    500000000ULL /* hostile memory: nothing is believed that is read later */
#define WALK_PAGES 131072       /* read to walk free lists, in one look: about 100 ms */

/* What the program headers say: is there a C side, and where is the dynamic section? */
static bool c_side(const struct goproc *gp, uint64_t *dynamic)
{
	size_t n = 0;
	bool tls = false;
	uint64_t bias;
	const struct binary *exe = goproc_exe(gp, &bias);
	GElf_Phdr ph;

	*dynamic = 0;
	if (!exe->elf || elf_getphdrnum(exe->elf, &n))
		return false;
	for (size_t i = 0; i < n && gelf_getphdr(exe->elf, i, &ph); i++) {
		tls |= ph.p_type == PT_TLS;
		if (ph.p_type == PT_DYNAMIC)
			*dynamic = ph.p_vaddr + bias;
	}
	return exe->dynamic || tls;
}

static int own_go(struct cspace *s, const struct gometa *meta, const struct goheap *heap)
{
	int err = 0;

	for (size_t i = 0; !err && i < heap->narenas; i++)
		err = cranges_add(&s->owned, heap->arena[i]->base, heap->arena[i]->base + GO_ARENA,
				  COWNER_GO, 0);
	for (size_t i = 0; !err && i < meta->n; i++)
		err = cranges_add(&s->owned, meta->range[i].start, meta->range[i].end, COWNER_GO,
				  0);
	return err;
}

static int find_all(struct cside *c, uint64_t dynamic)
{
	struct cspace *s = &c->space;
	struct cloader loader = {};
	int err;

	cranges_sort(&s->owned);
	err = carenas_find(s, &c->arenas);
	cranges_sort(&s->owned);
	if (!c->threads_unknown)
		err = err ? err : cthreads_find(s, &c->threads);
	cranges_sort(&s->owned);
	err = err ? err : cloader_find(s, &loader, dynamic, c->threads.main_tcb);
	if (c->arenas.n || c->names.glibc)
		err = err ? err : cchunks_find(s, &c->chunks);
	err = err ? err : cloader_own(s, &loader);
	cloader_free(&loader);
	return err;
}

static int by_size(const void *a, const void *b)
{
	const struct carena *x = *(struct carena *const *)a, *y = *(struct carena *const *)b;

	return x->size < y->size ? -1 : x->size > y->size;
}

/*
 * Free chunks are added up once a look: another try at its pages need not repeat it.
 * Small arenas come first: if not all can be read, as many as possible are.
 */
static int walk_all(struct cside *c, const struct carenas *last)
{
	struct carena **order = calloc(c->arenas.n + 1, sizeof(*order));
	int err = order ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < c->arenas.n; i++)
		order[i] = &c->arenas.arena[i];
	if (!err)
		qsort(order, c->arenas.n, sizeof(*order), by_size);
	for (size_t i = 0; !err && i < c->arenas.n; i++) {
		struct carena *a = order[i];
		const struct carena *b = carenas_at(last, a->addr);

		if (b) {
			a->system = b->system;
			a->free = b->free;
			a->moving = b->moving;
			a->walked = b->walked;
			a->why = b->why;
		} else {
			err = carena_walk(&c->space, &c->arenas, a, &c->budget);
		}
	}
	free(order);
	return err;
}

int cside_read(struct cside *c, struct goproc *gp, const struct gometa *meta,
	       const struct goheap *heap, const struct page_runs *runs)
{
	struct carenas last = c->arenas;
	uint64_t start = clock_mono_ns(), dynamic, bias;
	const struct binary *exe = goproc_exe(gp, &bias);
	int err = 0;

	if (!c_side(gp, &dynamic))
		return 0;
	mem_deadline(gp->mem, READ_NS);
	if (!c->named) {
		cnames_find(&c->names, &gp->t->maps, exe->elf);
		c->named = true;
		c->budget = WALK_PAGES;
	}
	cranges_free(&c->space.owned);
	cthreads_free(&c->threads);
	c->arenas = (struct carenas){};
	c->threads_unknown = gp->bin.machine != EM_X86_64;
	c->space = (struct cspace){ .mem = gp->mem,
				    .maps = &gp->t->maps,
				    .runs = runs,
				    .go_known = meta && heap,
				    .exe_ino = gp->t->exe_ino,
				    .in_exe = !exe->dynamic };
	if (c->space.go_known)
		err = own_go(&c->space, meta, heap);
	err = err ? err : find_all(c, dynamic);
	err = err ? err : walk_all(c, &last);
	carenas_free(&last);
	c->read_ns += clock_mono_ns() - start;
	return err;
}

void cside_free(struct cside *c)
{
	cranges_free(&c->space.owned);
	cthreads_free(&c->threads);
	carenas_free(&c->arenas);
	*c = (struct cside){};
}
