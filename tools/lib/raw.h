/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * raw.h - the file that --record writes and --replay reads: what a tool emitted, before any
 * format made something of it. No memory of the target is in it, only rows (emit.h).
 *
 *	file	0      8          12
 *		+------+----------+-------+-------+---
 *		|magic |version 1 | frame | frame | …
 *		+------+----------+-------+-------+---
 *
 *	frame	0     1         5          5+len
 *		+-----+---------+----------+----------+
 *		|kind |len      | payload  |crc32     |	crc32 (zlib's) of all before it
 *		+-----+---------+----------+----------+
 *
 * Fixed numbers are little endian. In payloads, n is an LEB128 of at most 64 bits, z the same
 * of a zigzagged signed number, t a text: n bytes, then the bytes, which need not be UTF-8.
 *
 *	'T' tables, first and once
 *		t tool (its JSON name)  t version of gomemtrace
 *		n sections, each: t key ("" for none)  n shape  table
 *		table: n columns, each: t key  u8 type  t unit  table (types 'l' and 'o' only)
 *	'L' look
 *		n flags (RAW_LIVE …)  n Unix time  n pid  n looks of this pid before it
 *		n parts, each: u8 kind, then of
 *		  't' line: t          'h' heading: t       'p' line in two parts: t t
 *		  's' section: n index  n rows, each a value for each column
 *		value: u8 type, or '-' for null; then of type
 *		  'u' n	'i' z  'd' IEEE 754 double  'b' u8 0 or 1  's' t
 *		  'n' n numbers, each n    'l' n rows of the nested table   'o' one row of it
 *		a stack is an 'l' of stack_cols (col.h), a histogram a row of hist_cols (emit.h)
 *	'R' a round of looks ended: no payload
 *	'E' the end, last: n looks
 *
 * A reader takes columns by their keys, so tables may grow: a column that it does not know is
 * left out, one that the file does not have is null. A key never changes type or unit.
 */
#ifndef RAW_H
#define RAW_H

#include "col.h"
#include <stdio.h>

#define RAW_MAGIC     "gmtraw\r\n"
#define RAW_MAGIC_LEN 8
#define RAW_VERSION   1
#define RAW_FRAME_MAX (16u << 20) /* bytes of payload */
#define RAW_DEPTH_MAX 8           /* of nested tables */

enum raw_flag { RAW_LIVE = 1, RAW_FIRST = 2 };

/* Write a frame. -EFBIG: its payload is too large. */
int raw_frame(FILE *out, char kind, const void *payload, size_t len);

/* The letter of a column's type. */
char raw_type(const struct col *c);

/* The unit as the file names it: never NULL. */
const char *raw_unit(const struct col *c);

#endif
