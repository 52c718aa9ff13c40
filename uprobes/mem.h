/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * mem.h - the memory of a process, wherever it comes from.
 *
 * Readers of runtime structures work over a struct mem and do not know whether
 * it is a running process (mem_live.c) or recorded or forged bytes
 * (mem_image.c). Whatever it is, its content is hostile input.
 *
 * A read never changes the process: a page that is not resident is not read.
 * What the bytes of such a page are is known without reading: zero for an
 * anonymous page that was never touched, the file's for a page of a file.
 */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>
#include <stdint.h>

#define MEM_PAGE 4096ULL

/* Kernels with other pages are refused. 0, or -EOPNOTSUPP with a sentence about whose. */
int mem_page_check(uint64_t bytes, const char *whose);

struct mem_vec {
	uint64_t addr;
	void *buf;
	size_t len;
	int err; /* out: 0, -EFAULT not mapped, -ENODATA swapped out, -EIO */
};

struct mem {
	/* Fill every vec; returns 0, or the first err; -ESRCH when the process is gone. */
	int (*readv)(struct mem *m, struct mem_vec *v, size_t n);
	/*
	 * Which of the pages from addr (page aligned) are resident: bit i of bits
	 * is page i, up to 64 * words of them. Returns 0 or -errno.
	 */
	int (*resident)(struct mem *m, uint64_t addr, uint64_t *bits, size_t words);
	/* Forget which pages were resident; call before each look. NULL: they never change. */
	void (*refresh)(struct mem *m);
	void (*close)(struct mem *m);
	/* reads fail with -ETIMEDOUT after so much of our CPU time, 0: never; see mem_deadline() */
	uint64_t allowed_ns, since_ns, since_cpu_ns;
};

int mem_readv(struct mem *m, struct mem_vec *v, size_t n);
int mem_read(struct mem *m, uint64_t addr, void *buf, size_t len);
int mem_u64(struct mem *m, uint64_t addr, uint64_t *v);
/* A Go slice header {ptr, len, cap}; -EINVAL when len > cap or cap > max. */
int mem_slice(struct mem *m, uint64_t addr, uint64_t max, uint64_t *ptr, uint64_t *len,
	      uint64_t *cap);
int mem_resident(struct mem *m, uint64_t addr, uint64_t *bits, size_t words);
void mem_refresh(struct mem *m);
/*
 * Let reads fail after ns more of our CPU time, or many times that by the clock; 0: never.
 * So walks of hostile memory end, and those on a slow or busy host are not cut short.
 */
void mem_deadline(struct mem *m, uint64_t ns);
void mem_close(struct mem *m);

/* Members of a structure that was read into a buffer, little-endian, unaligned. */
static inline uint64_t get_u64(const void *p, size_t off)
{
	uint64_t v;

	__builtin_memcpy(&v, (const char *)p + off, sizeof(v));
	return v;
}

static inline uint32_t get_u32(const void *p, size_t off)
{
	uint32_t v;

	__builtin_memcpy(&v, (const char *)p + off, sizeof(v));
	return v;
}

static inline uint16_t get_u16(const void *p, size_t off)
{
	uint16_t v;

	__builtin_memcpy(&v, (const char *)p + off, sizeof(v));
	return v;
}

/*
 * Forged or recorded memory: segments of bytes at addresses. The bytes stay the
 * caller's; every page of a segment is resident unless marked absent.
 */
struct mem_segment {
	uint64_t addr;
	const void *data;
	size_t len;
	int absent; /* mapped, never touched: reads as zero */
};
struct mem *mem_image_new(const struct mem_segment *segments, size_t n);

#endif
