// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Command line options as data; see opt.h. */
#include "opt.h"
#include "fail.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_MAX 1e9

/* ---- single values ---- */

/* The digits at *p, which moves behind them. -EINVAL: there are none; -ERANGE: above max. */
static int digits_read(const char **p, uint64_t max, uint64_t *to)
{
	const char *from = *p;
	bool large = false;

	for (*to = 0; isdigit((unsigned char)**p); ++*p) {
		unsigned int digit = **p - '0';

		large |= *to > (max - digit) / 10 || digit > max;
		*to = *to * 10 + digit;
	}
	if (*p == from)
		return -EINVAL;
	return large ? -ERANGE : 0;
}

static int negative_fail(const char *what, const char *word)
{
	return fail(-EINVAL, "%s: %.64s is negative: give 0 or more", what, word);
}

static bool is_negative(const char *word)
{
	return *word == '-' && (isdigit((unsigned char)word[1]) || word[1] == '.');
}

int opt_read_u64(const char *what, const char *word, uint64_t max, uint64_t *to)
{
	const char *p = word;
	int err = digits_read(&p, max, to);

	if (is_negative(word))
		return negative_fail(what, word);
	if (err == -EINVAL || *p)
		return fail(-EINVAL, "%s: '%.64s' is not a number: give digits only", what, word);
	if (err)
		return fail(-EINVAL, "%s: %.64s is too large: at most %" PRIu64, what, word, max);
	return 0;
}

int opt_read_size(const char *what, const char *word, uint64_t *to)
{
	static const char letters[] = "KMGT";
	const char *p = word, *letter;
	int err = digits_read(&p, UINT64_MAX, to);
	unsigned int shift = 0;

	if (is_negative(word))
		return negative_fail(what, word);
	letter = *p ? strchr(letters, toupper((unsigned char)*p)) : NULL;
	if (letter) {
		shift = 10 * (letter - letters + 1);
		p += !strcmp(p + 1, "iB") ? 3 : 1;
	}
	if (err == -EINVAL || *p)
		return fail(-EINVAL, "%s: '%.64s' is not a size: give bytes, or 64K, 10M, 2G", what,
			    word);
	if (err || *to > UINT64_MAX >> shift)
		return fail(-EINVAL, "%s: %.64s is too large: at most 16 EiB", what, word);
	*to <<= shift;
	return 0;
}

/*
 * Digits with a point somewhere. Up to 15 of them make an integer and a power of ten that a
 * double holds exactly, so that one division rounds right, in any locale.
 */
static int decimal_read(const char **p, double *to)
{
	const char *from = *p;
	uint64_t n = 0;
	double scale = 1;
	int digits = 0;
	bool point = false;

	for (; isdigit((unsigned char)**p) || (**p == '.' && !point); ++*p) {
		if (**p == '.') {
			point = true;
			continue;
		}
		digits += n || **p != '0';
		if (digits > 15)
			return -ERANGE;
		n = n * 10 + (**p - '0');
		scale *= point ? 10 : 1;
	}
	*to = n / scale;
	return *p - from > point ? 0 : -EINVAL;
}

static int too_long_fail(const char *what, const char *word)
{
	return fail(-EINVAL, "%s: %.64s has more than 15 digits", what, word);
}

int opt_read_double(const char *what, const char *word, double *to)
{
	const char *p = word;
	int err = decimal_read(&p, to);

	if (is_negative(word))
		return negative_fail(what, word);
	if (err == -ERANGE)
		return too_long_fail(what, word);
	if (err || *p)
		return fail(-EINVAL, "%s: '%.64s' is not a number: give one like 2 or 0.5", what,
			    word);
	return 0;
}

int opt_read_percent(const char *what, const char *word, double *to)
{
	const char *p = word;
	int err = decimal_read(&p, to);

	if (is_negative(word))
		return negative_fail(what, word);
	if (err == -ERANGE)
		return too_long_fail(what, word);
	p += !err && *p == '%';
	if (err || *p)
		return fail(-EINVAL, "%s: '%.64s' is not a percentage: give one like 5 or 0.5%%",
			    what, word);
	if (*to > 100)
		return fail(-EINVAL, "%s: %.64s is more than 100 %%", what, word);
	return 0;
}

int opt_read_seconds(const char *what, const char *word, double *to)
{
	static const struct {
		const char *suffix;
		double seconds, per;
	} units[] = { { "", 1, 1 },     { "s", 1, 1 },  { "ms", 1, 1e3 },
		      { "us", 1, 1e6 }, { "m", 60, 1 }, { "h", 3600, 1 } };
	const char *p = word;
	int err = decimal_read(&p, to);
	size_t i = 0;

	if (is_negative(word))
		return fail(-EINVAL, "%s: %.64s is negative: give more than 0", what, word);
	if (err == -ERANGE)
		return too_long_fail(what, word);
	while (!err && i < sizeof(units) / sizeof(units[0]) && strcmp(p, units[i].suffix))
		i++;
	if (err || i == sizeof(units) / sizeof(units[0]))
		return fail(-EINVAL, "%s: '%.64s' is not a time: give seconds, or 500ms, 2m, 1h",
			    what, word);
	*to = *to * units[i].seconds / units[i].per;
	if (!(*to > 0))
		return fail(-EINVAL, "%s: %.64s is no time at all: give more than 0", what, word);
	if (*to > SECONDS_MAX)
		return fail(-EINVAL, "%s: %.64s is too large: at most 1000000000 seconds", what,
			    word);
	return 0;
}

/* ---- setting a member ---- */

static int set_bool(const struct opt *o, void *to, const char *what, const char *word)
{
	(void)o, (void)what, (void)word;
	*(bool *)to = true;
	return 0;
}

static int set_u32(const struct opt *o, void *to, const char *what, const char *word)
{
	uint64_t v;
	int err;

	if (!o->arg) {
		++*(uint32_t *)to;
		return 0;
	}
	err = opt_read_u64(what, word, UINT32_MAX, &v);
	if (!err)
		*(uint32_t *)to = v;
	return err;
}

static int set_u64(const struct opt *o, void *to, const char *what, const char *word)
{
	(void)o;
	return opt_read_u64(what, word, UINT64_MAX, to);
}

static int set_double(const struct opt *o, void *to, const char *what, const char *word)
{
	(void)o;
	return opt_read_double(what, word, to);
}

static int set_string(const struct opt *o, void *to, const char *what, const char *word)
{
	(void)o, (void)what;
	*(const char **)to = word;
	return 0;
}

static int set_size(const struct opt *o, void *to, const char *what, const char *word)
{
	(void)o;
	return opt_read_size(what, word, to);
}

static int set_percent(const struct opt *o, void *to, const char *what, const char *word)
{
	(void)o;
	return opt_read_percent(what, word, to);
}

static int set_seconds(const struct opt *o, void *to, const char *what, const char *word)
{
	(void)o;
	return opt_read_seconds(what, word, to);
}

static int set_call(const struct opt *o, void *conf, const char *what, const char *word)
{
	(void)what;
	return o->call(conf, word);
}

static int opt_set(const struct opt *o, void *conf, const char *what, const char *word)
{
	static int (*const set[OPT_KINDS])(const struct opt *, void *, const char *,
					   const char *) = {
		[OPT_KIND_BOOL] = set_bool,       [OPT_KIND_U32] = set_u32,
		[OPT_KIND_U64] = set_u64,         [OPT_KIND_DOUBLE] = set_double,
		[OPT_KIND_STRING] = set_string,   [OPT_KIND_SIZE] = set_size,
		[OPT_KIND_PERCENT] = set_percent, [OPT_KIND_SECONDS] = set_seconds,
		[OPT_KIND_CALL] = set_call,
	};

	return set[o->kind](o, (char *)conf + o->off, what, word);
}

/* ---- the command line ---- */

struct words {
	const struct opt_set *sets;
	size_t nr;
	char **next, **end;
	const char *prog;
	int (*operand)(void *arg, const char *word);
	void *arg;
};

static bool opt_ends(const struct opt *o)
{
	return !o->c && !o->name;
}

static const struct opt *letter_find(const struct words *w, char c, void **conf)
{
	for (size_t i = 0; i < w->nr; i++)
		for (const struct opt *o = w->sets[i].opts; o && !opt_ends(o); o++)
			if (o->c && o->c == c) {
				*conf = w->sets[i].conf;
				return o;
			}
	return NULL;
}

static const struct opt *name_find(const struct words *w, const char *s, size_t len, void **conf)
{
	for (size_t i = 0; i < w->nr; i++)
		for (const struct opt *o = w->sets[i].opts; o && !opt_ends(o); o++)
			if (o->name && strlen(o->name) == len && !memcmp(o->name, s, len)) {
				*conf = w->sets[i].conf;
				return o;
			}
	return NULL;
}

/* The argument of an option: what is left of its word, or else the next word. */
static int argument_take(struct words *w, const struct opt *o, const char *what, const char *rest,
			 const char **to)
{
	if (!rest && w->next == w->end)
		return fail(-EINVAL, "%s needs %s (see %s --help)", what, o->arg, w->prog);
	*to = rest ? rest : *w->next++;
	return 0;
}

static int long_parse(struct words *w, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const char *rest = word[2 + len] ? word + 2 + len + 1 : NULL, *arg = NULL;
	char what[64];
	void *conf;
	const struct opt *o = name_find(w, word + 2, len, &conf);
	int err;

	snprintf(what, sizeof(what), "%.*s", (int)(len + 2 < 60 ? len + 2 : 60), word);
	if (!o)
		return fail(-EINVAL, "unknown option %s (see %s --help)", what, w->prog);
	if (!o->arg && rest)
		return fail(-EINVAL, "%s takes no argument (see %s --help)", what, w->prog);
	err = o->arg ? argument_take(w, o, what, rest, &arg) : 0;
	return err ? err : opt_set(o, conf, what, arg);
}

/* -vT, -r5, -r 5, -vr5 */
static int letters_parse(struct words *w, const char *word)
{
	for (const char *p = word + 1; *p; p++) {
		char what[] = { '-', *p, '\0' };
		const char *arg = NULL;
		void *conf;
		const struct opt *o = letter_find(w, *p, &conf);
		int err;

		if (!o)
			return fail(-EINVAL, "unknown option %s%s%.60s%s (see %s --help)", what,
				    word[2] ? " in " : "", word[2] ? word : "", "", w->prog);
		err = o->arg ? argument_take(w, o, what, p[1] ? p + 1 : NULL, &arg) : 0;
		if (!err)
			err = opt_set(o, conf, what, arg);
		if (err || o->arg)
			return err;
	}
	return 0;
}

int opts_parse(const struct opt_set *sets, size_t nr, int argc, char **argv, const char *prog,
	       int (*operand)(void *arg, const char *word), void *arg, char ***rest)
{
	struct words w = { sets, nr, argv + 1, argv + argc, prog, operand, arg };
	bool only_operands = false;
	int err = 0;

	if (rest)
		*rest = NULL;
	while (w.next < w.end && !err) {
		const char *word = *w.next++;

		if (only_operands || *word != '-' || !word[1] || is_negative(word))
			err = operand(arg, word);
		else if (word[1] != '-')
			err = letters_parse(&w, word);
		else if (word[2])
			err = long_parse(&w, word);
		else if (!rest)
			only_operands = true;
		else {
			*rest = w.next;
			break;
		}
	}
	return err;
}

int opts_check(const struct opt_set *sets, size_t nr)
{
	struct words w = { .sets = sets, .nr = nr };
	void *conf;

	for (size_t i = 0; i < nr; i++)
		for (const struct opt *o = sets[i].opts; o && !opt_ends(o); o++) {
			if (o->c && letter_find(&w, o->c, &conf) != o)
				return fail(-EINVAL, "option -%c is declared twice", o->c);
			if (o->name && name_find(&w, o->name, strlen(o->name), &conf) != o)
				return fail(-EINVAL, "option --%s is declared twice", o->name);
		}
	return 0;
}
