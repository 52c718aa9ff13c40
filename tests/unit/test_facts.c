// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What a fact's proof says, by the tests that hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "go/facts_proof.h"
#include "go/proof.h"
#include <stdlib.h>
#include <string.h>

#define I(n) (1U << ((n)-1))
#define ALL  ~0U

static struct go_fact proved(unsigned identities, unsigned structures, const char *tests)
{
	struct fact_results r = { .run = true, .identities = identities, .structures = structures };
	struct go_fact f = {};

	fact_prove(&f, &r, tests);
	return f;
}

static void test_all_hold(void **state)
{
	struct go_fact f = proved(ALL, ALL, "I1 S11");

	assert_int_equal(f.proven, 1);
	assert_string_equal(f.proof, "I1 S11");
	f = proved(ALL, ALL, FACT_ALL_TESTS);
	assert_int_equal(f.proven, 1);
	assert_string_equal(f.proof, FACT_ALL_TESTS);
}

/* S1 is not S11, and the last of a list counts as the others do. */
static void test_one_fails(void **state)
{
	static const struct {
		const char *tests, *proof;
		int proven;
	} want[] = {
		{ "I4", "fails: I4", 0 },
		{ "I1 I4", "fails: I4", 0 },
		{ "I4 I6", "fails: I4", 0 },
		{ "S11", "fails: S11", 0 },
		{ "S1 S5", "S1 S5", 1 },
		{ "S10 S1", "S10 S1", 1 },
		{ "I1-I6", "fails: I4", 0 },
		{ FACT_ALL_TESTS, "fails: I4 S11", 0 },
		{ "?S11", "fails: S11", 0 },
		{ "?S4", "S4, if there is one now", -1 },
		{ "", "not proven: no test is of it", -1 },
		{ FACT_NOT_READ, FACT_NOT_READ, -1 },
		{ FACT_VOTES, FACT_NOT_USED, -1 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct go_fact f = proved(ALL & ~I(4), ALL & ~I(11), want[i].tests);

		assert_string_equal(f.proof, want[i].proof);
		assert_int_equal(f.proven, want[i].proven);
	}
}

static void test_nothing_was_run(void **state)
{
	struct fact_results r = { .from_code = true };
	struct go_fact f = {};

	fact_prove(&f, &r, "I1");
	assert_int_equal(f.proven, -1);
	assert_string_equal(f.proof, "not proven: no layout fits");
	fact_prove(&f, &r, FACT_VOTES);
	assert_string_equal(f.proof, "led to its variable");
	fact_prove(&f, &r, NULL);
	assert_int_equal(f.proven, -1);
}

/* Every test that is named exists. */
static void names_tests(const char *tests)
{
	char words[64], *save = NULL;

	if (!tests || !strchr("?IS", *tests) || !strcmp(tests, "I1-I6"))
		return;
	strcpy(words, tests + (*tests == '?'));
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		int n = atoi(w + 1);

		assert_true(n >= 1 && n <= (*w == 'I' ? PROOF_IDENTITIES : PROOF_STRUCTURES));
	}
}

static void test_every_fact_has_its_tests(void **state)
{
#define ID(id, ...) #id,
	static const char *const ids[] = { LAYOUT_FIELDS(ID, ID, ID) };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_non_null(fact_layout_tests(ids[i]));
		names_tests(fact_layout_tests(ids[i]));
		n += *fact_layout_tests(ids[i]) != '\0';
	}
	assert_true(n * 10 > sizeof(ids) / sizeof(ids[0]) * 8);
	for (int i = 0; i < G_COUNT; i++)
		names_tests(fact_global_tests(i));
	for (unsigned i = 0; i < PROOF_STRUCTURES; i++)
		assert_non_null(go_structure_name(i));
	assert_null(go_structure_name(PROOF_STRUCTURES));
}

/* Names are those of variables and of members, each once. */
static void test_names(void **state)
{
	char first[64], name[64];
	size_t n = 0;

	while (go_fact_name(n))
		n++;
	assert_true(n > 200);
	for (size_t i = 0; i < n; i++) {
		strcpy(first, go_fact_name(i));
		assert_null(strstr(first, "runtime."));
		assert_null(strchr(first, ' '));
		for (size_t k = i + 1; k < n; k++) {
			strcpy(name, go_fact_name(k));
			assert_string_not_equal(first, name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_hold),
		cmocka_unit_test(test_one_fails),
		cmocka_unit_test(test_nothing_was_run),
		cmocka_unit_test(test_every_fact_has_its_tests),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
