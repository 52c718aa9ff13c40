// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * symbols PID N SEED - names for N random pcs of a Go program's text.
 *
 * A line a pc: its address in the file, then function@file:line of every frame,
 * innermost first, with tabs between. With N = 0, how fast: lookups a second.
 */
#include "fail.h"
#include "go/goproc.h"
#include "go/symbolize.h"
#include <stdio.h>
#include <stdlib.h>

static uint64_t rnd(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

static void print(const struct symbolizer *s, uint64_t pc, uint64_t bias)
{
	struct frame f[64];
	size_t n = symbolize(s, pc, f, 64);

	printf("0x%llx", (unsigned long long)(pc - bias));
	for (size_t i = 0; i < n; i++)
		printf("\t%s@%s:%u", f[i].function, f[i].file, f[i].line);
	printf("\n");
}

static void speed(const struct symbolizer *s, uint64_t size, uint64_t seed)
{
	enum { PCS = 4096, ROUNDS = 200 };
	static uint64_t pc[PCS];
	struct frame f[64];
	uint64_t start, took, frames = 0;

	for (int i = 0; i < PCS; i++)
		pc[i] = s->text + rnd(&seed) % size;
	for (int r = 0; r <= ROUNDS; r++) {
		if (r == 1)
			start = clock_mono_ns();
		for (int i = 0; i < PCS; i++)
			frames += symbolize(s, pc[i], f, 64);
	}
	took = clock_mono_ns() - start;
	printf("%.2f million lookups a second, %.2f frames each\n", PCS * ROUNDS * 1e3 / took,
	       frames / (double)(PCS * (ROUNDS + 1)));
}

int main(int argc, char **argv)
{
	struct target t;
	struct goproc gp;
	struct symbolizer s;
	uint64_t seed, size;
	struct gofunc last;
	int err, n;

	if (argc != 4) {
		fprintf(stderr, "usage: symbols PID N SEED\n");
		return 2;
	}
	n = atoi(argv[2]);
	seed = strtoull(argv[3], NULL, 10) | 1;
	err = target_open(&t, atoi(argv[1]));
	err = err ? err : goproc_open(&gp, &t);
	err = err ? err : symbolizer_open(&s, &gp);
	if (err || !pclntab_func(&s.tab, s.tab.nfunc - 1, &last)) {
		printf("no symbols: %d %s\n", err, fail_text());
		return 1;
	}
	size = last.end;
	if (!n)
		speed(&s, size, seed);
	for (int i = 0; i < n; i++)
		print(&s, s.text + rnd(&seed) % size, gp.bias);
	goproc_close(&gp);
	target_close(&t);
	return 0;
}
