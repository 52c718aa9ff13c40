// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What a tool is told by gomemtrace ctl, and the one clear line for what is not understood. */
#include "ctl.h"
#include "fail.h"
#include "test_lib.h"

static const struct policy before = {
	.generation = 7, .tgid = 42, .size_min = 3, .size_max = UINT64_MAX, .sample = SAMPLE_ALL
};

/* -EINVAL with this sentence, and all is as it was. */
static void refused_bytes(const char *msg, size_t len, const char *says)
{
	struct policy p = before;
	bool change = true;

	fail_clear();
	assert_int_equal(ctl_parse(msg, len, &p, &change), -EINVAL);
	assert_contains(fail_text(), says);
	assert_false(change);
	assert_memory_equal(&p, &before, sizeof(p));
}

static void refused(const char *msg, const char *says)
{
	refused_bytes(msg, strlen(msg), says);
}

static struct policy taken(const char *msg, bool changes)
{
	struct policy p = before;
	bool change = !changes;

	assert_int_equal(ctl_parse(msg, strlen(msg), &p, &change), 0);
	assert_int_equal(change, changes);
	assert_int_equal(p.generation, before.generation);
	return p;
}

static void test_taken(void **state)
{
	struct policy p = taken("sample=50 cgroup=4099 size_min=64K size_max=1M tgid=17", true);

	assert_int_equal(p.sample, 0x7fffffff);
	assert_int_equal(p.cgroup, 4099);
	assert_int_equal(p.size_min, 64 << 10);
	assert_int_equal(p.size_max, 1 << 20);
	assert_int_equal(p.tgid, 17);
	/* what is not mentioned stays */
	p = taken("size_max=5", true);
	assert_int_equal(p.size_min, 3);
	assert_int_equal(p.sample, SAMPLE_ALL);
	assert_int_equal(p.tgid, 42);
	/* bounds are compared when all words are read */
	assert_int_equal(taken("size_max=2 size_min=1", true).size_max, 2);
	assert_int_equal(taken("cgroup=18446744073709551615", true).cgroup, UINT64_MAX);
}

static void test_no_change(void **state)
{
	struct policy p = taken("show", false);

	assert_memory_equal(&p, &before, sizeof(p));
	p = taken("sample=100 tgid=42 size_min=3", false);
	assert_memory_equal(&p, &before, sizeof(p));
}

/* The share is of 2^32: what is rounded off is less than one in a million of 0.01 %. */
static void test_shares(void **state)
{
	static const struct {
		const char *msg;
		double share;
	} shares[] = { { "sample=100", 1 },       { "sample=100%", 1 },
		       { "sample=10", 0.1 },      { "sample=1", 0.01 },
		       { "sample=0.1", 0.001 },   { "sample=0.01", 0.0001 },
		       { "sample=0.01%", 0.0001 } };

	for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
		struct policy p = before;
		double share;
		bool change;

		assert_int_equal(ctl_parse(shares[i].msg, strlen(shares[i].msg), &p, &change), 0);
		share = policy_percent(p.sample) / 100;
		assert_true(share > shares[i].share * (1 - 3e-6));
		assert_true(share <= shares[i].share);
	}
	assert_int_equal(taken("sample=0", true).sample, 0);
	assert_int_equal(policy_sample(100), SAMPLE_ALL);
	assert_true(policy_percent(SAMPLE_ALL) == 100);
}

static void test_refused(void **state)
{
	refused("", "'' is not KEY=VALUE");
	refused(" ", "'' is not KEY=VALUE");
	refused("sample", "'sample' is not KEY=VALUE");
	refused("show ", "'show' is not KEY=VALUE");
	refused("SHOW", "'SHOW' is not KEY=VALUE");
	refused("=", "'' cannot be set: sample, size_min, size_max, cgroup, tgid can");
	refused("=1", "'' cannot be set");
	refused("budget=3", "'budget' cannot be set");
	refused("generation=3", "'generation' cannot be set");
	refused("sample=1 ", "'' is not KEY=VALUE");
	refused("sample=1  tgid=1", "'' is not KEY=VALUE");
	refused("sample=1 sample=1", "sample is given twice");
	refused("sample=", "sample: ");
	refused("sample=-1", "sample: ");
	refused("sample=100.1", "sample: ");
	refused("sample=nan", "sample: ");
	refused("sample=1=2", "sample: ");
	refused("size_min=-1", "size_min: ");
	refused("size_min=99999999999999999999", "size_min: ");
	refused("size_min=4 size_max=3", "size_min 4 is more than size_max 3");
	/* the lower bound is 3 */
	refused("size_max=2", "size_min 3 is more than size_max 2");
	refused("tgid=0", "tgid: 0 is no process");
	refused("tgid=2147483648", "tgid: ");
	refused("cgroup=x", "cgroup: ");
	refused("cgroup=18446744073709551616", "cgroup: ");
	/* none of it, when one word is wrong */
	refused("sample=1 size_min=5 tgid=x", "tgid: ");
	refused("a=1 b=1", "'a' cannot be set");
}

static void test_bytes(void **state)
{
	char msg[CTL_MESSAGE + 2];

	memset(msg, 'a', sizeof(msg));
	refused_bytes(msg, CTL_MESSAGE, "is not KEY=VALUE");
	refused_bytes(msg, CTL_MESSAGE + 1, "at most 512 bytes");
	refused_bytes(msg, SIZE_MAX, "at most 512 bytes");
	refused_bytes("show\0", 5, "printable ASCII");
	refused_bytes("sample=1\n", 9, "printable ASCII");
	refused_bytes("\xff", 1, "printable ASCII");
	refused_bytes("sample=1\tshow", 13, "printable ASCII");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),  cmocka_unit_test(test_no_change),
		cmocka_unit_test(test_shares), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests_name("lib_ctl", tests, NULL, NULL);
}
