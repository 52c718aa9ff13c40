// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Go in shared libraries; see module.h. */
#include "go/module.h"
#include "array.h"
#include "fail.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FILES_MAX    1024
#define SECTIONS_MAX 512
#define NAMES_MAX    (64U << 10)
#define PHDRS_MAX    64
#define CHAIN_MAX    1024 /* modules of one runtime */

/* ---- files ---- */

/* Opened in two steps: what is no regular file is never opened for reading. */
static int open_regular(int dirfd, const char *path, const struct vma *same)
{
	int at = openat(dirfd, path, O_PATH | O_CLOEXEC), fd;
	char self[32];
	struct stat st;

	if (at < 0)
		return -errno;
	if (fstat(at, &st) || !S_ISREG(st.st_mode) ||
	    (same && (st.st_ino != same->ino ||
		      (major(st.st_dev) << 20 | minor(st.st_dev)) != same->dev))) {
		close(at);
		return -ENOENT;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	fd = fd < 0 ? -errno : fd;
	close(at);
	return fd;
}

int gomodule_file(int dirfd, const struct vma *v)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "map_files/%llx-%llx", (unsigned long long)v->start,
		 (unsigned long long)v->end);
	fd = open_regular(dirfd, path, NULL);
	if (fd >= 0 || v->name[0] != '/')
		return fd;
	/* needs CAP_CHECKPOINT_RESTORE; a name has the same file only if nobody changed that */
	snprintf(path, sizeof(path), "root%s", v->name);
	return open_regular(dirfd, path, v);
}

static bool read_at(int fd, void *buf, size_t len, uint64_t off)
{
	return off < INT64_MAX && pread(fd, buf, len, off) == (ssize_t)len;
}

static bool go_section(const char *name)
{
	static const char *const names[] = { ".go.buildinfo", ".note.go.buildid", ".gopclntab",
					     ".data.rel.ro.gopclntab" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* Three reads of bounded size, whatever the file. */
static bool file_is_go(int fd)
{
	Elf64_Shdr *sh = NULL;
	char *names = NULL;
	Elf64_Ehdr eh;
	bool go = false;
	uint64_t size;

	if (!read_at(fd, &eh, sizeof(eh), 0) || memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_shentsize != sizeof(*sh) ||
	    eh.e_shnum > SECTIONS_MAX || eh.e_shstrndx >= eh.e_shnum)
		return false;
	sh = malloc(eh.e_shnum * sizeof(*sh));
	if (!sh || !read_at(fd, sh, eh.e_shnum * sizeof(*sh), eh.e_shoff))
		goto out;
	size = sh[eh.e_shstrndx].sh_size;
	names = size && size <= NAMES_MAX ? malloc(size + 1) : NULL;
	if (!names || !read_at(fd, names, size, sh[eh.e_shstrndx].sh_offset))
		goto out;
	names[size] = '\0';
	for (unsigned i = 0; i < eh.e_shnum && !go; i++)
		go = sh[i].sh_name < size && go_section(names + sh[i].sh_name);
out:
	free(names);
	free(sh);
	return go;
}

void gofiles_free(struct gofiles *f)
{
	free(f->file);
	*f = (struct gofiles){};
}

/* What is known of the file of a mapping; NULL: out of memory. */
static struct gofile *file_of(struct gofiles *f, int dirfd, const struct vma *v)
{
	int fd;

	for (size_t i = 0; i < f->n; i++)
		if (f->file[i].ino == v->ino && f->file[i].dev == v->dev)
			return &f->file[i];
	if (array_room(f->file, f->n + 1, f->cap))
		return NULL;
	fd = gomodule_file(dirfd, v);
	f->file[f->n] = (struct gofile){ v->ino, v->dev, fd >= 0 && file_is_go(fd), fd < 0 };
	if (fd >= 0)
		close(fd);
	return &f->file[f->n++];
}

/* ---- modules ---- */

/* What was added to the addresses in the file, from the segment the mapping is of. */
static int bias_of(int fd, const struct vma *v, uint64_t *bias)
{
	Elf64_Phdr ph[PHDRS_MAX];
	Elf64_Ehdr eh;

	if (!read_at(fd, &eh, sizeof(eh), 0) || eh.e_phentsize != sizeof(ph[0]) ||
	    eh.e_phnum > PHDRS_MAX || !read_at(fd, ph, eh.e_phnum * sizeof(ph[0]), eh.e_phoff))
		return -ENOENT;
	for (unsigned i = 0; i < eh.e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X &&
		    (ph[i].p_offset & ~(MEM_PAGE - 1)) <= v->off &&
		    v->off < ph[i].p_offset + ph[i].p_filesz) {
			*bias = v->start - v->off - (ph[i].p_vaddr - ph[i].p_offset);
			return 0;
		}
	return -ENOENT;
}

/* Parts of one mapping that was split have the same bias. */
static void add(struct gomodules *out, int dirfd, const struct vma *v)
{
	struct gomodule m = { .text = v };
	int fd = gomodule_file(dirfd, v);
	int err = fd < 0 ? fd : bias_of(fd, v, &m.bias);

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < out->n && !err; i++)
		if (out->m[i].text->ino == v->ino && out->m[i].text->dev == v->dev &&
		    out->m[i].bias == m.bias)
			return;
	if (!err && out->n < GOMODULES_MAX)
		out->m[out->n++] = m;
}

int gomodules_find(struct gofiles *known, int dirfd, const struct maps *maps, struct gomodules *out)
{
	unsigned files = 0;

	*out = (struct gomodules){};
	for (size_t i = 0; i < maps->n && files < FILES_MAX; i++) {
		const struct vma *v = &maps->vma[i];
		const struct gofile *f;

		if (!v->ino || !(v->flags & VMA_X))
			continue;
		files++;
		f = file_of(known, dirfd, v);
		if (!f)
			return -ENOMEM;
		out->unreadable += f->unreadable;
		if (f->go)
			add(out, dirfd, v);
	}
	return 0;
}

static int find(const struct target *t, struct gomodules *out)
{
	struct gofiles known = {};
	int err = gomodules_find(&known, t->dirfd, &t->maps, out);

	gofiles_free(&known);
	return err;
}

static int several(const struct target *t, const char *a, const char *b)
{
	return fail(-EOPNOTSUPP,
		    "process %d has more than one Go runtime, which is not supported: that of "
		    "%.200s and that of %.200s",
		    t->pid, a, b);
}

/* The host keeps the executable's place in the ledger and on the C side. */
static int take(struct goproc *gp, const struct gomodule *m)
{
	struct target *t = gp->t;
	int fd = gomodule_file(t->dirfd, m->text);
	int err;

	if (fd < 0)
		return fail(fd, "cannot open %.200s: %s", m->text->name, strerror(-fd));
	t->lib = (struct target_lib){ .fd = fd, .ino = m->text->ino, .dev = m->text->dev };
	snprintf(t->lib.path, sizeof(t->lib.path), "%s", m->text->name);
	err = binary_open_host(&gp->host, t->exefd, t->exe);
	err = err ? err : binary_open(&gp->bin, fd, t->lib.path);
	gp->bias = m->bias;
	gp->bin.dynamic = true; /* the loader has it from its host */
	return err;
}

int gomodule_take(struct goproc *gp)
{
	struct gomodules mods;
	int err = find(gp->t, &mods);

	if (err)
		return err;
	if (mods.n > 1)
		return several(gp->t, mods.m[0].text->name, mods.m[1].text->name);
	if (mods.n)
		return take(gp, &mods.m[0]);
	return mods.unreadable ? fail(-ENOEXEC,
				      "%.200s is not a Go program; of its libraries %u may not be "
				      "opened to see whether they are Go (try sudo)",
				      gp->t->exe, mods.unreadable)
			       : -ENOEXEC;
}

/* Whether a module of the runtime's chain has its text in this mapping's file. */
static bool in_chain(struct goproc *gp, const struct gomodule *m)
{
	uint64_t md = gp->addr[G_firstmoduledata], text;

	for (unsigned i = 0; md && i < CHAIN_MAX; i++) {
		const struct vma *v;

		if (mem_u64(gp->mem, md + gp->l->md_text, &text) ||
		    mem_u64(gp->mem, md + gp->l->md_next, &md))
			return false;
		v = maps_find(&gp->t->maps, text);
		if (v && v->ino == m->text->ino && v->dev == m->text->dev &&
		    v->start - v->off == m->text->start - m->text->off)
			return true;
	}
	return false;
}

int gomodule_alone(struct goproc *gp)
{
	const struct target *t = gp->t;
	struct gomodules mods = {};
	int err = gp->bin.dynamic && !t->core ? find(t, &mods) : 0;

	for (size_t i = 0; i < mods.n && !err; i++) {
		if (target_is_exe(t, mods.m[i].text))
			continue;
		if (gp->proven && !in_chain(gp, &mods.m[i]))
			err = several(t, t->exe, mods.m[i].text->name);
		else if (!gp->addr[G_mheap_])
			err = fail(-EOPNOTSUPP,
				   "%.200s has no Go runtime of its own: it is linked with "
				   "%.200s (-linkshared), which is not supported",
				   t->exe, mods.m[i].text->name);
	}
	return err;
}
