// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Ranges and their owners, mappings and the data of libraries; see cspace.h. */
#include "c/cspace.h"
#include "array.h"
#include "search.h"
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX (1U << 22)
#define DATA_MAX   (16U << 20) /* of one mapping: a program's own data may be large */

int cranges_add(struct cranges *c, uint64_t start, uint64_t end, enum cowner owner, uint32_t index)
{
	start &= ~(MEM_PAGE - 1);
	end = (end + MEM_PAGE - 1) & ~(MEM_PAGE - 1);
	if (start >= end || c->n == RANGES_MAX)
		return 0;
	if (array_room(c->r, c->n + 1, c->cap))
		return -ENOMEM;
	c->r[c->n++] = (struct crange){ start, end, owner, index, 0, 0 };
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct crange *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (int)x->owner - (int)y->owner;
}

void cranges_sort(struct cranges *c)
{
	size_t out = 0;

	if (c->n)
		qsort(c->r, c->n, sizeof(*c->r), by_start);
	for (size_t i = 0; i < c->n; i++) {
		struct crange r = c->r[i];

		if (out && r.start < c->r[out - 1].end)
			r.start = c->r[out - 1].end;
		if (r.start < r.end)
			c->r[out++] = r;
	}
	c->n = out;
}

struct crange *cranges_at(const struct cranges *c, uint64_t addr)
{
	size_t first = count_before(c->n, i, c->r[i].end <= addr);
	return first < c->n ? &c->r[first] : NULL;
}

void cranges_free(struct cranges *c)
{
	free(c->r);
	*c = (struct cranges){};
}

bool vma_plain(const struct vma *v)
{
	return !v->ino && (v->flags & (VMA_R | VMA_W | VMA_SHARED)) == (VMA_R | VMA_W) &&
	       (!v->name[0] || !strncmp(v->name, "[anon", 5));
}

const struct vma *cspace_plain(const struct cspace *s, uint64_t addr)
{
	const struct vma *v = maps_find(s->maps, addr);

	return v && vma_plain(v) ? v : NULL;
}

bool cspace_gap(const struct cspace *s, uint64_t addr, uint64_t *start, uint64_t *end)
{
	const struct vma *v = cspace_plain(s, addr);
	const struct cranges *c = &s->owned;
	const struct crange *r = cranges_at(c, addr);
	size_t i = r ? (size_t)(r - c->r) : c->n;

	if (!v || (r && r->start <= addr))
		return false;
	*start = v->start;
	*end = v->end;
	if (i && c->r[i - 1].end > *start)
		*start = c->r[i - 1].end;
	if (r && r->start < *end)
		*end = r->start;
	return true;
}

bool cspace_resident(const struct cspace *s, uint64_t addr)
{
	size_t i = page_runs_from(s->runs, addr);

	return i < s->runs->n && s->runs->run[i].start <= addr &&
	       (s->runs->run[i].flags & (PAGE_PRESENT | PAGE_ZERO)) == PAGE_PRESENT;
}

/* ---- data of libraries ---- */

static bool base_starts(const struct vma *v, const char *const *prefix)
{
	const char *base = strrchr(v->name, '/');

	for (; base && *prefix; prefix++)
		if (!strncmp(base + 1, *prefix, strlen(*prefix)))
			return true;
	return false;
}

static bool holds_data(const struct cspace *s, const struct vma *v, enum cdata what)
{
	static const char *const libc[] = { "libc.so.6", "libc-2.", NULL };
	static const char *const threads[] = { "ld-linux", "ld-2.", "ld.so", "libpthread", NULL };

	if (!v->ino || !(v->flags & VMA_W) || v->flags & VMA_SHARED)
		return false;
	if (s->in_exe)
		return v->ino == s->exe_ino;
	return base_starts(v, what == CDATA_LIBC ? libc : threads);
}

/* Resident pages of [start, end) into data, one request for many. */
static int load(struct cspace *s, uint64_t start, uint64_t end, uint8_t *data)
{
	struct mem_vec v[64];
	size_t n = 0;
	int err = 0;

	for (uint64_t p = start; p <= end && !cspace_fatal(err); p += MEM_PAGE) {
		if (n == 64 || p == end) {
			err = mem_readv(s->mem, v, n);
			for (size_t i = 0; i < n; i++)
				if (v[i].err)
					memset(v[i].buf, 0, v[i].len);
			n = 0;
		}
		if (p < end && cspace_resident(s, p))
			v[n++] = (struct mem_vec){ .addr = p,
						   .buf = data + (p - start),
						   .len = MEM_PAGE };
	}
	return cspace_fatal(err) ? err : 0;
}

int cspace_data(struct cspace *s, enum cdata what, cdata_fn *fn, void *arg)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->maps->n; i++) {
		const struct vma *v = &s->maps->vma[i];
		uint64_t end = v->end;
		uint8_t *data;

		if (!holds_data(s, v, what))
			continue;
		/* zero-initialised data follows, or is merged with what does */
		if (i + 1 < s->maps->n && v[1].start == end && vma_plain(&v[1]))
			end = v[1].end;
		if (end - v->start > DATA_MAX)
			end = v->start + DATA_MAX;
		data = calloc(1, end - v->start);
		if (!data)
			return -ENOMEM;
		err = load(s, v->start, end, data);
		err = err ? err : fn(s, v->start, data, end - v->start, arg);
		free(data);
	}
	return err;
}
