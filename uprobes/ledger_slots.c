// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The slots of a span against the pages the kernel holds of it; see ledger_join.h. */
#include "ledger_join.h"
#include <string.h>

#define SLOTS_MAX 1024

enum { LIVE, FRESH, FREE, TAIL };

/* Resident bytes of [start, end), which lies in the span. */
static uint64_t resident_of(const struct page_runs *runs, size_t first, uint64_t start,
			    uint64_t end)
{
	uint64_t sum = 0;

	for (size_t i = first; i < runs->n && runs->run[i].start < end; i++) {
		const struct page_run *r = &runs->run[i];
		uint64_t a = r->start > start ? r->start : start, b = r->end < end ? r->end : end;

		if (a < b && (r->flags & (PAGE_PRESENT | PAGE_ZERO)) == PAGE_PRESENT)
			sum += b - a;
	}
	return sum;
}

/*
 * Slot by slot, for a swept span: its bit is set if the object survived the last
 * cycle; without it, a slot below freeindex was handed out since.
 */
static bool by_slot(const struct join_input *in, const struct span *s, uint64_t part[SPAN_PARTS])
{
	uint8_t bits[SLOTS_MAX / 8];
	size_t first = page_runs_from(in->runs, s->base);
	unsigned occupied = 0;

	if ((s->sweep != 0 && s->sweep != 3) || s->nelems > SLOTS_MAX ||
	    mem_read(in->gp->mem, s->bits, bits, (s->nelems + 7) / 8))
		return false;
	memset(part, 0, SPAN_PARTS * sizeof(*part));
	for (unsigned i = 0; i < s->nelems; i++) {
		bool marked = bits[i / 8] >> (i % 8) & 1;
		uint64_t at = s->base + (uint64_t)i * s->elemsize;

		part[marked             ? LIVE
		     : i < s->freeindex ? FRESH
					: FREE] +=
			resident_of(in->runs, first, at, at + s->elemsize);
		occupied += marked || i < s->freeindex;
	}
	part[TAIL] = resident_of(in->runs, first, s->base + (uint64_t)s->nelems * s->elemsize,
				 s->base + span_bytes(s));
	return occupied == s->allocs;
}

static void by_share(const struct span *s, const uint64_t mapped[SPAN_PARTS],
		     uint64_t part[SPAN_PARTS])
{
	uint64_t size = span_bytes(s), resident = s->resident * MEM_PAGE, rest = resident;

	for (int k = 0; k < TAIL; k++) {
		part[k] = (unsigned __int128)mapped[k] * resident / size;
		rest -= part[k];
	}
	part[TAIL] = rest; /* and the rounding */
}

bool span_split(const struct join_input *in, const struct span *s, uint64_t mapped[SPAN_PARTS],
		uint64_t resident[SPAN_PARTS])
{
	uint64_t all = s->resident * MEM_PAGE;
	struct span_sum sum;

	span_parts(s, &sum);
	mapped[LIVE] = sum.live;
	mapped[FRESH] = sum.fresh;
	mapped[FREE] = sum.free_slots;
	mapped[TAIL] = sum.tail;
	if (s->bad) { /* its marks could not be read: live and new are not told apart */
		by_share(s, mapped, resident);
		return false;
	}
	if (all == span_bytes(s)) {
		memcpy(resident, mapped, SPAN_PARTS * sizeof(*resident));
		return true;
	}
	for (int k = 0; k < SPAN_PARTS; k++)
		if (!all || mapped[k] == span_bytes(s)) {
			memset(resident, 0, SPAN_PARTS * sizeof(*resident));
			resident[k] = all;
			return true;
		}
	if (by_slot(in, s, resident))
		return true;
	by_share(s, mapped, resident);
	return false;
}
