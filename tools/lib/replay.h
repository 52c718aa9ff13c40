/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * replay.h - a recording (raw.h) through the sinks again, without the process, the privileges
 * or the kernel it was made with.
 *
 * A recording is a file from anywhere: every length is checked against what is left, memory
 * and depth are bounded, and what is wrong with it is told in a sentence. Looks before the
 * place that is wrong are shown.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct run;

/*
 * Open r->replay ("-": stdin) and read which tool it is of: r->tool is that tool then, if it was
 * a session before. -EINVAL: it is of another tool; -EBADMSG: no recording, or not one that this
 * release reads; other: the file cannot be read. replay_close() also after failure.
 */
int replay_open(struct run *r);

/* Emit all of it: 0, -EBADMSG, or the error of a sink. */
int replay_run(struct run *r);

/* After that: was it ended properly? Else whoever recorded was killed, or the file was cut. */
bool replay_is_whole(const struct run *r);
void replay_close(struct run *r);

/* All of the above for a recording in memory; the looks go to `out`. For tests and fuzzers. */
int replay_parse(const uint8_t *data, size_t len, const char *format, FILE *out);

#endif
