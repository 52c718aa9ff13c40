// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The values of a row as JSON, and the schema of them; see json_cols.h. */
#include "json_cols.h"

static void put_null(struct json *j, const struct col *c, const struct value *v)
{
	(void)v;
	json_null(j, c->key);
}

static void put_u64(struct json *j, const struct col *c, const struct value *v)
{
	(col_is_quoted(c) ? json_u64_text : json_u64)(j, c->key, v->u);
}

static void put_s64(struct json *j, const struct col *c, const struct value *v)
{
	json_s64(j, c->key, v->s);
}

static void put_double(struct json *j, const struct col *c, const struct value *v)
{
	json_double(j, c->key, v->d);
}

static void put_bool(struct json *j, const struct col *c, const struct value *v)
{
	json_bool(j, c->key, v->b);
}

static void put_text(struct json *j, const struct col *c, const struct value *v)
{
	json_text(j, c->key, v->text, v->len);
}

static void put_numbers(struct json *j, const struct col *c, const struct value *v)
{
	json_open(j, c->key, '[');
	for (size_t i = 0; i < v->numbers->n; i++) {
		if (v->numbers->v[i] == U64_NULL)
			json_null(j, NULL);
		else
			(col_is_quoted(c) ? json_u64_text : json_u64)(j, NULL, v->numbers->v[i]);
	}
	json_close(j, ']');
}

static void put_list(struct json *j, const struct col *c, const struct value *v)
{
	const char *row = v->list.rows;

	json_open(j, c->key, '[');
	for (size_t i = 0; i < v->list.n; i++, row += v->list.stride) {
		json_open(j, NULL, '{');
		json_cols(j, c->cols, row);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_object(struct json *j, const struct col *c, const struct value *v)
{
	json_open(j, c->key, '{');
	json_cols(j, c->cols, v->object->row);
	json_close(j, '}');
}

void json_col(struct json *j, const struct col *c, const void *row)
{
	static void (*const put[])(struct json *, const struct col *, const struct value *) = {
		[V_NULL] = put_null,       [V_U64] = put_u64,   [V_S64] = put_s64,
		[V_DOUBLE] = put_double,   [V_BOOL] = put_bool, [V_TEXT] = put_text,
		[V_NUMBERS] = put_numbers, [V_LIST] = put_list, [V_OBJECT] = put_object,
	};

	struct value v = col_value(c, row);

	put[v.kind](j, c, &v);
}

void json_cols(struct json *j, const struct col *cols, const void *row)
{
	for (const struct col *c = cols; c->key; c++)
		if (col_in_json(c))
			json_col(j, c, row);
}

/* ---- the schema ---- */

static void schema_type(struct json *j, const char *type)
{
	json_open(j, "type", '[');
	json_string(j, NULL, type);
	json_string(j, NULL, "null");
	json_close(j, ']');
}

static void schema_number(struct json *j, const struct col *c)
{
	bool natural = c->type != CT_S64 && c->type != CT_S32;

	if (col_is_quoted(c)) {
		schema_type(j, "string");
		json_string(j, "pattern", natural ? "^[0-9]+$" : "^-?[0-9]+$");
		return;
	}
	schema_type(j, "integer");
	if (natural)
		json_u64(j, "minimum", 0);
}

static void schema_double(struct json *j, const struct col *c)
{
	(void)c;
	schema_type(j, "number");
}

static void schema_bool(struct json *j, const struct col *c)
{
	(void)c;
	schema_type(j, "boolean");
}

static void schema_text(struct json *j, const struct col *c)
{
	(void)c;
	schema_type(j, "string");
}

static void schema_numbers(struct json *j, const struct col *c)
{
	json_string(j, "type", "array");
	json_open(j, "items", '{');
	schema_number(j, c);
	json_close(j, '}');
}

static void schema_body(struct json *j, const struct col *cols)
{
	json_string(j, "type", "object");
	json_open(j, "properties", '{');
	schema_properties(j, cols);
	json_close(j, '}');
	json_open(j, "required", '[');
	schema_required(j, cols);
	json_close(j, ']');
	json_bool(j, "additionalProperties", false);
}

static void schema_list(struct json *j, const struct col *c)
{
	json_string(j, "type", "array");
	json_open(j, "items", '{');
	schema_body(j, c->cols);
	json_close(j, '}');
}

static void schema_nested(struct json *j, const struct col *c)
{
	schema_body(j, c->cols);
}

void schema_properties(struct json *j, const struct col *cols)
{
	static void (*const schema[CT_TYPES])(struct json *, const struct col *) = {
		[CT_U64] = schema_number,    [CT_S64] = schema_number,
		[CT_U32] = schema_number,    [CT_S32] = schema_number,
		[CT_U16] = schema_number,    [CT_U8] = schema_number,
		[CT_TRI] = schema_bool,      [CT_BOOL] = schema_bool,
		[CT_DOUBLE] = schema_double, [CT_CHARS] = schema_text,
		[CT_STR] = schema_text,      [CT_NUMBERS] = schema_numbers,
		[CT_LIST] = schema_list,     [CT_OBJECT] = schema_nested,
		[CT_STACK] = schema_list,
	};

	for (const struct col *c = cols; c->key; c++) {
		if (!col_in_json(c))
			continue;
		json_open(j, c->key, '{');
		if (c->help)
			json_string(j, "description", c->help);
		schema[c->type](j, c);
		if (unit_name(c->unit))
			json_string(j, "x-unit", unit_name(c->unit));
		json_close(j, '}');
	}
}

void schema_required(struct json *j, const struct col *cols)
{
	for (const struct col *c = cols; c->key; c++)
		if (col_in_json(c))
			json_string(j, NULL, c->key);
}

void schema_object(struct json *j, const char *key, const struct col *cols, const char *help)
{
	json_open(j, key, '{');
	if (help)
		json_string(j, "description", help);
	schema_body(j, cols);
	json_close(j, '}');
}
