// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* From a census to the rows of goheap; see heap.h. */
#include "heap/heap.h"
#include "human.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As the session's matrix calls them, and as people do. */
static const struct {
	const char *name, *label;
} states[PS_COUNT] = {
	[PS_IN_USE] = { "in_use", "in use" },
	[PS_STACK] = { "stack", "stacks" },
	[PS_WORKBUF] = { "workbuf", "work buffers" },
	[PS_FREE] = { "free", "free" },
	[PS_RETURNED] = { "scavenged", "given back" },
	[PS_UNMAPPED] = { "not_mapped", "not mapped" },
	[PS_TRANSIT] = { "transit", "changing" },
};

static void name_class(char *buf, size_t size, enum page_state state, uint8_t class)
{
	const char *noscan = class & 1 ? " noscan" : "";

	if (state != PS_IN_USE)
		snprintf(buf, size, "%s", states[state].label);
	else if (class == CENSUS_MIXED)
		snprintf(buf, size, "several");
	else if (class < 2)
		snprintf(buf, size, "large%s", noscan);
	else
		snprintf(buf, size, "%u%s", go_size_class[class / 2], noscan);
}

static void class_emit(struct run *r, const struct section *s, enum page_state state, uint8_t class,
		       const struct census_sum *sum)
{
	bool used = state == PS_IN_USE;
	struct heap_class_row row = {
		.state = states[state].name,
		.size_class = used ? go_size_class[class / 2] : U64_NULL,
		.noscan = used ? class & 1 : TRI_NULL,
		.spans = sum->spans ? sum->spans : U64_NULL,
		.objects = used ? sum->objects : U64_NULL,
		.mapped = sum->mapped,
		.bytes = used ? sum->bytes : U64_NULL,
		.occupancy = used ? 100.0 * sum->bytes / sum->mapped : NAN,
		.live_bytes = used ? sum->live : U64_NULL,
		.free_slots_bytes = used ? sum->free_slots : U64_NULL,
		.tail_bytes = used ? sum->tail : U64_NULL,
		.resident = sum->resident,
	};

	name_class(row.what, sizeof(row.what), state, class);
	if (sum->mapped)
		emit_row(r, s, &row);
}

static void classes_emit(struct run *r, const struct section *s, const struct census *c)
{
	static const enum page_state others[] = { PS_STACK, PS_WORKBUF, PS_FREE, PS_RETURNED,
						  PS_TRANSIT };

	for (unsigned i = 2; i < GO_SPAN_CLASSES + 2; i++) {
		uint8_t class = i % GO_SPAN_CLASSES; /* the large ones behind the small */

		class_emit(r, s, PS_IN_USE, class, &c->class[class]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		class_emit(r, s, others[i], CENSUS_MIXED, &c->state[others[i]]);
}

static void cells_emit(struct run *r, const struct section *s, const struct census *c)
{
	for (size_t i = 0; i < c->ncells; i++) {
		const struct census_cell *cell = &c->cell[i];
		struct heap_cell_row row = {
			.addr = cell->addr,
			.mapped = cell->sum.mapped,
			.state = states[cell->state].name,
			.spans = cell->sum.spans,
			.objects = cell->sum.objects,
			.bytes = cell->sum.bytes,
			.live_bytes = cell->sum.live,
			.free_slots_bytes = cell->sum.free_slots,
			.tail_bytes = cell->sum.tail,
			.resident = cell->sum.resident,
		};

		name_class(row.what, sizeof(row.what), cell->state, cell->class);
		emit_row(r, s, &row);
	}
}

/* ---- types ---- */

/* Most bytes first; then by name, so that the order is always the same. */
static int type_compare(const void *a, const void *b)
{
	const struct object_type *x = *(const struct object_type *const *)a;
	const struct object_type *y = *(const struct object_type *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	if (x->array != y->array)
		return x->array - y->array;
	return strcmp(x->name, y->name);
}

static void type_emit(struct run *r, const struct section *s, const struct object_type *t)
{
	struct heap_type_row row = {
		.package = t->pkg[0] ? t->pkg : NULL,
		.size = t->addr ? t->size : U64_NULL,
		.objects = t->objects,
		.bytes = t->bytes,
		.live_objects = t->live_objects,
		.live_bytes = t->live,
	};

	snprintf(row.type, sizeof(row.type), "%s%s", t->array ? "[]" : "", t->name);
	if (!t->addr)
		snprintf(row.type, sizeof(row.type), "(not known)");
	emit_row(r, s, &row);
}

static int types_emit(struct run *r, const struct section *s, const struct object_types *o)
{
	const struct object_type **order = calloc(o->n + 1, sizeof(*order));
	size_t n = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < o->n; i++)
		if (o->type[i].objects)
			order[n++] = &o->type[i];
	qsort(order, n, sizeof(*order), type_compare);
	for (size_t i = 0; i < n; i++)
		type_emit(r, s, order[i]);
	free(order);
	return 0;
}

/* ---- the rest ---- */

static void summarize(const struct worker *w, const struct census *c, struct heap_summary *sum)
{
	const struct census_sum *used = &c->state[PS_IN_USE];
	const struct object_types *t = &c->types;

	*sum = (struct heap_summary){
		.comm = w->target.status.comm,
		.go_version = w->gp.bin.version[0] ? w->gp.bin.version : NULL,
		.inuse_bytes = used->mapped,
		.heap_inuse = c->heap_inuse,
		.occupied_bytes = used->bytes,
		.objects = used->objects,
		.live_bytes = used->live,
		.free_slots_bytes = used->free_slots,
		.tail_bytes = used->tail,
		.resident = used->resident,
		.types_known = t->known,
		.cell_bytes = c->window,
		.consistent = c->consistent,
		.moved_bytes = c->consistent ? 0 : c->moved,
		.unmarked_bytes = c->unmarked,
		.attempts = c->attempts,
		.window_ns = c->window_ns,
	};
	sum->typed_objects = sum->typed_bytes = sum->untyped_objects = t->known ? 0 : U64_NULL;
	sum->passed_objects = t->known ? t->passed : U64_NULL;
	for (size_t i = 0; t->known && i < t->n; i++) {
		sum->typed_objects += t->type[i].name[0] ? t->type[i].objects : 0;
		sum->typed_bytes += t->type[i].name[0] ? t->type[i].bytes : 0;
		sum->untyped_objects += i == OBJECTS_UNTYPED ? t->type[i].objects : 0;
	}
}

static void header(struct run *r, const struct worker *w, const struct heap_summary *sum)
{
	char left[160], right[96];

	snprintf(left, sizeof(left), "%.32s  pid %d  %s", sum->comm, r->pid,
		 sum->go_version ? sum->go_version : "Go release unknown");
	snprintf(right, sizeof(right), "heap in use %s, occupied %s",
		 HUMAN(bytes3, sum->inuse_bytes), HUMAN(bytes3, sum->occupied_bytes));
	emit_lr(r, left, right);
	if (w->target.core)
		emit_text(r, "a core file: resident means in it");
}

static void notes(struct run *r, const struct census *c, const struct heap_summary *sum)
{
	if (!c->types.known)
		emit_wrapped(r, 0,
			     "Types are not known: the runtime of this release notes none (Go "
			     "1.22 and later do, of large objects with pointers).");
	else if (sum->passed_objects)
		emit_text(r, "types: %s objects were not looked at",
			  HUMAN(count, sum->passed_objects));
	if (!sum->consistent)
		emit_text(r, "the heap moved while it was read: %s of objects came and went",
			  HUMAN(bytes3, sum->moved_bytes));
	if (c->pages_unknown)
		emit_wrapped(r, 0,
			     "zero pages could not be told from others (needs Linux 6.7 or "
			     "CAP_SYS_ADMIN): resident may be too high");
}

int heap_emit(struct run *r, const struct section *s, const struct worker *w,
	      const struct heap_look *look, struct heap_summary *sum)
{
	const struct census *c = &look->census;
	int err;

	summarize(w, c, sum);
	header(r, w, sum);
	cells_emit(r, &s[H_CELLS], c);
	classes_emit(r, &s[H_CLASSES], c);
	err = types_emit(r, &s[H_TYPES], &c->types);
	emit_fields(r, &s[H_SUMMARY], sum);
	notes(r, c, sum);
	return err;
}
