/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * lazyfile.h - the bytes of a file, read when they are first looked at.
 *
 * Files of a target are hostile and may be large. Mapped, one that is cut off while
 * we read it is a SIGBUS, and one that is written to changes between the check and
 * the use; read as a whole, a program of 130 MB is 130 MB of ours. So address space
 * of the size of the file is reserved, and pieces of it are filled by pread(2) when
 * they are first needed: what was read stays as it was, at one address.
 *
 * Not for more than one thread.
 */
#ifndef LAZYFILE_H
#define LAZYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAZYFILE_PIECE 16384ULL
#define LAZYFILE_MAX   (4ULL << 30) /* bytes behind it are not there */

struct lazyfile {
	int fd; /* the caller's, must outlive it; -1: bytes in memory, all there */
	uint8_t *p;
	uint64_t size;
	uint64_t *have;  /* a bit a piece */
	uint64_t loaded; /* bytes of pieces that are there: memory of ours */
};

/* 0 or -errno; -EINVAL when fd is no regular file. */
int lazyfile_open(struct lazyfile *f, int fd);
/* The same interface over bytes in memory; they stay the caller's. */
void lazyfile_memory(struct lazyfile *f, const void *p, size_t len);
void lazyfile_close(struct lazyfile *f);

/* The slow half of lazyfile_at(). */
bool lazyfile_load(struct lazyfile *f, uint64_t off, uint64_t len);

/* Bytes [off, off + len), or NULL when the file does not have them (any more). */
static inline const uint8_t *lazyfile_at(struct lazyfile *f, uint64_t off, uint64_t len)
{
	uint64_t piece = off / LAZYFILE_PIECE;

	if (off > f->size || len > f->size - off)
		return NULL;
	if (f->have && len && (off + len - 1) / LAZYFILE_PIECE == piece &&
	    f->have[piece / 64] >> piece % 64 & 1)
		return f->p + off;
	return lazyfile_load(f, off, len) ? f->p + off : NULL;
}

/* The NUL-terminated string at off, of which no more than max bytes are looked at; or NULL. */
const char *lazyfile_string(struct lazyfile *f, uint64_t off, uint64_t max);

/* Give back the memory of all pieces that lie in [off, end); end may be beyond the file. */
void lazyfile_drop(struct lazyfile *f, uint64_t off, uint64_t end);

/* Read without keeping: bytes [off, off + len) into buf. */
bool lazyfile_copy(const struct lazyfile *f, uint64_t off, void *buf, size_t len);

#endif
