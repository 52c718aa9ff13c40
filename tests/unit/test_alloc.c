// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Estimates of allocations: unbiased, and the truth within their bounds, in seeded runs. */
#include "live/alloc.h"
#include "test_lib.h"
#include <math.h>
#include <string.h>

#define RUNS   1000
#define NEEDED 88 /* of 100 */
#define RATE   524288.0
#define SLOTS  512

/* xorshift64*: a run is its seed's. */
static double draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return ((*state * 0x2545f4914f6cdd1dULL >> 11) + 0.5) / 9007199254740992.0;
}

static uint64_t seed(int run)
{
	return (run + 1) * 0x9e3779b97f4a7c15ULL;
}

struct score {
	int within, runs;
	double mean, spread;
};

static void score(struct score *s, const struct alloc_part *p, double truth)
{
	double low, high;

	alloc_bounds(p->bytes, p->var, &low, &high);
	assert_true(low <= p->bytes && p->bytes <= high);
	s->within += low <= truth && truth <= high;
	s->mean += p->bytes;
	s->spread += (p->bytes - truth) * (p->bytes - truth);
	s->runs++;
}

/* No bias: the mean of all runs is off by four of its own standard errors at most. */
static void judge(const char *what, const struct score *s, double truth)
{
	double mean = s->mean / s->runs, error = sqrt(s->spread / s->runs / s->runs);

	print_message("%s: within the bounds in %.1f of 100 runs, mean %+.2f %%\n", what,
		      s->within * 100.0 / s->runs, (mean / truth - 1) * 100);
	assert_true(s->within * 100.0 / s->runs >= NEEDED);
	assert_true(fabs(mean - truth) <= 4 * error);
}

/* As the runtime does (malloc.go): a distance in bytes is drawn, and counted down. */
static double count_samples(uint64_t *state, double size, long objects, double rate, double *next)
{
	double samples = 0;

	for (long i = 0; i < objects; i++) {
		if (size < *next) {
			*next -= size;
			continue;
		}
		samples++;
		*next = -log(draw(state)) * rate;
	}
	return samples;
}

static void profiled(const char *what, double size, long objects, double rate)
{
	struct score s = {};

	for (int run = 0; run < RUNS; run++) {
		uint64_t state = seed(run);
		double next = -log(draw(&state)) * rate;
		double n = count_samples(&state, size, objects, rate, &next);
		struct alloc_part p = alloc_profiled(n, size, rate);

		score(&s, &p, size * objects);
	}
	judge(what, &s, size * objects);
}

static void test_the_runtimes_samples(void **state)
{
	profiled("16 bytes", 16, 20011, 16384);
	profiled("1024 bytes", 1024, 20011, RATE);
	profiled("40 KiB", 40960, 1009, RATE);
	profiled("1 MiB", 1 << 20, 101, RATE);
	profiled("1 MiB, one in a MiB", 1 << 20, 23, 1 << 20);
}

/*
 * Spans of a class are used up by three sites, in turns of chance; who finds none left is the
 * sample. Spans have as many free slots as a collection has left in them.
 */
static void test_who_needs_a_span(void **state)
{
	static const double share[] = { 0.6, 0.35, 0.05 };
	struct score s[3] = {};
	double truth[3] = {};

	for (int run = 0; run < RUNS; run++) {
		double n[3] = {}, weight[3] = {}, squares[3] = {}, all = 0, count[3] = {};
		uint64_t rng = seed(run);
		int left = 0;

		for (int i = 0; i < 100003; i++) {
			double at = draw(&rng);
			int site = at < share[0] ? 0 : at < share[0] + share[1] ? 1 : 2;

			count[site]++;
			if (!left--) {
				left = 1 + (int)(draw(&rng) * (SLOTS - 1));
				n[site]++;
				weight[site] += left * 16.0;
				squares[site] += left * 16.0 * left * 16.0;
				all += left-- * 16.0;
			}
		}
		for (int k = 0; k < 3; k++) {
			struct alloc_stratum of = { .samples = n[0] + n[1] + n[2],
						    .weight = all,
						    .objects = 100003,
						    .bytes = 100003 * 16 };
			struct alloc_part p = alloc_share(n[k], weight[k], squares[k], &of);

			/* the truth is of each run; they are scored by what is off */
			p.bytes += (share[k] * 100003 - count[k]) * 16;
			p.bytes = p.bytes > 0 ? p.bytes : 0;
			score(&s[k], &p, share[k] * 100003 * 16);
			truth[k] = share[k] * 100003 * 16;
		}
	}
	judge("60 % of a class", &s[0], truth[0]);
	judge("35 % of a class", &s[1], truth[1]);
	judge("5 % of a class", &s[2], truth[2]);
}

static void test_one_site_has_it_all(void **state)
{
	struct alloc_stratum s[2] = { { .samples = 7, .weight = 700, .first = 3 } };
	struct alloc_part p;
	double low, high;

	/* but another one may be there that 7 samples did not meet; 700 did not miss much */
	alloc_strata_split(s, 1009, 16144);
	p = alloc_share(7, 700, 70000, &s[0]);
	alloc_bounds(p.bytes, p.var, &low, &high);
	assert_true(p.objects == 1009 && p.bytes == 16144);
	assert_true(low > 16144 * 0.6 && low < 16144 * 0.9);
	s[0] = (struct alloc_stratum){ .samples = 700, .weight = 70000, .first = 3 };
	alloc_strata_split(s, 1009, 16144);
	p = alloc_share(700, 70000, 7000000, &s[0]);
	alloc_bounds(p.bytes, p.var, &low, &high);
	assert_true(p.bytes == 16144 && low > 16144 * 0.99 && low < 16144);
}

/*
 * Windows in which a site has now more, now less of a class: bursts that last for several of
 * them, and a share that follows the time of day. One window in STEP is seen.
 */
static void windowed(const char *what, int windows, int step, double burst)
{
	struct score s = {};
	double truth = 0;

	for (int run = 0; run < RUNS; run++) {
		struct alloc_cluster one = {};
		struct alloc_clusters all = {};
		uint64_t rng = seed(run);
		double site = 0, total = 0, seen = 0, high = 0;
		int from = draw(&rng) * step;
		struct alloc_part p;

		for (int i = 0; i < windows * step; i++) {
			double x, t;

			high = draw(&rng) < 0.3 ? draw(&rng) * burst : high * 0.5;
			t = 200 + (int)(draw(&rng) * 800);
			x = (int)(t * (0.1 + 0.05 * draw(&rng) + high));
			site += x;
			total += t;
			if (i % step != from)
				continue;
			one.x += x;
			one.xx += x * x;
			one.xt += x * t;
			all.t += t;
			all.tt += t * t;
			seen += x;
		}
		p = alloc_ratio(&one, &all, windows, seen, total, total * 48);
		truth = 48 * 100000.0;
		/* in each run there is another truth: all are brought to the same */
		p.bytes *= truth / (site * 48);
		p.var *= truth / (site * 48) * truth / (site * 48);
		score(&s, &p, truth);
	}
	judge(what, &s, truth);
}

static void test_windows(void **state)
{
	struct alloc_cluster one = { .x = 100, .xx = 10000, .xt = 10000 };
	struct alloc_clusters all = { .t = 100, .tt = 10000 };
	struct alloc_part p = alloc_ratio(&one, &all, 1, 100, 1009, 48432);
	double low, high;

	alloc_bounds(p.bytes, p.var, &low, &high);
	assert_true(p.bytes == 48432 && low < 48432 * 0.1 && high > 48432 * 2);
	windowed("5 windows", 5, 100, 0);
	windowed("10 windows, bursts", 10, 100, 0.3);
	windowed("60 windows, bursts", 60, 100, 0.3);
}

/* With pointers and without: often used up, and hardly begun when a collection takes the span. */
static void test_two_kinds_of_spans(void **state)
{
	struct alloc_stratum s[2] = { { .samples = 400, .weight = 400 * 8192, .first = 100 },
				      { .samples = 100, .weight = 100 * 8192, .first = 100 } };
	double used = 350 * 8192, little = 100 * 640;

	alloc_strata_split(s, (used + little) / 64, used + little);
	assert_true(fabs(s[0].bytes - used) < 1 && fabs(s[1].bytes - little) < 1);
	assert_true(fabs(s[0].objects - used / 64) < 1 && s[0].var > 0 && s[1].var == s[0].var);
	/* less than what must have been used: all in proportion, never below nothing */
	alloc_strata_split(s, 100, 6400);
	assert_true(s[0].bytes > 0 && s[1].bytes >= 0);
	assert_true(fabs(s[0].bytes + s[1].bytes - 6400) < 1e-6);
}

/* The same, where it was seen what collections found unused: nothing is taken for half. */
static void test_spans_that_collections_took(void **state)
{
	struct alloc_stratum s[2] = {
		{ 400, 400 * 8192, .first = 100, .flushed = 100, .unused = 100 * 1024 },
		{ 100, 100 * 8192, .first = 100, .flushed = 50, .unused = 50 * (8192 - 640) },
	};
	double used = 400 * 8192 - 100 * 1024, little = 100 * 640;

	alloc_strata_split(s, (used + little) / 64, used + little);
	assert_true(fabs(s[0].bytes - used) < 1 && fabs(s[1].bytes - little) < 1);
	/* half as many were seen as there were: twice the variance of them */
	assert_true(fabs(s[0].var / (100 * 8192 * 8192.0 / 12 * 3) - 1) < 1e-9);
	/* more unused than there was room: none */
	s[1] = (struct alloc_stratum){ 1, 8192, .first = 1, .flushed = 1, .unused = 9000 };
	alloc_strata_split(s, 100, 6400);
	assert_true(s[1].bytes == 0 && fabs(s[0].bytes - 6400) < 1e-6);
}

static void test_nothing_is_nothing(void **state)
{
	struct alloc_stratum none = { .objects = 5, .bytes = 80 };
	struct alloc_part p = alloc_share(0, 0, 0, &none);
	double low, high;

	assert_true(p.bytes == 0 && p.var == 0);
	alloc_bounds(0, 0, &low, &high);
	assert_true(low == 0 && high == 0);
	p = alloc_profiled(3, 0, RATE);
	assert_true(p.bytes == 0 && p.objects == 0 && p.samples == 3);
	/* MemProfileRate = 1: each of them, and nothing is estimated */
	p = alloc_profiled(3, 64, 1);
	assert_true(fabs(p.bytes - 192) < 1e-9 && p.var < 1e-9);
}

/* As sizeclasses.go and malloc.go have it, with and without headers. */
static void test_classes(void **state)
{
	const struct go_layout *old = go_layout_find(19, EM_X86_64);
	const struct go_layout *new = go_layout_find(24, EM_X86_64);

	assert_int_equal(go_size_class[alloc_class(old, 1, false)], 8);
	assert_int_equal(go_size_class[alloc_class(old, 17, false)], 24);
	assert_int_equal(go_size_class[alloc_class(old, 1024, true)], 1024);
	assert_int_equal(go_size_class[alloc_class(new, 512, true)], 512);
	assert_int_equal(go_size_class[alloc_class(new, 1017, true)], 1152);
	assert_int_equal(go_size_class[alloc_class(new, 1017, false)], 1024);
	assert_int_equal(alloc_class(old, 32768, false), 67);
	assert_int_equal(alloc_class(new, 32761, false), ALLOC_LARGE);
	assert_int_equal(alloc_class(old, 32769, true), ALLOC_LARGE);
	/* mksizeclasses.go: of a span no more than an eighth is lost to what no slot uses */
	for (int i = 1; i < ALLOC_CLASSES; i++) {
		unsigned int span = go_class_pages[i] * 8192;

		assert_true(span >= go_size_class[i] && span % go_size_class[i] <= span / 8);
	}
	assert_int_equal(go_class_pages[alloc_class(old, 27264, false)], 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_runtimes_samples),
		cmocka_unit_test(test_who_needs_a_span),
		cmocka_unit_test(test_one_site_has_it_all),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_two_kinds_of_spans),
		cmocka_unit_test(test_spans_that_collections_took),
		cmocka_unit_test(test_nothing_is_nothing),
		cmocka_unit_test(test_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
