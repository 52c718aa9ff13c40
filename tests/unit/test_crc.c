// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The check of a record's checksum when it comes: one bit is enough. */
#include "probe/probe.h"
#include "test_lib.h"
#include <zlib.h>

struct record {
	struct event_head head;
	uint64_t word[11];
};

static struct record some(size_t len)
{
	struct record r = { .head = {
				    .len = len, .kind = EV_STW, .seq = 20011, .ts = 1234567891 } };

	for (size_t i = 0; i < 11; i++)
		r.word[i] = i * 0x9e3779b97f4a7c15;
	r.head.crc = crc32(0, (uint8_t *)&r, len);
	return r;
}

static void test_flips(void **state)
{
	(void)state;
	for (size_t len = sizeof(struct event_head); len <= sizeof(struct record); len += 8) {
		struct record r = some(len);
		uint8_t *bytes = (uint8_t *)&r;

		assert_true(event_intact(&r, len));
		for (size_t bit = 0; bit < 8 * len; bit++) {
			bytes[bit / 8] ^= 1 << bit % 8;
			assert_false(event_intact(&r, len));
			bytes[bit / 8] ^= 1 << bit % 8;
		}
		assert_true(event_intact(&r, len));
	}
}

/* Shorter or longer than it was made. */
static void test_length(void **state)
{
	struct record r = some(sizeof(r));

	(void)state;
	for (size_t len = 0; len < sizeof(r); len++)
		assert_false(event_intact(&r, len));
	r = some(sizeof(r) - 8);
	assert_false(event_intact(&r, sizeof(r)));
}

/* Without a checksum: that is wrong where there should be one. */
static void test_none(void **state)
{
	struct record r = some(sizeof(r));

	(void)state;
	r.head.crc = 0;
	assert_false(event_intact(&r, sizeof(r)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
