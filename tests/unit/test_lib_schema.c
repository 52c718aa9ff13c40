// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The schema says what the JSON sink does: same keys, same types, nothing else. */
#include "schema.h"
#include "test_lib.h"
#include "tool.h"

struct piece {
	const char *path;
	uint64_t bytes;
};

struct row {
	char name[8];
	uint64_t bytes, addr;
	int64_t change;
	double pct;
	bool on;
	struct list parts;
	struct object best;
	struct numbers ring;
};

static const struct col part_cols[] = { COL(struct piece, path, "", NONE, KEY, "which file"),
					COL(struct piece, bytes, "", BYTES, GAUGE, NULL),
					{} };

static const struct col cols[] = { COL(struct row, name, "NAME", NONE, KEY, "its \"name\""),
				   COL(struct row, addr, "ADDR", ADDR, KEY, "where"),
				   COL(struct row, change, "CHANGE", SBYTES, GAUGE, "since"),
				   COL(struct row, pct, "%", PERCENT, GAUGE, "share"),
				   COL_AS("bar", struct row, pct, "", BAR, GAUGE, 0, "share"),
				   COL(struct row, on, "ON", NONE, GAUGE, "is it"),
				   COL_LIST(struct row, parts, part_cols, "of what"),
				   COL_OBJECT(struct row, best, part_cols, "the best"),
				   COL(struct row, ring, "", NSEC, GAUGE, "pauses"),
				   {} };

static const struct section sections[] = {
	{ .key = "rows", .title = "All rows", .cols = cols, .shape = SEC_ROWS },
	{ .cols = part_cols, .shape = SEC_FIELDS },
	{ .key = "screen", .cols = cols, .shape = SEC_ROWS, .flags = SEC_TABLE_ONLY },
	{ .key = "one", .cols = part_cols, .shape = SEC_FIELDS },
	{}
};

static const struct section stream_sections[] = {
	{ .key = "rows", .cols = part_cols, .shape = SEC_ROWS },
	{ .key = "summary", .cols = part_cols, .shape = SEC_FIELDS },
	{}
};

static const struct tool tool = {
	.name = "gotest", .json_name = "test", .brief = "Test.", .sections = sections
};
static const struct tool stream = { .name = "gostream",
				    .brief = "Test.",
				    .sections = stream_sections,
				    .stream = true,
				    .no_target = true };

/* Without the blanks of the layout. */
static char *schema_text(const struct tool *t)
{
	struct capture c;
	char *to;

	capture_begin(&c);
	schema_print(t, c.f);
	to = capture_end(&c);
	for (char *p = c.text, quoted = 0; *p; p++) {
		quoted ^= *p == '"' && p[-1] != '\\';
		if (quoted || (*p != ' ' && *p != '\n'))
			*to++ = *p;
	}
	*to = '\0';
	return c.text;
}

#define PATH "\"path\":{\"description\":\"which file\",\"type\":[\"string\",\"null\"]},"
#define SIZE "\"bytes\":{\"type\":[\"integer\",\"null\"],\"minimum\":0,\"x-unit\":\"bytes\"}"
#define PART                                                                                       \
	"\"type\":\"object\",\"properties\":{" PATH SIZE "},\"required\":[\"path\",\"bytes\"],"    \
	"\"additionalProperties\":false"
#define COMMON                                                                                     \
	"\"ts_ns\":{\"description\":\"when this was seen\",\"type\":\"string\","                   \
	"\"pattern\":\"^[0-9]+$\",\"x-unit\":\"unix_ns\"},"

static void test_look(void **state)
{
	char *text = schema_text(&tool);

	(void)state;
	assert_string_equal(
		text,
		"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		"\"title\":\"gotest\",\"description\":\"Test.\",\"type\":\"object\","
		"\"properties\":{\"v\":{\"const\":1},\"tool\":{\"const\":\"test\"}," COMMON
		"\"pid\":{\"description\":\"the process, as this host names it\","
		"\"type\":\"integer\",\"minimum\":1},"
		"\"rows\":{\"type\":\"array\",\"items\":{\"description\":\"All rows\","
		"\"type\":\"object\",\"properties\":{"
		"\"name\":{\"description\":\"its \\\"name\\\"\",\"type\":[\"string\",\"null\"]},"
		"\"addr\":{\"description\":\"where\",\"type\":[\"string\",\"null\"],"
		"\"pattern\":\"^[0-9]+$\",\"x-unit\":\"address\"},"
		"\"change\":{\"description\":\"since\",\"type\":[\"integer\",\"null\"],"
		"\"x-unit\":\"bytes\"},"
		"\"pct\":{\"description\":\"share\",\"type\":[\"number\",\"null\"],"
		"\"x-unit\":\"percent\"},"
		"\"on\":{\"description\":\"is it\",\"type\":[\"boolean\",\"null\"]},"
		"\"parts\":{\"description\":\"of what\",\"type\":\"array\",\"items\":{" PART "}},"
		"\"best\":{\"description\":\"the best\"," PART "},"
		"\"ring\":{\"description\":\"pauses\",\"type\":\"array\",\"items\":"
		"{\"type\":[\"integer\",\"null\"],\"minimum\":0},\"x-unit\":\"ns\"}},"
		"\"required\":[\"name\",\"addr\",\"change\",\"pct\",\"on\",\"parts\",\"best\","
		"\"ring\"],\"additionalProperties\":false}}," PATH SIZE ",\"one\":{" PART "}},"
		"\"required\":[\"v\",\"tool\",\"ts_ns\",\"pid\",\"rows\",\"path\",\"bytes\","
		"\"one\"],\"additionalProperties\":false}");
	free(text);
}

static void test_stream(void **state)
{
	char *text = schema_text(&stream);

	(void)state;
	assert_string_equal(text,
			    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
			    "\"title\":\"gostream\",\"description\":\"Test.\",\"anyOf\":["
			    "{\"type\":\"object\",\"properties\":{\"v\":{\"const\":1},"
			    "\"tool\":{\"const\":\"gostream\"}," COMMON PATH SIZE "},"
			    "\"required\":[\"v\",\"tool\",\"ts_ns\",\"path\",\"bytes\"],"
			    "\"additionalProperties\":false},"
			    "{\"type\":\"object\",\"properties\":{\"v\":{\"const\":1},"
			    "\"tool\":{\"const\":\"gostream\"}," COMMON "\"summary\":{" PART "}},"
			    "\"required\":[\"v\",\"tool\",\"ts_ns\",\"summary\"],"
			    "\"additionalProperties\":false}]}");
	free(text);
}

static void keys_differ(const struct col *cols)
{
	for (const struct col *c = cols; c->key; c++) {
		if (!col_in_json(c))
			continue;
		for (const struct col *d = c + 1; d->key; d++)
			assert_false(col_in_json(d) && !strcmp(c->key, d->key));
		if (c->cols)
			keys_differ(c->cols);
	}
}

/* The names of the members of a tool's object, one after the other. */
static size_t members(const struct tool *t, const char **names, size_t room)
{
	static const char *const common[] = { "v", "tool", "ts_ns", "pid" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		names[n++] = common[i];
	for (const struct section *s = t->sections; s && s->cols; s++) {
		if (s->flags & SEC_TABLE_ONLY)
			continue;
		for (const struct col *c = s->cols; !s->key && c->key; c++)
			if (col_in_json(c) && n < room)
				names[n++] = c->key;
		if (s->key && n < room)
			names[n++] = s->key;
	}
	return n;
}

/* Of the tools that are linked in, none has an object with a key twice. */
static void test_all_tools(void **state)
{
	(void)state;
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t)) {
		const char *names[256];
		size_t n = members(t, names, ARRAY_SIZE(names));

		for (size_t i = 0; i < n; i++)
			for (size_t j = i + 1; j < n; j++)
				assert_string_not_equal(names[i], names[j]);
		for (const struct section *s = t->sections; s && s->cols; s++)
			keys_differ(s->cols);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_all_tools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
