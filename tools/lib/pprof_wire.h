/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pprof_wire.h - bytes in the encoding of protocol buffers, as they are put together.
 *
 *	tag = field << 3 | type	type 0: a varint, 2: a length and so many bytes
 *
 * Out of memory is remembered in err, and nothing is added from then on.
 */
#ifndef PPROF_WIRE_H
#define PPROF_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct wire {
	uint8_t *p;
	size_t n, room;
	int err;
};

void wire_bytes(struct wire *w, const void *p, size_t n);
void wire_varint(struct wire *w, uint64_t v);
/* A field; 0 is what one has that is not there, and is left out. */
void wire_number(struct wire *w, unsigned int field, uint64_t v);
void wire_text(struct wire *w, unsigned int field, const char *text);
void wire_message(struct wire *w, unsigned int field, const struct wire *m);
__attribute__((format(printf, 2, 3))) void wire_printf(struct wire *w, const char *fmt, ...);
void wire_free(struct wire *w);

#endif
