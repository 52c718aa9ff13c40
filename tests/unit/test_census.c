// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * A census over a forged runtime, and over heaps made here: classes, states and cells add
 * up to the same, however many spans there are; types of forged objects are found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "census.h"
#include "forge.h"
#include "proc/pagemap.h"
#include <stdlib.h>
#include <string.h>

/* Pages that are there: the first and the third of a span, and of what was given back. */
static struct page_run resident[] = {
	{ ARENA, ARENA + MEM_PAGE, PAGE_PRESENT },
	{ ARENA + GO_PAGE, ARENA + GO_PAGE + MEM_PAGE, PAGE_PRESENT | PAGE_ZERO },
	{ ARENA + 2 * GO_PAGE, ARENA + 3 * GO_PAGE, PAGE_PRESENT },
	{ ARENA + 16 * GO_PAGE, ARENA + 17 * GO_PAGE, PAGE_PRESENT },
};
static const struct page_runs runs = { .run = resident, .n = 4 };

static void sum_is(const struct census_sum *s, const struct census_sum *want)
{
	assert_memory_equal(s, want, sizeof(*s));
}

static struct census_sum plus(struct census_sum a, const struct census_sum *b)
{
	const uint64_t *from = (const uint64_t *)b;
	uint64_t *to = (uint64_t *)&a;

	for (size_t i = 0; i < sizeof(a) / 8; i++)
		to[i] += from[i];
	return a;
}

/* Cells by state, and classes, are the states; each cell is in its place. */
static void adds_up(const struct census *c)
{
	struct census_sum cells[PS_COUNT] = {}, classes = {};

	for (size_t i = 0; i < c->ncells; i++) {
		cells[c->cell[i].state] = plus(cells[c->cell[i].state], &c->cell[i].sum);
		if (i)
			assert_true(c->cell[i - 1].addr / (c->window ? c->window : 1) <=
				    c->cell[i].addr / (c->window ? c->window : 1));
	}
	for (int i = 0; i < GO_SPAN_CLASSES; i++)
		classes = plus(classes, &c->class[i]);
	for (int i = 0; i < PS_COUNT; i++)
		sum_is(&cells[i], &c->state[i]);
	sum_is(&classes, &c->state[PS_IN_USE]);
	assert_int_equal(classes.bytes + classes.free_slots + classes.tail, classes.mapped);
}

static void test_forged(void **state)
{
	struct forge *f = forge_new(go_layout_find(24, EM_X86_64));
	struct gometa meta;
	struct goheap heap;
	struct census c = {};

	assert_int_equal(gometa_read(&f->gp, &meta), 0);
	assert_int_equal(goheap_read(&f->gp, &meta, &heap, true), 0);
	assert_int_equal(census_count(&heap, &runs, 100, &c), 0);
	adds_up(&c);
	assert_int_equal(c.window, 0);
	/* two spans of 8 slots: 5 and 7 occupied, 3 and 2 of them marked */
	sum_is(
		&c.class [CLASS_1024], &(struct census_sum) {
			.spans = 2, .objects = 12, .mapped = 2 * GO_PAGE, .bytes = 12 * 1024,
			.live = 5 * 1024, .free_slots = 4 * 1024, .resident = MEM_PAGE
		});
	sum_is(&c.state[PS_STACK],
	       &(struct census_sum){ .spans = 1, .mapped = 4 * GO_PAGE, .resident = GO_PAGE });
	sum_is(&c.state[PS_RETURNED],
	       &(struct census_sum){ .mapped = 17 * GO_PAGE, .resident = GO_PAGE });
	assert_int_equal(c.state[PS_TRANSIT].mapped, GO_PAGE);
	assert_int_equal(c.cell[0].addr, ARENA);
	assert_int_equal(c.cell[0].class, CLASS_1024);
	assert_int_equal(c.cell[2].state, PS_STACK);
	census_free(&c);
	goheap_free(&heap);
	gometa_free(&meta);
	forge_free(f);
}

/* ---- heaps made here ---- */

#define ARENAS 3

struct made {
	struct goheap heap;
	uint64_t seed;
};

static uint64_t some(struct made *m, uint64_t n)
{
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (m->seed >> 33) % n;
}

static void span_make(struct made *m, uint64_t base, uint32_t npages, uint32_t class)
{
	struct span *s = &m->heap.span[m->heap.n];
	struct arena *a = goheap_arena(&m->heap, base);

	*s = (struct span){ .base = base, .npages = npages, .class = class, .state = PS_IN_USE };
	s->elemsize = go_size_class[class / 2];
	s->nelems = s->elemsize ? span_bytes(s) / s->elemsize : 1;
	s->nelems = s->nelems > 1024 ? 1024 : s->nelems;
	s->allocs = some(m, s->nelems + 1);
	s->live = some(m, s->allocs + 1);
	if (!s->elemsize)
		s->allocs = s->live = 1;
	a->span_at[(base - a->base) / GO_PAGE] = ++m->heap.n;
	for (uint64_t at = a->base + GO_ARENA; at < base + span_bytes(s); at += GO_ARENA)
		goheap_arena(&m->heap, at)->span_at[0] = m->heap.n;
}

/* Arenas side by side, full of spans of one to four pages, with free pages in between. */
static void heap_make(struct made *m, uint64_t seed)
{
	*m = (struct made){ .seed = seed };
	m->heap.arena = calloc(ARENAS, sizeof(*m->heap.arena));
	m->heap.span = calloc(ARENAS * GO_ARENA_PAGES, sizeof(*m->heap.span));
	for (int i = 0; i < ARENAS; i++) {
		m->heap.arena[i] = calloc(1, sizeof(**m->heap.arena));
		m->heap.arena[i]->base = ARENA + i * GO_ARENA;
		memset(m->heap.arena[i]->mapped, 0xff, sizeof(m->heap.arena[i]->mapped));
		m->heap.narenas++;
	}
	/* one object that begins in the first and ends in the third */
	span_make(m, ARENA + GO_ARENA - GO_PAGE, GO_ARENA_PAGES + 2, 1);
	for (uint64_t at = ARENA; at < ARENA + ARENAS * GO_ARENA; at += GO_PAGE) {
		const struct span *in = goheap_span(&m->heap, at, GO_ARENA_PAGES);
		uint32_t npages = 1 + some(m, 4);

		if (in) {
			at = in->base + span_bytes(in) - GO_PAGE;
		} else if (some(m, 3) && !goheap_span(&m->heap, at + (npages - 1) * GO_PAGE, 4) &&
			   at + npages * GO_PAGE < ARENA + ARENAS * GO_ARENA) {
			span_make(m, at, npages, 10 + some(m, 40));
			at += (npages - 1) * GO_PAGE;
		}
	}
}

/* However few cells may be, they are not more, and their sums are the same. */
static void test_cells(void **state)
{
	struct census all = {};
	struct made m;

	for (uint64_t seed = 1; seed <= 3; seed++) {
		heap_make(&m, seed);
		assert_true(m.heap.n > 5000);
		assert_int_equal(census_count(&m.heap, &runs, 100000, &all), 0);
		assert_int_equal(all.window, 0);
		assert_true(all.ncells > m.heap.n);
		for (size_t room = all.ncells; room > 10; room = room / 2 - 1) {
			struct census c = {};

			assert_int_equal(census_count(&m.heap, &runs, room, &c), 0);
			assert_true(c.ncells <= room && c.ncells >= room / 8);
			assert_int_equal(!c.window, room == all.ncells);
			adds_up(&c);
			assert_memory_equal(c.state, all.state, sizeof(c.state));
			assert_memory_equal(c.class, all.class, sizeof(c.class));
			census_free(&c);
		}
		census_free(&all);
		goheap_free(&m.heap);
	}
}

/* ---- types ---- */

#define CLASS_1280 (34 * 2)
#define TYPES      0x600000ULL
#define OBJECTS    0xc100000000ULL
#define MARKBITS   0x7f0001000000ULL

/* A descriptor of a struct of `size` bytes called *main.T: at off, its name behind it. */
static void type_make(uint8_t *types, uint64_t off, uint64_t size, char name)
{
	uint8_t *d = types + off, *n = types + off + GO_TYPE_SIZE;

	put64(d, 0, size);
	put64(d, 8, 8);
	d[20] = 2; /* extra star */
	d[21] = d[22] = 8;
	d[23] = GO_KIND_STRUCT;
	memcpy(d + 40, &(uint32_t){ off + GO_TYPE_SIZE }, 4);
	n[0] = 1;
	n[1] = sizeof("*main.T") - 1;
	memcpy(n + 2, "*main.T", sizeof("*main.T") - 1);
	n[2 + sizeof("*main.") - 1] = name;
}

static const struct object_type *type_named(const struct object_types *o, const char *name,
					    bool array)
{
	for (size_t i = 0; i < o->n; i++)
		if (!strcmp(o->type[i].name, name) && o->type[i].array == array)
			return &o->type[i];
	return NULL;
}

static void test_types(void **state)
{
	struct forge *f = forge_new(go_layout_find(24, EM_X86_64));
	uint8_t *types = calloc(1, MEM_PAGE), *objects = calloc(16, GO_PAGE), bits[64] = {};
	uint8_t *md = global(f, G_firstmoduledata);
	struct mem_segment seg[] = { { AT_GLOBALS, f->globals, GLOBALS, 0 },
				     { TYPES, types, MEM_PAGE, 0 },
				     { OBJECTS, objects, 16 * GO_PAGE, 0 },
				     { MARKBITS, bits, sizeof(bits), 0 } };
	/* 6 slots of 1,280 bytes, swept, four handed out and one behind that is marked */
	struct span span[] = { { .base = OBJECTS,
				 .bits = MARKBITS,
				 .npages = 1,
				 .elemsize = 1280,
				 .nelems = 6,
				 .allocs = 5,
				 .live = 2,
				 .freeindex = 4,
				 .state = PS_IN_USE,
				 .class = CLASS_1280 },
			       { .base = OBJECTS + GO_PAGE,
				 .npages = 8,
				 .nelems = 1,
				 .allocs = 1,
				 .live = 1,
				 .freeindex = 1,
				 .state = PS_IN_USE } };
	struct large_type large = { 1, TYPES + 256 };
	struct goheap heap = { .span = span, .n = 2, .large = &large, .nlarge = 1 };
	struct object_types o;
	const struct object_type *t;

	mem_close(f->gp.mem);
	f->gp.mem = mem_image_new(seg, 4);
	f->gp.proven = true;
	put64(md, f->l->md_types, TYPES);
	put64(md, f->l->md_etypes, TYPES + MEM_PAGE);
	type_make(types, 128, 1272, 'A');
	type_make(types, 256, 60000, 'L');
	bits[0] = 1 << 1 | 1 << 5;
	put64(objects, 0 * 1280, TYPES + 128); /* one of A, new */
	put64(objects, 1 * 1280, TYPES + 128); /* one of A, live */
	put64(objects, 2 * 1280, TYPES + 129); /* no type */
	put64(objects, 3 * 1280, TYPES + 512); /* nor this */
	put64(objects, 4 * 1280, TYPES + 128); /* free: not looked at */
	put64(objects, 5 * 1280, TYPES + 128); /* live */
	assert_int_equal(go_size_class[CLASS_1280 / 2], 1280);
	assert_int_equal(object_types_read(&f->gp, &heap, &o), 0);
	assert_true(o.known);
	assert_int_equal(o.objects, 6);
	assert_int_equal(o.type[OBJECTS_UNTYPED].objects, 2);
	assert_int_equal(o.type[OBJECTS_UNTYPED].bytes, 2 * 1280);
	t = type_named(&o, "main.A", false);
	assert_non_null(t);
	assert_int_equal(t->objects, 3);
	assert_int_equal(t->live_objects, 2);
	assert_int_equal(t->live, 2 * 1280);
	t = type_named(&o, "main.L", false);
	assert_non_null(t);
	assert_int_equal(t->bytes, 8 * GO_PAGE);
	object_types_free(&o);
	/* the same slot is memory for several when one would fit into a smaller one */
	put64(types, 128, 1144);
	assert_int_equal(object_types_read(&f->gp, &heap, &o), 0);
	assert_null(type_named(&o, "main.A", false));
	assert_int_equal(type_named(&o, "main.A", true)->objects, 3);
	object_types_free(&o);
	/* not swept: what is not marked is dead */
	span[0].sweep = -2;
	assert_int_equal(object_types_read(&f->gp, &heap, &o), 0);
	assert_int_equal(o.objects, 3);
	object_types_free(&o);
	f->gp.l = go_layout_find(21, EM_X86_64);
	assert_int_equal(object_types_read(&f->gp, &heap, &o), 0);
	assert_false(o.known);
	assert_int_equal(o.n, 0);
	object_types_free(&o);
	f->gp.l = f->l;
	free(types);
	free(objects);
	forge_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
