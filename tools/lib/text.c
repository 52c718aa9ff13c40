// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Text made fit for a terminal; see text.h. */
#include "text.h"
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Both ends included. C1 holds a one-character CSI; the others change direction or hide. */
static const struct {
	uint32_t from, to;
} unsafe[] = {
	{ 0x00, 0x1f },     { 0x7f, 0x9f },     { 0x61c, 0x61c },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
	{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

/* Signs of our own, where the locale has no UTF-8. */
static const struct {
	uint32_t c;
	const char *ascii;
} likeness[] = {
	{ 0xb7, "." },    { 0xd7, "x" },    { 0x2013, "-" },  { 0x2014, "-" },   { 0x2018, "'" },
	{ 0x2019, "'" },  { 0x201c, "\"" }, { 0x201d, "\"" }, { 0x2026, "..." }, { 0x2190, "<-" },
	{ 0x2192, "->" }, { 0x2212, "-" },  { 0x2260, "!=" }, { 0x2264, "<=" },  { 0x2265, ">=" },
	{ 0x2588, "#" },  { 0x2605, "*" },
};

bool text_is_unsafe(uint32_t c)
{
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
		if (c >= unsafe[i].from && c <= unsafe[i].to)
			return true;
	return false;
}

/*
 *	0xxxxxxx
 *	110xxxxx 10xxxxxx			from U+0080
 *	1110xxxx 10xxxxxx 10xxxxxx		from U+0800, without D800..DFFF
 *	11110xxx 10xxxxxx 10xxxxxx 10xxxxxx	from U+10000 to U+10FFFF
 */
int32_t text_next(const char **p, const char *end)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t from;
	} forms[] = { { 0x80, 0x00, 0 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };
	const uint8_t *s = (const uint8_t *)(*p)++;
	uint32_t c;

	for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
		if ((*s & forms[n].mask) != forms[n].lead)
			continue;
		if ((size_t)(end - (const char *)s) <= n)
			return -1;
		c = *s & ~forms[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return -1;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < forms[n].from || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return -1;
		*p = (const char *)s + n + 1;
		return c;
	}
	return -1;
}

static const char *ascii_likeness(uint32_t c)
{
	for (size_t i = 0; i < sizeof(likeness) / sizeof(likeness[0]); i++)
		if (likeness[i].c == c)
			return likeness[i].ascii;
	return "?";
}

/* Longest: \xNN for one byte, \uNNNN for three, \uNNNNNN for four. */
static int clean_one(char *to, const char *from, size_t len, int32_t c, bool utf8)
{
	if (c < 0)
		return sprintf(to, "\\x%02x", (uint8_t)*from);
	if (c < 0x80 && text_is_unsafe(c))
		return sprintf(to, "\\x%02x", c);
	if (text_is_unsafe(c) || (utf8 && wcwidth(c) < 0))
		return sprintf(to, "\\u%04x", c);
	if (c >= 0x80 && !utf8)
		return sprintf(to, "%s", ascii_likeness(c));
	memcpy(to, from, len);
	return len;
}

char *text_clean(const char *s, size_t len, bool utf8)
{
	char *clean = malloc(4 * len + 1), *to = clean;
	const char *end = s + len, *from;

	if (!clean)
		return NULL;
	while (s < end) {
		int32_t c;

		from = s;
		c = text_next(&s, end);
		to += clean_one(to, from, s - from, c, utf8);
	}
	*to = '\0';
	return clean;
}

/* Columns of one code point of clean text. */
static size_t point_width(int32_t c)
{
	int w = c < 0 ? 1 : wcwidth(c);

	return w < 0 ? 1 : w;
}

size_t text_width(const char *s)
{
	const char *end = s + strlen(s);
	size_t w = 0;

	while (s < end)
		w += point_width(text_next(&s, end));
	return w;
}

size_t text_print(FILE *f, const char *s, size_t width, bool utf8)
{
	const char *p = s, *end = s + strlen(s), *last = s;
	size_t w = 0, all = text_width(s);

	if (!width || all <= width) {
		fputs(s, f);
		return all;
	}
	for (; p < end; last = p) {
		size_t c = point_width(text_next(&p, end));

		if (w + c > width - 1)
			break;
		w += c;
	}
	fwrite(s, 1, last - s, f);
	fputs(utf8 ? "…" : "~", f);
	return w + 1;
}
