// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Tables as people see them: the exact text, in a file and on a terminal. */
#include "test_lib.h"
#include "tool.h"
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct row {
	const char *name;
	uint64_t bytes;
	int64_t change;
	double pct;
	uint8_t trust;
	uint32_t count;
	int8_t huge;
};

static const struct col cols[] = {
	COL(struct row, name, "WHERE", NONE, KEY, "a part"),
	COL(struct row, bytes, "RESIDENT", BYTES, GAUGE, "in RAM"),
	COL(struct row, change, "CHANGE", SBYTES, GAUGE, "since"),
	COL(struct row, pct, "%", PERCENT, GAUGE, "of all"),
	COL_AS("bar", struct row, pct, "", BAR, GAUGE, 0, "of all"),
	COL(struct row, trust, "TRUST", STARS, GAUGE, "confidence"),
	COL_F(struct row, count, "N", COUNT, GAUGE, COL_WIDE, "how many"),
	COL_F(struct row, huge, "HUGE", NONE, GAUGE, COL_JSON_ONLY, "huge pages?"),
	{}
};

struct stamp {
	uint64_t unix_ns, mono, addr, took;
	bool ok;
	int8_t maybe;
	char name[6];
	double real;
	int32_t nice;
	uint16_t port;
};

static const struct col stamp_cols[] = { COL(struct stamp, unix_ns, "TIME", TIME, GAUGE, ""),
					 COL(struct stamp, mono, "SINCE BOOT", MONO, GAUGE, ""),
					 COL(struct stamp, addr, "ADDR", ADDR, GAUGE, ""),
					 COL(struct stamp, took, "TOOK", NSEC, GAUGE, ""),
					 COL(struct stamp, ok, "OK", NONE, GAUGE, ""),
					 COL(struct stamp, maybe, "MAYBE", NONE, GAUGE, ""),
					 COL(struct stamp, name, "NAME", NONE, KEY, ""),
					 COL(struct stamp, real, "REAL", NONE, GAUGE, ""),
					 COL(struct stamp, nice, "NICE", NONE, GAUGE, ""),
					 COL(struct stamp, port, "PORT", NONE, GAUGE, ""),
					 {} };

enum { ROWS, STAMPS, FIELDS, HIDDEN, WIDE };

static const struct section sections[] = {
	[ROWS] = { .key = "rows", .cols = cols, .shape = SEC_ROWS, .flags = SEC_SORTABLE },
	[STAMPS] = { .key = "stamps", .title = "Stamps", .cols = stamp_cols, .shape = SEC_ROWS },
	[FIELDS] = { .key = "fields", .cols = cols, .shape = SEC_FIELDS, .flags = SEC_SHOW },
	[HIDDEN] = { .key = "hidden", .cols = cols, .shape = SEC_ROWS, .flags = SEC_JSON_ONLY },
	[WIDE] = { .key = "wide", .cols = cols, .shape = SEC_ROWS, .flags = SEC_WIDE },
	{}
};

static const struct tool tool = { .name = "test", .sections = sections };
static const struct tool stream = { .name = "test", .sections = sections, .stream = true };

static const struct row heap = { "Go heap", 325268275, -1258291, 21.3, 3, 20013, 1 };
static const struct row empty = { NULL, U64_NULL, S64_NULL, NAN, U8_NULL, U32_NULL, TRI_NULL };

static struct run run;
static struct capture cap;

static void table_begin(const struct tool *t)
{
	run = (struct run){ .tool = t, .pid = 42, .first = true };
	capture_begin(&cap);
	assert_int_equal(emit_attach(&run, "table", cap.f), 0);
}

static void table_is(const char *expected)
{
	assert_int_equal(emit_close(&run), 0);
	assert_string_equal(capture_end(&cap), expected);
	free(cap.text);
}

static void test_rows(void **state)
{
	static const struct row rows[] = {
		{ "Go heap  live", 325268275, -1258291, 21.3, 3, 1, 1 },
		{ "         new", 1023, 0, 6.5, 2, 20013, 0 },
		{ "é 日本", U64_NULL, 512, 0, 1, U32_NULL, TRI_NULL },
	};

	(void)state;
	table_begin(&tool);
	emit_begin(&run);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		emit_row(&run, &sections[ROWS], &rows[i]);
	assert_int_equal(emit_end(&run), 0);
	table_is("WHERE           RESIDENT    CHANGE     %         TRUST\n"
		 "Go heap  live  310.2 MiB  -1.2 MiB  21.3  ████▎  ★★★\n"
		 "         new      1023 B       0 B   6.5  █▎     ★★\n"
		 "é 日本                 -    +512 B   0.0         ★\n");
}

static void test_ascii(void **state)
{
	(void)state;
	locale_ascii();
	table_begin(&tool);
	locale_utf8();
	emit_begin(&run);
	emit_text(&run, "P 8 · heap");
	emit_row(&run, &sections[ROWS], &heap);
	assert_int_equal(emit_end(&run), 0);
	table_is("P 8 . heap\n"
		 "\n"
		 "WHERE     RESIDENT    CHANGE     %        TRUST\n"
		 "Go heap  310.2 MiB  -1.2 MiB  21.3  ####  ***\n");
}

static void test_verbose_and_quiet(void **state)
{
	(void)state;
	table_begin(&tool);
	run.verbose = 1;
	run.quiet = true;
	emit_begin(&run);
	emit_row(&run, &sections[ROWS], &heap);
	emit_heading(&run, "WHY");
	emit_row(&run, &sections[WIDE], &heap);
	assert_int_equal(emit_end(&run), 0);
	table_is("Go heap  310.2 MiB  -1.2 MiB  21.3  ████▎  ★★★  20,013\n"
		 "\n"
		 "Go heap  310.2 MiB  -1.2 MiB  21.3  ████▎  ★★★  20,013\n");
}

/* A column without any value is not there; a row without any keeps its place. */
static void test_nulls(void **state)
{
	struct row some = empty;

	(void)state;
	some.name = "x";
	table_begin(&tool);
	emit_begin(&run);
	emit_row(&run, &sections[ROWS], &empty);
	emit_row(&run, &sections[ROWS], &some);
	assert_int_equal(emit_end(&run), 0);
	emit_begin(&run);
	emit_row(&run, &sections[ROWS], &empty);
	emit_row(&run, &sections[ROWS], &heap);
	assert_int_equal(emit_end(&run), 0);
	table_is("WHERE\n-\nx\n"
		 "\n"
		 "WHERE     RESIDENT    CHANGE     %         TRUST\n"
		 "-                -         -     -         -\n"
		 "Go heap  310.2 MiB  -1.2 MiB  21.3  ████▎  ★★★\n");
}

static void test_all_units(void **state)
{
	static const struct stamp s = { .unix_ns = 1739278999000000000,
					.mono = 12345678901234,
					.addr = 0xc000010000,
					.took = 14000000,
					.ok = true,
					.maybe = 0,
					.name = { 'a', 'b', 'c', 'd', 'e', 'f' },
					.real = -0.125,
					.nice = -19,
					.port = 6060 };
	static const struct stamp none = { U64_NULL, U64_NULL, U64_NULL, U64_NULL, false,
					   TRI_NULL, "",       NAN,      S32_NULL, U16_NULL };

	(void)state;
	table_begin(&tool);
	emit_begin(&run);
	emit_row(&run, &sections[STAMPS], &s);
	emit_row(&run, &sections[STAMPS], &none);
	assert_int_equal(emit_end(&run), 0);
	table_is(
		"Stamps\n"
		"TIME                         SINCE BOOT          ADDR     TOOK  OK   MAYBE  NAME   "
		"  REAL  NICE  PORT\n"
		"2025-02-11T13:03:19+00:00  12345.678901  0xc000010000  14.0 ms  yes  no     abcdef "
		" -0.12   -19  6060\n"
		"-                                     -             -        -  no   -             "
		"     -     -     -\n");
}

static void test_fields(void **state)
{
	(void)state;
	table_begin(&tool);
	emit_begin(&run);
	emit_fields(&run, &sections[FIELDS], &empty);
	emit_fields(&run, &sections[FIELDS], &heap);
	assert_int_equal(emit_end(&run), 0);
	table_is("WHERE     Go heap\n"
		 "RESIDENT  310.2 MiB\n"
		 "CHANGE    -1.2 MiB\n"
		 "%         21.3\n"
		 "          ████▎\n"
		 "TRUST     ★★★\n");
}

static void test_lines(void **state)
{
	(void)state;
	table_begin(&tool);
	emit_begin(&run);
	emit_row(&run, &sections[HIDDEN], &heap);
	emit_heading(&run, "WHY");
	emit_lr(&run, "left", "right · end");
	emit_lr(&run, "alone  ", "");
	emit_lr(&run, "a left part that is as long as it takes to push the other one off its place",
		"right");
	emit_text(&run, "%s  ", "blanks at the end go");
	emit_text(&run, "%s", "");
	emit_text(&run, "   indented");
	assert_int_equal(emit_end(&run), 0);
	table_is(
		"WHY\n"
		"left                                                                 right · end\n"
		"alone\n"
		"a left part that is as long as it takes to push the other one off its place  right\n"
		"blanks at the end go\n"
		"\n"
		"   indented\n");
}

static void test_hostile_text(void **state)
{
	struct row evil = empty;

	(void)state;
	evil.name = "\x1b[2J\nname\xff\xc2\x9b\xe2\x80\xae";
	table_begin(&tool);
	emit_begin(&run);
	emit_lr(&run, evil.name, evil.name);
	emit_text(&run, "comm %s", evil.name);
	emit_heading(&run, evil.name);
	emit_row(&run, &sections[ROWS], &evil);
	assert_int_equal(emit_end(&run), 0);
#define EVIL "\\x1b[2J\\x0aname\\xff\\u009b\\u202e"
	table_is(EVIL "                  " EVIL "\n"
		      "comm " EVIL "\n"
		      "\n" EVIL "\n"
		      "\n"
		      "WHERE\n" EVIL "\n");
}

static void test_looks_and_times(void **state)
{
	(void)state;
	table_begin(&tool);
	run.timestamps = true;
	for (int i = 0; i < 2; i++) {
		emit_begin(&run);
		emit_text(&run, "look %d", i);
		run.ts_ns = 1739278999000000000 + i * 1000000000LL;
		assert_int_equal(emit_end(&run), 0);
	}
	table_is("2025-02-11T13:03:19+00:00\nlook 0\n"
		 "\n"
		 "2025-02-11T13:03:20+00:00\nlook 1\n");
}

/* Rows of a stream go out at once: one heading, columns wide enough for what is to come. */
static void test_stream(void **state)
{
	struct row row = heap;

	(void)state;
	table_begin(&stream);
	emit_row(&run, &sections[ROWS], &row);
	row.bytes = 1;
	row.change = S64_NULL;
	emit_row(&run, &sections[ROWS], &row);
	emit_text(&run, "2 rows");
	table_is("WHERE              RESIDENT      CHANGE      %                        TRUST\n"
		 "Go heap           310.2 MiB    -1.2 MiB   21.3  ████▎                 ★★★\n"
		 "Go heap                 1 B           -   21.3  ████▎                 ★★★\n"
		 "2 rows\n");
}

/* ---- on a terminal ---- */

static int master;

static void terminal_begin(unsigned short columns)
{
	struct winsize ws = { .ws_row = 24, .ws_col = columns };
	struct termios raw;
	int slave;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0 && !ioctl(slave, TIOCSWINSZ, &ws) && !tcgetattr(slave, &raw));
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	cap.f = fdopen(slave, "w");
	assert_non_null(cap.f);
	assert_int_equal(emit_attach(&run, "table", cap.f), 0);
}

static void terminal_is(const char *expected)
{
	struct pollfd fd = { .fd = master, .events = POLLIN };
	char text[4096] = "";
	size_t len = 0;

	/* The kernel hands it over in its own time, and maybe in pieces. */
	while (len < strlen(expected) && poll(&fd, 1, 5000) == 1) {
		ssize_t n = read(master, text + len, sizeof(text) - 1 - len);

		assert_true(n > 0);
		len += n;
	}
	assert_int_equal(emit_close(&run), 0);
	fclose(cap.f);
	close(master);
	assert_string_equal(text, expected);
}

static void row_emit(const char *name)
{
	struct row row = heap;

	row.name = name;
	emit_begin(&run);
	emit_row(&run, &sections[ROWS], &row);
	assert_int_equal(emit_end(&run), 0);
}

static const char long_name[] = "/usr/lib/a/very/long/path/to/some/shared/library.so.1.2.3";

static void test_terminal_cuts(void **state)
{
	(void)state;
	setenv("NO_COLOR", "1", 1);
	run = (struct run){ .tool = &tool, .first = true };
	terminal_begin(80);
	row_emit(long_name);
	terminal_is(
		"WHERE                                     RESIDENT    CHANGE     %         TRUST\n"
		"/usr/lib/a/very/long/path/to/some/shar…  310.2 MiB  -1.2 MiB  21.3  ████▎  ★★★\n");
}

static void test_terminal_verbose(void **state)
{
	(void)state;
	run = (struct run){ .tool = &tool, .first = true, .verbose = 1 };
	terminal_begin(80);
	row_emit(long_name);
	terminal_is(
		"WHERE                                                       RESIDENT    CHANGE     %  "
		"       TRUST       N\n"
		"/usr/lib/a/very/long/path/to/some/shared/library.so.1.2.3  310.2 MiB  -1.2 MiB  21.3  "
		"████▎  ★★★    20,013\n");
}

static void test_terminal_narrow(void **state)
{
	(void)state;
	run = (struct run){ .tool = &tool, .first = true };
	terminal_begin(20);
	row_emit("some name");
	terminal_is("WHERE      RESIDENT    CHANGE     %         TRUST\n"
		    "some na…  310.2 MiB  -1.2 MiB  21.3  ████▎  ★★★\n");
}

static void test_terminal_bold(void **state)
{
	(void)state;
	unsetenv("NO_COLOR");
	run = (struct run){ .tool = &tool, .first = true };
	terminal_begin(80);
	emit_begin(&run);
	emit_heading(&run, "WHY");
	assert_int_equal(emit_end(&run), 0);
	terminal_is("\033[1mWHY\033[m\n");
}

static void test_terminal_clears(void **state)
{
	(void)state;
	run = (struct run){ .tool = &tool, .first = true, .interval = 1 };
	terminal_begin(80);
	emit_begin(&run);
	emit_text(&run, "first process");
	assert_int_equal(emit_end(&run), 0);
	run.first = false;
	emit_begin(&run);
	emit_text(&run, "second");
	assert_int_equal(emit_end(&run), 0);
	terminal_is("\033[H\033[2Jfirst process\n\nsecond\n");
	run = (struct run){ .tool = &tool, .first = true, .interval = 1, .no_clear = true };
	terminal_begin(80);
	emit_begin(&run);
	emit_text(&run, "kept");
	assert_int_equal(emit_end(&run), 0);
	terminal_is("kept\n");
}

static int setup(void **state)
{
	(void)state;
	locale_utf8();
	setenv("TZ", "UTC0", 1);
	setenv("TERM", "xterm", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_verbose_and_quiet),
		cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_all_units),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_looks_and_times),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_terminal_cuts),
		cmocka_unit_test(test_terminal_verbose),
		cmocka_unit_test(test_terminal_narrow),
		cmocka_unit_test(test_terminal_bold),
		cmocka_unit_test(test_terminal_clears),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
