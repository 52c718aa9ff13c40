// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Completions for bash, zsh and fish, from the tables that parse the words. */
#include "frontend.h"
#include "sink.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- words ---- */

static void formats_words(FILE *f, const struct tool *t)
{
	(void)t;
	for (const struct sink_ops *o = sink_after(NULL); o; o = sink_after(o))
		fprintf(f, "%s%s", o == sink_after(NULL) ? "" : " ", o->name);
}

static void columns_words(FILE *f, const struct tool *t)
{
	const char *blank = "";

	for (const struct section *s = t->sections; s && s->cols; s++) {
		if (s->shape != SEC_ROWS || !(s->flags & SEC_SORTABLE))
			continue;
		for (const struct col *c = s->cols; c->key; c++) {
			if (col_find(s->cols, c->key) != c || c->unit == BAR)
				continue;
			fprintf(f, "%s%s", blank, c->key);
			blank = " ";
		}
	}
}

static void shells_words(FILE *f, const struct tool *t)
{
	(void)t;
	fputs("bash fish zsh", f);
}

static void operand_words(FILE *f, const struct tool *t)
{
	for (size_t i = 0; t->operand_word && t->operand_word(i); i++)
		fprintf(f, "%s%s", i ? " " : "", t->operand_word(i));
}

static void tools_words(FILE *f, const struct tool *session)
{
	const char *blank = "";

	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t)) {
		if (t == session)
			continue;
		fprintf(f, "%s%s", blank, t->name);
		blank = " ";
	}
}

/* What an argument may be, known by how it is called: code of each shell, or words of ours. */
static const struct {
	const char *arg, *bash, *zsh, *fish;
	void (*words)(FILE *f, const struct tool *t);
} kinds[] = {
	{ "PID[,PID]", "compgen -W \"$(cd /proc && echo [0-9]*)\" -- \"$cur\"", "_pids",
	  "(__fish_complete_pids)", NULL },
	{ "NAME", "compgen -W \"$(cat /proc/[0-9]*/comm 2>/dev/null)\" -- \"$cur\"",
	  "compadd -- ${(f)\"$(cat /proc/[0-9]*/comm 2>/dev/null)\"}",
	  "(cat /proc/[0-9]*/comm 2>/dev/null)", NULL },
	{ "PATH", "compgen -d -- \"$cur\"", "_directories", "(__fish_complete_directories)", NULL },
	{ "FILE", "compgen -f -- \"$cur\"", "_files", NULL, NULL },
	{ "FMT[:FILE]", NULL, NULL, NULL, formats_words },
	{ "COL", NULL, NULL, NULL, columns_words },
	{ "SHELL", NULL, NULL, NULL, shells_words },
};

static bool opt_ends(const struct opt *o)
{
	return !o->c && !o->name;
}

/* The index of the kind of its argument; ARRAY_SIZE(kinds): just some word. */
static size_t kind_find(const struct opt *o)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(kinds) && strcmp(kinds[i].arg, o->arg))
		i++;
	return i;
}

static void quoted_put(FILE *f, const char *text, const char *escape)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", f);
		else if (strchr(escape, *text))
			fprintf(f, "\\%c", *text);
		else
			putc(*text, f);
	}
}

/* ---- bash ---- */

static void bash_words_of(FILE *f, const struct opt *opts)
{
	for (const struct opt *o = opts; o && !opt_ends(o); o++) {
		if (o->c)
			fprintf(f, " -%c", o->c);
		if (o->name)
			fprintf(f, " --%s", o->name);
	}
}

static void bash_argument(FILE *f, const struct tool *t, const struct opt *o)
{
	size_t kind = kind_find(o);

	fputs("\t\t", f);
	if (o->c)
		fprintf(f, "-%c%s", o->c, o->name ? " | " : "");
	if (o->name)
		fprintf(f, "--%s", o->name);
	fputs(") ", f);
	if (kind == ARRAY_SIZE(kinds)) {
		fputs(": ;;\n", f);
		return;
	}
	if (kinds[kind].bash) {
		fputs(kinds[kind].bash, f);
	} else {
		fputs("compgen -W '", f);
		kinds[kind].words(f, t);
		fputs("' -- \"$cur\"", f);
	}
	fputs(" ;;\n", f);
}

static void bash_tool(FILE *f, const struct tool *t)
{
	const struct opt *const sets[] = { t->opts, args_common };

	fprintf(f, "_gomemtrace_%s() {\n\tcase $prev in\n", t->name);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		for (const struct opt *o = sets[i]; o && !opt_ends(o); o++)
			if (o->arg)
				bash_argument(f, t, o);
	fputs("\t\t:) compgen -f -- \"$cur\" ;;\n\t\t*)\n\t\t\tcase $cur in\n"
	      "\t\t\t-*) compgen -W '",
	      f);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		bash_words_of(f, sets[i]);
	fputs("' -- \"$cur\" ;;\n\t\t\t*) compgen -W '", f);
	operand_words(f, t);
	if (t->is_session)
		fputs("'\"$first\"'", f);
	fputs("' -- \"$cur\" ;;\n\t\t\tesac\n\t\t\t;;\n\tesac\n}\n\n", f);
}

static void bash_print(FILE *f, const struct tool *session)
{
	fputs("# completion of gomemtrace and its tools for bash\n\n", f);
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		bash_tool(f, t);
	fputs("_gomemtrace() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} first= i\n"
	      "\tlocal tool=${COMP_WORDS[0]##*/}\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\t[[ ${COMP_WORDS[i]} == -- ]] || continue\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$cur\"; compgen -f -- \"$cur\")\n"
	      "\t\treturn\n"
	      "\tdone\n"
	      "\t[[ $cur == : ]] && cur= prev=:\n"
	      "\t[[ $cur == = ]] && cur=\n"
	      "\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n",
	      f);
	fprintf(f, "\tif [[ $tool == %s ]]; then\n\t\tif ((COMP_CWORD == 1)); then first='",
		session->name);
	tools_words(f, session);
	fputs("'\n\t\telif declare -F \"_gomemtrace_${COMP_WORDS[1]}\" >/dev/null; then "
	      "tool=${COMP_WORDS[1]}\n\t\tfi\n\tfi\n"
	      "\tmapfile -t COMPREPLY < <(_gomemtrace_\"$tool\")\n}\n\n"
	      "complete -F _gomemtrace",
	      f);
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		if (!t->is_command)
			fprintf(f, " %s", t->name);
	putc('\n', f);
}

/* ---- zsh ---- */

static void zsh_option(FILE *f, const struct tool *t, const struct opt *o, const char *word)
{
	size_t kind;

	fprintf(f, "\t\t\t'*%s%s[", word, o->arg ? word[1] == '-' ? "=" : "+" : "");
	quoted_put(f, o->help, "[]:\\");
	putc(']', f);
	if (o->arg) {
		putc(':', f);
		quoted_put(f, o->arg, "[]:\\");
		putc(':', f);
		kind = kind_find(o);
		if (kind < ARRAY_SIZE(kinds) && kinds[kind].zsh) {
			quoted_put(f, kinds[kind].zsh, "");
		} else {
			fputs("(", f);
			if (kind < ARRAY_SIZE(kinds))
				kinds[kind].words(f, t);
			fputs(")", f);
		}
	}
	fputs("' \\\n", f);
}

static void zsh_tool(FILE *f, const struct tool *t)
{
	const struct opt *const sets[] = { t->opts, args_common };

	fprintf(f, "\t%s)\n\t\t_arguments -s \\\n", t->name);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		for (const struct opt *o = sets[i]; o && !opt_ends(o); o++) {
			char word[64];

			if (o->c) {
				snprintf(word, sizeof(word), "-%c", o->c);
				zsh_option(f, t, o, word);
			}
			if (o->name) {
				snprintf(word, sizeof(word), "--%s", o->name);
				zsh_option(f, t, o, word);
			}
		}
	if (t->is_session) {
		fputs("\t\t\t'1: :(", f);
		tools_words(f, t);
		fputs(")' \\\n", f);
	}
	fputs("\t\t\t'*: :(", f);
	operand_words(f, t);
	fputs(")'\n\t\t;;\n", f);
}

static void zsh_print(FILE *f, const struct tool *session)
{
	const char *bar = "";

	fputs("#compdef", f);
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		if (!t->is_command)
			fprintf(f, " %s", t->name);
	fprintf(f,
		"\n# completion of gomemtrace and its tools for zsh\n\n_gomemtrace() {\n"
		"\tlocal tool=${words[1]:t}\n"
		"\tif [[ $tool == %s ]] && ((CURRENT > 2)); then\n\t\tcase $words[2] in\n\t\t(",
		session->name);
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t)) {
		if (t == session)
			continue;
		fprintf(f, "%s%s", bar, t->name);
		bar = "|";
	}
	fputs(")\n\t\t\ttool=$words[2]\n\t\t\tshift words\n\t\t\t((CURRENT--))\n\t\t\t;;\n"
	      "\t\tesac\n\tfi\n\tcase $tool in\n",
	      f);
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		zsh_tool(f, t);
	fputs("\tesac\n}\n\n_gomemtrace \"$@\"\n", f);
}

/* ---- fish ---- */

static void fish_option(FILE *f, const struct tool *t, const char *command, const char *when,
			const struct opt *o)
{
	size_t kind = o->arg ? kind_find(o) : ARRAY_SIZE(kinds);

	fprintf(f, "complete -c %s%s", command, when);
	if (o->c)
		fprintf(f, " -s %c", o->c);
	if (o->name)
		fprintf(f, " -l %s", o->name);
	if (o->arg)
		fputs(!strcmp(o->arg, "FILE") ? " -r -F" : " -x", f);
	if (kind < ARRAY_SIZE(kinds) && (kinds[kind].fish || kinds[kind].words)) {
		fputs(" -a '", f);
		if (kinds[kind].fish)
			quoted_put(f, kinds[kind].fish, "");
		else
			kinds[kind].words(f, t);
		putc('\'', f);
	}
	fputs(" -d '", f);
	for (const char *p = o->help; *p; p++)
		fprintf(f, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
	fputs("'\n", f);
}

static void fish_tool(FILE *f, const struct tool *t, const char *command, const char *when)
{
	const struct opt *const sets[] = { t->opts, args_common };

	fprintf(f, "complete -c %s%s -f\n", command, when);
	/* a command of the session has the common options through it */
	for (size_t i = 0; i < ARRAY_SIZE(sets) - (*when ? 1 : 0); i++)
		for (const struct opt *o = sets[i]; o && !opt_ends(o); o++)
			fish_option(f, t, command, when, o);
	if (t->operand_word) {
		fprintf(f, "complete -c %s%s -a '", command, when);
		operand_words(f, t);
		fputs("'\n", f);
	}
}

static void fish_print(FILE *f, const struct tool *session)
{
	fputs("# completion of gomemtrace and its tools for fish\n\n", f);
	fish_tool(f, session, session->name, "");
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t)) {
		char when[96];

		if (t == session)
			continue;
		fprintf(f, "complete -c %s -n __fish_use_subcommand -a %s -d '", session->name,
			t->name);
		for (const char *p = t->brief ? t->brief : ""; *p; p++)
			fprintf(f, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
		fputs("'\n", f);
		snprintf(when, sizeof(when), " -n '__fish_seen_subcommand_from %s'", t->name);
		fish_tool(f, t, session->name, when);
		if (!t->is_command)
			fish_tool(f, t, t->name, "");
	}
}

int complete_print(const char *shell, FILE *f)
{
	static const struct {
		const char *shell;
		void (*print)(FILE *f, const struct tool *session);
	} shells[] = { { "bash", bash_print }, { "zsh", zsh_print }, { "fish", fish_print } };

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shells[i].shell, shell))
			continue;
		shells[i].print(f, tool_session());
		return 0;
	}
	return fail(-EINVAL, "--complete: no completion for '%.64s': give bash, zsh or fish",
		    shell);
}
