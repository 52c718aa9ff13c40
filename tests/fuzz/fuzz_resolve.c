// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The runtime's variables looked for in code: a forged program (forge_elf.h) and its
 * memory, broken as the input says: a byte for the release, then patches. What is
 * found must be there.
 */
#include "../unit/forge_elf.h"
#include "fuzz.h"
#include "go/resolve.h"
#include "go/symbolize.h"
#include "patch.h"

static size_t break_it(struct forge_elf *f, const uint8_t *data, size_t size, struct undo *undo)
{
	struct forge *rt = f->rt;
	uint64_t md = rt->gp.addr[G_firstmoduledata];
	const struct region r[] = {
		{ f->file, f->size, FORGE_RODATA }, /* most of it is */
		{ f->file + f->functab, f->gofunc - f->functab, FORGE_RODATA },
		{ rt->globals, GLOBALS, AT_GLOBALS },
		{ rt->globals + (md - AT_GLOBALS), 640, md },
		{ rt->chunk, GO_PERSISTENT, CHUNK },
		{ rt->chunk + ALLSPANS, 0x400, CHUNK },
		{ rt->chunk + 0x10000, 0x800, CHUNK + 0x10000 },
	};

	return patch_all(r, sizeof(r) / sizeof(r[0]), data, size, undo);
}

static void look(struct goproc *gp, uint64_t main)
{
	struct resolved *r = calloc(1, sizeof(*r));
	struct frame out[16];
	struct symbolizer s;
	uint64_t v;

	mem_deadline(gp->mem, 500000000);
	if (!go_resolve(gp, gp->l, r)) {
		mem_deadline(gp->mem, 0);
		MUST(!mem_u64(gp->mem, r->addr[G_allp], &v));
		for (int i = 0; i < G_COUNT; i++)
			MUST(r->addr[i] ? r->how[i] != NULL : !go_global_required[i]);
	}
	if (!symbolizer_open(&s, gp))
		for (size_t n = symbolize(&s, main + 20, out, 16); n--;)
			MUST(strlen(out[n].function) <= 4096 && strlen(out[n].file) <= 4096);
	free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct forge_elf *forges[64]; /* kept: making one costs more than breaking it */
	struct undo undo[WORDS];
	struct forge_elf **f;
	size_t n;
	int fd;

	if (!size)
		return 0;
	f = &forges[data[0] % go_layouts_count % 64];
	if (!*f)
		*f = forge_elf_new(atoi(go_layouts[data[0] % go_layouts_count].release + 2));
	n = break_it(*f, data + 1, size - 1, undo);
	fd = fuzz_file((*f)->file, (*f)->size);
	if (!binary_open(&(*f)->rt->gp.bin, fd, "fuzz")) {
		look(&(*f)->rt->gp, (*f)->main);
		binary_close(&(*f)->rt->gp.bin);
	}
	close(fd);
	patch_undo(undo, n);
	return 0;
}
