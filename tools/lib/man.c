// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What the tables know of a manual page, in roff: SYNOPSIS, OPTIONS, COLUMNS, FIELDS. */
#include "frontend.h"
#include "sink.h"
#include <stdio.h>
#include <string.h>

/* Nothing in it is taken for a request or an escape; - is the sign that is typed. */
static void text_put(FILE *f, const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", f);
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\e", f);
		else if (*s == '-')
			fputs("\\-", f);
		else
			putc(*s, f);
	}
}

static void entry_put(FILE *f, const char *term, const char *arg, const char *help)
{
	fputs(".TP\n\\fB", f);
	text_put(f, term);
	fputs("\\fR", f);
	if (arg) {
		fputs(" \\fI", f);
		text_put(f, arg);
		fputs("\\fR", f);
	}
	putc('\n', f);
	text_put(f, help);
	putc('\n', f);
}

static void opts_put(FILE *f, const struct opt *opts)
{
	for (const struct opt *o = opts; o && (o->c || o->name); o++) {
		char term[80], letter[8] = "";

		if (o->c)
			snprintf(letter, sizeof(letter), "-%c%s", o->c, o->name ? ", " : "");
		snprintf(term, sizeof(term), "%s%s%s", letter, o->name ? "--" : "",
			 o->name ? o->name : "");
		entry_put(f, term, o->arg, o->help);
	}
}

static void formats_put(FILE *f)
{
	fputs(".SH FORMATS\nWhat \\fB\\-o\\fR takes; a file may follow behind a colon.\n", f);
	for (const struct sink_ops *o = sink_after(NULL); o; o = sink_after(o))
		entry_put(f, o->name, NULL, o->brief);
}

static void columns_put(FILE *f, const struct tool *t)
{
	bool any = false;

	for (const struct section *s = t->sections; s && s->cols; s++) {
		if (s->shape != SEC_ROWS || s->flags & SEC_JSON_ONLY)
			continue;
		for (const struct col *c = s->cols; c->key; c++) {
			if (!col_in_table(c) || !*c->head || !c->help)
				continue;
			if (!any)
				fputs(".SH COLUMNS\nOf the tables.\n", f);
			any = true;
			entry_put(f, c->head, NULL, c->help);
		}
	}
}

/* A member and those inside it: rows[].detail[].what */
static void members_put(FILE *f, const struct col *cols, const char *prefix)
{
	for (const struct col *c = cols; c->key; c++) {
		const char *unit = unit_name(c->unit), *brackets;
		char term[256], help[256];

		if (!col_in_json(c))
			continue;
		brackets = c->type == CT_LIST || c->type == CT_NUMBERS || c->type == CT_STACK ? "[]"
											      : "";
		snprintf(term, sizeof(term), "%s%s%s", prefix, c->key, brackets);
		snprintf(help, sizeof(help), "%s%s%s%s", c->help ? c->help : "",
			 unit && c->unit != COUNT ? " (" : "", unit && c->unit != COUNT ? unit : "",
			 unit && c->unit != COUNT ? ")" : "");
		entry_put(f, term, NULL, help);
		if (!c->cols)
			continue;
		strncat(term, ".", sizeof(term) - strlen(term) - 1);
		members_put(f, c->cols, term);
	}
}

static void section_put(FILE *f, const struct tool *t, const struct section *s)
{
	bool array = s->shape != SEC_FIELDS, flat = !s->key || (t->stream && array);
	char prefix[80] = "", term[160];

	if (!flat)
		snprintf(prefix, sizeof(prefix), "%s%s.", s->key, array ? "[]" : "");
	if (s->shape == SEC_HIST && t->stream)
		entry_put(f, "hist", NULL, "which kind of histogram it is");
	if (s->label) {
		snprintf(term, sizeof(term), "%s%s", prefix, s->label);
		entry_put(f, term, NULL, "which histogram it is");
	}
	if (s->shape == SEC_HIST) {
		snprintf(term, sizeof(term), "%sunit", prefix);
		entry_put(f, term, NULL, "of its values");
	}
	members_put(f, s->cols, prefix);
}

static void fields_put(FILE *f, const struct tool *t)
{
	if (!t->sections)
		return;
	fputs(".SH FIELDS\nOf the JSON object, in their order.\n", f);
	entry_put(f, "v", NULL, "version of the format");
	entry_put(f, "tool", NULL, "which tool said this");
	entry_put(f, "ts_ns", NULL, "when this was seen (unix_ns)");
	if (!t->no_target)
		entry_put(f, "pid", NULL, "the process, as this host names it");
	for (const struct section *s = t->sections; s->cols; s++)
		if (!(s->flags & SEC_TABLE_ONLY))
			section_put(f, t, s);
}

void man_print(const struct tool *t, FILE *f)
{
	fputs(".SH OPTIONS\n", f);
	opts_put(f, t->opts);
	opts_put(f, args_common);
	formats_put(f);
	columns_put(f, t);
	fields_put(f, t);
}
