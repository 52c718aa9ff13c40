// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Recordings: what goes in comes out, and what is wrong with one is told, not believed. */
#include "hist.h"
#include "raw.h"
#include "replay.h"
#include "test_lib.h"
#include "tool.h"
#include <endian.h>
#include <math.h>
#include <zlib.h>

struct part {
	uint64_t size;
	const char *name;
};

struct all {
	uint64_t u64;
	int64_t s64;
	uint32_t u32;
	int32_t s32;
	uint16_t u16;
	uint8_t u8;
	int8_t tri;
	bool flag;
	double real;
	char chars[6];
	const char *str;
	struct numbers numbers;
	struct list list;
	struct object object;
	struct stack stack;
	uint64_t start, took;
};

static const struct col part_cols[] = { COL(struct part, size, "SIZE", BYTES, GAUGE, "its size"),
					COL(struct part, name, "NAME", NONE, KEY, "its name"),
					{} };

static const struct col all_cols[] = {
	COL(struct all, u64, "U64", BYTES, GAUGE, "eight bytes"),
	COL(struct all, s64, "S64", SBYTES, GAUGE, "signed"),
	COL(struct all, u32, "U32", COUNT, COUNTER, "four"),
	COL(struct all, s32, "S32", NONE, GAUGE, "four, signed"),
	COL(struct all, u16, "U16", ADDR, GAUGE, "two"),
	COL(struct all, u8, "U8", STARS, GAUGE, "one"),
	COL(struct all, tri, "TRI", NONE, GAUGE, "yes, no, who knows"),
	COL(struct all, flag, "FLAG", NONE, GAUGE, "yes or no"),
	COL(struct all, real, "REAL", PERCENT, GAUGE, "a fraction"),
	COL(struct all, chars, "CHARS", NONE, KEY, "a short text"),
	COL(struct all, str, "STR", NONE, GAUGE, "a text"),
	COL_AS("str", struct all, chars, "AGAIN", NONE, GAUGE, COL_TABLE_ONLY, "the key again"),
	COL(struct all, numbers, "", NSEC, GAUGE, "a ring"),
	COL_LIST(struct all, list, part_cols, "parts"),
	COL_OBJECT(struct all, object, part_cols, "a part"),
	COL(struct all, stack, "STACK", NONE, GAUGE, "who"),
	COL(struct all, start, "START", MONO, GAUGE, "when"),
	COL(struct all, took, "TOOK", NSEC, GAUGE, "how long"),
	{}
};

static const struct span_cols spans[] = {
	{ .start = "start", .dur = "took", .name_of = "str", .track = "u8", .track_of = "u8" }, {}
};

enum { S_SELF, S_ROWS, S_TABLE, S_HIST };

static const struct section sections[] = {
	[S_SELF] = { .cols = all_cols, .shape = SEC_FIELDS, .flags = SEC_SHOW },
	[S_ROWS] = { .key = "rows",
		     .cols = all_cols,
		     .shape = SEC_ROWS,
		     .flags = SEC_SORTABLE,
		     .spans = spans,
		     .weight = "u32" },
	[S_TABLE] = { .key = "table",
		      .cols = part_cols,
		      .shape = SEC_ROWS,
		      .flags = SEC_TABLE_ONLY },
	[S_HIST] = { .key = "sizes",
		     .cols = hist_cols,
		     .shape = SEC_HIST,
		     .label = "what",
		     .unit = BYTES },
	{}
};

static const struct section stream_sections[] = {
	{ .key = "rows", .cols = part_cols, .shape = SEC_ROWS },
	{ .key = "summary", .cols = part_cols, .shape = SEC_FIELDS },
	{}
};

static int no_look(struct run *r)
{
	(void)r;
	return 0;
}

TOOL(aareplay, .json_name = "replayed", .sections = sections, .look = no_look);
TOOL(aastream, .sections = stream_sections, .stream = true, .look = no_look);

/* ---- what a recording is made of ---- */

static const struct part parts[] = { { 1, "one" }, { U64_NULL, NULL }, { UINT64_MAX - 1, "" } };
static const uint64_t ring[] = { 0, 127, 128, U64_NULL, UINT64_MAX - 1 };

static const struct stack_frame frames[] = {
	{ "f", "f.go", 1, true, NULL, 0x1000 },
	{ NULL, NULL, U32_NULL, false, "libc", U64_NULL },
};

static struct all some(void)
{
	return (struct all){
		.u64 = UINT64_MAX - 1,
		.s64 = INT64_MIN + 1,
		.u32 = 300,
		.s32 = -5,
		.u16 = 65534,
		.u8 = 3,
		.tri = 0,
		.flag = true,
		.real = 1.0 / 3,
		.chars = "sixsix",
		.str = "caf\303\251 \377\033[m",
		.numbers = { ring, ARRAY_SIZE(ring) },
		.list = { parts, ARRAY_SIZE(parts), sizeof(parts[0]) },
		.object = { &parts[0] },
		.stack = { frames, ARRAY_SIZE(frames) },
		.start = 1009,
		.took = 13,
	};
}

static struct all nothing(void)
{
	return (struct all){ .u64 = U64_NULL,
			     .s64 = S64_NULL,
			     .u32 = U32_NULL,
			     .s32 = S32_NULL,
			     .u16 = U16_NULL,
			     .u8 = U8_NULL,
			     .tri = TRI_NULL,
			     .real = NAN,
			     .start = U64_NULL,
			     .took = U64_NULL };
}

static struct run run;
static struct capture caps[3]; /* raw and two formats */

static void record_begin(const struct tool *t, const char *a, const char *b)
{
	const char *const formats[] = { "raw", a, b };

	run = (struct run){ .tool = t, .pid = 42 };
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		capture_begin(&caps[i]);
		assert_int_equal(emit_attach(&run, formats[i], caps[i].f), 0);
	}
}

static void record_end(void)
{
	assert_int_equal(emit_close(&run), 0);
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		capture_end(&caps[i]);
}

static void caps_free(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		free(caps[i].text);
}

static void look_emit(uint64_t look)
{
	static const uint64_t slots[HIST_SLOTS] = { [1] = 1, [17] = 3, [HIST_SLOTS - 1] = 5 };
	const struct hist hist = { "all", slots, U64_NULL, 1, UINT64_MAX - 1 };
	struct all row = some(), null = nothing();

	run.look = look;
	run.first = true;
	emit_begin(&run);
	emit_heading(&run, "a heading");
	emit_text(&run, "text with %d %%", 1);
	emit_fields(&run, &sections[S_SELF], look ? &null : &row);
	emit_lr(&run, "left", "right");
	emit_row(&run, &sections[S_ROWS], &null);
	emit_row(&run, &sections[S_ROWS], &row);
	emit_row(&run, &sections[S_TABLE], &parts[0]);
	emit_hist(&run, &sections[S_HIST], &hist);
	assert_int_equal(emit_end(&run), 0);
	assert_int_equal(emit_round(&run), 0);
}

/* A recording of two looks, in caps[0]. */
static void record(const char *a, const char *b)
{
	record_begin(&aareplay_tool, a, b);
	look_emit(0);
	look_emit(1);
	record_end();
}

static char *replay(const void *data, size_t len, const char *format, int expected)
{
	struct capture c;
	int err;

	capture_begin(&c);
	err = replay_parse(data, len, format, c.f);
	if (err != expected)
		print_error("%s\n", fail_text());
	assert_int_equal(err, expected);
	return capture_end(&c);
}

static void replays_as(size_t i, const char *format)
{
	char *text = replay(caps[0].text, caps[0].len, format, 0);

	assert_string_equal(text, caps[i].text);
	free(text);
}

/* ---- round trips ---- */

static void test_same_bytes(void **state)
{
	(void)state;
	locale_utf8();
	record("json", "table");
	replays_as(1, "json");
	replays_as(2, "table");
	caps_free();
	record("trace", "folded");
	replays_as(1, "trace");
	replays_as(2, "folded");
	caps_free();
	record("prom", "raw");
	replays_as(1, "prom");
	assert_int_equal(caps[0].len, caps[2].len);
	assert_memory_equal(caps[0].text, caps[2].text, caps[0].len);
	caps_free();
}

static void test_stream(void **state)
{
	(void)state;
	record_begin(&aastream_tool, "json", "prom");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		emit_row(&run, &stream_sections[0], &parts[i]);
	emit_fields(&run, &stream_sections[1], &parts[0]);
	assert_int_equal(emit_round(&run), 0);
	record_end();
	replays_as(1, "json");
	replays_as(2, "prom");
	caps_free();
}

static void test_nothing_recorded(void **state)
{
	(void)state;
	record_begin(&aareplay_tool, "json", "table");
	record_end();
	replays_as(1, "json");
	caps_free();
}

/* -s and -r are for readers: a recording has all rows, in the order of emission. */
static void test_sorted(void **state)
{
	size_t len;

	(void)state;
	record_begin(&aareplay_tool, "json", "table");
	look_emit(0);
	record_end();
	len = caps[0].len;
	caps_free();
	record_begin(&aareplay_tool, "json", "table");
	run.sort = "u64";
	run.max_rows = 1;
	look_emit(0);
	record_end();
	assert_int_equal(caps[0].len, len);
	caps_free();
}

/* ---- other tables ---- */

/* A writer of frames with a table that no tool of ours has. */
static void put_n(FILE *f, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		putc((n & 0x7f) | 0x80, f);
	putc(n, f);
}

static void put_t(FILE *f, const char *s)
{
	put_n(f, strlen(s));
	fputs(s, f);
}

static void put_col(FILE *f, const char *key, char type, const char *unit)
{
	put_t(f, key);
	putc(type, f);
	put_t(f, unit);
}

static void header_put(FILE *f, uint32_t version)
{
	version = htole32(version);
	fwrite(RAW_MAGIC, 1, RAW_MAGIC_LEN, f);
	fwrite(&version, sizeof(version), 1, f);
}

struct frames {
	struct capture file, frame;
};

static FILE *frame_begin(struct frames *f)
{
	capture_begin(&f->frame);
	return f->frame.f;
}

static void frame_end(struct frames *f, char kind)
{
	capture_end(&f->frame);
	assert_int_equal(raw_frame(f->file.f, kind, f->frame.text, f->frame.len), 0);
	free(f->frame.text);
}

/* A file whose only section has these columns, and one look with the values of one row. */
static void file_begin(struct frames *f, const char *tool, const char *section)
{
	FILE *p;

	capture_begin(&f->file);
	header_put(f->file.f, RAW_VERSION);
	p = frame_begin(f);
	put_t(p, tool);
	put_t(p, "9.9");
	put_n(p, 1);
	put_t(p, section);
	put_n(p, SEC_ROWS);
}

static FILE *look_begin(struct frames *f)
{
	FILE *p = frame_begin(f);

	put_n(p, RAW_FIRST);
	put_n(p, 7); /* time */
	put_n(p, 42);
	put_n(p, 0);
	put_n(p, 1); /* parts */
	putc('s', p);
	put_n(p, 0);
	put_n(p, 1); /* rows */
	return p;
}

static void file_end(struct frames *f, int expected, const char *part)
{
	char *text;

	capture_end(&f->file);
	text = replay(f->file.text, f->file.len, "json", expected);
	assert_contains(expected ? fail_text() : text, part);
	free(text);
	free(f->file.text);
}

/* A column that is new is left out, one that is gone is null, the order does not matter. */
static void test_columns_change(void **state)
{
	struct frames f;
	FILE *p;

	(void)state;
	file_begin(&f, "replayed", "rows");
	p = f.frame.f;
	put_n(p, 3);
	put_col(p, "future", 'l', "");
	put_n(p, 1);
	put_col(p, "x", 'n', "");
	put_col(p, "u8", 'u', "confidence");
	put_col(p, "u64", 'u', "bytes");
	frame_end(&f, 'T');
	p = look_begin(&f);
	fputs("l", p);
	put_n(p, 1);
	fputs("n", p);
	put_n(p, 2);
	put_n(p, 5);
	put_n(p, 6);
	fputs("u", p);
	put_n(p, 2);
	fputs("u", p);
	put_n(p, 99);
	frame_end(&f, 'L');
	file_end(&f, 0,
		 "\"rows\":[{\"u64\":99,\"s64\":null,\"u32\":null,\"s32\":null,"
		 "\"u16\":null,\"u8\":2,\"tri\":null,\"flag\":false,\"real\":null,");
}

static void test_column_of_another_unit(void **state)
{
	struct frames f;

	(void)state;
	file_begin(&f, "replayed", "rows");
	put_n(f.frame.f, 1);
	put_col(f.frame.f, "u64", 'u', "ns");
	frame_end(&f, 'T');
	file_end(&f, -EBADMSG, "column u64 is of another type or unit");
}

/* 300 does not fit the member that is here. */
static void test_value_too_large(void **state)
{
	struct frames f;
	FILE *p;

	(void)state;
	file_begin(&f, "replayed", "rows");
	put_n(f.frame.f, 1);
	put_col(f.frame.f, "u8", 'u', "confidence");
	frame_end(&f, 'T');
	p = look_begin(&f);
	fputs("u", p);
	put_n(p, 300);
	frame_end(&f, 'L');
	file_end(&f, -EBADMSG, "a look in it makes no sense");
}

static void test_other_tool(void **state)
{
	struct frames f;

	(void)state;
	file_begin(&f, "no such", "rows");
	put_n(f.frame.f, 1);
	put_col(f.frame.f, "u8", 'u', "confidence");
	frame_end(&f, 'T');
	file_end(&f, -EBADMSG,
		 "was recorded by gomemtrace 9.9 with a tool that this release does not have: "
		 "'no such'");
}

static void test_other_version(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	header_put(c.f, 2);
	capture_end(&c);
	free(replay(c.text, c.len, "json", -EBADMSG));
	assert_contains(fail_text(), "is a recording of version 2: this release reads version 1");
	free(c.text);
}

/* ---- damage ---- */

static void test_not_a_recording(void **state)
{
	(void)state;
	free(replay("", 0, "json", -EBADMSG));
	free(replay("{\"v\":1}", 7, "json", -EBADMSG));
	free(replay("elf or anything at all", 22, "json", -EBADMSG));
	assert_contains(fail_text(), "is no recording: make one with --record FILE");
}

/* Cut off anywhere it never is more than what was whole, and only a whole end is no damage. */
static void test_cut(void **state)
{
	(void)state;
	record("json", "table");
	for (size_t len = 0; len < caps[0].len; len++) {
		struct capture c;
		int err;

		capture_begin(&c);
		err = replay_parse((uint8_t *)caps[0].text, len, "json", c.f);
		capture_end(&c);
		assert_true(err == -EBADMSG || !err);
		assert_memory_equal(c.text, caps[1].text, strlen(c.text));
		free(c.text);
	}
	caps_free();
}

static void test_checksum(void **state)
{
	(void)state;
	record("json", "table");
	for (size_t at = 0; at < caps[0].len; at++) {
		caps[0].text[at] ^= 0x10;
		free(replay(caps[0].text, caps[0].len, "json", -EBADMSG));
		caps[0].text[at] ^= 0x10;
	}
	caps_free();
}

static uint32_t get32(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

/* Make the checksum right again, so that what is behind it is tried. */
static void seal(char *frame)
{
	uint32_t len = get32(frame + 1), crc;

	crc = htole32(crc32(0, (const Bytef *)frame, len + 5));
	memcpy(frame + 5 + len, &crc, sizeof(crc));
}

/* Every byte of every payload, made to say something else: no crash, no hang, no lie of err. */
static void test_payloads(void **state)
{
	static const uint8_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff, '-', 'l', 's', 'u' };
	static const char *const formats[] = { "prom", "table", "trace", "folded", "json" };
	FILE *null = fopen("/dev/null", "w");
	char *end;

	(void)state;
	assert_non_null(null);
	record("json", "table");
	end = caps[0].text + caps[0].len;
	for (char *f = caps[0].text + RAW_MAGIC_LEN + 4; f < end; f += 9 + get32(f + 1)) {
		for (size_t i = 0; i < get32(f + 1); i++) {
			char old = f[5 + i];

			for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
				f[5 + i] = values[v];
				seal(f);
				replay_parse((uint8_t *)caps[0].text, caps[0].len,
					     formats[(v + i) % ARRAY_SIZE(formats)], null);
			}
			f[5 + i] = old;
			seal(f);
		}
	}
	replays_as(1, "json");
	fclose(null);
	caps_free();
}

/* A small file that claims to be large gets no memory for it. */
static void test_large_claims(void **state)
{
	struct frames f;
	FILE *p;

	(void)state;
	file_begin(&f, "replayed", "rows");
	put_n(f.frame.f, 1);
	put_col(f.frame.f, "list", 'l', "");
	put_n(f.frame.f, 1);
	put_col(f.frame.f, "size", 'u', "bytes");
	frame_end(&f, 'T');
	p = look_begin(&f);
	fputs("l", p);
	put_n(p, UINT64_MAX);
	frame_end(&f, 'L');
	file_end(&f, -EBADMSG, "a look in it makes no sense");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_nothing_recorded),
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_columns_change),
		cmocka_unit_test(test_column_of_another_unit),
		cmocka_unit_test(test_value_too_large),
		cmocka_unit_test(test_other_tool),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_not_a_recording),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_large_claims),
	};

	return cmocka_run_group_tests_name("lib_replay", tests, NULL, NULL);
}
