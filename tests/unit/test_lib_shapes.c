// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Stacks and histograms in the formats that show rows; what sections must not declare. */
#include "test_lib_shapes.h"
#include "frontend.h"
#include "replay.h"
#include "schema.h"

static struct run run;
static struct capture cap;

static void format_begin(const struct tool *t, const char *format)
{
	run = (struct run){ .tool = t, .pid = 42, .first = true };
	capture_begin(&cap);
	assert_int_equal(emit_attach(&run, format, cap.f), 0);
}

static void format_is(const char *expected)
{
	assert_int_equal(emit_close(&run), 0);
	assert_string_equal(capture_end(&cap), expected);
	free(cap.text);
}

/* ---- JSON ---- */

#define HEAD(tool) "{\"v\":1,\"tool\":\"" tool "\",\"ts_ns\":\"7\",\"pid\":42,"
#define ONE_STOP                                                                                   \
	"\"reason\":\"GC \\\"mark\\\"\",\"start_ns\":\"5001\",\"stopping_ns\":250,"                \
	"\"stopped_ns\":1999,\"bytes\":1009,\"p\":3,\"stack\":["                                   \
	"{\"func\":\"main.alloc\",\"file\":\"/src/a b/main.go\",\"line\":42,\"inlined\":true,"     \
	"\"module\":null,\"addr\":\"4198400\"},"                                                   \
	"{\"func\":\"main.(*T).run;x y\",\"file\":\"/src/main.go\",\"line\":7,"                    \
	"\"inlined\":false,\"module\":\"/bin/server\",\"addr\":\"4198400\"},"                      \
	"{\"func\":null,\"file\":null,\"line\":null,\"inlined\":false,\"module\":\"libc.so.6\","   \
	"\"addr\":\"139637976732215\"},"                                                           \
	"{\"func\":\"main.main\",\"file\":\"main.go\",\"line\":null,\"inlined\":false,"            \
	"\"module\":null,\"addr\":null}]}"
#define NO_STACK                                                                                   \
	"\"reason\":\"sweep\",\"start_ns\":\"2000000011\",\"stopping_ns\":null,"                   \
	"\"stopped_ns\":1,\"bytes\":3001,\"p\":0,\"stack\":[]}"
#define HIST                                                                                       \
	"\"reason\":\"GC \\\"mark\\\"\",\"unit\":\"ns\",\"count\":6,\"sum\":1099511630837,"        \
	"\"min\":17,\"max\":1099511627776,\"buckets\":["                                           \
	"{\"low\":17,\"high\":17,\"count\":2},{\"low\":992,\"high\":1023,\"count\":3},"            \
	"{\"low\":1099511627776,\"high\":1168231104511,\"count\":1}]}"
#define SUMMARY "\"summary\":{\"stops\":5,\"pause_ns\":1002253}}\n"

static void all_emit(void)
{
	emit_begin(&run);
	ends_emit(&run);
	emit_row(&run, &shapes[STOPS], &stops[0]);
	emit_row(&run, &shapes[STOPS], &stops[2]);
	run.ts_ns = 7;
	assert_int_equal(emit_end(&run), 0);
}

/* Rows first, histograms, the summary last, in whatever order they were emitted. */
static void test_json_stream(void **state)
{
	(void)state;
	format_begin(&aashapes_tool, "json");
	all_emit();
	format_is(HEAD("aashapes") ONE_STOP "\n" HEAD("aashapes") NO_STACK "\n" HEAD(
		"aashapes") "\"hist\":\"pause_ns\"," HIST "\n" HEAD("aashapes") SUMMARY);
}

static void test_json_look(void **state)
{
	(void)state;
	format_begin(&aalooks_tool, "json");
	all_emit();
	format_is(HEAD("aalooks") "\"stops\":[{" ONE_STOP ",{" NO_STACK "],\"pause_ns\":[{" HIST
				  "]," SUMMARY);
}

static void test_json_nothing(void **state)
{
	(void)state;
	format_begin(&aalooks_tool, "json");
	emit_begin(&run);
	run.ts_ns = 7;
	assert_int_equal(emit_end(&run), 0);
	format_is(HEAD("aalooks") "\"stops\":[],\"pause_ns\":[],"
				  "\"summary\":{\"stops\":null,\"pause_ns\":null}}\n");
}

/* What a tool does with its frames and slots after emitting them is its own business. */
static void test_copies(void **state)
{
	char function[] = "f", file[] = "a.go", module[] = "m", reason[] = "r";
	struct stack_frame frame = { function, file, 1, false, module, 2 };
	struct stop stop = { reason, 1, 2, 3, 4, 5, { &frame, 1 } };
	uint64_t slots[HIST_SLOTS] = { [3] = 5 };
	struct hist h = { reason, slots, U64_NULL, U64_NULL, U64_NULL };

	(void)state;
	format_begin(&aashapes_tool, "json");
	emit_begin(&run);
	emit_row(&run, &shapes[STOPS], &stop);
	emit_hist(&run, &shapes[PAUSES], &h);
	memset(function, 'x', sizeof(function));
	memset(file, 'x', sizeof(file));
	memset(module, 'x', sizeof(module));
	memset(reason, 'x', sizeof(reason));
	memset(&frame, 'x', sizeof(frame));
	memset(&stop, 'x', sizeof(stop));
	memset(slots, 'x', sizeof(slots));
	run.ts_ns = 7;
	assert_int_equal(emit_end(&run), 0);
	format_is(HEAD("aashapes") "\"reason\":\"r\",\"start_ns\":\"1\",\"stopping_ns\":2,"
				   "\"stopped_ns\":3,\"bytes\":4,\"p\":5,\"stack\":["
				   "{\"func\":\"f\",\"file\":\"a.go\",\"line\":1,"
				   "\"inlined\":false,\"module\":\"m\",\"addr\":\"2\"}]}\n" HEAD(
					   "aashapes") "\"hist\":\"pause_ns\",\"reason\":\"r\","
						       "\"unit\":\"ns\",\"count\":5,\"sum\":null,"
						       "\"min\":null,\"max\":null,\"buckets\":["
						       "{\"low\":3,\"high\":3,\"count\":5}]}\n");
}

static void schema_contains(const struct tool *t, const char *part)
{
	struct capture c;
	char *to;

	capture_begin(&c);
	schema_print(t, c.f);
	to = capture_end(&c);
	for (char *p = c.text; *p; p++)
		if (*p != ' ' && *p != '\n')
			*to++ = *p;
	*to = '\0';
	assert_contains(c.text, part);
	free(c.text);
}

static void test_schema(void **state)
{
	(void)state;
	schema_contains(&aashapes_tool,
			"\"hist\":{\"const\":\"pause_ns\"},\"reason\":{\"description\":"
			"\"whichhistogramitis\",\"type\":[\"string\",\"null\"]},"
			"\"unit\":{\"const\":\"ns\"},\"count\":{");
	schema_contains(&aashapes_tool, "\"required\":[\"v\",\"tool\",\"ts_ns\",\"pid\",\"hist\","
					"\"reason\",\"unit\",\"count\",\"sum\",\"min\",\"max\","
					"\"buckets\"],\"additionalProperties\":false}");
	schema_contains(&aalooks_tool, "\"pause_ns\":{\"type\":\"array\",\"items\":{"
				       "\"description\":\"Pauses\",\"type\":\"object\","
				       "\"properties\":{\"reason\":{");
	schema_contains(&aalooks_tool, "\"stack\":{\"description\":\"whoasked\",\"type\":\"array\","
				       "\"items\":{\"type\":\"object\",\"properties\":{\"func\":{");
	schema_contains(&aalooks_tool, "\"required\":[\"func\",\"file\",\"line\",\"inlined\","
				       "\"module\",\"addr\"]");
	schema_contains(&aalooks_tool, "\"pid\",\"stops\",\"pause_ns\",\"summary\"]");
}

static void test_man(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	man_print(&aashapes_tool, c.f);
	capture_end(&c);
	assert_contains(c.text, "\\fBstack[]\\fR\nwho asked\n");
	assert_contains(c.text, "\\fBstack[].func\\fR\n");
	assert_contains(c.text, "\\fBhist\\fR\n");
	assert_contains(c.text, "\\fBbuckets[].low\\fR\n");
	assert_contains(c.text, "\\fBsummary.stops\\fR\n");
	free(c.text);
	capture_begin(&c);
	man_print(&aalooks_tool, c.f);
	capture_end(&c);
	assert_contains(c.text, "\\fBpause_ns[].reason\\fR\n");
	assert_contains(c.text, "\\fBpause_ns[].buckets[].low\\fR\n");
	free(c.text);
}

/* ---- tables ---- */

#define FIRST_ROW                                                                                  \
	"REASON        START  STOPPING  STOPPED    BYTES  STACK\n"                                 \
	"GC \"mark\"  0.000005    250 ns   2.0 us   1009 B  main.alloc\n"
#define LAST_ROW "sweep      2.000000         -     1 ns  2.9 KiB  -\n"
static void rows_table(uint32_t verbose, const char *expected)
{
	format_begin(&aalooks_tool, "table");
	run.verbose = verbose;
	emit_begin(&run);
	emit_row(&run, &shapes[STOPS], &stops[0]);
	emit_row(&run, &shapes[STOPS], &stops[2]);
	assert_int_equal(emit_end(&run), 0);
	format_is(expected);
}

static void test_table(void **state)
{
	(void)state;
	rows_table(0, FIRST_ROW LAST_ROW);
	rows_table(1, FIRST_ROW "    main.alloc main.go:42 (inlined)\n"
				"    main.(*T).run;x y main.go:7\n"
				"    libc.so.6@0x7f0000001237\n"
				"    main.main main.go\n" LAST_ROW);
}

static void hist_table(const struct hist *h, const char *expected)
{
	format_begin(&aalooks_tool, "table");
	emit_begin(&run);
	emit_hist(&run, &shapes[PAUSES], h);
	assert_int_equal(emit_end(&run), 0);
	format_is(expected);
}

/* Only the span of powers that has values, gaps in it included. */
static void test_drawing(void **state)
{
	uint64_t slots[HIST_SLOTS] = {};
	struct hist h = {
		.value = "x\033[m", .slots = slots, .sum = 10007, .min = 300, .max = 2100
	};

	(void)state;
	slots[hist_slot(300)] = 3;
	slots[hist_slot(400)] = 4;
	slots[hist_slot(2100)] = 1;
	hist_table(&h, "Pauses\nreason: x\\x1b[m\n"
		       "           range  count |distribution                            |\n"
		       "256 ns -> 511 ns      7 |****************************************|\n"
		       "512 ns -> 1.0 us      0 |                                        |\n"
		       "1.0 us -> 2.0 us      0 |                                        |\n"
		       "2.0 us -> 4.1 us      1 |*****                                   |\n"
		       "count 8  mean 1.3 us  p50 415 ns  p99 2.1 us  max 2.1 us\n");
}

static void test_drawing_limits(void **state)
{
	uint64_t slots[HIST_SLOTS] = {};
	struct hist h = { .slots = slots, .sum = U64_NULL, .min = U64_NULL, .max = U64_NULL };

	(void)state;
	hist_table(&h, "Pauses\nreason: -\ncount 0\n");
	slots[0] = 1;
	hist_table(&h, "Pauses\nreason: -\n"
		       "       range  count |distribution                            |\n"
		       "0 ns -> 0 ns      1 |****************************************|\n"
		       "count 1  p50 0 ns  p99 0 ns\n");
	slots[0] = 0;
	slots[HIST_SLOTS - 1] = UINT64_MAX;
	format_begin(&aalooks_tool, "table");
	emit_begin(&run);
	emit_hist(&run, &shapes[PAUSES], &h);
	assert_int_equal(emit_end(&run), 0);
	emit_close(&run);
	capture_end(&cap);
	for (const char *p = cap.text, *end; (end = strchr(p, '\n')); p = end + 1)
		assert_true(end - p <= 80);
	free(cap.text);
}

/* ---- Prometheus ---- */

#define P "gomemtrace_aashapes_pause_seconds"
#define L "{pid=\"42\",reason=\"GC \\\"mark\\\"\""

static void test_prom(void **state)
{
	(void)state;
	format_begin(&aashapes_tool, "prom");
	all_emit();
	assert_int_equal(emit_round(&run), 0);
	assert_int_equal(emit_close(&run), 0);
	capture_end(&cap);
	assert_contains(cap.text,
			"# HELP " P " Pauses\n# TYPE " P " histogram\n" P "_bucket" L
			",le=\"0.000001023\"} 5\n" P "_bucket" L ",le=\"0.000002047\"} 5\n");
	assert_contains(cap.text,
			P "_bucket" L ",le=\"17.179869183\"} 5\n" P "_bucket" L
			  ",le=\"+Inf\"} 6\n" P "_sum" L "} 1099.511630837\n" P "_count" L "} 6\n");
	assert_contains(cap.text, "gomemtrace_aashapes_stops_bytes" L ",p=\"3\"} 1009\n");
	assert_null(strstr(cap.text, "stack"));
	assert_null(strstr(cap.text, "main.alloc"));
	free(cap.text);
}

/* Of events that all differ the last ones are kept, and half of the most at least. */
static void test_prom_events(void **state)
{
	const uint32_t n = 5003;
	struct stop s = stops[2];
	size_t samples = 0;

	(void)state;
	format_begin(&aashapes_tool, "prom");
	emit_begin(&run);
	for (s.p = 0; s.p < n; s.p++)
		emit_row(&run, &shapes[STOPS], &s);
	assert_int_equal(emit_end(&run), 0);
	assert_int_equal(emit_round(&run), 0);
	assert_int_equal(emit_close(&run), 0);
	capture_end(&cap);
	for (const char *t = cap.text; (t = strstr(t, "stops_bytes{")); t++)
		samples++;
	assert_in_range(samples, 2048, 4096);
	assert_contains(cap.text, "stops_bytes{pid=\"42\",reason=\"sweep\",p=\"5002\"} 3001\n");
	assert_null(strstr(cap.text, ",p=\"0\"}"));
	free(cap.text);
}

/* ---- recordings ---- */

static void record(const struct tool *t, const char *format, struct capture *raw)
{
	format_begin(t, format);
	capture_begin(raw);
	assert_int_equal(emit_attach(&run, "raw", raw->f), 0);
	assert_int_equal(t->look(&run), 0);
	run.look++;
	if (t->finish)
		assert_int_equal(t->finish(&run), 0);
	assert_int_equal(emit_round(&run), 0);
	assert_int_equal(emit_close(&run), 0);
	capture_end(raw);
	capture_end(&cap);
}

/* A recording says in every format what was said when it was made. */
static void test_replay(void **state)
{
	static const char *const formats[] = { "json", "table", "prom", "trace", "folded" };
	const struct tool *const tools[] = { &aashapes_tool, &aalooks_tool };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats) * ARRAY_SIZE(tools); i++) {
		const char *format = formats[i / ARRAY_SIZE(tools)];
		struct capture raw, again;

		record(tools[i % ARRAY_SIZE(tools)], format, &raw);
		assert_true(cap.len > 0);
		capture_begin(&again);
		assert_int_equal(replay_parse((uint8_t *)raw.text, raw.len, format, again.f), 0);
		assert_string_equal(capture_end(&again), cap.text);
		free(again.text);
		free(raw.text);
		free(cap.text);
	}
}

/* ---- what sections must not declare ---- */

static void is_wrong(struct section s, const char *why)
{
	const struct section sections[] = { s, {} };

	assert_int_equal(sections_check(sections), -EINVAL);
	assert_contains(fail_text(), why);
}

static void span_is_wrong(struct span_cols span, const char *why)
{
	const struct span_cols spans[] = { span, {} };
	struct section s = shapes[STOPS];

	s.spans = spans;
	is_wrong(s, why);
}

static void test_spans_checked(void **state)
{
	(void)state;
	assert_int_equal(sections_check(shapes), 0);
	span_is_wrong((struct span_cols){ .name = "n", .start = "no", .dur = "stopped_ns" },
		      "section stops: a span needs a column no of unit monotonic_ns");
	span_is_wrong((struct span_cols){ .name = "n", .start = "bytes" }, "a column bytes of");
	span_is_wrong((struct span_cols){ .name = "n", .start = "start_ns", .dur = "start_ns" },
		      "a column start_ns of unit ns");
	span_is_wrong((struct span_cols){ .name = "n", .start = "start_ns", .end = "bytes" },
		      "a column bytes of unit monotonic_ns");
	span_is_wrong((struct span_cols){ .name = "n",
					  .start = "start_ns",
					  .after = { "stopping_ns", "p" } },
		      "a column p of unit ns");
	span_is_wrong((struct span_cols){ .start = "start_ns" }, "a span has no name");
	span_is_wrong((struct span_cols){ .name_of = "stack", .start = "start_ns" },
		      "a column stack of texts");
	span_is_wrong((struct span_cols){ .name = "n", .track_of = "P", .start = "start_ns" },
		      "a column P of texts");
	span_is_wrong(
		(struct span_cols){
			.name = "n", .start = "start_ns", .dur = "stopped_ns", .end = "start_ns" },
		"either a duration or an end");
}

static void test_sections_checked(void **state)
{
	struct section rows = shapes[STOPS], hist = shapes[PAUSES], fields = shapes[TOTALS];
	const struct section two[] = { rows, rows, {} };

	(void)state;
	rows.weight = "reason";
	is_wrong(rows, "a profile needs a stack and a column reason of whole numbers");
	rows.weight = NULL;
	rows.unit = NSEC;
	is_wrong(rows, "histograms have hist_cols");
	hist.unit = NONE;
	is_wrong(hist, "a histogram is of a count, bytes or ns");
	hist.unit = NSEC;
	hist.cols = total_cols;
	is_wrong(hist, "histograms have hist_cols");
	fields.spans = stop_spans;
	is_wrong(fields, "only rows have spans");
	assert_int_equal(sections_check(two), -EINVAL);
	assert_contains(fail_text(), "2 sections are profiles");
}

/* Nothing runs with such sections. */
static void test_checked_at_start(void **state)
{
	static const struct section sections[] = {
		{ .key = "rows", .cols = total_cols, .shape = SEC_ROWS, .weight = "stops" }, {}
	};
	static const struct tool tool = { .name = "gobad", .sections = sections };

	(void)state;
	run = (struct run){ .tool = &tool };
	assert_int_equal(emit_attach(&run, "json", stdout), -EINVAL);
	emit_close(&run);
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		assert_int_equal(sections_check(t->sections), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_stream),
		cmocka_unit_test(test_json_look),
		cmocka_unit_test(test_json_nothing),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_man),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_drawing),
		cmocka_unit_test(test_drawing_limits),
		cmocka_unit_test(test_prom),
		cmocka_unit_test(test_prom_events),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_spans_checked),
		cmocka_unit_test(test_sections_checked),
		cmocka_unit_test(test_checked_at_start),
	};

	locale_utf8();
	return cmocka_run_group_tests_name("lib_shapes", tests, NULL, NULL);
}
