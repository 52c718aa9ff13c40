/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * facts_proof.h - which test would fail if a fact were wrong.
 *
 * Tests are named as in proof.h: "I1" to "I6", "S1" to "S11".
 */
#ifndef GO_FACTS_PROOF_H
#define GO_FACTS_PROOF_H

#include "go/facts.h"

#define FACT_ALL_TESTS "I1-I6 S1-S11"
#define FACT_VOTES                                                                                 \
	"votes" /* it leads to a variable that is proven, if that is in no symbol table */
#define FACT_NOT_READ "not proven: not read"
#define FACT_NOT_USED "not used: there are symbols"

/* The tests as they came out in this process; bits of those that hold. */
struct fact_results {
	bool run;
	bool from_code; /* variables were found in code */
	unsigned identities, structures;
};

/* Set proven and proof by these tests, "I1 S5"; NULL or "": there are none. */
void fact_prove(struct go_fact *f, const struct fact_results *r, const char *tests);

/* The tests of a variable, and of a member of struct go_layout by its id. */
const char *fact_global_tests(enum go_global g);
const char *fact_layout_tests(const char *id);

#endif
