// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* --check: probe what the tool needs of this host, and say what to do about the rest. */
#include "check.h"
#include "frontend.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct check_row {
	const char *check, *result, *seen, *need, *cure, *tools;
	bool required;
};

struct verdict_row {
	const char *tool, *state;
};

static const struct col check_cols[] = {
	COL(struct check_row, check, "CHECK", NONE, KEY, "what was probed"),
	COL(struct check_row, result, "RESULT", NONE, GAUGE, "ok or missing"),
	COL(struct check_row, required, "REQUIRED", NONE, GAUGE, "the tools need it to work"),
	COL(struct check_row, seen, "SEEN", NONE, GAUGE, "what the probe found"),
	COL(struct check_row, need, "FOR", NONE, GAUGE, "what it is good for"),
	COL(struct check_row, cure, "CURE", NONE, GAUGE, "how to get it"),
	COL(struct check_row, tools, "TOOLS", NONE, GAUGE, "which tools use it; null: all"),
	{}
};

static const struct col verdict_cols[] = {
	COL(struct verdict_row, tool, "TOOL", NONE, KEY, "the tool"),
	COL(struct verdict_row, state, "HERE", NONE, GAUGE, "works, works with less, cannot work"),
	{}
};

enum { S_CHECKS, S_TOOLS };

static const struct section sections[] = {
	[S_CHECKS] = { .key = "checks",
		       .cols = check_cols,
		       .shape = SEC_ROWS,
		       .flags = SEC_JSON_ONLY },
	[S_TOOLS] = { .key = "tools", .cols = verdict_cols, .shape = SEC_ROWS },
	{}
};

static bool word_in(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; (p = strstr(p, word)); p += len)
		if ((p == words || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
	return false;
}

static bool tool_needs(const struct tool *t, const struct check *c)
{
	return c->tools ? word_in(c->tools, t->name) : !t->no_target;
}

/* ---- one process ---- */

#define CHECKS_MAX 64

struct found {
	const struct check *check;
	enum check_result result;
	char seen[96];
};

static size_t probe_all(const struct tool *t, pid_t pid, struct found *found)
{
	size_t n = 0;

	for (const struct check *c = check_after(NULL); c && n < CHECKS_MAX; c = check_after(c)) {
		/* the session shows what all tools need */
		if (!t->is_session && !tool_needs(t, c))
			continue;
		found[n] = (struct found){ .check = c };
		found[n].result = c->probe(pid, found[n].seen, sizeof(found[n].seen));
		n += found[n].result != CHECK_MOOT;
	}
	return n;
}

static const char *tool_state(const struct tool *t, const struct found *found, size_t n)
{
	bool less = false;

	for (const struct found *f = found; f < found + n; f++) {
		if (f->result != CHECK_MISSING || !tool_needs(t, f->check))
			continue;
		if (f->check->required)
			return "cannot work";
		less = true;
	}
	return less ? "works with less" : "works";
}

static void emit_labelled(struct run *r, const char *label, const char *text)
{
	char line[512];

	snprintf(line, sizeof(line), "%s%s", label, text);
	emit_wrapped(r, 9, line);
}

static void found_emit(struct run *r, const struct found *f)
{
	struct check_row row = {
		.check = f->check->title,
		.result = f->result == CHECK_OK ? "ok" : "missing",
		.seen = *f->seen ? f->seen : NULL,
		.need = f->check->need,
		.cure = f->check->cure,
		.tools = f->check->tools,
		.required = f->check->required,
	};

	emit_row(r, &sections[S_CHECKS], &row);
	emit_text(r, "%-8s %s%s%s%s", row.result, row.check, row.seen ? " (" : "",
		  row.seen ? row.seen : "", row.seen ? ")" : "");
	if (f->result == CHECK_OK && !r->verbose)
		return;
	emit_labelled(r, "for: ", row.need);
	if (f->result == CHECK_MISSING && row.cure)
		emit_labelled(r, "cure: ", row.cure);
}

static void tools_emit(struct run *r, const struct tool *tool, const struct found *found, size_t n)
{
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t)) {
		struct verdict_row row = { t->name, tool_state(t, found, n) };

		if (!t->is_command && (tool->is_session || t == tool))
			emit_row(r, &sections[S_TOOLS], &row);
	}
}

static int process_check(struct run *r, const struct tool *tool, int *status)
{
	struct found found[CHECKS_MAX];
	size_t n;

	if (r->pid && kill(r->pid, 0) && errno == ESRCH)
		return fail(-ESRCH, "no process with id %d", r->pid);
	n = probe_all(tool, r->pid, found);
	emit_begin(r);
	if (r->pid)
		emit_text(r, "pid %d", r->pid);
	for (int result = CHECK_MISSING; result >= CHECK_OK; result--)
		for (size_t i = 0; i < n; i++)
			if ((int)found[i].result == result)
				found_emit(r, &found[i]);
	tools_emit(r, tool, found, n);
	if (!*status && !strcmp(tool_state(tool, found, n), "cannot work"))
		*status = EXIT_REFUSED;
	return emit_end(r);
}

int check_run(struct run *r)
{
	/* it has the tool's name, and sections of its own */
	const struct tool *tool = r->tool;
	const struct tool check = { .name = tool->name,
				    .json_name = "check",
				    .sections = sections,
				    .no_target = !r->nr_pids };
	size_t n = r->nr_pids ? r->nr_pids : 1;
	int status = EXIT_DONE, err;

	r->tool = &check;
	err = emit_open(r);
	for (size_t i = 0; i < n && !err; i++) {
		r->pid = r->nr_pids ? r->pids[i] : 0;
		r->first = !i;
		err = process_check(r, tool, &status);
		r->look++;
	}
	if (!err)
		err = emit_round(r);
	if (!err)
		err = emit_close(r);
	if (err && err != -EPIPE)
		status = report_error(r, err);
	emit_close(r);
	r->tool = tool;
	return status;
}
