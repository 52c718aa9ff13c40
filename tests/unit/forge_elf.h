/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * forge_elf.h - a Go program of a few kilobytes: its file, and the memory of its
 * process as forge.h has it.
 *
 * The file has what the parsers read: headers, build info, code that names the
 * runtime's variables, a line table with an inline tree, symbols. As in a file that Go
 * links, section headers come first. go_resolve() finds every required variable in it.
 */
#ifndef FORGE_ELF_H
#define FORGE_ELF_H

#include "core.h"
#include "forge.h"
#include <elf.h>
#include <stdio.h>

#define FORGE_TEXT   0x401000ULL
#define FORGE_RODATA 0x480000ULL
#define FORGE_INODE  7
#define FORGE_PID    77
#define FORGE_VMAS   3
#define FORGE_FILE   (1U << 15) /* room for it */

enum forge_section { FS_NONE, FS_TEXT, FS_INFO, FS_PCLN, FS_SYM, FS_STR, FS_SHSTR, FS_COUNT };

struct forge_elf {
	struct forge *rt;
	struct target t;
	struct core core;
	struct vma vma[FORGE_VMAS];
	uint8_t *file;
	size_t size;
	size_t functab, funcs, funcs_end, gofunc; /* offsets in the file */
	uint64_t main;                            /* address of main.main, 64 bytes */
};

/* Code refers to these members, or to the first words, of these variables. */
static const struct {
	const char *func;
	enum go_global of;
	int words;
	uint16_t field[8];
} forge_code[] = {
#define AT(id) offsetof(struct go_layout, id)
	{ "gcMarkTermination",
	  G_memstats,
	  0,
	  { AT(ms_last_gc_unix), AT(ms_pause_total_ns), AT(ms_pause_ns), AT(ms_pause_end),
	    AT(ms_numgc), AT(ms_gc_cpu_fraction) } },
	{ "(*mheap).allocSpan",
	  G_gcController,
	  0,
	  { AT(gc_heapLive), AT(gc_heapInUse), AT(gc_heapReleased), AT(gc_heapFree),
	    AT(gc_totalAlloc), AT(gc_totalFree), AT(gc_mappedReady) } },
	{ "gcSweep",
	  G_mheap_,
	  0,
	  { AT(mheap_sweepgen), AT(mheap_allArenas), AT(mheap_heapArenas), AT(mheap_inUse),
	    AT(mheap_central), AT(mheap_sweepArenas), AT(mheap_pagesInUse),
	    AT(mheap_reclaimIndex) } },
	{ "gcStart",
	  G_work,
	  0,
	  { AT(work_tSweepTerm), AT(work_tMark), AT(work_tMarkTerm), AT(work_tEnd), AT(work_heap0),
	    AT(work_heap1), AT(work_heap2), AT(work_cycles) } },
	{ "newMarkBits",
	  G_gcBitsArenas,
	  0,
	  { AT(gcbits_free), AT(gcbits_next), AT(gcbits_current), AT(gcbits_previous) } },
#undef AT
	{ "stopTheWorldWithSema", G_allp, 3 },
	{ "persistentalloc1", G_persistentChunks, 1 },
	{ "mcommoninit", G_allm, 1 },
	{ "allgadd", G_allgs, 3 },
	{ "allgadd", G_allglen, 1 },
	{ "stkbucket", G_buckhash, 1 },
	{ "stkbucket", G_mbuckets, 1 },
	{ "vgetrandomGetState", G_vgetrandomAlloc, 3 },
};
#define FORGE_CODES (sizeof(forge_code) / sizeof(forge_code[0]))
#define FORGE_FUNCS 16

static inline void forge_bytes(struct forge_elf *f, const void *p, size_t n)
{
	memcpy(f->file + f->size, p, n);
	f->size += n;
}

static inline void forge_u32(struct forge_elf *f, uint32_t v)
{
	forge_bytes(f, &v, 4);
}

static inline void forge_align(struct forge_elf *f, size_t to)
{
	f->size = (f->size + to - 1) / to * to;
}

static inline Elf64_Shdr *forge_shdr(struct forge_elf *f, enum forge_section s)
{
	return (Elf64_Shdr *)(f->file + ((Elf64_Ehdr *)f->file)->e_shoff) + s;
}

static inline Elf64_Phdr *forge_phdr(struct forge_elf *f, int i)
{
	return (Elf64_Phdr *)(f->file + sizeof(Elf64_Ehdr)) + i;
}

/* mov disp32(%rip), %rax */
static inline void forge_mov(struct forge_elf *f, uint64_t addr, size_t code)
{
	uint64_t next = FORGE_TEXT + (f->size - code) + 7;

	forge_bytes(f, "\x48\x8b\x05", 3);
	forge_u32(f, addr - next);
}

struct forge_func {
	const char *name;
	uint32_t entry;
};

/* Returns how many functions; an entry more is where they end. */
static inline size_t forge_text(struct forge_elf *f, struct forge_func *fn)
{
	size_t n = 0, code = f->size;

	for (size_t i = 0; i < FORGE_CODES; i++) {
		uint64_t var = f->rt->gp.addr[forge_code[i].of];

		if (!n || strcmp(fn[n - 1].name, forge_code[i].func))
			fn[n++] = (struct forge_func){ forge_code[i].func, f->size - code };
		for (int k = 0; k < forge_code[i].words; k++)
			forge_mov(f, var + 8 * k, code);
		for (int k = 0; k < 8 && forge_code[i].field[k]; k++) {
			uint32_t off = get_u32(f->rt->l, forge_code[i].field[k]);

			if (off != LAYOUT_NONE)
				forge_mov(f, var + off, code);
		}
	}
	fn[n++] = (struct forge_func){ "main.main", f->size - code };
	f->main = FORGE_TEXT + f->size - code;
	memset(f->file + f->size, 0x90, 64);
	f->size += 64;
	fn[n] = (struct forge_func){ NULL, f->size - code };
	return n;
}

/* The _func of main.main has files, lines and an inline tree; others have none. */
static inline void forge_func(struct forge_elf *f, uint32_t entry, uint32_t name, bool main)
{
	bool old = atoi(f->rt->l->release + 2) < 20;

	forge_u32(f, entry);
	forge_u32(f, name);
	f->size += 12; /* args, deferreturn, pcsp */
	forge_u32(f, main ? 1 : 0);
	forge_u32(f, main ? 5 : 0);
	forge_u32(f, main ? 3 : 0);
	f->size += 4; /* cu */
	if (!old)
		forge_u32(f, main ? 8 : 0); /* startLine */
	f->size += 3;                       /* funcID, flag, pad */
	f->file[f->size++] = main ? 4 : 0;
	if (!main)
		return;
	forge_u32(f, 0);
	forge_u32(f, 0);
	forge_u32(f, 9);
	for (int i = 0; i < 4; i++)
		forge_u32(f, i == 3 ? 0 : UINT32_MAX);
}

static inline void forge_tables(struct forge_elf *f, const struct forge_func *fn, size_t n)
{
	/* file 0 and line 10 throughout; inlined: nothing for 8 bytes, 0 for 8, then 1 */
	static const uint8_t values[] = { 0, 2, 64, 0, 0, 22, 64, 0, 0, 0, 8, 2, 8, 2, 48, 0 };
	uint8_t *head = f->file + f->size;
	size_t start = f->size, func;
	uint32_t name[FORGE_FUNCS];

	f->size += 72;
	put64(head, 32, f->size - start);
	forge_bytes(f, "inl.a\0inl.b", 12);
	for (size_t i = 0; i < n; i++) {
		bool main = !strncmp(fn[i].name, "main.", 5);

		name[i] = f->size - start - 72;
		f->size += sprintf((char *)f->file + f->size, "%s%s", main ? "" : "runtime.",
				   fn[i].name) +
			   1;
	}
	forge_align(f, 8);
	put64(head, 40, f->size - start);
	forge_u32(f, 0);
	put64(head, 48, f->size - start);
	forge_bytes(f, "main.go", 8);
	put64(head, 56, f->size - start);
	forge_bytes(f, values, sizeof(values));
	forge_align(f, 8);
	put64(head, 64, f->size - start);
	f->functab = f->size;
	f->size += 8 * n + 8;
	f->funcs = f->size;
	for (size_t i = 0; i < n; i++) {
		func = f->size - f->functab;
		memcpy(f->file + f->functab + 8 * i, &fn[i].entry, 4);
		memcpy(f->file + f->functab + 8 * i + 4, &(uint32_t){ func }, 4);
		forge_func(f, fn[i].entry, name[i], !strncmp(fn[i].name, "main.", 5));
	}
	memcpy(f->file + f->functab + 8 * n, &fn[n].entry, 4);
	f->funcs_end = f->size;
}

static inline void forge_pclntab(struct forge_elf *f, const struct forge_func *fn, size_t n)
{
	bool old = atoi(f->rt->l->release + 2) < 20;
	uint8_t *head = f->file + f->size;

	put64(head, 0, 0x0801000000000000ULL | (old ? 0xfffffff0U : 0xfffffff1U));
	put64(head, 8, n);
	put64(head, 16, 1);
	put64(head, 24, FORGE_TEXT);
	forge_tables(f, fn, n);
	/* the inline tree: 0 is inl.a, called at 2; 1 is inl.b, called at 9, so by 0 */
	forge_align(f, 8);
	f->gofunc = f->size;
	for (int i = 0; i < 2; i++) {
		f->size += old ? 12 : 4;
		forge_u32(f, 6 * i);
		forge_u32(f, i ? 9 : 2);
		if (!old)
			forge_u32(f, 3 + i); /* startLine */
	}
}

static inline void forge_symbols(struct forge_elf *f)
{
	char text[2048];
	size_t n = 1;

	text[0] = '\0';
	f->size += sizeof(Elf64_Sym);
	for (int i = 0; i <= G_COUNT; i++) {
		Elf64_Sym sym = { .st_name = n, .st_shndx = 1, .st_size = 8 };

		sym.st_info = ELF64_ST_INFO(STB_GLOBAL, i < G_COUNT ? STT_OBJECT : STT_FUNC);
		sym.st_value = i < G_COUNT ? f->rt->gp.addr[i] : f->main;
		forge_bytes(f, &sym, sizeof(sym));
		n += 1 + sprintf(text + n, "%s%s", i < G_COUNT ? "runtime." : "je_",
				 i < G_COUNT ? go_global_names[i] : "malloc");
	}
	forge_shdr(f, FS_STR)->sh_offset = f->size;
	forge_bytes(f, text, n);
}

static inline void forge_info(struct forge_elf *f)
{
	static const char info[] = "path\tx.org/y\nmod\tx.org/y\tv1.2.3\t\n";
	char version[16];

	forge_bytes(f, "\xff Go buildinf:\x08\x02", 16);
	f->size += 16;
	f->file[f->size++] = snprintf(version, sizeof(version), "go%.6s", f->rt->l->release);
	forge_bytes(f, version, strlen(version));
	f->file[f->size++] = sizeof(info) - 1 + 32;
	f->size += 16;
	forge_bytes(f, info, sizeof(info) - 1);
	f->size += 16;
}

static inline void forge_section(struct forge_elf *f, enum forge_section s, uint32_t type,
				 uint32_t link, uint64_t addr, size_t start)
{
	static const char names[] = "\0.text\0.go.buildinfo\0.gopclntab\0.symtab\0.strtab\0"
				    ".shstrtab";
	const char *name = names + 1;
	Elf64_Shdr *sh = forge_shdr(f, s);

	if (s == FS_SHSTR)
		forge_bytes(f, names, sizeof(names));
	for (int i = 1; i < (int)s; i++)
		name += strlen(name) + 1;
	*sh = (Elf64_Shdr){ .sh_name = name - names,
			    .sh_type = type,
			    .sh_link = link,
			    .sh_addr = addr,
			    .sh_offset = start,
			    .sh_size = f->size - start,
			    .sh_addralign = 1,
			    .sh_entsize = type == SHT_SYMTAB ? sizeof(Elf64_Sym) : 0 };
}

static inline void forge_segment(struct forge_elf *f, int i, uint32_t flags, uint64_t addr,
				 size_t start, uint64_t memsz)
{
	*forge_phdr(f, i) = (Elf64_Phdr){ .p_type = PT_LOAD,
					  .p_flags = flags,
					  .p_offset = start,
					  .p_vaddr = addr,
					  .p_filesz = f->size - start,
					  .p_memsz = memsz ? memsz : f->size - start };
}

static inline void forge_headers(struct forge_elf *f)
{
	Elf64_Ehdr eh = { .e_ident = ELFMAG, .e_type = ET_EXEC, .e_machine = EM_X86_64 };

	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_ident[EI_VERSION] = eh.e_version = EV_CURRENT;
	eh.e_ehsize = eh.e_phoff = sizeof(eh);
	eh.e_phentsize = sizeof(Elf64_Phdr);
	eh.e_phnum = 3;
	eh.e_shoff = sizeof(eh) + 3 * sizeof(Elf64_Phdr);
	eh.e_shentsize = sizeof(Elf64_Shdr);
	eh.e_shnum = FS_COUNT;
	eh.e_shstrndx = FS_SHSTR;
	forge_bytes(f, &eh, sizeof(eh));
	f->size = eh.e_shoff + FS_COUNT * sizeof(Elf64_Shdr);
}

static inline void forge_file(struct forge_elf *f)
{
	struct forge_func fn[FORGE_FUNCS + 1];
	size_t rodata, start, n;

	forge_headers(f);
	start = f->size;
	n = forge_text(f, fn);
	forge_section(f, FS_TEXT, SHT_PROGBITS, 0, FORGE_TEXT, start);
	forge_segment(f, 0, PF_R | PF_X, FORGE_TEXT, start, 0);
	forge_align(f, 8);
	rodata = start = f->size;
	forge_info(f);
	forge_section(f, FS_INFO, SHT_PROGBITS, 0, FORGE_RODATA, start);
	forge_align(f, 8);
	start = f->size;
	forge_pclntab(f, fn, n);
	forge_section(f, FS_PCLN, SHT_PROGBITS, 0, FORGE_RODATA + start - rodata, start);
	forge_segment(f, 1, PF_R, FORGE_RODATA, rodata, 0);
	forge_segment(f, 2, PF_R | PF_W, AT_GLOBALS, f->size, GLOBALS);
	start = f->size;
	forge_symbols(f);
	forge_section(f, FS_STR, SHT_STRTAB, 0, 0, forge_shdr(f, FS_STR)->sh_offset);
	forge_section(f, FS_SYM, SHT_SYMTAB, FS_STR, 0, start);
	forge_shdr(f, FS_SYM)->sh_size = forge_shdr(f, FS_STR)->sh_offset - start;
	forge_section(f, FS_SHSTR, SHT_STRTAB, 0, 0, f->size);
}

/* The address in the process of an offset of the line table's segment. */
static inline uint64_t forge_rodata(struct forge_elf *f, size_t off)
{
	return FORGE_RODATA + off - forge_shdr(f, FS_INFO)->sh_offset;
}

/* What forge.h leaves out: an M, a g that waits, caches, what proofs hold against it. */
static inline void forge_runtime(struct forge_elf *f)
{
	enum { M = 0x10000, G = 0x14000, LIST = 0x1400, INUSE = 48, GC = 1 << 20 };
	const struct go_layout *l = f->rt->l;
	uint8_t *chunk = f->rt->chunk, *mheap = global(f->rt, G_mheap_);
	uint64_t stack = ARENA + 2 * GO_PAGE;

	put64(global(f->rt, G_allm), 0, CHUNK + M);
	put64(chunk, M + l->m_g0, CHUNK + G + 0x1000);
	put64(chunk, M + l->m_procid, FORGE_PID);
	put64(chunk, G + 0x1000 + l->g_m, CHUNK + M);
	put64(chunk, LIST, CHUNK + G);
	slice(global(f->rt, G_allgs), 0, CHUNK + LIST, 1);
	put64(global(f->rt, G_allglen), 0, 1);
	put64(chunk, G + l->g_goid, 1);
	put64(chunk, G + l->g_gopc, f->main);
	put64(chunk, G + l->g_stack, stack);
	put64(chunk, G + l->g_stack + 8, stack + 2048);
	memcpy(chunk + G + l->g_atomicstatus, &(uint32_t){ 4 }, 4);
	for (int i = 0; i < (int)GO_SPAN_CLASSES; i++)
		put64(chunk, MCACHE + l->mcache_alloc + 8 * i, f->rt->gp.addr[G_emptymspan]);
	put64(mheap, l->mheap_span_inuse - INUSE, l->mspan_size);
	put64(mheap, l->mheap_span_inuse, l->mspan_size);
	put64(mheap, l->mheap_cache_inuse - INUSE, l->mcache_size);
	put64(mheap, l->mheap_cache_inuse, l->mcache_size);
	put64(global(f->rt, G_gcController), l->gc_gcPercentHeapGoal, GC);
}

/* moduledata, without data and bss of its own. */
static inline void forge_module(struct forge_elf *f)
{
	enum { MASK = 0x1500, MARK = 0xa1 };
	const struct go_layout *l = f->rt->l;
	uint8_t *md = global(f->rt, G_firstmoduledata);
	uint64_t tab = forge_shdr(f, FS_PCLN)->sh_addr;

	put64(md, 0, tab);
	put64(md, 8, tab + get_u64(f->file, forge_shdr(f, FS_PCLN)->sh_offset + 32));
	put64(md, l->md_text, FORGE_TEXT);
	put64(md, l->md_text + 8, FORGE_TEXT + forge_shdr(f, FS_TEXT)->sh_size);
	put64(md, l->md_gofunc, forge_rodata(f, f->gofunc));
	put64(md, l->md_gcdatamask + 8, CHUNK + MASK);
	put64(md, l->md_gcbssmask + 8, CHUNK + MASK);
	f->rt->chunk[MASK] = MARK;
}

/*
 * Of the program's data only the page of moduledata, so that it is found at once; the
 * heap; and all that the runtime mapped for itself, whose tables are larger than forged.
 */
static inline void forge_target(struct forge_elf *f)
{
	uint64_t md = f->rt->gp.addr[G_firstmoduledata] / MEM_PAGE * MEM_PAGE;
	const int flags = VMA_R | VMA_W;

	f->vma[0] = (struct vma){ md, md + MEM_PAGE, 0, FORGE_INODE, 0, flags, "forged" };
	f->vma[1] = (struct vma){ ARENA, ARENA + GO_ARENA, 0, 0, 0, flags, "" };
	f->vma[2] = (struct vma){ CHUNK - GO_ARENA, INFO + GO_ARENA, 0, 0, 0, flags, "" };
	/* as if of a core file, whose mappings are never read again */
	f->t = (struct target){ .core = &f->core, .exe_ino = FORGE_INODE, .exe = "forged" };
	f->t.status.inner_pid = FORGE_PID;
	f->t.maps = (struct maps){ .vma = f->vma, .n = FORGE_VMAS };
	f->rt->gp.t = &f->t;
}

static inline struct forge_elf *forge_elf_new(int minor)
{
	struct forge_elf *f = calloc(1, sizeof(*f));

	f->rt = forge_new(go_layout_find(minor, EM_X86_64));
	f->file = calloc(1, FORGE_FILE);
	forge_file(f);
	forge_runtime(f);
	forge_module(f);
	forge_target(f);
	return f;
}

static inline void forge_elf_free(struct forge_elf *f)
{
	forge_free(f->rt);
	free(f->file);
	free(f);
}

#endif
