/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * facts.h - all that is believed of a Go process, where it is from and what proves it.
 *
 * A list of rows, in five groups. Proofs are the identities I1 to I6 and the structures S1
 * to S11 of proof.h, which are rows themselves, with their result in this process.
 */
#ifndef GO_FACTS_H
#define GO_FACTS_H

#include "go/goproc.h"

enum go_fact_group { FACT_BINARY, FACT_GLOBALS, FACT_LAYOUT, FACT_IDENTITIES, FACT_STRUCTURES };

enum go_fact_unit {
	FACT_TEXT,
	FACT_BOOL,
	FACT_ADDRESS,
	FACT_OFFSET,
	FACT_SIZE,
	FACT_NUMBER,
	FACT_DIFFERENCE, /* of both sides of an identity, in bytes */
};

struct go_fact {
	uint8_t group, unit;
	bool known;       /* whether it has a value */
	int8_t proven;    /* 1, 0: what should prove it fails, -1: nothing proves it */
	char name[64];    /* "gcController", "mspan.startAddr", "sizeof mspan", "I1" */
	char text[192];   /* the value of FACT_TEXT */
	uint64_t value;   /* of the others */
	uint64_t side[2]; /* of an identity */
	char source[80];
	char proof[80]; /* "I1 I3"; if it is not proven, why */
};

struct go_facts {
	struct go_fact *fact;
	size_t n, cap;
};

/* Collect them. 0 or -errno; also for a process that is not proven. */
int go_facts_read(struct goproc *gp, struct go_facts *facts);
void go_facts_free(struct go_facts *facts);

/* The names that do not depend on the process: variables and members. NULL: no more. */
const char *go_fact_name(size_t i);

#endif
