/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pagemap.h - what the kernel holds for each page of a process.
 *
 * Source: the PAGEMAP_SCAN ioctl of /proc/PID/pagemap (Linux 6.7), else the
 * file itself (Documentation/admin-guide/mm/pagemap.rst). Ranges are read in
 * windows, so that the target's mmap_lock is never held long.
 */
#ifndef PAGEMAP_H
#define PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum page_flags {
	PAGE_FILE = 4,     /* of a file, or shared memory */
	PAGE_PRESENT = 8,  /* mapped; counts in RSS unless PAGE_ZERO */
	PAGE_SWAPPED = 16, /* in swap */
	PAGE_ZERO = 32,    /* the shared zero page: mapped, not counted in RSS */
	PAGE_HUGE = 64,    /* mapped by one huge entry; known to PAGEMAP_SCAN only */
};

/* Pages of one kind: [start, end), flags of enum page_flags. */
struct page_run {
	uint64_t start, end;
	uint32_t flags;
};

struct page_runs {
	struct page_run *run; /* ascending; neighbours of one kind are one run */
	size_t n, cap;
	bool zero_unknown; /* zero pages could not be told from others */
};

struct pagemap {
	int fd;
	bool scan;         /* PAGEMAP_SCAN works here */
	int flags_fd;      /* /proc/kpageflags, or -errno */
	bool zero_known;   /* plain pagemap: frames can be told apart */
	uint64_t zero_pfn; /* plain pagemap: the shared zero page's */
	/* plain pagemap: the huge page last asked for, by its number; is it the huge zero page */
	uint64_t huge_asked;
	bool huge_is_zero;
};

/* dirfd is /proc/PID. plain: do not use PAGEMAP_SCAN even if it is there. */
int pagemap_open(struct pagemap *pm, int dirfd, bool plain);
void pagemap_close(struct pagemap *pm);

/*
 * Append the present and swapped pages of [start, end) to runs. 0 or -errno.
 * PAGE_FILE is told only if asked for: it makes the kernel look at every page's
 * own structure, a third of the time.
 */
int pagemap_runs(struct pagemap *pm, uint64_t start, uint64_t end, bool file,
		 struct page_runs *runs);

/* Bits of [addr, addr + 64 * words pages): resident, and swapped out. */
int pagemap_bits(struct pagemap *pm, uint64_t addr, uint64_t *present, uint64_t *swapped,
		 size_t words);

/*
 * Of the pages of [start, end), those that are marked lazily free (MADV_FREE):
 * anonymous and not swap-backed by /proc/kpageflags. -EPERM without
 * CAP_SYS_ADMIN. bytes is added to.
 */
int pagemap_lazyfree(struct pagemap *pm, uint64_t start, uint64_t end, uint64_t *bytes);

void page_runs_free(struct page_runs *runs);
/* Append a copy. 0 or -ENOMEM. */
int page_runs_copy(struct page_runs *to, const struct page_runs *from);

/* Present pages of the runs in [start, end), zero pages left out, in bytes. */
uint64_t page_runs_resident(const struct page_runs *runs, uint64_t start, uint64_t end);
/* The first run that ends above addr, n when there is none. */
size_t page_runs_from(const struct page_runs *runs, uint64_t addr);

#endif
