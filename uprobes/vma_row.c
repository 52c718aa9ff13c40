// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Which ledger row a mapping belongs to, by what it maps. */
#include "ledger_join.h"
#include <elf.h>
#include <string.h>

#define PHDRS_MAX 64

static bool starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* libfoo.so, libfoo.so.1, ld-linux-x86-64.so.2, with " (deleted)" or not */
static bool is_library(const struct vma *v)
{
	const char *base = strrchr(v->name, '/'), *so;

	for (so = base ? strstr(base, ".so") : NULL; so; so = strstr(so + 1, ".so"))
		if (!so[3] || so[3] == '.' || so[3] == ' ')
			return true;
	return false;
}

static bool is_shmem(const struct vma *v)
{
	static const char *const names[] = { "/memfd:",   "/SYSV",     "/dev/zero",
					     "/dev/shm/", "/run/shm/", "[anon_shmem" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (starts(v->name, names[i]))
			return true;
	return false;
}

static const struct {
	const char *prefix;
	enum ledger_row_id row;
} special[] = {
	{ "[heap]", ROW_CGO_HEAP }, { "[stack", ROW_THREADS_STACKS }, { "[vdso", ROW_KERNEL },
	{ "[vvar", ROW_KERNEL },    { "[vsyscall", ROW_KERNEL },      { "[vectors", ROW_KERNEL },
	{ "[sigpage", ROW_KERNEL }, { "[uprobes]", ROW_PROBES },
};

static enum ledger_row_id exe_row(const struct vma *v, bool *exec_anon)
{
	*exec_anon = v->flags & VMA_X;
	return v->flags & VMA_X ? ROW_ELF_TEXT : v->flags & VMA_W ? ROW_ELF_DATA : ROW_ELF_RODATA;
}

/*
 * Where the zero-initialised data of the library ends whose last file mapping is i:
 * the end of its last segment in memory, by its own program headers. 0 if they
 * cannot be read; a library's file is never touched, so they must be resident.
 */
static uint64_t library_end(const struct goproc *gp, size_t i)
{
	const struct vma *v = gp->t->maps.vma;
	uint64_t ino = v[i].ino, low = UINT64_MAX, high = 0;
	Elf64_Phdr ph[PHDRS_MAX];
	Elf64_Ehdr eh;

	while (i && v[i].off && v[i - 1].ino == ino && v[i - 1].dev == v[i].dev)
		i--;
	if (v[i].off || !gp->mem || mem_read(gp->mem, v[i].start, &eh, sizeof(eh)) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_phentsize != sizeof(ph[0]) ||
	    eh.e_phnum > PHDRS_MAX || eh.e_phoff > MEM_PAGE ||
	    mem_read(gp->mem, v[i].start + eh.e_phoff, ph, eh.e_phnum * sizeof(ph[0])))
		return 0;
	for (unsigned k = 0; k < eh.e_phnum; k++) {
		if (ph[k].p_type != PT_LOAD)
			continue;
		low = ph[k].p_vaddr < low ? ph[k].p_vaddr & ~(MEM_PAGE - 1) : low;
		high = ph[k].p_vaddr + ph[k].p_memsz > high ? ph[k].p_vaddr + ph[k].p_memsz : high;
	}
	return high > low ? v[i].start + (high - low + MEM_PAGE - 1) / MEM_PAGE * MEM_PAGE : 0;
}

/* Anonymous memory that touches a library's data is its bss, as far as that goes. */
static bool is_library_bss(const struct goproc *gp, size_t i, uint64_t addr, uint64_t *end)
{
	const struct vma *v = &gp->t->maps.vma[i];
	uint64_t bss_end;

	if (!i || v[-1].end != v->start || !v[-1].ino || !(v[-1].flags & VMA_W) ||
	    !is_library(&v[-1]))
		return false;
	bss_end = library_end(gp, i - 1);
	if (!bss_end || bss_end >= v->end)
		return true;
	if (addr >= bss_end)
		return false;
	*end = bss_end;
	return true;
}

/* Whether addr is inside of a file's segments in memory; *end is cut where they end. */
static bool in_image(const struct binary *b, uint64_t bias, uint64_t addr, uint64_t *end)
{
	uint64_t last = (b->bss_end + bias + MEM_PAGE - 1) & ~(MEM_PAGE - 1);

	if (addr < b->base + bias || addr >= last)
		return false;
	*end = *end < last ? *end : last;
	return true;
}

enum ledger_row_id vma_row(const struct goproc *gp, size_t i, uint64_t addr, uint64_t *end,
			   bool *exec_anon)
{
	const struct target *t = gp->t;
	const struct vma *v = &t->maps.vma[i];
	uint64_t bias;
	const struct binary *exe = goproc_exe(gp, &bias);

	*end = v->end;
	*exec_anon = false;
	if (target_is_exe(t, v))
		return exe_row(v, exec_anon);
	for (size_t k = 0; k < sizeof(special) / sizeof(special[0]); k++)
		if (starts(v->name, special[k].prefix))
			return special[k].row;
	if (is_shmem(v))
		return ROW_SHMEM;
	if (v->ino || v->name[0] == '/')
		return is_library(v) || target_is_go(t, v) ? ROW_LIBS : ROW_FILES;
	if (v->flags & VMA_SHARED)
		return ROW_SHMEM;
	/* anonymous: the program's bss ends where its last segment does, even if the kernel
	 * merged what follows into the same mapping */
	if (in_image(exe, bias, addr, end))
		return ROW_ELF_BSS;
	if (t->lib.ino && in_image(&gp->bin, gp->bias, addr, end))
		return ROW_LIBS;
	if (is_library_bss(gp, i, addr, end))
		return ROW_LIBS;
	return cname_is_allocator(v->name) ? ROW_CGO_ARENAS : ROW_ANON_OTHER;
}
