/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* frame.h - what is known of a pc: one frame of a function that was called or inlined. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stdint.h>

enum frame_kind {
	FRAME_GO,      /* by the program's line table */
	FRAME_C,       /* by the symbols of the executable or of a library */
	FRAME_VDSO,    /* by those of the kernel's library in every process */
	FRAME_KERNEL,  /* by /proc/kallsyms */
	FRAME_UNKNOWN, /* no symbol: function is "libc.so.6+0x1234", or the address */
};

struct frame {
	const char *function; /* never NULL */
	const char *file;     /* "" when not known */
	uint32_t line;        /* 0 when not known */
	uint32_t start_line;  /* of the function; 0 when not known */
	bool inlined;         /* into the frame that follows */
	enum frame_kind kind;
	uint64_t entry;     /* of the function that was compiled; 0 when not known */
	const char *module; /* "prometheus", "libc.so.6", "[vdso]", "[kernel]", "" */
};

#endif
