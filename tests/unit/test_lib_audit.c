// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Audit logs: what is written proves itself, and whatever is done to it is found. */
#include "audit.h"
#include "fail.h"
#include "test_lib.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#define LARGE 10007 /* records */
#define EVERY 97    /* of which the state of the check is kept */

struct log {
	char path[64];
	char *text;
	size_t len, n;
	size_t at[LARGE + 2]; /* where each line begins, and the end */
};

static struct audit_check check;

/* ---- SHA-256 ---- */

static void test_sha256(void **state)
{
	/* FIPS 180-2, appendix B; the empty text is sha256sum's */
	static const struct {
		const char *text, *hex;
	} known[] = {
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	};
	char hex[SHA256_HEX], *million = malloc(1000000);

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		sha256_hex(known[i].text, strlen(known[i].text), hex);
		assert_string_equal(hex, known[i].hex);
	}
	memset(million, 'a', 1000000);
	sha256_hex(million, 1000000, hex);
	assert_string_equal(hex,
			    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

/* Of each length around the ends of blocks, against sha256sum(1) over all of the hashes. */
static void test_sha256_lengths(void **state)
{
	struct capture all, ours;
	char cmd[128], path[] = "/tmp/gomt-sha.XXXXXX", hex[SHA256_HEX], theirs[SHA256_HEX];
	int fd = mkstemp(path);
	FILE *p;

	(void)state;
	if (system("command -v sha256sum >/dev/null"))
		skip();
	capture_begin(&all);
	capture_begin(&ours);
	assert_true(fd >= 0);
	for (int n = 0; n < 200; n++) {
		char text[200];

		memset(text, n, sizeof(text));
		assert_int_equal(pwrite(fd, text, n, 0), n);
		assert_int_equal(ftruncate(fd, n), 0);
		sha256_hex(text, n, hex);
		fprintf(ours.f, "%s\n", hex);
		snprintf(cmd, sizeof(cmd), "sha256sum <%s", path);
		p = popen(cmd, "r");
		assert_non_null(p);
		assert_int_equal(fread(theirs, 1, SHA256_HEX - 1, p), SHA256_HEX - 1);
		pclose(p);
		fprintf(all.f, "%.64s\n", theirs);
	}
	capture_end(&all);
	capture_end(&ours);
	assert_string_equal(ours.text, all.text);
	free(ours.text);
	free(all.text);
	close(fd);
	unlink(path);
}

/* ---- a log to work on ---- */

static void record(struct audit *a, const char *event, uint64_t n)
{
	struct json *j = audit_begin(a, event);

	json_u64(j, "number", n);
	json_string(j, "text", "a \"text\" of\nlines, \xff and ü");
	assert_int_equal(audit_end(a), 0);
}

/* Append a run of n records in all. */
static void run_write(const char *path, size_t n, bool stops)
{
	struct audit *a;

	assert_int_equal(audit_open(&a, path), 0);
	record(a, "start", 0);
	for (size_t i = 1; i < n - stops; i++)
		record(a, "policy", i * i);
	if (stops)
		record(a, "stop", n);
	assert_int_equal(audit_sync(a), 0);
	audit_close(a);
}

static void log_read(struct log *l)
{
	struct stat st;
	int fd = open(l->path, O_RDONLY);

	assert_true(fd >= 0 && !fstat(fd, &st));
	l->len = st.st_size;
	free(l->text);
	l->text = malloc(l->len + 1);
	assert_int_equal(read(fd, l->text, l->len), l->len);
	close(fd);
	l->n = l->at[0] = 0;
	for (size_t i = 0; i < l->len; i++)
		if (l->text[i] == '\n' && l->n < LARGE + 1)
			l->at[++l->n] = i + 1;
}

static void log_new(struct log *l, size_t n)
{
	strcpy(l->path, "/tmp/gomt-audit.XXXXXX");
	close(mkstemp(l->path));
	run_write(l->path, n, true);
	log_read(l);
	assert_int_equal(l->n, n);
}

static void log_free(struct log *l)
{
	unlink(l->path);
	free(l->text);
	free(l);
}

/* Small and large, shared by the tests, which leave them as they are. */
static struct log *small, *large;

static int setup(void **state)
{
	(void)state;
	small = calloc(1, sizeof(*small));
	large = calloc(1, sizeof(*large));
	log_new(small, 11);
	log_new(large, LARGE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_free(small);
	log_free(large);
	return 0;
}

static bool proves(const void *text, size_t len)
{
	audit_check_begin(&check, NULL);
	audit_check_feed(&check, text, len);
	return audit_check_end(&check);
}

/* Lines first..last of the log, then those of the list, -1 at its end. */
static char *lines(const struct log *l, const int *list, size_t *len)
{
	char *text = malloc(l->len * 2), *to = text;

	for (; *list >= 0; list++) {
		size_t n = l->at[*list + 1] - l->at[*list];

		memcpy(to, l->text + l->at[*list], n);
		to += n;
	}
	*len = to - text;
	return text;
}

/* ---- what is right ---- */

static void test_whole(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(small->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(proves(large->text, large->len));
	assert_int_equal(check.records, LARGE);
	assert_int_equal(check.bytes, large->len);
	assert_int_equal(check.runs, 1);
	assert_int_equal(check.stopped, 1);
	assert_false(check.running || check.torn || check.broken);
	assert_true(check.first_ns <= check.last_ns && check.first_ns > 1600000000000000000);
}

/* However the bytes come. */
static void test_pieces(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 700; piece = piece * 2 + 1) {
		audit_check_begin(&check, NULL);
		for (size_t at = 0; at < small->len; at += piece)
			assert_true(audit_check_feed(&check, small->text + at,
						     piece < small->len - at ? piece
									     : small->len - at));
		assert_true(audit_check_end(&check));
		assert_int_equal(check.records, small->n);
	}
}

/* Three runs, the second of which was killed. */
static void test_runs(void **state)
{
	struct log *l = calloc(1, sizeof(*l));

	(void)state;
	log_new(l, 5);
	run_write(l->path, 7, false);
	log_read(l);
	assert_true(proves(l->text, l->len));
	assert_true(check.running);
	assert_int_equal(check.runs - check.stopped, 1);
	run_write(l->path, 3, true);
	log_read(l);
	assert_true(proves(l->text, l->len));
	assert_int_equal(check.records, 15);
	assert_int_equal(check.runs, 3);
	assert_int_equal(check.stopped, 2);
	assert_false(check.running);
	log_free(l);
}

/* ---- what is wrong ---- */

/* Every bit of the small log; it breaks at the record that has it. */
static void test_flips(void **state)
{
	size_t rec = 0;

	(void)state;
	for (size_t i = 0; i < small->len; i++) {
		rec += i == small->at[rec + 1];
		for (int bit = 0; bit < 8; bit++) {
			small->text[i] ^= 1 << bit;
			assert_false(proves(small->text, small->len));
			assert_int_equal(check.records, rec);
			assert_true(check.broken && *check.why);
			small->text[i] ^= 1 << bit;
		}
	}
	assert_true(proves(small->text, small->len));
}

/*
 * Random ones of the large log. What comes before a flip is right whatever follows, so the check
 * goes on from the state it had there; some are checked from the start.
 */
static void test_flips_large(void **state)
{
	size_t marks = LARGE / EVERY + 1;
	struct audit_check *mark = calloc(marks, sizeof(*mark));
	uint64_t random = 20011;

	(void)state;
	audit_check_begin(&check, NULL);
	for (size_t m = 0; m < marks; m++) {
		size_t end = (m + 1) * EVERY < LARGE ? (m + 1) * EVERY : LARGE;

		mark[m] = check;
		assert_true(audit_check_feed(&check, large->text + large->at[m * EVERY],
					     large->at[end] - large->at[m * EVERY]));
	}
	for (int n = 0; n < 5003; n++) {
		size_t at, rec = 0, m;

		random = random * 6364136223846793005 + 1442695040888963407;
		at = (random >> 24) % large->len;
		while (large->at[rec + 1] <= at)
			rec++;
		m = rec / EVERY;
		large->text[at] ^= 1 << (random >> 8 & 7);
		if (n % 1009) {
			check = mark[m];
			audit_check_feed(&check, large->text + large->at[m * EVERY],
					 large->len - large->at[m * EVERY]);
			assert_false(audit_check_end(&check));
		} else {
			assert_false(proves(large->text, large->len));
		}
		assert_int_equal(check.records, rec);
		large->text[at] ^= 1 << (random >> 8 & 7);
	}
	free(mark);
	assert_true(proves(large->text, large->len));
}

/*
 * Cut at each byte: torn, or at the border of records without its stop. With the hash of its
 * end known, no cut is right.
 */
static void test_cuts(void **state)
{
	char end[SHA256_HEX];
	size_t rec = 0;

	(void)state;
	assert_true(proves(small->text, small->len));
	strcpy(end, check.end);
	for (size_t len = 0; len < small->len; len++) {
		bool border;

		rec += len == small->at[rec + 1];
		border = len == small->at[rec];
		assert_true(proves(small->text, len) == (border && len));
		assert_int_equal(check.records, rec);
		assert_true(check.torn == !border);
		assert_true(check.running == (rec > 0));
		audit_check_begin(&check, end);
		audit_check_feed(&check, small->text, len);
		assert_false(audit_check_end(&check));
	}
	audit_check_begin(&check, end);
	audit_check_feed(&check, small->text, small->len);
	assert_true(audit_check_end(&check) && check.found);
}

static void expect_broken(const struct log *l, const int *list, uint64_t at, const char *why)
{
	size_t len;
	char *text = lines(l, list, &len);

	assert_false(proves(text, len));
	assert_int_equal(check.records, at);
	assert_contains(check.why, why);
	free(text);
}

/* Any two swapped, any one repeated, removed, or put in again elsewhere. */
static void test_orders(void **state)
{
	int n = small->n, list[16];

	(void)state;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			size_t k = 0;

			for (int m = 0; m < n; m++)
				list[m] = m == i ? j : m == j ? i : m;
			list[n] = -1;
			if (i < j)
				expect_broken(small, list, i, "should be");
			/* i once more, before j; at the end it is outside of a run as well */
			for (int m = 0; m <= n; m++) {
				if (m == j)
					list[k++] = i;
				if (m < n)
					list[k++] = m;
			}
			list[k] = -1;
			expect_broken(small, list, j == i ? i + 1 : j, "should be");
			if (j)
				continue;
			k = 0;
			for (int m = 0; m < n; m++)
				if (m != i)
					list[k++] = m;
			list[k] = -1;
			if (i < n - 1)
				expect_broken(small, list, i, "should be");
		}
}

/* A record of another log in the place of one with the same number, itself whole. */
static void test_inserted(void **state)
{
	struct log *other = calloc(1, sizeof(*other));

	(void)state;
	log_new(other, small->n);
	for (size_t i = 0; i < small->n; i++) {
		size_t len = other->at[i + 1] - other->at[i], before = small->at[i];
		size_t after = small->at[i + 1];
		char *text = malloc(small->len + len);

		memcpy(text, small->text, before);
		memcpy(text + before, other->text + other->at[i], len);
		memcpy(text + before + len, small->text + after, small->len - after);
		if (i + 1 < small->n) {
			assert_false(proves(text, small->len - (after - before) + len));
			/* another first record is right in itself: the next one tells */
			assert_int_equal(check.records, i ? i : 1);
			assert_contains(check.why, "does not follow");
		}
		free(text);
	}
	log_free(other);
}

static void test_hostile(void **state)
{
	char *line = malloc(AUDIT_LINE_MAX + 2);

	(void)state;
	memset(line, 'x', AUDIT_LINE_MAX + 1);
	line[AUDIT_LINE_MAX + 1] = '\n';
	assert_false(proves(line, AUDIT_LINE_MAX + 2));
	assert_contains(check.why, "too long");
	assert_false(proves("", 0));
	assert_contains(check.why, "no records");
	assert_false(proves("\n", 1));
	assert_contains(check.why, "is no record");
	/* zeros, as a file system may leave them after a crash */
	memset(line, 0, 4096);
	assert_false(proves(line, 4096));
	assert_true(check.torn);
	free(line);
}

#define ZEROS "00000000000000000000000000000000"
#define HEAD  "{\"v\":1,\"seq\":0,\"prev\":\"" ZEROS ZEROS "\",\"at_ns\":\"1\",\"event\":\"start\""

/* Lines whose checksum is right: only the first is written as records are. */
static void test_forms(void **state)
{
	static const char *const lines[] = {
		HEAD,
		HEAD "x",
		HEAD " ",
		"{\"v\":2" /* and so on */,
		"{\"v\":1,\"seq\":00,\"prev\":\"" ZEROS ZEROS
		"\",\"at_ns\":\"1\",\"event\":\"start\"",
		"{\"v\":1,\"seq\":-0,\"prev\":\"" ZEROS ZEROS
		"\",\"at_ns\":\"1\",\"event\":\"start\"",
		"{\"v\":1,\"seq\":18446744073709551616,\"prev\":\"" ZEROS ZEROS
		"\",\"at_ns\":\"1\",\"event\":\"start\"",
		"{\"v\":1,\"seq\":0,\"prev\":\"" ZEROS "\",\"at_ns\":\"1\",\"event\":\"start\"",
		"{\"v\":1,\"seq\":0,\"prev\":\"" ZEROS ZEROS "\",\"at_ns\":1,\"event\":\"start\"",
		"{\"v\":1,\"seq\":0,\"prev\":\"" ZEROS ZEROS "\",\"at_ns\":\"1\",\"event\":\"\"",
		"",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		int len = snprintf(text, sizeof(text), "%s,\"crc\":\"%08lx\"}\n", lines[i],
				   crc32(0, (const uint8_t *)lines[i], strlen(lines[i])));

		assert_true(proves(text, len) == !i);
		if (i)
			assert_contains(check.why, "is no record");
	}
}

/* ---- who may write ---- */

static void test_refused(void **state)
{
	struct log *l = calloc(1, sizeof(*l));
	struct audit *a;
	FILE *f;

	(void)state;
	log_new(l, 3);
	f = fopen(l->path, "r+");
	fseek(f, 20, SEEK_SET);
	fputc('!', f);
	fclose(f);
	assert_int_equal(audit_open(&a, l->path), -EBADMSG);
	assert_contains(fail_text(), "record 0");
	assert_int_equal(truncate(l->path, l->len - 1), 0);
	assert_int_equal(audit_open(&a, l->path), -EBADMSG);
	assert_int_equal(audit_open(&a, "/dev/null"), -EINVAL);
	assert_int_equal(audit_open(&a, "/proc/no/such"), -ENOENT);
	log_free(l);
}

/* While one writes, others are refused, and can see who it is. */
static void test_busy(void **state)
{
	struct log *l = calloc(1, sizeof(*l));
	struct audit *a, *b;
	int status;
	pid_t pid;

	(void)state;
	log_new(l, 3);
	assert_int_equal(audit_open(&a, l->path), 0);
	pid = fork();
	if (!pid) {
		int fd = open(l->path, O_RDONLY);

		if (audit_writer(fd) != getppid())
			_exit(1);
		_exit(audit_open(&b, l->path) == -EBUSY ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	audit_close(a);
	pid = fork();
	if (!pid)
		_exit(audit_open(&b, l->path) != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	log_free(l);
}

/* A disk that is full: the first error stays, and is said again. */
static void test_write_error(void **state)
{
	struct log *l = calloc(1, sizeof(*l));
	struct json *j;
	struct audit *a;

	(void)state;
	log_new(l, 3);
	assert_int_equal(audit_open(&a, l->path), 0);
	j = audit_begin(a, "start");
	json_open(j, "long", '[');
	for (size_t i = 0; i < AUDIT_LINE_MAX / 2; i++)
		json_u64(j, NULL, 1000);
	assert_int_equal(audit_end(a), -EFBIG);
	fail_clear();
	audit_begin(a, "stop");
	assert_int_equal(audit_end(a), -EFBIG);
	assert_contains(fail_text(), l->path);
	assert_int_equal(audit_error(a), -EFBIG);
	audit_close(a);
	log_read(l);
	assert_int_equal(l->n, 3);
	log_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),      cmocka_unit_test(test_sha256_lengths),
		cmocka_unit_test(test_whole),       cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_runs),        cmocka_unit_test(test_flips),
		cmocka_unit_test(test_flips_large), cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_orders),      cmocka_unit_test(test_inserted),
		cmocka_unit_test(test_hostile),     cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_busy),
		cmocka_unit_test(test_write_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
