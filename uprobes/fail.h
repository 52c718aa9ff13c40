/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * fail.h - why something could not be done, for a reader.
 *
 * Library code never prints. A function that fails returns -errno and may leave
 * one sentence behind: lower case, no period, the object and the cure named. The
 * frontend prints the last sentence left; the number decides the exit status.
 */
#ifndef FAIL_H
#define FAIL_H

/* Leave a sentence and return err, a negative errno: `return fail(-ENOENT, "no …")`. */
__attribute__((format(printf, 2, 3))) int fail(int err, const char *fmt, ...);

/* The last sentence left, or "" since the last fail_clear(). Never NULL. */
const char *fail_text(void);
void fail_clear(void);

#endif
