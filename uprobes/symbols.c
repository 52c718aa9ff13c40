// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A name for every pc of a process; see symbols.h. */
#include "symbols.h"
#include "clock.h"
#include "go/goproc.h"
#include "go/symbolize.h"
#include "ksyms.h"
#include "pccache.h"
#include "symfile.h"
#include "symmap.h"
#include "unxz.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define KERNEL_SPACE (1ULL << 63)
#define REFRESH_NS   100000000ULL
#define VDSO_MAX     (64U << 10)

enum lack { LACK_GO, LACK_KERNEL, LACK_XZ, LACK_FILES, LACK_TEXT, LACKS };

struct symbols {
	struct goproc *gp;
	struct symfiles *files;
	bool own_files;
	struct symmap map;    /* mappings with code, and their files */
	struct symfile *exe;  /* of Go's tables */
	struct symbolizer go; /* text is 0 when there are none */
	struct elfsyms vdso;
	int vdso_err;      /* 1: not opened yet */
	uint8_t *vdso_own; /* copy of a core's */
	struct ksyms kernel;
	int kernel_err; /* 1: not read yet */
	uint64_t refreshed;
	struct pccache cache;
	char lack[LACKS][160];
};

/* ---- what could not be had ---- */

__attribute__((format(printf, 3, 4))) static void lack(struct symbols *s, enum lack what,
						       const char *fmt, ...)
{
	va_list ap;

	if (s->lack[what][0])
		return;
	va_start(ap, fmt);
	vsnprintf(s->lack[what], sizeof(s->lack[what]), fmt, ap);
	va_end(ap);
}

const char *symbols_lack(const struct symbols *s, size_t i)
{
	for (int k = 0; k < LACKS; k++)
		if (s->lack[k][0] && !i--)
			return s->lack[k];
	return NULL;
}

/* ---- frames ---- */

static size_t unknown(struct symbols *s, uint64_t pc, const char *module, bool in_file,
		      struct frame *out)
{
	char text[320];

	if (in_file)
		snprintf(text, sizeof(text), "%s+0x%llx", module, (unsigned long long)pc);
	else
		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)pc);
	*out = (struct frame){ .function = pccache_string(&s->cache, text),
			       .file = "",
			       .kind = FRAME_UNKNOWN,
			       .module = module };
	return 1;
}

static size_t kernel_frame(struct symbols *s, uint64_t pc, struct frame *out)
{
	const struct ksym *k;

	if (s->kernel_err == 1) {
		s->kernel_err = ksyms_open(&s->kernel);
		if (s->kernel_err == -EPERM)
			lack(s, LACK_KERNEL,
			     "names of kernel functions are withheld (kernel.kptr_restrict; run as "
			     "root or with CAP_SYSLOG)");
		else if (s->kernel_err)
			lack(s, LACK_KERNEL, "cannot read /proc/kallsyms: %s",
			     strerror(-s->kernel_err));
	}
	k = s->kernel_err ? NULL : ksyms_find(&s->kernel, pc);
	if (!k)
		return unknown(s, pc, "[kernel]", false, out);
	*out = (struct frame){ .function = s->kernel.text + k->name,
			       .file = "",
			       .kind = FRAME_KERNEL,
			       .entry = k->addr,
			       .module = k->module ? s->kernel.text + k->module : "[kernel]" };
	return 1;
}

/* All processes have one vdso, so ours will do if it is as long; a core has its own. */
static int vdso_open(struct symbols *s, const struct vma *v)
{
	uint64_t len = v->end - v->start;
	const uint8_t *own = (const uint8_t *)getauxval(AT_SYSINFO_EHDR); /* NOLINT */
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)own;
	int err;

	if (len > VDSO_MAX)
		return -EINVAL;
	if (!s->gp->t->core) {
		uint64_t end = own ? eh->e_shoff + (uint64_t)eh->e_shnum * sizeof(Elf64_Shdr) : 0;

		return end && end <= len && len - end < MEM_PAGE
			       ? elfsyms_open_memory(&s->vdso, own, end)
			       : -ENOENT;
	}
	s->vdso_own = malloc(len);
	if (!s->vdso_own)
		return -ENOMEM;
	err = mem_read(s->gp->mem, v->start, s->vdso_own, len);
	return err ? err : elfsyms_open_memory(&s->vdso, s->vdso_own, len);
}

static size_t vdso_frame(struct symbols *s, const struct symmap_entry *e, uint64_t pc,
			 struct frame *out)
{
	uint64_t start = 0;
	const char *name;

	if (s->vdso_err == 1)
		s->vdso_err = vdso_open(s, &e->vma);
	name = s->vdso_err ? NULL : elfsyms_find(&s->vdso, pc - e->vma.start, &start);
	if (!name)
		return unknown(s, pc - e->vma.start, e->module, true, out);
	*out = (struct frame){ .function = name,
			       .file = "",
			       .kind = FRAME_VDSO,
			       .entry = e->vma.start + start,
			       .module = e->module };
	return 1;
}

static size_t c_frame(struct symbols *s, struct symmap_entry *e, uint64_t pc, struct frame *out)
{
	struct elfsyms_skip go = {};
	uint64_t start = 0;
	const char *name;

	if (!e->file) {
		if (e->vma.ino)
			lack(s, LACK_FILES, "cannot open %s: %s", e->module, strerror(-e->err));
		return unknown(s, e->vma.ino ? pc - e->vma.start + e->vma.off : pc, e->module,
			       e->vma.ino, out);
	}
	if (e->file == s->exe && s->go.text)
		go = (struct elfsyms_skip){ s->go.text - s->gp->bias, s->go.etext - s->gp->bias };
	name = symfile_find(e->file, pc - e->bias, go, &start);
	if (e->file->syms.packed)
		lack(s, LACK_XZ,
		     unxz_there() ? "the .gnu_debugdata of %s is damaged"
				  : "%s has more names in .gnu_debugdata: build with liblzma",
		     e->module);
	if (e->file->syms_err && e->file->syms_err != -ENOENT)
		lack(s, LACK_TEXT, "the symbols of %s cannot be read: %s", e->module,
		     strerror(-e->file->syms_err));
	if (!name)
		return unknown(s, pc - e->bias, e->module, true, out);
	*out = (struct frame){ .function = name,
			       .file = "",
			       .kind = FRAME_C,
			       .entry = e->bias + start,
			       .module = e->module };
	return 1;
}

static size_t go_frames(struct symbols *s, const char *module, uint64_t pc, struct frame *out)
{
	size_t n = symbolize(&s->go, pc, out, SYMBOLS_FRAMES);

	for (size_t i = 0; i < n; i++)
		out[i].module = module;
	pclntab_trim(&s->go.tab);
	return n;
}

static size_t resolve(struct symbols *s, uint64_t pc, struct frame *out)
{
	struct symmap_entry *e;
	size_t n = 0;

	if (pc >= KERNEL_SPACE)
		return kernel_frame(s, pc, out);
	e = symmap_find(&s->map, s->gp->t, pc);
	if (!e && clock_mono_ns() - s->refreshed > REFRESH_NS) {
		symbols_refresh(s);
		e = symmap_find(&s->map, s->gp->t, pc);
	}
	if (!e)
		return unknown(s, pc, "", false, out);
	if (s->go.text && pc >= s->go.text && pc < s->go.etext)
		n = go_frames(s, e->module, pc, out);
	if (n)
		return n;
	return strcmp(e->module, "[vdso]") ? c_frame(s, e, pc, out) : vdso_frame(s, e, pc, out);
}

size_t symbols_lookup(struct symbols *s, uint64_t pc, struct frame *out, size_t max)
{
	struct frame fresh[SYMBOLS_FRAMES];
	size_t n;
	const struct frame *f = pccache_get(&s->cache, pc, &n);

	if (!f) {
		n = resolve(s, pc, fresh);
		f = fresh;
		pccache_put(&s->cache, pc, f, n);
	}
	n = n < max ? n : max;
	memcpy(out, f, n * sizeof(*f));
	return n;
}

int symbols_refresh(struct symbols *s)
{
	bool changed;
	int err = symmap_read(&s->map, s->gp->t, &changed);

	s->refreshed = clock_mono_ns();
	if (!err && changed)
		pccache_clear(&s->cache);
	return err;
}

/* ---- opening ---- */

static void go_open(struct symbols *s)
{
	int err;

	s->exe = symmap_hold(&s->map, s->gp->t->exefd);
	err = s->exe ? symbolizer_open_image(&s->go, s->gp, &s->exe->image) : -errno;
	if (!err)
		return;
	s->go = (struct symbolizer){};
	lack(s, LACK_GO, "no names of Go functions: %.100s",
	     s->gp->l ? strerror(-err) : s->gp->why);
}

int symbols_open(struct symbols **out, struct goproc *gp, struct symfiles *files)
{
	struct symbols *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->gp = gp;
	s->vdso_err = s->kernel_err = 1;
	s->own_files = !files;
	s->files = files ? files : symfiles_new();
	s->map.files = s->files;
	s->map.strings = &s->cache;
	err = s->files ? pccache_open(&s->cache) : -ENOMEM;
	err = err ? err : symbols_refresh(s);
	if (err) {
		symbols_close(s);
		return err;
	}
	go_open(s);
	*out = s;
	return 0;
}

void symbols_close(struct symbols *s)
{
	if (!s)
		return;
	symmap_close(&s->map);
	elfsyms_close(&s->vdso);
	free(s->vdso_own);
	ksyms_close(&s->kernel);
	pccache_close(&s->cache);
	if (s->own_files)
		symfiles_free(s->files);
	free(s);
}
