// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Folded stacks, the input of flame graphs: "outer;middle;inner VALUE", a line a stack, which
 * are the stacks of the section that has a weight (emit.h).
 *
 * Printed once, at the end: of a stream all that came, of a tool that looks its last look at
 * each process. Equal stacks are one line; their sum is exact, or an error. With several
 * processes the outermost name is "pid_42". A row without a stack is "[unknown]", one whose
 * weight is null or 0 is left out. In names ';' becomes ':', and a blank '_'.
 *
 * With --base a line has two numbers, "outer;inner OLD NEW", as difffolded.pl writes and
 * flamegraph.pl draws them: that of the earlier file, and now. A stack of one only has a 0.
 */
#include "sink.h"
#include "stack.h"
#include "tally.h"
#include "text.h"
#include "tool.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN 256

struct folded {
	const struct section *section;
	struct tally stacks; /* "pid_42;outer;inner" */
	struct tally base;   /* of an earlier file: "outer;inner" */
	bool differs;        /* from one: there is a base */
	pid_t pid;           /* of the first */
	bool several;        /* other processes, too */
	bool old;            /* of a round of looks that is over */
};

/* "outer;inner 5", to the tally; the line is cut. */
static int base_line(struct folded *p, char *line)
{
	char *blank = strrchr(line, ' '), *end = NULL;
	struct tally_entry *e;
	uint64_t n;

	if (!blank || blank == line || blank[1] < '0' || blank[1] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(blank + 1, &end, 10);
	*blank = '\0';
	if (errno || *end || strchr(line, ' '))
		return -EINVAL;
	e = tally_at(&p->base, line);
	if (!e)
		return -ENOMEM;
	return __builtin_add_overflow(e->n, n, &e->n) ? -EINVAL : 0;
}

static int base_open(struct folded *p, const char *path)
{
	char *bytes, *line, *next;
	size_t len;
	int err = base_read(path, &bytes, &len);

	if (err)
		return err;
	/* base_read() leaves room for it */
	bytes[len] = '\0';
	for (line = bytes; !err && line < bytes + len; line = next) {
		next = line + strcspn(line, "\n");
		*next++ = '\0';
		err = *line ? base_line(p, line) : 0;
	}
	free(bytes);
	p->differs = true;
	return err == -EINVAL ? fail(err, "--base %s: it has no folded stacks", path) : err;
}

static int begin(struct sink *s, const struct run *r, FILE *out)
{
	struct folded *p;

	(void)out;
	for (const struct section *sec = r->tool->sections; sec && sec->cols; sec++) {
		if (!sec->weight)
			continue;
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		s->priv = p;
		p->section = sec;
		return r->base ? base_open(p, r->base) : 0;
	}
	return fail(-EINVAL, "%s has no stacks to fold: give another format than folded",
		    r->tool->name);
}

static int name_put(FILE *f, const struct stack_frame *frame)
{
	char buf[NAME_LEN], *clean;
	const char *name = frame_name(frame, buf, sizeof(buf));

	clean = text_clean(name, strlen(name), true);
	if (!clean)
		return -ENOMEM;
	putc(';', f);
	for (const char *p = clean; *p; p++)
		putc(*p == ';' ? ':' : *p == ' ' ? '_' : *p, f);
	free(clean);
	return 0;
}

/* The line without its number, to be freed; NULL: out of memory. */
static char *line_make(pid_t pid, const struct stack *stack)
{
	char *line = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&line, &len);
	int err = 0;

	if (!f)
		return NULL;
	fprintf(f, "pid_%d", pid);
	for (size_t i = stack->n; i-- && !err;)
		err = name_put(f, &stack->frame[i]);
	if (!stack->n)
		fputs(";[unknown]", f);
	if (fclose(f) || err) {
		free(line);
		return NULL;
	}
	return line;
}

static int row_add(struct folded *p, const struct run *r, const struct stack *stack, uint64_t n)
{
	char *line = line_make(r->pid, stack);
	struct tally_entry *e = line ? tally_at(&p->stacks, line) : NULL;

	free(line);
	if (!e)
		return -ENOMEM;
	p->pid = p->stacks.nr == 1 ? r->pid : p->pid;
	p->several |= p->pid != r->pid;
	if (__builtin_add_overflow(e->n, n, &e->n))
		return fail(-EOVERFLOW, "folded: a stack has more than 2^64 - 1");
	return 0;
}

static int section_add(struct folded *p, const struct look *l, const struct section *s)
{
	const struct rows *rows = &l->rows[s - l->run->tool->sections];
	const struct col *weight = section_col(s, s->weight), *stack = section_stack(s);
	int err = 0;

	for (size_t i = 0; i < rows->n && !err; i++) {
		struct value v = col_value(weight, rows->row[i]);

		if (v.kind == V_U64 && v.u)
			err = row_add(p, l->run,
				      (const void *)((const char *)rows->row[i] + stack->off), v.u);
	}
	return err;
}

static int look(struct sink *s, const struct look *l, FILE *out)
{
	struct folded *p = s->priv;

	(void)out;
	if (p->old && look_replaces(l, p->section)) {
		tally_free(&p->stacks);
		p->several = p->old = false;
	}
	return section_add(p, l, p->section);
}

static int round_end(struct sink *s, FILE *out)
{
	(void)out;
	((struct folded *)s->priv)->old = true;
	return 0;
}

static const char *line_text(const struct folded *p, const struct tally_entry *e)
{
	return p->several ? e->text : strchr(e->text, ';') + 1;
}

static int end(struct sink *s, FILE *out)
{
	struct folded *p = s->priv;

	for (const struct tally_entry *e = p->stacks.first; e; e = e->next) {
		struct tally_entry *old;

		fputs(line_text(p, e), out);
		if (p->differs) {
			old = tally_at(&p->base, line_text(p, e));
			if (!old)
				return -ENOMEM;
			fprintf(out, " %" PRIu64, old->n);
			old->n = 0;
		}
		fprintf(out, " %" PRIu64 "\n", e->n);
	}
	for (const struct tally_entry *e = p->base.first; e; e = e->next)
		if (e->n)
			fprintf(out, "%s %" PRIu64 " 0\n", e->text, e->n);
	return 0;
}

static void folded_free(struct sink *s)
{
	struct folded *p = s->priv;

	if (p) {
		tally_free(&p->stacks);
		tally_free(&p->base);
	}
	free(p);
}

SINK(folded, .brief = "stacks on a line each, for flame graphs",
     .flags = SINK_WHOLE | SINK_BASE | SINK_STACKS, .begin = begin, .look = look,
     .round = round_end, .end = end, .free = folded_free);
