// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* An executable by address: segments, its line table, the C side's symbols. */
#include "c/names.h"
#include "fuzz.h"
#include "go/binary.h"
#include "go/image.h"

static void table(const struct image *im, const struct pclntab *t, uint64_t addr)
{
	static const char *const names[] = { "gcStart", "allgadd" };
	struct gofunc f, found[2];
	const uint8_t *p;
	uint64_t left;

	p = image_bytes(im, addr, 1, &left);
	MUST(p >= im->file->p && left && left <= (uint64_t)(im->file->p + im->file->size - p));
	for (uint32_t i = 0; i < t->nfunc && i < 64; i++)
		if (pclntab_func(t, i, &f))
			pclntab_find(t, f.entry, &f);
	MUST(pclntab_lookup(t, names, found, 2) <= 2);
}

static void look(struct binary *b)
{
	struct maps none = {};
	struct image im;
	struct pclntab t;
	struct cnames c;
	uint64_t start, end, addr, left;

	cnames_find(&c, &none, b->elf);
	MUST(c.n <= CNAMES_MAX);
	if (image_open(&im, &b->file))
		return;
	if (image_data(&im, &start, &end)) {
		MUST(start < end);
		image_bytes(&im, start, 1, &left);
		image_bytes(&im, end - 1, 1, &left);
	}
	if (!image_pclntab(&im, &t, &addr))
		table(&im, &t, addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);
	struct binary b;

	if (!binary_open(&b, fd, "fuzz")) {
		look(&b);
		binary_close(&b);
	}
	close(fd);
	return 0;
}
