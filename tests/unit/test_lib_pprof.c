// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Profiles for pprof: written, read back, subtracted; labels, inlined calls, bad files. */
#include "pprof.h"
#include "pprof_read.h"
#include "test_lib_run.h"
#include "test_lib_shapes.h"
#include <errno.h>
#include <inttypes.h>

static const struct pprof_type types[] = { { "objects", "count" }, { "space", "bytes" } };

static const struct stack_frame frame[] = {
	{ "main.inner", "a.go", 3, true, "exe", 0x401003, 2 },
	{ "main.middle", "b.go", 5, true, "exe", 0x401003, U32_NULL },
	{ "main.outer", "a.go", 7, false, "exe", 0x401003 },
	{ "main.main", "a.go", U32_NULL, false, "exe", 0x401503 },
	{ NULL, NULL, U32_NULL, false, "libc.so.6", 0x7f0000001237 },
};

static const struct pprof_mapping exe = { 0x401000, 0x402000, 0x1000, "/bin/exe", "abc" };

static const struct pprof_label small[] = { { "bytes", NULL, 16, NULL },
					    { "kind", "first", 0, NULL } };

/* ---- what is in a file, in words ---- */

static char told[4096];

__attribute__((format(printf, 1, 2))) static void tell(const char *fmt, ...)
{
	size_t n = strlen(told);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(told + n, sizeof(told) - n, fmt, ap);
	va_end(ap);
}

static int tell_type(void *arg, size_t i, const struct pprof_type *t)
{
	tell("%s/%s ", t->type, t->unit);
	return 0;
}

static int tell_mapping(void *arg, const struct pprof_mapping *m)
{
	tell("| %" PRIx64 "-%" PRIx64 "+%" PRIx64 " %s %s ", m->start, m->limit, m->offset, m->file,
	     m->build_id);
	return 0;
}

static int tell_sample(void *arg, const struct stack *s, const int64_t *values,
		       const struct pprof_label *labels, size_t nr_labels)
{
	tell("\n%" PRId64 " %" PRId64, values[0], values[1]);
	for (size_t i = 0; i < nr_labels; i++)
		tell(" %s=%s%" PRId64, labels[i].key, labels[i].text ? labels[i].text : "",
		     labels[i].number);
	for (size_t i = 0; i < s->n; i++)
		tell(" %s %s:%d(%d)%s", s->frame[i].function, s->frame[i].file,
		     (int)s->frame[i].line, (int)s->frame[i].start_line,
		     s->frame[i].inlined ? " <" : ";");
	return 0;
}

static const struct pprof_reader teller = { NULL, tell_type, tell_mapping, tell_sample };

struct file {
	char *p;
	size_t len;
};

static struct file file_of(struct pprof *p)
{
	struct file f = {};
	FILE *out = open_memstream(&f.p, &f.len);

	assert_non_null(out);
	assert_int_equal(pprof_write(p, &(struct pprof_head){ .time_ns = 7 }, out), 0);
	assert_int_equal(fclose(out), 0);
	return f;
}

static void file_says(const struct file *f, const char *expected)
{
	told[0] = '\0';
	assert_int_equal(pprof_read(f->p, f->len, &teller), 0);
	assert_string_equal(told, expected);
}

static struct pprof *profile(int64_t objects, int64_t space)
{
	struct pprof *p = pprof_new(types, 2);

	assert_non_null(p);
	assert_int_equal(pprof_mapping_add(p, &exe), 0);
	assert_int_equal(pprof_mapping_add(p, &exe), 0);
	assert_int_equal(pprof_sample_add(p, &(struct stack){ frame, 5 },
					  (int64_t[]){ objects, space }, small, 2),
			 0);
	assert_int_equal(pprof_sample_add(p, &(struct stack){ frame + 3, 1 }, (int64_t[]){ 11, 13 },
					  NULL, 0),
			 0);
	return p;
}

#define HEAD "objects/count space/bytes | 401000-402000+1000 /bin/exe abc "
#define STACK                                                                                      \
	" main.inner a.go:3(2) < main.middle b.go:5(-1) < main.outer a.go:7(-1); "                 \
	"main.main a.go:-1(-1); libc.so.6@0x7f0000001237 :-1(-1);"

static void test_round_trip(void **state)
{
	struct pprof *p = profile(2, 32);
	struct file f;

	/* the same once more, one of zeros, one without a stack */
	assert_int_equal(
		pprof_sample_add(p, &(struct stack){ frame, 5 }, (int64_t[]){ 3, 48 }, small, 2),
		0);
	assert_int_equal(
		pprof_sample_add(p, &(struct stack){ frame, 1 }, (int64_t[]){ 0, 0 }, NULL, 0), 0);
	assert_int_equal(
		pprof_sample_add(p, &(struct stack){}, (int64_t[]){ INT64_MIN, 1 }, NULL, 0), 0);
	assert_int_equal(pprof_samples(p), 3);
	f = file_of(p);
	file_says(&f, HEAD "\n5 80 bytes=16 kind=first0" STACK "\n11 13 main.main a.go:-1(-1);"
			   "\n-9223372036854775808 1");
	assert_int_equal((uint8_t)f.p[0], 0x1f);
	free(f.p);
	pprof_free(p);
}

static void test_overflow(void **state)
{
	struct pprof *p = profile(INT64_MAX, 1);

	assert_int_equal(
		pprof_sample_add(p, &(struct stack){ frame, 5 }, (int64_t[]){ 1, 1 }, small, 2),
		-EOVERFLOW);
	pprof_free(p);
}

/* What is equal goes, what is gone is negative, and the code may have been elsewhere. */
static void test_difference(void **state)
{
	struct pprof *p = profile(2, 32), *old = pprof_new(types, 2);
	struct stack_frame moved[5];
	struct file f;

	memcpy(moved, frame, sizeof(moved));
	for (int i = 0; i < 4; i++)
		moved[i].addr += 0x10000;
	assert_int_equal(pprof_mapping_add(old, &(struct pprof_mapping){ 0x411000, 0x412000, 0x1000,
									 "/old/exe", "abc" }),
			 0);
	assert_int_equal(
		pprof_sample_add(old, &(struct stack){ moved, 5 }, (int64_t[]){ 5, 2 }, small, 2),
		0);
	assert_int_equal(pprof_sample_add(old, &(struct stack){ moved + 3, 1 },
					  (int64_t[]){ 11, 13 }, NULL, 0),
			 0);
	f = file_of(old);
	assert_int_equal(pprof_subtract(p, f.p, f.len), 0);
	free(f.p);
	f = file_of(p);
	file_says(&f, HEAD "\n-3 30 bytes=16 kind=first0" STACK);
	free(f.p);
	pprof_free(old);
	pprof_free(p);
}

static void test_bad_files(void **state)
{
	static const struct pprof_type others[] = { { "objects", "count" }, { "time", "bytes" } };
	struct pprof *p = profile(2, 32), *one = pprof_new(types, 1), *other = pprof_new(others, 2);
	struct file f = file_of(p);

	assert_int_equal(pprof_subtract(one, f.p, f.len), -EINVAL);
	assert_int_equal(pprof_subtract(other, f.p, f.len), -EINVAL);
	assert_string_equal(fail_text(), "it has other values: space in bytes");
	for (size_t n = 0; n < f.len; n++) {
		struct pprof *q = profile(2, 32);

		assert_int_equal(pprof_subtract(q, f.p, n), -EINVAL);
		pprof_free(q);
	}
	assert_int_equal(pprof_subtract(p, "a;b 7\n", 6), -EINVAL);
	free(f.p);
	pprof_free(p);
	pprof_free(one);
	pprof_free(other);
}

/* Through the sink: columns that add up are values, keys are labels. */
static void test_sink(void **state)
{
	struct run run = { .tool = &aashapes_tool, .pid = 42 };
	struct file f = {};
	FILE *out = open_memstream(&f.p, &f.len);
	const struct stop stop = { .bytes = 5, .stack = { frames, 2 } };

	assert_int_equal(emit_attach(&run, "pprof", out), 0);
	emit_row(&run, &shapes[STOPS], &stop);
	emit_row(&run, &shapes[STOPS], &stop);
	assert_int_equal(emit_close(&run), 0);
	assert_int_equal(fclose(out), 0);
	told[0] = '\0';
	assert_int_equal(pprof_read(f.p, f.len, &teller), 0);
	assert_non_null(strstr(told, "bytes/bytes"));
	assert_non_null(strstr(told, "main.alloc"));
	free(f.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_difference), cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
