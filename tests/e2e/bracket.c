// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * bracket PROGRAM SAMPLES - is what we read of a busy target true?
 *
 * Starts PROGRAM (tests/targets/churn) and holds its own ReadMemStats, taken
 * while it allocates, between two readings from outside: counters that only
 * grow must come in order. Between samples it proves the facts anew and takes a
 * ledger. At most one sample in 1,000 may fail each test. One line a figure;
 * exit status 1 when a limit is passed.
 */
#include "fail.h"
#include "go/proof.h"
#include "go/rt_memstats.h"
#include "ledger.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOTAL_ALLOC, MALLOCS, FREES, NUM_GC, COUNTERS };
static const char *const names[COUNTERS] = { "TotalAlloc", "Mallocs", "Frees", "NumGC" };

struct child {
	pid_t pid;
	FILE *to, *from;
};

static int child_start(struct child *c, const char *program)
{
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		return -errno;
	c->pid = fork();
	if (!c->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->to = fdopen(in[1], "w");
	c->from = fdopen(out[0], "r");
	return fscanf(c->from, "%*d") < 0 ? -EIO : 0;
}

static int child_stats(struct child *c, uint64_t v[COUNTERS])
{
	unsigned long long a, m, f, n;

	fputs("stats\n", c->to);
	fflush(c->to);
	if (fscanf(c->from, "%llu %llu %llu %llu %*u %*u", &a, &m, &f, &n) != 4)
		return -EIO;
	v[TOTAL_ALLOC] = a;
	v[MALLOCS] = m;
	v[FREES] = f;
	v[NUM_GC] = n;
	return 0;
}

static void outside(const struct memstats *ms, uint64_t v[COUNTERS])
{
	v[TOTAL_ALLOC] = ms->TotalAlloc;
	v[MALLOCS] = ms->Mallocs;
	v[FREES] = ms->Frees;
	v[NUM_GC] = ms->NumGC;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The q-quantile of n values, which are sorted by it. */
static double quantile(double *v, size_t n, double q)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[(size_t)(q * (n - 1))];
}

struct tally {
	size_t samples, order[COUNTERS], consistent, residual, still, no_go, unproven;
	double *bound, *residuals, *proof, *look, *moved, *stats;
};

static int sample(struct goproc *gp, struct child *c, struct ledger *l, struct tally *t)
{
	static struct memstats before, after;
	uint64_t a[COUNTERS], in[COUNTERS], b[COUNTERS], start = clock_mono_ns(), took;
	size_t i = t->samples;
	int err = memstats_read(gp, &before, 50);

	took = clock_mono_ns() - start;
	err = err ? err : child_stats(c, in);
	err = err ? err : memstats_read(gp, &after, 50);
	if (err)
		return err;
	outside(&before, a);
	outside(&after, b);
	for (int k = 0; k < COUNTERS; k++)
		if (a[k] > in[k] || in[k] > b[k]) {
			t->order[k]++;
			printf("# sample %zu %s: %llu <= %llu <= %llu does not hold\n", i, names[k],
			       (unsigned long long)a[k], (unsigned long long)in[k],
			       (unsigned long long)b[k]);
		}
	t->consistent += before.consistent;
	t->stats[i] = took / 1e6;
	err = go_prove(gp);
	t->unproven += !gp->proven;
	t->proof[i] = gp->proof_ns / 1e6;
	gp->proven = true; /* it was: one failure is counted, not contagious */
	start = clock_mono_ns();
	err = err ? err : ledger_take(gp, l, 10, 150000000);
	if (err)
		return err;
	t->look[i] = (clock_mono_ns() - start) / 1e6;
	t->bound[i] = 100.0 * l->bound / l->rss;
	t->residuals[i] = 100.0 * llabs(l->residual) / l->rss;
	t->moved[i] = 100.0 * l->moved_bytes / l->rss;
	if (l->residual > (int64_t)l->mapped_bytes || -l->residual > (int64_t)l->unmapped_bytes) {
		t->residual++;
		printf("# sample %zu residual %lld not in [-%llu, %llu]\n", i,
		       (long long)l->residual, (unsigned long long)l->unmapped_bytes,
		       (unsigned long long)l->mapped_bytes);
	}
	t->still += l->still;
	t->no_go += !l->go;
	if (!l->go)
		printf("# sample %zu without Go rows: %s\n", i, l->why);
	t->samples++;
	return 0;
}

static int limit(const char *what, double value, double at_most, const char *unit)
{
	bool bad = !(value <= at_most);

	printf("%-34s %10.3f %-4s (at most %g)%s\n", what, value, unit, at_most,
	       bad ? "  FAILED" : "");
	return bad;
}

static int report(struct tally *t)
{
	size_t n = t->samples;
	double rare = n < 1000 ? 1 : n / 1000.0; /* fewer samples cannot tell 1 from none */
	char what[64];
	int bad = 0;

	printf("%-34s %10zu\n", "samples", n);
	for (int k = 0; k < COUNTERS; k++) {
		snprintf(what, sizeof(what), "%s out of order", names[k]);
		bad |= limit(what, t->order[k], rare, "");
	}
	bad |= limit("residual beyond its bound", t->residual, rare, "");
	bad |= limit("ledgers without Go rows", t->no_go, rare, "");
	bad |= limit("facts not proven again", t->unproven, rare, "");
	bad |= limit("proof, longest", quantile(t->proof, n, 1), 50, "ms");
	bad |= limit("bound of the residual, median", quantile(t->bound, n, 0.5), 1, "%");
	bad |= limit("bound of the residual, 99th", quantile(t->bound, n, 0.99), 5, "%");
	printf("%-34s %10.3f %%\n", "residual, 99th", quantile(t->residuals, n, 0.99));
	printf("%-34s %10.3f %%\n", "pages that changed state, median", quantile(t->moved, n, 0.5));
	printf("%-34s %10.1f %%\n", "still ledgers", 100.0 * t->still / n);
	printf("%-34s %10.1f %%\n", "consistent MemStats", 100.0 * t->consistent / n);
	printf("%-34s %10.3f ms\n", "MemStats, median", quantile(t->stats, n, 0.5));
	printf("%-34s %10.3f ms\n", "ledger, median", quantile(t->look, n, 0.5));
	return bad;
}

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
	struct child c = {};
	struct target target;
	struct goproc gp;
	struct ledger l = {};
	struct tally t = {};
	double **arrays[] = { &t.bound, &t.residuals, &t.proof, &t.look, &t.moved, &t.stats };
	int err, bad;

	if (argc < 2 || !n) {
		fprintf(stderr, "usage: bracket PROGRAM SAMPLES\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		*arrays[i] = calloc(n, sizeof(double));
	signal(SIGPIPE, SIG_IGN);
	err = child_start(&c, argv[1]);
	usleep(300000);
	err = err ? err : target_open(&target, c.pid);
	err = err ? err : goproc_open(&gp, &target);
	if (!err && !gp.proven)
		err = fail(-EINVAL, "%s", gp.why);
	while (!err && t.samples < n)
		err = sample(&gp, &c, &l, &t);
	if (err)
		printf("sample %zu: %s %s\n", t.samples, strerror(-err), fail_text());
	bad = err ? 1 : report(&t);
	if (c.pid > 0)
		kill(c.pid, SIGKILL);
	waitpid(c.pid, NULL, 0);
	return bad;
}
