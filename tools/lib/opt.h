/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * opt.h - command line options as data.
 *
 * An option names the member of the tool's configuration struct it sets; the C type
 * of the member decides how the argument is read, and a type no option can have does
 * not compile:
 *
 *	struct conf { uint32_t depth; bool kernel; uint64_t min; double share; };
 *
 *	static const struct opt opts[] = {
 *		OPT(0, "depth", struct conf, depth, "N", "frames of a stack to keep"),
 *		OPT('k', "kernel", struct conf, kernel, NULL, "include the kernel's frames"),
 *		OPT_SIZE('z', "min", struct conf, min, "BYTES", "ignore smaller ones"),
 *		OPT_PERCENT(0, "share", struct conf, share, "PCT", "share of time to trace"),
 *		{}
 *	};
 *
 * OPT takes bool (no argument), uint32_t (with ARG NULL: how often it was given),
 * uint64_t, double and const char *. The words of the command line outlive the run,
 * so strings are kept by reference. Long options are matched whole, never by prefix.
 */
#ifndef OPT_H
#define OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
	OPT_KIND_BOOL,
	OPT_KIND_U32,
	OPT_KIND_U64,
	OPT_KIND_DOUBLE,
	OPT_KIND_STRING,
	OPT_KIND_SIZE,    /* uint64_t bytes: 512, 64K, 10M, 2G, 1T; KiB, MiB … are the same */
	OPT_KIND_PERCENT, /* double, 0 to 100, with or without the % */
	OPT_KIND_SECONDS, /* double seconds: 5, 0.5, 500ms, 20us, 2m, 1h; not 0 */
	OPT_KIND_CALL,    /* read by a function */
	OPT_KINDS
};

struct opt {
	char c;                 /* the letter, or 0 */
	const char *name;       /* the long name, without dashes */
	const char *arg, *help; /* arg: NULL when it takes none */
	uint16_t off;
	uint8_t kind;
	int (*call)(void *conf, const char *arg);
};

#define OPT_FIELD(st, field) (((st *)0)->field)

/* clang-format off */
#define OPT_TYPE(st, field)								\
	_Generic(OPT_FIELD(st, field),							\
		 bool: OPT_KIND_BOOL,							\
		 unsigned int: OPT_KIND_U32,						\
		 unsigned long: OPT_KIND_U64,						\
		 unsigned long long: OPT_KIND_U64,					\
		 double: OPT_KIND_DOUBLE,						\
		 const char *: OPT_KIND_STRING)
#define OPT_SIZE_TYPE(st, field)							\
	_Generic(OPT_FIELD(st, field),							\
		 unsigned long: OPT_KIND_SIZE,						\
		 unsigned long long: OPT_KIND_SIZE)
#define OPT_PERCENT_TYPE(st, field) _Generic(OPT_FIELD(st, field), double: OPT_KIND_PERCENT)
#define OPT_SECONDS_TYPE(st, field) _Generic(OPT_FIELD(st, field), double: OPT_KIND_SECONDS)
/* clang-format on */

#define OPT_AS(c_, name_, st, field, kind_, arg_, help_)                                           \
	{                                                                                          \
		.c = (c_), .name = (name_), .arg = (arg_), .help = (help_),                        \
		.off = offsetof(st, field), .kind = (kind_)                                        \
	}

#define OPT(c, name, st, field, arg, help)                                                         \
	OPT_AS(c, name, st, field, OPT_TYPE(st, field), arg, help)
#define OPT_SIZE(c, name, st, field, arg, help)                                                    \
	OPT_AS(c, name, st, field, OPT_SIZE_TYPE(st, field), arg, help)
#define OPT_PERCENT(c, name, st, field, arg, help)                                                 \
	OPT_AS(c, name, st, field, OPT_PERCENT_TYPE(st, field), arg, help)
#define OPT_SECONDS(c, name, st, field, arg, help)                                                 \
	OPT_AS(c, name, st, field, OPT_SECONDS_TYPE(st, field), arg, help)

/* fn(conf, arg) reads it: 0, or fail(-EINVAL, …) with a sentence for the user. */
#define OPT_CALL(c_, name_, fn, arg_, help_)                                                       \
	{                                                                                          \
		.c = (c_), .name = (name_), .arg = (arg_), .help = (help_), .kind = OPT_KIND_CALL, \
		.call = (fn)                                                                       \
	}

/* One table and the struct its members are in. */
struct opt_set {
	const struct opt *opts; /* ends with {}; may be NULL */
	void *conf;
};

/*
 * Read argv[1..] with the tables of sets[0..nr-1]. Words that are no options are handed to
 * operand(arg, word) in their order, wherever they stand. After "--", with rest NULL, all words
 * are; else they are left alone, and *rest, NULL without "--", points at them in argv. Stops at
 * the first that does not fit: returns -EINVAL and leaves a sentence (fail.h). prog names
 * the command in the cure, as in "(see prog --help)".
 */
int opts_parse(const struct opt_set *sets, size_t nr, int argc, char **argv, const char *prog,
	       int (*operand)(void *arg, const char *word), void *arg, char ***rest);

/* A letter or name that two options of the sets share is a programmer's error: -EINVAL. */
int opts_check(const struct opt_set *sets, size_t nr);

/*
 * The readers of single values, for OPT_CALL functions. `what` names the option or operand in
 * the sentence they leave when they return -EINVAL. Decimal only; a sign, white space, an empty
 * word, anything behind the number, and what the type cannot hold are errors.
 */
int opt_read_u64(const char *what, const char *word, uint64_t max, uint64_t *to);
int opt_read_size(const char *what, const char *word, uint64_t *to);
int opt_read_double(const char *what, const char *word, double *to);
int opt_read_percent(const char *what, const char *word, double *to);
int opt_read_seconds(const char *what, const char *word, double *to);

#endif
