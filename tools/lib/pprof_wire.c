// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Bytes in the encoding of protocol buffers; see pprof_wire.h. */
#include "pprof_wire.h"
#include "array.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wire_bytes(struct wire *w, const void *p, size_t n)
{
	if (w->err || !n)
		return;
	if (n > SIZE_MAX - w->n || array_room(w->p, w->n + n, w->room)) {
		w->err = -ENOMEM;
		return;
	}
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

void wire_varint(struct wire *w, uint64_t v)
{
	uint8_t b[10];
	size_t n = 0;

	for (; v > 0x7f; v >>= 7)
		b[n++] = v | 0x80;
	b[n++] = v;
	wire_bytes(w, b, n);
}

void wire_number(struct wire *w, unsigned int field, uint64_t v)
{
	if (!v)
		return;
	wire_varint(w, field << 3);
	wire_varint(w, v);
}

static void field_put(struct wire *w, unsigned int field, const void *p, size_t n)
{
	wire_varint(w, field << 3 | 2);
	wire_varint(w, n);
	wire_bytes(w, p, n);
}

void wire_text(struct wire *w, unsigned int field, const char *text)
{
	field_put(w, field, text, strlen(text));
}

void wire_message(struct wire *w, unsigned int field, const struct wire *m)
{
	w->err = w->err ? w->err : m->err;
	field_put(w, field, m->p, m->n);
}

void wire_printf(struct wire *w, const char *fmt, ...)
{
	char text[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wire_bytes(w, text, strlen(text));
}

void wire_free(struct wire *w)
{
	free(w->p);
	*w = (struct wire){};
}
