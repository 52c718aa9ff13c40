// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A JSON writer; see json.h. */
#include "json.h"
#include "text.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void escape_put(FILE *f, uint32_t c)
{
	if (c > 0xffff) {
		c -= 0x10000;
		fprintf(f, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
	} else {
		fprintf(f, "\\u%04x", c);
	}
}

static void text_put(FILE *f, const char *s, size_t len)
{
	const char *end = s + len, *from;

	putc('"', f);
	while (s < end) {
		int32_t c;

		from = s;
		c = text_next(&s, end);
		if (c < 0)
			escape_put(f, 0xfffd);
		else if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (text_is_unsafe(c))
			escape_put(f, c);
		else
			fwrite(from, 1, s - from, f);
	}
	putc('"', f);
}

static void line_break(struct json *j)
{
	if (j->pretty)
		fprintf(j->f, "\n%*s", (int)j->depth * 2, "");
}

/* The comma and the key before a value. */
static void lead_put(struct json *j, const char *key)
{
	if (j->used & 1ULL << j->depth)
		putc(',', j->f);
	j->used |= 1ULL << j->depth;
	if (j->depth)
		line_break(j);
	if (key) {
		text_put(j->f, key, strlen(key));
		fputs(j->pretty ? ": " : ":", j->f);
	}
}

void json_open(struct json *j, const char *key, char bracket)
{
	lead_put(j, key);
	putc(bracket, j->f);
	j->depth++;
	j->used &= ~(1ULL << j->depth);
}

void json_close(struct json *j, char bracket)
{
	bool used = j->used & 1ULL << j->depth;

	j->depth--;
	if (used)
		line_break(j);
	putc(bracket, j->f);
}

void json_text(struct json *j, const char *key, const char *s, size_t len)
{
	lead_put(j, key);
	text_put(j->f, s, len);
}

void json_string(struct json *j, const char *key, const char *s)
{
	if (s)
		json_text(j, key, s, strlen(s));
	else
		json_null(j, key);
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	lead_put(j, key);
	fprintf(j->f, "%" PRIu64, v);
}

void json_s64(struct json *j, const char *key, int64_t v)
{
	lead_put(j, key);
	fprintf(j->f, "%" PRId64, v);
}

void json_u64_text(struct json *j, const char *key, uint64_t v)
{
	lead_put(j, key);
	fprintf(j->f, "\"%" PRIu64 "\"", v);
}

void json_thousandths(struct json *j, const char *key, uint64_t v)
{
	lead_put(j, key);
	fprintf(j->f, "%" PRIu64 ".%03u", v / 1000, (unsigned int)(v % 1000));
}

/* Whatever stands for the decimal point in this locale, of whatever length, is one point. */
static void point_fix(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (strchr("0123456789+-e", *s))
			*to++ = *s;
		else if (to[-1] != '.')
			*to++ = '.';
	}
	*to = '\0';
}

/* The fewest of 15 to 17 digits that read back as the same number. */
void json_double(struct json *j, const char *key, double v)
{
	char buf[40];

	if (!isfinite(v)) {
		json_null(j, key);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	point_fix(buf);
	lead_put(j, key);
	fputs(buf, j->f);
}

void json_bool(struct json *j, const char *key, bool v)
{
	lead_put(j, key);
	fputs(v ? "true" : "false", j->f);
}

void json_null(struct json *j, const char *key)
{
	lead_put(j, key);
	fputs("null", j->f);
}
