// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The stacks of a heap profile, as runtime/pprof shows them; see profile.h.
 *
 * The runtime keeps a pc for each frame, those of inlined calls too: the pc's own innermost
 * function is the frame (runtime.CallersFrames). Only behind the last one, where a stack may
 * have been cut, all functions that it is inlined in follow.
 */
#include "go/profile.h"
#include "symbols.h"
#include <string.h>

#define HIDES_INTERNAL 24 /* since 1.24, protomem.go */

static bool begins(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

/* runtime/pprof asks at the return address itself, which may be of another inlined call. */
static bool is_hidden(struct symbols *names, const struct goproc *gp, uint64_t pc)
{
	struct frame f;

	symbols_lookup(names, pc, &f, 1);
	return f.kind == FRAME_GO &&
	       (begins(f.function, "runtime.") ||
		(gp->bin.minor >= HIDES_INTERNAL && begins(f.function, "internal/runtime/")));
}

static uint32_t hidden(struct symbols *names, const struct goproc *gp, const uint64_t *pc,
		       uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!is_hidden(names, gp, pc[i]))
			return i;
	return 0;
}

/* Whether b is the code that a was inlined into, and not itself once more. */
static bool is_one(const struct frame *a, const struct frame *b)
{
	return a->inlined && a->entry && a->entry == b->entry && strcmp(a->function, b->function);
}

size_t goprofile_frames(struct symbols *names, const struct goproc *gp, const struct goprofile *p,
			const struct goprofile_bucket *b, struct goprofile_frame *room)
{
	const uint64_t *pc = p->pc + b->first;
	struct frame f[SYMBOLS_FRAMES];
	bool joins = false; /* nothing was left out since the last frame */
	size_t n = 0;

	for (uint32_t i = hidden(names, gp, pc, b->depth); i < b->depth; i++) {
		bool last = i + 1 == b->depth;
		size_t k = symbols_lookup(names, pc[i] - 1, f, last ? SYMBOLS_FRAMES : 1);

		if (f[0].kind == FRAME_GO && !strcmp(f[0].function, "runtime.goexit")) {
			joins = false;
			continue;
		}
		for (size_t j = 0; j < k && n < GOPROFILE_FRAMES; j++, n++) {
			bool one = n && joins && is_one(&room[n - 1].f, &f[j]);

			if (n)
				room[n - 1].f.inlined = one;
			room[n] = (struct goprofile_frame){ f[j],
							    one ? room[n - 1].addr : pc[i] - 1 };
			joins = true;
		}
	}
	if (n)
		room[n - 1].f.inlined = false;
	return n;
}
