// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * A layout held against a forged runtime (forge_elf.h) that is broken as the input says:
 * a byte for the release, then patches. What is not proven has a reason.
 */
#include "../unit/forge_elf.h"
#include "fuzz.h"
#include "go/proof.h"
#include "patch.h"

static size_t break_it(struct forge *f, const uint8_t *data, size_t size, struct undo *undo)
{
	uint64_t md = f->gp.addr[G_firstmoduledata], heap = f->gp.addr[G_mheap_];
	const struct region r[] = {
		{ f->globals, GLOBALS, AT_GLOBALS },
		{ f->globals + (md - AT_GLOBALS), 640, md },
		{ f->globals + (heap - AT_GLOBALS), 0x12000, heap },
		{ f->chunk, GO_PERSISTENT, CHUNK },
		{ f->chunk + ALLSPANS, 0x400, CHUNK + ALLSPANS },
		{ f->chunk + MCACHE, 0x2400, CHUNK + MCACHE },
		{ f->bits, GO_GCBITS_ARENA, BITS },
		{ f->info, f->l->arena_size, INFO },
	};

	return patch_all(r, sizeof(r) / sizeof(r[0]), data, size, undo);
}

/* The file is whole: it is opened once. */
static struct forge_elf *forged(int minor)
{
	struct forge_elf *f = forge_elf_new(minor);
	int fd = fuzz_file(f->file, f->size);

	MUST(!binary_open(&f->rt->gp.bin, fd, "fuzz"));
	return f;
}

static void look(struct goproc *gp)
{
	mem_deadline(gp->mem, 500000000);
	gp->why[0] = '\0';
	gp->checked = gp->failed = 0;
	if (!go_prove_structures(gp, true))
		MUST(gp->proven ? !gp->failed : gp->failed && gp->why[0]);
	MUST(memchr(gp->why, '\0', sizeof(gp->why)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct forge_elf *forges[64]; /* kept: making one costs more than breaking it */
	struct undo undo[WORDS];
	struct forge_elf **f;
	size_t n;

	if (!size)
		return 0;
	f = &forges[data[0] % go_layouts_count % 64];
	if (!*f)
		*f = forged(atoi(go_layouts[data[0] % go_layouts_count].release + 2));
	n = break_it((*f)->rt, data + 1, size - 1, undo);
	look(&(*f)->rt->gp);
	patch_undo(undo, n);
	return 0;
}
