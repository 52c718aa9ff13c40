// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * scribble - break the memory of a process, without end, until killed.
 *
 *   scribble PID ADDR LEN SEED
 *
 * Writes words that hurt into [ADDR, ADDR + LEN): small and huge numbers, addresses
 * of that same range, and what was there with a bit turned.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static uint64_t word(uint64_t old, uint64_t addr, uint64_t len)
{
	switch (rnd() % 8) {
	case 0: return rnd() % 256;
	case 1: return ~0ULL;
	case 2: return 1ULL << rnd() % 64;
	case 3:
	case 4: return addr + rnd() % len / 8 * 8;
	case 5: return rnd();
	case 6: return 0;
	default: return old ^ 1ULL << rnd() % 64;
	}
}

int main(int argc, char **argv)
{
	uint64_t addr, len, v;

	if (argc != 5)
		return 2;
	addr = strtoull(argv[2], NULL, 16);
	len = strtoull(argv[3], NULL, 0);
	seed = strtoull(argv[4], NULL, 0) * 0x9e3779b97f4a7c15ULL + 1;
	for (;;) {
		struct iovec l = { &v, 8 };
		struct iovec r = { (void *)(uintptr_t)(addr + rnd() % (len / 8) * 8), 8 };

		if (process_vm_readv(atoi(argv[1]), &l, 1, &r, 1, 0) != 8)
			return 1;
		v = word(v, addr, len);
		if (process_vm_writev(atoi(argv[1]), &l, 1, &r, 1, 0) != 8)
			return 1;
	}
}
