// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* ELF headers; see elf64.h. */
#include "elf64.h"
#include <errno.h>
#include <string.h>

#define HEADERS_MAX 65535
#define NOTES_MAX   65536 /* bytes of notes that are looked at */
#define NOTE_GO_ID  4

static bool inside(const struct elf64 *e, uint64_t off, uint64_t len)
{
	return off <= e->file->size && len <= e->file->size - off;
}

static bool get(const struct elf64 *e, uint64_t off, void *out, size_t len)
{
	const uint8_t *p = lazyfile_at(e->file, off, len);

	if (p)
		memcpy(out, p, len);
	return p != NULL;
}

int elf64_open(struct elf64 *e, struct lazyfile *file)
{
	*e = (struct elf64){ .file = file };
	if (!get(e, 0, &e->eh, sizeof(e->eh)) || memcmp(e->eh.e_ident, ELFMAG, SELFMAG) ||
	    e->eh.e_ident[EI_CLASS] != ELFCLASS64 || e->eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if (!elf64_section(e, e->eh.e_shstrndx, &e->names) ||
	    !inside(e, e->names.sh_offset, e->names.sh_size))
		e->names = (Elf64_Shdr){};
	return 0;
}

bool elf64_segment(const struct elf64 *e, unsigned i, Elf64_Phdr *ph)
{
	uint64_t at = i * sizeof(*ph);

	return i < e->eh.e_phnum && e->eh.e_phentsize == sizeof(*ph) &&
	       inside(e, e->eh.e_phoff, at + sizeof(*ph)) &&
	       get(e, e->eh.e_phoff + at, ph, sizeof(*ph));
}

bool elf64_section(const struct elf64 *e, unsigned i, Elf64_Shdr *sh)
{
	uint64_t at = i * sizeof(*sh);

	return i < e->eh.e_shnum && i < HEADERS_MAX && e->eh.e_shentsize == sizeof(*sh) &&
	       e->eh.e_shoff && inside(e, e->eh.e_shoff, at + sizeof(*sh)) &&
	       get(e, e->eh.e_shoff + at, sh, sizeof(*sh));
}

static bool named(const struct elf64 *e, const Elf64_Shdr *sh, const char *name)
{
	size_t len = strlen(name) + 1;
	const uint8_t *p;

	if (sh->sh_name > e->names.sh_size || len > e->names.sh_size - sh->sh_name)
		return false;
	p = lazyfile_at(e->file, e->names.sh_offset + sh->sh_name, len);
	return p && !memcmp(p, name, len);
}

bool elf64_find(const struct elf64 *e, uint32_t type, const char *name, Elf64_Shdr *sh)
{
	for (unsigned i = 0; elf64_section(e, i, sh); i++)
		if ((!type || sh->sh_type == type) && sh->sh_type != SHT_NOBITS &&
		    sh->sh_type != SHT_NULL && (!name || named(e, sh, name)) &&
		    inside(e, sh->sh_offset, sh->sh_size))
			return true;
	return false;
}

/* The description of the first note of a name and type in a segment of notes. */
static size_t note(const struct elf64 *e, const Elf64_Phdr *ph, const char *name, uint32_t type,
		   uint8_t *out, size_t size)
{
	uint64_t end = ph->p_filesz < NOTES_MAX ? ph->p_filesz : NOTES_MAX;
	Elf64_Nhdr nh;

	for (uint64_t at = 0; at + sizeof(nh) <= end;) {
		uint64_t desc;

		if (!get(e, ph->p_offset + at, &nh, sizeof(nh)))
			return 0;
		desc = at + sizeof(nh) + (nh.n_namesz + 3ULL) / 4 * 4;
		if (desc + nh.n_descsz > end)
			return 0;
		if (nh.n_type == type && nh.n_namesz == 4 && nh.n_descsz) {
			char owner[4];

			size = size < nh.n_descsz ? size : nh.n_descsz;
			if (get(e, ph->p_offset + at + sizeof(nh), owner, 4) &&
			    !memcmp(owner, name, 4) && get(e, ph->p_offset + desc, out, size))
				return size;
		}
		at = desc + (nh.n_descsz + 3ULL) / 4 * 4;
	}
	return 0;
}

size_t elf64_build_id(const struct elf64 *e, uint8_t *id, size_t size)
{
	Elf64_Phdr ph;
	size_t n;

	for (int go = 0; go < 2; go++)
		for (unsigned i = 0; elf64_segment(e, i, &ph); i++) {
			if (ph.p_type != PT_NOTE)
				continue;
			n = go ? note(e, &ph, "Go\0", NOTE_GO_ID, id, size)
			       : note(e, &ph, "GNU", NT_GNU_BUILD_ID, id, size);
			if (n)
				return n;
		}
	return 0;
}
