// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Rings of struct pthread; see pthread.h. */
#include "c/pthread.h"
#include "array.h"
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX (1U << 17) /* and steps on all rings together, candidates too */
#define LIST_MIN    0x80
#define LIST_MAX    0x400
#define STRUCT_MAX  0x1200 /* sizeof(struct pthread): 0x900 in 2.36 */
#define STACK_MIN   16384  /* PTHREAD_STACK_MIN */
#define STACK_MAX   (1ULL << 40)
#define TID_MAX     (1 << 22)
#define TRIES       3

struct ring {
	struct cthreads *t;
	unsigned steps;
};

/* Where struct pthread begins, from the address of its list; 0: there is none. */
static uint64_t tcb_of(struct cspace *s, struct cthreads *t, uint64_t node)
{
	uint32_t from = t->list ? t->list : LIST_MIN, to = t->list ? t->list : LIST_MAX;
	uint64_t words[LIST_MAX / 8];

	if (node % 64 || node < LIST_MAX || mem_read(s->mem, node - to, words, to))
		return 0;
	for (uint32_t o = from; o <= to; o += 64) {
		uint64_t tcb = node - o;

		if (words[(to - o) / 8] == tcb && words[(to - o) / 8 + 2] == tcb) {
			t->list = o;
			return tcb;
		}
	}
	return 0;
}

/*
 * Whether w is {stackblock, its size, guard} of the structure at tcb. Where that
 * stands is learnt from stacks that glibc made, of whole pages; later ones may have
 * been given by the program.
 */
static bool encloses(const uint64_t w[3], uint64_t tcb, bool learn)
{
	uint64_t end = w[0] + w[1];

	if (learn && (w[0] % MEM_PAGE || w[1] % MEM_PAGE))
		return false;
	return w[0] >= MEM_PAGE && w[1] >= STACK_MIN && w[1] <= STACK_MAX && w[0] < tcb &&
	       end > tcb && end - tcb >= LIST_MIN && end - tcb <= STRUCT_MAX &&
	       w[2] % MEM_PAGE == 0 && w[2] < w[1];
}

static int bounds(struct cspace *s, struct cthreads *t, struct cthread *th)
{
	uint64_t w[STRUCT_MAX / 8], page = MEM_PAGE - th->tcb % MEM_PAGE;
	struct mem_vec v[2] = {
		{ .addr = th->tcb, .buf = w, .len = page < sizeof(w) ? page : sizeof(w) },
		{ .addr = th->tcb + page, .buf = w + page / 8, .len = sizeof(w) - page },
	};
	uint32_t from = t->stackblock ? t->stackblock : t->list;
	int err;

	memset(w, 0, sizeof(w));
	/* behind the structure nothing need be mapped */
	err = mem_readv(s->mem, v, page < sizeof(w) ? 2 : 1);
	if (cspace_fatal(err))
		return err;
	for (uint32_t o = from; o + 24 <= sizeof(w); o += 8) {
		if (encloses(w + o / 8, th->tcb, !t->stackblock)) {
			t->stackblock = o;
			th->start = w[o / 8];
			th->end = th->start + w[o / 8 + 1];
			th->guard = w[o / 8 + 2];
		}
		if (th->start || t->stackblock)
			break;
	}
	return 0;
}

static int thread_add(struct cspace *s, struct cthreads *t, uint64_t tcb, int32_t tid)
{
	struct cthread th = { .tcb = tcb, .tid = tid };
	int err = bounds(s, t, &th);

	if (err)
		return err;
	if (array_more(t->thread, t->n))
		return -ENOMEM;
	t->thread[t->n++] = th;
	return 0;
}

/*
 * The ring of a head, forwards or backwards. *whole is set when it came back. A
 * thread that is on the way in or out tears it: then the other direction has the rest.
 */
static int ring_walk(struct cspace *s, struct ring *r, uint64_t head, bool back, bool *whole)
{
	uint64_t at = head, link[3] = {}, before;
	int err = mem_read(s->mem, head, link, 16);

	*whole = false;
	while (!err && r->steps) {
		uint64_t tcb;

		before = at;
		at = link[back];
		if (at == head) {
			*whole = true;
			break;
		}
		r->steps--;
		tcb = tcb_of(s, r->t, at);
		if (!tcb || mem_read(s->mem, at, link, sizeof(link)) || link[!back] != before ||
		    (int32_t)link[2] > TID_MAX)
			break;
		err = thread_add(s, r->t, tcb, (int32_t)link[2] > 0 ? (int32_t)link[2] : 0);
	}
	return cspace_fatal(err) ? err : 0;
}

static int ring_look(struct cspace *s, struct ring *r, uint64_t head)
{
	size_t n = r->t->n;
	bool whole = false;
	int err = 0;

	for (int k = 0; k < TRIES && !err && !whole; k++) {
		err = ring_walk(s, r, head, false, &whole);
		if (!err && !whole)
			err = ring_walk(s, r, head, true, &whole);
	}
	r->t->torn |= !whole && r->t->n > n;
	return err;
}

/*
 * Two words that look like the ends of a list. They may have changed since they
 * were read with all other data, so the ring is what decides.
 */
static int find_rings(struct cspace *s, uint64_t addr, const uint8_t *data, size_t len, void *arg)
{
	struct ring *r = arg;
	int err = 0;

	for (size_t o = 0; !err && o + 16 <= len && r->steps; o += 8) {
		uint64_t next = get_u64(data, o), prev = get_u64(data, o + 8);

		if (!next || !prev || next % 64 || prev % 64 || next == addr + o ||
		    !(tcb_of(s, r->t, next) || tcb_of(s, r->t, prev)))
			continue;
		r->steps--;
		err = ring_look(s, r, addr + o);
	}
	return err;
}

static int by_tcb(const void *a, const void *b)
{
	const struct cthread *x = a, *y = b;

	return x->tcb < y->tcb ? -1 : x->tcb > y->tcb;
}

/* A thread whose stackblock is 0 did not get its stack here: the main thread. */
static bool is_main(struct cspace *s, const struct cthreads *t, const struct cthread *th)
{
	uint64_t block = 1;

	if (!t->stackblock)
		return t->n == 1;
	return !mem_u64(s->mem, th->tcb + t->stackblock, &block) && !block;
}

/* Each once; stacks into the list of owners. */
static int finish(struct cspace *s, struct cthreads *t)
{
	size_t kept = 0;
	int err = 0;

	if (t->n)
		qsort(t->thread, t->n, sizeof(*t->thread), by_tcb);
	for (size_t i = 0; i < t->n; i++)
		if (!kept || t->thread[kept - 1].tcb != t->thread[i].tcb)
			t->thread[kept++] = t->thread[i];
	t->n = kept;
	for (size_t i = 0; !err && i < t->n; i++) {
		struct cthread *th = &t->thread[i];
		uint64_t start;

		/* one that was seen before it was known where to look */
		if (!th->end && t->stackblock)
			err = bounds(s, t, th);
		/* a stack that was given need not be whole pages: those it shares are not its */
		start = (th->start + MEM_PAGE - 1) & ~(MEM_PAGE - 1);
		if (!err && !th->end)
			t->main_tcb = is_main(s, t, th) ? th->tcb : t->main_tcb;
		else if (!err)
			err = cranges_add(&s->owned, start, th->end & ~(MEM_PAGE - 1), COWNER_STACK,
					  i);
	}
	return err;
}

int cthreads_find(struct cspace *s, struct cthreads *t)
{
	struct ring r = { t, THREADS_MAX };
	int err;

	*t = (struct cthreads){};
	err = cspace_data(s, CDATA_THREADS, find_rings, &r);
	return err < 0 ? err : finish(s, t);
}

void cthreads_free(struct cthreads *t)
{
	free(t->thread);
	*t = (struct cthreads){};
}
