/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* test_c.h - a forged address space for the readers of C memory. */
#ifndef TEST_C_H
#define TEST_C_H

/* cmocka.h needs these, and comes after them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "c/cspace.h"
#include <stdlib.h>
#include <string.h>

#define FORGE_MAX 16

/* Mappings whose pages are all resident, in ascending order. */
struct forge {
	struct mem_segment seg[FORGE_MAX];
	struct vma vma[FORGE_MAX];
	struct page_run run[FORGE_MAX];
	struct maps maps;
	struct page_runs runs;
	struct cspace s;
	uint8_t *last;
};

/* Add a mapping; returns its bytes. ino 0: anonymous. */
static inline uint8_t *forge_map(struct forge *f, uint64_t start, uint64_t len, uint64_t ino,
				 const char *name)
{
	size_t i = f->maps.n++;
	uint8_t *data = calloc(1, len);

	assert_true(i < FORGE_MAX && data);
	assert_true(!i || f->vma[i - 1].end <= start);
	f->seg[i] = (struct mem_segment){ .addr = start, .data = data, .len = len };
	f->vma[i] = (struct vma){
		.start = start, .end = start + len, .ino = ino, .flags = VMA_R | VMA_W, .name = name
	};
	f->run[i] = (struct page_run){ start, start + len, PAGE_PRESENT };
	f->runs.n = f->maps.n;
	return data;
}

static inline void forge_ready(struct forge *f)
{
	f->maps.vma = f->vma;
	f->runs.run = f->run;
	mem_close(f->s.mem);
	cranges_free(&f->s.owned);
	f->s.mem = mem_image_new(f->seg, f->maps.n);
	f->s.maps = &f->maps;
	f->s.runs = &f->runs;
}

static inline void forge_free(struct forge *f)
{
	for (size_t i = 0; i < f->maps.n; i++)
		free((void *)f->seg[i].data);
	mem_close(f->s.mem);
	cranges_free(&f->s.owned);
	*f = (struct forge){};
}

static inline void put64(uint8_t *p, uint64_t off, uint64_t v)
{
	memcpy(p + off, &v, sizeof(v));
}

static inline void put32(uint8_t *p, uint64_t off, uint32_t v)
{
	memcpy(p + off, &v, sizeof(v));
}

static inline uint32_t rnd(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	return *x ^= *x << 5;
}

/* Bytes of owned ranges of one kind. */
static inline uint64_t owned_by(const struct forge *f, enum cowner owner)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->s.owned.n; i++)
		if (f->s.owned.r[i].owner == owner)
			sum += f->s.owned.r[i].end - f->s.owned.r[i].start;
	return sum;
}

#endif
