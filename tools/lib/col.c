// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What a column says about a row; see col.h. */
#include "col.h"
#include <math.h>
#include <string.h>
#include <strings.h>

_Static_assert(sizeof(long) == sizeof(int64_t), "COL() takes long for 64 bits");

/* A getter for a whole number: the null of its type is V_NULL. */
#define GET_NUMBER(name, ctype, null, vkind, member)                                               \
	static struct value name(const struct col *c, const void *p)                               \
	{                                                                                          \
		struct value v = {};                                                               \
		ctype n;                                                                           \
		(void)c;                                                                           \
		memcpy(&n, p, sizeof(n));                                                          \
		if (n == (null))                                                                   \
			return v;                                                                  \
		v.kind = (vkind);                                                                  \
		v.member = n;                                                                      \
		return v;                                                                          \
	}

GET_NUMBER(get_u64, uint64_t, U64_NULL, V_U64, u)
GET_NUMBER(get_s64, int64_t, S64_NULL, V_S64, s)
GET_NUMBER(get_u32, uint32_t, U32_NULL, V_U64, u)
GET_NUMBER(get_s32, int32_t, S32_NULL, V_S64, s)
GET_NUMBER(get_u16, uint16_t, U16_NULL, V_U64, u)
GET_NUMBER(get_u8, uint8_t, U8_NULL, V_U64, u)
GET_NUMBER(get_tri, int8_t, TRI_NULL, V_BOOL, b)

static struct value get_bool(const struct col *c, const void *p)
{
	(void)c;
	return (struct value){ .kind = V_BOOL, .b = *(const bool *)p };
}

static struct value get_double(const struct col *c, const void *p)
{
	double d = *(const double *)p;

	(void)c;
	return (struct value){ .kind = isfinite(d) ? V_DOUBLE : V_NULL, .d = d };
}

static struct value get_chars(const struct col *c, const void *p)
{
	return (struct value){ .kind = V_TEXT, .text = p, .len = strnlen(p, c->size) };
}

static struct value get_str(const struct col *c, const void *p)
{
	const char *s = *(const char *const *)p;

	(void)c;
	if (!s)
		return (struct value){};
	return (struct value){ .kind = V_TEXT, .text = s, .len = strlen(s) };
}

static struct value get_numbers(const struct col *c, const void *p)
{
	(void)c;
	return (struct value){ .kind = V_NUMBERS, .numbers = p };
}

static struct value get_list(const struct col *c, const void *p)
{
	(void)c;
	return (struct value){ .kind = V_LIST, .list = *(const struct list *)p };
}

static struct value get_stack(const struct col *c, const void *p)
{
	const struct stack *s = p;

	(void)c;
	return (struct value){ .kind = V_LIST, .list = { s->frame, s->n, sizeof(*s->frame) } };
}

static struct value get_object(const struct col *c, const void *p)
{
	(void)c;
	return (struct value){ .kind = V_OBJECT, .object = p };
}

struct value col_value(const struct col *c, const void *row)
{
	static struct value (*const get[CT_TYPES])(const struct col *, const void *) = {
		[CT_U64] = get_u64,     [CT_S64] = get_s64,       [CT_U32] = get_u32,
		[CT_S32] = get_s32,     [CT_U16] = get_u16,       [CT_U8] = get_u8,
		[CT_TRI] = get_tri,     [CT_BOOL] = get_bool,     [CT_DOUBLE] = get_double,
		[CT_CHARS] = get_chars, [CT_STR] = get_str,       [CT_NUMBERS] = get_numbers,
		[CT_LIST] = get_list,   [CT_OBJECT] = get_object, [CT_STACK] = get_stack,
	};
	static const struct object no_object;
	static const struct numbers no_numbers;
	static const struct value none[CT_TYPES] = {
		[CT_NUMBERS] = { .kind = V_NUMBERS, .numbers = &no_numbers },
		[CT_LIST] = { .kind = V_LIST },
		[CT_STACK] = { .kind = V_LIST },
		[CT_OBJECT] = { .kind = V_OBJECT, .object = &no_object },
	};

	return row ? get[c->type](c, (const char *)row + c->off) : none[c->type];
}

static int texts_compare(const struct value *a, const struct value *b)
{
	int d = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return d ? d : (a->len > b->len) - (a->len < b->len);
}

int value_compare(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind)
		return (a->kind == V_NULL) - (b->kind == V_NULL);
	if (a->kind == V_U64)
		return (a->u > b->u) - (a->u < b->u);
	if (a->kind == V_S64)
		return (a->s > b->s) - (a->s < b->s);
	if (a->kind == V_DOUBLE)
		return (a->d > b->d) - (a->d < b->d);
	if (a->kind == V_BOOL)
		return a->b - b->b;
	return a->kind == V_TEXT ? texts_compare(a, b) : 0;
}

bool col_is_text(const struct col *c)
{
	return c->type == CT_CHARS || c->type == CT_STR || c->type == CT_STACK;
}

static bool col_is_nested(const struct col *c)
{
	return c->type == CT_NUMBERS || c->type == CT_LIST || c->type == CT_OBJECT ||
	       c->type == CT_STACK;
}

bool col_in_json(const struct col *c)
{
	return !(c->flags & COL_TABLE_ONLY) && c->unit != BAR;
}

bool col_in_table(const struct col *c)
{
	return !(c->flags & COL_JSON_ONLY) && (!col_is_nested(c) || c->type == CT_STACK);
}

bool col_is_quoted(const struct col *c)
{
	return c->unit == TIME || c->unit == MONO || c->unit == ADDR;
}

const struct col *col_find(const struct col *cols, const char *name)
{
	for (const struct col *c = cols; c->key; c++)
		if (!col_is_nested(c) && (!strcasecmp(c->key, name) || !strcasecmp(c->head, name)))
			return c;
	return NULL;
}

const char *unit_name(enum unit u)
{
	static const char *const names[UNITS] = {
		[COUNT] = "count",  [BYTES] = "bytes",     [SBYTES] = "bytes",
		[NSEC] = "ns",      [TIME] = "unix_ns",    [MONO] = "monotonic_ns",
		[ADDR] = "address", [PERCENT] = "percent", [STARS] = "confidence",
	};

	return names[u];
}

size_t cols_extent(const struct col *cols)
{
	size_t end = 0;

	for (const struct col *c = cols; c->key; c++)
		if (end < (size_t)c->off + c->size)
			end = c->off + c->size;
	return end;
}
