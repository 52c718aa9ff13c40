// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Memory made of recorded or forged segments: unit tests, fuzzing, replay. */
#include "mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct mem_image {
	struct mem mem;
	size_t n;
	struct mem_segment seg[];
};

static const struct mem_segment *segment_of(const struct mem_image *im, uint64_t addr)
{
	for (size_t i = 0; i < im->n; i++)
		if (addr - im->seg[i].addr < im->seg[i].len)
			return &im->seg[i];
	return NULL;
}

static int image_read(const struct mem_image *im, uint64_t addr, char *buf, size_t len)
{
	while (len) {
		const struct mem_segment *s = segment_of(im, addr);
		size_t n;

		if (!s)
			return -EFAULT;
		n = s->len - (addr - s->addr);
		n = n < len ? n : len;
		if (s->absent)
			memset(buf, 0, n);
		else
			memcpy(buf, (const char *)s->data + (addr - s->addr), n);
		addr += n;
		buf += n;
		len -= n;
	}
	return 0;
}

static int image_readv(struct mem *m, struct mem_vec *v, size_t n)
{
	int first = 0;

	for (size_t i = 0; i < n; i++) {
		v[i].err = image_read((struct mem_image *)m, v[i].addr, v[i].buf, v[i].len);
		first = first ? first : v[i].err;
	}
	return first;
}

static int image_resident(struct mem *m, uint64_t addr, uint64_t *bits, size_t words)
{
	memset(bits, 0, words * sizeof(*bits));
	for (size_t i = 0; i < words * 64; i++) {
		const struct mem_segment *s =
			segment_of((struct mem_image *)m, addr + i * MEM_PAGE);

		if (s && !s->absent)
			bits[i / 64] |= 1ULL << (i % 64);
	}
	return 0;
}

static void image_close(struct mem *m)
{
	free(m);
}

struct mem *mem_image_new(const struct mem_segment *segments, size_t n)
{
	struct mem_image *im = calloc(1, sizeof(*im) + n * sizeof(*segments));

	if (!im)
		return NULL;
	im->mem = (struct mem){ image_readv, image_resident, NULL, image_close, 0 };
	im->n = n;
	memcpy(im->seg, segments, n * sizeof(*segments));
	return &im->mem;
}
