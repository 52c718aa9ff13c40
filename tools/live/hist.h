/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* hist.h - a histogram that is filled here, one value after the other. */
#ifndef LIVE_HIST_H
#define LIVE_HIST_H

#include "bpf/hist.h"
#include "emit.h"

struct live_hist {
	uint64_t slot[HIST_SLOTS];
	struct hist hist;
};

static inline void live_hist_add(struct live_hist *h, uint64_t v)
{
	bool first = !h->hist.slots;

	h->hist.slots = h->slot;
	h->slot[hist_slot(v)]++;
	h->hist.sum += v;
	h->hist.min = first || v < h->hist.min ? v : h->hist.min;
	h->hist.max = first || v > h->hist.max ? v : h->hist.max;
}

#endif
