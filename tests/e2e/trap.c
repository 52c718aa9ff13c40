// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * trap SECONDS - what a call of two functions costs, for somebody else to probe them.
 *
 * trap_emulated begins with a conditional branch, trap_stepped with an instruction that is
 * single-stepped: as those of uprobes/probe/cost.c. A line every 100 ms: ns a call of the
 * one, and of the other. Without SECONDS one line: what cost.c has a trap cost.
 */
#include "clock.h"
#include "probe/cost.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS 2000

#if defined(__x86_64__)
asm(".text\n.globl trap_emulated\n.type trap_emulated,@function\n"
    "trap_emulated: jbe 1f\n1:\tret\n.size trap_emulated,.-trap_emulated\n"
    ".globl trap_stepped\n.type trap_stepped,@function\n"
    "trap_stepped: ret\n.size trap_stepped,.-trap_stepped\n");
#elif defined(__aarch64__)
asm(".text\n.globl trap_emulated\n.type trap_emulated,@function\n"
    "trap_emulated: b.ls 1f\n1:\tret\n.size trap_emulated,.-trap_emulated\n"
    ".globl trap_stepped\n.type trap_stepped,@function\n"
    "trap_stepped: add x9, x9, #0\n\tret\n.size trap_stepped,.-trap_stepped\n");
#endif
void trap_emulated(void);
void trap_stepped(void);

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* In CPU time: it is a share of that which is to be told. */
static double call_ns(void (*fn)(void))
{
	uint64_t start = cpu_ns();

	for (int i = 0; i < CALLS; i++)
		fn();
	return (double)(cpu_ns() - start) / CALLS;
}

static int calibrated(void)
{
	struct cost c;

	cost_start(&c);
	if (!cost_read(&c, true))
		return 1;
	printf("%.1f %.1f\n", c.emulated_ns, c.stepped_ns);
	cost_close(&c);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t end = clock_mono_ns() + (argc > 1 ? atof(argv[1]) * 1e9 : 0);
	struct timespec tick = { 0, 100000000 };

	if (argc < 2)
		return calibrated();
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (clock_mono_ns() < end) {
		double emulated = call_ns(trap_emulated), stepped = call_ns(trap_stepped);

		printf("%.1f %.1f\n", emulated, stepped);
		nanosleep(&tick, NULL);
	}
	return 0;
}
