// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The memory of a running process, by process_vm_readv(2).
 *
 * Reading an absent page of another process faults it in: it would map zero
 * pages, bring pages back from swap, fill whole huge-page ranges. So residency
 * is asked first, in blocks of 512 pages that are remembered until
 * mem_refresh(); a page that was absent is asked about again before it is
 * believed to be (a busy target makes pages resident all the time, and those
 * that its runtime keeps its books in do not go away again).
 */
#include "fail.h"
#include "mem.h"
#include "target.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK_PAGES 512ULL
#define BLOCK_BYTES (BLOCK_PAGES * MEM_PAGE)
#define BLOCKS      1024 /* remembered: 2 GiB of address space, 136 KiB */
#define IOV         64   /* ranges a call: each takes the target's lock for itself */
#define PIECE       (256U << 10)

struct block {
	uint64_t addr;  /* 0: unused */
	uint64_t asked; /* the request that asked last */
	uint64_t present[BLOCK_PAGES / 64], swapped[BLOCK_PAGES / 64];
};

struct mem_live {
	struct mem mem;
	struct target *t;
	struct block *blocks;
	/* ranges known to be resident, waiting for one call */
	struct iovec local[IOV], remote[IOV];
	size_t queued, bytes;
	uint64_t request;
	int failed; /* a call of this request did: none of its bytes can be trusted */
};

static struct block *block_of(struct mem_live *l, uint64_t addr, bool again, int *err)
{
	uint64_t base = addr & ~(BLOCK_BYTES - 1);
	struct block *b = &l->blocks[(base / BLOCK_BYTES) % BLOCKS];

	*err = 0;
	if ((again && b->asked != l->request) || b->addr != base || !base) {
		b->asked = l->request;
		*err = pagemap_bits(&l->t->pagemap, base, b->present, b->swapped, BLOCK_PAGES / 64);
		b->addr = *err ? 0 : base;
	}
	return b;
}

static bool bit(const uint64_t *bits, uint64_t addr)
{
	size_t i = addr / MEM_PAGE % BLOCK_PAGES;

	return bits[i / 64] >> (i % 64) & 1;
}

static int flush(struct mem_live *l)
{
	size_t want = l->bytes;
	ssize_t n;

	if (!l->queued)
		return 0;
	n = process_vm_readv(l->t->pid, l->local, l->queued, l->remote, l->queued, 0);
	l->queued = l->bytes = 0;
	if (n == (ssize_t)want)
		return 0;
	l->failed = n >= 0 ? -EFAULT : -errno;
	if (l->failed == -EPERM)
		fail(-EPERM,
		     "cannot read the memory of process %d: Operation not permitted (needs "
		     "CAP_SYS_PTRACE, or kernel.yama.ptrace_scope 0; try sudo)",
		     l->t->pid);
	return l->failed;
}

static int queue(struct mem_live *l, uint64_t addr, void *buf, size_t len)
{
	struct iovec *r = l->queued ? &l->remote[l->queued - 1] : NULL;
	struct iovec *o = l->queued ? &l->local[l->queued - 1] : NULL;

	if (r && (uintptr_t)r->iov_base + r->iov_len == addr &&
	    (char *)o->iov_base + o->iov_len == (char *)buf && r->iov_len + len <= PIECE) {
		r->iov_len += len;
		o->iov_len += len;
	} else {
		if (l->queued == IOV) {
			int err = flush(l);

			if (err)
				return err;
		}
		l->remote[l->queued] = (struct iovec){ (void *)(uintptr_t)addr, len };
		l->local[l->queued++] = (struct iovec){ buf, len };
	}
	l->bytes += len;
	return 0;
}

/* The bytes of an absent page, from what is known about it without reading it. */
static int absent(struct mem_live *l, uint64_t addr, void *buf, size_t len)
{
	const struct vma *v = maps_find(&l->t->maps, addr);
	ssize_t n;
	int fd;

	if (!v || !(v->flags & VMA_R))
		return -EFAULT;
	memset(buf, 0, len);
	if (!v->ino)
		return 0;
	fd = target_file(l->t, v);
	if (fd < 0) /* not our file: its bytes are not needed by any reader */
		return -EFAULT;
	n = pread(fd, buf, len, v->off + (addr - v->start));
	return n < 0 ? -errno : 0;
}

static int page_read(struct mem_live *l, uint64_t addr, void *buf, size_t len)
{
	struct block *b;
	int err;

	b = block_of(l, addr, false, &err);
	if (!err && !bit(b->present, addr))
		b = block_of(l, addr, true, &err);
	if (err)
		return err;
	if (bit(b->present, addr))
		return queue(l, addr, buf, len);
	if (bit(b->swapped, addr))
		return -ENODATA;
	return absent(l, addr, buf, len);
}

static int range_read(struct mem_live *l, struct mem_vec *v)
{
	uint64_t addr = v->addr;
	char *buf = v->buf;
	size_t left = v->len;

	if (addr < MEM_PAGE || addr + left < addr || addr + left > 1ULL << 56)
		return -EFAULT;
	while (left) {
		size_t n = MEM_PAGE - addr % MEM_PAGE;
		int err;

		n = n < left ? n : left;
		err = page_read(l, addr, buf, n);
		if (err)
			return err;
		addr += n;
		buf += n;
		left -= n;
	}
	return 0;
}

static int live_readv(struct mem *m, struct mem_vec *v, size_t n)
{
	struct mem_live *l = (struct mem_live *)m;
	int first = 0;

	l->failed = 0;
	l->request++;
	for (size_t i = 0; i < n; i++) {
		v[i].err = range_read(l, &v[i]);
		first = first ? first : v[i].err;
	}
	flush(l);
	for (size_t i = 0; l->failed && i < n; i++)
		v[i].err = l->failed;
	return l->failed ? l->failed : first;
}

static int live_resident(struct mem *m, uint64_t addr, uint64_t *bits, size_t words)
{
	struct mem_live *l = (struct mem_live *)m;

	memset(bits, 0, words * sizeof(*bits));
	for (size_t i = 0; i < words * 64; i++) {
		uint64_t page = addr + i * MEM_PAGE;
		int err;
		struct block *b = block_of(l, page, false, &err);

		if (err)
			return err;
		bits[i / 64] |= (uint64_t)bit(b->present, page) << (i % 64);
	}
	return 0;
}

static void live_refresh(struct mem *m)
{
	struct mem_live *l = (struct mem_live *)m;

	for (size_t i = 0; i < BLOCKS; i++)
		l->blocks[i].addr = 0;
}

static void live_close(struct mem *m)
{
	free(((struct mem_live *)m)->blocks);
	free(m);
}

struct mem *mem_live_new(struct target *t)
{
	struct mem_live *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->mem = (struct mem){ live_readv, live_resident, live_refresh, live_close, 0 };
	l->t = t;
	l->blocks = calloc(BLOCKS, sizeof(*l->blocks));
	if (!l->blocks) {
		free(l);
		return NULL;
	}
	return &l->mem;
}
