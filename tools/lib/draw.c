// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Stacks and histograms for people; see draw.h. */
#include "draw.h"
#include "cell.h"
#include "hist.h"
#include "human.h"
#include "stack.h"
#include "text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH     80
#define POWERS    65 /* 0, 1, 2 to 3, 4 to 7 … */
#define STARS_MAX 40
#define STARS_MIN 8

/* ---- stacks ---- */

int draw_stack(FILE *out, const struct stack *s, bool utf8)
{
	for (size_t i = 0; i < s->n; i++) {
		char *text = frame_text(&s->frame[i]);
		char *clean = text ? text_clean(text, strlen(text), utf8) : NULL;

		if (clean)
			fprintf(out, "    %s\n", clean);
		free(text);
		free(clean);
		if (!clean)
			return -ENOMEM;
	}
	return 0;
}

/* ---- histograms ---- */

struct line {
	char low[HUMAN_LEN], high[HUMAN_LEN], count[HUMAN_LEN];
	uint64_t n;
};

struct drawing {
	struct line lines[POWERS];
	size_t first, last;          /* first > last: no values */
	int low, high, count, stars; /* widths */
	uint64_t most;
};

static void drawing_fill(struct drawing *d, const struct hist_row *h)
{
	d->first = POWERS;
	for (size_t i = 0; i < h->buckets.n; i++) {
		const struct hist_bucket *b = hist_row_bucket(h, i);
		size_t at = b->low ? hist_log2(b->low) + 1 : 0;

		if (!b->count)
			continue;
		d->lines[at].n += b->count;
		d->first = at < d->first ? at : d->first;
		d->last = at > d->last ? at : d->last;
	}
}

static void raise_to(int *width, const char *text)
{
	if (*width < (int)strlen(text))
		*width = strlen(text);
}

static void drawing_measure(struct drawing *d, enum unit unit)
{
	d->count = strlen("count");
	for (size_t i = d->first; i <= d->last; i++) {
		struct line *l = &d->lines[i];
		uint64_t low = i ? 1ULL << (i - 1) : 0;

		cell_number(l->low, unit, low);
		cell_number(l->high, unit, i ? low + (low - 1) : 0);
		human_count(l->count, l->n);
		raise_to(&d->low, l->low);
		raise_to(&d->high, l->high);
		raise_to(&d->count, l->count);
		d->most = l->n > d->most ? l->n : d->most;
	}
	d->stars = WIDTH - (d->low + d->high + d->count + (int)strlen(" ->   ||"));
	d->stars = d->stars > STARS_MAX ? STARS_MAX : d->stars < STARS_MIN ? STARS_MIN : d->stars;
}

static void line_draw(FILE *out, const struct drawing *d, const struct line *l)
{
	int n = d->most ? (unsigned __int128)l->n * d->stars / d->most : 0;

	fprintf(out, "%*s -> %*s  %*s |", d->low, l->low, d->high, l->high, d->count, l->count);
	for (int i = 0; i < d->stars; i++)
		putc(i < n ? '*' : ' ', out);
	fputs("|\n", out);
}

static void figure_draw(FILE *out, const char *name, enum unit unit, uint64_t n)
{
	char text[HUMAN_LEN];

	if (n == U64_NULL)
		return;
	cell_number(text, unit, n);
	fprintf(out, "  %s %s", name, text);
}

static uint64_t mean(const struct hist_row *h)
{
	if (!h->count || h->sum == U64_NULL)
		return U64_NULL;
	return h->sum / h->count + (h->sum % h->count >= h->count - h->count / 2);
}

int draw_hist(FILE *out, const struct hist_row *h, enum unit unit, bool heads)
{
	struct drawing *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	drawing_fill(d, h);
	drawing_measure(d, unit);
	if (heads && d->first <= d->last)
		fprintf(out, "%*s  %*s |%-*s|\n", d->low + (int)strlen(" -> ") + d->high, "range",
			d->count, "count", d->stars, "distribution");
	for (size_t i = d->first; i <= d->last; i++)
		line_draw(out, d, &d->lines[i]);
	fprintf(out, "count %s", HUMAN(count, h->count));
	figure_draw(out, "mean", unit, mean(h));
	figure_draw(out, "p50", unit, hist_row_percentile(h, 50));
	figure_draw(out, "p99", unit, hist_row_percentile(h, 99));
	figure_draw(out, "max", unit, h->max);
	putc('\n', out);
	free(d);
	return 0;
}
