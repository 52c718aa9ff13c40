/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* stack.h - the frames of a call stack (col.h) in words, as they are: not clean (text.h). */
#ifndef STACK_H
#define STACK_H

#include "col.h"

/* Its function, or as much as is known of where it is: "libc.so.6@0x7f12". In buf or *f. */
const char *frame_name(const struct stack_frame *f, char *buf, size_t size);

/* "main.alloc main.go:42 (inlined)", to be freed; NULL: out of memory. */
char *frame_text(const struct stack_frame *f);

#endif
