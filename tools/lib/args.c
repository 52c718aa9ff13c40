// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The options and operands that all tools share. */
#include "array.h"
#include "frontend.h"
#include "replay.h"
#include "select.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIDS 4096

static int pid_add(struct run *r, pid_t pid)
{
	for (size_t i = 0; i < r->nr_pids; i++)
		if (r->pids[i] == pid)
			return 0;
	if (r->nr_pids == MAX_PIDS)
		return fail(-EINVAL, "-p: more than %d processes", MAX_PIDS);
	if (array_more(r->pids, r->nr_pids))
		return fail(-EINVAL, "-p: out of memory");
	r->pids[r->nr_pids++] = pid;
	return 0;
}

/* PID[,PID…]; one that is named twice counts once. */
static int pids_read(void *conf, const char *list)
{
	for (const char *p = list;; p++) {
		uint64_t pid = 0;
		size_t len = strcspn(p, ",");
		char word[32];
		int err;

		snprintf(word, sizeof(word), "%.*s", (int)(len < 31 ? len : 31), p);
		if (!len || strspn(p, "0123456789") < len)
			return fail(-EINVAL,
				    "-p: '%.64s' is not a list of process ids: give PID[,PID...], "
				    "as from pgrep -d, NAME",
				    list);
		err = opt_read_u64("-p", word, INT_MAX, &pid);
		if (!err && !pid)
			err = fail(-EINVAL, "-p: 0 is not a process id: give PID[,PID...]");
		if (!err)
			err = pid_add(conf, pid);
		p += len;
		if (err || !*p)
			return err;
	}
}

static int selector_add(struct run *r, const char *option, const struct selector *s)
{
	if (!*s->word)
		return fail(-EINVAL, "%s: '' is no name", option);
	if (r->nr_selectors == SELECTORS_MAX)
		return fail(-EINVAL, "more than %d of --comm and --cgroup", SELECTORS_MAX);
	r->selectors[r->nr_selectors++] = *s;
	return 0;
}

static int comm_add(void *conf, const char *arg)
{
	return selector_add(conf, "--comm", &(struct selector){ BY_COMM, arg });
}

static int cgroup_add(void *conf, const char *arg)
{
	return selector_add(conf, "--cgroup", &(struct selector){ BY_CGROUP, arg });
}

static int selected(void *arg, pid_t pid)
{
	return pid_add(arg, pid);
}

/* Turn the selectors into processes. */
static int selectors_read(struct run *r)
{
	static int (*const by[])(const char *, select_fn, void *) = {
		[BY_COMM] = select_comm,
		[BY_CGROUP] = select_cgroup,
	};
	int err = 0;

	for (size_t i = 0; i < r->nr_selectors && !err; i++)
		err = by[r->selectors[i].by](r->selectors[i].word, selected, r);
	return err;
}

static int json_set(void *conf, const char *arg)
{
	(void)arg;
	return emit_add(conf, "json");
}

static int folded_set(void *conf, const char *arg)
{
	(void)arg;
	return emit_add(conf, "folded");
}

static int output_add(void *conf, const char *arg)
{
	return emit_add(conf, arg);
}

const struct opt args_common[] = {
	OPT_CALL('p', "pid", pids_read, "PID[,PID]", "the processes to look at"),
	OPT_CALL(0, "comm", comm_add, "NAME", "all processes of that name"),
	OPT_CALL(0, "cgroup", cgroup_add, "PATH", "all processes in that control group"),
	OPT_SECONDS('d', "duration", struct run, duration, "SEC", "stop after that many seconds"),
	OPT('T', "timestamp", struct run, timestamps, NULL, "print the time of each look"),
	OPT('s', "sort", struct run, sort, "COL", "sort by this column, largest first"),
	OPT('r', "rows", struct run, max_rows, "ROWS", "print so many rows at most"),
	OPT_CALL('j', "json", json_set, NULL, "the same as -o json"),
	OPT_CALL('f', "folded", folded_set, NULL, "the same as -o folded"),
	OPT_CALL('o', "output", output_add, "FMT[:FILE]", "output format; may be repeated"),
	OPT(0, "base", struct run, base, "FILE", "subtract an earlier file of -o pprof or folded"),
	OPT(0, "record", struct run, record, "FILE", "keep all results in FILE, too"),
	OPT(0, "replay", struct run, replay, "FILE", "show what was recorded, not a process"),
	OPT('C', "no-clear", struct run, no_clear, NULL, "do not clear the screen between looks"),
	OPT('v', "verbose", struct run, verbose, NULL, "say more; do not cut lines"),
	OPT('q', "quiet", struct run, quiet, NULL, "no headings, no notes"),
	OPT(0, "check", struct run, want_check, NULL, "what this host allows, with the cure"),
	OPT(0, "schema", struct run, want_schema, NULL, "print the JSON Schema of -o json"),
	OPT(0, "complete", struct run, complete, "SHELL", "print a completion for that shell"),
	OPT('V', "version", struct run, want_version, NULL, "print the version"),
	OPT('h', "help", struct run, want_help, NULL, "print this"),
	{}
};

/* What the build asks for. */
static const struct opt hidden[] = { OPT(0, "man", struct run, want_man, NULL, ""), {} };

static int interval_read(struct run *r, const char *word)
{
	bool digits = strspn(word, "0123456789.") > 0 || *word == '-';

	if (tool_find(word))
		return fail(-EINVAL, "name the tool first: gomemtrace %s [options]", word);
	if (!digits && r->tool->is_session)
		return fail(-EINVAL, "'%.64s' is neither a tool nor an interval (see %s --help)",
			    word, r->tool->name);
	return opt_read_seconds("interval", word, &r->interval);
}

static int count_read(struct run *r, const char *word)
{
	int err = opt_read_u64("count", word, UINT64_MAX, &r->count);

	if (!err && !r->count)
		err = fail(-EINVAL, "count: 0 looks show nothing: give 1 or more");
	return err;
}

static int operand_read(void *arg, const char *word)
{
	static int (*const read[])(struct run *, const char *) = { interval_read, count_read };
	struct run *r = arg;

	if (r->tool->operand)
		return r->tool->operand(r, word);
	if (r->nr_operands == ARRAY_SIZE(read))
		return fail(-EINVAL,
			    "'%.64s' is one word too many: after options there are only "
			    "interval and count (see %s --help)",
			    word, r->tool->name);
	return read[r->nr_operands++](r, word);
}

/* Leave the columns to sort by in words; false: there are none. */
static bool columns_list(const struct tool *t, char *list, size_t size)
{
	*list = '\0';
	for (const struct section *s = t->sections; s && s->cols; s++) {
		if (s->shape != SEC_ROWS || !(s->flags & SEC_SORTABLE))
			continue;
		for (const struct col *c = s->cols; c->key; c++) {
			size_t end = strlen(list);

			if (col_find(c, c->key) == c && c->unit != BAR)
				snprintf(list + end, size - end, "%s%s", end ? ", " : "", c->key);
		}
	}
	return *list;
}

static bool column_exists(const struct tool *t, const char *name)
{
	for (const struct section *s = t->sections; s && s->cols; s++)
		if (s->shape == SEC_ROWS && s->flags & SEC_SORTABLE && *name &&
		    col_find(s->cols, name))
			return true;
	return false;
}

static int sort_check(const struct run *r)
{
	char list[256];
	bool any = columns_list(r->tool, list, sizeof(list));

	if (!any && (r->sort || r->max_rows))
		return fail(-EINVAL, "-s and -r: %s has no rows to sort or to leave out",
			    r->tool->name);
	if (r->sort && !column_exists(r->tool, r->sort))
		return fail(-EINVAL, "-s: no column '%.64s': the columns are %s", r->sort, list);
	return 0;
}

/* Nothing is looked at, so nobody need say at what. */
static bool answers_only(const struct run *r)
{
	return r->want_help || r->want_version || r->want_schema || r->want_man || r->complete;
}

static int command_check(const struct run *r)
{
	if (!r->cmd)
		return 0;
	if (r->tool->no_target)
		return fail(-EINVAL, "%s starts no command: leave out what is behind --",
			    r->tool->name);
	if (r->want_check)
		return fail(-EINVAL, "--check starts no command: leave out what is behind --");
	if (!*r->cmd)
		return fail(-EINVAL, "no command behind --: give -- CMD [ARG...]");
	if (r->nr_pids || r->nr_selectors)
		return fail(-EINVAL, "a command to start, and processes that run already: give -- "
				     "CMD or one of -p, --comm, --cgroup");
	return 0;
}

static int replay_check(const struct run *r)
{
	const char *other = r->nr_pids        ? "-p"
			    : r->nr_selectors ? "--comm and --cgroup"
			    : r->cmd          ? "-- CMD"
			    : r->record       ? "--record"
			    : r->nr_operands  ? r->tool->operand ? "an operand" : "an interval"
			    : r->duration     ? "-d"
			    : r->want_check   ? "--check"
					      : NULL;

	if (!other)
		return 0;
	return fail(-EINVAL, "--replay shows a recording: %s has no meaning with it", other);
}

/* A file is looked at once, and alone. */
static int file_check(const struct run *r)
{
	bool interval = r->nr_operands && !r->tool->operand;
	const char *other = r->nr_pids || r->nr_selectors ? "-p"
			    : r->cmd                      ? "-- CMD"
			    : interval                    ? "an interval"
			    : r->duration                 ? "-d"
							  : NULL;

	return other ? fail(-EINVAL, "a file to look at, and %s: give one of them", other) : 0;
}

/* Whose memory? */
static int target_check(const struct run *r)
{
	if (r->tool->file && *r->tool->file)
		return file_check(r);
	if (r->nr_pids || r->nr_selectors || r->cmd || r->tool->no_target || r->want_check)
		return 0;
	return fail(-EINVAL, "no process named: give -p PID (see %s --help)", r->tool->name);
}

/* Do the words fit together? */
static int args_check(struct run *r)
{
	int err = command_check(r);

	if (!err && r->replay)
		return replay_check(r);
	if (!err)
		err = sort_check(r);
	return err ? err : target_check(r);
}

int args_parse(struct run *r, int argc, char **argv)
{
	const struct tool *t = r->tool;
	const struct opt_set sets[] = { { args_common, r }, { t->opts, t->conf }, { hidden, r } };
	int err = opts_check(sets, ARRAY_SIZE(sets));

	if (!err)
		err = opts_parse(sets, ARRAY_SIZE(sets), argc, argv, t->name, operand_read, r,
				 &r->cmd);
	if (answers_only(r))
		return 0;
	if (!err)
		err = args_check(r);
	if (!err && r->replay) {
		err = replay_open(r);
		return err ? err : sort_check(r);
	}
	if (!err)
		err = selectors_read(r);
	if (!err && !r->nr_operands)
		r->interval = !t->interval && (r->duration || r->cmd) ? 1 : t->interval;
	return err;
}

void args_free(struct run *r)
{
	replay_close(r);
	free(r->pids);
	r->pids = NULL;
	r->nr_pids = 0;
}
