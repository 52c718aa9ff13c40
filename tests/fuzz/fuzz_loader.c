// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * What the program loader allocated: link maps and static TLS in memory that the input
 * fills: a byte of flags, 8 for the main thread's control block, then patches.
 */
#include "c/loader.h"
#include "fuzz.h"
#include "patch.h"

static const struct vma layout[] = {
	{ 0x555500000000, 0x555500001000, 0, 5, 1, VMA_R | VMA_W, "/bin/program" },
	{ 0x555500001000, 0x555500002000, 0, 0, 0, VMA_R | VMA_W, "" },
	{ 0x7f0000000000, 0x7f0000004000, 0, 0, 0, VMA_R | VMA_W, "" },
	{ 0x7f0030000000, 0x7f0030002000, 0, 78, 1, VMA_R | VMA_W, "/lib/ld-linux-x86-64.so.2" },
	{ -MEM_PAGE * 2, -MEM_PAGE, 0, 0, 0, VMA_R | VMA_W, "" },
};
#define VMAS    (sizeof(layout) / sizeof(layout[0]))
#define DYNAMIC 0x555500000100
#define DEBUG   0x7f0030000000

static void look(struct cspace *s, uint64_t tcb)
{
	struct cloader l;

	if (!cloader_find(s, &l, DYNAMIC, tcb)) {
		for (size_t i = 0; i < l.n; i++)
			MUST(!(l.at[i] % MEM_PAGE));
		cloader_own(s, &l);
		for (size_t i = 0; i < s->owned.n; i++)
			MUST(s->owned.r[i].start < s->owned.r[i].end);
	}
	cloader_free(&l);
	cranges_free(&s->owned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem_segment seg[VMAS];
	struct page_run run[VMAS];
	struct region r[VMAS];
	struct undo undo[WORDS];
	struct maps maps = { .vma = (struct vma *)layout, .n = VMAS };
	struct page_runs runs = { .run = run, .n = VMAS };
	struct cspace s = { .maps = &maps, .runs = &runs };
	const uint64_t entry[] = { 21 /* DT_DEBUG */, DEBUG };

	if (size < 9)
		return 0;
	for (size_t i = 0; i < VMAS; i++) {
		uint64_t len = layout[i].end - layout[i].start;

		r[i] = (struct region){ calloc(1, len), len, layout[i].start };
		seg[i] = (struct mem_segment){ layout[i].start, r[i].p, len, 0 };
		run[i] = (struct page_run){ layout[i].start, layout[i].end, PAGE_PRESENT };
	}
	memcpy(r[0].p + DYNAMIC % MEM_PAGE, entry, sizeof(entry));
	patch_all(r, VMAS, data + 9, size - 9, undo);
	s.go_known = data[0] & 1;
	s.mem = mem_image_new(seg, VMAS);
	look(&s, get_u64(data, 1));
	mem_close(s.mem);
	for (size_t i = 0; i < VMAS; i++)
		free(r[i].p);
	return 0;
}
