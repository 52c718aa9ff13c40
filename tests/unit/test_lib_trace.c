// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Traces: the exact events, and a whole JSON value however the run ended. */
#include "test_lib_run.h"
#include "test_lib_shapes.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static struct run run;
static struct capture cap;

static void trace_begin(const struct tool *t)
{
	run = (struct run){ .tool = t, .pid = 42 };
	capture_begin(&cap);
	assert_int_equal(emit_attach(&run, "trace", cap.f), 0);
}

static void trace_is(const char *expected)
{
	assert_int_equal(emit_close(&run), 0);
	assert_string_equal(capture_end(&cap), expected);
	free(cap.text);
}

#define BEGIN "{\"displayTimeUnit\":\"ns\",\"traceEvents\":["
#define META(what, tid, name)                                                                      \
	"\n{\"name\":\"" what "\",\"ph\":\"M\",\"pid\":42,\"tid\":" tid                            \
	",\"args\":{\"name\":\"" name "\"}}"
#define EVENT(name, ts, dur, tid, args)                                                            \
	",\n{\"name\":\"" name "\",\"cat\":\"aashapes\",\"ph\":\"X\",\"ts\":" ts ",\"dur\":" dur   \
	",\"pid\":42,\"tid\":" tid ",\"args\":{" args "}}"
#define END "\n]}\n"

/*
 * 5001 ns + 250 ns + 1999 ns: the second span begins where the first ends. The third row has no
 * name and no P, the fourth no duration, and what would end behind the end of time is left out.
 */
static void test_events(void **state)
{
	(void)state;
	trace_begin(&aashapes_tool);
	emit_row(&run, &shapes[STOPS], &stops[0]);
	emit_row(&run, &shapes[STOPS], &stops[1]);
	emit_row(&run, &shapes[STOPS], &stops[2]);
	trace_is(
		BEGIN META("process_name", "0", "aashapes") "," META("thread_name", "1", "stops") EVENT(
			"stopping", "5.001", "0.250", "1",
			"\"reason\":\"GC \\\"mark\\\"\",\"stopped_ns\":1999,\"bytes\":1009,"
			"\"p\":3,\"stack\":[\"main.alloc main.go:42 (inlined)\","
			"\"main.(*T).run;x y main.go:7\",\"libc.so.6@0x7f0000001237\","
			"\"main.main main.go\"]") "," META("thread_name", "2", "P 3")
			EVENT("GC \\\"mark\\\"", "5.251", "1.999", "2",
			      "\"stopping_ns\":250,\"bytes\":1009,\"stack\":["
			      "\"main.alloc main.go:42 (inlined)\","
			      "\"main.(*T).run;x y main.go:7\",\"libc.so.6@0x7f0000001237\","
			      "\"main.main main.go\"]")
				EVENT("stopping", "1000000.007", "0.000", "1",
				      "\"reason\":null,\"stopped_ns\":13,\"bytes\":2003,\"p\":null,"
				      "\"stack\":[\"main.alloc main.go:42 (inlined)\"]") "," META("thread_name",
												  "3",
												  "P")
					EVENT("?", "1000000.007", "0.013", "3",
					      "\"stopping_ns\":0,\"bytes\":2003,"
					      "\"stack\":[\"main.alloc main.go:42 (inlined)\"]")
						END);
}

static void test_no_events(void **state)
{
	const struct stop late = { "x", UINT64_MAX - 2, UINT64_MAX - 1, 1, 1, 1, {} };

	(void)state;
	trace_begin(&aashapes_tool);
	trace_is(BEGIN END);
	trace_begin(&aashapes_tool);
	ends_emit(&run);
	emit_text(&run, "people only");
	trace_is(BEGIN END);
	/* its first span is one, the second would begin behind 2^64 */
	trace_begin(&aashapes_tool);
	emit_row(&run, &shapes[STOPS], &late);
	emit_row(&run, &shapes[STOPS], &stops[2]);
	assert_int_equal(emit_close(&run), 0);
	assert_contains(capture_end(&cap),
			"\"ts\":18446744073709551.613,\"dur\":18446744073709551.614,");
	assert_int_equal(lines(cap.text), 5);
	free(cap.text);
}

/* ---- other kinds of spans ---- */

struct mark {
	const char *comm;
	uint64_t at, until;
};

static const struct col mark_cols[] = { COL(struct mark, at, "AT", MONO, GAUGE, "from"),
					COL(struct mark, until, "UNTIL", MONO, GAUGE, "to"),
					{} };
static const struct col comm_cols[] = { COL(struct mark, comm, "COMM", NONE, KEY, "who"), {} };
static const struct span_cols mark_spans[] = { { .name = "at", .start = "at", .track = "marks" },
					       { .name = "until", .start = "at", .end = "until" },
					       {} };
static const struct section mark_sections[] = {
	{ .cols = comm_cols, .shape = SEC_FIELDS },
	{ .key = "rows", .cols = mark_cols, .shape = SEC_ROWS, .spans = mark_spans },
	{}
};
static const struct tool marks = { .name = "gomarks", .sections = mark_sections };

/* A point in time; an end, which is not before the start; the name of the process. */
static void test_points(void **state)
{
	const struct mark rows[] = { { "a\xff\"b", 1000, 1001 }, { "", 7, 6 } };

	(void)state;
	trace_begin(&marks);
	emit_begin(&run);
	emit_fields(&run, &mark_sections[0], &rows[0]);
	emit_row(&run, &mark_sections[1], &rows[0]);
	emit_row(&run, &mark_sections[1], &rows[1]);
	assert_int_equal(emit_end(&run), 0);
	trace_is(BEGIN META("process_name", "0", "a\\ufffd\\\"b") "," META(
		"thread_name", "1",
		"marks") ",\n{\"name\":\"at\",\"cat\":\"gomarks\",\"ph\":\"i\",\"ts\":1.000,"
			 "\"s\":\"t\",\"pid\":42,\"tid\":1,\"args\":{\"until\":\"1001\"}}"
			 "," META(
				 "thread_name", "2",
				 "rows") ",\n{\"name\":\"until\",\"cat\":"
					 "\"gomarks\",\"ph\":\"X\",\"ts\":1.000,\"dur\":0.001,\"pid\":42,\"tid\":2,"
					 "\"args\":{}},\n{\"name\":\"at\",\"cat\":\"gomarks\",\"ph\":\"i\","
					 "\"ts\":0.007,\"s\":\"t\",\"pid\":42,\"tid\":1,"
					 "\"args\":{\"until\":\"6\"}}" END);
}

static void test_nothing_to_trace(void **state)
{
	static const struct section sections[] = {
		{ .key = "rows", .cols = mark_cols, .shape = SEC_ROWS }, {}
	};
	static const struct tool tool = { .name = "gonone", .sections = sections };

	(void)state;
	run = (struct run){ .tool = &tool };
	capture_begin(&cap);
	assert_int_equal(emit_attach(&run, "trace", cap.f), -EINVAL);
	assert_contains(fail_text(), "gonone has no times for a trace");
	trace_is("");
}

/* ---- whole, in the eyes of another ---- */

static char path[64];

/* jq's answer about the file is `true`. */
static void jq_says(const char *filter)
{
	char command[1024];

	snprintf(command, sizeof(command), "jq -e '%s' %s >/dev/null", filter, path);
	if (system(command))
		print_error("not so: %s\n", filter);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/gomemtrace-trace.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? fd : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void jq_needed(void)
{
	if (system("command -v jq >/dev/null"))
		skip();
}

/*
 * The same spans by jq's own arithmetic from the JSON of the same run, and what every event must
 * have. Numbers of more than 15 digits are left out: jq has doubles.
 */
static void test_jq(void **state)
{
	char line[1024];

	(void)state;
	jq_needed();
	snprintf(line, sizeof(line), "aashapes -p 42 -q -o trace:%s -o json:%s.json", path, path);
	assert_int_equal(run_captured(-1, line), 0);
	jq_says(".displayTimeUnit == \"ns\" and (.traceEvents | length) == 13");
	jq_says("[.traceEvents[] | select(.ph == \"X\") | .tid] - "
		"[.traceEvents[] | select(.name == \"thread_name\") | .tid] == []");
	jq_says("all(.traceEvents[]; .pid == 42 and (.ph == \"M\" or (.ts >= 0 and .dur >= 0)))");
	snprintf(line, sizeof(line),
		 "jq -n -e --slurpfile j %s.json --slurpfile t %s '"
		 "[$t[0].traceEvents[] | select(.ph == \"X\" and .ts < 1e9) | "
		 "[.ts, .dur] | map(. * 1000 | round)] == [$j[] | "
		 "select(.start_ns and (.start_ns | length < 16) and .stopping_ns) | "
		 "(.start_ns | tonumber) as $s | "
		 "[$s, .stopping_ns], [$s + .stopping_ns, .stopped_ns]]' >/dev/null",
		 path, path);
	assert_int_equal(system(line), 0);
	snprintf(line, sizeof(line), "%s.json", path);
	unlink(line);
}

static pid_t signaller(unsigned int ms, int sig)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		usleep(ms * 1000);
		kill(parent, sig);
		_exit(0);
	}
	return pid;
}

/* Ctrl-C, a signal to end, and a reader of stdout that left. */
static void test_stopped(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };
	char line[256];
	int fds[2];

	(void)state;
	jq_needed();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		pid_t pid = signaller(100, signals[i]);

		snprintf(line, sizeof(line), "aashapes -p 42 0.01 -q -o trace:%s", path);
		assert_int_equal(run_captured(-1, line), 0);
		waitpid(pid, NULL, 0);
		jq_says("[.traceEvents[] | select(.ph == \"X\")] | length > 10");
	}
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	snprintf(line, sizeof(line), "aashapes -p 42 0.01 -j -o trace:%s", path);
	assert_int_equal(run_captured(fds[1], line), 0);
	close(fds[1]);
	jq_says("has(\"traceEvents\")");
}

/* Events are in the file as they come, not at the end. */
static void test_streams(void **state)
{
	struct run live = { .tool = &aashapes_tool, .pid = 42 };
	char spec[96];
	FILE *f;

	(void)state;
	snprintf(spec, sizeof(spec), "trace:%s", path);
	assert_int_equal(emit_add(&live, spec), 0);
	assert_int_equal(emit_open(&live), 0);
	emit_row(&live, &shapes[STOPS], &stops[3]);
	f = fopen(path, "r");
	assert_non_null(f);
	file_read(f, out, sizeof(out));
	assert_contains(out, "\"ts\":3000000.024,\"dur\":999.983,");
	assert_int_equal(emit_close(&live), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_no_events),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_nothing_to_trace),
		cmocka_unit_test_setup_teardown(test_jq, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("lib_trace", tests, NULL, NULL);
}
