/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * resolve.h - the runtime's variables without a symbol table.
 *
 * Compiled code names its variables relative to itself, and whatever looks like that is
 * a candidate (coderefs.h). Wrong ones do not survive what follows:
 *
 *   structures  candidates of several functions vote: the base for which most
 *               known member offsets are referenced wins (structural voting)
 *   pointers    candidates are tried on the live process: a list that is a list
 *               of chunks, a slice of Ps, a chain of Ms
 *
 * What is found is still only a guess until the identities prove it (proof.h).
 */
#ifndef GO_RESOLVE_H
#define GO_RESOLVE_H

#include "go/goproc.h"

struct resolved {
	uint64_t addr[G_COUNT];   /* in the process; 0: not found */
	const char *how[G_COUNT]; /* static text: "votes of code", … */
	uint64_t text;            /* of the main module, in the process */
	uint32_t nfunc;
};

/*
 * Recover addresses with the layout l. 0; -ENOENT with a sentence when the line
 * table, the module or a variable that is required cannot be found; other -errno.
 */
int go_resolve(struct goproc *gp, const struct go_layout *l, struct resolved *out);

#endif
