// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Columns in the words of Prometheus. */
#include "prom_name.h"
#include "test_lib.h"
#include "tool.h"

struct row {
	uint64_t n;
	int64_t s;
	double d;
};

static const char *name_of(const char *key, enum unit unit, enum role role)
{
	static char name[PROM_NAME_MAX];
	const struct col c = { .key = key, .unit = unit, .role = role };

	prom_name(name, sizeof(name), "p", &c);
	return name;
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(name_of("rss", BYTES, GAUGE), "p_rss_bytes");
	assert_string_equal(name_of("moved_bytes", BYTES, GAUGE), "p_moved_bytes");
	assert_string_equal(name_of("window_ns", NSEC, GAUGE), "p_window_seconds");
	assert_string_equal(name_of("PauseTotalNs", NSEC, COUNTER), "p_pause_seconds_total");
	assert_string_equal(name_of("TotalAlloc", BYTES, COUNTER), "p_total_alloc_bytes_total");
	assert_string_equal(name_of("NumGC", COUNT, COUNTER), "p_num_gc_total");
	assert_string_equal(name_of("GCSys", BYTES, GAUGE), "p_gc_sys_bytes");
	assert_string_equal(name_of("MSpanInuse", BYTES, GAUGE), "p_mspan_inuse_bytes");
	assert_string_equal(name_of("LastGC", TIME, GAUGE), "p_last_gc_timestamp_seconds");
	assert_string_equal(name_of("percent", PERCENT, GAUGE), "p_ratio");
	assert_string_equal(name_of("go.heap-live", NONE, GAUGE), "p_go_heap_live");
	assert_string_equal(name_of("4xx", NONE, GAUGE), "p_4xx");
}

/* However long the key is. */
static void test_long_names(void **state)
{
	char key[400], name[40] = "";

	(void)state;
	memset(key, 'K', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_true(strlen(name_of(key, BYTES, COUNTER)) < PROM_NAME_MAX);
	prom_snake(name, sizeof(name), key, "_");
	assert_true(strlen(name) < sizeof(name));
}

static const char *value_of(enum unit unit, struct value v)
{
	static char text[40];
	const struct col c = { .unit = unit };

	return prom_value(text, sizeof(text), &c, &v) ? text : NULL;
}

#define U(n) ((struct value){ .kind = V_U64, .u = (n) })
#define S(n) ((struct value){ .kind = V_S64, .s = (n) })
#define D(n) ((struct value){ .kind = V_DOUBLE, .d = (n) })

static void test_values(void **state)
{
	(void)state;
	assert_string_equal(value_of(BYTES, U(UINT64_MAX - 1)), "18446744073709551614");
	assert_string_equal(value_of(SBYTES, S(INT64_MIN + 1)), "-9223372036854775807");
	assert_string_equal(value_of(NSEC, U(1)), "0.000000001");
	assert_string_equal(value_of(NSEC, U(1500000000)), "1.5");
	assert_string_equal(value_of(NSEC, U(2000000000)), "2");
	assert_string_equal(value_of(NSEC, U(0)), "0");
	assert_string_equal(value_of(NSEC, S(-1500000000)), "-1.5");
	assert_string_equal(value_of(TIME, U(1700000000123456789)), "1700000000.123456789");
	assert_string_equal(value_of(PERCENT, D(50)), "0.5");
	assert_string_equal(value_of(PERCENT, U(5)), "0.05");
	assert_string_equal(value_of(NONE, D(0.25)), "0.25");
	assert_string_equal(value_of(NONE, ((struct value){ .kind = V_BOOL, .b = true })), "1");
	assert_null(value_of(ADDR, U(1)));
	assert_null(value_of(BAR, D(1)));
	assert_null(value_of(NONE, ((struct value){ .kind = V_NULL })));
	assert_null(value_of(NONE, ((struct value){ .kind = V_TEXT, .text = "1", .len = 1 })));
}

/* ---- the names of every tool ---- */

#define NAMES_MAX 512

static char names[NAMES_MAX][PROM_NAME_MAX];
static size_t nr_names;

static void name_once(const char *prefix, const struct col *c)
{
	char name[PROM_NAME_MAX];

	prom_name(name, sizeof(name), prefix, c);
	for (size_t i = 0; i < nr_names; i++)
		if (!strcmp(names[i], name)) {
			print_error("%s is of two columns\n", name);
			_fail(__FILE__, __LINE__);
		}
	assert_true(nr_names < NAMES_MAX);
	strcpy(names[nr_names++], name);
}

static void columns_once(const char *prefix, const struct col *cols)
{
	for (const struct col *c = cols; c->key; c++) {
		char inner[PROM_NAME_MAX];

		if (c->role == KEY || !col_in_json(c) || col_is_text(c) || c->type == CT_LIST)
			continue;
		if (c->type == CT_OBJECT) {
			snprintf(inner, sizeof(inner), "%s", prefix);
			prom_snake(inner, sizeof(inner), c->key, "_");
			columns_once(inner, c->cols);
		} else {
			name_once(prefix, c);
		}
	}
}

static size_t section_once(const struct tool *t, const struct section *s)
{
	const struct col hist = { .key = s->key, .unit = s->unit };
	char prefix[PROM_NAME_MAX];

	if (s->flags & SEC_TABLE_ONLY)
		return 0;
	prom_prefix(prefix, sizeof(prefix), t, s);
	if (s->shape == SEC_HIST)
		name_once(prefix, &hist);
	else
		columns_once(prefix, s->cols);
	return s->shape == SEC_HIST;
}

/* A metric is of one column or one histogram. */
static void test_tools(void **state)
{
	size_t tools = 0, hists = 0;

	(void)state;
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t), tools++) {
		nr_names = 0;
		for (const struct section *s = t->sections; s && s->cols; s++)
			hists += section_once(t, s);
	}
	assert_true(tools >= 3 && hists >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_tools),
	};

	return cmocka_run_group_tests_name("lib_prom", tests, NULL, NULL);
}
