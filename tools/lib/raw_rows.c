// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* From the bytes of a recording to rows; see raw_rows.h. */
#include "raw_rows.h"
#include "fail.h"
#include "raw.h"
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define COLUMNS_MAX 4096
#define MEMORY_MAX  (128u << 20) /* of the rows of one look */

/* ---- memory of a look ---- */

static void *mem_alloc(struct raw_rows *p, struct cursor *c, size_t n, size_t size)
{
	void *mem = NULL;

	if (!size || n <= (MEMORY_MAX - p->mem_size) / size) {
		p->mem_size += n * size;
		mem = arena_alloc(&p->mem, n * size);
	}
	if (mem)
		memset(mem, 0, n * size);
	else
		cursor_spoil(c);
	return mem;
}

char *raw_string_read(struct raw_rows *p, struct cursor *c)
{
	size_t len;
	const char *text = cursor_text(c, &len);
	char *copy = mem_alloc(p, c, len + 1, 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

/* ---- tables ---- */

/* The column here of that key, the nth with it; a table may have a key twice. */
const struct col *raw_column_find(const struct col *cols, const char *key, size_t len, size_t nth)
{
	for (const struct col *c = cols; c && c->key; c++)
		if (text_equals(key, len, c->key) && !nth--)
			return c;
	return NULL;
}

static size_t column_used(const struct raw_map *m, size_t n, const struct col *cols,
			  const char *key, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < n && cols; i++)
		used += m->cols[i].col && text_equals(key, len, m->cols[i].col->key);
	return used;
}

static int table_read(struct raw_rows *p, struct cursor *c, const struct col *cols,
		      struct raw_map *m, unsigned int depth);

static int column_read(struct raw_rows *p, struct cursor *c, const struct col *cols,
		       struct raw_map *m, size_t at, unsigned int depth)
{
	size_t key_len, unit_len;
	const char *key = cursor_text(c, &key_len), *unit;
	struct raw_map_col *to = &m->cols[at];

	to->type = cursor_u8(c);
	unit = cursor_text(c, &unit_len);
	if (c->bad || !to->type || !strchr("uidbsnlo", to->type))
		return -EBADMSG;
	to->col = raw_column_find(cols, key, key_len, column_used(m, at, cols, key, key_len));
	p->unknown += !to->col;
	if (to->col &&
	    (raw_type(to->col) != to->type || !text_equals(unit, unit_len, raw_unit(to->col))))
		return fail(-EBADMSG,
			    "column %s is of another type or unit: recorded by a release "
			    "that this one does not read",
			    to->col->key);
	if (to->type != 'l' && to->type != 'o')
		return 0;
	to->nested = arena_alloc(&p->maps, sizeof(*to->nested));
	if (!to->nested)
		return -ENOMEM;
	return table_read(p, c, to->col ? to->col->cols : NULL, to->nested, depth + 1);
}

static int table_read(struct raw_rows *p, struct cursor *c, const struct col *cols,
		      struct raw_map *m, unsigned int depth)
{
	int err = 0;

	m->n = cursor_count(c);
	if (!m->n || m->n > COLUMNS_MAX || depth > RAW_DEPTH_MAX)
		return -EBADMSG;
	m->cols = arena_alloc(&p->maps, m->n * sizeof(*m->cols));
	if (!m->cols)
		return -ENOMEM;
	memset(m->cols, 0, m->n * sizeof(*m->cols));
	for (size_t i = 0; i < m->n && !err; i++)
		err = column_read(p, c, cols, m, i, depth);
	return err ? err : c->bad ? -EBADMSG : 0;
}

int raw_table_read(struct raw_rows *p, struct cursor *c, const struct col *cols, struct raw_map *m)
{
	return table_read(p, c, cols, m, 0);
}

/* ---- rows ---- */

static bool put_unsigned(void *to, const struct col *c, uint64_t n)
{
	static const uint64_t nulls[CT_TYPES] = {
		[CT_U64] = U64_NULL, [CT_U32] = U32_NULL, [CT_U16] = U16_NULL, [CT_U8] = U8_NULL
	};

	if (n > nulls[c->type])
		return false;
	n = htole64(n);
	for (size_t i = 0; i < c->size; i++)
		((uint8_t *)to)[__BYTE_ORDER == __LITTLE_ENDIAN ? i : c->size - 1 - i] =
			((uint8_t *)&n)[i];
	return true;
}

static bool put_signed(void *to, const struct col *c, uint64_t z)
{
	int64_t n = (int64_t)(z >> 1) ^ -(int64_t)(z & 1);

	if (c->type == CT_S32 && (n < INT32_MIN || n > INT32_MAX))
		return false;
	if (c->type == CT_S32)
		*(int32_t *)to = n;
	else
		*(int64_t *)to = n;
	return true;
}

/* All members null, as far as their types have a null. */
static void row_clear(void *row, const struct col *cols)
{
	for (const struct col *c = cols; c->key; c++) {
		void *to = (char *)row + c->off;

		if (raw_type(c) == 'u')
			memset(to, 0xff, c->size);
		else if (c->type == CT_S64)
			*(int64_t *)to = S64_NULL;
		else if (c->type == CT_S32)
			*(int32_t *)to = S32_NULL;
		else if (c->type == CT_TRI)
			*(int8_t *)to = TRI_NULL;
		else if (c->type == CT_DOUBLE)
			*(double *)to = NAN;
	}
}

static void row_read(struct raw_rows *p, struct cursor *c, const struct raw_map *m,
		     const struct col *cols, void *row);

/* Each reads a value into the member, or nowhere when `to` is NULL. */
static void get_unsigned(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m,
			 void *to)
{
	uint64_t n = cursor_n(c);

	(void)p;
	if (to && !put_unsigned(to, m->col, n))
		cursor_spoil(c);
}

static void get_signed(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m, void *to)
{
	uint64_t z = cursor_n(c);

	(void)p;
	if (to && !put_signed(to, m->col, z))
		cursor_spoil(c);
}

static void get_double(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m, void *to)
{
	double d = cursor_double(c);

	(void)p, (void)m;
	if (to)
		*(double *)to = d;
}

static void get_bool(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m, void *to)
{
	uint8_t b = cursor_u8(c);

	(void)p, (void)m;
	if (b > 1)
		cursor_spoil(c);
	else if (to)
		*(uint8_t *)to = b;
}

static void get_text(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m, void *to)
{
	size_t len;
	const char *text;

	if (to && m->col->type == CT_STR) {
		*(const char **)to = raw_string_read(p, c);
		return;
	}
	text = cursor_text(c, &len);
	if (!to)
		return;
	if (len > m->col->size)
		cursor_spoil(c);
	else
		memcpy(to, text, len);
}

static void get_numbers(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m, void *to)
{
	size_t n = cursor_count(c);
	uint64_t *v = to ? mem_alloc(p, c, n, sizeof(*v)) : NULL;

	(void)m;
	for (size_t i = 0; i < n && !c->bad; i++) {
		uint64_t number = cursor_n(c);

		if (v)
			v[i] = number;
	}
	if (v)
		*(struct numbers *)to = (struct numbers){ v, n };
}

/* The bytes a row takes in an array of such. */
static size_t row_stride(const struct col *cols)
{
	const size_t align = _Alignof(max_align_t);

	return (cols_extent(cols) + align - 1) / align * align;
}

static size_t list_stride(const struct col *c)
{
	return c->type == CT_STACK ? sizeof(struct stack_frame) : row_stride(c->cols);
}

static void get_list(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m, void *to)
{
	size_t n = cursor_count(c), stride = to ? list_stride(m->col) : 0;
	char *rows = to ? mem_alloc(p, c, n, stride) : NULL;

	for (size_t i = 0; i < n && !c->bad; i++)
		row_read(p, c, m->nested, to ? m->col->cols : NULL,
			 rows ? rows + i * stride : NULL);
	if (rows && m->col->type == CT_STACK)
		*(struct stack *)to = (struct stack){ (struct stack_frame *)rows, n };
	else if (rows)
		*(struct list *)to = (struct list){ rows, n, stride };
}

static void get_object(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m, void *to)
{
	void *row = to ? mem_alloc(p, c, 1, row_stride(m->col->cols)) : NULL;

	row_read(p, c, m->nested, to ? m->col->cols : NULL, row);
	if (row)
		((struct object *)to)->row = row;
}

static void get_value(struct raw_rows *p, struct cursor *c, const struct raw_map_col *m, void *to)
{
	static void (*const get[])(struct raw_rows *, struct cursor *, const struct raw_map_col *,
				   void *) = {
		['u'] = get_unsigned, ['i'] = get_signed,  ['d'] = get_double, ['b'] = get_bool,
		['s'] = get_text,     ['n'] = get_numbers, ['l'] = get_list,   ['o'] = get_object,
	};
	char type = cursor_u8(c);

	if (type == m->type)
		get[(unsigned char)type](p, c, m, to);
	else if (type != '-')
		cursor_spoil(c);
}

/* row NULL: read over it. */
static void row_read(struct raw_rows *p, struct cursor *c, const struct raw_map *m,
		     const struct col *cols, void *row)
{
	if (row)
		row_clear(row, cols);
	for (size_t i = 0; i < m->n && !c->bad; i++) {
		const struct raw_map_col *mc = &m->cols[i];

		get_value(p, c, mc, row && mc->col ? (char *)row + mc->col->off : NULL);
	}
}

void *raw_row_read(struct raw_rows *p, struct cursor *c, const struct raw_map *m,
		   const struct col *cols)
{
	void *row = cols ? mem_alloc(p, c, 1, row_stride(cols)) : NULL;

	row_read(p, c, m, cols, row);
	return c->bad ? NULL : row;
}

void raw_rows_clear(struct raw_rows *p)
{
	arena_free(&p->mem);
	p->mem_size = 0;
}

void raw_rows_free(struct raw_rows *p)
{
	raw_rows_clear(p);
	arena_free(&p->maps);
}
