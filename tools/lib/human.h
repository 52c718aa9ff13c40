/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * human.h - numbers as people read them, in tables and in emit_text().
 *
 *	emit_text(r, "RSS %s  gap %s", HUMAN(bytes3, rss), HUMAN(bytes3, gap));
 *
 * Each writes into the caller's buffer of HUMAN_LEN bytes and returns it; HUMAN() brings a
 * buffer that lives to the end of the enclosing block. The null of a type (col.h) is "-".
 * None depends on the locale.
 */
#ifndef HUMAN_H
#define HUMAN_H

#include <stdbool.h>
#include <stdint.h>

#define HUMAN_LEN        96
#define HUMAN(what, ...) human_##what((char[HUMAN_LEN]){ 0 }, __VA_ARGS__)

char *human_bytes(char *buf, uint64_t bytes);        /* 310.2 MiB, 1.4 GiB, 512 B */
char *human_bytes3(char *buf, uint64_t bytes);       /* three digits: 310 MiB, 1.42 GiB, 44.0 KiB */
char *human_sbytes(char *buf, int64_t bytes);        /* +1.2 MiB, -512 B, 0 B */
char *human_count(char *buf, uint64_t n);            /* 20,013 */
char *human_nsec(char *buf, uint64_t ns);            /* 850 ns, 1.5 us, 14.0 ms, 3.2 s */
char *human_time(char *buf, uint64_t unix_ns);       /* 2025-02-11T14:03:59+01:00, local time */
char *human_mono(char *buf, uint64_t ns);            /* 12345.678901 */
char *human_addr(char *buf, uint64_t addr);          /* 0xc000010000 */
char *human_percent(char *buf, double pct);          /* 21.3 */
char *human_stars(char *buf, uint64_t n, bool utf8); /* ★★★ or *** */
char *human_bar(char *buf, double pct, bool utf8); /* ████▎ or ####; 20 columns = 100 % */

#endif
