// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What goes to stderr, and the exit status that goes with it. */
#include "frontend.h"
#include "text.h"
#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* See tool.h; what is not here is EXIT_FAILED. */
static const struct {
	int err;
	enum exit_status status;
} statuses[] = {
	{ 0, EXIT_DONE },         { EPERM, EXIT_REFUSED },
	{ EACCES, EXIT_REFUSED }, { EOPNOTSUPP, EXIT_REFUSED },
	{ ENOSYS, EXIT_REFUSED }, { ESRCH, EXIT_TARGET },
	{ ENOEXEC, EXIT_TARGET },
};

enum exit_status report_status(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].err == -err)
			return statuses[i].status;
	return EXIT_FAILED;
}

/* One line; what it quotes from the target cannot reach the terminal as it is. */
static void line_print(const char *prog, const char *text)
{
	char *clean = text_clean(text, strlen(text), !strcmp(nl_langinfo(CODESET), "UTF-8"));

	fprintf(stderr, "%s: %s\n", prog, clean ? clean : "out of memory");
	free(clean);
}

void report_usage(const char *prog)
{
	line_print(prog, *fail_text() ? fail_text() : "wrong usage (see --help)");
}

int report_error(const struct run *r, int err)
{
	const char *why = *fail_text() ? fail_text() : strerror(-err);
	char pid[24] = "", text[640];

	if (r->pid)
		snprintf(pid, sizeof(pid), "pid %d", r->pid);
	if (r->pid && !*fail_text())
		snprintf(text, sizeof(text), "cannot look at %s: %s", pid, why);
	else if (r->pid && r->nr_pids > 1 && !strstr(why, pid))
		snprintf(text, sizeof(text), "%s: %s", pid, why);
	else
		snprintf(text, sizeof(text), "%s", why);
	line_print(r->tool->name, text);
	return report_status(err);
}

__attribute__((format(printf, 2, 0))) static void note_print(const struct run *r, const char *fmt,
							     va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	line_print(r->tool->name, text);
	free(text);
}

void run_note(const struct run *r, const char *fmt, ...)
{
	va_list ap;

	if (r->quiet)
		return;
	va_start(ap, fmt);
	note_print(r, fmt, ap);
	va_end(ap);
}

void run_debug(const struct run *r, const char *fmt, ...)
{
	va_list ap;

	if (!r->verbose)
		return;
	va_start(ap, fmt);
	note_print(r, fmt, ap);
	va_end(ap);
}
