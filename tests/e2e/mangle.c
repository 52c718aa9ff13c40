// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * mangle - break what an ELF file says of its sections; it still runs.
 *
 *   mangle EXE SEED
 *
 * Turns a few words of the section headers, of the header's account of them and of
 * the symbol table. The loader reads none of it.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static uint64_t word(uint64_t size)
{
	const uint64_t hurt[] = { 0, 1, ~0ULL, 1ULL << 63, size, size - 1, rnd() % size, rnd() };

	return hurt[rnd() % 8];
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[1], O_RDWR) : -1;
	Elf64_Shdr *sh, *one;
	Elf64_Ehdr *eh;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return 1;
	eh = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (eh == MAP_FAILED)
		return 1;
	seed = strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15ULL + 1;
	sh = (Elf64_Shdr *)((char *)eh + eh->e_shoff);
	for (int i = rnd() % 6; i >= 0; i--) {
		one = &sh[rnd() % eh->e_shnum];
		switch (rnd() % 8) {
		case 0: one->sh_offset = word(st.st_size); break;
		case 1: one->sh_size = word(st.st_size); break;
		case 2: one->sh_link = word(eh->e_shnum); break;
		case 3: one->sh_entsize = word(64); break;
		case 4: one->sh_name = word(65536); break;
		case 5: one->sh_type = word(20); break;
		case 6: one->sh_addr = word(1ULL << 40); break;
		default: /* the symbol table's bytes */
			for (int k = 0; k < eh->e_shnum; k++)
				if (sh[k].sh_type == SHT_SYMTAB &&
				    sh[k].sh_size < (size_t)st.st_size &&
				    sh[k].sh_offset < st.st_size - sh[k].sh_size)
					for (int n = 0; n < 2000; n++)
						((char *)eh)[sh[k].sh_offset +
							     rnd() % sh[k].sh_size] = rnd();
		}
	}
	switch (rnd() % 8) {
	case 0: eh->e_shoff = word(st.st_size); break;
	case 1: eh->e_shnum = word(65536); break;
	case 2: eh->e_shstrndx = word(64); break;
	case 3: eh->e_shentsize = word(64); break;
	}
	return 0;
}
