// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The kernel's functions by address; see ksyms.h. */
#include "ksyms.h"
#include "proc/procfs.h"
#include "search.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64U << 20)
#define SYMS_MAX (4U << 20)
#define LENGTH_MAX                                                                                 \
	(256U << 10) /* of a function with no symbol behind it: the end of its module              \
		      */

/* One line, cut into words in place; its end, or NULL when it is malformed. */
static char *line_parse(char *text, char *line, struct ksym *s, char *type)
{
	char *end = strchr(line, '\n'), *name, *tab;

	if (!end)
		return NULL;
	*end = '\0';
	*s = (struct ksym){ .addr = strtoull(line, &name, 16) };
	if (name[0] != ' ' || !name[1] || name[2] != ' ' || !name[3])
		return NULL;
	*type = name[1];
	name += 3;
	tab = strchr(name, '\t');
	if (tab)
		*tab = '\0';
	s->name = name - text;
	s->module = tab ? tab + 1 - text : 0;
	return end + 1;
}

static int by_addr(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

/* While they are read, size tells whether it is a function. */
static void finish(struct ksyms *k)
{
	size_t kept = 0;

	qsort(k->sym, k->n, sizeof(*k->sym), by_addr);
	for (size_t i = 0, next; i < k->n; i = next) {
		struct ksym s = k->sym[i];
		uint64_t size;

		for (next = i + 1; next < k->n && k->sym[next].addr == s.addr; next++)
			if (!s.size && k->sym[next].size)
				s = k->sym[next];
		size = next < k->n ? k->sym[next].addr - s.addr : LENGTH_MAX;
		if (!s.size)
			continue;
		s.size = size < LENGTH_MAX ? size : LENGTH_MAX;
		k->sym[kept++] = s;
	}
	k->n = kept;
}

int ksyms_parse(struct ksyms *k, char *text)
{
	size_t lines = 0;
	char *line, type;
	bool known = false;

	*k = (struct ksyms){ .text = text };
	for (line = text; (line = strchr(line, '\n')); line++)
		lines++;
	if (lines > SYMS_MAX)
		lines = SYMS_MAX;
	k->sym = malloc((lines + 1) * sizeof(*k->sym));
	if (!k->sym) {
		ksyms_close(k);
		return -ENOMEM;
	}
	for (line = text; k->n < lines && (line = line_parse(text, line, &k->sym[k->n], &type));) {
		struct ksym *s = &k->sym[k->n++];

		known |= s->addr != 0;
		s->size = strchr("tTwW", type) != NULL;
	}
	if (!known) {
		bool any = k->n;

		ksyms_close(k);
		return any ? -EPERM : -ENOENT;
	}
	finish(k);
	return 0;
}

int ksyms_open(struct ksyms *k)
{
	size_t len;
	char *text = proc_slurp(AT_FDCWD, "/proc/kallsyms", TEXT_MAX, &len);

	*k = (struct ksyms){};
	return text ? ksyms_parse(k, text) : -errno;
}

void ksyms_close(struct ksyms *k)
{
	free(k->sym);
	free(k->text);
	*k = (struct ksyms){};
}

const struct ksym *ksyms_find(const struct ksyms *k, uint64_t addr)
{
	size_t first = count_before(k->n, i, k->sym[i].addr <= addr);
	return first && addr - k->sym[first - 1].addr < k->sym[first - 1].size ? &k->sym[first - 1]
									       : NULL;
}
