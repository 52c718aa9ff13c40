// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * crc come RECORDS | spoil RECORDS | cost ROUNDS - checksums of records, from kernel to reader.
 *
 * Threads call getppid(2), of which each makes a record (tests/bpf/crc.bpf.c). come: as fast as
 * it goes, until so many have come; none may be wrong. spoil: every SPOIL-th of a CPU is damaged
 * behind its checksum; those, and no others, are found. cost: what a call costs with checksums
 * and without, in turns, for small records and large ones. A line for each; what is wrong is
 * said in a line that begins with "wrong:".
 */
#include "tests/bpf/crc.h"
#include "clock.h"
#include "fail.h"
#include "probe/probe.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CPUS   64
#define SPOIL  7
#define LOT    20011 /* calls of a round of cost */
#define ROUNDS 64    /* at most */
#define SLOW   20000 /* calls a second that are surely read in time, all threads together */

static atomic_ullong calls;
static atomic_bool stop;
static uint64_t records, damaged_seen; /* of the latter there are to be none */
static uint32_t spoil;
static int wrong;

static void expect(const char *what, uint64_t a, uint64_t b)
{
	if (a == b)
		return;
	printf("wrong: %s: %llu is not %llu\n", what, (unsigned long long)a, (unsigned long long)b);
	wrong++;
}

static int record(void *arg, const struct event_head *e)
{
	if (e->kind != EV_CRC || e->cpu >= CPUS)
		return -EBADMSG;
	records++;
	damaged_seen += spoil && e->seq % spoil == 0;
	return 0;
}

static int start(struct probes *p, struct target *t, const char *prog, bool crc, uint32_t ring)
{
	struct policy want = { .generation = 1,
			       .tgid = t->status.inner_pid,
			       .size_max = UINT64_MAX,
			       .sample = SAMPLE_ALL };
	uint32_t zero = 0, one = 1, *every;
	int err = probes_open_any(p, t, (const char *const[]){ "crc", NULL });

	if (err)
		return err;
	p->ring_size = ring;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->probe[i].name, prog))
			probes_drop(p, p->probe[i].name);
	every = probes_const(p, "spoil_every", sizeof(*every));
	if (!every)
		return fail(-EINVAL, "nothing can be damaged");
	*every = spoil;
	err = crc ? probes_crc(p) : 0;
	err = err ? err : probes_load(p);
	if (!err && (bpf_map_update_elem(p->policies, &one, &want, BPF_ANY) ||
		     bpf_map_update_elem(p->generation, &zero, &one, BPF_ANY)))
		err = -errno;
	return err;
}

/* ---- many records ---- */

static void *caller(void *arg)
{
	struct timespec tick = { .tv_nsec = 1000000 };
	uintptr_t cpu = (uintptr_t)arg;
	uint64_t made = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (; !stop; made++) {
		syscall(SYS_getppid);
		if (spoil && made % (SLOW / 1000 / 2) == 0)
			nanosleep(&tick, NULL);
	}
	calls += made;
	return NULL;
}

static int call_and_read(struct probes *p, struct probe *pr, uint64_t want)
{
	uintptr_t n = 0, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int err = probe_attach(p, pr);
	pthread_t thread[CPUS];

	for (; !err && n < cpus && n < CPUS; n++)
		err = -pthread_create(&thread[n], NULL, caller, (void *)n);
	while (!err && records < want) {
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		err = probes_read(p, false, record, NULL);
	}
	stop = true;
	while (n--)
		pthread_join(thread[n], NULL);
	probe_detach(pr);
	return err ? err : probes_read(p, true, record, NULL);
}

/* Every SPOIL-th of each CPU, if nothing was lost. */
static void expect_damaged(struct probes *p)
{
	uint64_t all[CPUS] = {}, damaged = 0;
	uint32_t zero = 0;

	expect("records that were damaged, and came", damaged_seen, 0);
	if (p->ncpus > CPUS || bpf_map_lookup_elem(probes_map(p, "sequence"), &zero, all)) {
		expect("CPUs", p->ncpus, CPUS);
		return;
	}
	for (int c = 0; c < p->ncpus; c++)
		damaged += (all[c] + SPOIL - 1) / SPOIL;
	expect("records that were damaged", p->corrupt, damaged);
}

static int many(struct target *t, const char *name, uint64_t want)
{
	struct probe_stat s;
	struct probes p;
	uint64_t ns;
	int err = start(&p, t, "small", true, 4U << 20);
	struct probe *pr = probes_find(&p, "small");

	ns = clock_mono_ns();
	err = err ? err : call_and_read(&p, pr, want);
	ns = clock_mono_ns() - ns;
	err = err ? err : probes_stat(&p, pr - p.probe, &s);
	if (!err) {
		expect("produced", s.produced, calls);
		expect("delivered + lost + corrupt", p.delivered + s.lost + p.corrupt, s.produced);
		expect("records that came", records, p.delivered);
		if (spoil && !s.lost)
			expect_damaged(&p);
		else if (!spoil)
			expect("corrupt", p.corrupt, 0);
		printf("%s produced %llu delivered %llu lost %llu corrupt %llu rate %.0f\n", name,
		       (unsigned long long)s.produced, (unsigned long long)p.delivered,
		       (unsigned long long)s.lost, (unsigned long long)p.corrupt,
		       s.produced * 1e9 / ns);
	}
	probes_close(&p);
	return err;
}

static int come(struct target *t, uint64_t want)
{
	return many(t, "come", want);
}

static int damage(struct target *t, uint64_t want)
{
	spoil = SPOIL;
	return many(t, "spoil", want);
}

/* ---- what a checksum costs ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* The time of a call, and of that in the program, with nothing lost. */
static int cost_round(struct probes *p, struct probe *pr, double *call_ns, double *body_ns)
{
	struct probe_stat before, after;
	uint64_t ns;
	int err = probe_attach(p, pr);

	err = err ? err : probes_stat(p, pr - p->probe, &before);
	ns = clock_mono_ns();
	for (int i = 0; i < LOT; i++)
		syscall(SYS_getppid);
	*call_ns = (clock_mono_ns() - ns) / (double)LOT;
	err = err ? err : probes_stat(p, pr - p->probe, &after);
	probe_detach(pr);
	err = err ? err : probes_read(p, true, record, NULL);
	if (err)
		return err;
	*body_ns = (after.body_ns - before.body_ns) / (double)(after.hits - before.hits);
	expect("records of a round", after.produced - before.produced, LOT);
	expect("lost in a round", after.lost - before.lost, 0);
	return 0;
}

/* Without and with, in turns, so that what else this machine does meets both. */
static int cost_of(struct target *t, const char *prog, size_t size, size_t rounds)
{
	double call[2][ROUNDS], body[2][ROUNDS];
	struct probe_info info[2] = {};
	struct probes p[2] = {};
	struct probe *pr[2];
	int err = 0;

	for (int on = 0; !err && on < 2; on++) {
		err = start(&p[on], t, prog, on, 32U << 20);
		pr[on] = probes_find(&p[on], prog);
		err = err ? err : probe_info(pr[on], &info[on]);
	}
	for (size_t i = 0; !err && i < 2 * rounds; i++)
		err = cost_round(&p[i % 2], pr[i % 2], &call[i % 2][i / 2], &body[i % 2][i / 2]);
	expect("corrupt", p[1].corrupt, 0);
	if (!err)
		printf("cost bytes %zu call_ns %.1f with %.1f program_ns %.1f with %.1f insns %u "
		       "with %u\n",
		       size, median(call[0], rounds), median(call[1], rounds),
		       median(body[0], rounds), median(body[1], rounds), info[0].insns,
		       info[1].insns);
	probes_close(&p[0]);
	probes_close(&p[1]);
	return err;
}

static int cost(struct target *t, uint64_t rounds)
{
	size_t n = rounds < ROUNDS ? rounds : ROUNDS;
	int err = cost_of(t, "small", sizeof(struct crc_event), n);

	return err ? err : cost_of(t, "large", sizeof(struct crc_large_event), n);
}

static const struct mode {
	const char *name;
	int (*run)(struct target *t, uint64_t n);
} modes[] = { { "come", come }, { "spoil", damage }, { "cost", cost } };

int main(int argc, char **argv)
{
	size_t n = sizeof(modes) / sizeof(*modes), i = 0;
	uint64_t arg = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	struct target t;
	int err;

	while (arg && i < n && strcmp(modes[i].name, argv[1]))
		i++;
	if (!arg || i == n)
		return 2;
	err = target_open(&t, getpid());
	if (!err) {
		err = modes[i].run(&t, arg);
		target_close(&t);
	}
	if (err)
		printf("wrong: %s\n", fail_text()[0] ? fail_text() : strerror(-err));
	return wrong || err;
}
