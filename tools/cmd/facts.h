/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* facts.h - rows of `gomemtrace facts`: facts_rows.c has their columns and prints them. */
#ifndef CMD_FACTS_H
#define CMD_FACTS_H

#include "go/facts.h"
#include "tool.h"

/* What is known of the process as a whole; err and text: why nothing is. */
struct facts_head {
	int err;
	char text[512];
	pid_t pid;
	char comm[32], version[64], release[16], why[256];
	bool proven;
	size_t n;
};

struct facts {
	struct facts_head head;
	struct go_facts list;
};

extern const struct section facts_sections[];

/*
 * Emit the facts that a pattern is of, NULL ends them: a part of the name, a glob, or a group.
 * -ENOENT when there is none for one of them.
 */
int facts_emit(struct run *r, const struct facts *f, const char *const *patterns);

#endif
