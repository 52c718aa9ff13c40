// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The frontend: which tool, what was asked of it, run it, exit status. */
#include "frontend.h"
#include "schema.h"
#include "version.h"
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct tool *session_find(void)
{
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		if (t->is_session)
			return t;
	return NULL;
}

/*
 * By the name the program was called by, by the first word, or else the session. *skip is
 * the number of words that named it.
 */
static const struct tool *tool_choose(int argc, char **argv, int *skip)
{
	const char *path = argc > 0 ? argv[0] : "", *slash = strrchr(path, '/');
	const struct tool *t = tool_find(slash ? slash + 1 : path);

	*skip = 0;
	if (t && !t->is_session)
		return t;
	t = argc > 1 ? tool_find(argv[1]) : NULL;
	if (t) {
		*skip = 1;
		return t;
	}
	return session_find();
}

static int answer(const struct run *r)
{
	if (r->want_help)
		help_print(r->tool, stdout);
	else if (r->want_version)
		printf("%s %s\n", r->tool->name, VERSION);
	else
		schema_print(r->tool, stdout);
	if (fflush(stdout) && errno != EPIPE)
		return report_error(r, fail(-EIO, "cannot write stdout: %s", strerror(errno)));
	return EXIT_DONE;
}

static int run_checked(struct run *r)
{
	int err = r->tool->check ? r->tool->check(r) : 0, status;

	if (err) {
		report_usage(r->tool->name);
		return EXIT_USAGE;
	}
	err = emit_open(r);
	if (err) {
		report_error(r, err);
		return EXIT_FAILED;
	}
	status = loop_run(r);
	r->pid = 0;
	err = emit_error(r);
	if (!err && emit_close(r)) {
		report_error(r, -EIO);
		status = EXIT_FAILED;
	}
	return status;
}

int frontend_main(int argc, char **argv)
{
	struct run r = { .fd = -1 };
	int skip, status;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	r.tool = tool_choose(argc, argv, &skip);
	if (!r.tool) {
		fprintf(stderr, "no tool is linked in\n");
		return EXIT_FAILED;
	}
	if (argc < 1)
		argv = (char *[]){ (char *)r.tool->name, NULL };
	fail_clear();
	if (args_parse(&r, argc < 1 ? 1 : argc - skip, argv + skip)) {
		report_usage(r.tool->name);
		status = EXIT_USAGE;
	} else if (r.want_help || r.want_version || r.want_schema) {
		status = answer(&r);
	} else {
		status = run_checked(&r);
	}
	emit_close(&r);
	args_free(&r);
	return status;
}
