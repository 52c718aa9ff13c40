// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A core file; see core.h. */
#include "core.h"
#include "array.h"
#include "fail.h"
#include "mem.h"
#include "search.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MAX (1U << 20)
#define NOTES_MAX    (256U << 20)
#define RUNS_MAX     (1U << 22)
#define ADDR_MAX     (1ULL << 56)
#define PIECE        (1U << 20)

/* Of struct elf_prstatus and elf_prpsinfo (linux/elfcore.h, both machines) */
enum { PRSTATUS_PID = 32, PSINFO_UID = 16, PSINFO_PID = 24, PSINFO_FNAME = 40, PSINFO_SIZE = 136 };

static int damaged(const char *path, const char *what)
{
	return fail(-EBADMSG, "%s is a damaged core file: %s", path, what);
}

/* ---- segments ---- */

static int read_at(int fd, void *buf, size_t len, uint64_t off)
{
	return off > INT64_MAX || pread(fd, buf, len, off) != (ssize_t)len ? -EIO : 0;
}

/* How many program headers; beyond 65534 the first section header says. */
static int segment_count(const struct core *c, const Elf64_Ehdr *eh, uint64_t *n)
{
	Elf64_Shdr sh;

	*n = eh->e_phnum;
	if (*n != PN_XNUM)
		return 0;
	if (read_at(c->fd, &sh, sizeof(sh), eh->e_shoff))
		return -EIO;
	*n = sh.sh_info;
	return 0;
}

static int add_segment(struct core *c, const Elf64_Phdr *ph)
{
	if (!ph->p_memsz)
		return 0;
	if (ph->p_vaddr % MEM_PAGE || ph->p_memsz % MEM_PAGE || ph->p_vaddr >= ADDR_MAX ||
	    ph->p_memsz > ADDR_MAX - ph->p_vaddr || ph->p_filesz > ph->p_memsz)
		/* vsyscall lies above; its page is the kernel's */
		return ph->p_vaddr >= ADDR_MAX ? 0 : -EBADMSG;
	c->seg[c->n++] = (struct core_segment){
		.start = ph->p_vaddr,
		.end = ph->p_vaddr + ph->p_memsz,
		.off = ph->p_offset,
		.size = ph->p_filesz,
		.flags = (ph->p_flags & PF_R ? VMA_R : 0) | (ph->p_flags & PF_W ? VMA_W : 0) |
			 (ph->p_flags & PF_X ? VMA_X : 0),
	};
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct core_segment *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int read_segments(struct core *c, const char *path, const Elf64_Ehdr *eh, Elf64_Phdr *note)
{
	uint64_t n, size = lseek(c->fd, 0, SEEK_END), end = 0;
	Elf64_Phdr *ph;
	int err = segment_count(c, eh, &n);

	if (err || n > SEGMENTS_MAX || eh->e_phentsize != sizeof(*ph) || eh->e_phoff > size ||
	    n * sizeof(*ph) > size - eh->e_phoff)
		return damaged(path, "its program headers are not there");
	ph = calloc(n + 1, sizeof(*ph));
	c->seg = calloc(n + 1, sizeof(*c->seg));
	err = ph && c->seg ? read_at(c->fd, ph, n * sizeof(*ph), eh->e_phoff) : -ENOMEM;
	for (uint64_t i = 0; !err && i < n; i++) {
		if (ph[i].p_type != PT_LOAD && ph[i].p_type != PT_NOTE)
			continue;
		if (ph[i].p_offset > INT64_MAX || ph[i].p_filesz > INT64_MAX - ph[i].p_offset)
			err = -EBADMSG;
		else if (ph[i].p_filesz && ph[i].p_offset + ph[i].p_filesz > end)
			end = ph[i].p_offset + ph[i].p_filesz;
		if (!err && ph[i].p_type == PT_LOAD)
			err = add_segment(c, &ph[i]);
		else if (!note->p_filesz)
			*note = ph[i];
	}
	free(ph);
	if (err == -ENOMEM)
		return err;
	if (err)
		return damaged(path, "its segments make no sense");
	if (end > size)
		return fail(-EBADMSG,
			    "%s is cut off: it has %llu bytes of %llu (ulimit -c, or a full disk)",
			    path, (unsigned long long)size, (unsigned long long)end);
	qsort(c->seg, c->n, sizeof(*c->seg), by_start);
	for (size_t i = 1; i < c->n; i++)
		if (c->seg[i].start < c->seg[i - 1].end)
			return damaged(path, "its segments overlap");
	return 0;
}

/* ---- notes ---- */

struct note {
	uint32_t type;
	const char *desc;
	size_t len;
};

static void read_auxv(struct core *c, const struct note *n)
{
	for (size_t off = 0; off + 16 <= n->len; off += 16) {
		uint64_t v = get_u64(n->desc, off + 8);

		switch (get_u64(n->desc, off)) {
		case AT_PHDR: c->at_phdr = v; break;
		case AT_RANDOM: c->at_random = v; break;
		case AT_PAGESZ: c->page = v; break;
		case AT_SYSINFO_EHDR: c->at_vdso = v; break;
		}
	}
}

/*
 * NT_FILE: count, page size, then count of {start, end, offset in pages}, then as
 * many names that end with NUL.
 */
static int read_files(struct core *c, const struct note *n)
{
	uint64_t count = n->len >= 16 ? get_u64(n->desc, 0) : 0, page, last = 0;
	const char *name, *end = n->desc + n->len;

	if (!count || c->file)
		return 0;
	page = get_u64(n->desc, 8);
	if (count > (n->len - 16) / 24 || page < 1 || page > 1 << 30)
		return -EBADMSG;
	c->file = calloc(count, sizeof(*c->file));
	if (!c->file)
		return -ENOMEM;
	name = n->desc + 16 + 24 * count;
	for (uint64_t i = 0; i < count; i++) {
		struct core_file *f = &c->file[i], *prev = i ? f - 1 : NULL;
		const char *nul = name < end ? memchr(name, '\0', end - name) : NULL;

		*f = (struct core_file){
			.start = get_u64(n->desc, 16 + 24 * i),
			.end = get_u64(n->desc, 24 + 24 * i),
			.off = get_u64(n->desc, 32 + 24 * i) * page,
			.name = name,
		};
		if (!nul || f->start >= f->end || f->start < last)
			return -EBADMSG;
		f->id = prev && !strcmp(prev->name, name) ? prev->id : i + 1;
		last = f->end;
		name = nul + 1;
		c->nfiles++;
	}
	return 0;
}

static int take_note(struct core *c, const struct note *n)
{
	switch (n->type) {
	case NT_PRSTATUS: c->threads++; return 0;
	case NT_AUXV: read_auxv(c, n); return 0;
	case NT_FILE: return read_files(c, n);
	case NT_PRPSINFO:
		if (n->len < PSINFO_SIZE)
			return 0;
		c->uid = get_u32(n->desc, PSINFO_UID);
		c->pid = get_u32(n->desc, PSINFO_PID);
		snprintf(c->comm, sizeof(c->comm), "%.16s", n->desc + PSINFO_FNAME);
		return 0;
	}
	return 0;
}

/* Notes: namesz, descsz, type, the name and the bytes, both padded to four. */
static int read_notes(struct core *c, const char *path, const Elf64_Phdr *ph)
{
	uint64_t off = 0;
	int err;

	if (ph->p_filesz > NOTES_MAX)
		return damaged(path, "its notes are too long");
	c->notes = malloc(ph->p_filesz + 1);
	if (!c->notes)
		return -ENOMEM;
	if (read_at(c->fd, c->notes, ph->p_filesz, ph->p_offset))
		return damaged(path, "its notes are not there");
	while (ph->p_filesz - off >= 12) {
		uint64_t name = get_u32(c->notes, off), len = get_u32(c->notes, off + 4);
		struct note n = { .type = get_u32(c->notes, off + 8), .len = len };
		uint64_t desc = off + 12 + ((name + 3) & ~3ULL), next = desc + ((len + 3) & ~3ULL);

		if (desc + len > ph->p_filesz)
			return damaged(path, "a note is longer than all of them");
		n.desc = c->notes + desc;
		err = name == 5 && !memcmp(c->notes + off + 12, "CORE", 5) ? take_note(c, &n) : 0;
		if (err)
			return err == -EBADMSG ? damaged(path, "its list of mapped files") : err;
		off = next < ph->p_filesz ? next : ph->p_filesz;
	}
	return 0;
}

/* ---- which bytes are there ---- */

static int add_run(struct core *c, uint64_t start, uint64_t end, uint32_t flags)
{
	struct page_runs *r = &c->runs;
	struct page_run *last = r->n ? &r->run[r->n - 1] : NULL;

	/* where a file's blocks do not lie as the pages do, two pieces meet in one page */
	if (last && last->end > start)
		start = last->end;
	if (start >= end)
		return 0;
	c->bytes += end - start;
	if (last && last->end == start && last->flags == flags) {
		last->end = end;
		return 0;
	}
	if (r->n == RUNS_MAX || array_room(r->run, r->n + 1, r->cap))
		return -ENOMEM;
	r->run[r->n++] = (struct page_run){ start, end, flags };
	return 0;
}

const struct core_file *core_file_at(const struct core *c, uint64_t addr)
{
	size_t first = count_before(c->nfiles, i, c->file[i].end <= addr);
	return first < c->nfiles && c->file[first].start <= addr ? &c->file[first] : NULL;
}

/* The data of a segment between the holes of the file, in whole pages. */
static int find_data(struct core *c, const struct core_segment *s)
{
	uint32_t flags = PAGE_PRESENT | (core_file_at(c, s->start) ? PAGE_FILE : 0);
	uint64_t end = s->off + s->size;
	int err = 0;

	for (uint64_t at = s->off; !err && at < end;) {
		off_t data = lseek(c->fd, at, SEEK_DATA), hole;

		if (data < 0) /* a hole up to the end, or a file system that cannot tell */
			data = errno == ENXIO ? (off_t)end : (off_t)at;
		if ((uint64_t)data >= end)
			break;
		hole = lseek(c->fd, data, SEEK_HOLE);
		hole = hole <= data || (uint64_t)hole > end ? (off_t)end : hole;
		err = add_run(c, s->start + ((data - s->off) & ~(MEM_PAGE - 1)),
			      s->start + ((hole - s->off + MEM_PAGE - 1) & ~(MEM_PAGE - 1)), flags);
		at = hole;
	}
	return err;
}

static bool all_zero(const char *page)
{
	return !page[0] && !memcmp(page, page + 1, MEM_PAGE - 1);
}

/* The same in a file without holes, where a page that was never touched is zeros. */
static int find_nonzero(struct core *c, const struct core_segment *s, char *buf)
{
	int err = 0;

	if (core_file_at(c, s->start))
		return add_run(c, s->start, s->start + ((s->size + MEM_PAGE - 1) & ~(MEM_PAGE - 1)),
			       PAGE_PRESENT | PAGE_FILE);
	for (uint64_t at = 0; !err && at < s->size; at += PIECE) {
		uint64_t len = s->size - at < PIECE ? s->size - at : PIECE;

		memset(buf, 0, PIECE);
		err = read_at(c->fd, buf, len, s->off + at);
		for (uint64_t p = 0; !err && p < len; p += MEM_PAGE)
			if (!all_zero(buf + p))
				err = add_run(c, s->start + at + p, s->start + at + p + MEM_PAGE,
					      PAGE_PRESENT);
	}
	return err;
}

static int find_pages(struct core *c)
{
	uint64_t size = 0;
	char *buf;
	int err = 0;

	for (size_t i = 0; !err && i < c->n; i++) {
		err = find_data(c, &c->seg[i]);
		size += (c->seg[i].size + MEM_PAGE - 1) & ~(MEM_PAGE - 1);
	}
	if (err || c->bytes < size)
		return err;
	c->zeros_left_out = true;
	c->bytes = c->runs.n = 0;
	buf = malloc(PIECE);
	err = buf ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < c->n; i++)
		err = find_nonzero(c, &c->seg[i], buf);
	free(buf);
	return err;
}

int core_open(struct core *c, const char *path)
{
	Elf64_Phdr note = {};
	Elf64_Ehdr eh;
	struct stat st;
	int err = 0;

	*c = (struct core){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) };
	if (c->fd < 0)
		return fail(-errno, "cannot open %s: %s", path, strerror(errno));
	if (fstat(c->fd, &st) || !S_ISREG(st.st_mode) || read_at(c->fd, &eh, sizeof(eh), 0) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_type != ET_CORE)
		err = fail(-ENOEXEC, "%s is not a core file", path);
	else if ((eh.e_machine != EM_X86_64 && eh.e_machine != EM_AARCH64) ||
		 eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB)
		err = fail(-EOPNOTSUPP,
			   "%s is of another machine than x86-64 and arm64, which are supported",
			   path);
	err = err ? err : read_segments(c, path, &eh, &note);
	err = err ? err : read_notes(c, path, &note);
	err = err || !c->page ? err : mem_page_check(c->page, path);
	err = err ? err : find_pages(c);
	c->exe = c->at_phdr ? core_file_at(c, c->at_phdr) : NULL;
	if (err)
		core_close(c);
	return err;
}

void core_close(struct core *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->seg);
	free(c->file);
	free(c->notes);
	page_runs_free(&c->runs);
	*c = (struct core){ .fd = -1 };
}

int core_maps(const struct core *c, struct maps *m)
{
	*m = (struct maps){ .vma = calloc(c->n + 1, sizeof(*m->vma)), .n = c->n };
	if (!m->vma)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++) {
		const struct core_segment *s = &c->seg[i];
		const struct core_file *f = core_file_at(c, s->start);
		struct vma *v = &m->vma[i];

		*v = (struct vma){
			.start = s->start, .end = s->end, .flags = s->flags, .name = ""
		};
		if (f) {
			v->name = f->name;
			v->off = f->off + (s->start - f->start);
			v->ino = c->exe && !strcmp(f->name, c->exe->name) ? c->exe->id : f->id;
		} else if (c->at_random - s->start < s->end - s->start) {
			v->name = "[stack]";
		} else if (c->at_vdso - s->start < s->end - s->start) {
			v->name = "[vdso]";
		}
	}
	return 0;
}

const struct core_segment *core_segment_at(const struct core *c, uint64_t addr)
{
	size_t first = count_before(c->n, i, c->seg[i].end <= addr);
	return first < c->n && c->seg[first].start <= addr ? &c->seg[first] : NULL;
}

int core_read(const struct core *c, const struct core_segment *s, uint64_t addr, void *buf,
	      size_t len)
{
	return read_at(c->fd, buf, len, s->off + (addr - s->start));
}
