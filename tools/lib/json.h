/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * json.h - a JSON writer: commas, escapes and numbers.
 *
 *	struct json j = { .f = f };
 *	json_open(&j, NULL, '{');
 *	json_u64(&j, "rss", 42);
 *	json_close(&j, '}');
 *
 * The key is NULL for members of arrays and for the outermost value. Text may be any bytes:
 * what is not UTF-8 becomes \ufffd, and control characters, the C1 ones and direction marks
 * included, are escaped. The result is valid UTF-8 in any locale. Nesting: at most 63 deep.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *f;
	bool pretty; /* a member a line, indented */
	unsigned int depth;
	uint64_t used; /* bit d: something is in the container at depth d */
};

void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_text(struct json *j, const char *key, const char *s, size_t len);
void json_string(struct json *j, const char *key, const char *s); /* NULL: null */
void json_u64(struct json *j, const char *key, uint64_t v);
void json_s64(struct json *j, const char *key, int64_t v);
void json_u64_text(struct json *j, const char *key, uint64_t v);    /* "123" */
void json_thousandths(struct json *j, const char *key, uint64_t v); /* v / 1000, exactly */
void json_double(struct json *j, const char *key, double v);        /* null if not finite */
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);

#endif
