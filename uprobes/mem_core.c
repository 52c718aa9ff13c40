// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The memory in a core file. What is not in it is the executable's where it is mapped,
 * zero where nothing is in a mapping, and unknown where another file is.
 */
#include "core.h"
#include "mem.h"
#include "target.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mem_core {
	struct mem mem;
	const struct target *t;
};

/* Bytes that the core does not have, at most up to the end of the mapping. */
static int left_out(const struct target *t, uint64_t addr, char *buf, size_t len)
{
	const struct vma *v = maps_find(&t->maps, addr);
	ssize_t n;

	memset(buf, 0, len);
	if (!v || !v->ino)
		return v ? 0 : -EFAULT;
	if (v->ino != t->exe_ino)
		return -EFAULT;
	n = pread(t->exefd, buf, len, v->off + (addr - v->start));
	return n < 0 ? -errno : 0;
}

/* Bytes of a mapping that has no segment: gdb leaves out those that cannot be written. */
static int not_in(const struct target *t, uint64_t addr, char *buf, uint64_t *len)
{
	const struct core_file *f = core_file_at(t->core, addr), *exe = t->core->exe;
	ssize_t n;

	if (!f || !exe || strcmp(f->name, exe->name))
		return -EFAULT;
	if (*len > f->end - addr)
		*len = f->end - addr;
	memset(buf, 0, *len);
	n = pread(t->exefd, buf, *len, f->off + (addr - f->start));
	return n < 0 ? -errno : 0;
}

static int range_read(const struct target *t, uint64_t addr, char *buf, size_t len)
{
	while (len) {
		const struct core_segment *s = core_segment_at(t->core, addr);
		uint64_t n = s ? s->end - addr : len;
		int err;

		if (s && addr - s->start < s->size && n > s->size - (addr - s->start))
			n = s->size - (addr - s->start);
		n = n < len ? n : len;
		err = !s                          ? not_in(t, addr, buf, &n)
		      : addr - s->start < s->size ? core_read(t->core, s, addr, buf, n)
						  : left_out(t, addr, buf, n);
		if (err)
			return err;
		addr += n;
		buf += n;
		len -= n;
	}
	return 0;
}

static int core_readv(struct mem *m, struct mem_vec *v, size_t n)
{
	const struct target *t = ((struct mem_core *)m)->t;
	int first = 0;

	for (size_t i = 0; i < n; i++) {
		v[i].err = range_read(t, v[i].addr, v[i].buf, v[i].len);
		first = first ? first : v[i].err;
	}
	return first;
}

static int core_resident(struct mem *m, uint64_t addr, uint64_t *bits, size_t words)
{
	const struct page_runs *runs = &((struct mem_core *)m)->t->core->runs;
	uint64_t end = addr + words * 64 * MEM_PAGE;

	memset(bits, 0, words * sizeof(*bits));
	for (size_t i = page_runs_from(runs, addr); i < runs->n && runs->run[i].start < end; i++) {
		uint64_t p = runs->run[i].start > addr ? runs->run[i].start : addr;

		for (; p < runs->run[i].end && p < end; p += MEM_PAGE)
			bits[(p - addr) / MEM_PAGE / 64] |= 1ULL << ((p - addr) / MEM_PAGE % 64);
	}
	return 0;
}

static void core_mem_close(struct mem *m)
{
	free(m);
}

struct mem *mem_core_new(struct target *t)
{
	struct mem_core *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->mem = (struct mem){ core_readv, core_resident, NULL, core_mem_close, 0 };
	c->t = t;
	return &c->mem;
}
