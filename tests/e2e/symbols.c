// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * symbols PID random N SEED - names for N random pcs of a Go program's text
 * symbols PID pcs           - the same for addresses of the process, read from stdin
 * symbols PID cost N        - what opening and N random pcs cost
 * symbols PID share PID2    - whether a second process shares the opened files
 * symbols PID inline NAME.. - where functions are inlined, and if a probe on them sees all
 *
 * random and pcs: a line a pc: its address (in the file for random), then
 * function@file:line of every frame, innermost first, with tabs between; pcs puts
 * KIND MODULE behind the address.
 */
#include "symbols.h"
#include "clock.h"
#include "fail.h"
#include "go/goproc.h"
#include "go/inline.h"
#include "go/resolve.h"
#include "go/symbolize.h"
#include "symfile.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct target t;
static struct goproc gp;
static struct symbolizer go;
static uint64_t size; /* of Go's text */

static uint64_t rnd(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

/* A line of /proc/self/status, in KiB. */
static long status(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = atol(line + strlen(key));
	if (f)
		fclose(f);
	return kb;
}

static void print(const struct frame *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("\t%s@%s:%u", f[i].function, f[i].file, f[i].line);
	printf("\n");
}

static int random_pcs(struct symbols *s, long n, uint64_t seed)
{
	struct frame f[SYMBOLS_FRAMES];

	for (long i = 0; i < n; i++) {
		uint64_t pc = go.text + rnd(&seed) % size;

		printf("0x%" PRIx64, pc - gp.bias);
		print(f, symbols_lookup(s, pc, f, SYMBOLS_FRAMES));
	}
	return 0;
}

static int pcs(struct symbols *s)
{
	static const char *const kind[] = { "go", "c", "vdso", "kernel", "unknown" };
	struct frame f[SYMBOLS_FRAMES];
	const char *lack;
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		uint64_t pc = strtoull(line, NULL, 16);
		size_t n = symbols_lookup(s, pc, f, SYMBOLS_FRAMES);

		printf("0x%" PRIx64 "\t%s %s", pc, kind[f[0].kind], f[0].module);
		print(f, n);
	}
	for (size_t i = 0; (lack = symbols_lack(s, i)); i++)
		printf("# %s\n", lack);
	return 0;
}

/* Lookups a second, in millions, of pcs that were asked for before. */
static double speed(struct symbols *s)
{
	enum { PCS = 4096, ROUNDS = 200 };
	static uint64_t pc[PCS];
	struct frame f[SYMBOLS_FRAMES];
	uint64_t start = 0, seed = 20240229;

	for (int i = 0; i < PCS; i++)
		pc[i] = go.text + rnd(&seed) % size;
	for (int r = 0; r <= ROUNDS; r++) {
		if (r == 1)
			start = clock_mono_ns();
		for (int i = 0; i < PCS; i++)
			symbols_lookup(s, pc[i], f, SYMBOLS_FRAMES);
	}
	return PCS * ROUNDS * 1e3 / (clock_mono_ns() - start);
}

static int cost(long n)
{
	long rss = status("RssAnon:"), opened, used;
	uint64_t start = clock_mono_ns(), opening, cold, seed = 20240229;
	struct frame f[SYMBOLS_FRAMES];
	struct resolved *r = calloc(1, sizeof(*r));
	double resolving;
	struct symbols *s;

	if (!r || go_resolve(&gp, gp.l, r))
		return 1;
	free(r);
	resolving = (clock_mono_ns() - start) / 1e6;
	start = clock_mono_ns();
	if (symbols_open(&s, &gp, NULL))
		return 1;
	symbols_lookup(s, go.text, f, SYMBOLS_FRAMES);
	opening = clock_mono_ns() - start;
	opened = status("RssAnon:") - rss;
	start = clock_mono_ns();
	for (long i = 0; i < n; i++)
		symbols_lookup(s, go.text + rnd(&seed) % size, f, SYMBOLS_FRAMES);
	cold = clock_mono_ns() - start;
	used = status("RssAnon:") - rss;
	printf("{\"functions\":%u,\"resolve_ms\":%.2f,\"open_ms\":%.2f,\"open_kib\":%ld,\"cold_ns\":%.0f,"
	       "\"used_kib\":%ld,\"warm_m\":%.2f,\"peak_kib\":%ld}\n",
	       go.tab.nfunc, resolving, opening / 1e6, opened, n ? cold / (double)n : 0, used,
	       speed(s), status("VmHWM:"));
	symbols_close(s);
	return 0;
}

static int share(pid_t pid)
{
	struct symfiles *files = symfiles_new();
	struct symfile *a, *b;
	struct target other;
	int err = target_open(&other, pid);

	err = err ? err : symfile_get(files, t.exefd, &a);
	err = err ? err : symfile_get(files, other.exefd, &b);
	if (!err)
		printf("%s\n", a == b ? "shared" : "apart");
	symfiles_free(files);
	target_close(&other);
	return err != 0;
}

static int inlines(char **names, size_t n)
{
	struct inline_answer *a = calloc(n, sizeof(*a));
	struct inline_sites sites = {};
	uint64_t start = clock_mono_ns();
	int err = inline_find(&go, (const char *const *)names, n, a, &sites);

	printf("# %u functions in %.1f ms: %d\n", go.tab.nfunc, (clock_mono_ns() - start) / 1e6,
	       err);
	for (size_t i = 0; !err && i < n; i++)
		printf("%s present=%d functions=%u complete=%d\n", a[i].name, a[i].present,
		       a[i].functions, a[i].complete);
	for (size_t i = 0; !err && i < sites.n; i++)
		printf("%s IN %s 0x%" PRIx64 "-0x%" PRIx64 " %u\n", names[sites.site[i].name],
		       sites.site[i].outer, sites.site[i].start - gp.bias,
		       sites.site[i].end - gp.bias, sites.site[i].ranges);
	inline_sites_free(&sites);
	free(a);
	return err != 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	struct symbols *s = NULL;
	int err;

	if (argc < 3) {
		fprintf(stderr, "usage: symbols PID random N SEED | pcs | cost N | share PID2 | "
				"inline NAME...\n");
		return 2;
	}
	err = target_open(&t, atoi(argv[1]));
	err = err ? err : goproc_open(&gp, &t);
	err = err ? err : symbolizer_open(&go, &gp);
	if (err) {
		printf("no symbols: %d %s %s\n", err, fail_text(), gp.why);
		return 1;
	}
	size = go.etext - go.text;
	if (!strcmp(what, "cost"))
		err = cost(argc > 3 ? atol(argv[3]) : 0);
	else if (!strcmp(what, "share"))
		err = share(atoi(argv[3]));
	else if (!strcmp(what, "inline"))
		err = inlines(argv + 3, argc - 3);
	else
		err = symbols_open(&s, &gp, NULL);
	if (s && !strcmp(what, "pcs"))
		err = pcs(s);
	else if (s && argc > 4)
		err = random_pcs(s, atol(argv[3]), strtoull(argv[4], NULL, 10) | 1);
	symbols_close(s);
	goproc_close(&gp);
	target_close(&t);
	return err != 0;
}
