// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What else a run can be: of a command, of a recording, of those selected; and the answers. */
#include "check.h"
#include "frontend.h"
#include "test_lib_run.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	int again; /* so often -EAGAIN from open() */
	int open_err;
	bool starting; /* as open() saw it last */
	int opens;
	pid_t last;
} plan;

struct row {
	uint64_t look, size;
	char comm[24];
};

static const struct col cols[] = { COL(struct row, look, "LOOK", COUNT, COUNTER, "which look"),
				   COL(struct row, size, "SIZE", BYTES, GAUGE, "how large"),
				   {} };

static const struct col id_cols[] = { COL(struct row, comm, "COMM", NONE, KEY, "its name"), {} };

static const struct section sections[] = {
	{ .cols = id_cols, .shape = SEC_FIELDS },
	{ .key = "rows", .cols = cols, .shape = SEC_ROWS, .flags = SEC_SORTABLE },
	{}
};

static int mode_open(struct run *r)
{
	plan.opens++;
	plan.starting = r->starting;
	plan.last = r->pid;
	if (plan.again && plan.again--)
		return -EAGAIN;
	return plan.open_err;
}

static int mode_look(struct run *r)
{
	struct row row = { .look = r->look, .size = 1ULL << 40, .comm = "a\"b\\c\nd" };

	if (r->pid && kill(r->pid, 0))
		return -ESRCH;
	emit_begin(r);
	emit_fields(r, &sections[0], &row);
	emit_row(r, &sections[1], &row);
	return emit_end(r);
}

static const char *word;

static int word_operand(struct run *r, const char *w)
{
	(void)r;
	word = w;
	return 0;
}

static const char *word_nth(size_t i)
{
	static const char *const words[] = { "alpha", "beta", NULL };

	return words[i];
}

TOOL(aamode, .brief = "Test modes.", .sections = sections, .is_session = true, .open = mode_open,
     .look = mode_look);
TOOL(aaother, .sections = sections, .open = mode_open, .look = mode_look);
TOOL(aacommand, .brief = "A command.", .sections = sections, .no_target = true, .is_command = true,
     .operands = "[WORD]", .operand = word_operand, .operand_word = word_nth, .look = mode_look);

static int run(const char *line)
{
	return run_captured(-1, line);
}

static char dir[] = "/tmp/test_lib_modes.XXXXXX", path[64], line[256];

static int setup(void **state)
{
	(void)state;
	memset(&plan, 0, sizeof(plan));
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	/* nothing else may be left in it */
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static char *file_text(void)
{
	static char text[65536];
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	file_read(f, text, sizeof(text));
	return text;
}

/* ---- a command; a tab is a blank for sh, but not for us ---- */

static void test_command_status(void **state)
{
	(void)state;
	assert_int_equal(run("aamode -j -- true"), 0);
	assert_int_equal(run("aamode -j -- sh -c exit\t7"), 7);
	assert_int_equal(run("aamode -j -- sh -c kill\t-9\t$$"), 128 + 9);
	assert_int_equal(run("aamode -j -- /nonexistent/command"), 127);
	assert_contains(err_text, "aamode: cannot start /nonexistent/command: No such file");
	assert_int_equal(run("aamode -j -- /"), 126);
	assert_contains(err_text, "aamode: cannot start /: Permission denied");
	assert_string_equal(out, "");
}

static void test_command_looks(void **state)
{
	(void)state;
	assert_int_equal(run("aamode 0.02 -j -- sh -c echo\tits\town;sleep\t0.3"), 0);
	assert_contains(out, "its own\n");
	assert_true(lines(out) > 3);
	assert_string_equal(err_text, "");
	/* looks may be over before the command is */
	assert_int_equal(run("aamode 0.02 1 -j -- sh -c sleep\t0.1;exit\t3"), 3);
	assert_int_equal(lines(out), 1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_command_is_waited_for(void **state)
{
	(void)state;
	plan.again = 3;
	assert_int_equal(run("aamode 0.01 1 -j -- sleep 0.1"), 0);
	assert_int_equal(plan.opens, 4);
	assert_true(plan.starting);
	assert_int_equal(lines(out), 1);
	/* other errors are errors at once, and the command still has the last word */
	setup(NULL);
	plan.open_err = -EIO;
	assert_int_equal(run("aamode -j -- sh -c exit\t5"), 5);
	assert_int_equal(plan.opens, 1);
	assert_contains(err_text, "aamode: cannot look at pid ");
	rmdir(dir);
}

/* The command never becomes what is meant: it is told, and not for ever waited for. */
static void test_command_of_another_kind(void **state)
{
	(void)state;
	plan.open_err = -ENOEXEC;
	assert_int_equal(run("aamode -j -- sleep 1.2"), 0);
	assert_true(plan.opens > 100);
	assert_false(plan.starting);
	assert_contains(err_text, "cannot look at pid ");
}

static void test_command_usage(void **state)
{
	(void)state;
	assert_int_equal(run("aamode -p 1 -- true"), 2);
	assert_contains(err_text, "a command to start, and processes that run already");
	assert_int_equal(run("aamode --comm x -- true"), 2);
	assert_int_equal(run("aamode --"), 2);
	assert_contains(err_text, "no command behind --");
	assert_int_equal(run("aamode aacommand -- true"), 2);
	assert_contains(err_text, "starts no command");
}

/* ---- those selected ---- */

/* A process of that name, until the pipe is closed. */
static pid_t named(const char *name, int *fd)
{
	int up[2], down[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(up) | pipe(down), 0);
	pid = fork();
	if (!pid) {
		close(down[1]);
		prctl(PR_SET_NAME, name);
		if (write(up[1], "", 1) == 1 && read(down[0], &c, 1) <= 0)
			_exit(0);
		_exit(1);
	}
	assert_int_equal(read(up[0], &c, 1), 1);
	close(up[0]);
	close(up[1]);
	close(down[0]);
	*fd = down[1];
	return pid;
}

static void test_comm(void **state)
{
	int fd;
	pid_t pid = named("a)b(S)1", &fd);

	(void)state;
	assert_int_equal(run("aamode --comm a)b(S)1 -j"), 0);
	assert_int_equal(plan.last, pid);
	assert_int_equal(lines(out), 1);
	assert_int_equal(run("aamode --comm a)b(S) -j"), 4);
	assert_string_equal(err_text, "aamode: no process is named 'a)b(S)'\n");
	close(fd);
	waitpid(pid, NULL, 0);
	/* the kernel keeps 15 bytes of a name */
	pid = named("0123456789abcdefg", &fd);
	assert_int_equal(run("aamode --comm 0123456789abcdefg -j"), 0);
	assert_int_equal(plan.last, pid);
	close(fd);
	/* gone, but not collected yet: not there */
	waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	assert_int_equal(run("aamode --comm 0123456789abcdefg -j"), 4);
	waitpid(pid, NULL, 0);
}

static void test_selected_are_none(void **state)
{
	int fd;
	pid_t pid = named("aanone", &fd);

	(void)state;
	plan.open_err = -ENOEXEC;
	assert_int_equal(run("aamode --comm aanone -j"), 4);
	assert_contains(err_text, "aamode: nothing to look at in 1 selected process");
	assert_int_equal(lines(err_text), 1);
	close(fd);
	waitpid(pid, NULL, 0);
}

static void test_cgroup(void **state)
{
	(void)state;
	assert_int_equal(run("aamode --cgroup /nonexistent -j"), 4);
	assert_contains(err_text, "no control group '/nonexistent': give its directory");
	assert_int_equal(run("aamode --cgroup /tmp -j"), 4);
}

/* ---- recordings ---- */

static void test_record(void **state)
{
	static char table[sizeof(out)], json[sizeof(out)];
	struct stat st;

	(void)state;
	/* the time of a look is in JSON */
	snprintf(line, sizeof(line), "aamode -p 1,%d 0.01 2 --record %s", getpid(), path);
	assert_int_equal(run(line), 0);
	strcpy(table, out);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(line, sizeof(line), "aamode --replay %s", path);
	assert_int_equal(run(line), 0);
	assert_string_equal(out, table);
	snprintf(line, sizeof(line), "aamode --replay %s -j", path);
	assert_int_equal(run(line), 0);
	assert_int_equal(lines(out), 4);
	strcpy(json, out);
	assert_int_equal(run(line), 0);
	assert_string_equal(out, json);
	snprintf(line, sizeof(line), "aaother --replay %s", path);
	assert_int_equal(run(line), 2);
	assert_contains(err_text, "was recorded by aamode: give aamode --replay");
}

/* A tool's recording is known by itself. */
static void test_replay_finds_the_tool(void **state)
{
	(void)state;
	snprintf(line, sizeof(line), "aaother -p 1 -o raw:%s", path);
	assert_int_equal(run(line), 0);
	assert_string_equal(out, "");
	snprintf(line, sizeof(line), "aamode --replay %s -j -s size", path);
	assert_int_equal(run(line), 0);
	assert_contains(out, "\"tool\":\"aaother\"");
	snprintf(line, sizeof(line), "aamode --replay %s -j -s nosuch", path);
	assert_int_equal(run(line), 2);
	assert_contains(err_text, "no column 'nosuch'");
}

/* One that others may read is made private before anything is in it. */
static void test_record_mode(void **state)
{
	FILE *f = fopen(path, "w");
	struct stat st;

	(void)state;
	assert_non_null(f);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(line, sizeof(line), "aamode -p 1 -o raw:%s", path);
	assert_int_equal(run(line), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_replay_usage(void **state)
{
	static const char *const with[] = { "-p 1", "--comm x", "--record y", "5",
					    "-d 5", "--check",  "-- true" };
	FILE *f = fopen(path, "w");

	(void)state;
	fputs("something else", f);
	fclose(f);
	for (size_t i = 0; i < ARRAY_SIZE(with); i++) {
		snprintf(line, sizeof(line), "aamode --replay %s %s", path, with[i]);
		assert_int_equal(run(line), 2);
		assert_contains(err_text, "--replay shows a recording: ");
	}
	snprintf(line, sizeof(line), "aamode --replay %s", path);
	assert_int_equal(run(line), 1);
	assert_contains(err_text, "is no recording: make one with --record FILE");
	assert_int_equal(run("aamode --replay /nonexistent/file"), 1);
	assert_contains(err_text, "cannot read /nonexistent/file: No such file or directory");
}

/* ---- metrics ---- */

static void test_prom_file(void **state)
{
	char *text;

	(void)state;
	snprintf(line, sizeof(line), "aamode -p 1,%d 0.01 3 -o prom:%s", getpid(), path);
	assert_int_equal(run(line), 0);
	text = file_text();
	assert_contains(text, "# HELP gomemtrace_aamode_rows_size_bytes how large\n"
			      "# TYPE gomemtrace_aamode_rows_size_bytes gauge\n"
			      "gomemtrace_aamode_rows_size_bytes{pid=\"1\","
			      "comm=\"a\\\"b\\\\c\\\\x0ad\"} 1099511627776\n");
	assert_contains(text, "# TYPE gomemtrace_aamode_rows_look_total counter\n");
	assert_contains(text, "gomemtrace_aamode_info{");
	/* the last round only, and each metric once, with both processes */
	assert_null(strstr(strstr(text, "# HELP gomemtrace_aamode_rows_size_bytes") + 1,
			   "# HELP gomemtrace_aamode_rows_size_bytes"));
	snprintf(line, sizeof(line),
		 "_rows_look_total{pid=\"%d\",comm=\"a\\\"b\\\\c\\\\x0ad\"} 2\n", getpid());
	assert_contains(text, line);
	assert_int_equal(run("aamode -p 1 -o prom:/nonexistent/file"), 1);
	assert_contains(err_text, "cannot write /nonexistent/file: No such file or directory");
}

/* What is no file is written to, not replaced. */
static void test_prom_device(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(symlink("/dev/null", path), 0);
	snprintf(line, sizeof(line), "aamode -p 1 -o prom:%s", path);
	assert_int_equal(run(line), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(run("aamode -p 1 -o prom:/dev/null"), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

/* ---- answers ---- */

static enum check_result probe(pid_t pid, char *seen, size_t size)
{
	snprintf(seen, size, "asked for %d", pid);
	return CHECK_MISSING;
}

CHECK(aa_need, .title = "a need", .probe = probe, .required = true, .tools = "aaother nosuch",
      .need = "testing", .cure = "none known");

static void test_check(void **state)
{
	(void)state;
	assert_int_equal(run("aaother --check"), 3);
	assert_contains(out, "missing  a need (asked for 0)\n"
			     "         for: testing\n"
			     "         cure: none known\n");
	assert_contains(out, "aaother  cannot work\n");
	assert_null(strstr(out, "aamode "));
	/* the session shows all, and works itself */
	assert_true(run("aamode --check -j") == 0);
	assert_contains(out, "{\"check\":\"a need\",\"result\":\"missing\",\"required\":true,");
	assert_contains(out, "{\"tool\":\"aaother\",\"state\":\"cannot work\"}");
	assert_null(strstr(out, "aacommand"));
	snprintf(line, sizeof(line), "aaother -p %d --check -j", getpid());
	assert_int_equal(run(line), 3);
	snprintf(line, sizeof(line), "asked for %d", getpid());
	assert_contains(out, line);
	assert_int_equal(run("aamode -p 2147483646 --check"), 4);
	assert_string_equal(err_text, "aamode: no process with id 2147483646\n");
}

static void test_command_of_the_session(void **state)
{
	(void)state;
	word = NULL;
	assert_int_equal(run("aamode aacommand alpha"), 0);
	assert_string_equal(word, "alpha");
	/* not by its own name */
	assert_int_equal(run("/usr/bin/aacommand -p 1 -j"), 0);
	assert_contains(out, "\"tool\":\"aamode\"");
	assert_int_equal(run("aamode aacommand --help"), 0);
	assert_contains(out, "usage: gomemtrace aacommand [options] [WORD]\n");
	assert_int_equal(run("aamode --help"), 0);
	assert_contains(out, "commands, as aamode COMMAND:\n  aacommand ");
	assert_contains(out, "       aamode --replay FILE [options]\n");
}

static void test_complete(void **state)
{
	(void)state;
	assert_int_equal(run("aamode --complete bash"), 0);
	assert_contains(out, "complete -F _gomemtrace ");
	assert_contains(out, "alpha beta");
	assert_contains(out, "--record");
	assert_int_equal(run("aamode --complete zsh"), 0);
	assert_contains(out, "#compdef aamode aaother");
	assert_int_equal(run("aamode --complete=fish"), 0);
	assert_contains(out, "complete -c aamode -n __fish_use_subcommand -a aacommand");
	assert_int_equal(run("aamode --complete tcsh"), 2);
	assert_contains(err_text, "no completion for 'tcsh': give bash, zsh or fish");
}

static void test_man(void **state)
{
	(void)state;
	assert_int_equal(run("aamode --man"), 0);
	assert_contains(out, ".SH OPTIONS\n.TP\n\\fB\\-p, \\-\\-pid\\fR \\fIPID[,PID]\\fR\n");
	assert_contains(out, ".SH FIELDS\n");
	assert_contains(out, "\\fBrows[].size\\fR\nhow large (bytes)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_command_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_command_looks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_command_is_waited_for, setup, NULL),
		cmocka_unit_test_setup_teardown(test_command_of_another_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_command_usage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_selected_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cgroup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replay_finds_the_tool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replay_usage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prom_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prom_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_command_of_the_session, setup, teardown),
		cmocka_unit_test_setup_teardown(test_complete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_man, setup, teardown),
	};

	return cmocka_run_group_tests_name("lib_modes", tests, NULL, NULL);
}
