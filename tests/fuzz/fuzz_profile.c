// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The buckets of a heap profile: a byte for the release, then what is in memory from the head
 * of their list on. However they are linked, reading ends, and what is read is in bounds.
 */
#include "fuzz.h"
#include "go/goproc.h"
#include "go/profile.h"

#define DATA    0x500000ULL
#define BUCKETS 0x600000ULL

static void check(const struct goprofile *p)
{
	MUST(p->n <= GOPROFILE_BUCKETS && p->npc <= GOPROFILE_PCS && p->attempts > 0);
	for (size_t i = 0; i < p->n; i++) {
		const struct goprofile_bucket *b = &p->bucket[i];
		int64_t objects, space;

		MUST(b->depth <= GOPROFILE_STACK && b->first + (size_t)b->depth <= p->npc);
		goprofile_scale(b->shown.allocs, b->shown.alloc_bytes, p->rate, &objects, &space);
		MUST(objects >= 0 && space >= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct target t;
	uint8_t globals[8192] = {};
	struct mem_segment seg[] = { { DATA, globals, sizeof(globals) }, { BUCKETS, data, size } };
	struct goproc gp = { .t = &t, .proven = true };
	struct goprofile p;

	if (size < 2)
		return 0;
	gp.l = &go_layouts[data[0] % go_layouts_count];
	gp.addr[G_mbuckets] = DATA;
	gp.addr[G_MemProfileRate] = DATA + 8;
	/* only how many collections there were is read of it */
	gp.addr[G_memstats] = DATA + 16 - gp.l->ms_numgc;
	memcpy(globals, &(uint64_t){ BUCKETS + 8 }, 8);
	memcpy(globals + 8, data, size < 8 ? size : 8);
	gp.mem = mem_image_new(seg, 2);
	if (!goprofile_read(&gp, &p))
		check(&p);
	goprofile_free(&p);
	mem_close(gp.mem);
	return 0;
}
