// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gomemtrace explain - what a word of the output means, and how far to trust it. */
#include "explain.h"
#include "tool.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 40 /* longer ones are like none of ours */
#define NEAR     3  /* letters that may differ in a word that is meant */

static struct conf {
	const char *field; /* NULL: list all */
} conf;

static const struct col entry_cols[] = {
	COL(struct explain_entry, field, "FIELD", NONE, KEY, "the word, as in JSON"),
	COL(struct explain_entry, group, "OF", NONE, GAUGE, "what it belongs to"),
	COL(struct explain_entry, brief, "MEANING", NONE, GAUGE, "what it is, in a line"),
	COL_F(struct explain_entry, meaning, "", NONE, GAUGE, COL_JSON_ONLY, "more of that"),
	COL_F(struct explain_entry, source, "", NONE, GAUGE, COL_JSON_ONLY, "where it comes from"),
	COL_F(struct explain_entry, trust, "", NONE, GAUGE, COL_JSON_ONLY, "how far to trust it"),
	COL_F(struct explain_entry, drift, "", NONE, GAUGE, COL_JSON_ONLY,
	      "what changed between Go releases"),
	COL_F(struct explain_entry, misread, "", NONE, GAUGE, COL_JSON_ONLY,
	      "what it is often taken for"),
	{}
};

enum { S_ENTRIES, S_LIST };

static const struct section sections[] = { [S_ENTRIES] = { .key = "entries",
							   .cols = entry_cols,
							   .shape = SEC_ROWS,
							   .flags = SEC_JSON_ONLY },
					   [S_LIST] = { .key = "list",
							.cols = entry_cols,
							.shape = SEC_ROWS,
							.flags = SEC_TABLE_ONLY },
					   {} };

const struct explain_entry *explain_nth(size_t i)
{
	static const struct explain_entry *const tables[] = { explain_rows, explain_states,
							      explain_memstats, explain_terms,
							      explain_heap };

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct explain_entry *e = tables[t]; e->field; e++)
			if (!i--)
				return e;
	return NULL;
}

static const char *field_word(size_t i)
{
	const struct explain_entry *e = explain_nth(i);

	return e ? e->field : NULL;
}

/* By the field, or by a path that ends in it: memstats.Sys. */
static const struct explain_entry *entry_find(const char *word)
{
	const char *dot = strrchr(word, '.');
	const struct explain_entry *e;

	for (size_t i = 0; (e = explain_nth(i)); i++)
		if (!strcasecmp(e->field, word))
			return e;
	for (size_t i = 0; dot && (e = explain_nth(i)); i++)
		if (!strcasecmp(e->field, dot + 1))
			return e;
	return NULL;
}

/* Letters to change, add or leave out until a is b (Levenshtein), capitals as small ones. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[WORD_MAX + 1];
	size_t n = strlen(b);

	if (n > WORD_MAX || strlen(a) > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned int corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			unsigned int best = corner + !same;

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

static bool is_near(const char *field, const char *word)
{
	return distance(field, word) <= NEAR || (strlen(word) > 2 && strcasestr(field, word));
}

static int unknown(const char *word)
{
	const struct explain_entry *e;
	char list[256] = "";

	for (size_t i = 0; (e = explain_nth(i)); i++) {
		size_t end = strlen(list);

		if (is_near(e->field, word) && end + strlen(e->field) + 3 < sizeof(list))
			snprintf(list + end, sizeof(list) - end, "%s%s", end ? ", " : "", e->field);
	}
	if (*list)
		return fail(-EINVAL, "no field '%.64s': did you mean %s", word, list);
	return fail(-EINVAL, "no field '%.64s': gomemtrace explain lists them", word);
}

static int operand(struct run *r, const char *word)
{
	if (r->nr_operands++)
		return fail(-EINVAL, "'%.64s' is one word too many: give one field", word);
	conf.field = word;
	return 0;
}

static int check(struct run *r)
{
	if (!r->nr_operands)
		conf.field = NULL;
	return !conf.field || entry_find(conf.field) ? 0 : unknown(conf.field);
}

static void paragraph(struct run *r, const char *head, const char *text)
{
	if (!text)
		return;
	emit_text(r, "%s", "");
	emit_text(r, "%s", head);
	emit_wrapped(r, 2, text);
}

static void entry_emit(struct run *r, const struct explain_entry *e)
{
	emit_row(r, &sections[S_ENTRIES], e);
	emit_lr(r, e->field, e->group);
	emit_wrapped(r, 2, e->brief);
	if (e->meaning)
		emit_wrapped(r, 2, e->meaning);
	paragraph(r, "where it comes from", e->source);
	paragraph(r, "how far to trust it", e->trust);
	paragraph(r, "Go 1.19 to 1.27", e->drift ? e->drift : "The same in all of them.");
	paragraph(r, "often misread", e->misread);
}

static int look(struct run *r)
{
	const struct explain_entry *e;

	emit_begin(r);
	if (conf.field) {
		entry_emit(r, entry_find(conf.field));
		return emit_end(r);
	}
	for (size_t i = 0; (e = explain_nth(i)); i++) {
		emit_row(r, &sections[S_ENTRIES], e);
		emit_row(r, &sections[S_LIST], e);
	}
	return emit_end(r);
}

TOOL(explain, .brief = "Say what a word of the output means and how sure it is.",
     .examples = "  gomemtrace explain                  # all words there are\n"
		 "  gomemtrace explain go.heap.returned # a row of the ledger\n"
		 "  gomemtrace explain HeapReleased     # a member of MemStats\n",
     .sections = sections, .no_target = true, .is_command = true, .operands = "[FIELD]",
     .operand = operand, .operand_word = field_word, .check = check, .look = look);
