// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * flood exact|paced|calls|sizes|shares|changes SECONDS [RATE] - do the books balance when more
 * comes than can be read, and is what comes what was wanted?
 *
 * A thread on each CPU calls getppid(2), of which each makes a record (tests/bpf/flood.bpf.c).
 * Truth is what the threads count themselves. exact: rings of 4 KiB, as fast as it goes.
 * paced: the rings of the tools, SECONDS at each of rising rates, until a record is lost.
 * calls: only calls, RATE a second, for somebody else to trace. sizes: only those within bounds.
 * shares: a share of the calls, by lot, 100 % to 0.01 %. changes: CHANGES policies, each of which
 * wants another size. A line for each phase; what is wrong is said in a line that begins with
 * "wrong:".
 */
#include "tests/bpf/flood.h"
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

#define CPUS    256
#define SEQS    (1U << 27) /* records of a CPU that are told apart */
#define SIZES   101        /* the calls are of 0 to 100 bytes, in turn */
#define LOW     23         /* of the sizes that are wanted */
#define HIGH    61
#define ROUNDS  16
#define CHANGES 1009
#define NOTHING 7         /* every 7th policy wants none */
#define TICK_NS 1000000L  /* a thread makes its calls in lots, so often */
#define POLL_NS 20000000L /* as the tools */

static struct books {
	uint64_t seen[CPUS], high[CPUS]; /* records, highest sequence number + 1 */
	uint8_t *had[CPUS];              /* a bit for each sequence number */
	uint64_t records, late, last;
	uint64_t read_ns; /* the longest read */
	uint32_t generation[CPUS];
	uint64_t seen_of[CHANGES + 1];         /* records of a generation */
	atomic_ullong written_ns[CHANGES + 2]; /* since when it is the current one */
	void (*check)(const struct flood_event *f);
} books;

static struct flood {
	atomic_ullong calls, sized; /* of them: of a size from LOW to HIGH */
	atomic_bool stop;
	uint64_t lot; /* calls of a thread each tick; 0: as many as it can */
} flood;

static int wrong;

static void expect(const char *what, uint64_t a, uint64_t b)
{
	if (a == b)
		return;
	printf("wrong: %s: %llu is not %llu\n", what, (unsigned long long)a, (unsigned long long)b);
	wrong++;
}

/* ---- those who call ---- */

static void pause_until(uint64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static void *caller(void *arg)
{
	uint64_t due = clock_mono_ns(), calls = 0, sized = 0, size = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((uintptr_t)arg, &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (!flood.stop) {
		for (uint64_t i = 0; i < (flood.lot ? flood.lot : 1000); i++) {
			syscall(SYS_getppid, size);
			sized += size >= LOW && size <= HIGH;
			size = size + 1 < SIZES ? size + 1 : 0;
		}
		calls += flood.lot ? flood.lot : 1000;
		if (flood.lot)
			pause_until(due += TICK_NS);
	}
	flood.calls += calls;
	flood.sized += sized;
	return NULL;
}

/* ---- the one who reads ---- */

/* One of the changes, as a whole: the size that the generation wants, until the next is there. */
static void of_change(const struct flood_event *f)
{
	const struct event_head *e = &f->head;
	uint32_t g = e->generation;
	uint64_t next_ns;

	if (g < 1 || g > CHANGES || !(g % NOTHING) || f->size != g % SIZES) {
		printf("wrong: a record of size %llu in generation %u\n",
		       (unsigned long long)f->size, g);
		wrong++;
		return;
	}
	next_ns = books.written_ns[g + 1];
	if (g < books.generation[e->cpu] || (next_ns && e->ts > next_ns)) {
		printf("wrong: generation %u on CPU %u: behind %u, or after the next one\n", g,
		       e->cpu, books.generation[e->cpu]);
		wrong++;
	}
	books.generation[e->cpu] = g;
	books.seen_of[g]++;
}

static void of_size(const struct flood_event *f)
{
	if (f->size >= LOW && f->size <= HIGH)
		return;
	printf("wrong: a record of size %llu\n", (unsigned long long)f->size);
	wrong++;
}

static int record(void *arg, const struct event_head *e)
{
	uint32_t bit = e->seq % 8;
	uint8_t *had;

	if (e->kind != EV_FLOOD || e->len != sizeof(struct flood_event) || e->cpu >= CPUS ||
	    e->seq >= SEQS)
		return -EBADMSG;
	if (!books.had[e->cpu] && !(books.had[e->cpu] = calloc(SEQS / 8, 1)))
		return -ENOMEM;
	had = &books.had[e->cpu][e->seq / 8];
	if (*had >> bit & 1)
		return -EEXIST;
	*had |= 1 << bit;
	books.seen[e->cpu]++;
	books.high[e->cpu] = e->seq >= books.high[e->cpu] ? e->seq + 1ULL : books.high[e->cpu];
	books.records++;
	books.late += e->ts < books.last;
	books.last = e->ts > books.last ? e->ts : books.last;
	if (books.check)
		books.check((const struct flood_event *)e);
	return 0;
}

static int read_for(struct probes *p, uint64_t ns)
{
	uint64_t now = clock_mono_ns(), end = now + ns, due = now, took;
	int err = 0;

	while (!err && now < end) {
		pause_until(due += POLL_NS);
		now = clock_mono_ns();
		err = probes_read(p, false, record, NULL);
		took = clock_mono_ns() - now;
		books.read_ns = took > books.read_ns ? took : books.read_ns;
	}
	return err;
}

/* Of each CPU: what was seen and what was lost are all its sequence numbers. */
static int check_cpus(struct probes *p)
{
	struct prog_stat *s = calloc(p->ncpus, sizeof(*s));
	uint64_t *seq = calloc(p->ncpus, sizeof(*seq));
	uint32_t zero = 0;
	int err = !s || !seq ? -ENOMEM : 0;

	if (!err && (bpf_map_lookup_elem(probes_map(p, "stats"), &zero, s) ||
		     bpf_map_lookup_elem(probes_map(p, "sequence"), &zero, seq)))
		err = -errno;
	for (int c = 0; !err && c < p->ncpus && c < CPUS; c++) {
		expect("seen + lost of a CPU", books.seen[c] + s[c].lost, seq[c]);
		expect("produced of a CPU", s[c].produced, seq[c]);
		if (books.high[c] > seq[c])
			expect("highest number of a CPU", books.high[c], seq[c]);
	}
	free(s);
	free(seq);
	return err;
}

/* ---- a phase ---- */

static void forget(void)
{
	for (int c = 0; c < CPUS; c++)
		free(books.had[c]);
	memset(&books, 0, sizeof(books));
}

static struct policy all(const struct target *t)
{
	return (struct policy){ .generation = 1,
				.tgid = t->status.inner_pid,
				.size_max = UINT64_MAX,
				.sample = SAMPLE_ALL };
}

static int start(struct probes *p, struct target *t, uint32_t ring, const struct policy *want)
{
	int err = probes_open_any(p, t, (const char *const[]){ "flood", NULL });

	if (err)
		return err;
	p->ring_size = ring;
	err = probes_load(p);
	err = err ? err : probes_policy(p, want);
	return err ? err : probes_attach(p);
}

static int call_and_read(struct probes *p, uint64_t ns)
{
	uintptr_t n = 0, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread[CPUS];
	int err = 0;

	flood.calls = flood.sized = 0;
	flood.stop = false;
	for (; !err && n < cpus && n < CPUS; n++)
		err = -pthread_create(&thread[n], NULL, caller, (void *)n);
	err = err ? err : read_for(p, ns);
	flood.stop = true;
	while (n--)
		pthread_join(thread[n], NULL);
	return err;
}

/* What is left is read, and what was counted is compared. */
static int finish(struct probes *p, struct probe_stat *s)
{
	int err;

	probe_detach(&p->probe[0]);
	err = probes_read(p, true, record, NULL);
	err = err ? err : probes_stat(p, 0, s);
	err = err ? err : check_cpus(p);
	if (err)
		return err;
	expect("delivered + lost", p->delivered + s->lost, s->produced);
	expect("records that came", books.records, p->delivered);
	expect("records out of order", books.late, p->late);
	return 0;
}

static int64_t end(struct probes *p, int64_t err)
{
	probes_close(p);
	forget();
	return err;
}

/* The records that were lost, or -errno. rate: of records, a second. */
static int64_t phase(const char *name, struct target *t, uint32_t ring, uint64_t rate, uint64_t ns)
{
	struct policy want = all(t);
	uint64_t start_ns, took;
	struct probe_stat s;
	struct probes p;
	int err = start(&p, t, ring, &want);

	if (err)
		return err;
	flood.lot = rate * TICK_NS / 1000000000 / sysconf(_SC_NPROCESSORS_ONLN);
	start_ns = clock_mono_ns();
	err = call_and_read(&p, ns);
	took = clock_mono_ns() - start_ns;
	err = err ? err : finish(&p, &s);
	if (!err) {
		expect("produced", s.produced, flood.calls);
		printf("%s produced %llu delivered %llu lost %llu late %llu rate %.0f "
		       "longest_read_ms %.1f\n",
		       name, (unsigned long long)s.produced, (unsigned long long)p.delivered,
		       (unsigned long long)s.lost, (unsigned long long)p.late,
		       s.produced * 1e9 / took, books.read_ns / 1e6);
	}
	return end(&p, err ? err : (int64_t)s.lost);
}

static int64_t exact(struct target *t, uint64_t ns)
{
	return phase("exact", t, 4096, 0, ns);
}

static int64_t paced(struct target *t, uint64_t ns)
{
	int64_t lost = 0;

	for (uint64_t rate = 50000; !lost && rate <= 6400000; rate += rate / 2)
		lost = phase("paced", t, RING_DEFAULT, rate, ns);
	return lost;
}

static int64_t sizes(struct target *t, uint64_t ns)
{
	struct policy want = all(t);
	struct probe_stat s;
	struct probes p;
	int err;

	want.size_min = LOW;
	want.size_max = HIGH;
	err = start(&p, t, RING_DEFAULT, &want);
	if (err)
		return err;
	books.check = of_size;
	err = call_and_read(&p, ns);
	err = err ? err : finish(&p, &s);
	if (!err) {
		expect("produced, of these sizes", s.produced, flood.sized);
		printf("sizes calls %llu produced %llu\n", (unsigned long long)flood.calls,
		       (unsigned long long)s.produced);
	}
	return end(&p, err);
}

/*
 * By lot, what is taken of n calls is binomial: in each round it is off by z standard deviations,
 * whose squares add up to about the number of rounds (by chi squared); and so is the sum of all.
 */
static int share(struct probes *p, double share, uint64_t ns)
{
	double calls = 0, taken = 0, squares = 0, off;
	struct probe_stat s = {};
	int err = 0;

	for (int i = 0; !err && i < ROUNDS; i++) {
		uint64_t before = s.produced;

		err = call_and_read(p, ns / ROUNDS);
		err = err ? err : probes_stat(p, 0, &s);
		off = s.produced - before - flood.calls * share;
		squares += share < 1 ? off * off / (flood.calls * share * (1 - share)) : 0;
		calls += flood.calls;
		taken += s.produced - before;
	}
	err = err ? err : finish(p, &s);
	if (err)
		return err;
	off = taken - calls * share;
	if (share == 1)
		expect("taken of all", taken, calls);
	else
		off *= off / (calls * share * (1 - share));
	printf("share-%g calls %.0f taken %.0f scaled %.0f off_squared %.2f squares %.2f\n",
	       share * 100, calls, taken, taken / share, off, squares);
	return 0;
}

static int64_t shares(struct target *t, uint64_t ns)
{
	int64_t err = 0;

	for (double part = 1; !err && part > 0.00005; part /= 10) {
		struct policy want = all(t);
		struct probes p;

		want.sample = part < 1 ? (uint32_t)(part * SAMPLE_ALL) : SAMPLE_ALL;
		err = start(&p, t, RING_DEFAULT, &want);
		if (err)
			return err;
		err = end(&p, share(&p, part, ns));
	}
	return err;
}

struct changer {
	struct probes *p;
	struct policy want;
	uint64_t pause_ns;
	int err;
};

/* Generation g wants the size g % SIZES, every so often none. */
static void *changer(void *arg)
{
	struct changer *c = arg;
	uint64_t due = clock_mono_ns();

	for (uint32_t g = 2; g <= CHANGES && !c->err; g++) {
		pause_until(due += c->pause_ns);
		c->want.generation = g;
		c->want.size_min = c->want.size_max = g % SIZES;
		c->want.sample = g % NOTHING ? SAMPLE_ALL : 0;
		c->err = probes_policy(c->p, &c->want);
		books.written_ns[g] = clock_mono_ns();
	}
	return NULL;
}

static int64_t changes(struct target *t, uint64_t ns)
{
	struct changer c = { .want = all(t), .pause_ns = ns / CHANGES };
	int seen = 0, err;
	struct probe_stat s;
	pthread_t thread;
	struct probes p;

	c.p = &p;
	c.want.size_min = c.want.size_max = 1;
	err = start(&p, t, RING_DEFAULT, &c.want);
	if (err)
		return err;
	books.check = of_change;
	err = -pthread_create(&thread, NULL, changer, &c);
	if (err)
		return end(&p, err);
	err = call_and_read(&p, ns + ns / 8);
	pthread_join(thread, NULL);
	err = err ? err : c.err;
	err = err ? err : finish(&p, &s);
	for (int g = 1; g <= CHANGES; g++)
		seen += books.seen_of[g] > 0;
	printf("changes calls %llu produced %llu generations %d\n", (unsigned long long)flood.calls,
	       (unsigned long long)s.produced, seen);
	return end(&p, err);
}

/* Nothing of ours is attached. */
static int64_t only_calls(uint64_t rate, uint64_t ns)
{
	uintptr_t n = 0, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread[CPUS];

	flood.lot = rate * TICK_NS / 1000000000 / cpus;
	for (; n < cpus && n < CPUS; n++)
		if (pthread_create(&thread[n], NULL, caller, (void *)n))
			break;
	pause_until(clock_mono_ns() + ns);
	flood.stop = true;
	for (uintptr_t i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	printf("calls made %llu\n", (unsigned long long)flood.calls);
	return n == cpus ? 0 : -EAGAIN;
}

static const struct {
	const char *name;
	int64_t (*run)(struct target *t, uint64_t ns);
} modes[] = {
	{ "exact", exact },   { "paced", paced },     { "sizes", sizes },
	{ "shares", shares }, { "changes", changes },
};

int main(int argc, char **argv)
{
	uint64_t ns = argc > 2 ? atof(argv[2]) * 1e9 : 0;
	int64_t err = -EINVAL;
	struct target t;

	if (!ns)
		return 2;
	if (argc > 3)
		return only_calls(strtoull(argv[3], NULL, 10), ns) != 0;
	err = target_open(&t, getpid());
	if (err)
		return 1;
	err = -EINVAL;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(argv[1], modes[i].name))
			err = modes[i].run(&t, ns);
	target_close(&t);
	if (err < 0)
		printf("wrong: %s\n", fail_text()[0] ? fail_text() : strerror(-err));
	return wrong || err < 0;
}
