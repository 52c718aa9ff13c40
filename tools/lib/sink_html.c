// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * A page: what a table shows, and a picture of each section that has a map (emit.h). One file
 * without references, which is replaced as a whole by each round of looks:
 *
 *	<head>	a policy that forbids the page everything but its own style and script,
 *		by their hashes: no text in it can become a program
 *	<main>	for each look the texts and tables, in the order they were emitted, and
 *		<figure>: legend, canvas, and the rows of the map and of the table it adds
 *		up to as JSON, from which page.js draws, and checks the sums
 *
 * Every name is somebody else's: control characters are made visible, then <, >, &, " and '
 * are escaped; in JSON, < is \u003c, so that nothing there ends the element.
 */
#include "cell.h"
#include "json_cols.h"
#include "sha256.h"
#include "sink.h"
#include "text.h"
#include "tool.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
#include "page.css.inc"
	;
static const char script[] =
#include "page.js.inc"
	;

struct html {
	char *main; /* of the looks of this round */
	size_t len;
	FILE *f; /* the stream to it, or NULL */
};

/* ---- texts ---- */

static void escaped_put(FILE *f, const char *s)
{
	static const char *const escapes[] = {
		['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;", ['\''] = "&#39;"
	};

	for (; *s; s++) {
		unsigned char c = *s;

		if (c < sizeof(escapes) / sizeof(*escapes) && escapes[c])
			fputs(escapes[c], f);
		else
			putc(c, f);
	}
}

static int text_put(FILE *f, const char *before, const char *text, const char *behind)
{
	char *clean = text_clean(text, strlen(text), true);

	if (!clean)
		return -ENOMEM;
	fputs(before, f);
	escaped_put(f, clean);
	fputs(behind, f);
	free(clean);
	return 0;
}

/* ---- tables ---- */

static bool is_shown(const struct section *s, const struct run *r)
{
	return !(s->flags & SEC_JSON_ONLY) && (s->shape != SEC_FIELDS || s->flags & SEC_SHOW) &&
	       (r->verbose || !(s->flags & SEC_WIDE));
}

static bool col_shown(const struct col *c, const struct run *r)
{
	return col_in_table(c) && (r->verbose || !(c->flags & COL_WIDE)) && c->unit != BAR;
}

static int cell_put(FILE *f, const struct col *c, const void *row, const char *element)
{
	int err = 0;
	char *cell = cell_text(c, row, true, &err);

	if (err)
		return err;
	fprintf(f, "<%s%s>", element, cell_is_right(c) ? " class=\"r\"" : "");
	escaped_put(f, cell ? cell : "-");
	fprintf(f, "</%s>", element);
	free(cell);
	return 0;
}

static int table_put(FILE *f, const struct run *r, const struct section *s, const struct rows *rows)
{
	int err = 0;

	fputs("<table><thead><tr>", f);
	for (const struct col *c = s->cols; c->key; c++)
		if (col_shown(c, r)) {
			fprintf(f, "<th%s>", cell_is_right(c) ? " class=\"r\"" : "");
			escaped_put(f, c->head);
			fputs("</th>", f);
		}
	fputs("</tr></thead><tbody>\n", f);
	for (size_t i = 0; i < rows->n && !err; i++) {
		fputs("<tr>", f);
		for (const struct col *c = s->cols; c->key && !err; c++)
			if (col_shown(c, r))
				err = cell_put(f, c, rows->row[i], "td");
		fputs("</tr>\n", f);
	}
	fputs("</tbody></table>\n", f);
	return err;
}

static int fields_put(FILE *f, const struct run *r, const struct section *s, const void *row)
{
	int err = 0;

	fputs("<dl>", f);
	for (const struct col *c = s->cols; c->key && !err; c++)
		if (col_shown(c, r)) {
			fputs("<dt>", f);
			escaped_put(f, c->head);
			fputs("</dt>", f);
			err = cell_put(f, c, row, "dd");
		}
	fputs("</dl>\n", f);
	return err;
}

/* ---- maps ---- */

static bool is_number(const struct col *c)
{
	return !col_is_text(c) && c->type <= CT_U8 && !col_is_quoted(c);
}

static bool in_map(const struct col *c)
{
	return col_in_json(c) && (col_is_text(c) || c->type <= CT_U8);
}

/* "key":{"cols":[…],"rows":[[…],…]} */
static void rows_put(struct json *j, const char *key, const struct section *s,
		     const struct rows *rows)
{
	json_open(j, key, '{');
	json_open(j, "cols", '[');
	for (const struct col *c = s->cols; c->key; c++) {
		if (!in_map(c))
			continue;
		json_open(j, NULL, '{');
		json_string(j, "key", c->key);
		json_string(j, "head", c->head);
		json_string(j, "unit", unit_name(c->unit));
		json_bool(j, "number", is_number(c));
		json_close(j, '}');
	}
	json_close(j, ']');
	json_open(j, "rows", '[');
	for (size_t i = 0; i < rows->n; i++) {
		json_open(j, NULL, '[');
		for (const struct col *c = s->cols; c->key; c++) {
			struct col member = *c;

			member.key = NULL;
			if (in_map(c))
				json_col(j, &member, rows->row[i]);
		}
		json_close(j, ']');
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void map_json(struct json *j, const struct look *l, const struct section *s)
{
	const struct section *sections = l->run->tool->sections, *of = sections;
	const struct map_cols *m = s->map;

	while (!of->key || strcmp(of->key, m->table))
		of++;
	json_open(j, NULL, '{');
	json_string(j, "addr", m->addr);
	json_string(j, "size", m->size);
	json_string(j, "part", m->part);
	json_string(j, "kind", m->kind);
	json_open(j, "kinds", '[');
	for (const struct map_kind *k = m->kinds; k->name; k++) {
		json_open(j, NULL, '{');
		json_string(j, "name", k->name);
		json_close(j, '}');
	}
	json_close(j, ']');
	rows_put(j, "cells", s, &l->rows[s - sections]);
	rows_put(j, "table", of, &l->rows[of - sections]);
	json_close(j, '}');
}

/* As JSON that no parser of HTML takes for more. */
static int map_data(FILE *f, const struct look *l, const struct section *s)
{
	char *text = NULL;
	size_t len = 0;
	struct json j = { .f = open_memstream(&text, &len) };

	if (!j.f)
		return -ENOMEM;
	map_json(&j, l, s);
	if (fclose(j.f)) {
		free(text);
		return -ENOMEM;
	}
	fputs("<script type=\"application/json\">", f);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '<')
			fputs("\\u003c", f);
		else
			putc(text[i], f);
	}
	fputs("</script>", f);
	free(text);
	return 0;
}

static int map_put(FILE *f, const struct look *l, const struct section *s)
{
	unsigned int n = 0;
	int err;

	fputs("<figure><ul class=\"legend\">", f);
	for (const struct map_kind *k = s->map->kinds; k->name; k++, n++) {
		fprintf(f, "<li><i class=\"k%u\"></i>", n % 8);
		escaped_put(f, k->label);
		fputs("</li>", f);
	}
	fputs("</ul><canvas tabindex=\"0\" aria-label=\"pieces of memory in order of their "
	      "addresses; the arrow keys go from one to the next\"></canvas>\n"
	      "<figcaption><p>In order of addresses, each square at most <span class=\"block\">"
	      "</span>; the fuller, the stronger the first colour.</p>"
	      "<p class=\"hover\" aria-live=\"polite\">Point at a piece to see what it is.</p>"
	      "<p class=\"sums wrong\">Not drawn and not checked: scripts are off.</p>"
	      "</figcaption>\n",
	      f);
	err = map_data(f, l, s);
	fputs("</figure>\n", f);
	return err;
}

/* ---- looks ---- */

static int section_put(FILE *f, const struct look *l, size_t section)
{
	const struct section *s = &l->run->tool->sections[section];
	const struct rows *rows = &l->rows[section];

	if (s->map)
		return map_put(f, l, s);
	if (!is_shown(s, l->run) || s->shape == SEC_HIST)
		return 0;
	if (s->title && text_put(f, "<h2>", s->title, "</h2>\n"))
		return -ENOMEM;
	if (s->shape == SEC_FIELDS)
		return fields_put(f, l->run, s, rows->row[0]);
	return table_put(f, l->run, s, rows);
}

static int part_put(FILE *f, const struct look *l, const struct part *p)
{
	int err;

	switch (p->kind) {
	case PART_SECTION: return section_put(f, l, p->section);
	case PART_HEADING: return text_put(f, "<h2>", p->text, "</h2>\n");
	case PART_LR:
		err = text_put(f, "<p class=\"lr\"><span>", p->text, "</span><span>");
		return err ? err : text_put(f, "", p->right, "</span></p>\n");
	default: return text_put(f, "<p>", p->text, "</p>\n");
	}
}

static int begin(struct sink *s, const struct run *r, FILE *out)
{
	(void)out;
	for (const struct section *sec = r->tool->sections; sec && sec->cols; sec++)
		if (sec->map) {
			s->priv = calloc(1, sizeof(struct html));
			return s->priv ? 0 : -ENOMEM;
		}
	return fail(-EINVAL, "%s has no map for a picture: give another format than html",
		    r->tool->name);
}

/* Kept until the round is over; of a look that fails nothing is. */
static int look(struct sink *s, const struct look *l, FILE *out)
{
	struct html *h = s->priv;
	long start;
	int err = 0;

	(void)out;
	if (!h->f)
		h->f = open_memstream(&h->main, &h->len);
	if (!h->f)
		return -ENOMEM;
	start = ftell(h->f);
	for (size_t i = 0; i < l->nr_parts && !err; i++)
		err = part_put(h->f, l, &l->parts[i]);
	if (err)
		fseek(h->f, start, SEEK_SET);
	return err;
}

/* ---- the page ---- */

static uint8_t hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* 'sha256-…' of a text, as a policy has it: base64 of 32 bytes. */
static void hash_put(FILE *f, const char *text, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	char hex[SHA256_HEX];
	uint8_t hash[33] = {};

	sha256_hex(text, len, hex);
	for (int i = 0; i < 32; i++)
		hash[i] = hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]);
	fputs("'sha256-", f);
	for (int i = 0; i < 33; i += 3) {
		uint32_t three = hash[i] << 16 | hash[i + 1] << 8 | hash[i + 2];

		fprintf(f, "%c%c%c%c", digits[three >> 18], digits[three >> 12 & 63],
			digits[three >> 6 & 63], i == 30 ? '=' : digits[three & 63]);
	}
	putc('\'', f);
}

static void head_put(FILE *f)
{
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "img-src data:; style-src ",
	      f);
	hash_put(f, style, sizeof(style) - 1);
	fputs("; script-src ", f);
	hash_put(f, script, sizeof(script) - 1);
	fputs("\">\n<meta name=\"viewport\" content=\"width=device-width\">\n"
	      "<link rel=\"icon\" href=\"data:,\">\n<title>gomemtrace</title>\n<style>",
	      f);
	fwrite(style, 1, sizeof(style) - 1, f);
	fputs("</style></head>\n<body><main>\n", f);
}

static int round_end(struct sink *s, FILE *out)
{
	struct html *h = s->priv;
	FILE *f = h->f;

	if (!f)
		return 0;
	h->f = NULL;
	if (fclose(f))
		return -ENOMEM;
	head_put(out);
	fwrite(h->main, 1, h->len, out);
	free(h->main);
	h->main = NULL;
	fputs("</main>\n<script>", out);
	fwrite(script, 1, sizeof(script) - 1, out);
	fputs("</script></body></html>\n", out);
	return 0;
}

static void html_free(struct sink *s)
{
	struct html *h = s->priv;

	if (h && h->f)
		fclose(h->f);
	if (h)
		free(h->main);
	free(h);
}

SINK(html, .brief = "a page with a picture, for browsers; a FILE is replaced as a whole",
     .flags = SINK_WHOLE | SINK_REPLACE, .begin = begin, .look = look, .round = round_end,
     .free = html_free);
