// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The frontend: which tool, what was asked of it, run it, exit status. */
#include "frontend.h"
#include "check.h"
#include "replay.h"
#include "schema.h"
#include "version.h"
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/*
 * By the name the program was called by, by the first word, or else the session. *skip is
 * the number of words that named it.
 */
static const struct tool *tool_choose(int argc, char **argv, int *skip)
{
	const char *path = argc > 0 ? argv[0] : "", *slash = strrchr(path, '/');
	const struct tool *t = tool_find(slash ? slash + 1 : path);

	*skip = 0;
	if (t && !t->is_session && !t->is_command)
		return t;
	t = argc > 1 ? tool_find(argv[1]) : NULL;
	if (t) {
		*skip = 1;
		return t;
	}
	return tool_session();
}

static int answer(const struct run *r)
{
	int err = 0;

	if (r->want_help)
		help_print(r->tool, stdout);
	else if (r->want_version)
		printf("%s %s\n", r->tool->name, VERSION);
	else if (r->want_schema)
		schema_print(r->tool, stdout);
	else if (r->want_man)
		man_print(r->tool, stdout);
	else
		err = complete_print(r->complete, stdout);
	if (err) {
		report_usage(r->tool->name);
		return EXIT_USAGE;
	}
	if (fflush(stdout) && errno != EPIPE)
		return report_error(r, fail(-EIO, "cannot write stdout: %s", strerror(errno)));
	return EXIT_DONE;
}

static int replay(struct run *r)
{
	int err = replay_run(r);

	r->pid = 0;
	if (!err && !replay_is_whole(r))
		run_note(r, "%s has no end: the recording was cut off", r->replay);
	return err && err != -EPIPE ? report_error(r, err) : EXIT_DONE;
}

static int run_checked(struct run *r)
{
	int err = r->tool->check ? r->tool->check(r) : 0, status;

	if (err) {
		report_usage(r->tool->name);
		return EXIT_USAGE;
	}
	err = emit_open(r);
	if (err == -EINVAL) {
		report_usage(r->tool->name);
		return EXIT_USAGE;
	}
	if (err) {
		report_error(r, err);
		return EXIT_FAILED;
	}
	status = r->replay ? replay(r) : loop_run(r);
	r->pid = 0;
	err = emit_error(r);
	if (!err && emit_close(r)) {
		report_error(r, -EIO);
		status = EXIT_FAILED;
	}
	return status;
}

static bool answers(const struct run *r)
{
	return r->want_help || r->want_version || r->want_schema || r->want_man || r->complete;
}

int frontend_main(int argc, char **argv)
{
	struct run r = { .fd = -1 };
	int skip, status, err;

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
	err = args_parse(&r, argc < 1 ? 1 : argc - skip, argv + skip);
	if (err == -EINVAL) {
		report_usage(r.tool->name);
		status = EXIT_USAGE;
	} else if (err) {
		status = report_error(&r, err);
	} else if (answers(&r)) {
		status = answer(&r);
	} else {
		status = r.want_check ? check_run(&r) : run_checked(&r);
	}
	emit_close(&r);
	args_free(&r);
	return status;
}
