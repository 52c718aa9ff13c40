// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Tables and lines for people: 80 columns by design, numbers to the right. */
#include "cell.h"
#include "draw.h"
#include "human.h"
#include "sink.h"
#include "text.h"
#include "tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LR_WIDTH   80
#define GAP        2
#define LEAST_TEXT 8 /* columns of text are not cut below this */

struct column {
	const struct col *col;
	size_t width;
	bool right;
	bool known; /* some value is not null */
};

struct grid {
	struct column *cols;
	size_t nr_cols, nr_rows;
	char **cells; /* [row * nr_cols + column], clean; NULL: null */
};

/* ---- lines ---- */

static void bold_print(const struct sink *s, FILE *out, const char *text)
{
	fprintf(out, s->bold ? "\033[1m%s\033[m" : "%s", text);
}

/* A line that is complete but for the blanks at its end. */
static void line_put(const struct sink *s, FILE *out, char *line, bool bold)
{
	for (size_t len = strlen(line); len && line[len - 1] == ' ';)
		line[--len] = '\0';
	if (bold && *line)
		bold_print(s, out, line);
	else
		fputs(line, out);
	putc('\n', out);
}

static bool section_shown(const struct section *s, const struct run *r)
{
	if (s->flags & SEC_JSON_ONLY || (s->flags & SEC_WIDE && !r->verbose))
		return false;
	return s->shape != SEC_FIELDS || s->flags & SEC_SHOW;
}

/* Headings and tables stand apart from what was printed before them. */
static void gap_put(const struct look *l, const struct part *p, FILE *out)
{
	while (p-- > l->parts) {
		const struct section *s = &l->run->tool->sections[p->section];

		if (p->kind != PART_SECTION || section_shown(s, l->run)) {
			putc('\n', out);
			return;
		}
	}
}

static int text_put(struct sink *s, const struct look *l, const struct part *p, FILE *out)
{
	char *text = text_clean(p->text, strlen(p->text), s->utf8);

	(void)l;
	if (!text)
		return -ENOMEM;
	line_put(s, out, text, false);
	free(text);
	return 0;
}

static int heading_put(struct sink *s, const struct look *l, const struct part *p, FILE *out)
{
	char *text;

	if (l->run->quiet)
		return 0;
	text = text_clean(p->text, strlen(p->text), s->utf8);
	if (!text)
		return -ENOMEM;
	gap_put(l, p, out);
	line_put(s, out, text, true);
	free(text);
	return 0;
}

/* The left part is cut for the right one on a terminal; elsewhere the line grows. */
static int lr_put(struct sink *s, const struct look *l, const struct part *p, FILE *out)
{
	char *left = text_clean(p->text, strlen(p->text), s->utf8);
	char *right = text_clean(p->right, strlen(p->right), s->utf8);
	size_t full = s->width < LR_WIDTH ? s->width : LR_WIDTH, width, room;

	if (left && right && !*right) {
		line_put(s, out, left, false);
	} else if (left && right) {
		width = text_width(right);
		room = s->tty && !l->run->verbose && full > width + GAP ? full - width - GAP : 0;
		room = text_print(out, left, room, s->utf8);
		fprintf(out, "%*s%s\n",
			(int)(full > room + width + GAP ? full - room - width : GAP), "", right);
	}
	free(left);
	free(right);
	return left && right ? 0 : -ENOMEM;
}

/* ---- tables ---- */

static bool col_shown(const struct col *c, const struct run *r)
{
	return col_in_table(c) && (r->verbose || !(c->flags & COL_WIDE));
}

static void grid_free(struct grid *g)
{
	for (size_t i = 0; g->cells && i < g->nr_rows * g->nr_cols; i++)
		free(g->cells[i]);
	free(g->cells);
	free(g->cols);
}

static int grid_alloc(struct grid *g, const struct col *cols, size_t rows, const struct run *r)
{
	size_t n = 0;

	for (const struct col *c = cols; c->key; c++)
		n += col_shown(c, r);
	*g = (struct grid){ .nr_cols = n, .nr_rows = rows };
	g->cols = calloc(n + 1, sizeof(*g->cols));
	g->cells = calloc(n * rows + 1, sizeof(*g->cells));
	if (!g->cols || !g->cells)
		return -ENOMEM;
	n = 0;
	for (const struct col *c = cols; c->key; c++)
		if (col_shown(c, r))
			g->cols[n++] = (struct column){ .col = c, .right = cell_is_right(c) };
	return 0;
}

static int grid_fill(struct grid *g, const struct rows *rows, bool utf8)
{
	int err = 0;

	for (size_t i = 0; i < g->nr_rows * g->nr_cols && !err; i++) {
		struct column *c = &g->cols[i % g->nr_cols];

		g->cells[i] = cell_text(c->col, rows->row[i / g->nr_cols], utf8, &err);
		c->known |= g->cells[i] != NULL;
	}
	return err;
}

static const char *grid_cell(const struct grid *g, size_t row, size_t col)
{
	const char *cell = g->cells[row * g->nr_cols + col];

	return cell ? cell : g->cols[col].col->unit == BAR ? "" : "-";
}

/* Leave out columns that are null all over. */
static void grid_drop_unknown(struct grid *g)
{
	size_t kept = 0;

	for (size_t c = 0; c < g->nr_cols; c++)
		kept += g->cols[c].known;
	if (!kept)
		return;
	for (size_t i = 0, to = 0; i < g->nr_rows * g->nr_cols; i++) {
		if (g->cols[i % g->nr_cols].known)
			g->cells[to++] = g->cells[i];
	}
	kept = 0;
	for (size_t c = 0; c < g->nr_cols; c++)
		if (g->cols[c].known)
			g->cols[kept++] = g->cols[c];
	g->nr_cols = kept;
}

static void width_raise(struct column *c, size_t width)
{
	if (c->width < width)
		c->width = width;
}

static void grid_measure(struct grid *g, bool headings, bool live)
{
	for (size_t c = 0; c < g->nr_cols; c++) {
		struct column *col = &g->cols[c];

		if (headings)
			width_raise(col, text_width(col->col->head));
		if (live)
			width_raise(col, cell_usual_width(col->col));
		for (size_t row = 0; row < g->nr_rows; row++)
			width_raise(col, text_width(grid_cell(g, row, c)));
	}
}

static struct column *widest_text(struct grid *g)
{
	struct column *widest = NULL;

	for (struct column *c = g->cols; c < g->cols + g->nr_cols; c++)
		if (col_is_text(c->col) && c->width > LEAST_TEXT &&
		    (!widest || c->width > widest->width))
			widest = c;
	return widest;
}

/* Take from the widest text, column by column, until the line fits or no text can give. */
static void grid_fit(struct grid *g, size_t limit)
{
	size_t total = 0;
	struct column *c;

	for (size_t i = 0; i < g->nr_cols; i++)
		total += g->cols[i].width + (i ? GAP : 0);
	for (; total > limit && (c = widest_text(g)); total--)
		c->width--;
}

/* One line of the grid; row -1 is the headings. */
static int grid_line(const struct sink *s, const struct grid *g, ssize_t row, FILE *out)
{
	char *line = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&line, &len);

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < g->nr_cols; i++) {
		const struct column *c = &g->cols[i];
		const char *cell = row < 0 ? c->col->head : grid_cell(g, row, i);
		size_t width = text_width(cell);
		int pad = width < c->width ? c->width - width : 0;

		fprintf(f, "%*s", (i ? GAP : 0) + (c->right ? pad : 0), "");
		text_print(f, cell, c->width, s->utf8);
		fprintf(f, "%*s", c->right ? 0 : pad, "");
	}
	if (fclose(f)) {
		free(line);
		return -ENOMEM;
	}
	line_put(s, out, line, row < 0);
	free(line);
	return 0;
}

/* The frames of a row's stacks, in full. */
static int stacks_put(const struct sink *s, const struct col *cols, const void *row, FILE *out)
{
	int err = 0;

	for (const struct col *c = cols; c->key && !err; c++)
		if (c->type == CT_STACK && col_in_table(c))
			err = draw_stack(out, (const void *)((const char *)row + c->off), s->utf8);
	return err;
}

static int grid_print(const struct sink *s, const struct look *l, size_t section,
		      const struct grid *g, bool headings, FILE *out)
{
	const struct col *cols = l->run->tool->sections[section].cols;
	int err = headings ? grid_line(s, g, -1, out) : 0;

	for (size_t row = 0; row < g->nr_rows && !err; row++) {
		err = grid_line(s, g, row, out);
		if (!err && l->run->verbose)
			err = stacks_put(s, cols, l->rows[section].row[row], out);
	}
	return err;
}

static bool cols_named(const struct col *cols, const struct run *r)
{
	for (const struct col *c = cols; c->key; c++)
		if (col_shown(c, r) && *c->head)
			return true;
	return false;
}

static int rows_put(struct sink *s, const struct look *l, size_t section, FILE *out)
{
	const struct section *sec = &l->run->tool->sections[section];
	uint64_t bit = 1ULL << (section & 63);
	bool headings =
		!l->run->quiet && !(l->live && s->headed & bit) && cols_named(sec->cols, l->run);
	struct grid g;
	int err = grid_alloc(&g, sec->cols, l->rows[section].n, l->run);

	if (!err)
		err = grid_fill(&g, &l->rows[section], s->utf8);
	if (!err) {
		if (!l->live)
			grid_drop_unknown(&g);
		grid_measure(&g, headings, l->live);
		if (s->tty && !l->run->verbose)
			grid_fit(&g, s->width);
		err = grid_print(s, l, section, &g, headings, out);
		s->headed |= l->live ? bit : 0;
	}
	grid_free(&g);
	return err;
}

/* A line per field: its heading, its value. */
static int fields_put(struct sink *s, const struct look *l, size_t section, FILE *out)
{
	const struct section *sec = &l->run->tool->sections[section];
	size_t width = 0;
	int err = 0;

	for (const struct col *c = sec->cols; c->key; c++)
		if (col_shown(c, l->run) && text_width(c->head) > width)
			width = text_width(c->head);
	for (const struct col *c = sec->cols; c->key && !err; c++) {
		char *cell;

		if (!col_shown(c, l->run))
			continue;
		cell = cell_text(c, l->rows[section].row[0], s->utf8, &err);
		if (cell)
			fprintf(out, "%s%*s%s\n", c->head, (int)(width - text_width(c->head) + GAP),
				"", cell);
		free(cell);
	}
	return err;
}

static int hist_label_put(struct sink *s, const struct section *sec, const char *value, FILE *out)
{
	char *clean = value ? text_clean(value, strlen(value), s->utf8) : strdup("-");
	char *line = NULL;

	if (!clean || asprintf(&line, "%s: %s", sec->label, clean) < 0) {
		free(clean);
		return -ENOMEM;
	}
	line_put(s, out, line, true);
	free(clean);
	free(line);
	return 0;
}

static int hists_put(struct sink *s, const struct look *l, size_t section, FILE *out)
{
	const struct section *sec = &l->run->tool->sections[section];
	const struct rows *rows = &l->rows[section];
	int err = 0;

	for (size_t i = 0; i < rows->n && !err; i++) {
		const struct hist_row *h = rows->row[i];

		if (i)
			putc('\n', out);
		if (sec->label)
			err = hist_label_put(s, sec, h->value, out);
		if (!err)
			err = draw_hist(out, h, sec->unit, !l->run->quiet);
	}
	return err;
}

/* In a stream a title stands once, above the first of its section. */
static bool title_due(const struct sink *s, const struct look *l, size_t section)
{
	return l->run->tool->sections[section].title && !l->run->quiet &&
	       (!l->live || !(s->headed >> section & 1));
}

static int section_put(struct sink *s, const struct look *l, const struct part *p, FILE *out)
{
	static int (*const put[])(struct sink *, const struct look *, size_t, FILE *) = {
		[SEC_FIELDS] = fields_put,
		[SEC_ROWS] = rows_put,
		[SEC_HIST] = hists_put,
	};
	const struct section *sec = &l->run->tool->sections[p->section];

	if (!section_shown(sec, l->run))
		return 0;
	if (!l->live)
		gap_put(l, p, out);
	else if (sec->shape == SEC_HIST || title_due(s, l, p->section))
		putc('\n', out);
	if (title_due(s, l, p->section)) {
		bold_print(s, out, sec->title);
		putc('\n', out);
	}
	if (sec->shape == SEC_HIST)
		s->headed |= 1ULL << p->section;
	return put[sec->shape](s, l, p->section, out);
}

/* ---- looks ---- */

static void look_begin(const struct sink *s, const struct look *l, FILE *out)
{
	if (l->live)
		return;
	if (s->clear && l->run->first)
		fputs("\033[H\033[2J", out);
	else if (s->looks)
		putc('\n', out);
	if (l->run->timestamps)
		fprintf(out, "%s\n", HUMAN(time, l->run->ts_ns));
}

static int look(struct sink *s, const struct look *l, FILE *out)
{
	static int (*const put[])(struct sink *, const struct look *, const struct part *,
				  FILE *) = {
		[PART_TEXT] = text_put,
		[PART_LR] = lr_put,
		[PART_HEADING] = heading_put,
		[PART_SECTION] = section_put,
	};
	int err = 0;

	look_begin(s, l, out);
	for (size_t i = 0; i < l->nr_parts && !err; i++)
		err = put[l->parts[i].kind](s, l, &l->parts[i], out);
	return err;
}

SINK(table, .brief = "for people", .look = look);
