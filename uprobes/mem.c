// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Reads over any struct mem; see mem.h. */
#include "mem.h"
#include "clock.h"
#include <errno.h>

static int late(const struct mem *m)
{
	return m->deadline && clock_mono_ns() > m->deadline ? -ETIMEDOUT : 0;
}

void mem_deadline(struct mem *m, uint64_t ns)
{
	m->deadline = ns ? clock_mono_ns() + ns : 0;
}

int mem_readv(struct mem *m, struct mem_vec *v, size_t n)
{
	int err = late(m);

	for (size_t i = 0; err && i < n; i++)
		v[i].err = err;
	return err || !n ? err : m->readv(m, v, n);
}

int mem_read(struct mem *m, uint64_t addr, void *buf, size_t len)
{
	struct mem_vec v = { .addr = addr, .buf = buf, .len = len };

	return len ? mem_readv(m, &v, 1) : 0;
}

int mem_u64(struct mem *m, uint64_t addr, uint64_t *v)
{
	return mem_read(m, addr, v, sizeof(*v));
}

int mem_slice(struct mem *m, uint64_t addr, uint64_t max, uint64_t *ptr, uint64_t *len,
	      uint64_t *cap)
{
	uint64_t h[3];
	int err = mem_read(m, addr, h, sizeof(h));

	if (err)
		return err;
	if (h[1] > h[2] || h[2] > max || (h[1] && !h[0]))
		return -EINVAL;
	*ptr = h[0];
	*len = h[1];
	*cap = h[2];
	return 0;
}

int mem_resident(struct mem *m, uint64_t addr, uint64_t *bits, size_t words)
{
	int err = late(m);

	return err ? err : m->resident(m, addr, bits, words);
}

void mem_refresh(struct mem *m)
{
	if (m->refresh)
		m->refresh(m);
}

void mem_close(struct mem *m)
{
	if (m)
		m->close(m);
}
