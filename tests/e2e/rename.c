// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * rename - give a Go executable another release in its build info, in place.
 *
 *   rename EXE [VERSION]
 *
 * The version and the module info behind it are written anew; what does not fit
 * into the section any more is cut from the module info (see buildinfo_parse()).
 * Without a version the build info goes: zeros, in a section of another name.
 */
#include <fcntl.h>
#include <gelf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER 32
#define MAX    65536

static size_t varint(uint8_t *p, size_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = v | 0x80;
	p[n++] = v;
	return n;
}

static const uint8_t *string_at(const uint8_t *p, size_t *len)
{
	*len = 0;
	for (int shift = 0;; shift += 7, p++) {
		*len |= (size_t)(*p & 0x7f) << shift;
		if (!(*p & 0x80))
			return p + 1;
	}
}

static int rewrite(uint8_t *p, size_t size, const char *version)
{
	uint8_t out[MAX] = {};
	size_t old, mod, n = HEADER, left;
	const uint8_t *s = string_at(p + HEADER, &old), *m = string_at(s + old, &mod);

	if (n + strlen(version) + 8 > size)
		return -1;
	memcpy(out, p, HEADER);
	n += varint(out + n, strlen(version));
	memcpy(out + n, version, strlen(version));
	n += strlen(version);
	left = size - n - 3;
	mod = mod < left ? mod : left;
	n += varint(out + n, mod);
	memcpy(out + n, m, mod);
	memcpy(p, out, size);
	return 0;
}

/* ".go.buildinfo" becomes ".no.buildinfo". */
static int unname(int fd, Elf *elf, size_t strndx, const GElf_Shdr *sh)
{
	GElf_Shdr names;

	return gelf_getshdr(elf_getscn(elf, strndx), &names) &&
			       pwrite(fd, ".n", 2, names.sh_offset + sh->sh_name) == 2
		       ? 0
		       : -1;
}

int main(int argc, char **argv)
{
	int fd = argc == 2 || argc == 3 ? open(argv[1], O_RDWR) : -1;
	uint8_t buf[MAX];
	Elf_Scn *scn = NULL;
	size_t strndx;
	GElf_Shdr sh;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_getshdrstrndx(elf, &strndx))
		return 1;
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) &&
		    !strcmp(elf_strptr(elf, strndx, sh.sh_name), ".go.buildinfo"))
			break;
	if (!scn || sh.sh_size > MAX ||
	    pread(fd, buf, sh.sh_size, sh.sh_offset) != (ssize_t)sh.sh_size ||
	    (argc == 3 ? rewrite(buf, sh.sh_size, argv[2]) : unname(fd, elf, strndx, &sh)) ||
	    (argc == 2 && !memset(buf, 0, sh.sh_size)) ||
	    pwrite(fd, buf, sh.sh_size, sh.sh_offset) != (ssize_t)sh.sh_size) {
		fprintf(stderr, "rename: cannot rewrite %s\n", argv[1]);
		return 1;
	}
	elf_end(elf);
	close(fd);
	return 0;
}
