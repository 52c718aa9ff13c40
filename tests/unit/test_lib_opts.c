// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The command line: what is understood, and the one clear line for what is not. */
#include "frontend.h"
#include "test_lib.h"

#define MAX_WORDS 32

struct conf {
	bool kernel;
	uint32_t depth, loud;
	uint64_t min, bytes;
	double rate, share, delay;
	const char *name;
	const char *called;
};

static int call(void *conf, const char *arg)
{
	((struct conf *)conf)->called = arg;
	return strcmp(arg, "bad") ? 0 : fail(-EINVAL, "--call: not this one");
}

static const struct opt opts[] = { OPT('k', "kernel", struct conf, kernel, NULL, "a flag"),
				   OPT(0, "depth", struct conf, depth, "N", "a number"),
				   OPT('l', "loud", struct conf, loud, NULL, "counted"),
				   OPT('m', NULL, struct conf, min, "N", "a long number"),
				   OPT(0, "rate", struct conf, rate, "X", "a fraction"),
				   OPT('n', "name", struct conf, name, "TEXT", "a text"),
				   OPT_SIZE('z', "bytes", struct conf, bytes, "BYTES", "a size"),
				   OPT_PERCENT(0, "share", struct conf, share, "PCT", "a share"),
				   OPT_SECONDS(0, "delay", struct conf, delay, "SEC", "a time"),
				   OPT_CALL('c', "call", call, "ARG", "a function"),
				   {} };

struct row {
	char name[8];
	uint64_t bytes;
};

static const struct col cols[] = { COL(struct row, name, "NAME", NONE, KEY, "a name"),
				   COL(struct row, bytes, "SIZE", BYTES, GAUGE, "a size"),
				   {} };

static const struct section sections[] = {
	{ .key = "rows", .cols = cols, .shape = SEC_ROWS, .flags = SEC_SORTABLE }, {}
};

static const struct tool plain = { .name = "plain" };
static const struct tool sorted = { .name = "sorted", .sections = sections, .interval = 2 };
static const struct tool session = { .name = "session", .is_session = true };
static const struct tool untargeted = { .name = "untargeted", .no_target = true };

/* Split at blanks; the words are in a buffer that outlives the test. */
static int words_split(const char *line, char **argv)
{
	static char buf[1024];
	int n = 0;

	snprintf(buf, sizeof(buf), "%s", line);
	argv[n++] = "tool";
	for (char *w = strtok(buf, " "); w && n < MAX_WORDS; w = strtok(NULL, " "))
		argv[n++] = w;
	return n;
}

static char operands[64];

static int operand(void *arg, const char *word)
{
	(void)arg;
	snprintf(operands + strlen(operands), sizeof(operands) - strlen(operands), "<%s>", word);
	return 0;
}

static int conf_parse(struct conf *c, const char *line)
{
	const struct opt_set set = { opts, c };
	char *argv[MAX_WORDS];
	int argc = words_split(line, argv);

	*c = (struct conf){};
	*operands = '\0';
	fail_clear();
	return opts_parse(&set, 1, argc, argv, "tool", operand, NULL, NULL);
}

static void test_types(void **state)
{
	struct conf c;

	(void)state;
	assert_int_equal(conf_parse(&c, "-k --depth 127 -lll -m 18446744073709551615 --rate 0.25 "
					"-n some -z 64K --share 12.5% --delay 500ms -c it"),
			 0);
	assert_true(c.kernel);
	assert_int_equal(c.depth, 127);
	assert_int_equal(c.loud, 3);
	assert_true(c.min == UINT64_MAX);
	assert_true(c.rate == 0.25);
	assert_string_equal(c.name, "some");
	assert_int_equal(c.bytes, 65536);
	assert_true(c.share == 12.5);
	assert_true(c.delay == 0.5);
	assert_string_equal(c.called, "it");
	assert_string_equal(operands, "");
}

static void test_forms(void **state)
{
	struct conf c;

	(void)state;
	assert_int_equal(conf_parse(&c, "a --depth=5 b -klm7 -nx=y - c -- -k --depth"), 0);
	assert_string_equal(operands, "<a><b><-><c><-k><--depth>");
	assert_int_equal(c.depth, 5);
	assert_true(c.kernel && c.loud == 1 && c.min == 7);
	assert_string_equal(c.name, "x=y");
	assert_int_equal(conf_parse(&c, "-n -k --name="), 0);
	assert_string_equal(c.name, "");
	assert_false(c.kernel);
	assert_int_equal(conf_parse(&c, "-5 -.5"), 0);
	assert_string_equal(operands, "<-5><-.5>");
}

static void test_sizes(void **state)
{
	static const struct {
		const char *word;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "1023", 1023 },
		{ "1k", 1024 },
		{ "10M", 10485760 },
		{ "2GiB", 2147483648 },
		{ "16777215T", 16777215ULL << 40 },
		{ "18446744073709551615", UINT64_MAX },
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(opt_read_size("-z", good[i].word, &v), 0);
		assert_true(v == good[i].bytes);
	}
}

static void test_seconds(void **state)
{
	static const struct {
		const char *word;
		double seconds;
	} good[] = {
		{ "5", 5 },       { "0.1", 0.1 },        { ".5", 0.5 },        { "5.", 5 },
		{ "3s", 3 },      { "250ms", .25 },      { "20us", 20 / 1e6 }, { "2m", 120 },
		{ "1.5h", 5400 }, { "1000000000", 1e9 },
	};
	double v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(opt_read_seconds("-d", good[i].word, &v), 0);
		assert_true(v == good[i].seconds);
	}
}

/* Each leaves one line that names the word and the cure. */
static void test_bad_values(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ "--nosuch", "unknown option --nosuch (see tool --help)" },
		{ "--dep 5", "unknown option --dep (see tool --help)" },
		{ "--depths=5", "unknown option --depths (see tool --help)" },
		{ "-x", "unknown option -x (see tool --help)" },
		{ "-kx", "unknown option -x in -kx (see tool --help)" },
		{ "--depth", "--depth needs N (see tool --help)" },
		{ "-km", "-m needs N (see tool --help)" },
		{ "--kernel=1", "--kernel takes no argument (see tool --help)" },
		{ "--depth=", "--depth: '' is not a number: give digits only" },
		{ "--depth abc", "--depth: 'abc' is not a number: give digits only" },
		{ "--depth 12x", "--depth: '12x' is not a number: give digits only" },
		{ "--depth 0x10", "--depth: '0x10' is not a number: give digits only" },
		{ "--depth +1", "--depth: '+1' is not a number: give digits only" },
		{ "--depth 1.5", "--depth: '1.5' is not a number: give digits only" },
		{ "--depth -1", "--depth: -1 is negative: give 0 or more" },
		{ "--depth 4294967296", "--depth: 4294967296 is too large: at most 4294967295" },
		{ "-m 18446744073709551616",
		  "-m: 18446744073709551616 is too large: at most 18446744073709551615" },
		{ "-m 99999999999999999999999999999", "is too large" },
		{ "-z 5Q", "-z: '5Q' is not a size: give bytes, or 64K, 10M, 2G" },
		{ "-z 5KB", "-z: '5KB' is not a size" },
		{ "-z K", "-z: 'K' is not a size" },
		{ "-z -5K", "-z: -5K is negative: give 0 or more" },
		{ "-z 16777216T", "-z: 16777216T is too large: at most 16 EiB" },
		{ "--rate nan", "--rate: 'nan' is not a number: give one like 2 or 0.5" },
		{ "--rate inf", "--rate: 'inf' is not a number" },
		{ "--rate 1e3", "--rate: '1e3' is not a number" },
		{ "--rate .", "--rate: '.' is not a number" },
		{ "--rate 1.2.3", "--rate: '1.2.3' is not a number" },
		{ "--rate 1,5", "--rate: '1,5' is not a number" },
		{ "--rate -1", "--rate: -1 is negative" },
		{ "--rate 1234567890123456", "has more than 15 digits" },
		{ "--share 101", "--share: 101 is more than 100 %" },
		{ "--share 5%%", "--share: '5%%' is not a percentage: give one like 5 or 0.5%" },
		{ "--share -1", "--share: -1 is negative" },
		{ "--delay 0", "--delay: 0 is no time at all: give more than 0" },
		{ "--delay 0.0s", "--delay: 0.0s is no time at all" },
		{ "--delay -3", "--delay: -3 is negative: give more than 0" },
		{ "--delay 5x", "--delay: '5x' is not a time: give seconds, or 500ms, 2m, 1h" },
		{ "--delay 1000000001", "--delay: 1000000001 is too large" },
		{ "--delay 999999999h", "--delay: 999999999h is too large" },
		{ "--call bad", "--call: not this one" },
	};
	struct conf c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(conf_parse(&c, bad[i].line), -EINVAL);
		assert_contains(fail_text(), bad[i].why);
		assert_null(strchr(fail_text(), '\n'));
	}
}

static void test_declared_twice(void **state)
{
	static const struct opt again[] = { OPT('k', "other", struct conf, kernel, NULL, ""), {} };
	static const struct opt longer[] = { OPT(0, "kernel", struct conf, kernel, NULL, ""), {} };
	struct opt_set sets[2] = { { opts, NULL }, { NULL, NULL } };

	(void)state;
	assert_int_equal(opts_check(sets, 2), 0);
	sets[1].opts = again;
	assert_int_equal(opts_check(sets, 2), -EINVAL);
	assert_string_equal(fail_text(), "option -k is declared twice");
	sets[1].opts = longer;
	assert_int_equal(opts_check(sets, 2), -EINVAL);
	assert_string_equal(fail_text(), "option --kernel is declared twice");
}

static int run_parse(struct run *r, const struct tool *t, const char *line)
{
	char *argv[MAX_WORDS];
	int argc = words_split(line, argv);

	*r = (struct run){ .tool = t };
	fail_clear();
	return args_parse(r, argc, argv);
}

static void run_done(struct run *r)
{
	emit_close(r);
	args_free(r);
}

static void test_common(void **state)
{
	struct run r;

	(void)state;
	assert_int_equal(run_parse(&r, &sorted, "-p 42,7 0.5 -p 9 10 -d 60 -TCvvq -s SIZE -r 5 -j"),
			 0);
	assert_int_equal(r.nr_pids, 3);
	assert_int_equal(r.pids[0], 42);
	assert_int_equal(r.pids[1], 7);
	assert_int_equal(r.pids[2], 9);
	assert_true(r.interval == 0.5 && r.count == 10 && r.duration == 60);
	assert_true(r.timestamps && r.no_clear && r.quiet && r.verbose == 2);
	assert_string_equal(r.sort, "SIZE");
	assert_int_equal(r.max_rows, 5);
	run_done(&r);
}

static void test_defaults(void **state)
{
	struct run r;

	(void)state;
	assert_int_equal(run_parse(&r, &plain, "-p 42"), 0);
	assert_true(r.interval == 0 && r.count == 0);
	run_done(&r);
	assert_int_equal(run_parse(&r, &sorted, "-p 42,42"), 0);
	assert_true(r.interval == 2);
	assert_int_equal(r.nr_pids, 1);
	run_done(&r);
	assert_int_equal(run_parse(&r, &plain, "-p 42 -d 5"), 0);
	assert_true(r.interval == 1 && r.duration == 5);
	run_done(&r);
	assert_int_equal(run_parse(&r, &untargeted, ""), 0);
	run_done(&r);
	assert_int_equal(run_parse(&r, &plain, "--help --nosuch"), 0);
	assert_true(r.want_help);
	run_done(&r);
}

static void test_bad_common(void **state)
{
	static const struct {
		const struct tool *tool;
		const char *line, *why;
	} bad[] = {
		{ &plain, "", "no process named: give -p PID (see plain --help)" },
		{ &plain, "-p", "-p needs PID[,PID] (see plain --help)" },
		{ &plain, "-p x", "-p: 'x' is not a list of process ids" },
		{ &plain, "-p 1,,2", "-p: '1,,2' is not a list of process ids" },
		{ &plain, "-p 1,", "-p: '1,' is not a list of process ids" },
		{ &plain, "-p ,1", "-p: ',1' is not a list of process ids" },
		{ &plain, "-p -1", "-p: '-1' is not a list of process ids" },
		{ &plain, "-p 0", "-p: 0 is not a process id" },
		{ &plain, "-p 2147483648", "-p: 2147483648 is too large: at most 2147483647" },
		{ &plain, "-p 99999999999999999999", "is too large" },
		{ &plain, "-p 1 0", "interval: 0 is no time at all: give more than 0" },
		{ &plain, "-p 1 -1", "interval: -1 is negative: give more than 0" },
		{ &plain, "-p 1 x", "interval: 'x' is not a time" },
		{ &plain, "-p 1 1 0", "count: 0 looks show nothing: give 1 or more" },
		{ &plain, "-p 1 1 x", "count: 'x' is not a number" },
		{ &plain, "-p 1 1 -2", "count: -2 is negative" },
		{ &plain, "-p 1 1 2 3", "'3' is one word too many" },
		{ &plain, "-p 1 -o xml",
		  "unknown format 'xml': the formats are folded, html, json, pprof, prom, raw, table, trace" },
		{ &plain, "-p 1 -o xml:file",
		  "unknown format 'xml': the formats are folded, html, json, pprof, prom, raw, table, trace" },
		{ &plain, "-p 1 -o jso", "unknown format 'jso'" },
		{ &plain, "-p 1 -o json:", "'json:' names no file: give json or json:FILE" },
		{ &plain, "-p 1 -j -o table",
		  "json and table cannot both go to stdout: use -o table:FILE" },
		{ &plain, "-p 1 -j -j", "json and json cannot both go to stdout" },
		{ &plain, "-p 1 -o json:a -o table:a", "json and table cannot both go to a" },
		{ &plain, "-p 1 -s x", "-s and -r: plain has no rows to sort or to leave out" },
		{ &plain, "-p 1 -r 5", "-s and -r: plain has no rows to sort or to leave out" },
		{ &sorted, "-p 1 -s x", "-s: no column 'x': the columns are name, bytes" },
		{ &sorted, "-p 1 --sort=", "-s: no column '': the columns are name, bytes" },
		{ &sorted, "-p 1 -d 0", "-d: 0 is no time at all" },
		{ &session, "nosuch -p 1", "'nosuch' is neither a tool nor an interval" },
	};
	struct run r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(run_parse(&r, bad[i].tool, bad[i].line), -EINVAL);
		assert_contains(fail_text(), bad[i].why);
		run_done(&r);
	}
}

/* Words far longer than any buffer are cut in the message, not in memory. */
static void test_long_words(void **state)
{
	static char word[5000] = "--";
	char *argv[] = { "tool", word, "-p", word + 2, NULL };
	struct run r = { .tool = &plain };

	(void)state;
	memset(word + 2, 'a', sizeof(word) - 3);
	assert_int_equal(args_parse(&r, 2, argv), -EINVAL);
	assert_contains(fail_text(), "unknown option --aaa");
	run_done(&r);
	argv[1] = "-p";
	argv[2] = word + 2;
	memset(word + 2, '9', sizeof(word) - 3);
	assert_int_equal(args_parse(&r, 3, argv), -EINVAL);
	assert_contains(fail_text(), "too large");
	run_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),      cmocka_unit_test(test_forms),
		cmocka_unit_test(test_sizes),      cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_bad_values), cmocka_unit_test(test_declared_twice),
		cmocka_unit_test(test_common),     cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_bad_common), cmocka_unit_test(test_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
