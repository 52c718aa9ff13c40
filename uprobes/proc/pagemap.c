// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What the kernel holds for each page of a process; see pagemap.h. */
#include "proc/pagemap.h"
#include "array.h"
#include "search.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ULL
/* One ioctl walks at most this much: 16 MiB of present pages hold the lock 0.3 ms. */
#define WINDOW  (16ULL << 20)
#define ENTRIES 512 /* what the kernel itself buffers: a full answer ends exactly there */
#define PM_PFN  ((1ULL << 55) - 1)
#define HUGE    512 /* pages of a huge page */

/* struct pm_scan_arg and struct page_region of linux/fs.h, newer than our headers */
struct scan_region {
	uint64_t start, end, categories;
};
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)

static int runs_add(struct page_runs *r, uint64_t start, uint64_t end, uint32_t flags)
{
	struct page_run *last = r->n ? &r->run[r->n - 1] : NULL;

	if (last && last->end == start && last->flags == flags) {
		last->end = end;
		return 0;
	}
	if (array_room(r->run, r->n + 1, r->cap))
		return -ENOMEM;
	r->run[r->n++] = (struct page_run){ start, end, flags };
	return 0;
}

/*
 * One window by PAGEMAP_SCAN. walk_end is not to be trusted: after the kernel
 * emptied its buffer of 512 regions once, it stays where that happened although
 * the walk went on. Fewer regions than asked for means the window is done; else
 * the walk goes on behind the last region.
 */
static int scan_window(struct pagemap *pm, uint64_t start, uint64_t end, bool file,
		       struct page_runs *runs)
{
	struct scan_region vec[ENTRIES];

	while (start < end) {
		struct scan_arg arg = {
			.size = sizeof(arg),
			.start = start,
			.end = end,
			.vec = (uintptr_t)vec,
			.vec_len = ENTRIES,
			.max_pages = WINDOW / PAGE,
			.category_anyof_mask = PAGE_PRESENT | PAGE_SWAPPED,
			.return_mask = PAGE_PRESENT | PAGE_SWAPPED | PAGE_ZERO | PAGE_HUGE |
				       (file ? PAGE_FILE : 0),
		};
		int n = ioctl(pm->fd, SCAN_IOCTL, &arg), err;
		uint64_t pages = 0;

		if (n < 0)
			return errno == EINTR ? -EAGAIN : -errno;
		for (int i = 0; i < n; i++) {
			err = runs_add(runs, vec[i].start, vec[i].end, vec[i].categories);
			if (err)
				return err;
			pages += (vec[i].end - vec[i].start) / PAGE;
		}
		if (n < ENTRIES && pages < arg.max_pages)
			break;
		start = vec[n - 1].end;
	}
	return 0;
}

/* Bits of /proc/kpageflags, linux/kernel-page-flags.h */
enum { KPF_ANON = 12, KPF_SWAPBACKED = 14, KPF_HEAD = 15, KPF_TAIL = 16, KPF_ZERO_PAGE = 24 };

static bool frame_flags(const struct pagemap *pm, uint64_t pfn, uint64_t *flags, size_t n)
{
	return pread(pm->flags_fd, flags, n * sizeof(*flags), pfn * sizeof(*flags)) ==
	       (ssize_t)(n * sizeof(*flags));
}

/*
 * The huge zero page has no fixed place. A frame that stands in its huge page where addr
 * stands in its own may be of it; each huge page is asked for once.
 */
static bool huge_zero(struct pagemap *pm, uint64_t addr, uint64_t pfn)
{
	uint64_t flags;

	if ((addr / PAGE - pfn) % HUGE)
		return false;
	if (pfn / HUGE != pm->huge_asked) {
		pm->huge_asked = pfn / HUGE;
		pm->huge_is_zero = frame_flags(pm, pfn, &flags, 1) && flags >> KPF_ZERO_PAGE & 1;
	}
	return pm->huge_is_zero;
}

static uint32_t entry_flags(struct pagemap *pm, uint64_t addr, uint64_t e)
{
	uint64_t pfn = e & PM_PFN;
	uint32_t flags = 0;

	if (e >> 63)
		flags |= PAGE_PRESENT;
	if (e >> 62 & 1)
		flags |= PAGE_SWAPPED;
	if (!flags)
		return 0;
	if (e >> 61 & 1)
		flags |= PAGE_FILE;
	if (e >> 63 && pm->zero_known && (pfn == pm->zero_pfn || huge_zero(pm, addr, pfn)))
		flags |= PAGE_ZERO;
	return flags;
}

static int read_window(struct pagemap *pm, uint64_t start, uint64_t end, struct page_runs *runs)
{
	uint64_t e[ENTRIES];

	runs->zero_unknown |= !pm->zero_known;
	pm->huge_asked = UINT64_MAX; /* frames change hands */
	while (start < end) {
		size_t want = (end - start) / PAGE;
		ssize_t n = pread(pm->fd, e, (want < ENTRIES ? want : ENTRIES) * sizeof(*e),
				  start / PAGE * sizeof(*e));

		if (n < 0)
			return -errno;
		if (n < (ssize_t)sizeof(*e))
			break; /* the end of the address space */
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(*e); i++, start += PAGE) {
			uint32_t flags = entry_flags(pm, start, e[i]);
			int err = flags ? runs_add(runs, start, start + PAGE, flags) : 0;

			if (err)
				return err;
		}
	}
	return 0;
}

int pagemap_runs(struct pagemap *pm, uint64_t start, uint64_t end, bool file,
		 struct page_runs *runs)
{
	uint64_t step = WINDOW, e;
	int err = 0;

	for (uint64_t p = start; !err && p < end; p = e) {
		e = end - p < step ? end : p + step;
		err = pm->scan ? scan_window(pm, p, e, file, runs) : read_window(pm, p, e, runs);
		/* a reservation of terabytes is empty: larger steps, until something is there */
		step = runs->n && runs->run[runs->n - 1].end > p ? WINDOW
		       : step < 64 * WINDOW                      ? 2 * step
								 : step;
	}
	return err;
}

int pagemap_bits(struct pagemap *pm, uint64_t addr, uint64_t *present, uint64_t *swapped,
		 size_t words)
{
	struct page_runs runs = {};
	int err = pagemap_runs(pm, addr, addr + words * 64 * PAGE, false, &runs);

	memset(present, 0, words * sizeof(*present));
	memset(swapped, 0, words * sizeof(*swapped));
	for (size_t i = 0; !err && i < runs.n; i++) {
		uint64_t *bits = runs.run[i].flags & PAGE_PRESENT ? present : swapped;

		for (uint64_t p = runs.run[i].start; p < runs.run[i].end; p += PAGE) {
			size_t bit = (p - addr) / PAGE;

			bits[bit / 64] |= 1ULL << (bit % 64);
		}
	}
	page_runs_free(&runs);
	return err;
}

/* The zero page's frame, learnt from a page of our own that was only read. */
static bool zero_pfn_learn(uint64_t *pfn)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t e = 0;

	if (fd >= 0 && p != MAP_FAILED && *(volatile char *)p == 0 &&
	    pread(fd, &e, sizeof(e), (uintptr_t)p / PAGE * sizeof(e)) != sizeof(e))
		e = 0;
	if (p != MAP_FAILED)
		munmap(p, PAGE);
	if (fd >= 0)
		close(fd);
	*pfn = e & PM_PFN;
	return e >> 63 && *pfn; /* without CAP_SYS_ADMIN the number reads as 0 */
}

int pagemap_open(struct pagemap *pm, int dirfd, bool plain)
{
	struct scan_arg probe = { .size = sizeof(probe) };

	*pm = (struct pagemap){ .fd = openat(dirfd, "pagemap", O_RDONLY | O_CLOEXEC) };
	if (pm->fd < 0)
		return -errno;
	/* an empty range: 0 where the ioctl exists, ENOTTY where it does not */
	pm->scan = !plain && ioctl(pm->fd, SCAN_IOCTL, &probe) == 0;
	pm->flags_fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (pm->flags_fd < 0)
		pm->flags_fd = -errno;
	if (!pm->scan)
		pm->zero_known = pm->flags_fd >= 0 && zero_pfn_learn(&pm->zero_pfn);
	return 0;
}

void pagemap_close(struct pagemap *pm)
{
	if (pm->fd >= 0) {
		close(pm->fd);
		if (pm->flags_fd >= 0)
			close(pm->flags_fd);
	}
	pm->fd = -1;
}

/* Flags of the huge page, or part of one, last asked for. */
struct huge_flags {
	uint64_t base;
	uint64_t flags[HUGE];
};

/*
 * Whether a frame is lazily free. Linux before 6.10 shows of a tail page its own flags,
 * and they say nothing: what counts is in the head, the nearest one below.
 */
static int frame_lazyfree(const struct pagemap *pm, uint64_t pfn, struct huge_flags *h)
{
	uint64_t flags, base = pfn - pfn % HUGE;

	if (!frame_flags(pm, pfn, &flags, 1))
		return -EIO;
	if (!(flags >> KPF_ANON & 1) || flags >> KPF_SWAPBACKED & 1 || flags >> KPF_ZERO_PAGE & 1)
		return 0;
	if (!(flags >> KPF_TAIL & 1))
		return 1;
	if (h->base != base && !frame_flags(pm, base, h->flags, HUGE))
		return -EIO;
	h->base = base;
	while (pfn > base && !(h->flags[pfn - base] >> KPF_HEAD & 1))
		pfn--;
	return !(h->flags[pfn - base] >> KPF_SWAPBACKED & 1);
}

int pagemap_lazyfree(struct pagemap *pm, uint64_t start, uint64_t end, uint64_t *bytes)
{
	struct huge_flags huge = { .base = UINT64_MAX };
	uint64_t e[ENTRIES];

	if (pm->flags_fd < 0)
		return pm->flags_fd;
	while (start < end) {
		size_t want = (end - start) / PAGE;
		ssize_t n = pread(pm->fd, e, (want < ENTRIES ? want : ENTRIES) * sizeof(*e),
				  start / PAGE * sizeof(*e));

		if (n < (ssize_t)sizeof(*e))
			return n < 0 ? -errno : 0;
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(*e); i++, start += PAGE) {
			uint64_t pfn = e[i] & PM_PFN;
			int lazy;

			if (!(e[i] >> 63))
				continue;
			lazy = pfn ? frame_lazyfree(pm, pfn, &huge) : -EPERM;
			if (lazy < 0)
				return lazy;
			*bytes += lazy * PAGE;
		}
	}
	return 0;
}

int page_runs_copy(struct page_runs *to, const struct page_runs *from)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++)
		err = runs_add(to, from->run[i].start, from->run[i].end, from->run[i].flags);
	to->zero_unknown |= from->zero_unknown;
	return err;
}

void page_runs_free(struct page_runs *runs)
{
	free(runs->run);
	*runs = (struct page_runs){};
}

size_t page_runs_from(const struct page_runs *runs, uint64_t addr)
{
	return count_before(runs->n, i, runs->run[i].end <= addr);
}

uint64_t page_runs_resident(const struct page_runs *runs, uint64_t start, uint64_t end)
{
	uint64_t sum = 0;

	for (size_t i = page_runs_from(runs, start); i < runs->n && runs->run[i].start < end; i++) {
		const struct page_run *r = &runs->run[i];
		uint64_t a = r->start > start ? r->start : start, b = r->end < end ? r->end : end;

		if ((r->flags & (PAGE_PRESENT | PAGE_ZERO)) == PAGE_PRESENT)
			sum += b - a;
	}
	return sum;
}
