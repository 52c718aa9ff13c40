// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* --help, from the same tables that parse and print. */
#include "frontend.h"
#include "sink.h"
#include <stdio.h>
#include <string.h>

#define TERM_WIDTH 24
#define WIDTH      80

/* "  term   what it means", the meaning on lines of its own behind a long term. */
static void entry_print(FILE *f, const char *term, const char *help)
{
	int pad = TERM_WIDTH - (int)strlen(term) - 2, room = WIDTH - TERM_WIDTH, n;

	if (pad < 2)
		fprintf(f, "  %s\n%*s", term, TERM_WIDTH, "");
	else
		fprintf(f, "  %s%*s", term, pad, "");
	while ((int)strlen(help) > room) {
		for (n = room; n && help[n] != ' '; n--)
			;
		if (!n)
			break;
		fprintf(f, "%.*s\n%*s", n, help, TERM_WIDTH, "");
		help += n + 1;
	}
	fprintf(f, "%s\n", help);
}

static void opts_print(FILE *f, const struct opt *opts)
{
	for (const struct opt *o = opts; o && (o->c || o->name); o++) {
		char term[80], letter[8] = "    ";

		if (o->c)
			snprintf(letter, sizeof(letter), "-%c%s", o->c, o->name ? ", " : "");
		snprintf(term, sizeof(term), "%s%s%s%s%s", letter, o->name ? "--" : "",
			 o->name ? o->name : "", o->arg ? " " : "", o->arg ? o->arg : "");
		entry_print(f, term, o->help);
	}
}

/* Whether the table of another section before has this column, with the same meaning. */
static bool column_told(const struct tool *t, const struct section *until, const struct col *col)
{
	for (const struct section *s = t->sections; s != until; s++)
		for (const struct col *c = s->shape == SEC_ROWS ? s->cols : NULL; c && c->key; c++)
			if (!(s->flags & SEC_JSON_ONLY) && col_in_table(c) && c->help &&
			    !strcmp(c->head, col->head) && !strcmp(c->help, col->help))
				return true;
	return false;
}

static void columns_print(FILE *f, const struct tool *t)
{
	bool any = false;

	for (const struct section *s = t->sections; s && s->cols; s++) {
		if (s->shape != SEC_ROWS || s->flags & SEC_JSON_ONLY)
			continue;
		for (const struct col *c = s->cols; c->key; c++) {
			if (!col_in_table(c) || !*c->head || !c->help || column_told(t, s, c))
				continue;
			if (!any)
				fprintf(f, "\ncolumns:\n");
			any = true;
			entry_print(f, c->head, c->help);
		}
	}
}

const char *help_command(const struct tool *t, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", t->is_command ? "gomemtrace " : "", t->name);
	return buf;
}

static void tools_print(FILE *f, const struct tool *session, bool commands)
{
	bool any = false;

	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t)) {
		if (t == session || t->is_command != commands)
			continue;
		if (!any && commands)
			fprintf(f, "\ncommands, as %s COMMAND:\n", session->name);
		else if (!any)
			fprintf(f, "\ntools, as %s TOOL or by their own name:\n", session->name);
		any = true;
		entry_print(f, t->name, t->brief ? t->brief : "");
	}
}

static void formats_print(FILE *f)
{
	fprintf(f, "\nformats:\n");
	for (const struct sink_ops *o = sink_after(NULL); o; o = sink_after(o))
		entry_print(f, o->name, o->brief);
}

void help_usage(const struct tool *t, FILE *f, const char *first, const char *next)
{
	const char *operands = t->operands ? t->operands : "[interval [count]]";
	char name[64];

	help_command(t, name, sizeof(name));
	fprintf(f, "%s%s %s[options] %s\n", first, name, t->no_target ? "" : "-p PID[,PID] ",
		operands);
	if (t->no_target)
		return;
	fprintf(f, "%s%s [options] %s -- CMD [ARG...]\n", next, name, operands);
	fprintf(f, "%s%s --replay FILE [options]\n", next, name);
}

void help_print(const struct tool *t, FILE *f)
{
	help_usage(t, f, "usage: ", "       ");
	if (t->brief)
		fprintf(f, "%s\n", t->brief);
	fprintf(f, "\noptions:\n");
	opts_print(f, t->opts);
	opts_print(f, args_common);
	formats_print(f);
	columns_print(f, t);
	if (t->is_session) {
		tools_print(f, t, false);
		tools_print(f, t, true);
	}
	if (t->examples)
		fprintf(f, "\nexamples:\n%s", t->examples);
}
