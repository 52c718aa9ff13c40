/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * sha256.h - SHA-256 of bytes in memory (FIPS 180-4).
 *
 * Of our own: the kernel's (AF_ALG) is missing where it was built without, and a library for
 * one function would be one more package for each build, static and foreign ones included.
 */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX 65 /* digits, and a NUL */

/* As sha256sum(1) prints it. */
void sha256_hex(const void *data, size_t len, char hex[SHA256_HEX]);

#endif
