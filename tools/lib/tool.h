/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * tool.h - what a tool is.
 *
 * A tool is one file. It states its options (opt.h), its columns (col.h) and sections
 * (emit.h) and a few callbacks, and ends in TOOL(), which also registers it: there is no
 * list of tools anywhere. Everything else - dispatch, parsing, the loop, signals, tables,
 * JSON, the schema, help, exit status - is in tools/lib, once.
 *
 * A file in tools/cmd is the same for a command that has no name of its own: `gomemtrace explain`,
 * .is_command.
 *
 * Callbacks return 0 or -errno and may leave a sentence (fail.h), which is printed as
 * "gogc: sentence". The number decides the exit status:
 *
 *	0	done; also after Ctrl-C or SIGTERM, or when the reader of a pipe left
 *	1	failed
 *	2	usage
 *	3	-EPERM -EACCES -EOPNOTSUPP -ENOSYS: not permitted, or not in this kernel
 *	4	-ESRCH -ENOEXEC: no such process, not Go, or gone before the first result
 *
 * -ESRCH from look() or event() after the first result is the normal end of a target: the
 * run sets r->ended and ends with 0. Of several processes each is handled; the exit status is
 * the first that is not 0.
 */
#ifndef TOOL_H
#define TOOL_H

#include "col.h"
#include "emit.h"
#include "fail.h"
#include "opt.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

/* "v" of every JSON line; raised when a member changes its meaning or goes. */
#define JSON_VERSION 1

struct emit;

/* The words of --comm and --cgroup, which are turned into pids before the run. */
#define SELECTORS_MAX 16

struct selector {
	enum { BY_COMM, BY_CGROUP } by;
	const char *word;
};

/* One invocation, handed to every callback. Tools read it; they write priv, fd and ended. */
struct run {
	const struct tool *tool;

	/* what was asked for */
	pid_t *pids;
	size_t nr_pids;
	double interval; /* seconds; 0: one look */
	double duration; /* seconds; 0: no limit */
	uint64_t count;  /* looks; 0: no limit */
	uint32_t verbose, max_rows;
	bool quiet, timestamps, no_clear;
	bool want_help, want_version, want_schema, want_check, want_man;
	const char *complete; /* the shell to print a completion for, or NULL */
	const char *sort;     /* key or head of a column, or NULL */
	unsigned int nr_operands;
	struct selector selectors[SELECTORS_MAX];
	size_t nr_selectors;
	char **cmd;         /* the words after "--", or NULL */
	const char *record; /* the file to record to, or NULL */
	const char *replay; /* the file to replay instead of a live process, or NULL */
	const char *base;   /* an earlier file of the same format, to subtract, or NULL */

	/* now: these belong to the process at hand, and are set before each callback */
	pid_t pid;      /* 0 for a tool without target, and until open() sets it for a file */
	void *priv;     /* the tool's own, per process */
	int fd;         /* -1, or set by open(): when it can be read, event() is called */
	uint64_t look;  /* results of this process so far */
	bool first;     /* the first process of this round of looks */
	bool starting;  /* the command was started just now: see open() */
	bool ended;     /* the target is gone; a tool that knows may set it */
	uint64_t ts_ns; /* Unix time of the look */

	struct emit *emit;       /* emit.c's */
	struct replay *replayed; /* replay.c's */
};

struct tool {
	const char *name;      /* the command; TOOL() sets it */
	const char *json_name; /* "tool" in JSON; NULL: name */
	const char *brief;     /* one sentence */
	const char *examples;  /* "  gogc -p 42    # comment\n" lines */
	const struct opt *opts;
	void *conf; /* the struct opts are in */
	const struct section *sections;
	double interval; /* when none is asked for; 0: one look */
	bool is_session; /* what runs when no tool is named */
	/* an option of the tool: a file to look at instead of a process; NULL in it: not given */
	const char *const *file;
	bool no_target;  /* runs once for all, without -p; r->pids may still hold a filter */
	bool stream;     /* see emit.h */
	bool is_command; /* `gomemtrace NAME` only: no command of its own */

	/* For a tool that has other operands than interval and count. */
	const char *operands;                            /* as in the usage line: "[FIELD]" */
	int (*operand)(struct run *r, const char *word); /* in order; 0, or fail(-EINVAL, …) */
	const char *(*operand_word)(size_t i);           /* for completion; NULL: no more */

	/* All may be NULL but look; called for each process, in this order. */
	int (*check)(struct run *r); /* once: do the options fit together? failure is exit 2 */
	/*
	 * -EAGAIN or -ENOEXEC while r->starting: it is called again soon, as long as the command
	 * may still be on its way to the program that is meant.
	 */
	int (*open)(struct run *r);
	int (*look)(struct run *r);   /* at once, then at every interval: emit */
	int (*event)(struct run *r);  /* r->fd can be read */
	int (*finish)(struct run *r); /* once, after the last look, Ctrl-C or end: summary */
	void (*close)(struct run *r); /* if open() succeeded */
};

#define TOOL(id, ...)                                                                              \
	static const struct tool id##_tool = { .name = #id, __VA_ARGS__ };                         \
	static const struct tool *const id##_entry __attribute__((used, section("gomt_tools"))) =  \
		&id##_tool

/* The tools in order of name: tool_after(NULL) is the first, NULL ends. */
const struct tool *tool_after(const struct tool *prev);
const struct tool *tool_find(const char *name);
const struct tool *tool_session(void); /* what runs when none is named */
const char *tool_json_name(const struct tool *t);

/* One line on stderr, "gogc: …": unless -q; only with -v. Never for results. */
__attribute__((format(printf, 2, 3))) void run_note(const struct run *r, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void run_debug(const struct run *r, const char *fmt, ...);

/* Ctrl-C or SIGTERM came: a long look may leave early with what it has, or with -EINTR. */
bool run_stopping(void);

#endif
