// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Memory that is freed all at once; see arena.h. */
#include "arena.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK 16384

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char mem[];
};

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_chunk *c = a->chunks;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	if (!c || c->size - c->used < size) {
		size_t room = size > CHUNK ? size : CHUNK;

		c = malloc(sizeof(*c) + room);
		if (!c)
			return NULL;
		*c = (struct arena_chunk){ .next = a->chunks, .size = room };
		a->chunks = c;
	}
	p = c->mem + c->used;
	c->used += size;
	return p;
}

static void *arena_copy(struct arena *a, const void *from, size_t n, size_t size)
{
	void *p = n && size > SIZE_MAX / 2 / n ? NULL : arena_alloc(a, n * size);

	if (p && n)
		memcpy(p, from, n * size);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_copy(a, s, strlen(s) + 1, 1);
}

void arena_free(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
}

static bool row_deepen(struct arena *a, const struct col *cols, void *row);

static bool str_deepen(struct arena *a, const struct col *c, void *p)
{
	const char **s = p;

	(void)c;
	if (*s)
		*s = arena_strdup(a, *s);
	else
		return true;
	return *s;
}

static bool numbers_deepen(struct arena *a, const struct col *c, void *p)
{
	struct numbers *n = p;

	(void)c;
	n->v = arena_copy(a, n->v, n->n, sizeof(*n->v));
	return n->v;
}

static bool object_deepen(struct arena *a, const struct col *c, void *p)
{
	struct object *o = p;

	if (!o->row)
		return true;
	o->row = row_copy(a, c->cols, o->row);
	return o->row;
}

static bool list_deepen(struct arena *a, const struct col *c, void *p)
{
	struct list *l = p;
	char *rows = arena_copy(a, l->rows, l->n, l->stride);

	l->rows = rows;
	for (size_t i = 0; rows && i < l->n; i++)
		if (!row_deepen(a, c->cols, rows + i * l->stride))
			return false;
	return rows;
}

static bool stack_deepen(struct arena *a, const struct col *c, void *p)
{
	struct stack *s = p;
	struct stack_frame *frame = arena_copy(a, s->frame, s->n, sizeof(*frame));

	s->frame = frame;
	for (size_t i = 0; frame && i < s->n; i++)
		if (!row_deepen(a, c->cols, &frame[i]))
			return false;
	return frame;
}

/* Replace what a copied row points to by copies. */
static bool row_deepen(struct arena *a, const struct col *cols, void *row)
{
	static bool (*const deepen[CT_TYPES])(struct arena *, const struct col *, void *) = {
		[CT_STR] = str_deepen,       [CT_NUMBERS] = numbers_deepen, [CT_LIST] = list_deepen,
		[CT_OBJECT] = object_deepen, [CT_STACK] = stack_deepen,
	};

	for (const struct col *c = cols; c->key; c++)
		if (deepen[c->type] && !deepen[c->type](a, c, (char *)row + c->off))
			return false;
	return true;
}

void *row_copy(struct arena *a, const struct col *cols, const void *row)
{
	void *copy = arena_copy(a, row, 1, cols_extent(cols));

	return copy && row_deepen(a, cols, copy) ? copy : NULL;
}
