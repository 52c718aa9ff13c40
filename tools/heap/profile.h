/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * profile.h - the heap profile of a process (go/profile.h) with names, in a shape that goes
 * through a pipe: arrays, whose texts are offsets in one block.
 */
#ifndef HEAP_PROFILE_H
#define HEAP_PROFILE_H

#include "go/profile.h"
#include "proc/guard.h"
#include "tool.h"

struct heap_frame {
	uint64_t addr;
	uint32_t function, file, module; /* where in the texts; 0: "" */
	uint32_t line, start_line;
	bool inlined;
};

struct heap_sample {
	struct goprofile_bucket b; /* first, depth: of its frames */
};

struct heap_mapping {
	uint64_t start, limit, offset;
	uint32_t file, build_id;
};

struct heap_profile {
	struct heap_sample *sample;
	struct heap_frame *frame;
	struct heap_mapping *mapping;
	char *text; /* begins with "" */
	size_t nsamples, nframes, nmappings, ntext;
	uint64_t rate;
	bool consistent;
	char lack[256]; /* why there is none, or "" */
};

/* In the worker: 0, or -errno with a sentence. */
int heap_profile_take(struct goproc *gp, struct heap_profile *p);
int heap_profile_put(int fd, const struct heap_profile *p);
int heap_profile_get(struct guard *g, struct heap_profile *p);
void heap_profile_free(struct heap_profile *p);

extern const struct col heap_profile_cols[]; /* of a sample */

/*
 * Emit the samples as rows of s[0], and what they mean as s[1], of profile_cols. fresh: with the
 * cycles that the program does not show yet.
 */
int heap_profile_emit(struct run *r, const struct section *s, const struct heap_profile *p,
		      bool fresh);

#endif
