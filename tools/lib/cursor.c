// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Reads bytes that may say anything; see cursor.h. */
#include "cursor.h"
#include <endian.h>
#include <string.h>

size_t cursor_left(const struct cursor *c)
{
	return c->end - c->p;
}

void cursor_spoil(struct cursor *c)
{
	c->bad = true;
	c->p = c->end;
}

uint8_t cursor_u8(struct cursor *c)
{
	if (!cursor_left(c)) {
		cursor_spoil(c);
		return 0;
	}
	return *c->p++;
}

uint64_t cursor_n(struct cursor *c)
{
	uint64_t n = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t b = cursor_u8(c);

		/* the tenth byte has one bit left */
		if (shift == 63 && b > 1)
			break;
		n |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return c->bad ? 0 : n;
	}
	cursor_spoil(c);
	return 0;
}

size_t cursor_count(struct cursor *c)
{
	uint64_t n = cursor_n(c);

	if (n > cursor_left(c)) {
		cursor_spoil(c);
		return 0;
	}
	return n;
}

const char *cursor_text(struct cursor *c, size_t *len)
{
	const char *text;

	*len = cursor_count(c);
	text = (const char *)c->p;
	c->p += *len;
	return text;
}

bool text_equals(const char *text, size_t len, const char *s)
{
	return strlen(s) == len && !memcmp(text, s, len);
}

double cursor_double(struct cursor *c)
{
	uint64_t bits;
	double d;

	if (cursor_left(c) < sizeof(bits)) {
		cursor_spoil(c);
		return 0;
	}
	memcpy(&bits, c->p, sizeof(bits));
	c->p += sizeof(bits);
	bits = le64toh(bits);
	memcpy(&d, &bits, sizeof(d));
	return d;
}
