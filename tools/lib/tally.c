// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Numbers by text; see tally.h. */
#include "tally.h"
#include <search.h>
#include <string.h>

static int entries_compare(const void *a, const void *b)
{
	const struct tally_entry *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static struct tally_entry *entry_new(struct tally *t, const char *text)
{
	struct tally_entry *e = arena_alloc(&t->mem, sizeof(*e));
	const char *copy = e ? arena_strdup(&t->mem, text) : NULL;

	if (!copy)
		return NULL;
	*e = (struct tally_entry){ .text = copy };
	if (!tsearch(e, &t->tree, entries_compare))
		return NULL;
	if (t->last)
		t->last->next = e;
	else
		t->first = e;
	t->last = e;
	t->nr++;
	return e;
}

struct tally_entry *tally_at(struct tally *t, const char *text)
{
	const struct tally_entry key = { .text = text };
	struct tally_entry **found = tfind(&key, &t->tree, entries_compare);

	return found ? *found : entry_new(t, text);
}

/* The entries are the arena's. */
static void entry_keep(void *e)
{
	(void)e;
}

void tally_free(struct tally *t)
{
	tdestroy(t->tree, entry_keep);
	arena_free(&t->mem);
	*t = (struct tally){};
}
