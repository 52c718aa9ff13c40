// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * test_layouts.c - the layout table is complete, ordered and self-consistent
 *
 * The numbers come from DWARF; what is tested is what any release must hold:
 * members lie inside their type, in the order the runtime declares them, and
 * what every release has is never LAYOUT_NONE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "go/layout.h"

enum shape { IS_OFF, IS_WIDTH, IS_SIZE };

struct field {
	const char *id, *type, *path;
	size_t at; /* of the value in struct go_layout */
	enum shape shape;
};

#define AT(id)                  offsetof(struct go_layout, id)
#define F_OFF(id, type, path)   { #id, type, path, AT(id), IS_OFF },
#define F_WIDTH(id, type, path) { #id, type, path, AT(id), IS_WIDTH },
#define F_SIZE(id, type)        { #id, type, "", AT(id), IS_SIZE },
static const struct field fields[] = { LAYOUT_FIELDS(F_OFF, F_WIDTH, F_SIZE) };
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint32_t value(const struct go_layout *l, const struct field *f)
{
	uint32_t v;

	memcpy(&v, (const char *)l + f->at, sizeof(v));
	return v;
}

static int minor_of(const struct go_layout *l)
{
	assert_memory_equal(l->release, "1.", 2);
	return atoi(l->release + 2);
}

/* One machine after the other; both have the same releases. */
static void releases_ascend(void **state)
{
	size_t i, half = go_layouts_count / 2;

	assert_true(half >= 2);
	assert_int_equal(go_layouts_count, 2 * half);
	for (i = 0; i < half; i++) {
		assert_int_equal(go_layouts[i].machine, EM_X86_64);
		assert_int_equal(go_layouts[i + half].machine, EM_AARCH64);
		assert_string_equal(go_layouts[i].made_from, go_layouts[i + half].made_from);
		if (i)
			assert_true(minor_of(&go_layouts[i - 1]) < minor_of(&go_layouts[i]));
	}
}

static void entry_names_its_toolchain(void **state)
{
	size_t i;

	for (i = 0; i < go_layouts_count; i++) {
		const struct go_layout *l = &go_layouts[i];
		size_t n = strlen(l->release);

		assert_memory_equal(l->made_from, "go", 2);
		assert_memory_equal(l->made_from + 2, l->release, n);
		assert_non_null(strchr(".r", l->made_from[2 + n])); /* or "\0" */
	}
}

static void find_by_minor(void **state)
{
	size_t i;

	for (i = 0; i < go_layouts_count; i++)
		assert_ptr_equal(go_layout_find(minor_of(&go_layouts[i]), go_layouts[i].machine),
				 &go_layouts[i]);
	assert_null(go_layout_find(minor_of(&go_layouts[0]) - 1, EM_X86_64));
	assert_null(go_layout_find(minor_of(&go_layouts[go_layouts_count - 1]) + 1, EM_AARCH64));
	assert_null(go_layout_find(24, EM_386));
	assert_null(go_layout_find(0, EM_X86_64));
	assert_null(go_layout_find(-1, EM_X86_64));
	assert_null(go_layout_find(INT32_MAX, EM_X86_64));
}

/* Every offset lies inside the size of its type, where that is in the table. */
static void members_inside_sizes(void **state)
{
	size_t i, j, k, checked = 0;

	for (i = 0; i < go_layouts_count; i++)
		for (j = 0; j < FIELDS; j++)
			for (k = 0; k < FIELDS; k++) {
				uint32_t size = value(&go_layouts[i], &fields[k]);
				uint32_t off = value(&go_layouts[i], &fields[j]);

				if (fields[j].shape != IS_OFF || fields[k].shape != IS_SIZE ||
				    strcmp(fields[j].type, fields[k].type) || off == LAYOUT_NONE)
					continue;
				assert_int_not_equal(size, LAYOUT_NONE);
				assert_true(off < size);
				checked++;
			}
	assert_true(checked > 50 * go_layouts_count);
}

static int starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* Two members never share an offset, unless one is inside the other. */
static void members_are_apart(void **state)
{
	size_t i, j, k;

	for (i = 0; i < go_layouts_count; i++)
		for (j = 0; j < FIELDS; j++)
			for (k = j + 1; k < FIELDS; k++) {
				uint32_t a = value(&go_layouts[i], &fields[j]);
				uint32_t b = value(&go_layouts[i], &fields[k]);

				if (fields[j].shape != IS_OFF || fields[k].shape != IS_OFF ||
				    strcmp(fields[j].type, fields[k].type) || a == LAYOUT_NONE)
					continue;
				if (a == b && !starts_with(fields[j].path, fields[k].path) &&
				    !starts_with(fields[k].path, fields[j].path))
					fail_msg("go%s: %s and %s are both at %u",
						 go_layouts[i].release, fields[j].id, fields[k].id,
						 a);
			}
}

static void widths_and_sizes_are_not_zero(void **state)
{
	size_t i, j;

	for (i = 0; i < go_layouts_count; i++)
		for (j = 0; j < FIELDS; j++)
			if (fields[j].shape != IS_OFF)
				assert_int_not_equal(value(&go_layouts[i], &fields[j]), 0);
}

/* The readers of the heap and of MemStats cannot do without these. */
static void core_is_known_in_every_release(void **state)
{
	static const char *const optional[] = { "inPtrScalarBits",
						"allArenas",
						"heapArenas",
						"userArenaArenas",
						"pages.scav.released",
						"pages.scav.releasedBg",
						"pages.scav.releasedEager",
						"largeType" };
	static const char *const core[] = { "runtime.gcControllerState",
					    "runtime.mstats",
					    "runtime.heapStatsDelta",
					    "runtime.mheap",
					    "runtime.mspan",
					    "runtime.mcache",
					    "runtime.bucket",
					    "runtime.g" };
	size_t i, j, k;

	for (j = 0; j < FIELDS; j++) {
		int want = 0;

		for (k = 0; k < sizeof(core) / sizeof(core[0]); k++)
			want |= !strcmp(fields[j].type, core[k]);
		for (k = 0; k < sizeof(optional) / sizeof(optional[0]); k++)
			want &= !!strcmp(fields[j].path, optional[k]);
		for (i = 0; want && i < go_layouts_count; i++)
			if (value(&go_layouts[i], &fields[j]) == LAYOUT_NONE)
				fail_msg("go%s: %s is missing", go_layouts[i].release,
					 fields[j].id);
	}
}

/* Types of large objects are in the heap from 1.22 on. */
static void large_types_since_1_22(void **state)
{
	for (size_t i = 0; i < go_layouts_count; i++)
		assert_int_equal(go_layouts[i].mspan_largeType != LAYOUT_NONE,
				 go_layout_minor(&go_layouts[i]) >= 22);
}

/* What was given back is counted together or by who did it, never both. */
static void one_count_of_released(void **state)
{
	for (size_t i = 0; i < go_layouts_count; i++) {
		const struct go_layout *l = &go_layouts[i];

		assert_int_not_equal(l->mheap_scav_released == LAYOUT_NONE,
				     l->mheap_scav_releasedBg == LAYOUT_NONE);
		assert_int_equal(l->mheap_scav_releasedBg == LAYOUT_NONE,
				 l->mheap_scav_releasedEager == LAYOUT_NONE);
	}
}

/* One of the two lists of arenas is always there, never both. */
static void one_arena_list(void **state)
{
	size_t i;

	for (i = 0; i < go_layouts_count; i++)
		assert_true((go_layouts[i].mheap_allArenas == LAYOUT_NONE) !=
			    (go_layouts[i].mheap_heapArenas == LAYOUT_NONE));
}

/* Known from the sources: two releases, two numbers each, read off by hand. */
static void span_as_declared(void **state)
{
	const struct go_layout *l21 = go_layout_find(21, EM_X86_64),
			       *l24 = go_layout_find(24, EM_X86_64);

	assert_non_null(l21);
	assert_non_null(l24);
	assert_int_equal(l21->mspan_startAddr, 24);   /* next, prev, list */
	assert_int_equal(l21->mspan_nelems_width, 8); /* uintptr until 1.21 */
	assert_int_equal(l24->mspan_startAddr, 24);
	assert_int_equal(l24->mspan_nelems_width, 2); /* uint16 since 1.22 */
}

/*
 * A cache line is 64 bytes on amd64 and 128 on arm64, from 1.21 in the runtime's padding:
 * what is padded grows by whole paddings, and what is not is the same.
 */
static void machines_differ_in_padding(void **state)
{
	static const char *const same[] = { "runtime.gcControllerState",
					    "runtime.mstats",
					    "runtime.heapStatsDelta",
					    "runtime.mspan",
					    "runtime.mcache",
					    "runtime.g",
					    "runtime.bucket" };
	size_t i, j, k, half = go_layouts_count / 2, differ = 0;

	for (i = 0; i < half; i++)
		for (j = 0; j < FIELDS; j++) {
			uint32_t a = value(&go_layouts[i], &fields[j]);
			uint32_t b = value(&go_layouts[i + half], &fields[j]);

			differ += a != b;
			for (k = 0; k < sizeof(same) / sizeof(same[0]); k++)
				if (fields[j].shape == IS_OFF && !strcmp(fields[j].type, same[k]) &&
				    a != b)
					fail_msg("go%s: %s is at %u and %u", go_layouts[i].release,
						 fields[j].id, a, b);
			if (a != b && (b < a || (b - a) % 64) && fields[j].shape == IS_OFF &&
			    strcmp(fields[j].type, "runtime.m"))
				fail_msg("go%s: %s moves from %u to %u", go_layouts[i].release,
					 fields[j].id, a, b);
		}
	assert_true(differ > 10);
	/* two of them, from the runtime's sources: none in 1.19, and in mheap_ of 1.24 */
	assert_int_equal(go_layout_find(19, EM_AARCH64)->mheap_central,
			 go_layout_find(19, EM_X86_64)->mheap_central);
	assert_int_equal(go_layout_find(24, EM_AARCH64)->mheap_central,
			 go_layout_find(24, EM_X86_64)->mheap_central + 64);
	assert_int_equal(go_layout_find(24, EM_AARCH64)->mheap_spanalloc,
			 go_layout_find(24, EM_X86_64)->mheap_spanalloc + 64 + 136 * 64);
	assert_int_equal(go_arena_base(&go_layouts[0]), 0xffff800000000000);
	assert_int_equal(go_arena_base(&go_layouts[half]), 0);
}

static void size_classes_ascend(void **state)
{
	size_t i;

	assert_int_equal(go_size_class[0], 0);
	assert_int_equal(go_size_class[1], 8);
	for (i = 1; i < LAYOUT_SIZE_CLASSES; i++) {
		assert_true(go_size_class[i] > go_size_class[i - 1]);
		assert_int_equal(go_size_class[i] % 8, 0);
	}
	assert_int_equal(go_size_class[LAYOUT_SIZE_CLASSES - 1], 32768);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_ascend),
		cmocka_unit_test(entry_names_its_toolchain),
		cmocka_unit_test(find_by_minor),
		cmocka_unit_test(members_inside_sizes),
		cmocka_unit_test(members_are_apart),
		cmocka_unit_test(widths_and_sizes_are_not_zero),
		cmocka_unit_test(core_is_known_in_every_release),
		cmocka_unit_test(large_types_since_1_22),
		cmocka_unit_test(one_count_of_released),
		cmocka_unit_test(one_arena_list),
		cmocka_unit_test(span_as_declared),
		cmocka_unit_test(machines_differ_in_padding),
		cmocka_unit_test(size_classes_ascend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
