/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* unxz.h - unpacking hostile xz data; needs liblzma at build time. */
#ifndef UNXZ_H
#define UNXZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether this program was built with liblzma. */
bool unxz_there(void);

/*
 * Unpack n bytes into *out, at most max; free() it. -ENOSYS without liblzma, -EBADMSG
 * when they are damaged, -E2BIG when there is more, or unpacking needs too much memory.
 */
int unxz(const void *p, size_t n, size_t max, uint8_t **out, size_t *len);

#endif
