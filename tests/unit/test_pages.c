// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Pages that were there before and were given back, against a plain model. */
#include "live/pages.h"
#include "test_lib.h"

#define PAGE  4096ULL
#define PAGES 4099 /* of the model: eight chunks and a bit */
#define BASE  (0xc000000000ULL + 5 * PAGE)

enum model { NEVER, THERE, GIVEN };

static uint64_t state = 88172645463325252ULL;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) % below;
}

static int expected(enum model was)
{
	return was == NEVER ? PAGES_FIRST : was == GIVEN ? PAGES_REFAULT : PAGES_AGAIN;
}

static void step(struct pages *p, enum model *m)
{
	uint32_t what = draw(20), from = draw(PAGES), n = draw(what ? 700 : PAGES);
	uint64_t start = BASE + from * PAGE, end;

	n = n < PAGES - from ? n : PAGES - from;
	end = start + n * PAGE;
	if (what >= 4) {
		assert_int_equal(pages_fault(p, start + draw(PAGE)), expected(m[from]));
		m[from] = THERE;
		return;
	}
	if (what == 1)
		assert_int_equal(pages_see(p, start, end), 0);
	else if (what == 2)
		pages_forget(p, start, end);
	else
		pages_give(p, start, end);
	for (uint32_t i = from; i < from + n; i++)
		m[i] = what == 1 ? THERE : what == 2 ? NEVER : m[i] == NEVER ? NEVER : GIVEN;
}

static void test_as_a_model(void **arg)
{
	static enum model m[PAGES];
	struct pages p = {};

	for (int i = 0; i < 200000; i++)
		step(&p, m);
	for (uint32_t i = 0; i < PAGES; i++)
		assert_int_equal(pages_fault(&p, BASE + i * PAGE), expected(m[i]));
	pages_free(&p);
}

/* A range of all there is, which is longer than the table. */
static void test_ranges_without_end(void **arg)
{
	struct pages p = {};

	pages_give(&p, 0, UINT64_MAX);
	for (uint64_t i = 0; i < 3001; i++)
		assert_int_equal(pages_fault(&p, i * PAGES_CHUNK * 7), PAGES_FIRST);
	pages_give(&p, 7 * PAGES_CHUNK, UINT64_MAX);
	assert_int_equal(pages_fault(&p, 0), PAGES_AGAIN);
	for (uint64_t i = 1; i < 3001; i++)
		assert_int_equal(pages_fault(&p, i * PAGES_CHUNK * 7), PAGES_REFAULT);
	pages_forget(&p, 0, UINT64_MAX);
	assert_int_equal(pages_fault(&p, 7 * PAGES_CHUNK), PAGES_FIRST);
	pages_forget(&p, PAGE, PAGE);
	assert_int_equal(pages_fault(&p, 7 * PAGES_CHUNK), PAGES_AGAIN);
	pages_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_model),
		cmocka_unit_test(test_ranges_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
