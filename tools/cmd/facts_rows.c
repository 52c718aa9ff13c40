// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The rows of `gomemtrace facts`; see facts.h. */
#include "facts.h"
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 28 /* columns of a text in a table */

static const char *const groups[] = { [FACT_BINARY] = "binary",
				      [FACT_GLOBALS] = "globals",
				      [FACT_LAYOUT] = "layout",
				      [FACT_IDENTITIES] = "identities",
				      [FACT_STRUCTURES] = "structures" };

static const char *const units[] = {
	[FACT_TEXT] = "text",
	[FACT_BOOL] = "bool",
	[FACT_ADDRESS] = "address",
	[FACT_OFFSET] = "offset",
	[FACT_SIZE] = "size",
	[FACT_NUMBER] = "number",
	[FACT_DIFFERENCE] = "difference",
};

struct id_row {
	const char *comm, *go_version, *layout_release, *why;
	bool proven;
};

static const struct col id_cols[] = {
	COL(struct id_row, comm, "", NONE, KEY, "name of the process"),
	COL(struct id_row, go_version, "", NONE, KEY, "release that built the program"),
	COL(struct id_row, layout_release, "", NONE, KEY, "release whose layout is used"),
	COL(struct id_row, proven, "", NONE, GAUGE, "the layout proved itself"),
	COL(struct id_row, why, "", NONE, GAUGE, "why it did not, or what is odd all the same"),
	{}
};

struct row {
	const char *name, *group, *value, *unit, *source, *proof;
	char shown[SHOWN * 5], tests[64];
	int8_t proven;
	uint64_t left, right;
};

#define FACT(member, head, unit, role, flags, help)                                                \
	COL_F(struct row, member, head, unit, role, flags, help)
#define NAME FACT(name, "NAME", NONE, KEY, 0, "what it is called")

static const struct col fact_cols[] = {
	NAME,
	FACT(group, "", NONE, KEY, 0, "binary, globals, layout, identities or structures"),
	FACT(value, "", NONE, GAUGE, 0, "as a decimal number, a word, or a text"),
	FACT(unit, "", NONE, KEY, 0,
	     "text, bool, address, offset, size, number, or difference in bytes"),
	FACT(source, "", NONE, GAUGE, 0, "where it is from; of a test: what it says"),
	FACT(proof, "", NONE, GAUGE, 0, "the tests that hold with it, or why it is not proven"),
	FACT(proven, "", NONE, GAUGE, 0, "false: a test fails; null: none is of it"),
	FACT(left, "", COUNT, GAUGE, 0, "of an identity: what is on its left"),
	FACT(right, "", COUNT, GAUGE, 0, "and on its right"),
	{}
};

static const struct col value_cols[] = { NAME,
					 FACT(shown, "VALUE", NONE, GAUGE, 0, "its value"),
					 FACT(source, "SOURCE", NONE, GAUGE, 0, "where it is from"),
					 FACT(tests, "PROOF", NONE, GAUGE, 0, "tests that hold"),
					 {} };
static const struct col layout_cols[] = { NAME,
					  FACT(shown, "BYTES", NONE, GAUGE, 0, "offset or size"),
					  FACT(proof, "PROOF", NONE, GAUGE, 0, "tests that hold"),
					  {} };
static const struct col identity_cols[] = { NAME,
					    FACT(shown, "OF", NONE, GAUGE, 0, "its left"),
					    FACT(left, "LEFT", COUNT, GAUGE, 0, "its value"),
					    FACT(right, "RIGHT", COUNT, GAUGE, 0, "to be equal"),
					    FACT(value, "DIFFERENCE", NONE, GAUGE, 0, "left-right"),
					    {} };
static const struct col structure_cols[] = { NAME,
					     FACT(source, "OF", NONE, GAUGE, 0, "what is tested"),
					     FACT(proof, "RESULT", NONE, GAUGE, 0, "did it hold"),
					     {} };

/* A table for each group, one list for all in JSON. */
#define TABLE(group, cols_)                                                                        \
	{                                                                                          \
		.key = group "_table", .title = group, .cols = cols_, .shape = SEC_ROWS,           \
		.flags = SEC_TABLE_ONLY                                                            \
	}
enum { S_ID = FACT_STRUCTURES + 1, S_FACTS };

const struct section facts_sections[] = { [FACT_BINARY] = TABLE("binary", value_cols),
					  [FACT_GLOBALS] = TABLE("globals", value_cols),
					  [FACT_LAYOUT] = TABLE("layout", layout_cols),
					  [FACT_IDENTITIES] = TABLE("identities", identity_cols),
					  [FACT_STRUCTURES] = TABLE("structures", structure_cols),
					  [S_ID] = { .cols = id_cols, .shape = SEC_FIELDS },
					  [S_FACTS] = { .key = "facts",
							.cols = fact_cols,
							.shape = SEC_ROWS,
							.flags = SEC_JSON_ONLY },
					  {} };

/* ---- which ---- */

static bool matches(const struct go_fact *f, const char *pattern)
{
	return !strcasecmp(groups[f->group], pattern) ||
	       (strpbrk(pattern, "*?[") ? !fnmatch(pattern, f->name, FNM_CASEFOLD)
					: strcasestr(f->name, pattern) != NULL);
}

static bool wanted(const struct go_fact *f, const char *const *patterns)
{
	bool any = !*patterns;

	for (; *patterns && !any; patterns++)
		any = matches(f, *patterns);
	return any;
}

static int check_patterns(const struct go_facts *list, const char *const *patterns)
{
	for (; *patterns; patterns++) {
		size_t i = 0;

		while (i < list->n && !matches(&list->fact[i], *patterns))
			i++;
		if (i == list->n)
			return fail(-ENOENT,
				    "no fact is called '%.64s': without it, all are listed",
				    *patterns);
	}
	return 0;
}

/* ---- one row ---- */

/* JSON has numbers in decimal and texts whole, a table what people read. */
static void values(const struct go_fact *f, char *value, size_t size, struct row *row)
{
	const char *end = strstr(f->source, " = ");

	if (f->unit == FACT_TEXT)
		snprintf(value, size, "%s", f->text);
	else if (f->unit == FACT_BOOL)
		snprintf(value, size, "%s", f->value ? "true" : "false");
	else if (f->unit == FACT_DIFFERENCE)
		snprintf(value, size, "%lld", (long long)f->value);
	else
		snprintf(value, size, "%llu", (unsigned long long)f->value);
	if (!f->known)
		snprintf(row->shown, sizeof(row->shown), "-");
	else if (f->unit == FACT_ADDRESS)
		snprintf(row->shown, sizeof(row->shown), "0x%llx", (unsigned long long)f->value);
	else if (strlen(value) > SHOWN && f->unit == FACT_TEXT)
		snprintf(row->shown, sizeof(row->shown), "%.*s…", SHOWN - 1, value);
	else
		snprintf(row->shown, sizeof(row->shown), "%.*s", SHOWN, value);
	if (f->unit == FACT_DIFFERENCE && end)
		snprintf(row->shown, sizeof(row->shown), "%.*s", (int)(end - f->source), f->source);
}

/* The tests alone: with a question mark if they tell only sometimes. */
static void tests(const struct go_fact *f, char *out, size_t size)
{
	const char *comma = strchr(f->proof, ',');

	if (f->proven >= 0)
		snprintf(out, size, "%.*s", (int)size - 1, f->proof);
	else if (comma && *f->proof == 'S')
		snprintf(out, size, "%.*s?", (int)(comma - f->proof), f->proof);
	else
		snprintf(out, size, "-");
}

static void fact_emit(struct run *r, const struct go_fact *f)
{
	char value[sizeof(f->text)];
	bool sides = f->group == FACT_IDENTITIES && f->known;
	struct row row = {
		.name = f->name,
		.group = groups[f->group],
		.value = f->known ? value : NULL,
		.unit = units[f->unit],
		.source = f->source,
		.proof = f->proof,
		.proven = f->proven,
		.left = sides ? f->side[0] : U64_NULL,
		.right = sides ? f->side[1] : U64_NULL,
	};

	values(f, value, sizeof(value), &row);
	tests(f, row.tests, sizeof(row.tests));
	emit_row(r, &facts_sections[f->group], &row);
	emit_row(r, &facts_sections[S_FACTS], &row);
}

static void head_emit(struct run *r, const struct facts_head *h)
{
	struct id_row id = { .comm = h->comm,
			     .go_version = *h->version ? h->version : NULL,
			     .layout_release = *h->release ? h->release : NULL,
			     .why = *h->why ? h->why : NULL,
			     .proven = h->proven };
	char left[128];

	snprintf(left, sizeof(left), "%s  pid %d  %s", h->comm, h->pid,
		 *h->version ? h->version : "unknown release");
	emit_fields(r, &facts_sections[S_ID], &id);
	emit_lr(r, left, h->proven ? "proven" : "not proven");
	if (*h->why)
		emit_wrapped(r, 2, h->why);
}

int facts_emit(struct run *r, const struct facts *f, const char *const *patterns)
{
	int err = check_patterns(&f->list, patterns);

	if (err)
		return err;
	emit_begin(r);
	head_emit(r, &f->head);
	for (size_t i = 0; i < f->list.n; i++)
		if (wanted(&f->list.fact[i], patterns))
			fact_emit(r, &f->list.fact[i]);
	return emit_end(r);
}
