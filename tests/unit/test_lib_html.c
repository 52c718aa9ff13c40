// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Pages: whatever a name is, it ends no element; a round of looks is one page. */
#include "sha256.h"
#include "test_lib_run.h"
#include "test_lib_shapes.h"

struct piece {
	uint64_t addr, size, used;
	const char *kind, *name;
};

struct total {
	const char *kind;
	uint64_t size, used;
	double share;
};

static const struct col piece_cols[] = { COL(struct piece, addr, "ADDRESS", ADDR, KEY, "where"),
					 COL(struct piece, size, "SIZE", BYTES, GAUGE, "how much"),
					 COL(struct piece, used, "USED", BYTES, GAUGE, "of it"),
					 COL(struct piece, kind, "KIND", NONE, KEY, "which"),
					 COL(struct piece, name, "NAME", NONE, KEY, "what"),
					 {} };

static const struct col kind_cols[] = { COL(struct total, kind, "KIND <&>", NONE, KEY, "which"),
					COL(struct total, size, "SIZE", BYTES, GAUGE, "how much"),
					COL(struct total, used, "USED", BYTES, GAUGE, "of it"),
					COL_F(struct total, share, "SHARE", PERCENT, GAUGE,
					      COL_WIDE, "per cent"),
					{} };

static const struct map_kind kinds[] = { { "a", "the <first>" }, { "b", "second" }, {} };

static const struct map_cols map = { .addr = "addr",
				     .size = "size",
				     .part = "used",
				     .kind = "kind",
				     .name = "name",
				     .table = "kinds",
				     .kinds = kinds };

enum { PIECES, KINDS };

static const struct section pages[] = { [PIECES] = { .key = "pieces",
						     .cols = piece_cols,
						     .shape = SEC_ROWS,
						     .flags = SEC_JSON_ONLY | SEC_TABLE_ONLY,
						     .map = &map },
					[KINDS] = { .key = "kinds",
						    .title = "Kinds & sums",
						    .cols = kind_cols,
						    .shape = SEC_ROWS,
						    .flags = SEC_SORTABLE },
					{} };

#define HOSTILE "</script><b onclick='x' \"&\x1b[31m\xe2\x80\xae"

static int pages_look(struct run *r)
{
	emit_begin(r);
	emit_lr(r, HOSTILE, "right");
	emit_text(r, "<i>%s", "text");
	emit_row(r, &pages[PIECES], &(struct piece){ (1ULL << 53) + 1, 8192, 1009, "a", HOSTILE });
	emit_row(r, &pages[PIECES], &(struct piece){ 1ULL << 60, 4096, U64_NULL, "b", NULL });
	emit_row(r, &pages[KINDS], &(struct total){ "a", 8192, 1009, 12.3 });
	emit_row(r, &pages[KINDS], &(struct total){ HOSTILE, 4096, U64_NULL, 0 });
	return emit_end(r);
}

TOOL(aapages, .brief = "Pages.", .sections = pages, .no_target = true, .look = pages_look);

static struct run run;
static struct capture cap;

/* A page of so many rounds of looks at two processes, to be freed. */
static char *page_make(unsigned int rounds, unsigned int looks)
{
	run = (struct run){ .tool = &aapages_tool, .pid = 42, .max_rows = 1 };
	locale_utf8();
	capture_begin(&cap);
	assert_int_equal(emit_attach(&run, "html", cap.f), 0);
	while (rounds--) {
		for (unsigned int i = 0; i < looks; i++)
			assert_int_equal(pages_look(&run), 0);
		assert_int_equal(emit_round(&run), 0);
	}
	assert_int_equal(emit_close(&run), 0);
	return capture_end(&cap);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void test_hostile(void **state)
{
	char *page = page_make(1, 1);

	(void)state;
	assert_contains(page,
			"<p class=\"lr\"><span>&lt;/script&gt;&lt;b onclick=&#39;x&#39; &quot;&amp;"
			"\\x1b[31m\\u202e</span><span>right</span></p>\n<p>&lt;i&gt;text</p>\n");
	assert_contains(page, "<h2>Kinds &amp; sums</h2>");
	assert_contains(page, "<th>KIND &lt;&amp;&gt;</th>");
	assert_contains(page, "</i>the &lt;first&gt;</li>");
	/* the program, and the data of one picture; no element that a name made */
	assert_int_equal(count(page, "<script"), 2);
	assert_int_equal(count(page, "</script"), 2);
	assert_int_equal(count(page, "<b"), 1); /* the body */
	assert_null(strchr(page, '\x1b'));
	free(page);
}

/* What is drawn is there in full, whatever is shown: -r is for tables of other formats. */
static void test_data(void **state)
{
	char *page = page_make(1, 1);

	(void)state;
	assert_contains(page,
			"{\"addr\":\"addr\",\"size\":\"size\",\"part\":\"used\",\"kind\":\"kind\","
			"\"kinds\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"cells\":{\"cols\":["
			"{\"key\":\"addr\",\"head\":\"ADDRESS\",\"unit\":\"address\",\"number\":"
			"false},");
	assert_contains(page, "\"rows\":[[\"9007199254740993\",8192,1009,\"a\",\"\\u003c/script>"
			      "\\u003cb onclick='x' \\\"&\\u001b[31m\\u202e\"],"
			      "[\"1152921504606846976\",4096,null,\"b\",null]]},\"table\":");
	assert_contains(page, "\"rows\":[[\"a\",8192,1009],[\"\\u003c/script>");
	assert_contains(page,
			"<td>a</td><td class=\"r\">8.0 KiB</td><td class=\"r\">1009 B</td></tr>");
	assert_contains(page, "<td class=\"r\">4.0 KiB</td><td class=\"r\">-</td></tr>");
	free(page);
}

/* The policy names the hashes of what is really there. */
static void policy_allows(const char *page, const char *element, const char *directive)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	char hex[SHA256_HEX], end[16], want[128];
	const char *from = strstr(page, element) + strlen(element);
	uint8_t h[33] = {};
	size_t n;

	snprintf(end, sizeof(end), "</%s", element + 1);
	end[strlen(end) - 1] = '>';
	sha256_hex(from, strstr(from, end) - from, hex);
	for (int i = 0; i < 32; i++)
		sscanf(&hex[2 * i], "%2hhx", &h[i]);
	n = snprintf(want, sizeof(want), "%s 'sha256-", directive);
	for (int bit = 0; bit < 258; bit += 6, n++)
		want[n] = digits[(h[bit / 8] << 8 | h[bit / 8 + 1]) >> (10 - bit % 8) & 63];
	snprintf(&want[n], sizeof(want) - n, "='");
	assert_contains(page, want);
}

static void test_policy(void **state)
{
	char *page = page_make(1, 1);

	(void)state;
	assert_contains(page, "content=\"default-src 'none'; ");
	policy_allows(page, "<style>", "style-src");
	policy_allows(page, "<script>", "script-src");
	assert_null(strstr(page, "http:"));
	assert_null(strstr(page, "https:"));
	assert_null(strstr(page, " src="));
	free(page);
}

static void test_rounds(void **state)
{
	char *page = page_make(1, 2);

	(void)state;
	assert_int_equal(count(page, "<!doctype html>"), 1);
	assert_int_equal(count(page, "<figure>"), 2);
	free(page);
	page = page_make(2, 1);
	assert_int_equal(count(page, "<!doctype html>"), 2);
	assert_int_equal(count(page, "<figure>"), 2);
	free(page);
	page = page_make(0, 0);
	assert_string_equal(page, "");
	free(page);
}

static void test_no_map(void **state)
{
	(void)state;
	run = (struct run){ .tool = &aashapes_tool, .pid = 42 };
	capture_begin(&cap);
	assert_int_equal(emit_attach(&run, "html", cap.f), -EINVAL);
	assert_contains(fail_text(), "aashapes has no map for a picture");
	emit_close(&run);
	free(capture_end(&cap));
}

/* A map whose columns are not there, or that adds up to nothing, is a mistake. */
static void test_sections(void **state)
{
	struct map_cols wrong[5];
	struct section bad[3] = { pages[PIECES], pages[KINDS], {} };

	(void)state;
	assert_int_equal(sections_check(bad), 0);
	for (int i = 0; i < 5; i++)
		wrong[i] = map;
	wrong[0].addr = "size";
	wrong[1].part = "kind";
	wrong[2].kind = "missing";
	wrong[3].table = "missing";
	wrong[4].table = "pieces_";
	for (int i = 0; i < 5; i++) {
		bad[PIECES].map = &wrong[i];
		assert_int_equal(sections_check(bad), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_data),
		cmocka_unit_test(test_policy),  cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_no_map),  cmocka_unit_test(test_sections),
	};

	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
