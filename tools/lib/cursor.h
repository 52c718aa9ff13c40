/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * cursor.h - what is left to read of bytes that may say anything (raw.h has the encoding).
 *
 * Once something does not fit the cursor is bad, stays bad, has nothing left, and yields zeros:
 * callers may check at the end, but must not loop on what a bad cursor said.
 */
#ifndef CURSOR_H
#define CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

size_t cursor_left(const struct cursor *c);
void cursor_spoil(struct cursor *c);

uint8_t cursor_u8(struct cursor *c);
uint64_t cursor_n(struct cursor *c); /* LEB128 */
double cursor_double(struct cursor *c);
size_t cursor_count(struct cursor *c); /* of things that take a byte each at least: n <= left */

/* A text of *len bytes inside the buffer, not ended by a NUL. */
const char *cursor_text(struct cursor *c, size_t *len);
bool text_equals(const char *text, size_t len, const char *s);

#endif
