// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* From emit to JSON: what is there when nothing was emitted, order, copies, failures. */
#include "test_lib.h"
#include "tool.h"
#include <math.h>

struct check {
	uint32_t checked, failed;
};

struct id {
	char comm[8];
	const char *module;
	uint64_t start_ns, last_gc;
	int8_t proven;
	bool ended;
	double share;
	struct object invariants;
	struct numbers pauses, stamps;
};

struct file {
	const char *path;
	uint64_t bytes;
};

struct row {
	const char *name;
	uint64_t bytes;
	int32_t change;
	struct list files;
};

static const struct col check_cols[] = { COL(struct check, checked, "", COUNT, GAUGE, "tests made"),
					 COL(struct check, failed, "", COUNT, GAUGE,
					     "tests that failed"),
					 {} };

static const struct col id_cols[] = {
	COL(struct id, comm, "COMM", NONE, KEY, "its name"),
	COL(struct id, module, "MODULE", NONE, KEY, "its module"),
	COL(struct id, start_ns, "START", MONO, GAUGE, "when it began"),
	COL_AS("LastGC", struct id, last_gc, "LAST GC", TIME, GAUGE, 0, "end of the last cycle"),
	COL(struct id, proven, "PROVEN", NONE, GAUGE, "layout holds"),
	COL(struct id, ended, "ENDED", NONE, GAUGE, "it is gone"),
	COL(struct id, share, "%", PERCENT, GAUGE, "a share"),
	COL_AS("bar", struct id, share, "", BAR, GAUGE, 0, "the share drawn"),
	COL_OBJECT(struct id, invariants, check_cols, "of the runtime"),
	COL(struct id, pauses, "", NSEC, GAUGE, "ring of pauses"),
	COL(struct id, stamps, "", TIME, GAUGE, "ring of times"),
	{}
};

static const struct col file_cols[] = { COL(struct file, path, "", NONE, KEY, "which file"),
					COL(struct file, bytes, "", BYTES, GAUGE, "in RAM"),
					{} };

static const struct col row_cols[] = { COL(struct row, name, "NAME", NONE, KEY, "which row"),
				       COL(struct row, bytes, "SIZE", BYTES, GAUGE, "in RAM"),
				       COL(struct row, change, "CHANGE", SBYTES, GAUGE, "since"),
				       COL_F(struct row, name, "LABEL", NONE, KEY, COL_TABLE_ONLY,
					     "for people"),
				       COL_LIST(struct row, files, file_cols, "by file"),
				       {} };

enum { ID, ROWS, NESTED, OTHER, SCREEN };

static const struct section sections[] = {
	[ID] = { .cols = id_cols, .shape = SEC_FIELDS },
	[ROWS] = { .key = "rows", .cols = row_cols, .shape = SEC_ROWS, .flags = SEC_SORTABLE },
	[NESTED] = { .key = "nested", .cols = check_cols, .shape = SEC_FIELDS },
	[OTHER] = { .key = "other", .cols = check_cols, .shape = SEC_ROWS },
	[SCREEN] = { .key = "screen",
		     .cols = check_cols,
		     .shape = SEC_ROWS,
		     .flags = SEC_TABLE_ONLY },
	{}
};

static const struct section stream_sections[] = {
	{ .key = "rows", .cols = row_cols, .shape = SEC_ROWS, .flags = SEC_SORTABLE },
	{ .key = "summary", .cols = check_cols, .shape = SEC_FIELDS },
	{}
};

static const struct tool tool = { .name = "gotest", .json_name = "test", .sections = sections };
static const struct tool stream = { .name = "gotest", .sections = stream_sections, .stream = true };

static struct run run;
static struct capture cap;

static void json_begin(const struct tool *t)
{
	run = (struct run){ .tool = t, .pid = 42 };
	capture_begin(&cap);
	assert_int_equal(emit_attach(&run, "json", cap.f), 0);
}

static void look_end(void)
{
	run.ts_ns = 7;
	assert_int_equal(emit_end(&run), 0);
}

static void json_is(const char *expected)
{
	assert_int_equal(emit_close(&run), 0);
	assert_string_equal(capture_end(&cap), expected);
	free(cap.text);
}

#define HEAD "{\"v\":1,\"tool\":\"test\",\"ts_ns\":\"7\",\"pid\":42,"
#define NULL_ID                                                                                    \
	"\"comm\":null,\"module\":null,\"start_ns\":null,\"LastGC\":null,\"proven\":null,"         \
	"\"ended\":null,\"share\":null,\"invariants\":{\"checked\":null,\"failed\":null},"         \
	"\"pauses\":[],\"stamps\":[],"
#define NO_NESTED "\"nested\":{\"checked\":null,\"failed\":null},"

/* Every declared key is there, whatever was emitted. */
static void test_nothing(void **state)
{
	(void)state;
	json_begin(&tool);
	emit_begin(&run);
	emit_text(&run, "people only");
	emit_heading(&run, "people only");
	emit_lr(&run, "people", "only");
	look_end();
	json_is(HEAD NULL_ID "\"rows\":[]," NO_NESTED "\"other\":[]}\n");
}

static void test_everything(void **state)
{
	const uint64_t ring[] = { 5, U64_NULL, UINT64_MAX - 1 };
	const struct check inner = { 8, U32_NULL };
	const struct file files[] = { { "/a", 1 }, { NULL, U64_NULL } };
	const struct id id = { .comm = { 'n', 'o', ' ', 'e', 'n', 'd', '"', '\n' },
			       .module = "m\xff",
			       .start_ns = UINT64_MAX - 1,
			       .last_gc = 0,
			       .proven = 1,
			       .share = 0.1,
			       .invariants = { &inner },
			       .pauses = { ring, 3 },
			       .stamps = { ring, 2 } };
	const struct row row = { "r", UINT64_MAX - 1, -5, { files, 2, sizeof(files[0]) } };

	(void)state;
	json_begin(&tool);
	emit_begin(&run);
	emit_row(&run, &sections[OTHER], &inner);
	emit_row(&run, &sections[ROWS], &row);
	emit_fields(&run, &sections[NESTED], &inner);
	emit_fields(&run, &sections[ID], &id);
	emit_row(&run, &sections[SCREEN], &inner);
	look_end();
	json_is(HEAD "\"comm\":\"no end\\\"\\u000a\",\"module\":\"m\\ufffd\","
		     "\"start_ns\":\"18446744073709551614\",\"LastGC\":\"0\",\"proven\":true,"
		     "\"ended\":false,\"share\":0.1,"
		     "\"invariants\":{\"checked\":8,\"failed\":null},"
		     "\"pauses\":[5,null,18446744073709551614],\"stamps\":[\"5\",null],"
		     "\"rows\":[{\"name\":\"r\",\"bytes\":18446744073709551614,\"change\":-5,"
		     "\"files\":[{\"path\":\"/a\",\"bytes\":1},{\"path\":null,\"bytes\":null}]}],"
		     "\"nested\":{\"checked\":8,\"failed\":null},"
		     "\"other\":[{\"checked\":8,\"failed\":null}]}\n");
}

/* What a tool does with its row after emitting it is its own business. */
static void test_copies(void **state)
{
	char name[] = "before", path[] = "/before";
	uint64_t numbers[] = { 1, 2 };
	struct check inner = { 1, 1 };
	struct file file = { path, 1 };
	struct row row = { name, 1, 1, { &file, 1, sizeof(file) } };
	struct id id = { .comm = "c", .invariants = { &inner }, .pauses = { numbers, 2 } };

	(void)state;
	json_begin(&tool);
	emit_begin(&run);
	emit_fields(&run, &sections[ID], &id);
	emit_row(&run, &sections[ROWS], &row);
	memset(name, 'x', sizeof(name));
	memset(path, 'x', sizeof(path));
	memset(numbers, 'x', sizeof(numbers));
	memset(&inner, 'x', sizeof(inner));
	memset(&file, 'x', sizeof(file));
	memset(&row, 'x', sizeof(row));
	memset(&id, 'x', sizeof(id));
	look_end();
	json_is(HEAD "\"comm\":\"c\",\"module\":null,\"start_ns\":\"0\",\"LastGC\":\"0\","
		     "\"proven\":false,\"ended\":false,\"share\":0,"
		     "\"invariants\":{\"checked\":1,\"failed\":1},\"pauses\":[1,2],\"stamps\":[],"
		     "\"rows\":[{\"name\":\"before\",\"bytes\":1,\"change\":1,"
		     "\"files\":[{\"path\":\"/before\",\"bytes\":1}]}]," NO_NESTED
		     "\"other\":[]}\n");
}

/* A look that was not finished leaves no trace. */
static void test_drop(void **state)
{
	const struct check check = { 1, 2 };

	(void)state;
	json_begin(&tool);
	emit_begin(&run);
	emit_fields(&run, &sections[NESTED], &check);
	emit_row(&run, &sections[OTHER], &check);
	emit_drop(&run);
	emit_begin(&run);
	emit_row(&run, &sections[OTHER], &check);
	emit_begin(&run);
	look_end();
	json_is(HEAD NULL_ID "\"rows\":[]," NO_NESTED "\"other\":[]}\n");
}

static const char *names_sorted(const char *sort, uint32_t max_rows)
{
	static const struct row rows[] = {
		{ "b", 10, -1, {} },       { "a", 30, 5, {} },        { NULL, 20, 0, {} },
		{ "ab", U64_NULL, 5, {} }, { "c", 30, S32_NULL, {} },
	};
	static char names[64];

	json_begin(&stream);
	run.sort = sort;
	run.max_rows = max_rows;
	emit_begin(&run);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		emit_row(&run, &stream_sections[0], &rows[i]);
	look_end();
	emit_close(&run);
	capture_end(&cap);
	*names = '\0';
	for (const char *p = cap.text; (p = strstr(p, "\"name\":")); p++)
		strncat(names, p + 7, strcspn(p + 7, ","));
	free(cap.text);
	return names;
}

/* Numbers from the largest down, texts from A to Z, nulls at the end, equals in order. */
static void test_sort(void **state)
{
	(void)state;
	assert_string_equal(names_sorted(NULL, 0), "\"b\"\"a\"null\"ab\"\"c\"");
	assert_string_equal(names_sorted("SIZE", 0), "\"a\"\"c\"null\"b\"\"ab\"");
	assert_string_equal(names_sorted("bytes", 2), "\"a\"\"c\"");
	assert_string_equal(names_sorted("Change", 0), "\"a\"\"ab\"null\"b\"\"c\"");
	assert_string_equal(names_sorted("name", 0), "\"a\"\"ab\"\"b\"\"c\"null");
	assert_string_equal(names_sorted(NULL, 1), "\"b\"");
	assert_string_equal(names_sorted(NULL, 99), "\"b\"\"a\"null\"ab\"\"c\"");
}

static void test_not_sortable(void **state)
{
	const struct check checks[] = { { 1, 1 }, { 2, 2 } };

	(void)state;
	json_begin(&tool);
	run.sort = "checked";
	run.max_rows = 1;
	emit_begin(&run);
	emit_row(&run, &sections[OTHER], &checks[0]);
	emit_row(&run, &sections[OTHER], &checks[1]);
	look_end();
	json_is(HEAD NULL_ID "\"rows\":[]," NO_NESTED
			     "\"other\":[{\"checked\":1,\"failed\":1},{\"checked\":2,"
			     "\"failed\":2}]}\n");
}

/* One object a row, members beside the common ones; the summary is an object of its own. */
static void test_stream(void **state)
{
	const struct row row = { "r", 1, 2, {} };
	const struct check summary = { 3, 0 };
	char *comma;

	(void)state;
	json_begin(&stream);
	emit_row(&run, &stream_sections[0], &row);
	fflush(cap.f);
	assert_contains(cap.text, "{\"v\":1,\"tool\":\"gotest\",\"ts_ns\":\"1");
	comma = strstr(cap.text, ",\"pid\":42,");
	assert_non_null(comma);
	assert_string_equal(comma, ",\"pid\":42,\"name\":\"r\",\"bytes\":1,\"change\":2,"
				   "\"files\":[]}\n");
	emit_text(&run, "people only");
	emit_fields(&run, &stream_sections[1], &summary);
	fflush(cap.f);
	assert_contains(strchr(cap.text, '\n'),
			",\"pid\":42,\"summary\":{\"checked\":3,\"failed\":0}}\n");
	assert_int_equal(emit_close(&run), 0);
	free(capture_end(&cap));
}

static void test_many_rows(void **state)
{
	size_t lines = 0;

	(void)state;
	json_begin(&stream);
	emit_begin(&run);
	for (uint64_t i = 0; i < 10007; i++) {
		struct row row = { "a name that takes some room", i, 0, {} };

		emit_row(&run, &stream_sections[0], &row);
	}
	look_end();
	emit_close(&run);
	capture_end(&cap);
	for (const char *p = cap.text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 10007);
	free(cap.text);
}

static void test_several_sinks(void **state)
{
	const struct check check = { 1, 2 };
	struct capture table;

	(void)state;
	json_begin(&tool);
	capture_begin(&table);
	assert_int_equal(emit_attach(&run, "table", table.f), 0);
	assert_int_equal(emit_attach(&run, "xml", table.f), -EINVAL);
	emit_begin(&run);
	emit_row(&run, &sections[SCREEN], &check);
	look_end();
	json_is(HEAD NULL_ID "\"rows\":[]," NO_NESTED "\"other\":[]}\n");
	assert_string_equal(capture_end(&table), "1  2\n");
	free(table.text);
}

/* An error of writing is told once and stays. */
static void test_no_space(void **state)
{
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	run = (struct run){ .tool = &tool, .pid = 42 };
	assert_int_equal(emit_attach(&run, "json", full), 0);
	emit_begin(&run);
	assert_int_equal(emit_end(&run), -ENOSPC);
	assert_contains(fail_text(), "cannot write stdout: No space left on device");
	emit_begin(&run);
	assert_int_equal(emit_end(&run), -ENOSPC);
	assert_int_equal(emit_error(&run), -ENOSPC);
	assert_int_equal(emit_close(&run), -ENOSPC);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),       cmocka_unit_test(test_everything),
		cmocka_unit_test(test_copies),        cmocka_unit_test(test_drop),
		cmocka_unit_test(test_sort),          cmocka_unit_test(test_not_sortable),
		cmocka_unit_test(test_stream),        cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_several_sinks), cmocka_unit_test(test_no_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
