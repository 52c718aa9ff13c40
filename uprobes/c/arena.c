// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Arenas of glibc's malloc, found and proven; see arena.h. */
#include "c/arena.h"
#include "array.h"
#include "search.h"
#include <stdlib.h>
#include <string.h>

#define ARENAS_MAX  65536 /* and heaps: 4 TiB */
#define HEAD_MIN    24    /* mutex, flags, top, last_remainder: glibc 2.43 */
#define SELF_MIN    8     /* bins that point at themselves, to begin with */
#define WRONG_MAX   4     /* words of bins in a heap that is younger than our list */
#define CHUNK_MIN   32
#define PROOF_TRIES 4 /* of an arena that threads allocate from meanwhile */

static int by_base(const void *a, const void *b)
{
	const struct cheap *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static const struct cheap *heap_at(const struct carenas *as, uint64_t base)
{
	struct cheap key = { .base = base };

	return as->nheaps ? bsearch(&key, as->heap, as->nheaps, sizeof(key), by_base) : NULL;
}

bool carena_holds(const struct cspace *s, const struct carenas *as, const struct carena *a,
		  uint64_t p, uint64_t len)
{
	const struct cheap *h;

	if (!len || p + len < p)
		return false;
	if (a->main) {
		const struct vma *v = maps_find(s->maps, p);

		return v && !strcmp(v->name, "[heap]") && p + len <= v->end;
	}
	h = heap_at(as, p & ~(CHEAP_SIZE - 1));
	return h && h->arena == a->addr && p + len <= h->base + h->size;
}

/* ---- heaps ---- */

static bool heap_plausible(const struct cheap *h, uint64_t mprotected)
{
	if (!h->size || h->size > mprotected || mprotected > CHEAP_SIZE || h->size % MEM_PAGE ||
	    mprotected % MEM_PAGE || h->arena % 16)
		return false;
	if (!h->prev)
		return h->arena >= h->base + 32 && h->arena <= h->base + 128;
	return h->prev % CHEAP_SIZE == 0 && h->prev != h->base;
}

static int heap_look(struct cspace *s, struct carenas *as, uint64_t base)
{
	struct cheap h = { .base = base };
	uint64_t w[4];
	int err = mem_read(s->mem, base, w, sizeof(w));

	if (err)
		return cspace_fatal(err) ? err : 0;
	h.arena = w[0];
	h.prev = w[1];
	h.size = w[2];
	if (!heap_plausible(&h, w[3]) || as->nheaps == ARENAS_MAX)
		return 0;
	if (array_more(as->heap, as->nheaps))
		return -ENOMEM;
	as->heap[as->nheaps++] = h;
	return 0;
}

static int find_heaps(struct cspace *s, struct carenas *as)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->maps->n; i++) {
		const struct vma *v = &s->maps->vma[i];
		uint64_t p = (v->start + CHEAP_SIZE - 1) & ~(CHEAP_SIZE - 1), a, b;

		if (!vma_plain(v))
			continue;
		for (; !err && p < v->end; p += CHEAP_SIZE)
			if (cspace_resident(s, p) && cspace_gap(s, p, &a, &b))
				err = heap_look(s, as, p);
	}
	return err;
}

/* ---- arenas ---- */

/* Words of a malloc_state whose bins stand at offset head. */
struct state {
	uint8_t raw[CSTATE_MAX];
	uint64_t addr;
};

/* Page by page: behind an arena its mapping may end. */
static int state_read(struct cspace *s, struct state *st, uint64_t addr)
{
	struct mem_vec v[2] = { { .addr = addr, .buf = st->raw, .len = CSTATE_MAX } };
	size_t n = 1, room = MEM_PAGE - addr % MEM_PAGE;
	int err;

	memset(st, 0, sizeof(*st));
	st->addr = addr;
	if (room < CSTATE_MAX) {
		v[0].len = room;
		v[n++] = (struct mem_vec){ .addr = addr + room,
					   .buf = st->raw + room,
					   .len = CSTATE_MAX - room };
	}
	err = mem_readv(s->mem, v, n);
	return cspace_fatal(err) ? err : 0;
}

/* Bin i at offset head: does it point at itself? */
static bool bin_self(const struct state *st, uint32_t head, int i)
{
	uint64_t self = st->addr + head + 16 * i - 16;

	return get_u64(st->raw, head + 16 * i) == self &&
	       get_u64(st->raw, head + 16 * i + 8) == self;
}

/* Whether p may be one of the arena's chunks: its heaps may have grown since. */
static bool near(const struct cspace *s, const struct carenas *as, const struct carena *a,
		 uint64_t p)
{
	const struct cheap *h;

	if (p % 16)
		return false;
	if (a->main)
		return carena_holds(s, as, a, p, CHUNK_MIN);
	h = heap_at(as, p & ~(CHEAP_SIZE - 1));
	return h && h->arena == a->addr;
}

/*
 * Whether bins can begin at offset head: each of 254 words is its own bin or a
 * chunk. That holds at any instant, so also for an arena that is being used.
 */
static bool state_fits(const struct cspace *s, const struct carenas *as, const struct carena *a,
		       const struct state *st, uint32_t head)
{
	int wrong = 0;

	for (int i = 0; i < 2 * CBINS && wrong <= WRONG_MAX; i++) {
		uint64_t p = get_u64(st->raw, head + 8 * i);

		if (p != st->addr + head + i / 2 * 16 - 16 && !near(s, as, a, p))
			wrong++;
	}
	return wrong <= WRONG_MAX;
}

/* The chunks at both ends of all lists point back at their bins. */
static bool links_hold(struct cspace *s, const struct state *st, uint32_t head)
{
	uint64_t back[2 * CBINS], want[2 * CBINS];
	struct mem_vec v[2 * CBINS];
	size_t n = 0;

	for (int i = 0; i < CBINS; i++)
		for (int k = 0; k < 2 && !bin_self(st, head, i); k++, n++) {
			/* fd's bk at 24, bk's fd at 16 */
			uint64_t chunk = get_u64(st->raw, head + 16 * i + 8 * k);

			want[n] = st->addr + head + 16 * i - 16;
			v[n] = (struct mem_vec){ .addr = chunk + 24 - 8 * k,
						 .buf = &back[n],
						 .len = 8 };
		}
	return !mem_readv(s->mem, v, n) && !memcmp(back, want, n * sizeof(*back));
}

/* The whole proof, in one snapshot of a malloc_state. */
static bool state_proves(struct cspace *s, const struct carenas *as, struct carena *a,
			 const struct state *st, uint32_t head)
{
	size_t tail = head + CBINS * 16;
	uint64_t top = get_u64(st->raw, head - 16), top_size,
		 system = get_u64(st->raw, tail + CSTATE_SYSTEM_MEM),
		 max = get_u64(st->raw, tail + CSTATE_MAX_SYSTEM_MEM);
	int self = 0;

	/* where somebody moved the break before, the main arena has no whole pages */
	if (system % 16 || system > max || !system || !carena_holds(s, as, a, top, 16) ||
	    (!a->main && system != a->size))
		return false;
	for (int i = 0; i < CBINS; i++) {
		uint64_t fd = get_u64(st->raw, head + 16 * i),
			 bk = get_u64(st->raw, head + 16 * i + 8);

		if (bin_self(st, head, i))
			self++;
		else if (fd % 16 || bk % 16 || !carena_holds(s, as, a, fd, 32) ||
			 !carena_holds(s, as, a, bk, 32))
			return false;
	}
	if (self < SELF_MIN || mem_u64(s->mem, top + 8, &top_size) ||
	    !carena_holds(s, as, a, top, top_size & ~7ULL) || !links_hold(s, st, head))
		return false;
	a->system = system;
	return true;
}

/* The offset of the bins, from one arena that can be proven; 0 if this one cannot. */
static uint32_t head_prove(struct cspace *s, const struct carenas *as, struct carena *a)
{
	struct state st;

	for (int k = 0; k < PROOF_TRIES; k++) {
		if (state_read(s, &st, a->addr))
			return 0;
		for (uint32_t h = HEAD_MIN; h <= CSTATE_HEAD_MAX; h += 8)
			if ((!as->head || as->head == h) && state_proves(s, as, a, &st, h))
				return h;
	}
	return 0;
}

static int arena_add(struct carenas *as, const struct carena *a)
{
	if (array_more(as->arena, as->n))
		return -ENOMEM;
	as->arena[as->n++] = *a;
	return 0;
}

/* Arenas ascend as their first heaps do; the main arena comes last. */
struct carena *carenas_at(const struct carenas *as, uint64_t addr)
{
	size_t first = count_before(as->n && as->arena[as->n - 1].main ? as->n - 1 : as->n, i,
				    as->arena[i].addr < addr);
	return first < as->n && as->arena[first].addr == addr ? &as->arena[first] : NULL;
}

/* The arenas that lie in first heaps: they have the bins of one. */
static int find_arenas(struct cspace *s, struct carenas *as)
{
	int err = 0;

	for (size_t i = 0; !err && i < as->nheaps; i++) {
		struct carena a = { .addr = as->heap[i].arena };
		struct state st;
		bool fits = false;

		if (as->heap[i].prev)
			continue;
		err = state_read(s, &st, a.addr);
		for (uint32_t h = HEAD_MIN; !err && h <= CSTATE_HEAD_MAX && !fits; h += 8)
			fits = state_fits(s, as, &a, &st, h);
		if (fits)
			err = arena_add(as, &a);
	}
	return err;
}

static int own_heaps(struct cspace *s, const struct carenas *as)
{
	int err = 0;

	for (size_t i = 0; !err && i < as->nheaps; i++) {
		const struct cheap *h = &as->heap[i];
		struct carena *a = carenas_at(as, h->arena);

		if (!a)
			continue;
		a->heaps++;
		a->size += h->size;
		err = cranges_add(&s->owned, h->base, h->base + CHEAP_SIZE, COWNER_ARENA,
				  a - as->arena);
	}
	return err;
}

/* One proof is enough: the library is the same for all. */
static void prove_head(struct cspace *s, struct carenas *as)
{
	for (size_t i = 0; i < as->n && !as->head; i++)
		as->head = head_prove(s, as, &as->arena[i]);
}

/* ---- the main arena ---- */

/* By the ring: the one arena on it that lies in no heap. */
static uint64_t main_by_ring(struct cspace *s, const struct carenas *as)
{
	uint64_t p = as->n ? as->arena[0].addr : 0, first = p;

	for (size_t i = 0; p && as->head && i < ARENAS_MAX; i++) {
		const struct vma *v;

		if (mem_u64(s->mem, p + as->head + CBINS * 16 + CSTATE_NEXT, &p) || p == first)
			return 0;
		v = maps_find(s->maps, p);
		if (!carenas_at(as, p) && v && v->flags & VMA_W &&
		    !heap_at(as, p & ~(CHEAP_SIZE - 1)))
			return p;
	}
	return 0;
}

/* Of 127 pairs of words from offset o, those that are empty bins. */
static int selves(uint64_t addr, const uint8_t *data, size_t o)
{
	int n = 0;

	for (size_t k = o; k < o + CBINS * 16; k += 16)
		n += get_u64(data, k) == addr + k - 16 && get_u64(data, k + 8) == addr + k - 16;
	return n;
}

/*
 * In the C library's data: bins that point at themselves, the first empty one at
 * offset o. An arena alone is next to itself: that is where it begins, and how many
 * bins before o are in use.
 */
static int main_by_pattern(struct cspace *s, uint64_t addr, const uint8_t *data, size_t len,
			   void *arg)
{
	uint64_t *found = arg;
	size_t bins = CBINS * 16;

	for (size_t o = HEAD_MIN; o + bins + CSTATE_TAIL <= len; o += 8) {
		if (get_u64(data, o) != addr + o - 16 || selves(addr, data, o) < SELF_MIN)
			continue;
		for (size_t first = o; first >= HEAD_MIN && first + bins > o; first -= 16) {
			uint64_t next = get_u64(data, first + bins + CSTATE_NEXT);
			uint64_t at = addr + first;

			if (next <= at - HEAD_MIN && next >= at - CSTATE_HEAD_MAX) {
				*found = next;
				return 1;
			}
			if (first < 16 + HEAD_MIN)
				break;
		}
	}
	return 0;
}

static int find_main(struct cspace *s, struct carenas *as)
{
	struct carena a = { .addr = main_by_ring(s, as), .main = true };
	struct state st;
	int err = 0;

	if (!a.addr)
		err = cspace_data(s, CDATA_LIBC, main_by_pattern, &a.addr);
	if (err < 0 || !a.addr)
		return err < 0 ? err : 0;
	if (!as->head)
		as->head = head_prove(s, as, &a);
	err = as->head ? state_read(s, &st, a.addr) : 0;
	return err || !as->head || !state_fits(s, as, &a, &st, as->head) ? err : arena_add(as, &a);
}

int carenas_find(struct cspace *s, struct carenas *as)
{
	int err;

	*as = (struct carenas){};
	err = find_heaps(s, as);
	if (as->nheaps)
		qsort(as->heap, as->nheaps, sizeof(*as->heap), by_base);
	err = err ? err : find_arenas(s, as);
	err = err ? err : own_heaps(s, as);
	if (err)
		return err;
	prove_head(s, as);
	return find_main(s, as);
}

void carenas_free(struct carenas *as)
{
	free(as->heap);
	free(as->arena);
	*as = (struct carenas){};
}
