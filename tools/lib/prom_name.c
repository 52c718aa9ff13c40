// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Columns in the words of Prometheus; see prom_name.h. */
#include "prom_name.h"
#include "tool.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *suffix;
	unsigned int decimals; /* of the base unit that one of ours is: 9 for ns */
	bool none;             /* no sample */
} units[UNITS] = {
	[BYTES] = { "_bytes" },     [SBYTES] = { "_bytes" },
	[NSEC] = { "_seconds", 9 }, [TIME] = { "_timestamp_seconds", 9 },
	[MONO] = { "_seconds", 9 }, [PERCENT] = { "_ratio", 2 },
	[ADDR] = { "", 0, true },   [BAR] = { "", 0, true },
};

/*
 * A word begins at a capital behind a small letter, or before one at the end of an abbreviation:
 * Heap_Alloc, GC_Sys; but MSpan.
 */
static bool word_begins(const char *key, const char *p)
{
	if (p == key || !isupper((unsigned char)*p))
		return false;
	if (islower((unsigned char)p[-1]) || isdigit((unsigned char)p[-1]))
		return true;
	return p - key > 1 && isupper((unsigned char)p[-2]) && isupper((unsigned char)p[-1]) &&
	       islower((unsigned char)p[1]);
}

void prom_snake(char *buf, size_t size, const char *key, const char *sep)
{
	char *to = buf + strlen(buf), *end = buf + size - 2;

	while (*sep && to < end)
		*to++ = *sep++;
	for (const char *p = key; *p && to < end; p++) {
		if (word_begins(key, p))
			*to++ = '_';
		*to++ = isalnum((unsigned char)*p) ? tolower((unsigned char)*p) : '_';
	}
	*to = '\0';
}

static bool ends_in(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);

	return a >= b && !strcmp(s + a - b, end);
}

/* The suffix is not said twice. */
static void suffix_add(char *buf, size_t size, const char *suffix)
{
	size_t len = strlen(buf);

	if (!ends_in(buf, suffix))
		snprintf(buf + len, size - len, "%s", suffix);
}

static void suffix_drop(char *buf, const char *suffix)
{
	if (ends_in(buf, suffix))
		buf[strlen(buf) - strlen(suffix)] = '\0';
}

/* A stream of these rows, which has nothing beside them but fields. */
static bool is_stream_of(const struct tool *t, const struct section *s)
{
	size_t others = 0;

	for (const struct section *o = t->sections; o->cols; o++)
		others += o != s && o->shape != SEC_FIELDS;
	return t->stream && s->shape == SEC_ROWS && !others;
}

void prom_prefix(char *buf, size_t size, const struct tool *t, const struct section *s)
{
	snprintf(buf, size, "gomemtrace");
	prom_snake(buf, size, tool_json_name(t), "_");
	if (s->key && s->shape != SEC_HIST && !is_stream_of(t, s))
		prom_snake(buf, size, strcmp(s->key, "summary") ? s->key : "totals", "_");
}

void prom_name(char *buf, size_t size, const char *prefix, const struct col *c)
{
	snprintf(buf, size, "%s", prefix);
	prom_snake(buf, size, c->key, "_");
	if (units[c->unit].decimals == 9)
		suffix_drop(buf, "_ns");
	if (c->unit == PERCENT)
		suffix_drop(buf, "_percent");
	if (c->role == COUNTER)
		suffix_drop(buf, "_total");
	if (units[c->unit].suffix)
		suffix_add(buf, size, units[c->unit].suffix);
	if (c->role == COUNTER)
		suffix_add(buf, size, "_total");
}

/* n / 10^decimals, exactly. */
static void decimal_print(char *buf, size_t size, uint64_t n, bool negative, unsigned int decimals)
{
	uint64_t scale = 1;

	for (unsigned int i = 0; i < decimals; i++)
		scale *= 10;
	snprintf(buf, size, "%s%" PRIu64, negative ? "-" : "", n / scale);
	if (n % scale) {
		size_t len = strlen(buf);

		snprintf(buf + len, size - len, ".%0*" PRIu64, (int)decimals, n % scale);
		for (len = strlen(buf); buf[len - 1] == '0';)
			buf[--len] = '\0';
	}
}

bool prom_value(char *buf, size_t size, const struct col *c, const struct value *v)
{
	unsigned int decimals = units[c->unit].decimals;

	if (units[c->unit].none)
		return false;
	if (v->kind == V_U64)
		decimal_print(buf, size, v->u, false, decimals);
	else if (v->kind == V_S64)
		decimal_print(buf, size, v->s < 0 ? -(uint64_t)v->s : (uint64_t)v->s, v->s < 0,
			      decimals);
	else if (v->kind == V_BOOL)
		snprintf(buf, size, "%d", v->b);
	else if (v->kind == V_DOUBLE)
		snprintf(buf, size, "%.17g",
			 decimals == 2   ? v->d / 100
			 : decimals == 9 ? v->d / 1e9
					 : v->d);
	else
		return false;
	return true;
}
