// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Address space as it changes, against one that is kept page by page. */
#include "live/regions.h"
#include "test_lib.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGES 509
#define PAGE  4096ULL
#define SITES 7
#define BASE  0x7f0000000000ULL

struct model {
	uint8_t site[PAGES]; /* 0: nothing is mapped */
	uint64_t gone[SITES + 1];
};

static void count_gone(void *arg, const struct region *r)
{
	struct model *m = arg;

	m->gone[r->site] += r->end - r->start;
}

/* In order, apart, and page by page what the model has. */
static void same(const struct regions *rs, const struct model *m)
{
	uint8_t seen[PAGES] = {};
	uint64_t bytes = 0;

	for (size_t i = 0; i < rs->n; i++) {
		const struct region *r = &rs->r[i];

		assert_true(r->start < r->end);
		assert_true(!i || rs->r[i - 1].end <= r->start);
		memset(seen + (r->start - BASE) / PAGE, r->site, (r->end - r->start) / PAGE);
		bytes += r->end - r->start;
	}
	assert_memory_equal(seen, m->site, PAGES);
	assert_true(regions_bytes(rs) == bytes);
}

static void test_random(void **state)
{
	struct model m = {}, ours = {};
	struct regions rs = {};

	(void)state;
	srand(20011);
	for (int n = 0; n < 20011; n++) {
		size_t from = rand() % PAGES, len = rand() % (PAGES - from) % 41;
		struct region r = { BASE + from * PAGE, BASE + (from + len) * PAGE,
				    1 + rand() % SITES, false };
		bool unmap = rand() % 3 == 0;

		for (size_t i = from; i < from + len; i++) {
			m.gone[m.site[i]] += m.site[i] ? PAGE : 0;
			m.site[i] = unmap ? 0 : r.site;
		}
		assert_int_equal(unmap ? regions_cut(&rs, r.start, r.end, count_gone, &ours)
				       : regions_map(&rs, &r, count_gone, &ours),
				 0);
		same(&rs, &m);
	}
	assert_memory_equal(m.gone, ours.gone, sizeof(m.gone));
	regions_free(&rs);
}

/* The ends of the address space, and nothing at all. */
static void test_edges(void **state)
{
	struct region all = { 0, UINT64_MAX & ~(PAGE - 1), 1, true };
	struct regions rs = {};

	(void)state;
	assert_int_equal(regions_cut(&rs, 0, UINT64_MAX, NULL, NULL), 0);
	assert_int_equal(regions_map(&rs, &all, NULL, NULL), 0);
	assert_int_equal(regions_cut(&rs, PAGE, PAGE, NULL, NULL), 0);
	assert_int_equal(rs.n, 1);
	assert_int_equal(regions_cut(&rs, PAGE, 2 * PAGE, NULL, NULL), 0);
	assert_int_equal(rs.n, 2);
	assert_true(rs.r[0].reserved && rs.r[1].reserved && rs.r[1].start == 2 * PAGE);
	assert_int_equal(regions_cut(&rs, 0, UINT64_MAX, NULL, NULL), 0);
	assert_int_equal(rs.n, 0);
	regions_free(&rs);
}

/* More than there is room for is refused, and nothing is lost of what there was. */
static void test_full(void **state)
{
	struct regions rs = {};
	int err = 0;
	size_t n;

	(void)state;
	for (n = 0; !err && n < 2 * REGIONS_MAX; n++)
		err = regions_map(&rs,
				  &(struct region){ n * 2 * PAGE, (n * 2 + 1) * PAGE, 1, false },
				  NULL, NULL);
	assert_int_equal(err, -E2BIG);
	assert_true(rs.n <= REGIONS_MAX);
	assert_true(regions_bytes(&rs) == rs.n * PAGE);
	regions_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}
