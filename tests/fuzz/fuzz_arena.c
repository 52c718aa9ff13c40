// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The heap of a C program: arenas, threads and large blocks are looked for in memory
 * that the input fills: [heap], the C library's data, a 64 MiB heap, a loose mapping.
 * Of each patch: 4 bytes where, 1 what, 8 the value.
 */
#include "c/arena.h"
#include "c/chunk.h"
#include "c/pthread.h"
#include "fuzz.h"

#define PATCH 13

static const struct vma layout[] = {
	{ 0x555500000000, 0x555500004000, 0, 0, 0, VMA_R | VMA_W, "[heap]" },
	{ 0x7f0000000000, 0x7f0000008000, 0, 0, 0, VMA_R | VMA_W, "" },
	{ 0x7f0010000000, 0x7f0010004000, 0, 0, 0, VMA_R | VMA_W, "" },
	{ 0x7f0020000000, 0x7f0020004000, 0x1000, 77, 1, VMA_R | VMA_W, "/lib/libc.so.6" },
	{ 0x7f0020004000, 0x7f0020006000, 0, 0, 0, VMA_R | VMA_W, "" },
	{ 0x7f0030000000, 0x7f0030002000, 0, 78, 1, VMA_R | VMA_W, "/lib/ld-linux-x86-64.so.2" },
	{ 0x7fff00000000, 0x7fff00002000, 0, 0, 0, VMA_R | VMA_W, "[stack]" },
};
#define VMAS (sizeof(layout) / sizeof(layout[0]))

static uint64_t value(const uint8_t *in, uint64_t old, uint64_t here)
{
	uint64_t v, size;
	const struct vma *m;

	memcpy(&v, in + 1, 8);
	m = &layout[v % VMAS];
	size = m->end - m->start;
	switch (in[0] % 6) {
	case 0: return v;
	case 1: return old ^ v;
	case 2: return old + (int8_t)v;
	case 3: return m->start + v / VMAS % (size / 8) * 8;
	case 4: return here + (int8_t)v * 8; /* rings, bins */
	default: return v % 0x10000;
	}
}

static void patch(uint8_t *const *bytes, const uint8_t *in)
{
	const struct vma *m;
	uint64_t off, old, new;
	uint32_t where;

	memcpy(&where, in, 4);
	m = &layout[where % VMAS];
	off = where / VMAS % ((m->end - m->start) / 8) * 8;
	memcpy(&old, bytes[where % VMAS] + off, 8);
	new = value(in + 4, old, m->start + off);
	memcpy(bytes[where % VMAS] + off, &new, 8);
}

static void look(struct cspace *s)
{
	struct carenas as = {};
	struct cthreads threads = {};
	struct cchunks chunks = {};
	uint64_t budget = 10000;

	carenas_find(s, &as);
	cranges_sort(&s->owned);
	for (size_t i = 0; i < as.n; i++)
		if (!as.arena[i].why) /* as cside.c has it */
			carena_walk(s, &as, &as.arena[i], &budget);
	cthreads_find(s, &threads);
	cranges_sort(&s->owned);
	cchunks_find(s, &chunks);
	cranges_sort(&s->owned);
	for (size_t i = 1; i < s->owned.n; i++)
		MUST(s->owned.r[i].start >= s->owned.r[i - 1].end);
	carenas_free(&as);
	cthreads_free(&threads);
	cranges_free(&s->owned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem_segment seg[VMAS];
	struct page_run run[VMAS];
	uint8_t *bytes[VMAS];
	struct maps maps = { .vma = (struct vma *)layout, .n = VMAS };
	struct page_runs runs = { .run = run, .n = VMAS };
	struct cspace s = { .maps = &maps, .runs = &runs };

	for (size_t i = 0; i < VMAS; i++) {
		uint64_t len = layout[i].end - layout[i].start;

		bytes[i] = calloc(1, len);
		seg[i] = (struct mem_segment){ layout[i].start, bytes[i], len, 0 };
		run[i] = (struct page_run){ layout[i].start, layout[i].end, PAGE_PRESENT };
	}
	s.go_known = size && data[0] & 1;
	for (; size > PATCH; data += PATCH, size -= PATCH)
		patch(bytes, data + 1);
	s.mem = mem_image_new(seg, VMAS);
	mem_deadline(s.mem, 500000000);
	look(&s);
	mem_close(s.mem);
	for (size_t i = 0; i < VMAS; i++)
		free(bytes[i]);
	return 0;
}
