// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The strings of an ELF file; see elf_text.h. */
#include "elf_text.h"
#include <gelf.h>
#include <string.h>

#define TABLE_MAX (256U << 20)

struct elf_text elf_text_open(Elf *elf, size_t ndx)
{
	Elf_Scn *scn = ndx ? elf_getscn(elf, ndx) : NULL;
	GElf_Shdr sh;
	Elf_Data *d = NULL;

	if (scn && gelf_getshdr(scn, &sh) && sh.sh_type == SHT_STRTAB && sh.sh_size <= TABLE_MAX)
		d = elf_rawdata(scn, NULL);
	return d && d->d_buf ? (struct elf_text){ d->d_buf, d->d_size } : (struct elf_text){};
}

const char *elf_text_at(const struct elf_text *t, uint64_t off)
{
	size_t left = off < t->n ? t->n - off : 0;

	if (!left || !memchr(t->p + off, '\0', left < ELF_TEXT_MAX ? left : ELF_TEXT_MAX))
		return NULL;
	return t->p + off;
}
