// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Whole runs: which tool, how many looks, what is said, and the exit status. */
#include "frontend.h"
#include "test_lib_run.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the tools below are to do. */
static struct {
	int open_err, look_err, finish_err, check_err;
	uint64_t look_at; /* the look at which look_err comes */
	pid_t pid;        /* of this process only, or 0: all */
	bool end, interrupt, half;
	const char *sentence;
} plan;

static struct {
	int opens, looks, events, finishes, closes;
	bool ended;
	pid_t last;
} seen;

struct row {
	uint64_t look;
	bool ended;
};

static const struct col cols[] = { COL(struct row, look, "LOOK", COUNT, COUNTER, "which look"),
				   COL(struct row, ended, "ENDED", NONE, GAUGE, "it is gone"),
				   {} };

static const struct section sections[] = {
	{ .key = "rows", .cols = cols, .shape = SEC_ROWS, .flags = SEC_SORTABLE }, {}
};

static const struct section stream_sections[] = {
	{ .key = "rows", .cols = cols, .shape = SEC_ROWS },
	{ .key = "summary", .cols = cols, .shape = SEC_FIELDS },
	{}
};

static int planned(const struct run *r, int err)
{
	if (!err || (plan.pid && plan.pid != r->pid))
		return 0;
	return plan.sentence ? fail(err, "%s", plan.sentence) : err;
}

static int test_check(struct run *r)
{
	return planned(r, plan.check_err);
}

static int test_open(struct run *r)
{
	int err = planned(r, plan.open_err);

	assert_null(r->priv);
	if (!err) {
		seen.opens++;
		r->priv = malloc(1);
	}
	return err;
}

static int test_look(struct run *r)
{
	struct row row = { .look = r->look };
	int err = r->look >= plan.look_at ? planned(r, plan.look_err) : 0;

	assert_non_null(r->priv);
	if (plan.interrupt)
		raise(SIGINT);
	if (err && !plan.half)
		return err;
	seen.looks++;
	seen.last = r->pid;
	r->ended = plan.end && r->look >= plan.look_at;
	emit_begin(r);
	emit_row(r, &r->tool->sections[0], &row);
	return err ? err : emit_end(r);
}

static int test_event(struct run *r)
{
	char c;

	seen.events++;
	return read(r->fd, &c, 1) == 1 ? 0 : -EIO;
}

static int test_finish(struct run *r)
{
	struct row row = { r->look, r->ended };

	seen.finishes++;
	seen.ended = r->ended;
	if (r->tool->stream)
		emit_fields(r, &r->tool->sections[1], &row);
	return planned(r, plan.finish_err);
}

static void test_close(struct run *r)
{
	seen.closes++;
	free(r->priv);
}

#define CALLBACKS                                                                                  \
	.check = test_check, .open = test_open, .look = test_look, .event = test_event,            \
	.finish = test_finish, .close = test_close

TOOL(aatest, .brief = "Test looks.", .examples = "  aatest -p 42\n", .sections = sections,
     CALLBACKS);
TOOL(aastream, .brief = "Test streams.", .sections = stream_sections, .stream = true,
     .interval = 0.01, CALLBACKS);
TOOL(aasession, .brief = "Test sessions.", .sections = sections, .is_session = true, CALLBACKS);

/* stdout_fd -1: into out[]. */
static int run_to(int stdout_fd, const char *line)
{
	int status;

	memset(&seen, 0, sizeof(seen));
	status = run_captured(stdout_fd, line);
	assert_int_equal(seen.opens, seen.closes);
	return status;
}

static int run(const char *line)
{
	return run_to(-1, line);
}

static int setup(void **state)
{
	(void)state;
	memset(&plan, 0, sizeof(plan));
	return 0;
}

/* ---- which tool ---- */

static void test_dispatch(void **state)
{
	(void)state;
	assert_int_equal(run("/usr/bin/aatest -p 1 -j"), 0);
	assert_contains(out, "\"tool\":\"aatest\"");
	assert_int_equal(run("gomemtrace aatest -p 1 -j"), 0);
	assert_contains(out, "\"tool\":\"aatest\"");
	assert_int_equal(run("nosuch -p 1 -j"), 0);
	assert_contains(out, "\"tool\":\"aasession\"");
	assert_int_equal(run("aasession aatest -p 1 -j"), 0);
	assert_contains(out, "\"tool\":\"aatest\"");
	assert_int_equal(run("aasession -p 1 aatest"), 2);
	assert_contains(err_text, "aasession: name the tool first: gomemtrace aatest [options]\n");
	assert_int_equal(run("aasession nosuch"), 2);
	assert_contains(err_text, "'nosuch' is neither a tool nor an interval");
}

static void test_answers(void **state)
{
	(void)state;
	assert_int_equal(run("aasession --help"), 0);
	assert_contains(out, "usage: aasession -p PID[,PID] [options] [interval [count]]\n");
	assert_contains(out, "\n  aatest ");
	assert_contains(out, "-p, --pid PID[,PID]");
	assert_contains(out, "LOOK ");
	assert_int_equal(run("aatest -h"), 0);
	assert_contains(out, "examples:\n  aatest -p 42\n");
	assert_null(strstr(out, "aastream"));
	assert_int_equal(run("aatest -V"), 0);
	assert_contains(out, "aatest ");
	assert_int_equal(run("aatest --schema"), 0);
	assert_contains(out, "\"$schema\"");
	assert_int_equal(seen.opens, 0);
}

static void test_usage(void **state)
{
	(void)state;
	assert_int_equal(run("aatest"), 2);
	assert_string_equal(err_text,
			    "aatest: no process named: give -p PID (see aatest --help)\n");
	assert_string_equal(out, "");
	plan.check_err = -EOPNOTSUPP;
	plan.sentence = "these do not go together";
	assert_int_equal(run("aatest -p 1"), 2);
	assert_string_equal(err_text, "aatest: these do not go together\n");
	assert_int_equal(seen.opens, 0);
}

/* ---- how it ends ---- */

static void test_statuses(void **state)
{
	static const struct {
		int err, status;
	} cases[] = {
		{ -EPERM, 3 },   { -EACCES, 3 }, { -EOPNOTSUPP, 3 }, { -ENOSYS, 3 }, { -ESRCH, 4 },
		{ -ENOEXEC, 4 }, { -EIO, 1 },    { -EINVAL, 1 },     { -ENOMEM, 1 }, { -EINTR, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setup(NULL);
		plan.open_err = cases[i].err;
		plan.sentence = "why it failed";
		assert_int_equal(run("aatest -p 1"), cases[i].status);
		assert_string_equal(err_text, "aatest: why it failed\n");
		assert_int_equal(seen.looks + seen.finishes, 0);
		setup(NULL);
		plan.look_err = cases[i].err;
		assert_int_equal(run("aatest -p 1"), cases[i].status);
		assert_contains(err_text, "aatest: cannot look at pid 1: ");
		assert_int_equal(seen.finishes, 0);
		assert_string_equal(out, "");
	}
}

static void test_hostile_sentence(void **state)
{
	(void)state;
	plan.open_err = -ENOEXEC;
	plan.sentence = "pid 1 (\x1b[2J\n) is no Go program";
	assert_int_equal(run("aatest -p 1"), 4);
	assert_string_equal(err_text, "aatest: pid 1 (\\x1b[2J\\x0a) is no Go program\n");
}

static void test_target_ends(void **state)
{
	(void)state;
	plan.look_err = -ESRCH;
	plan.look_at = 2;
	assert_int_equal(run("aatest -p 1 0.01 -j"), 0);
	assert_int_equal(lines(out), 2);
	assert_int_equal(seen.finishes, 1);
	assert_true(seen.ended);
	assert_string_equal(err_text, "");
	setup(NULL);
	plan.end = true;
	plan.look_at = 2;
	assert_int_equal(run("aastream -p 1 -j"), 0);
	assert_int_equal(lines(out), 4);
	assert_contains(out, "\"summary\":{\"look\":3,\"ended\":true}");
}

/* A look that fails half way prints nothing, but what was before it stays. */
static void test_half_a_look(void **state)
{
	(void)state;
	plan.look_err = -EIO;
	plan.look_at = 1;
	plan.half = true;
	assert_int_equal(run("aatest -p 1 0.01 -j"), 1);
	assert_int_equal(lines(out), 1);
}

static void test_several(void **state)
{
	(void)state;
	assert_int_equal(run("aatest -p 1,2,3 -j"), 0);
	assert_int_equal(lines(out), 3);
	assert_int_equal(seen.last, 3);
	plan.look_err = -EPERM;
	plan.pid = 2;
	assert_int_equal(run("aatest -p 1,2,3 0.01 2 -j"), 3);
	assert_int_equal(lines(out), 4);
	assert_int_equal(seen.opens, 3);
	assert_int_equal(seen.finishes, 2);
	assert_string_equal(err_text, "aatest: cannot look at pid 2: Operation not permitted\n");
	plan.sentence = "it said no";
	assert_int_equal(run("aatest -p 1,2,3 -j"), 3);
	assert_string_equal(err_text, "aatest: pid 2: it said no\n");
	plan.sentence = "pid 2 said no";
	assert_int_equal(run("aatest -p 1,2,3 -j"), 3);
	assert_string_equal(err_text, "aatest: pid 2 said no\n");
}

/* ---- how often ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void test_looks(void **state)
{
	uint64_t begin;

	(void)state;
	assert_int_equal(run("aatest -p 1"), 0);
	assert_int_equal(seen.looks, 1);
	begin = now_ns();
	assert_int_equal(run("aatest -p 1 20ms 5"), 0);
	assert_int_equal(seen.looks, 5);
	assert_true(now_ns() - begin >= 80000000);
	begin = now_ns();
	assert_int_equal(run("aatest -p 1 0.02 -d 0.1"), 0);
	assert_in_range(seen.looks, 2, 6);
	assert_true(now_ns() - begin >= 100000000);
	assert_int_equal(run("aatest -p 1 3600 1"), 0);
	assert_int_equal(seen.looks, 1);
	assert_int_equal(seen.finishes, 1);
}

static void test_signals(void **state)
{
	(void)state;
	plan.interrupt = true;
	assert_int_equal(run("aatest -p 1 3600"), 0);
	assert_int_equal(seen.looks, 1);
	assert_int_equal(seen.finishes, 1);
	plan.look_err = -EINTR;
	assert_int_equal(run("aatest -p 1 3600"), 0);
	assert_int_equal(seen.looks, 0);
	assert_string_equal(err_text, "");
}

static void parent_wake(int sig)
{
	usleep(50000);
	kill(getppid(), sig);
	_exit(0);
}

/* A signal that comes while waiting ends the wait. */
static void test_signal_while_waiting(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		pid_t child = fork();

		if (!child)
			parent_wake(signals[i]);
		assert_int_equal(run("aatest -p 1 3600"), 0);
		assert_int_equal(seen.finishes, 1);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
}

static int pipe_fd[2];

static int events_open(struct run *r)
{
	r->fd = pipe_fd[0];
	return 0;
}

TOOL(aaevents, .sections = stream_sections, .stream = true, .interval = 0.05, .open = events_open,
     .look = test_finish, .event = test_event);

static void test_events(void **state)
{
	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(write(pipe_fd[1], "12345", 5), 5);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(run("aaevents -p 1 0.05 2 -j"), 0);
	assert_int_equal(seen.events, 5);
	assert_int_equal(seen.finishes, 2);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

/* ---- where it goes ---- */

static void test_output_full(void **state)
{
	int full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(run_to(full, "aatest -p 1,2 0.01 9 -j"), 1);
	assert_string_equal(err_text, "aatest: cannot write stdout: No space left on device\n");
	assert_int_equal(seen.looks, 1);
	assert_int_equal(run_to(full, "aatest --help"), 1);
	assert_int_equal(run_to(full, "aatest -p 1 -o json:/dev/full"), 1);
	assert_contains(err_text, "cannot write /dev/full: No space left on device");
	close(full);
}

/* As in `aatest | head`: the reader has what it wants. */
static void test_output_closed(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(run_to(fds[1], "aatest -p 1,2 0.01 9 -j"), 0);
	assert_string_equal(err_text, "");
	assert_int_equal(seen.looks, 1);
	close(fds[1]);
}

static void test_output_files(void **state)
{
	char path[] = "/tmp/test_lib_frontend.XXXXXX", line[128];
	int fd = mkstemp(path);
	char text[512] = "";

	(void)state;
	assert_true(fd >= 0);
	snprintf(line, sizeof(line), "aatest -p 1 -o json:%s -o table", path);
	assert_int_equal(run(line), 0);
	assert_string_equal(out, "LOOK  ENDED\n   0  no\n");
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_contains(text, "\"pid\":1,\"rows\":[{\"look\":0,\"ended\":false}]}\n");
	close(fd);
	unlink(path);
	assert_int_equal(run("aatest -p 1 -o json:/nonexistent/file"), 1);
	assert_string_equal(err_text, "aatest: cannot write /nonexistent/file: "
				      "No such file or directory\n");
	assert_int_equal(seen.opens, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_dispatch, setup),
		cmocka_unit_test_setup(test_answers, setup),
		cmocka_unit_test_setup(test_usage, setup),
		cmocka_unit_test_setup(test_statuses, setup),
		cmocka_unit_test_setup(test_hostile_sentence, setup),
		cmocka_unit_test_setup(test_target_ends, setup),
		cmocka_unit_test_setup(test_half_a_look, setup),
		cmocka_unit_test_setup(test_several, setup),
		cmocka_unit_test_setup(test_looks, setup),
		cmocka_unit_test_setup(test_signals, setup),
		cmocka_unit_test_setup(test_signal_while_waiting, setup),
		cmocka_unit_test_setup(test_events, setup),
		cmocka_unit_test_setup(test_output_full, setup),
		cmocka_unit_test_setup(test_output_closed, setup),
		cmocka_unit_test_setup(test_output_files, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
