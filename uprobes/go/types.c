// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Type descriptors; see types.h. */
#include "go/types.h"
#include "fail.h"
#include "go/goproc.h"
#include "mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODULE_MAX   (1ULL << 31) /* offsets in it are of 31 bits */
#define NAME_MAX_LEN (1U << 29)   /* as reflect has it */
#define VARINT_MAX   5

enum { TFLAG_UNCOMMON = 1, TFLAG_EXTRA_STAR = 2, TFLAG_NAMED = 4, TFLAG_ALL = 63 };
enum { NAME_FLAGS = 15 };

/* Size of the values of a kind, where it is one; and of its descriptor (type.go). */
static const struct kind {
	const char *name;
	uint8_t size, descriptor;
} kinds[GO_KIND_COUNT] = {
	[GO_KIND_BOOL] = { "bool", 1, 48 },
	{ "int", 8, 48 },
	{ "int8", 1, 48 },
	{ "int16", 2, 48 },
	{ "int32", 4, 48 },
	{ "int64", 8, 48 },
	{ "uint", 8, 48 },
	{ "uint8", 1, 48 },
	{ "uint16", 2, 48 },
	{ "uint32", 4, 48 },
	{ "uint64", 8, 48 },
	[GO_KIND_UINTPTR] = { "uintptr", 8, 48 },
	{ "float32", 4, 48 },
	{ "float64", 8, 48 },
	{ "complex64", 8, 48 },
	[GO_KIND_COMPLEX128] = { "complex128", 16, 48 },
	[GO_KIND_ARRAY] = { "array", 0, 72 },
	[GO_KIND_CHAN] = { "chan", 8, 64 },
	[GO_KIND_FUNC] = { "func", 8, 56 },
	[GO_KIND_INTERFACE] = { "interface", 16, 80 },
	[GO_KIND_MAP] = { "map", 8, 0 },
	[GO_KIND_POINTER] = { "ptr", 8, 56 },
	[GO_KIND_SLICE] = { "slice", 24, 56 },
	[GO_KIND_STRING] = { "string", 16, 48 },
	[GO_KIND_STRUCT] = { "struct", 0, 80 },
	[GO_KIND_UNSAFE_POINTER] = { "unsafe.Pointer", 8, 48 },
};

const char *go_kind_name(enum go_kind kind)
{
	return kind < GO_KIND_COUNT && kinds[kind].name ? kinds[kind].name : "invalid";
}

/*
 * maptype of 1.19 to 1.23 {key, elem, bucket, hasher, 2 x u8, u16, u32}; abi.MapType of 1.24
 * {key, elem, group, hasher, 3 x u64, u32}, of 1.27 with 6 x u64 (internal/abi/map*.go).
 */
static uint32_t map_size(const struct go_layout *l)
{
	int minor = go_layout_minor(l);

	return minor < 24 ? 88 : minor < 27 ? 112 : 136;
}

int go_types_open(struct go_types *ts, struct goproc *gp)
{
	uint64_t at = gp->addr[G_firstmoduledata], start, end;
	const struct go_layout *l = gp->l;

	*ts = (struct go_types){ .mem = gp->mem };
	if (!gp->proven || !l)
		return fail(-EINVAL, "types cannot be read: %s", gp->why);
	ts->map_size = map_size(l);
	for (; at; ts->n++) {
		ts->cut = ts->n == GO_MODULES_MAX;
		if (ts->cut)
			break;
		if (mem_u64(gp->mem, at + l->md_types, &start) ||
		    mem_u64(gp->mem, at + l->md_etypes, &end) ||
		    mem_u64(gp->mem, at + l->md_next, &at))
			return fail(-EFAULT, "the module data at 0x%llx cannot be read",
				    (unsigned long long)at);
		if (start < MEM_PAGE || end < start || end - start > MODULE_MAX)
			return fail(-EINVAL, "a module says that its types are at 0x%llx to 0x%llx",
				    (unsigned long long)start, (unsigned long long)end);
		ts->module[ts->n].start = start;
		ts->module[ts->n].end = end;
	}
	return 0;
}

/* ---- names ---- */

/* Of the text, what is printed as it stands: a name never has anything else in it. */
static bool is_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return true;
}

/* Not in the midst of a UTF-8 sequence. */
static size_t cut_at(const char *s, size_t len)
{
	size_t n = len, want;

	while (n && n + 3 > len && ((unsigned char)s[n - 1] & 0xc0) == 0x80)
		n--;
	if (!n || (unsigned char)s[n - 1] < 0xc0)
		return len;
	want = (unsigned char)s[n - 1] < 0xe0 ? 2 : (unsigned char)s[n - 1] < 0xf0 ? 3 : 4;
	return n - 1 + want > len ? n - 1 : len;
}

/*
 * The name at an offset of module m, without the star it begins with if `skip` is 1; what
 * does not fit is cut off. 0, -EINVAL: there is none, or another error of reading.
 */
static int name_read(const struct go_types *ts, size_t m, uint64_t off, unsigned skip, char *out,
		     size_t size, bool *cut)
{
	uint64_t at = ts->module[m].start + off, left = ts->module[m].end - at, len = 0;
	uint8_t head[1 + VARINT_MAX], i = 1;
	int err;

	if (off >= ts->module[m].end - ts->module[m].start || left < 2)
		return -EINVAL;
	err = mem_read(ts->mem, at, head, left < sizeof(head) ? left : sizeof(head));
	if (err)
		return err;
	if (head[0] & ~NAME_FLAGS)
		return -EINVAL;
	do {
		if (i == sizeof(head) || i == left)
			return -EINVAL;
		len |= (uint64_t)(head[i] & 0x7f) << 7 * (i - 1);
	} while (head[i++] & 0x80);
	if (len <= skip || len > NAME_MAX_LEN || len > left - i)
		return -EINVAL;
	if (skip && (mem_read(ts->mem, at + i, out, 1) || out[0] != '*'))
		return -EINVAL;
	*cut = len - skip >= size;
	len = *cut ? size - 1 : len - skip;
	err = mem_read(ts->mem, at + i + skip, out, len);
	if (err)
		return err;
	len = *cut ? cut_at(out, len) : len;
	out[len] = '\0';
	return is_text(out, len) ? 0 : -EINVAL;
}

/* ---- descriptors ---- */

static bool power_of_two(uint8_t v)
{
	return v && !(v & (v - 1));
}

static bool plausible(const struct go_type *t, const uint8_t *d)
{
	const struct kind *k = t->kind < GO_KIND_COUNT ? &kinds[t->kind] : NULL;

	return k && k->name && (!k->size || t->size == k->size) && t->ptrbytes <= t->size &&
	       t->ptrbytes % 8 == 0 && t->size <= 1ULL << 48 && power_of_two(d[21]) &&
	       power_of_two(d[22]) && t->size % d[21] == 0 && !(d[20] & ~TFLAG_ALL);
}

static int package_read(const struct go_types *ts, size_t m, struct go_type *t)
{
	uint64_t at = t->addr + (t->kind == GO_KIND_MAP ? ts->map_size : kinds[t->kind].descriptor);
	int32_t off;
	bool cut;
	int err;

	if (at > ts->module[m].end - sizeof(off))
		return -EINVAL;
	err = mem_read(ts->mem, at, &off, sizeof(off));
	if (err || !off)
		return err;
	return off < 0 ? -EINVAL : name_read(ts, m, off, 0, t->pkg, sizeof(t->pkg), &cut);
}

static int descriptor_read(const struct go_types *ts, size_t m, struct go_type *t)
{
	uint8_t d[GO_TYPE_SIZE];
	int err = mem_read(ts->mem, t->addr, d, sizeof(d));
	int32_t str;

	if (err)
		return err;
	t->size = get_u64(d, 0);
	t->ptrbytes = get_u64(d, 8);
	t->hash = get_u32(d, 16);
	t->kind = d[23] & 31;
	t->named = d[20] & TFLAG_NAMED;
	str = get_u32(d, 40);
	if (!plausible(t, d) || str <= 0)
		return -EINVAL;
	err = name_read(ts, m, str, d[20] & TFLAG_EXTRA_STAR ? 1 : 0, t->name, sizeof(t->name),
			&t->cut);
	return err || !t->named || !(d[20] & TFLAG_UNCOMMON) ? err : package_read(ts, m, t);
}

int go_type_read(const struct go_types *ts, uint64_t addr, struct go_type *out)
{
	size_t m = 0;
	int err;

	*out = (struct go_type){ .addr = addr };
	while (m < ts->n && (addr < ts->module[m].start || addr >= ts->module[m].end))
		m++;
	if (m == ts->n)
		return fail(-ENOENT,
			    "0x%llx is not among the types of %zu module%s: made at run time "
			    "(reflect), or no type",
			    (unsigned long long)addr, ts->n, ts->n == 1 ? "" : "s");
	if (addr % 8 || ts->module[m].end - addr < GO_TYPE_SIZE)
		err = -EINVAL;
	else
		err = descriptor_read(ts, m, out);
	if (err == -EINVAL)
		return fail(err, "what is at 0x%llx is no type descriptor",
			    (unsigned long long)addr);
	return err ? fail(err, "the type at 0x%llx cannot be read: %s", (unsigned long long)addr,
			  err == -ENODATA ? "it is swapped out" : strerror(-err))
		   : 0;
}
