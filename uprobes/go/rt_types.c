// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Types of large objects; see rt_types.h. */
#include "go/rt_types.h"
#include "array.h"
#include "fail.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_FROM 512 /* slots beyond have a header: minSizeForMallocHeader */
#define HEADER      8
#define BITS_MAX    128
#define BATCH       64
#define SPAN_MAX    (8 * GO_PAGE)
#define WHOLE_TO    2048          /* bytes of a slot */
#define SMALL_NS    1500000000ULL /* of our CPU time, for the headers of slots */
#define LARGE_NS    500000000ULL
#define BUCKETS     (4 * OBJECT_TYPES_MAX)

/* A type that was seen before. */
struct known {
	uint64_t addr;
	uint64_t size;
	uint32_t row[2]; /* of one value, and of memory for several; 0: there is none yet */
};

struct object {
	uint64_t header; /* where its type is noted */
	uint64_t slot;   /* bytes */
	bool large, live;
};

struct reader {
	struct goproc *gp;
	struct go_types types;
	struct object_types *o;
	struct known *known; /* BUCKETS, by hash */
	struct object batch[BATCH];
	size_t n;
	uint8_t span[SPAN_MAX];
	bool late;
	int err;
};

/* The slot that one object of a size has, with its header; large ones are whole pages. */
static uint64_t slot_of(uint64_t size)
{
	uint64_t want = size + HEADER;

	if (want <= go_size_class[LAYOUT_SIZE_CLASSES - 1])
		for (int i = 1; i < LAYOUT_SIZE_CLASSES; i++)
			if (go_size_class[i] >= want)
				return go_size_class[i];
	return (size + GO_PAGE - 1) / GO_PAGE * GO_PAGE;
}

/* The place of a type, or where it is to be put. */
static struct known *find(struct reader *r, uint64_t addr)
{
	uint64_t hash = addr * 0x9e3779b97f4a7c15ULL >> 40;

	while (r->known[hash % BUCKETS].addr && r->known[hash % BUCKETS].addr != addr)
		hash++;
	return &r->known[hash % BUCKETS];
}

/*
 * A row for memory that a type was given for, which is called as the other one is, or as in
 * d. OBJECTS_OTHERS: out of memory.
 */
static uint32_t row_new(struct reader *r, struct known *k, bool array, const struct go_type *d)
{
	struct object_types *o = r->o;
	const struct object_type *other;
	struct object_type *t;

	if (array_room(o->type, o->n + 1, o->cap)) {
		r->err = -ENOMEM;
		return OBJECTS_OTHERS;
	}
	t = &o->type[o->n];
	other = &o->type[k->row[!array]];
	*t = (struct object_type){ .addr = k->addr, .array = array, .size = k->size };
	snprintf(t->name, sizeof(t->name), "%s", k->row[!array] ? other->name : d->name);
	snprintf(t->pkg, sizeof(t->pkg), "%s", k->row[!array] ? other->pkg : d->pkg);
	return o->n++;
}

/* The row of an object that has this for a type. */
static struct object_type *row_of(struct reader *r, uint64_t addr, uint64_t slot)
{
	struct known *k = find(r, addr);
	struct go_type d;
	bool array;

	if (!addr || (!k->addr && go_type_read(&r->types, addr, &d)))
		return &r->o->type[OBJECTS_UNTYPED];
	array = slot_of(k->addr ? k->size : d.size) != slot;
	if (k->addr && k->row[array])
		return &r->o->type[k->row[array]];
	if (r->o->n == OBJECT_TYPES_MAX)
		return &r->o->type[OBJECTS_OTHERS];
	if (!k->addr)
		*k = (struct known){ .addr = addr, .size = d.size };
	k->row[array] = row_new(r, k, array, &d);
	return &r->o->type[k->row[array]];
}

static void object_add(struct reader *r, const struct object *b, uint64_t addr)
{
	struct object_type *t = row_of(r, addr, b->slot);

	r->o->objects++;
	t->objects++;
	t->bytes += b->slot;
	t->live_objects += b->live;
	t->live += b->live ? b->slot : 0;
}

/*
 * What ends the look. A header that cannot be read is none; when time is up, the objects that
 * are left are counted only.
 */
static int fatal(struct reader *r, int err)
{
	r->late |= err == -ETIMEDOUT;
	return err == -ESRCH || err == -EPERM || err == -ENOMEM ? err : 0;
}

static int batch_flush(struct reader *r)
{
	uint64_t addr[BATCH] = {};
	struct mem_vec v[BATCH];
	int err;

	for (size_t i = 0; i < r->n; i++)
		v[i] = (struct mem_vec){ r->batch[i].header, &addr[i], sizeof(addr[i]), 0 };
	err = r->n ? fatal(r, mem_readv(r->gp->mem, v, r->n)) : 0;
	for (size_t i = 0; i < r->n && !err && !r->late; i++)
		object_add(r, &r->batch[i], v[i].err ? 0 : addr[i]);
	r->o->passed += r->late ? r->n : 0;
	r->n = 0;
	return err;
}

static bool has_headers(const struct span *s)
{
	return s->state == PS_IN_USE && !s->bad && !(s->class & 1) && s->elemsize > HEADER_FROM &&
	       s->nelems <= BITS_MAX * 8;
}

/* Its mark bits, and itself where that costs less than one read a slot: *whole, then. */
static int span_read(struct reader *r, const struct span *s, uint8_t *bits, bool *whole)
{
	struct mem_vec v[2] = {
		{ .addr = s->bits, .buf = bits, .len = (s->nelems + 7) / 8 },
		{ .addr = s->base, .buf = r->span, .len = span_bytes(s) },
	};
	int err;

	*whole = s->elemsize <= WHOLE_TO && span_bytes(s) <= sizeof(r->span);
	err = fatal(r, mem_readv(r->gp->mem, v, *whole ? 2 : 1));
	*whole &= !v[1].err;
	return err ? err : v[0].err;
}

/*
 * The objects of a span: those that are marked and, once it is swept, those handed out
 * since. What is neither is dead, or free.
 */
static int span_add(struct reader *r, const struct span *s)
{
	bool swept = s->sweep == 0 || s->sweep == 3, whole;
	uint8_t bits[BITS_MAX];
	int err = span_read(r, s, bits, &whole);

	if (err || r->late) {
		r->o->passed += s->allocs;
		return fatal(r, err);
	}
	for (unsigned i = 0; i < s->nelems && !err; i++) {
		struct object b = { .header = s->base + (uint64_t)i * s->elemsize,
				    .slot = s->elemsize,
				    .live = bits[i / 8] >> (i % 8) & 1 };

		if (!b.live && !(swept && i < s->freeindex))
			continue;
		if (whole)
			object_add(r, &b, get_u64(r->span, i * s->elemsize));
		else
			r->batch[r->n++] = b;
		if (r->n == BATCH)
			err = batch_flush(r);
	}
	return err;
}

static int small_add(struct reader *r, const struct goheap *h)
{
	int err = 0;

	for (size_t i = 0; i < h->n && !err; i++) {
		const struct span *s = &h->span[i];

		if (!has_headers(s))
			continue;
		if (r->late || r->o->objects + r->n + s->nelems > OBJECTS_MAX)
			r->o->passed += s->allocs;
		else
			err = span_add(r, s);
	}
	return err ? err : batch_flush(r);
}

static void large_add(struct reader *r, const struct goheap *h)
{
	for (size_t i = 0; i < h->nlarge; i++) {
		const struct span *s = &h->span[h->large[i].span];
		bool swept = s->sweep == 0 || s->sweep == 3;

		if (s->allocs && !s->bad && (s->live || swept))
			object_add(r, &(struct object){ .slot = span_bytes(s), .live = s->live },
				   h->large[i].type);
	}
}

int object_types_read(struct goproc *gp, const struct goheap *h, struct object_types *o)
{
	struct reader *r;
	int err;

	*o = (struct object_types){ .known = gp->l->mspan_largeType != LAYOUT_NONE };
	if (!o->known)
		return 0;
	r = calloc(1, sizeof(*r));
	if (r)
		*r = (struct reader){ .gp = gp,
				      .o = o,
				      .known = calloc(BUCKETS, sizeof(*r->known)) };
	err = r && r->known && !array_room(o->type, OBJECT_TYPES_FIRST, o->cap)
		      ? go_types_open(&r->types, gp)
		      : -ENOMEM;
	if (!err) {
		memset(o->type, 0, OBJECT_TYPES_FIRST * sizeof(*o->type));
		o->n = OBJECT_TYPES_FIRST;
	}
	mem_deadline(gp->mem, SMALL_NS);
	err = err ? err : small_add(r, h);
	mem_deadline(gp->mem, LARGE_NS);
	if (!err)
		large_add(r, h);
	err = err ? err : r->err;
	mem_deadline(gp->mem, 0);
	free(r ? r->known : NULL);
	free(r);
	return err;
}

void object_types_free(struct object_types *o)
{
	free(o->type);
	*o = (struct object_types){};
}
