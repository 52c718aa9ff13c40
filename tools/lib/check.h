/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * check.h - what a tool needs of its host, for --check.
 *
 * A need is a struct that ends in CHECK(), which registers it, wherever it is. Its probe does
 * the thing and sees whether that worked: versions of the kernel and names of capabilities
 * prove nothing. It must leave the target as it was.
 *
 *	CHECK(kpageflags, .title = "kpageflags", .probe = kpageflags_probe,
 *	      .need = "lazily freed memory, page by page",
 *	      .cure = "run as root or with CAP_SYS_ADMIN");
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct run;

enum check_result { CHECK_OK, CHECK_MISSING, CHECK_MOOT /* does not apply: not shown */ };

struct check {
	const char *name;  /* CHECK() sets it; the order in which they are shown */
	const char *title; /* what is probed */
	const char *need;  /* what it is good for */
	const char *cure;  /* how to get it; NULL: there is none */
	const char
		*tools; /* blank-separated names of those that need it; NULL: all with a target */
	bool required;  /* without it the tool does not work; else it works with less */
	/* pid 0: any process. May leave in seen what was found, "ptrace_scope is 1". */
	enum check_result (*probe)(pid_t pid, char *seen, size_t size);
};

#define CHECK(id, ...)                                                                             \
	static const struct check id##_check = { .name = #id, __VA_ARGS__ };                       \
	static const struct check *const id##_check_entry                                          \
		__attribute__((used, section("gomt_checks"))) = &id##_check

/* The needs in order of name: check_after(NULL) is the first, NULL ends. */
const struct check *check_after(const struct check *prev);

/* Answer --check for the tool of r, and each of its processes. The exit status. */
int check_run(struct run *r);

#endif
