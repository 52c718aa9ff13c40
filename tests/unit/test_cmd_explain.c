// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Every word of the output has an explanation, and each is whole. */
#include "heap/heap.h"
#include "ledger.h"
#include "test_lib_run.h"
#include "tools/cmd/explain.h"
#include "tools/session/session.h"
#include <strings.h>

static bool explained(const char *field)
{
	char line[128];

	snprintf(line, sizeof(line), "gomemtrace explain %s", field);
	if (!run_captured(-1, line) && !strncmp(out, field, strlen(field)))
		return true;
	print_error("%s has no explanation\n", field);
	return false;
}

static void test_rows(void **state)
{
	bool all = true;

	(void)state;
	for (int i = 0; i < ROW_COUNT; i++)
		all &= explained(ledger_row_ids[i]);
	assert_true(all);
}

static void test_memstats(void **state)
{
	bool all = true;

	(void)state;
	for (const struct col *c = session_memstats_cols; c->key; c++)
		all &= explained(c->key);
	assert_true(all);
}

static void test_terms(void **state)
{
	static const char *const terms[] = { "residual",   "residual_bound", "gap",
					     "confidence", "error",          "rss" };
	bool all = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(terms); i++)
		all &= explained(terms[i]);
	assert_true(all);
}

/* What tells one class or type from another needs no explanation. */
static void test_heap(void **state)
{
	static const char *const said[] = { "size", "type" };
	const struct col *const cols[] = { heap_class_cols, heap_type_cols };
	bool all = true;

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(cols); t++)
		for (const struct col *c = cols[t]; c->key; c++)
			all &= !col_in_json(c) || !strcmp(c->key, said[0]) ||
			       !strcmp(c->key, said[1]) || explained(c->key);
	assert_true(all);
}

static void test_whole(void **state)
{
	const struct explain_entry *e, *other;

	(void)state;
	for (size_t i = 0; (e = explain_nth(i)); i++) {
		assert_non_null(e->group);
		assert_non_null(e->brief);
		assert_non_null(e->source);
		assert_non_null(e->trust);
		for (size_t j = 0; j < i && (other = explain_nth(j)); j++)
			assert_int_not_equal(strcasecmp(e->field, other->field), 0);
	}
}

static void test_finding(void **state)
{
	(void)state;
	assert_int_equal(run_captured(-1, "gomemtrace explain memstats.heapalloc"), 0);
	assert_contains(out, "HeapAlloc ");
	assert_int_equal(run_captured(-1, "gomemtrace explain heapaloc"), 2);
	assert_contains(err_text, "explain: no field 'heapaloc': did you mean HeapAlloc");
	assert_int_equal(run_captured(-1, "gomemtrace explain qqqqqqqq"), 2);
	assert_contains(err_text, "no field 'qqqqqqqq': gomemtrace explain lists them");
	assert_int_equal(run_captured(-1, "gomemtrace explain rss gap"), 2);
	assert_int_equal(run_captured(-1, "gomemtrace explain"), 0);
	assert_contains(out, "go.heap.live ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),  cmocka_unit_test(test_memstats),
		cmocka_unit_test(test_terms), cmocka_unit_test(test_heap),
		cmocka_unit_test(test_whole), cmocka_unit_test(test_finding),
	};

	return cmocka_run_group_tests_name("cmd_explain", tests, NULL, NULL);
}
