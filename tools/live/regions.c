// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Address space as it changes; see regions.h. */
#include "live/regions.h"
#include "array.h"
#include "search.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first region that ends above addr. */
static size_t from(const struct regions *rs, uint64_t addr)
{
	return count_before(rs->n, i, rs->r[i].end <= addr);
}

/* Room for what one call can add: two pieces of a region that is cut, and a new one. */
static int make_room(struct regions *rs)
{
	if (rs->n + 3 > REGIONS_MAX)
		return -E2BIG;
	return array_room(rs->r, rs->n + 3, rs->cap);
}

static void insert(struct regions *rs, size_t i, const struct region *r)
{
	memmove(rs->r + i + 1, rs->r + i, (rs->n - i) * sizeof(*r));
	rs->r[i] = *r;
	rs->n++;
}

/* No region goes over addr afterwards. The first one from there on. */
static size_t split(struct regions *rs, uint64_t addr)
{
	size_t i = from(rs, addr);
	struct region left;

	if (i == rs->n || rs->r[i].start >= addr)
		return i;
	left = rs->r[i];
	left.end = addr;
	rs->r[i].start = addr;
	insert(rs, i, &left);
	return i + 1;
}

int regions_cut(struct regions *rs, uint64_t start, uint64_t end, region_fn fn, void *arg)
{
	int err = make_room(rs);
	size_t i, k;

	if (err || start >= end)
		return err;
	i = split(rs, start);
	k = split(rs, end);
	for (size_t n = i; fn && n < k; n++)
		fn(arg, &rs->r[n]);
	memmove(rs->r + i, rs->r + k, (rs->n - k) * sizeof(*rs->r));
	rs->n -= k - i;
	return 0;
}

int regions_map(struct regions *rs, const struct region *with, region_fn fn, void *arg)
{
	int err = regions_cut(rs, with->start, with->end, fn, arg);

	if (!err && with->start < with->end)
		insert(rs, from(rs, with->start), with);
	return err;
}

uint64_t regions_bytes(const struct regions *rs)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rs->n; i++)
		sum += rs->r[i].end - rs->r[i].start;
	return sum;
}

void regions_free(struct regions *rs)
{
	free(rs->r);
	*rs = (struct regions){};
}
