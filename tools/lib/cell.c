// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A value as a cell of a table; see cell.h. */
#include "cell.h"
#include "human.h"
#include "stack.h"
#include "text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct number {
	uint64_t size; /* without the sign */
	double real;
	bool negative, whole;
};

static struct number number_of(const struct value *v)
{
	struct number n = { .whole = v->kind != V_DOUBLE };

	if (v->kind == V_DOUBLE) {
		double size = v->d < 0 ? -v->d : v->d;

		n.real = v->d;
		n.size = size < 1.8e19 ? size : U64_NULL - 1;
		n.negative = v->d < 0;
	} else if (v->kind == V_S64) {
		n.real = v->s;
		n.size = v->s < 0 ? -(uint64_t)v->s : (uint64_t)v->s;
		n.negative = v->s < 0;
	} else {
		n.real = v->u;
		n.size = v->u;
	}
	return n;
}

static char *sign_put(char *buf, const struct number *n)
{
	if (n->negative)
		*buf++ = '-';
	return buf;
}

static void plain_print(char *buf, const struct number *n, bool utf8)
{
	(void)utf8;
	if (n->whole)
		sprintf(sign_put(buf, n), "%" PRIu64, n->size);
	else
		snprintf(buf, HUMAN_LEN, n->size < 1000000000000000 ? "%.2f" : "%.6g", n->real);
}

static void count_print(char *buf, const struct number *n, bool utf8)
{
	if (n->whole)
		human_count(sign_put(buf, n), n->size);
	else
		plain_print(buf, n, utf8);
}

static void bytes_print(char *buf, const struct number *n, bool utf8)
{
	(void)utf8;
	human_bytes(sign_put(buf, n), n->size);
}

static void sbytes_print(char *buf, const struct number *n, bool utf8)
{
	if (!n->negative && n->size)
		*buf++ = '+';
	bytes_print(buf, n, utf8);
}

static void nsec_print(char *buf, const struct number *n, bool utf8)
{
	(void)utf8;
	human_nsec(sign_put(buf, n), n->size);
}

static void time_print(char *buf, const struct number *n, bool utf8)
{
	(void)utf8;
	human_time(buf, n->size);
}

static void mono_print(char *buf, const struct number *n, bool utf8)
{
	(void)utf8;
	human_mono(buf, n->size);
}

static void addr_print(char *buf, const struct number *n, bool utf8)
{
	(void)utf8;
	human_addr(buf, n->size);
}

static void percent_print(char *buf, const struct number *n, bool utf8)
{
	(void)utf8;
	human_percent(buf, n->real);
}

static void stars_print(char *buf, const struct number *n, bool utf8)
{
	human_stars(buf, n->size, utf8);
}

static void bar_print(char *buf, const struct number *n, bool utf8)
{
	human_bar(buf, n->real, utf8);
}

static const struct {
	void (*print)(char *buf, const struct number *n, bool utf8);
	unsigned int width;
	bool left;
} units[UNITS] = {
	[NONE] = { plain_print, 6, false },      [COUNT] = { count_print, 9, false },
	[BYTES] = { bytes_print, 9, false },     [SBYTES] = { sbytes_print, 10, false },
	[NSEC] = { nsec_print, 8, false },       [TIME] = { time_print, 25, true },
	[MONO] = { mono_print, 15, false },      [ADDR] = { addr_print, 12, false },
	[PERCENT] = { percent_print, 5, false }, [STARS] = { stars_print, 3, true },
	[BAR] = { bar_print, 20, true },
};

bool cell_is_right(const struct col *c)
{
	return !col_is_text(c) && c->type != CT_BOOL && c->type != CT_TRI && !units[c->unit].left;
}

unsigned int cell_usual_width(const struct col *c)
{
	if (!col_is_text(c))
		return units[c->unit].width;
	/* a short array says how long its words are */
	return c->type == CT_CHARS && c->size <= 16 ? c->size - 1U : 16;
}

char *cell_number(char *buf, enum unit unit, uint64_t n)
{
	const struct number number = { .size = n, .real = n, .whole = true };

	if (n == U64_NULL)
		return strcpy(buf, "-");
	units[unit].print(buf, &number, false);
	return buf;
}

/* The innermost function; NULL: not known, or *err is -ENOMEM. */
static char *stack_text(const struct list *frames, bool utf8, int *err)
{
	char buf[HUMAN_LEN], *cell;
	const char *name;

	if (!frames->n)
		return NULL;
	name = frame_name(frames->rows, buf, sizeof(buf));
	cell = text_clean(name, strlen(name), utf8);
	if (!cell)
		*err = -ENOMEM;
	return cell;
}

char *cell_text(const struct col *c, const void *row, bool utf8, int *err)
{
	struct value v = col_value(c, row);
	char buf[HUMAN_LEN] = "", *cell;
	struct number n;

	if (v.kind == V_NULL)
		return NULL;
	if (v.kind == V_LIST)
		return stack_text(&v.list, utf8, err);
	if (v.kind == V_TEXT) {
		cell = text_clean(v.text, v.len, utf8);
	} else if (v.kind == V_BOOL) {
		cell = strdup(v.b ? "yes" : "no");
	} else {
		n = number_of(&v);
		units[c->unit].print(buf, &n, utf8);
		cell = strdup(buf);
	}
	if (!cell)
		*err = -ENOMEM;
	return cell;
}
