// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Goroutines and their stacks; see rt_stacks.h. */
#include "go/rt_stacks.h"
#include "array.h"
#include "go/goproc.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GOROUTINES_MAX (1ULL << 28)
#define BATCH          256
#define HEAD_MAX       256 /* of a g: up to its status */

/* runtime2.go: _Gidle, _Gdead, _Gdeadextra (1.26+); _Gscan is or-ed in during a stack scan */
enum { G_IDLE = 0, G_DEAD = 6, G_DEADEXTRA = 11, G_SCAN = 0x1000 };

static int take(struct gostacks *s, const struct go_layout *l, const uint8_t *g)
{
	uint32_t status = get_u32(g, l->g_atomicstatus) & ~G_SCAN;
	struct gostack st = { get_u64(g, l->g_stack), get_u64(g, l->g_stack + 8) };

	if (status == G_IDLE || status == G_DEAD || status == G_DEADEXTRA)
		s->dead++;
	if (status == G_IDLE || status == G_DEAD || status == G_DEADEXTRA || st.lo >= st.hi)
		return 0;
	/* never by a count that the target says */
	if (array_room(s->stack, s->n + 1, s->cap))
		return -ENOMEM;
	s->stack[s->n++] = st;
	return 0;
}

static int by_lo(const void *a, const void *b)
{
	const struct gostack *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* A stack that one goroutine left and another took while we read belongs to one of them. */
static void drop_overlaps(struct gostacks *s)
{
	size_t kept = 0;

	if (s->n)
		qsort(s->stack, s->n, sizeof(*s->stack), by_lo);
	for (size_t i = 0; i < s->n; i++)
		if (!kept || s->stack[i].lo >= s->stack[kept - 1].hi)
			s->stack[kept++] = s->stack[i];
		else
			s->overlap += s->stack[i].hi - s->stack[i].lo;
	s->n = kept;
}

int gostacks_read(struct goproc *gp, struct gostacks *s)
{
	const struct go_layout *l = gp->l;
	size_t head = l->g_atomicstatus + 4;
	uint64_t ptr, count, *g = malloc(BATCH * 8);
	uint8_t *buf = malloc(BATCH * HEAD_MAX);
	struct mem_vec v[BATCH];
	int err = g && buf ? 0 : -ENOMEM;

	*s = (struct gostacks){};
	if (!err && (head > HEAD_MAX || l->g_stack + 16 > head))
		err = -EINVAL;
	/* allglen is stored after the array: what it counts is there */
	err = err ? err : mem_u64(gp->mem, gp->addr[G_allglen], &count);
	err = err ? err : mem_u64(gp->mem, gp->addr[G_allgs], &ptr);
	if (!err && count > GOROUTINES_MAX)
		err = -EINVAL;
	for (uint64_t i = 0; !err && i < count; i += BATCH) {
		size_t n = count - i < BATCH ? count - i : BATCH;

		err = mem_read(gp->mem, ptr + 8 * i, g, 8 * n);
		for (size_t k = 0; k < n; k++)
			v[k] = (struct mem_vec){ .addr = g[k],
						 .buf = buf + k * HEAD_MAX,
						 .len = head };
		err = err ? err : mem_readv(gp->mem, v, n);
		for (size_t k = 0; !err && k < n; k++)
			err = take(s, l, buf + k * HEAD_MAX);
	}
	free(buf);
	free(g);
	drop_overlaps(s);
	return err;
}

void gostacks_free(struct gostacks *s)
{
	free(s->stack);
	*s = (struct gostacks){};
}
