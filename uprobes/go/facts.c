// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What is believed of a Go process; see facts.h. */
#include "go/facts.h"
#include "array.h"
#include "go/facts_proof.h"
#include "go/image.h"
#include "go/proof.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_NS 600000000ULL

struct reading {
	struct goproc *gp;
	struct go_facts *facts;
	struct fact_results results;
	struct go_identity identity[PROOF_IDENTITIES];
	int err;
};

/* ---- rows ---- */

static struct go_fact *add(struct reading *r, enum go_fact_group group, enum go_fact_unit unit,
			   const char *name)
{
	static struct go_fact lost; /* where rows go when memory is out */
	struct go_facts *f = r->facts;
	struct go_fact *fact;

	if (array_room(f->fact, f->n + 1, f->cap)) {
		r->err = -ENOMEM;
		return &lost;
	}
	fact = &f->fact[f->n++];
	*fact = (struct go_fact){ .group = group, .unit = unit, .proven = -1 };
	snprintf(fact->name, sizeof(fact->name), "%s", name);
	return fact;
}

static void set_source(struct go_fact *f, const char *source)
{
	snprintf(f->source, sizeof(f->source), "%s", source);
}

static void set_value(struct go_fact *f, uint64_t value, bool known)
{
	f->value = known ? value : 0;
	f->known = known;
}

static struct go_fact *add_text(struct reading *r, const char *name, const char *text,
				const char *source, const char *why)
{
	struct go_fact *f = add(r, FACT_BINARY, FACT_TEXT, name);

	snprintf(f->text, sizeof(f->text), "%s", text);
	f->known = *text;
	set_source(f, source);
	snprintf(f->proof, sizeof(f->proof), "not proven: %s", why);
	return f;
}

static struct go_fact *add_elf(struct reading *r, enum go_fact_unit unit, const char *name,
			       uint64_t value, bool known)
{
	struct go_fact *f = add(r, FACT_BINARY, unit, name);

	set_value(f, value, known);
	set_source(f, "ELF");
	snprintf(f->proof, sizeof(f->proof), "not proven: the file's word");
	return f;
}

/* ---- groups ---- */

static void add_version(struct reading *r)
{
	const struct goproc *gp = r->gp;
	struct go_fact *f = add_text(r, "version", gp->bin.version,
				     gp->version_live ? "runtime.buildVersion" : "build info",
				     "no other word on it");

	/* the layout of that very release is the one that holds */
	if (gp->exact && gp->proven)
		fact_prove(f, &r->results, FACT_ALL_TESTS);
	add_text(r, "module", gp->bin.module, "build info", "no other word on it");
}

static void add_elf_facts(struct reading *r)
{
	struct goproc *gp = r->gp;
	struct binary *b = &gp->bin;
	char id[160] = "";
	struct go_fact *f;

	add_elf(r, FACT_BOOL, "pie", b->pie, true);
	add_elf(r, FACT_BOOL, "stripped", b->stripped, true);
	add_elf(r, FACT_BOOL, "dynamic", b->dynamic, true);
	binary_build_id(b, id, sizeof(id));
	add_text(r, "build_id", id, "ELF", "the file's word");
	f = add_elf(r, FACT_ADDRESS, "bias", gp->bias, true);
	set_source(f, b->pie ? "first mapping" : "ELF");
	fact_prove(f, &r->results, FACT_ALL_TESTS);
	add_elf(r, FACT_ADDRESS, "text", b->text + gp->bias, b->text);
	add_elf(r, FACT_ADDRESS, "text_end", b->text_end + gp->bias, b->text_end);
}

static void add_pclntab(struct reading *r)
{
	struct pclntab t = {};
	struct image im;
	uint64_t at = 0;
	bool known = !image_open(&im, &r->gp->bin.file) && !image_pclntab(&im, &t, &at);
	struct go_fact *f = add(r, FACT_BINARY, FACT_ADDRESS, "pclntab");
	char format[32] = "";

	set_value(f, at + r->gp->bias, known);
	set_source(f, "its own header");
	/* without symbols, it is what leads to the functions that name the variables */
	fact_prove(f, &r->results, r->gp->from_code ? FACT_ALL_TESTS : FACT_VOTES);
	if (known)
		snprintf(format, sizeof(format), "of Go 1.%d and later", t.version);
	add_text(r, "pclntab_format", format, "its own header", "the file's word");
	f = add(r, FACT_BINARY, FACT_NUMBER, "functions");
	set_value(f, t.nfunc, known);
	set_source(f, "pclntab");
	snprintf(f->proof, sizeof(f->proof), "not proven: the file's word");
}

static void add_module(struct reading *r)
{
	const struct goproc *gp = r->gp;
	const struct go_layout *l = gp->l;
	uint64_t at = gp->addr[G_firstmoduledata], v;
	const struct {
		const char *name;
		uint32_t off;
		const char *tests;
	} words[] = {
		{ "module.text", l ? l->md_text : 0, "S2" },
		{ "module.types", l ? l->md_types : 0, NULL },
		{ "module.etypes", l ? l->md_etypes : 0, NULL },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct go_fact *f = add(r, FACT_BINARY, FACT_ADDRESS, words[i].name);
		bool known = l && at && !mem_u64(gp->mem, at + words[i].off, &v);

		set_value(f, known ? v : 0, known);
		set_source(f, "module data");
		fact_prove(f, &r->results, words[i].tests);
	}
}

static void add_layout_used(struct reading *r)
{
	const struct goproc *gp = r->gp;
	char layout[64] = "";
	struct go_fact *f;

	if (gp->l)
		snprintf(layout, sizeof(layout), "Go %s, %s", gp->l->release,
			 gp->exact ? "the release's own" : "a neighbour's");
	f = add_text(r, "layout", layout, "layout table", "none fits");
	if (gp->l)
		fact_prove(f, &r->results, FACT_ALL_TESTS);
}

static void add_globals(struct reading *r)
{
	const struct goproc *gp = r->gp;

	for (int i = 0; i < G_COUNT; i++) {
		struct go_fact *f = add(r, FACT_GLOBALS, FACT_ADDRESS, go_global_names[i]);

		set_value(f, gp->addr[i], gp->addr[i]);
		set_source(f, gp->how[i] ? gp->how[i] : "not found");
		if (gp->addr[i])
			fact_prove(f, &r->results, fact_global_tests(i));
		else
			snprintf(f->proof, sizeof(f->proof), "not there, or not needed");
	}
}

/* What the expansion of LAYOUT_FIELDS says of each, in its order. */
static const struct member {
	const char *id, *type, *path;
	size_t at;
	enum go_fact_unit unit;
} members[] = {
#define AT(id)                  offsetof(struct go_layout, id)
#define M_OFF(id, type, path)   { #id, type, path, AT(id), FACT_OFFSET },
#define M_WIDTH(id, type, path) { #id, type, path, AT(id), FACT_SIZE },
#define M_SIZE(id, type)        { #id, type, NULL, AT(id), FACT_SIZE },
	LAYOUT_FIELDS(M_OFF, M_WIDTH, M_SIZE)
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

/* "mspan.startAddr", "mspan.nelems.sizeof", "mspan.sizeof". */
static void member_name(const struct member *m, char *name, size_t size)
{
	const char *type = strstr(m->type, "runtime.");

	snprintf(name, size, "%s%s%s%s", type ? type + strlen("runtime.") : m->type,
		 m->path ? "." : "", m->path ? m->path : "", m->unit == FACT_SIZE ? ".sizeof" : "");
}

static void add_layout(struct reading *r)
{
	const struct go_layout *l = r->gp->l;
	char source[80];

	if (!l)
		return;
	snprintf(source, sizeof(source), "layout table %s", l->made_from);
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct member *m = &members[i];
		struct go_fact *f = add(r, FACT_LAYOUT, m->unit, "");
		uint32_t v;

		member_name(m, f->name, sizeof(f->name));
		memcpy(&v, (const char *)l + m->at, sizeof(v));
		set_value(f, v, v != LAYOUT_NONE);
		set_source(f, source);
		if (f->known)
			fact_prove(f, &r->results, fact_layout_tests(m->id));
		else
			snprintf(f->proof, sizeof(f->proof), "not in this release");
	}
}

static const char *result(const struct reading *r, bool holds)
{
	return !r->results.run ? "not run: no layout fits" : holds ? "holds" : "fails";
}

static void add_tests(struct reading *r)
{
	char name[16];

	for (unsigned i = 0; i < PROOF_IDENTITIES; i++) {
		bool holds = r->results.identities >> i & 1;
		struct go_fact *f;

		snprintf(name, sizeof(name), "I%u", i + 1);
		f = add(r, FACT_IDENTITIES, FACT_DIFFERENCE, name);
		set_value(f, r->identity[i].left - r->identity[i].right, r->results.run);
		f->side[0] = r->identity[i].left;
		f->side[1] = r->identity[i].right;
		f->proven = r->results.run ? holds : -1;
		set_source(f, r->identity[i].what ? r->identity[i].what : "");
		snprintf(f->proof, sizeof(f->proof), "%s", result(r, holds));
	}
	for (unsigned i = 0; i < PROOF_STRUCTURES; i++) {
		bool holds = r->results.structures >> i & 1;
		struct go_fact *f;

		snprintf(name, sizeof(name), "S%u", i + 1);
		f = add(r, FACT_STRUCTURES, FACT_BOOL, name);
		set_value(f, holds, r->results.run);
		f->proven = r->results.run ? holds : -1;
		set_source(f, go_structure_name(i));
		snprintf(f->proof, sizeof(f->proof), "%s", result(r, holds));
	}
}

/* ---- all of them ---- */

/* Counters that balance, or the last that did not. */
static int read_identities(struct reading *r)
{
	struct go_counters *c = malloc(sizeof(*c));
	int err = c ? 0 : -ENOMEM;
	unsigned failed = ~0U;

	for (int i = 0; !err && failed && i < PROOF_ATTEMPTS; i++) {
		err = go_counters_read(r->gp, c);
		if (err)
			break;
		failed = go_counters_check(c);
		go_identities(c, r->identity);
	}
	r->results.identities = ~failed;
	free(c);
	return err;
}

int go_facts_read(struct goproc *gp, struct go_facts *facts)
{
	struct reading r = { .gp = gp, .facts = facts, .results.from_code = gp->from_code };
	int err = 0;

	*facts = (struct go_facts){};
	if (gp->l) {
		mem_deadline(gp->mem, CHECK_NS);
		err = read_identities(&r);
		err = err ? err : go_structures_check(gp, &r.results.structures);
		mem_deadline(gp->mem, 0);
		r.results.run = !err;
	}
	if (err)
		return err;
	add_version(&r);
	add_layout_used(&r);
	add_elf_facts(&r);
	add_pclntab(&r);
	add_module(&r);
	add_globals(&r);
	add_layout(&r);
	add_tests(&r);
	if (r.err)
		go_facts_free(facts);
	return r.err;
}

void go_facts_free(struct go_facts *facts)
{
	free(facts->fact);
	*facts = (struct go_facts){};
}

const char *go_fact_name(size_t i)
{
	static char name[64];

	if (i < G_COUNT)
		return go_global_names[i];
	if (i - G_COUNT >= MEMBERS)
		return NULL;
	member_name(&members[i - G_COUNT], name, sizeof(name));
	return name;
}
