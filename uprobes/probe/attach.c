// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Where a program's site is in the target, in its file; see probe.h. */
#include "fail.h"
#include "go/image.h"
#include "go/inline.h"
#include "go/site.h"
#include "probe/probe.h"
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX (64U << 10) /* of a function that is probed */
#define NAMES    (3 * PROGS_MAX + 2)
#define NAME_LEN 96

#define TEXT_PIECE (64U << 10)

struct locator {
	struct goproc *gp;
	struct image image;
	struct symbolizer sym;
	uint64_t text; /* of the module, as in the file */
	bool traced;   /* by a debugger: an int3 may be its own, and is not to be touched */
	char name[NAMES][NAME_LEN];
	struct inline_answer fn[NAMES]; /* of each name */
	size_t n;
	bool known; /* what is inlined */
	uint8_t code[CODE_MAX];
};

/* A function of the target: its code, from the file, and as checked with the process. */
struct code {
	struct gofunc f;
	uint64_t addr; /* in the file */
	const uint8_t *bytes;
	size_t len;
};

/* Name i of a site, "go:F|G" or "gocall:F>G". false: there are no more, or it is too long. */
static bool name_of(const char *site, size_t i, char name[NAME_LEN])
{
	const char *at = strchr(site, ':') + 1;

	for (; i > 0; i--) {
		at += strcspn(at, "|>");
		if (!*at++)
			return false;
	}
	return snprintf(name, NAME_LEN, "%.*s", (int)strcspn(at, "|>"), at) < NAME_LEN;
}

static void add_name(struct locator *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->name[i], name))
			return;
	if (*name && l->n < NAMES)
		snprintf(l->name[l->n++], NAME_LEN, "%s", name);
}

/* Without inline trees: where the functions are, and nothing is known to be complete. */
static void find_bodies(struct locator *l)
{
	for (uint32_t i = 0; i < l->sym.tab.nfunc; i++) {
		struct gofunc f;

		for (size_t k = 0; pclntab_func(&l->sym.tab, i, &f) && k < l->n; k++)
			if (!l->fn[k].present && !strcmp(f.name, l->name[k]))
				l->fn[k] = (struct inline_answer){ .name = l->name[k],
								   .present = true,
								   .entry = l->sym.text + f.entry,
								   .end = l->sym.text + f.end,
								   .bodies = 1 };
	}
}

static int find_functions(struct locator *l)
{
	const char *names[NAMES];
	int err;

	for (size_t i = 0; i < l->n; i++)
		names[i] = l->name[i];
	err = inline_find(&l->sym, names, l->n, l->fn, NULL);
	l->known = !err;
	if (err == -EBADMSG) {
		memset(l->fn, 0, sizeof(l->fn));
		find_bodies(l);
		return 0;
	}
	return err;
}

struct locator *locator_new(struct goproc *gp, const char *const *sites, size_t n)
{
	struct locator *l = calloc(1, sizeof(*l));
	char name[NAME_LEN];
	int err = l ? 0 : -ENOMEM;

	if (!err) {
		l->gp = gp;
		l->traced = gp->t->status.tracer;
		add_name(l, "runtime.morestack");
		add_name(l, "runtime.systemstack_switch");
		err = image_open(&l->image, &gp->bin.file);
	}
	err = err ? err : symbolizer_open_image(&l->sym, gp, &l->image);
	for (size_t i = 0; !err && i < n; i++)
		for (size_t k = 0; name_of(sites[i], k, name); k++)
			add_name(l, name);
	err = err ? err : find_functions(l);
	if (err) {
		free(l);
		errno = -err;
		return NULL;
	}
	l->text = l->sym.text - gp->bias;
	return l;
}

void locator_free(struct locator *l)
{
	free(l);
}

static const struct inline_answer *answer_of(const struct locator *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->name[i], name))
			return &l->fn[i];
	return NULL;
}

static const struct inline_answer *lookup(const struct locator *l, const char *name)
{
	const struct inline_answer *fn = answer_of(l, name);

	return fn && fn->present ? fn : NULL;
}

bool locator_function(const struct locator *l, const char *name, uint64_t *start, uint64_t *end)
{
	const struct inline_answer *fn = lookup(l, name);

	if (fn) {
		*start = fn->entry;
		*end = fn->end;
	}
	return fn;
}

static bool in_text(const struct locator *l, uint64_t addr, uint64_t len)
{
	const struct binary *b = &l->gp->bin;

	return addr >= b->text && addr < b->text_end && len <= b->text_end - addr;
}

/* Where an address is in the file, by the executable segments; 0: in none. */
static uint64_t file_offset(const struct locator *l, uint64_t addr)
{
	Elf64_Phdr ph;

	for (unsigned i = 0; elf64_segment(&l->image.elf, i, &ph); i++)
		if (ph.p_type == PT_LOAD && (ph.p_flags & PF_X) && addr >= ph.p_vaddr &&
		    addr - ph.p_vaddr < ph.p_filesz)
			return addr - ph.p_vaddr + ph.p_offset;
	return 0;
}

/*
 * What is written over by a probe is what the kernel finds in the file. A process that has
 * other code there is not to be touched; but a breakpoint of another probe is no other code.
 * 0; -EILSEQ with the first place that differs; other -errno when it cannot be read.
 */
static int compare(const struct locator *l, const struct code *c, size_t *at)
{
	uint8_t *live = malloc(c->len);
	int err = live ? mem_read(l->gp->mem, c->addr + l->gp->bias, live, c->len) : -ENOMEM;

	for (size_t i = 0; !err && i < c->len; i++)
		if (live[i] != c->bytes[i] && (l->traced || live[i] != 0xcc)) {
			*at = i;
			err = -EILSEQ;
		}
	free(live);
	return err;
}

/* Whether it is the same, else why not. Pages may come and go meanwhile: what was known of them. */
static bool same_as_process(const struct locator *l, const struct code *c, const char *name,
			    struct probe *pr)
{
	size_t at;
	int err = compare(l, c, &at);

	if (err) {
		mem_refresh(l->gp->mem);
		err = compare(l, c, &at);
	}
	if (err == -EILSEQ)
		snprintf(pr->why, sizeof(pr->why),
			 "the code of %s in the process is not that of its file (at +0x%zx)", name,
			 at);
	else if (err)
		snprintf(pr->why, sizeof(pr->why),
			 "the code of %s in the process cannot be read: %s", name, strerror(-err));
	return !err;
}

/* The code of c->f. */
static int code_read(struct locator *l, const char *name, struct code *c, struct probe *pr)
{
	const uint8_t *bytes;
	uint64_t left;

	c->addr = l->text + c->f.entry;
	c->len = c->f.end - c->f.entry;
	c->bytes = l->code;
	bytes = c->len && c->len <= CODE_MAX && in_text(l, c->addr, c->len)
			? image_bytes(&l->image, c->addr, c->len, &left)
			: NULL;
	/* a copy: what is read of a file may be given back while more of it is looked at */
	if (bytes)
		memcpy(l->code, bytes, c->len);
	if (!bytes)
		snprintf(pr->why, sizeof(pr->why), "%s is not in the program's text", name);
	else if (same_as_process(l, c, name, pr))
		return 0;
	return -ENOEXEC;
}

static int code_of(struct locator *l, const char *name, struct code *c, struct probe *pr)
{
	const struct inline_answer *fn = lookup(l, name);

	if (fn && pclntab_find(&l->sym.tab, fn->entry - l->sym.text, &c->f))
		return code_read(l, name, c, pr);
	snprintf(pr->why, sizeof(pr->why), "this program has no %s", name);
	return -ENOENT;
}

static void site_add(struct locator *l, struct probe *pr, const struct code *c, uint32_t off)
{
	uint64_t at = file_offset(l, c->addr + off);

	if (!at || pr->noff == PROBE_SITES) {
		snprintf(pr->why, sizeof(pr->why), "%s",
			 at ? "too many sites" : "a site is in no executable segment");
		pr->noff = 0;
		return;
	}
	pr->stepped |= site_cost(l->gp->bin.machine, c->bytes + off, c->len - off) == SITE_STEPPED;
	pr->off[pr->noff++] = at;
}

/* ---- the kinds of sites ---- */

/* One more function of the probe; all are to be counted in the same way. false: it is off. */
static bool find_entry(struct locator *l, struct probe *pr, const char *name)
{
	enum prog_site kind;
	struct code c;
	struct site s;

	if (code_of(l, name, &c, pr))
		return false;
	if (site_check(l->gp->bin.machine, c.bytes, c.len, &s)) {
		snprintf(pr->why, sizeof(pr->why), "%s has no place where calls can be counted",
			 name);
		return false;
	}
	kind = s.kind == SITE_BRANCH ? PROG_BRANCH : PROG_ENTRY;
	if (pr->noff && pr->kind != kind) {
		snprintf(pr->why, sizeof(pr->why), "%s is not counted as the others are", name);
		return false;
	}
	pr->kind = kind;
	site_add(l, pr, &c, s.off);
	return pr->noff;
}

/* Those of several that this program has; without any, or if one cannot be had, it is off. */
static void find_entries(struct locator *l, struct probe *pr)
{
	char name[NAME_LEN];

	for (size_t i = 0; name_of(pr->site, i, name); i++) {
		if (!strchr(pr->site, '|') || lookup(l, name)) {
			if (find_entry(l, pr, name))
				continue;
			pr->noff = 0;
			return;
		}
	}
	if (!pr->noff && !pr->why[0])
		snprintf(pr->why, sizeof(pr->why), "this program has none of %s",
			 strchr(pr->site, ':') + 1);
}

static void find_returns(struct locator *l, struct probe *pr, const char *name)
{
	uint32_t offs[PROBE_SITES];
	struct code c;
	int n;

	if (code_of(l, name, &c, pr))
		return;
	n = site_rets_level(&l->sym.tab, &c.f, l->gp->bin.machine, c.bytes, c.len, offs,
			    PROBE_SITES);
	if (n <= 0)
		snprintf(pr->why, sizeof(pr->why), "returns of %s: %s", name,
			 n == -ENOSYS ? "built without a decoder (Zydis)"
				      : "its code cannot be decoded");
	pr->kind = PROG_RET;
	for (int i = 0; i < n; i++)
		site_add(l, pr, &c, offs[i]);
}

static void find_calls(struct locator *l, struct probe *pr, const char *name, const char *callee)
{
	const struct inline_answer *to = lookup(l, callee);
	uint32_t offs[PROBE_SITES];
	struct code c;
	int n;

	if (code_of(l, name, &c, pr))
		return;
	if (!to) {
		snprintf(pr->why, sizeof(pr->why), "this program has no %s", callee);
		return;
	}
	n = site_calls(l->gp->bin.machine, c.bytes, c.len,
		       (int64_t)(to->entry - l->gp->bias - c.addr), offs, PROBE_SITES);
	if (n <= 0)
		snprintf(pr->why, sizeof(pr->why), "no call of %s was found in %s%s", callee, name,
			 n == -ENOSYS ? ": built without a decoder (Zydis)" : "");
	pr->kind = PROG_CALL;
	for (int i = 0; i < n; i++)
		site_add(l, pr, &c, offs[i]);
}

/* In the function that holds addr: where the results of its calls of another one are tested. */
static void find_tests_in(struct locator *l, struct probe *pr, uint64_t callee, uint64_t addr)
{
	uint16_t machine = l->gp->bin.machine;
	uint32_t offs[PROBE_SITES];
	struct code c;
	int n, at;

	if (!pclntab_find(&l->sym.tab, addr - l->text, &c.f) || code_read(l, c.f.name, &c, pr))
		return;
	n = site_calls(machine, c.bytes, c.len, (int64_t)(callee - c.addr), offs, PROBE_SITES);
	for (int i = 0; i < n; i++) {
		at = site_tested(machine, c.bytes, c.len, offs[i]);
		if (at >= 0)
			site_add(l, pr, &c, at);
	}
}

/* Where code that looks like a call of callee is, from *at on, which then is behind it; 0: none. */
static uint64_t next_call(const struct locator *l, uint64_t callee, uint64_t *at)
{
	const struct binary *b = &l->gp->bin;

	while (*at < b->text_end) {
		uint64_t n = b->text_end - *at, left, from = *at;
		const uint8_t *bytes = image_bytes(&l->image, from, 1, &left);
		size_t hit;

		n = n < TEXT_PIECE ? n : TEXT_PIECE;
		n = bytes && left < n ? left : n;
		bytes = bytes ? image_bytes(&l->image, from, n, &left) : NULL;
		hit = bytes ? site_call_like(b->machine, bytes, n, (int64_t)(callee - from)) : n;
		*at = from + hit + SITE_CALL_NEXT;
		if (hit < n)
			return from + hit;
		/* what begins in this piece and ends in the next */
		*at = n < TEXT_PIECE ? b->text_end : from + n - SITE_CALL_NEXT;
	}
	return 0;
}

/*
 * Where what a function returns is tested, by whoever calls it: whatever was inlined into what,
 * these calls remain. Bytes that look like one tell which functions are to be decoded.
 */
static void find_tests(struct locator *l, struct probe *pr, const char *name)
{
	const struct inline_answer *to = lookup(l, name);
	uint64_t at = l->gp->bin.text, callee, hit;
	struct gofunc f = {};

	pr->kind = PROG_CALL;
	if (!to) {
		snprintf(pr->why, sizeof(pr->why), "this program has no %s", name);
		return;
	}
	callee = to->entry - l->gp->bias;
	while (!pr->why[0] && (hit = next_call(l, callee, &at)))
		/* one that was looked at has been looked at to its end */
		if (hit - l->text >= f.end && pclntab_find(&l->sym.tab, hit - l->text, &f))
			find_tests_in(l, pr, callee, hit);
	if (!pr->noff && !pr->why[0])
		snprintf(pr->why, sizeof(pr->why), "no call of %s is followed by a test of it",
			 name);
}

/*
 * What a probe cannot see: calls of the function where the compiler, guided by a profile,
 * put a copy of it. A program's other copies of its body are no better.
 */
static void find_copies(const struct locator *l, struct probe *pr, const char *name)
{
	const struct inline_answer *fn = answer_of(l, name);
	uint32_t n;

	if (!fn || fn->complete || (!fn->present && !fn->functions))
		return;
	pr->complete = false;
	n = fn->functions + fn->bodies - fn->present;
	if (!l->known)
		snprintf(pr->why, sizeof(pr->why),
			 "whether calls of %s are inlined is not known: no inline trees", name);
	else
		snprintf(pr->why, sizeof(pr->why),
			 "calls of %s are not seen where it is inlined: in %u function%s", name, n,
			 n == 1 ? "" : "s");
}

static bool begins(const char *site, const char *kind)
{
	return !strncmp(site, kind, strlen(kind));
}

void locator_find(struct locator *l, struct probe *pr)
{
	char name[2][NAME_LEN] = {};

	pr->noff = 0;
	pr->stepped = false;
	pr->why[0] = '\0';
	if (!name_of(pr->site, 0, name[0])) {
		snprintf(pr->why, sizeof(pr->why), "%s is too long to be a name", pr->site);
	} else if (begins(pr->site, "gocall:") && name_of(pr->site, 1, name[1])) {
		find_calls(l, pr, name[0], name[1]);
	} else if (begins(pr->site, "goret:")) {
		find_returns(l, pr, name[0]);
	} else if (begins(pr->site, "gotest:")) {
		find_tests(l, pr, name[0]);
	} else {
		find_entries(l, pr);
	}
	pr->state = pr->noff ? PROBE_READY : PROBE_OFF;
	pr->complete = pr->noff;
	for (size_t i = 0; pr->complete && name_of(pr->site, i, name[0]); i++)
		find_copies(l, pr, name[0]);
}
