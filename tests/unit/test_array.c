// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Arrays that grow: what was there stays, there is room for what was asked, or nothing changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "array.h"
#include <malloc.h>

#define MANY 10007

struct thing {
	uint32_t a, b, c;
};

static struct thing thing(uint32_t i)
{
	return (struct thing){ i, i * 7, ~i };
}

static void all_there(const struct thing *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(&v[i], &(struct thing[]){ thing(i) }, sizeof(*v));
}

static void test_room(void **state)
{
	struct thing *v = NULL;
	size_t n = 0, room = 0, moves = 0;

	(void)state;
	assert_int_equal(array_room(v, 0, room), 0);
	assert_null(v);
	while (n < MANY) {
		size_t had = room;

		assert_int_equal(array_room(v, n + 1, room), 0);
		assert_true(room > n && malloc_usable_size(v) >= room * sizeof(*v));
		moves += room != had;
		v[n] = thing(n);
		n++;
	}
	all_there(v, n);
	assert_true(moves <= 15);
	assert_int_equal(array_room(v, 3 * MANY, room), 0);
	assert_true(room >= 3 * MANY && malloc_usable_size(v) >= room * sizeof(*v));
	all_there(v, n);
	free(v);
}

static void test_more(void **state)
{
	struct thing *v = NULL;
	size_t n = 0;

	(void)state;
	while (n < MANY) {
		assert_int_equal(array_more(v, n), 0);
		assert_true(malloc_usable_size(v) >= (n + 1) * sizeof(*v));
		v[n] = thing(n);
		n++;
	}
	all_there(v, n);
	free(v);
}

static void test_no_memory(void **state)
{
	struct thing *v = NULL, *had;
	volatile size_t most = SIZE_MAX; /* which the compiler does not see */
	size_t room = 0;

	(void)state;
	assert_int_equal(array_room(v, 2, room), 0);
	v[0] = thing(0);
	v[1] = thing(1);
	had = v;
	/* no such number of bytes, and no such amount of memory */
	for (size_t n = most; n > most / 64; n /= 2) {
		assert_int_equal(array_room(v, n, room), -ENOMEM);
		assert_ptr_equal(v, had);
		assert_int_equal(room, 2);
	}
	assert_int_equal(array_more(v, most / 2 + 1), -ENOMEM);
	assert_ptr_equal(v, had);
	all_there(v, 2);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("array", tests, NULL, NULL);
}
