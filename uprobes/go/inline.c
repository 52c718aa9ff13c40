// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Which functions were inlined where; see inline.h. */
#include "go/inline.h"
#include "array.h"
#include "lazyfile.h"
#include "mem.h"
#include "search.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK      (256U << 10)
#define SITES_MAX  65536
#define RUNS_MAX   65536 /* of one function */
#define TREE_MAX   65536
#define BUDGET     (32U << 20) /* runs of all functions */
#define DEPTH_MAX  64
#define DROP_EVERY 8192 /* functions */
#define KNOWN_MAX  1024 /* offsets in the block of names that one of ours begins at */

struct run {
	uint64_t start, end; /* offsets from the function's entry */
	int32_t ix;
};

struct node {
	uint32_t stamp; /* of the function it was read for */
	int32_t parent; /* index in the tree, -1: the function itself */
	int32_t name;   /* index in names, -1: none of ours */
};

struct known {
	uint32_t off;
	uint32_t name; /* index in names */
};

struct scan {
	const struct symbolizer *s;
	const char *const *names;
	size_t n;
	char last[INLINE_NAMES_MAX]; /* byte of each name: most strings differ in it */
	struct inline_answer *out;
	struct inline_sites *sites;
	struct known known[KNOWN_MAX]; /* ascending */
	size_t nknown;
	uint64_t filter[64];      /* a bit for each hash of a known offset */
	struct run run[RUNS_MAX]; /* of the function that is looked at */
	size_t nrun;
	uint64_t runs;              /* of all functions so far */
	struct node node[TREE_MAX]; /* of its inline tree */
	uint32_t stamp;
};

/* ---- where the names are ---- */

static unsigned bit(uint32_t off)
{
	return off * 0x9e3779b1U >> 20;
}

static int know(struct scan *c, uint32_t off, size_t name)
{
	if (c->nknown == KNOWN_MAX)
		return -E2BIG;
	c->known[c->nknown++] = (struct known){ off, name };
	c->filter[bit(off) / 64] |= 1ULL << bit(off) % 64;
	return 0;
}

/* The name that begins at an offset of the block, or -1. */
static int name_at(const struct scan *c, uint32_t off)
{
	size_t first;

	if (!(c->filter[bit(off) / 64] >> bit(off) % 64 & 1))
		return -1;
	first = count_before(c->nknown, i, c->known[i].off < off);
	return first < c->nknown && c->known[first].off == off ? (int)c->known[first].name : -1;
}

/* Strings of one chunk that end in it; how many bytes they are. */
static int chunk_names(struct scan *c, const char *p, size_t len, uint32_t off, size_t *used)
{
	const char *s = p, *end;
	int err = 0;

	for (; !err && (end = memchr(s, '\0', p + len - s)); s = end + 1) {
		size_t n = end - s;

		for (size_t k = 0; !err && n && k < c->n; k++)
			if (s[n - 1] == c->last[k] && !strcmp(s, c->names[k]))
				err = know(c, off + (s - p), k);
	}
	*used = s - p;
	return err;
}

static bool table_copy(const struct pclntab *t, uint64_t off, void *buf, size_t len)
{
	if (t->file)
		return lazyfile_copy(t->file, t->p - t->file->p + off, buf, len);
	memcpy(buf, t->p + off, len);
	return true;
}

/* The linker writes each name once, but several are taken, too. */
static int find_names(struct scan *c)
{
	const struct pclntab *t = &c->s->tab;
	uint64_t end = t->cutab > t->funcname && t->cutab <= t->len ? t->cutab : t->len, at, n;
	char *buf = malloc(CHUNK);
	int err = buf ? 0 : -ENOMEM;
	size_t used;

	for (at = t->funcname; !err && at < end; at += used) {
		n = end - at < CHUNK ? end - at : CHUNK;
		if (!table_copy(t, at, buf, n)) {
			err = -EIO;
			break;
		}
		err = chunk_names(c, buf, n, at - t->funcname, &used);
		/* no name is so long: what does not end is skipped */
		used = used ? used : n;
	}
	free(buf);
	return err;
}

/* ---- one function ---- */

static int read_runs(struct scan *c, uint32_t table)
{
	struct pclnrun run = { .table = table };

	c->nrun = 0;
	while (pclntab_run(&c->s->tab, &run)) {
		if (c->nrun == RUNS_MAX || c->runs++ == BUDGET)
			return -E2BIG;
		c->run[c->nrun++] = (struct run){ run.start, run.end, run.value };
	}
	return run.bad ? -EBADMSG : 0;
}

static int32_t index_at(const struct scan *c, uint64_t pc)
{
	size_t first = count_before(c->nrun, i, c->run[i].end <= pc);
	return first < c->nrun ? c->run[first].ix : -1;
}

static int site_add(struct scan *c, size_t name, const struct gofunc *g, const struct run *r)
{
	struct inline_sites *all = c->sites;
	uint64_t entry = c->s->text + g->entry;
	struct inline_site *site = NULL;

	for (size_t i = all->n; i-- && all->site[i].entry == entry;)
		if (all->site[i].name == name)
			site = &all->site[i];
	if (site) {
		site->end = entry + r->end;
		site->ranges++;
		return 0;
	}
	if (all->n == SITES_MAX)
		return -E2BIG;
	if (array_room(all->site, all->n + 1, all->cap))
		return -ENOMEM;
	all->site[all->n++] = (struct inline_site){
		.name = name,
		.outer = g->name,
		.entry = entry,
		.start = entry + r->start,
		.end = entry + r->end,
		.ranges = 1,
	};
	return 0;
}

/* Read the nodes from one up to the function; *found when one is a copy of ours. */
static int read_nodes(struct scan *c, const struct pcln_func *f, int32_t ix, bool *found)
{
	for (int depth = 0; ix >= 0 && depth < DEPTH_MAX; depth++) {
		struct inlined in;
		struct node *n = &c->node[ix];

		if (n->stamp == c->stamp)
			return 0;
		if (!symbolize_inlined(c->s, f, ix, &in))
			return -EBADMSG;
		*n = (struct node){ c->stamp, index_at(c, in.parent), name_at(c, in.name_off) };
		if (n->parent >= TREE_MAX)
			return -EBADMSG;
		*found |= n->name >= 0;
		ix = n->parent;
	}
	return 0;
}

static int add_sites(struct scan *c, const struct gofunc *g)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->nrun; i++) {
		int32_t ix = c->run[i].ix;

		for (int depth = 0; !err && ix >= 0 && depth < DEPTH_MAX; depth++) {
			const struct node *n = &c->node[ix];

			if (n->stamp != c->stamp)
				break;
			if (n->name >= 0)
				err = site_add(c, n->name, g, &c->run[i]);
			ix = n->parent;
		}
	}
	return err;
}

static int scan_function(struct scan *c, struct gofunc *g, uint32_t name_off)
{
	struct pcln_func f;
	bool found = false;
	uint32_t table;
	int err;

	if (!pclntab_func_read(&c->s->tab, g->func, &f))
		return -EBADMSG;
	table = symbolize_inline_table(c->s, &f);
	if (!table)
		return 0;
	err = read_runs(c, table);
	c->stamp++;
	for (size_t i = 0; !err && i < c->nrun; i++) {
		if (c->run[i].ix >= TREE_MAX)
			return -EBADMSG;
		err = read_nodes(c, &f, c->run[i].ix, &found);
	}
	if (err || !found)
		return err;
	g->name = pclntab_string(&c->s->tab, c->s->tab.funcname + name_off);
	return g->name ? add_sites(c, g) : -EBADMSG;
}

static void body(struct scan *c, const struct gofunc *g, int name)
{
	struct inline_answer *a = &c->out[name];

	if (!a->bodies++) {
		a->entry = c->s->text + g->entry;
		a->end = c->s->text + g->end;
	}
	a->present = true;
}

static int scan_functions(struct scan *c)
{
	const struct pclntab *t = &c->s->tab;
	int err = 0;

	for (uint32_t i = 0; !err && i < t->nfunc; i++) {
		struct gofunc g;
		uint32_t off;
		int name;

		if (!pclntab_func_bare(t, i, &g, &off))
			return -EBADMSG;
		name = name_at(c, off);
		if (name >= 0)
			body(c, &g, name);
		err = scan_function(c, &g, off);
		if (i % DROP_EVERY == DROP_EVERY - 1)
			pclntab_drop_funcs(t);
	}
	return err;
}

static void answer(struct scan *c)
{
	for (size_t i = 0; i < c->sites->n; i++)
		c->out[c->sites->site[i].name].functions++;
	for (size_t i = 0; i < c->n; i++)
		c->out[i].complete = c->out[i].bodies == 1 && !c->out[i].functions;
}

int inline_find(const struct symbolizer *s, const char *const *names, size_t n,
		struct inline_answer *out, struct inline_sites *sites)
{
	struct inline_sites own = {};
	struct scan *c;
	int err;

	for (size_t i = 0; i < n; i++)
		out[i] = (struct inline_answer){ .name = names[i] };
	if (n > INLINE_NAMES_MAX)
		return -E2BIG;
	if (!s->gofunc)
		return -EBADMSG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->s = s;
	c->names = names;
	c->n = n;
	for (size_t i = 0; i < n; i++)
		c->last[i] = names[i][0] ? names[i][strlen(names[i]) - 1] : '\0';
	c->out = out;
	c->sites = sites ? sites : &own;
	*c->sites = (struct inline_sites){};
	err = find_names(c);
	err = err ? err : scan_functions(c);
	if (!err)
		answer(c);
	pclntab_trim(&s->tab);
	inline_sites_free(&own);
	free(c);
	return err;
}

void inline_sites_free(struct inline_sites *sites)
{
	free(sites->site);
	*sites = (struct inline_sites){};
}
