/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * json_cols.h - columns as JSON: the values of a row, and the schema they obey. Both walk the
 * same tables (col.h), and belong together: what one writes the other promises.
 */
#ifndef JSON_COLS_H
#define JSON_COLS_H

#include "col.h"
#include "json.h"

/* All columns that JSON has as members of the open object; row NULL: all of them null. */
void json_cols(struct json *j, const struct col *cols, const void *row);

/* One of them, under its key. */
void json_col(struct json *j, const struct col *c, const void *row);

/* "properties" and "required" of an object with the columns, for the schema. */
void schema_properties(struct json *j, const struct col *cols);
void schema_required(struct json *j, const struct col *cols);

/* "key":{…}: an object with these columns and no others. */
void schema_object(struct json *j, const char *key, const struct col *cols, const char *help);

#endif
