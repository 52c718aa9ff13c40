// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The heap profile that a Go program keeps of itself; see profile.h. */
#include "go/profile.h"
#include "array.h"
#include "fail.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIND_MEM   1 /* memProfile, mprof.go */
#define CYCLES     3
#define ATTEMPTS   20
#define PAUSE_US   2000
#define ALLOWED_NS 2000000000ULL /* of our CPU time, for one reading */
#define HEAD_MAX   256
#define RECORD_MAX 512

/* One reading of the list. */
struct reading {
	struct goproc *gp;
	struct goprofile *p;
	unsigned turn; /* the future cycle that a collection's end is about to show */
	bool turning;  /* it is not empty: some of it may have been shown already */
	bool any;      /* something has been shown */
};

/* ---- buckets ---- */

static struct goprofile_count count_get(const struct go_layout *l, const uint8_t *cycle,
					uint64_t size)
{
	struct goprofile_count c = {
		.allocs = get_u64(cycle, l->memcycle_allocs),
		.frees = get_u64(cycle, l->memcycle_frees),
	};

	if (l->memcycle_alloc_bytes != LAYOUT_NONE) {
		c.alloc_bytes = get_u64(cycle, l->memcycle_alloc_bytes);
		c.free_bytes = get_u64(cycle, l->memcycle_free_bytes);
	} else {
		c.alloc_bytes = c.allocs * size;
		c.free_bytes = c.frees * size;
	}
	return c;
}

void goprofile_add(struct goprofile_count *to, const struct goprofile_count *c)
{
	to->allocs += c->allocs;
	to->frees += c->frees;
	to->alloc_bytes += c->alloc_bytes;
	to->free_bytes += c->free_bytes;
}

static bool count_any(const struct goprofile_count *c)
{
	return c->allocs || c->frees;
}

static void counts_get(struct reading *r, struct goprofile_bucket *b, const uint8_t *record)
{
	const struct go_layout *l = r->gp->l;

	b->shown = count_get(l, record + l->memrecord_active, b->size);
	b->unseen = (struct goprofile_count){};
	for (unsigned i = 0; i < CYCLES; i++) {
		struct goprofile_count c =
			count_get(l, record + l->memrecord_future + i * l->memcycle_size, b->size);

		goprofile_add(&b->unseen, &c);
		r->turning |= i == r->turn && count_any(&c);
	}
	r->any |= count_any(&b->shown);
}

/* Room for one more bucket and n more pcs. */
static int make_room(struct goprofile *p, uint64_t n)
{
	if (p->n == GOPROFILE_BUCKETS || p->npc + n > GOPROFILE_PCS)
		return -E2BIG;
	if (array_room(p->bucket, p->n + 1, p->cap) || array_room(p->pc, p->npc + n, p->pc_cap))
		return -ENOMEM;
	return 0;
}

/* Add the bucket at an address; *next is the one behind it. */
static int bucket_read(struct reading *r, uint64_t at, uint64_t *next)
{
	const struct go_layout *l = r->gp->l;
	struct goprofile *p = r->p;
	uint8_t head[HEAD_MAX], record[RECORD_MAX];
	struct goprofile_bucket b = {};
	uint64_t depth;
	int err = mem_read(r->gp->mem, at, head, l->bucket_size);

	if (err)
		return err;
	*next = get_u64(head, l->bucket_allnext);
	depth = get_u64(head, l->bucket_nstk);
	b.size = get_u64(head, l->bucket_bytes);
	if (get_u64(head, l->bucket_typ) != KIND_MEM || depth > GOPROFILE_STACK || b.size >> 48)
		return -EINVAL;
	err = make_room(p, depth);
	if (err)
		return err;
	b.first = p->npc;
	b.depth = depth;
	err = mem_readv(
		r->gp->mem,
		(struct mem_vec[]){
			{ .addr = at + l->bucket_size + 8 * depth,
			  .buf = record,
			  .len = l->memrecord_size },
			{ .addr = at + l->bucket_size, .buf = p->pc + p->npc, .len = 8 * depth } },
		depth ? 2 : 1);
	if (err)
		return err;
	counts_get(r, &b, record);
	p->npc += depth;
	p->bucket[p->n++] = b;
	return 0;
}

static int list_read(struct reading *r)
{
	uint64_t at, met = 0;
	int err = mem_u64(r->gp->mem, r->gp->addr[G_mbuckets], &at);

	r->p->n = r->p->npc = 0;
	for (size_t i = 0; !err && at; i++) {
		/* Brent's way to see that a list has no end */
		if (i && at == met)
			return -ELOOP;
		if (!(i & (i - 1)))
			met = at;
		err = at % 8 ? -EINVAL : bucket_read(r, at, &at);
	}
	return err;
}

/* ---- readings ---- */

static int collections(struct goproc *gp, uint64_t *n)
{
	uint32_t v = 0;
	int err = mem_read(gp->mem, gp->addr[G_memstats] + gp->l->ms_numgc, &v, sizeof(v));

	*n = v;
	return err;
}

/* Whether both show the same; b is the later one, and may have new buckets before a's. */
static bool shown_equal(const struct goprofile *a, const struct goprofile *b)
{
	const struct goprofile_bucket *x = a->bucket, *y = b->bucket + (b->n - a->n);

	if (b->n < a->n || a->collections != b->collections)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (memcmp(&x[i].shown, &y[i].shown, sizeof(x[i].shown)))
			return false;
	return true;
}

static void shown_all(struct goprofile *p)
{
	for (size_t i = 0; i < p->n; i++) {
		goprofile_add(&p->bucket[i].shown, &p->bucket[i].unseen);
		p->bucket[i].unseen = (struct goprofile_count){};
	}
}

static int reading_take(struct reading *r)
{
	int err;

	mem_refresh(r->gp->mem);
	mem_deadline(r->gp->mem, ALLOWED_NS);
	err = collections(r->gp, &r->p->collections);
	r->turn = r->p->collections % CYCLES;
	r->turning = r->any = false;
	err = err ? err : list_read(r);
	err = err ? err : mem_u64(r->gp->mem, r->gp->addr[G_MemProfileRate], &r->p->rate);
	mem_deadline(r->gp->mem, 0);
	return err;
}

/*
 * What is shown changes at the end of a collection only, bucket by bucket: two readings that
 * are equal, and have nothing left to be shown, have it whole.
 */
static int readings_take(struct goproc *gp, struct goprofile *p)
{
	struct goprofile last = {};
	struct reading r = { .gp = gp, .p = p };
	int err = 0;

	while (!err && !p->consistent && p->attempts < ATTEMPTS) {
		struct goprofile swap = last;

		last = *p;
		*p = swap;
		p->attempts = last.attempts + 1;
		if (p->attempts > 2)
			usleep(PAUSE_US);
		err = reading_take(&r);
		p->consistent = !err && !r.turning && p->attempts > 1 && shown_equal(&last, p);
	}
	goprofile_free(&last);
	if (!err && !r.any)
		shown_all(p);
	return err;
}

static int layout_check(const struct go_layout *l)
{
	bool fits = l->bucket_size >= 48 && l->bucket_size <= HEAD_MAX &&
		    l->memrecord_size <= RECORD_MAX &&
		    l->memrecord_future + CYCLES * l->memcycle_size <= l->memrecord_size;

	return fits ? 0 : fail(-EINVAL, "the layout of profile buckets is not known");
}

static int read_failed(const struct goproc *gp, int err)
{
	if (err == -ESRCH || err == -ENOMEM)
		return err;
	return fail(err, "the heap profile of process %d cannot be read: %s", gp->t->pid,
		    err == -ELOOP    ? "its list of buckets has no end"
		    : err == -EINVAL ? "a bucket is damaged"
		    : err == -E2BIG  ? "it has too many buckets"
				     : strerror(-err));
}

static int no_profile(const struct goproc *gp)
{
	return fail(-ENOENT,
		    "process %d has no heap profile: nothing in its program asks for one, so that "
		    "MemProfileRate is 0, or it has set that itself",
		    gp->t->pid);
}

int goprofile_read(struct goproc *gp, struct goprofile *p)
{
	int err;

	*p = (struct goprofile){};
	if (!gp->proven)
		return fail(-EOPNOTSUPP, "%s", gp->why);
	if (!gp->addr[G_mbuckets])
		return no_profile(gp);
	if (!gp->addr[G_MemProfileRate])
		return fail(-ENOENT, "the rate of the heap profile (MemProfileRate) was not found");
	err = layout_check(gp->l);
	if (err)
		return err;
	err = readings_take(gp, p);
	err = err ? read_failed(gp, err) : !p->rate ? no_profile(gp) : 0;
	if (err)
		goprofile_free(p);
	return err;
}

void goprofile_free(struct goprofile *p)
{
	free(p->bucket);
	free(p->pc);
	*p = (struct goprofile){};
}

/* What a double has that may be larger than any number. */
static int64_t whole(double v)
{
	return v < 0x1p62 ? (int64_t)v : INT64_MAX;
}

void goprofile_scale(uint64_t count, uint64_t bytes, uint64_t rate, int64_t *objects,
		     int64_t *space)
{
	double n = (double)count, size = (double)bytes, scale = 1;

	*objects = *space = 0;
	if (!count || !bytes)
		return;
	if (rate > 1)
		scale = 1 / (1 - exp(-(size / n) / (double)rate));
	*objects = whole(n * scale);
	*space = whole(size * scale);
}
