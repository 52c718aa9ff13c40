/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* resolver.h - what resolve.c and resolve_trials.c share; see resolve.h. */
#ifndef GO_RESOLVER_H
#define GO_RESOLVER_H

#include "go/coderefs.h"
#include "go/image.h"
#include "go/inline.h"
#include "go/resolve.h"

#define RESOLVER_NAMES     10 /* of functions a variable is looked for in */
#define RESOLVER_NAMES_ALL 128
#define RESOLVER_CHUNKS    65536

struct resolver {
	struct goproc *gp;
	const struct go_layout *l;
	struct image image;
	struct pclntab tab;
	uint64_t tab_addr;                    /* in the process */
	uint64_t data, data_end;              /* writable part of the program, in the process */
	const char *name[RESOLVER_NAMES_ALL]; /* of all functions that are looked at, and where they
						 are */
	struct gofunc func[RESOLVER_NAMES_ALL];
	size_t nfunc;
	struct inline_sites sites; /* of those names: code of theirs in other functions */
	const char *full[RESOLVER_NAMES_ALL]; /* the names those sites are of, once each */
	void *text;                           /* of the full names */
	uint64_t *chunk;                      /* persistent chunks, ascending */
	size_t nchunks;
	struct resolved *out;
};

struct trial {
	enum go_global global;
	bool slice; /* code refers to its three words */
	const char *names[RESOLVER_NAMES + 1];
	bool (*is)(struct resolver *r, uint64_t at);
	const char *how;
};

/* Pointers, in an order in which later ones lean on earlier ones; the last has no is. */
extern const struct trial resolver_trials[];

/* What the functions of these names refer to, ascending; names end with NULL. 0 or -ENOMEM. */
int resolver_refs(const struct resolver *r, const char *const *names, struct coderefs *refs);
bool resolver_has(const struct coderefs *refs, uint64_t at);

#endif
