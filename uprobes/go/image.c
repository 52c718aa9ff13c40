// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The bytes of an executable by address; see image.h. */
#include "go/image.h"
#include <errno.h>
#include <gelf.h>

int image_open(struct image *im, struct binary *bin)
{
	*im = (struct image){ .bin = bin };
	im->file = (const uint8_t *)elf_rawfile(bin->elf, &im->size);
	return im->file ? 0 : -ENOMEM;
}

/* The nth loadable segment whose bytes are all in the file; 0: no more, -1: not usable. */
static int segment(const struct image *im, size_t i, GElf_Phdr *ph)
{
	size_t n = 0;

	elf_getphdrnum(im->bin->elf, &n);
	if (i >= n)
		return 0;
	return gelf_getphdr(im->bin->elf, i, ph) && ph->p_type == PT_LOAD &&
			       ph->p_offset <= im->size && ph->p_filesz <= im->size - ph->p_offset
		       ? 1
		       : -1;
}

const uint8_t *image_bytes(const struct image *im, uint64_t addr, uint64_t *left)
{
	GElf_Phdr ph;
	int is;

	for (size_t i = 0; (is = segment(im, i, &ph)); i++)
		if (is > 0 && addr >= ph.p_vaddr && addr - ph.p_vaddr < ph.p_filesz) {
			*left = ph.p_filesz - (addr - ph.p_vaddr);
			return im->file + ph.p_offset + (addr - ph.p_vaddr);
		}
	return NULL;
}

bool image_data(const struct image *im, uint64_t *start, uint64_t *end)
{
	GElf_Phdr ph;
	int is;

	*start = UINT64_MAX;
	*end = 0;
	for (size_t i = 0; (is = segment(im, i, &ph)); i++) {
		if (is < 0 || !(ph.p_flags & PF_W) || ph.p_vaddr + ph.p_memsz < ph.p_vaddr)
			continue;
		*start = ph.p_vaddr < *start ? ph.p_vaddr : *start;
		*end = ph.p_vaddr + ph.p_memsz > *end ? ph.p_vaddr + ph.p_memsz : *end;
	}
	return *start < *end;
}

int image_pclntab(const struct image *im, struct pclntab *t, uint64_t *addr)
{
	GElf_Phdr ph;
	int is;

	for (size_t i = 0; (is = segment(im, i, &ph)); i++) {
		const uint8_t *p = im->file + (is > 0 ? ph.p_offset : 0);
		long at = is > 0 && !(ph.p_flags & PF_X) ? pclntab_scan(p, ph.p_filesz) : -1;

		if (at < 0)
			continue;
		*addr = ph.p_vaddr + at;
		return pclntab_parse(t, p + at, ph.p_filesz - at);
	}
	return -ENOENT;
}
