// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A Go executable; see binary.h. */
#include "go/binary.h"
#include "elf_text.h"
#include "fail.h"
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUILDINFO_MAX (1U << 20)
#define SYMTAB_MAX    (256U << 20)
#define SECTIONS_MAX  65280 /* SHN_LORESERVE: more would be counted elsewhere in the file */
#define SEGMENTS_MAX  1170  /* execve(2) takes 64 KiB of program headers */
#define SENTINEL      16
#define NOTE_MAX      4096
#define RUNTIME       "runtime."
#define RUNTIME_LEN   (sizeof(RUNTIME) - 1)
#define SYMBOL_MAX    128 /* bytes of a variable's name */

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
	struct elf_text text;
	size_t strndx;

	if (elf_getshdrstrndx(elf, &strndx))
		return NULL;
	text = elf_text_open(elf, strndx);
	while ((scn = elf_nextscn(elf, scn))) {
		const char *s;

		if (gelf_getshdr(scn, sh) && (s = elf_text_at(&text, sh->sh_name)) &&
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
	for (size_t i = 0; i < n && gelf_getphdr(b->elf, i, &ph); i++) {
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
 * have any size: no headers that are not there, or are more than can be.
 */
static bool header_sane(struct lazyfile *f)
{
	Elf64_Ehdr eh;

	if (!lazyfile_copy(f, 0, &eh, sizeof(eh)) || memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return false;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64) /* refused later, by its machine */
		return true;
	return eh.e_phnum <= SEGMENTS_MAX &&
	       (!eh.e_shoff ||
		(eh.e_shnum && eh.e_shnum <= SECTIONS_MAX && eh.e_shentsize == sizeof(Elf64_Shdr) &&
		 eh.e_shoff < f->size && eh.e_shnum * sizeof(Elf64_Shdr) <= f->size - eh.e_shoff));
}

static const char *machine_name(uint16_t machine)
{
	return machine == EM_X86_64 ? "x86-64" : "arm64";
}

static int open_elf(struct binary *b, int fd, const char *name, bool any)
{
	GElf_Ehdr eh;
	GElf_Shdr sh;

	*b = (struct binary){ .minor = -1 };
	elf_version(EV_CURRENT);
	if (lazyfile_open(&b->file, fd))
		return fail(-ENOEXEC, "%s is not an ELF file, or a damaged one", name);
	if (!header_sane(&b->file)) {
		binary_close(b);
		return fail(-ENOEXEC, "%s is not an ELF file, or a damaged one", name);
	}
	/* not mapped: a file that is cut off while we read it must be an error, not SIGBUS */
	b->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!b->elf || elf_kind(b->elf) != ELF_K_ELF || !gelf_getehdr(b->elf, &eh)) {
		binary_close(b);
		return fail(-ENOEXEC, "%s is not an ELF file", name);
	}
	if (!read_buildinfo(b) && !any && !has_section(b, ".note.go.buildid") &&
	    !has_section(b, ".gopclntab") && !has_section(b, ".data.rel.ro.gopclntab")) {
		binary_close(b);
		return fail(-ENOEXEC,
			    "%s is not a Go program (no build info, no Go build id, no "
			    "pclntab)",
			    name);
	}
	if ((eh.e_machine != EM_X86_64 && eh.e_machine != EM_AARCH64) ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB) {
		binary_close(b);
		return fail(-EOPNOTSUPP,
			    "%s is for another machine than x86-64 and arm64, which are supported",
			    name);
	}
	b->machine = eh.e_machine;
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

int binary_open(struct binary *b, int fd, const char *name)
{
	return open_elf(b, fd, name, false);
}

int binary_open_host(struct binary *b, int fd, const char *name)
{
	return open_elf(b, fd, name, true);
}

int binary_native(const struct binary *b, const char *name)
{
	return b->machine == BINARY_HOST
		       ? 0
		       : fail(-EOPNOTSUPP, "%s is for %s, and this is gomemtrace for %s", name,
			      machine_name(b->machine), machine_name(BINARY_HOST));
}

void binary_close(struct binary *b)
{
	if (b->elf)
		elf_end(b->elf);
	b->elf = NULL;
	lazyfile_close(&b->file);
}

/* The name of a symbol if it is a variable of the runtime: what is behind "runtime.". */
static const char *runtime_variable(struct lazyfile *f, const GElf_Shdr *str, const Elf64_Sym *sym)
{
	uint64_t left = sym->st_name < str->sh_size ? str->sh_size - sym->st_name : 0;
	const char *s;

	if (ELF64_ST_TYPE(sym->st_info) != STT_OBJECT || !sym->st_value || left <= RUNTIME_LEN)
		return NULL;
	s = (const char *)lazyfile_at(f, str->sh_offset + sym->st_name, RUNTIME_LEN);
	if (!s || memcmp(s, RUNTIME, RUNTIME_LEN))
		return NULL;
	return lazyfile_string(f, str->sh_offset + sym->st_name + RUNTIME_LEN,
			       left < SYMBOL_MAX ? left : SYMBOL_MAX);
}

/* The symbol table and its strings; false when there is none. */
static bool symbol_table(const struct binary *b, GElf_Shdr *sym, GElf_Shdr *str)
{
	Elf_Scn *scn = section(b->elf, ".symtab", sym);
	uint64_t size = b->file.size;

	if (!scn || sym->sh_size > SYMTAB_MAX || sym->sh_entsize != sizeof(Elf64_Sym) ||
	    !(scn = elf_getscn(b->elf, sym->sh_link)) || !gelf_getshdr(scn, str))
		return false;
	return sym->sh_offset <= size && sym->sh_size <= size - sym->sh_offset &&
	       str->sh_offset <= size && str->sh_size <= size - str->sh_offset;
}

size_t binary_symbols(struct binary *b, const char *const *names, struct symbol *out, size_t n)
{
	GElf_Shdr table, str;
	size_t found = 0,
	       count = symbol_table(b, &table, &str) ? table.sh_size / sizeof(Elf64_Sym) : 0;

	memset(out, 0, n * sizeof(*out));
	for (size_t i = 0; i < count && found < n; i++) {
		Elf64_Sym sym;
		const uint8_t *p =
			lazyfile_at(&b->file, table.sh_offset + i * sizeof(sym), sizeof(sym));
		const char *s;

		if (!p)
			break;
		memcpy(&sym, p, sizeof(sym));
		s = runtime_variable(&b->file, &str, &sym);
		for (size_t k = 0; s && k < n; k++)
			if (!out[k].addr && !strcmp(s, names[k])) {
				out[k] = (struct symbol){ sym.st_value, sym.st_size };
				found++;
			}
	}
	lazyfile_drop(&b->file, 0, UINT64_MAX);
	return found;
}

/* A note: sizes of its name and of what it says, its type, then both (elf(5)). */
static const uint8_t *note(struct binary *b, const char *name, const char *owner, size_t *len)
{
	GElf_Shdr sh;
	Elf_Scn *scn = section(b->elf, name, &sh);
	Elf_Data *d = scn && sh.sh_size <= NOTE_MAX ? elf_rawdata(scn, NULL) : NULL;
	uint32_t head[4];

	if (!d || !d->d_buf || d->d_size < sizeof(head))
		return NULL;
	memcpy(head, d->d_buf, sizeof(head));
	*len = head[1];
	return head[0] == 4 && !memcmp(&head[3], owner, 4) && *len <= d->d_size - sizeof(head)
		       ? (const uint8_t *)d->d_buf + sizeof(head)
		       : NULL;
}

bool binary_gnu_id(struct binary *b, char *id, size_t size)
{
	size_t len, n = 0;
	const uint8_t *p = note(b, ".note.gnu.build-id", "GNU", &len);

	for (; p && n < len && 2 * n + 3 <= size; n++)
		snprintf(id + 2 * n, size - 2 * n, "%02x", p[n]);
	return n > 0;
}

bool binary_build_id(struct binary *b, char *id, size_t size)
{
	const uint8_t *p;
	size_t len;

	p = note(b, ".note.go.buildid", "Go\0", &len);
	if (p && len && len < size) {
		snprintf(id, size, "%.*s", (int)len, (const char *)p);
		return true;
	}
	return binary_gnu_id(b, id, size);
}
