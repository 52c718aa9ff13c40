/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * inline.h - which functions were inlined where, from the inline trees of all functions.
 *
 * A probe on a function sees none of the calls that the compiler inlined, and with a
 * profile (PGO, since Go 1.21) it inlines functions of the runtime, too: a symbol that is
 * there may be there for a few callers only. One pass over the whole line table tells.
 */
#ifndef GO_INLINE_H
#define GO_INLINE_H

#include "go/symbolize.h"

#define INLINE_NAMES_MAX 256

struct inline_answer {
	const char *name;
	bool present;        /* it has a body of its own, at [entry, end) in the process */
	uint64_t entry, end; /* of the first body */
	uint32_t bodies;     /* more than one: no probe sees all of them */
	uint32_t functions;  /* that hold an inlined copy of it */
	bool complete;       /* one body and no copy: a probe at its entry sees every call */
};

struct inline_site {
	size_t name;         /* index in what was asked */
	const char *outer;   /* the function that was compiled */
	uint64_t entry;      /* its own */
	uint64_t start, end; /* first and last byte + 1 of the copies in it, in the process */
	uint32_t ranges;     /* runs of code that belong to them */
};

struct inline_sites {
	struct inline_site *site; /* in the order of their addresses */
	size_t n, cap;
};

/*
 * Look for n functions by full name ("runtime.(*mcache).refill", all different) in one
 * pass. sites may be NULL. Copies of which no instruction is left do not count: there is nothing to
 * see. 0; -E2BIG when there are more names or sites than can be; -EBADMSG when inline trees are
 * there and cannot be read: then nothing is known to be complete; other -errno.
 */
int inline_find(const struct symbolizer *s, const char *const *names, size_t n,
		struct inline_answer *out, struct inline_sites *sites);
void inline_sites_free(struct inline_sites *sites);

#endif
