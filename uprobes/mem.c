// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Reads over any struct mem; see mem.h. */
#include "mem.h"
#include "clock.h"
#include "fail.h"
#include <errno.h>

#define WAITS 16 /* wall time may be so many times what we work */

/* Where the host is busy, or slow, wall time says nothing of what the target made us do. */
static int late(const struct mem *m)
{
	uint64_t now;

	if (!m->allowed_ns)
		return 0;
	now = clock_mono_ns() - m->since_ns;
	if (now <= m->allowed_ns)
		return 0;
	return now > WAITS * m->allowed_ns || clock_cpu_ns() - m->since_cpu_ns > m->allowed_ns
		       ? -ETIMEDOUT
		       : 0;
}

void mem_deadline(struct mem *m, uint64_t ns)
{
	m->allowed_ns = ns;
	m->since_ns = clock_mono_ns();
	m->since_cpu_ns = clock_cpu_ns();
}

int mem_page_check(uint64_t bytes, const char *whose)
{
	return bytes == MEM_PAGE ? 0
				 : fail(-EOPNOTSUPP,
					"%s has pages of %llu bytes; only pages of 4096 are "
					"supported",
					whose, (unsigned long long)bytes);
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
