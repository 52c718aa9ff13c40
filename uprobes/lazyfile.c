// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The bytes of a file, read when they are first looked at; see lazyfile.h. */
#include "lazyfile.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Zeros behind the end: a string that was given back and read anew ends, whatever it is now. */
#define GUARD 4096

static uint64_t pieces(const struct lazyfile *f)
{
	return (f->size + LAZYFILE_PIECE - 1) / LAZYFILE_PIECE;
}

static bool has(const struct lazyfile *f, uint64_t piece)
{
	return f->have[piece / 64] >> piece % 64 & 1;
}

int lazyfile_open(struct lazyfile *f, int fd)
{
	struct stat st;

	*f = (struct lazyfile){ .fd = -1 };
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	f->size = (uint64_t)st.st_size < LAZYFILE_MAX ? (uint64_t)st.st_size : LAZYFILE_MAX;
	if (!f->size)
		return 0;
	f->have = calloc((pieces(f) + 63) / 64, sizeof(*f->have));
	f->p = mmap(NULL, f->size + GUARD, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f->p == MAP_FAILED || !f->have) {
		f->p = f->p == MAP_FAILED ? NULL : f->p;
		lazyfile_close(f);
		return -ENOMEM;
	}
	/* a piece is filled at once: a huge page would fill its neighbours, too */
	madvise(f->p, f->size + GUARD, MADV_NOHUGEPAGE);
	f->fd = fd;
	return 0;
}

void lazyfile_memory(struct lazyfile *f, const void *p, size_t len)
{
	*f = (struct lazyfile){ .fd = -1, .p = (uint8_t *)p, .size = len };
}

void lazyfile_close(struct lazyfile *f)
{
	if (f->have && f->p)
		munmap(f->p, f->size + GUARD);
	free(f->have);
	*f = (struct lazyfile){ .fd = -1 };
}

bool lazyfile_copy(const struct lazyfile *f, uint64_t off, void *buf, size_t len)
{
	size_t done = 0;

	if (off > f->size || len > f->size - off)
		return false;
	if (!f->have) {
		memcpy(buf, f->p + off, len);
		return true;
	}
	while (done < len) {
		ssize_t n = pread(f->fd, (char *)buf + done, len - done, off + done);

		if (n <= 0 && !(n < 0 && errno == EINTR))
			return false;
		done += n > 0 ? n : 0;
	}
	return true;
}

/* Pieces [from, to) that are not there. */
static bool fill(struct lazyfile *f, uint64_t from, uint64_t to)
{
	uint64_t at = from * LAZYFILE_PIECE, end = to * LAZYFILE_PIECE;

	end = end < f->size ? end : f->size;
	if (!lazyfile_copy(f, at, f->p + at, end - at))
		return false; /* cut off since it was opened */
	for (uint64_t i = from; i < to; i++)
		f->have[i / 64] |= 1ULL << i % 64;
	f->loaded += end - at;
	return true;
}

bool lazyfile_load(struct lazyfile *f, uint64_t off, uint64_t len)
{
	uint64_t i, k, last;

	if (off > f->size || len > f->size - off)
		return false;
	if (!f->have || !len)
		return true;
	last = (off + len - 1) / LAZYFILE_PIECE;
	for (i = off / LAZYFILE_PIECE; i <= last; i = k) {
		for (k = i; k <= last && !has(f, k); k++)
			;
		if (k > i && !fill(f, i, k))
			return false;
		k += k == i;
	}
	return true;
}

const char *lazyfile_string(struct lazyfile *f, uint64_t off, uint64_t max)
{
	const uint8_t *p;

	if (off >= f->size)
		return NULL;
	max = max < f->size - off ? max : f->size - off;
	p = lazyfile_at(f, off, max);
	return p && memchr(p, '\0', max) ? (const char *)p : NULL;
}

void lazyfile_drop(struct lazyfile *f, uint64_t off, uint64_t end)
{
	uint64_t first, last, from, to;

	if (!f->have || off > f->size)
		return;
	end = end < f->size ? end : f->size;
	first = (off + LAZYFILE_PIECE - 1) / LAZYFILE_PIECE;
	last = end == f->size ? pieces(f) : end / LAZYFILE_PIECE;
	if (first >= last)
		return;
	for (uint64_t i = first; i < last; i++) {
		uint64_t at = i * LAZYFILE_PIECE;

		if (!has(f, i))
			continue;
		f->have[i / 64] &= ~(1ULL << i % 64);
		f->loaded -= f->size - at < LAZYFILE_PIECE ? f->size - at : LAZYFILE_PIECE;
	}
	from = first * LAZYFILE_PIECE;
	to = last * LAZYFILE_PIECE < f->size ? last * LAZYFILE_PIECE : f->size;
	madvise(f->p + from, to - from, MADV_DONTNEED);
}
