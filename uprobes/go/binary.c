// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A Go executable; see binary.h. */
#include "go/binary.h"
#include "fail.h"
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILDINFO_MAX (1U << 20)
#define SYMTAB_MAX    (256U << 20)
#define SECTIONS_MAX  65280 /* SHN_LORESERVE: more would be counted elsewhere in the file */
#define SEGMENTS_MAX  1024
#define SENTINEL      16

int go_version_minor(const char *version)
{
	const char *p = strstr(version, "go1.");
	char *end;
	long minor;

	if (!p)
		return -1;
	minor = strtol(p + 4, &end, 10);
	return end == p + 4 || minor < 0 || minor > 999 ? -1 : minor;
}

bool go_version_plain(const char *version)
{
	return !strncmp(version, "go1.", 4) &&
	       version[4 + strspn(version + 4, "0123456789.")] == '\0';
}

static bool varint_string(const uint8_t **p, const uint8_t *end, const uint8_t **s, size_t *len)
{
	uint64_t n = 0;

	for (int shift = 0; *p < end && shift < 35; shift += 7) {
		uint8_t byte = *(*p)++;

		n |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (n > (size_t)(end - *p))
			return false;
		*s = *p;
		*len = n;
		*p += n;
		return true;
	}
	return false;
}

/* The value of the first "key\tvalue" line of the module info. */
static bool modinfo_value(const char *text, size_t len, const char *key, char *out, size_t size)
{
	const char *end = text + len, *nl;
	size_t k = strlen(key);

	for (const char *line = text; line < end; line = nl + 1) {
		nl = memchr(line, '\n', end - line);
		if (!nl)
			nl = end;
		if ((size_t)(nl - line) > k && !memcmp(line, key, k) && line[k] == '\t') {
			const char *v = line + k + 1;
			size_t n = nl - v;
			const char *tab = memchr(v, '\t', n);

			snprintf(out, size, "%.*s", (int)(tab ? tab - v : (long)n), v);
			return true;
		}
	}
	return false;
}

bool buildinfo_parse(const uint8_t *p, size_t len, char *version, size_t vsize, char *module,
		     size_t msize)
{
	const uint8_t *end = p + len, *s;
	size_t n;

	version[0] = module[0] = '\0';
	if (len < 32 || memcmp(p, "\xff Go buildinf:", 14) || !(p[15] & 2))
		return false;
	p += 32;
	if (!varint_string(&p, end, &s, &n))
		return false;
	snprintf(version, vsize, "%.*s", (int)(n < vsize ? n : vsize - 1), (const char *)s);
	if (!varint_string(&p, end, &s, &n) || n < 2 * SENTINEL)
		return true;
	if (!modinfo_value((const char *)s + SENTINEL, n - 2 * SENTINEL, "mod", module, msize))
		modinfo_value((const char *)s + SENTINEL, n - 2 * SENTINEL, "path", module, msize);
	return true;
}

static Elf_Scn *section(Elf *elf, const char *name, GElf_Shdr *sh)
{
	Elf_Scn *scn = NULL;
	size_t strndx;

	if (elf_getshdrstrndx(elf, &strndx))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *s;

		if (gelf_getshdr(scn, sh) && (s = elf_strptr(elf, strndx, sh->sh_name)) &&
		    !strcmp(s, name))
			return scn;
	}
	return NULL;
}

static void read_segments(struct binary *b)
{
	size_t n = 0;
	GElf_Phdr ph;

	b->base = UINT64_MAX;
	elf_getphdrnum(b->elf, &n);
	for (size_t i = 0; i < n && i < SEGMENTS_MAX && gelf_getphdr(b->elf, i, &ph); i++) {
		b->dynamic |= ph.p_type == PT_INTERP;
		if (ph.p_type != PT_LOAD)
			continue;
		if (ph.p_vaddr < b->base)
			b->base = ph.p_vaddr & ~4095ULL;
		if (ph.p_vaddr + ph.p_memsz > b->bss_end)
			b->bss_end = ph.p_vaddr + ph.p_memsz;
	}
}

static bool read_buildinfo(struct binary *b)
{
	GElf_Shdr sh;
	Elf_Scn *scn = section(b->elf, ".go.buildinfo", &sh);
	Elf_Data *d = scn && sh.sh_size <= BUILDINFO_MAX ? elf_rawdata(scn, NULL) : NULL;

	return d && d->d_buf &&
	       buildinfo_parse(d->d_buf, d->d_size, b->version, sizeof(b->version), b->module,
			       sizeof(b->module));
}

static bool has_section(struct binary *b, const char *name)
{
	GElf_Shdr sh;

	return section(b->elf, name, &sh) != NULL;
}

/*
 * libelf believes counts as long as the file is large enough, and a sparse file can
 * have any size: no section headers that are not there, or are more than can be.
 */
static bool header_sane(int fd)
{
	Elf64_Ehdr eh;
	struct stat st;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) || fstat(fd, &st) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return false;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64) /* refused later, by its machine */
		return true;
	return !eh.e_shoff ||
	       (eh.e_shnum && eh.e_shnum <= SECTIONS_MAX && eh.e_shentsize == sizeof(Elf64_Shdr) &&
		eh.e_shoff < (uint64_t)st.st_size &&
		eh.e_shnum * sizeof(Elf64_Shdr) <= st.st_size - eh.e_shoff);
}

int binary_open(struct binary *b, int fd, const char *name)
{
	GElf_Ehdr eh;
	GElf_Shdr sh;

	*b = (struct binary){ .minor = -1 };
	elf_version(EV_CURRENT);
	if (!header_sane(fd))
		return fail(-ENOEXEC, "%s is not an ELF file, or a damaged one", name);
	/* not mapped: a file that is cut off while we read it must be an error, not SIGBUS */
	b->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!b->elf || elf_kind(b->elf) != ELF_K_ELF || !gelf_getehdr(b->elf, &eh)) {
		binary_close(b);
		return fail(-ENOEXEC, "%s is not an ELF file", name);
	}
	if (!read_buildinfo(b) && !has_section(b, ".note.go.buildid") &&
	    !has_section(b, ".gopclntab") && !has_section(b, ".data.rel.ro.gopclntab")) {
		binary_close(b);
		return fail(-ENOEXEC,
			    "%s is not a Go program (no build info, no Go build id, no "
			    "pclntab)",
			    name);
	}
	if (eh.e_machine != EM_X86_64 || eh.e_ident[EI_CLASS] != ELFCLASS64) {
		binary_close(b);
		return fail(-EOPNOTSUPP, "%s is not for x86-64, which is all that is supported yet",
			    name);
	}
	b->minor = go_version_minor(b->version);
	b->pie = eh.e_type == ET_DYN;
	b->stripped = !has_section(b, ".symtab");
	if (section(b->elf, ".text", &sh)) {
		b->text = sh.sh_addr;
		b->text_end = sh.sh_addr + sh.sh_size;
	}
	read_segments(b);
	return 0;
}

void binary_close(struct binary *b)
{
	if (b->elf)
		elf_end(b->elf);
	b->elf = NULL;
}

size_t binary_symbols(struct binary *b, const char *const *names, struct symbol *out, size_t n)
{
	GElf_Shdr sh;
	Elf_Scn *scn = section(b->elf, ".symtab", &sh);
	Elf_Data *d = scn && sh.sh_size <= SYMTAB_MAX ? elf_getdata(scn, NULL) : NULL;
	size_t found = 0, count;
	GElf_Sym sym;

	memset(out, 0, n * sizeof(*out));
	if (!d || !sh.sh_entsize)
		return 0;
	count = d->d_size / sh.sh_entsize;
	for (size_t i = 0; i < count && gelf_getsym(d, i, &sym); i++) {
		const char *s;

		/* data only: what is looked for are variables */
		if (GELF_ST_TYPE(sym.st_info) != STT_OBJECT || !sym.st_value)
			continue;
		s = elf_strptr(b->elf, sh.sh_link, sym.st_name);
		if (!s || strncmp(s, "runtime.", 8))
			continue;
		for (size_t k = 0; k < n; k++)
			if (!out[k].addr && !strcmp(s + 8, names[k])) {
				out[k] = (struct symbol){ sym.st_value, sym.st_size };
				found++;
			}
	}
	return found;
}
