/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * policy.h - what the programs of a running tool want; the only place that writes it.
 *
 * The map has room for POLICIES generations. A new one is written into a place of its own and
 * then becomes the current one by one store, so no record is of two. Every change is told.
 */
#ifndef POLICY_H
#define POLICY_H

#include "event.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct probes;
struct run;

struct policy_change {
	const char *what; /* "sample" */
	char old[32], new[32];
	char who[64];   /* "uid 0, pid 42", "budget", "command line" */
	uint64_t ts_ns; /* Unix time */
	uint32_t generation;
};

#define POLICY_LOG                                                                                 \
	4096 /* changes that are kept for the summary: the last ones, half of it at least */

struct policy_writer {
	struct run *run;
	const struct probes *probes;
	struct policy now;
	struct policy_change log[POLICY_LOG]; /* in the order of time */
	size_t logged;
	uint64_t changes;    /* all there were */
	uint64_t written_ns; /* CLOCK_MONOTONIC, when now became the current one */
	bool sampled;        /* a generation was of less than all */
	/* is told of each, after it was made; or NULL */
	void (*told)(void *arg, const struct policy_change *c);
	void *arg;
};

/* Make p the current generation; who asked for it. Notes every member that changed. */
int policy_set(struct policy_writer *w, struct policy p, const char *who);

/* The share that a sample of p stands for, in per cent, and back. */
double policy_percent(uint32_t sample);
uint32_t policy_sample(double percent);

#endif
