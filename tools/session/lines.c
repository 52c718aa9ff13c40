// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Items in lines of 80 columns; see lines.h. */
#include "lines.h"
#include "human.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

void line_flush(struct run *r, struct line *l)
{
	if (l->items)
		emit_text(r, "%s", l->text);
	l->text[0] = '\0';
	l->items = 0;
	l->head = l->indent ? l->indent : "  ";
}

void line_add(struct run *r, struct line *l, const char *separator, const char *item)
{
	size_t n;

	if (l->items && text_width(l->text) + text_width(separator) + text_width(item) > COLUMNS)
		line_flush(r, l);
	n = strlen(l->text);
	snprintf(l->text + n, sizeof(l->text) - n, "%s%s", l->items ? separator : l->head, item);
	l->items++;
}

void line_bytes(struct run *r, struct line *l, const char *name, uint64_t bytes)
{
	char item[COLUMNS * 2];

	snprintf(item, sizeof(item), "%s %s", name, HUMAN(bytes3, bytes));
	line_add(r, l, " · ", item);
}

void line_wrap(struct run *r, const char *text)
{
	while (*text) {
		size_t n = strlen(text);

		if (n > COLUMNS) {
			n = COLUMNS;
			while (n && text[n] != ' ')
				n--;
			n = n ? n : COLUMNS;
		}
		emit_text(r, "%.*s", (int)n, text);
		text += n + (text[n] == ' ');
	}
}
