// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The JSON Schema of a tool's output; see schema.h. */
#include "schema.h"
#include "json_cols.h"
#include "tool.h"

static void const_put(struct json *j, const char *key, const char *text)
{
	json_open(j, key, '{');
	if (text)
		json_string(j, "const", text);
	else
		json_u64(j, "const", JSON_VERSION);
	json_close(j, '}');
}

/* What every line begins with. */
static void head_properties(struct json *j, const struct tool *t)
{
	const_put(j, "v", NULL);
	const_put(j, "tool", tool_json_name(t));
	json_open(j, "ts_ns", '{');
	json_string(j, "description", "when this was seen");
	json_string(j, "type", "string");
	json_string(j, "pattern", "^[0-9]+$");
	json_string(j, "x-unit", unit_name(TIME));
	json_close(j, '}');
	if (t->no_target)
		return;
	json_open(j, "pid", '{');
	json_string(j, "description", "the process, as this host names it");
	json_string(j, "type", "integer");
	json_u64(j, "minimum", 1);
	json_close(j, '}');
}

static void head_required(struct json *j, const struct tool *t)
{
	json_string(j, NULL, "v");
	json_string(j, NULL, "tool");
	json_string(j, NULL, "ts_ns");
	if (!t->no_target)
		json_string(j, NULL, "pid");
}

static void label_property(struct json *j, const char *label)
{
	json_open(j, label, '{');
	json_string(j, "description", "which histogram it is");
	json_open(j, "type", '[');
	json_string(j, NULL, "string");
	json_string(j, NULL, "null");
	json_close(j, ']');
	json_close(j, '}');
}

static void hist_properties(struct json *j, const struct section *s)
{
	if (s->label)
		label_property(j, s->label);
	const_put(j, "unit", unit_name(s->unit));
	schema_properties(j, s->cols);
}

static void hist_required(struct json *j, const struct section *s)
{
	if (s->label)
		json_string(j, NULL, s->label);
	json_string(j, NULL, "unit");
	schema_required(j, s->cols);
}

static void hist_object(struct json *j, const struct section *s)
{
	json_open(j, "items", '{');
	if (s->title)
		json_string(j, "description", s->title);
	json_string(j, "type", "object");
	json_open(j, "properties", '{');
	hist_properties(j, s);
	json_close(j, '}');
	json_open(j, "required", '[');
	hist_required(j, s);
	json_close(j, ']');
	json_bool(j, "additionalProperties", false);
	json_close(j, '}');
}

static void array_property(struct json *j, const struct section *s)
{
	json_open(j, s->key, '{');
	json_string(j, "type", "array");
	if (s->shape == SEC_HIST)
		hist_object(j, s);
	else
		schema_object(j, "items", s->cols, s->title);
	json_close(j, '}');
}

/* flat: of a stream, where a row or a histogram is an object and no member of one. */
static void section_properties(struct json *j, const struct section *s, bool flat)
{
	if (flat && s->shape == SEC_HIST) {
		const_put(j, "hist", s->key);
		hist_properties(j, s);
	} else if (!s->key || (flat && s->shape == SEC_ROWS)) {
		schema_properties(j, s->cols);
	} else if (s->shape == SEC_FIELDS) {
		schema_object(j, s->key, s->cols, s->title);
	} else {
		array_property(j, s);
	}
}

static void section_required(struct json *j, const struct section *s, bool flat)
{
	if (flat && s->shape == SEC_HIST) {
		json_string(j, NULL, "hist");
		hist_required(j, s);
	} else if (!s->key || (flat && s->shape == SEC_ROWS)) {
		schema_required(j, s->cols);
	} else {
		json_string(j, NULL, s->key);
	}
}

/* Sections from..to-1 in one object, with the common members before them. */
static void object_put(struct json *j, const struct tool *t, const struct section *from,
		       const struct section *to)
{
	json_string(j, "type", "object");
	json_open(j, "properties", '{');
	head_properties(j, t);
	for (const struct section *s = from; s < to; s++)
		if (!(s->flags & SEC_TABLE_ONLY))
			section_properties(j, s, t->stream);
	json_close(j, '}');
	json_open(j, "required", '[');
	head_required(j, t);
	for (const struct section *s = from; s < to; s++)
		if (!(s->flags & SEC_TABLE_ONLY))
			section_required(j, s, t->stream);
	json_close(j, ']');
	json_bool(j, "additionalProperties", false);
}

/* A stream has one object after the other, each of one section. */
static void alternatives_put(struct json *j, const struct tool *t)
{
	json_open(j, "anyOf", '[');
	for (const struct section *s = t->sections; s && s->cols; s++) {
		if (s->flags & SEC_TABLE_ONLY)
			continue;
		json_open(j, NULL, '{');
		object_put(j, t, s, s + 1);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void schema_print(const struct tool *t, FILE *f)
{
	struct json j = { .f = f, .pretty = true };
	const struct section *end = t->sections;

	while (end && end->cols)
		end++;
	json_open(&j, NULL, '{');
	json_string(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_string(&j, "title", t->name);
	json_string(&j, "description", t->brief);
	if (t->stream)
		alternatives_put(&j, t);
	else
		object_put(&j, t, t->sections, end);
	json_close(&j, '}');
	putc('\n', f);
}
