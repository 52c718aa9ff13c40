// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The bytes of an executable by address; see image.h. */
#include "go/image.h"
#include <errno.h>

int image_open(struct image *im, struct lazyfile *file)
{
	*im = (struct image){ .file = file };
	return elf64_open(&im->elf, file);
}

/* Whether a segment is loaded from bytes that are all in the file. */
static bool loaded(const struct image *im, const Elf64_Phdr *ph)
{
	return ph->p_type == PT_LOAD && ph->p_offset <= im->file->size &&
	       ph->p_filesz <= im->file->size - ph->p_offset;
}

const uint8_t *image_bytes(const struct image *im, uint64_t addr, uint64_t len, uint64_t *left)
{
	Elf64_Phdr ph;

	for (unsigned i = 0; elf64_segment(&im->elf, i, &ph); i++)
		if (loaded(im, &ph) && addr >= ph.p_vaddr && addr - ph.p_vaddr < ph.p_filesz) {
			uint64_t off = addr - ph.p_vaddr;

			*left = ph.p_filesz - off;
			return len <= *left ? lazyfile_at(im->file, ph.p_offset + off, len) : NULL;
		}
	return NULL;
}

bool image_data(const struct image *im, uint64_t *start, uint64_t *end)
{
	Elf64_Phdr ph;

	*start = UINT64_MAX;
	*end = 0;
	for (unsigned i = 0; elf64_segment(&im->elf, i, &ph); i++) {
		if (!loaded(im, &ph) || !(ph.p_flags & PF_W) ||
		    ph.p_vaddr + ph.p_memsz < ph.p_vaddr)
			continue;
		*start = ph.p_vaddr < *start ? ph.p_vaddr : *start;
		*end = ph.p_vaddr + ph.p_memsz > *end ? ph.p_vaddr + ph.p_memsz : *end;
	}
	return *start < *end;
}

/* A table at a place of the file, in [off, off + size) that is said to be loaded at vaddr. */
static int parse_at(const struct image *im, struct pclntab *t, uint64_t *addr, int64_t at,
		    uint64_t vaddr, uint64_t off, uint64_t size)
{
	uint64_t left;

	if (at < 0)
		return -ENOENT;
	*addr = vaddr + (at - off);
	if (image_bytes(im, *addr, 1, &left) != im->file->p + at)
		return -ENOENT;
	return pclntab_parse_file(t, im->file, at, size - (at - off));
}

static int parse_section(const struct image *im, struct pclntab *t, uint64_t *addr,
			 const char *name, bool scan)
{
	Elf64_Shdr sh;

	if (!elf64_find(&im->elf, 0, name, &sh))
		return -ENOENT;
	return parse_at(im, t, addr,
			scan ? pclntab_scan_file(im->file, sh.sh_offset, sh.sh_size)
			     : (int64_t)sh.sh_offset,
			sh.sh_addr, sh.sh_offset, sh.sh_size);
}

int image_pclntab(const struct image *im, struct pclntab *t, uint64_t *addr)
{
	uint64_t unread = im->file->size; /* segments share a page at most: once over the file */
	Elf64_Phdr ph;

	if (!parse_section(im, t, addr, ".gopclntab", false) ||
	    !parse_section(im, t, addr, ".data.rel.ro.gopclntab", false) ||
	    !parse_section(im, t, addr, ".data.rel.ro", true))
		return 0;
	for (unsigned i = 0; elf64_segment(&im->elf, i, &ph); i++) {
		if (!loaded(im, &ph) || ph.p_flags & PF_X)
			continue;
		if (ph.p_filesz > unread)
			break;
		unread -= ph.p_filesz;
		if (!parse_at(im, t, addr, pclntab_scan_file(im->file, ph.p_offset, ph.p_filesz),
			      ph.p_vaddr, ph.p_offset, ph.p_filesz))
			return 0;
	}
	return -ENOENT;
}
