// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Folded stacks: names made safe, exact sums, of a run or of the last look. */
#include "test_lib_run.h"
#include "test_lib_shapes.h"

static struct run run;
static struct capture cap;

static void folded_begin(const struct tool *t)
{
	run = (struct run){ .tool = t, .pid = 42 };
	capture_begin(&cap);
	assert_int_equal(emit_attach(&run, "folded", cap.f), 0);
}

static void folded_is(const char *expected)
{
	assert_int_equal(emit_close(&run), 0);
	assert_string_equal(capture_end(&cap), expected);
	free(cap.text);
}

static void stop_emit(pid_t pid, const struct stack_frame *frame, size_t n, uint64_t bytes)
{
	const struct stop stop = { .bytes = bytes, .stack = { frame, n } };

	run.pid = pid;
	emit_row(&run, &shapes[STOPS], &stop);
}

#define LONG "main.main;libc.so.6@0x7f0000001237;main.(*T).run:x_y;main.alloc"

/* 1009 + 4001; a null and a 0 are not there. */
static void test_stream(void **state)
{
	(void)state;
	folded_begin(&aashapes_tool);
	assert_int_equal(shapes_look(&run), 0);
	stop_emit(42, frames, 2, 0);
	ends_emit(&run);
	folded_is(LONG " 5010\n"
		       "main.alloc 2003\n"
		       "[unknown] 3001\n");
}

/* More than a double holds; and more than 64 bits is an error, not a small number. */
static void test_exact(void **state)
{
	(void)state;
	folded_begin(&aashapes_tool);
	stop_emit(42, frames, 1, (1ULL << 53) + 1);
	stop_emit(42, frames, 1, (1ULL << 63) - 1);
	folded_is("main.alloc 9232379236109516800\n");
	folded_begin(&aashapes_tool);
	stop_emit(42, frames, 1, 1ULL << 63);
	stop_emit(42, frames, 1, 1ULL << 63);
	assert_int_equal(emit_error(&run), -EOVERFLOW);
	emit_close(&run);
	free(capture_end(&cap));
}

static void test_names(void **state)
{
	static const struct stack_frame odd[] = {
		{ "a\nb\033[m", NULL, 0, false, NULL, 0 },
		{ ";; ", NULL, 0, false, NULL, 0 },
		{ NULL, "x.go", 1, false, NULL, 0xabc },
		{ NULL, NULL, U32_NULL, false, "m n", U64_NULL },
		{ NULL, NULL, U32_NULL, false, NULL, U64_NULL },
		{ "caf\303\251\377", NULL, 0, false, NULL, 0 },
	};

	(void)state;
	folded_begin(&aashapes_tool);
	stop_emit(42, odd, ARRAY_SIZE(odd), 5);
	folded_is("caf\303\251\\xff;?;m_n;0xabc;::_;a\\x0ab\\x1b[m 5\n");
}

static void test_processes(void **state)
{
	(void)state;
	folded_begin(&aashapes_tool);
	stop_emit(43, frames, 1, 3);
	stop_emit(42, frames, 1, 5);
	stop_emit(43, frames, 1, 7);
	folded_is("pid_43;main.alloc 10\npid_42;main.alloc 5\n");
}

/* What looks sees the same bytes again: the last look at each process counts. */
static void test_looks(void **state)
{
	(void)state;
	folded_begin(&aalooks_tool);
	for (uint64_t i = 0; i < 3; i++) {
		for (pid_t pid = 42; pid < 44; pid++) {
			emit_begin(&run);
			stop_emit(pid, frames, 1, 10 * pid + i);
			assert_int_equal(emit_end(&run), 0);
		}
		assert_int_equal(emit_round(&run), 0);
	}
	folded_is("pid_42;main.alloc 422\npid_43;main.alloc 432\n");
	/* the second round has one process only */
	folded_begin(&aalooks_tool);
	for (pid_t pid = 42; pid < 44; pid++) {
		emit_begin(&run);
		stop_emit(pid, frames, 1, 7);
		assert_int_equal(emit_end(&run), 0);
		if (pid == 42)
			assert_int_equal(emit_round(&run), 0);
	}
	folded_is("main.alloc 7\n");
}

static void test_many(void **state)
{
	uint64_t sum = 0, n = 0;

	(void)state;
	folded_begin(&aashapes_tool);
	for (uint64_t i = 0; i < 20011; i++) {
		const struct stack_frame frame = { .line = U32_NULL, .addr = 1 + i % 5003 };

		stop_emit(42, &frame, 1, i + 1);
	}
	assert_int_equal(emit_close(&run), 0);
	capture_end(&cap);
	for (const char *p = cap.text; (p = strchr(p, ' ')); n++)
		sum += strtoull(++p, NULL, 10);
	assert_int_equal(n, 5003);
	assert_int_equal(sum, 20011ULL * 20012 / 2);
	free(cap.text);
}

/* ---- from the command line ---- */

static void test_option(void **state)
{
	(void)state;
	assert_int_equal(run_captured(-1, "aashapes -p 42 -q -f"), 0);
	assert_string_equal(out, LONG " 5010\nmain.alloc 2003\n[unknown] 3001\n");
	/* all rows, whatever is asked of a table */
	assert_int_equal(run_captured(-1, "aalooks -p 42 -o folded -r 1 -s bytes"), 0);
	assert_string_equal(out, LONG " 5010\nmain.alloc 2003\n[unknown] 3001\n");
	assert_int_equal(run_captured(-1, "aashapes -p 42 -f -j"), 2);
	assert_contains(err_text, "folded and json cannot both go to stdout");
	assert_int_equal(run_captured(-1, "gols -f"), 2);
	assert_contains(err_text, "gols has no stacks to fold: give another format than folded");
	assert_string_equal(out, "");
}

/* Folded once more, from the JSON of the same run, by awk and jq alone. */
static void test_second_opinion(void **state)
{
	char path[] = "/tmp/gomemtrace-folded.XXXXXX", line[256];
	static char expected[4096];
	int fd = mkstemp(path);
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	if (system("command -v jq >/dev/null")) {
		unlink(path);
		skip();
	}
	snprintf(line, sizeof(line), "aashapes -p 42 0.01 3 -f -o json:%s", path);
	assert_int_equal(run_captured(-1, line), 0);
	snprintf(line, sizeof(line), "tests/unit/fold.sh %s", path);
	f = popen(line, "r");
	assert_non_null(f);
	expected[fread(expected, 1, sizeof(expected) - 1, f)] = '\0';
	assert_int_equal(pclose(f), 0);
	unlink(path);
	assert_int_equal(lines(expected), 3);
	assert_string_equal(out, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream), cmocka_unit_test(test_exact),
		cmocka_unit_test(test_names),  cmocka_unit_test(test_processes),
		cmocka_unit_test(test_looks),  cmocka_unit_test(test_many),
		cmocka_unit_test(test_option), cmocka_unit_test(test_second_opinion),
	};

	locale_utf8();
	return cmocka_run_group_tests_name("lib_folded", tests, NULL, NULL);
}
