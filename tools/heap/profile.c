// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The heap profile of a process, with names; see profile.h. */
#include "heap/profile.h"
#include "array.h"
#include "symbols.h"
#include "tally.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX   (64U << 20)
#define FRAMES_MAX (1U << 25)

struct heap_row {
	struct stack stack;
	uint64_t alloc_objects, alloc_space, inuse_objects, inuse_space, bytes;
};

#define ROW struct heap_row

const struct col heap_profile_cols[] = {
	COL(ROW, alloc_objects, "ALLOCATED", COUNT, COUNTER, "objects allocated so far"),
	COL(ROW, alloc_space, "BYTES", BYTES, COUNTER, "their bytes"),
	COL(ROW, inuse_objects, "IN USE", COUNT, GAUGE, "of them: not freed"),
	COL(ROW, inuse_space, "BYTES", BYTES, GAUGE, "their bytes"),
	COL(ROW, bytes, "SIZE", NONE, KEY, "bytes of one object, on average"),
	COL_F(ROW, stack, "STACK", NONE, GAUGE, COL_WIDE, "where they were allocated"),
	{}
};

/* ---- in the worker ---- */

struct taking {
	struct goproc *gp;
	struct heap_profile *p;
	struct goprofile raw;
	struct symbols *names;
	struct tally texts; /* n: where in the block */
	size_t text_room, frame_room;
};

static int text_add(struct taking *t, const char *text, uint32_t *at)
{
	struct tally_entry *e = tally_at(&t->texts, text);
	size_t len = strlen(text) + 1;

	if (!e)
		return -ENOMEM;
	/* the first one is "", at 0 */
	if (!e->n && *text) {
		if (len > TEXT_MAX - t->p->ntext)
			return -E2BIG;
		if (array_room(t->p->text, t->p->ntext + len, t->text_room))
			return -ENOMEM;
		memcpy(t->p->text + t->p->ntext, text, len);
		e->n = t->p->ntext;
		t->p->ntext += len;
	}
	*at = e->n;
	return 0;
}

static int frame_add(struct taking *t, const struct goprofile_frame *f)
{
	struct heap_profile *p = t->p;
	struct heap_frame to = {
		.addr = f->addr,
		.line = f->f.line,
		.start_line = f->f.start_line,
		.inlined = f->f.inlined,
	};
	int err = text_add(t, f->f.function, &to.function);

	err = err ? err : text_add(t, f->f.file, &to.file);
	err = err ? err : text_add(t, f->f.module, &to.module);
	if (!err)
		err = p->nframes == FRAMES_MAX
			      ? -E2BIG
			      : array_room(p->frame, p->nframes + 1, t->frame_room);
	if (!err)
		p->frame[p->nframes++] = to;
	return err;
}

static int samples_take(struct taking *t)
{
	struct goprofile_frame *room = malloc(GOPROFILE_FRAMES * sizeof(*room));
	struct heap_profile *p = t->p;
	int err = 0;

	p->sample = calloc(t->raw.n + 1, sizeof(*p->sample));
	if (!p->sample || !room)
		err = -ENOMEM;
	for (size_t i = 0; i < t->raw.n && !err; i++) {
		struct heap_sample *to = &p->sample[p->nsamples++];
		size_t n = goprofile_frames(t->names, t->gp, &t->raw, &t->raw.bucket[i], room);

		to->b = t->raw.bucket[i];
		to->b.first = p->nframes;
		to->b.depth = n;
		for (size_t k = 0; k < n && !err; k++)
			err = frame_add(t, &room[k]);
	}
	free(room);
	return err;
}

static int mappings_take(struct taking *t)
{
	const struct maps *maps = &t->gp->t->maps;
	struct heap_profile *p = t->p;
	int err = target_maps(t->gp->t);
	char id[128];

	p->mapping = err ? NULL : calloc(maps->n + 1, sizeof(*p->mapping));
	if (!p->mapping)
		return err ? err : -ENOMEM;
	for (size_t i = 0; i < maps->n && !err; i++) {
		const struct vma *v = &maps->vma[i];
		struct heap_mapping *m = &p->mapping[p->nmappings];

		if (!(v->flags & VMA_X) || !*v->name)
			continue;
		*m = (struct heap_mapping){ .start = v->start, .limit = v->end, .offset = v->off };
		err = text_add(t, v->name, &m->file);
		if (!err && target_is_go(t->gp->t, v) && binary_gnu_id(&t->gp->bin, id, sizeof(id)))
			err = text_add(t, id, &m->build_id);
		p->nmappings++;
	}
	return err;
}

int heap_profile_take(struct goproc *gp, struct heap_profile *p)
{
	struct taking t = { .gp = gp, .p = p };
	int err = goprofile_read(gp, &t.raw);

	heap_profile_free(p);
	if (err)
		return err;
	p->rate = t.raw.rate;
	p->consistent = t.raw.consistent;
	p->text = calloc(1, 1);
	p->ntext = t.text_room = 1;
	err = p->text ? symbols_open(&t.names, gp, NULL) : -ENOMEM;
	err = err ? err : samples_take(&t);
	err = err ? err : mappings_take(&t);
	symbols_close(t.names);
	tally_free(&t.texts);
	goprofile_free(&t.raw);
	if (err)
		heap_profile_free(p);
	return err == -E2BIG ? fail(err, "the heap profile has too many different stacks") : err;
}

/* ---- through the pipe ---- */

int heap_profile_put(int fd, const struct heap_profile *p)
{
	int err = guard_write(fd, p, sizeof(*p));

	err = err ? err : guard_write(fd, p->sample, p->nsamples * sizeof(*p->sample));
	err = err ? err : guard_write(fd, p->frame, p->nframes * sizeof(*p->frame));
	err = err ? err : guard_write(fd, p->mapping, p->nmappings * sizeof(*p->mapping));
	return err ? err : guard_write(fd, p->text, p->ntext);
}

int heap_profile_get(struct guard *g, struct heap_profile *p)
{
	int err;

	heap_profile_free(p);
	err = guard_get(g, p, sizeof(*p));
	p->sample = guard_get_array(g, p->nsamples, sizeof(*p->sample), &err);
	p->frame = guard_get_array(g, p->nframes, sizeof(*p->frame), &err);
	p->mapping = guard_get_array(g, p->nmappings, sizeof(*p->mapping), &err);
	p->text = guard_get_array(g, p->ntext, 1, &err);
	if (err)
		heap_profile_free(p);
	return err;
}

void heap_profile_free(struct heap_profile *p)
{
	free(p->sample);
	free(p->frame);
	free(p->mapping);
	free(p->text);
	*p = (struct heap_profile){};
}

/* ---- rows ---- */

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void values_get(const struct heap_profile *p, const struct heap_sample *s, bool fresh,
		       struct heap_row *row)
{
	struct goprofile_count c = s->b.shown;
	int64_t objects, space;

	if (fresh)
		goprofile_add(&c, &s->b.unseen);
	goprofile_scale(c.allocs, c.alloc_bytes, p->rate, &objects, &space);
	row->alloc_objects = objects;
	row->alloc_space = space;
	goprofile_scale(less(c.allocs, c.frees), less(c.alloc_bytes, c.free_bytes), p->rate,
			&objects, &space);
	row->inuse_objects = objects;
	row->inuse_space = space;
	row->bytes = c.allocs ? c.alloc_bytes / c.allocs : U64_NULL;
}

static void stack_get(const struct heap_profile *p, const struct heap_sample *s,
		      struct stack_frame *room, struct stack *out)
{
	for (uint32_t i = 0; i < s->b.depth; i++) {
		const struct heap_frame *f = &p->frame[s->b.first + i];

		room[i] = (struct stack_frame){
			.function = p->text + f->function,
			.file = f->file ? p->text + f->file : NULL,
			.line = f->line ? f->line : U32_NULL,
			.inlined = f->inlined,
			.module = f->module ? p->text + f->module : NULL,
			.addr = f->addr,
			.start_line = f->start_line ? f->start_line : U32_NULL,
		};
	}
	*out = (struct stack){ room, s->b.depth };
}

static int mappings_emit(struct run *r, const struct section *s, const struct heap_profile *p)
{
	struct profile_mapping *m = calloc(p->nmappings + 1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	for (size_t i = 0; i < p->nmappings; i++)
		m[i] = (struct profile_mapping){
			.start = p->mapping[i].start,
			.limit = p->mapping[i].limit,
			.offset = p->mapping[i].offset,
			.file = p->text + p->mapping[i].file,
			.build_id = p->text + p->mapping[i].build_id,
		};
	emit_fields(r, s,
		    &(struct profile){ .period_type = "space",
				       .period_unit = "bytes",
				       .period = p->rate,
				       .mappings = { m, p->nmappings, sizeof(*m) } });
	free(m);
	return 0;
}

int heap_profile_emit(struct run *r, const struct section *s, const struct heap_profile *p,
		      bool fresh)
{
	struct stack_frame *room = calloc(GOPROFILE_FRAMES, sizeof(*room));

	if (!room)
		return -ENOMEM;
	for (size_t i = 0; i < p->nsamples; i++) {
		struct heap_row row;

		values_get(p, &p->sample[i], fresh, &row);
		if (!row.alloc_objects)
			continue;
		stack_get(p, &p->sample[i], room, &row.stack);
		emit_row(r, s, &row);
	}
	free(room);
	return mappings_emit(r, s + 1, p);
}
