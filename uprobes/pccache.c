// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Answers about pcs; see pccache.h. */
#include "pccache.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS    (1U << 15)
#define PCS_MAX  (SLOTS / 2)
#define FRAMES   (4 * PCS_MAX)
#define STRINGS  (1U << 18)
#define TEXT_MAX (8U << 20)

int pccache_open(struct pccache *c)
{
	/* large ones come from the kernel as zeros: what is not used costs nothing */
	*c = (struct pccache){
		.slot = calloc(SLOTS, sizeof(*c->slot)),
		.frame = calloc(FRAMES, sizeof(*c->frame)),
		.text = calloc(1, TEXT_MAX),
		.string = calloc(STRINGS, sizeof(*c->string)),
		.ntext = 1, /* offset 0 is an empty entry of the hash table */
	};
	if (c->slot && c->frame && c->text && c->string)
		return 0;
	pccache_close(c);
	return -ENOMEM;
}

void pccache_close(struct pccache *c)
{
	free(c->slot);
	free(c->frame);
	free(c->text);
	free(c->string);
	*c = (struct pccache){};
}

void pccache_clear(struct pccache *c)
{
	memset(c->slot, 0, SLOTS * sizeof(*c->slot));
	c->npcs = c->nframes = 0;
}

static struct pccache_slot *slot(const struct pccache *c, uint64_t pc)
{
	uint32_t i = pc * 0x9e3779b97f4a7c15ULL >> 49;

	_Static_assert(SLOTS == 1U << (64 - 49), "the hash has as many bits as there are slots");
	while (c->slot[i].n && c->slot[i].pc != pc)
		i = (i + 1) % SLOTS;
	return &c->slot[i];
}

const struct frame *pccache_get(const struct pccache *c, uint64_t pc, size_t *n)
{
	const struct pccache_slot *s = slot(c, pc);

	*n = s->n;
	return s->n ? &c->frame[s->first] : NULL;
}

void pccache_put(struct pccache *c, uint64_t pc, const struct frame *f, size_t n)
{
	struct pccache_slot *s;

	if (!n || n > FRAMES)
		return;
	if (c->npcs == PCS_MAX || n > FRAMES - c->nframes)
		pccache_clear(c);
	s = slot(c, pc);
	if (s->n)
		return;
	*s = (struct pccache_slot){ pc, c->nframes, n };
	memcpy(&c->frame[c->nframes], f, n * sizeof(*f));
	c->nframes += n;
	c->npcs++;
}

static uint32_t hash(const char *s)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 1099511628211ULL;
	return (h ^ h >> 32) % STRINGS;
}

const char *pccache_string(struct pccache *c, const char *s)
{
	size_t len = strlen(s) + 1;
	uint32_t i = hash(s);

	for (; c->string[i]; i = (i + 1) % STRINGS)
		if (!strcmp(c->text + c->string[i], s))
			return c->text + c->string[i];
	if (len > TEXT_MAX - c->ntext || c->nstrings == STRINGS / 2)
		return "?";
	memcpy(c->text + c->ntext, s, len);
	c->string[i] = c->ntext;
	c->nstrings++;
	c->ntext += len;
	return c->text + c->string[i];
}
