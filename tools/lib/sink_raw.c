// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The recording: all that a tool emits, to be replayed; the drawing of its bytes is in raw.h. */
#include "raw.h"
#include "sink.h"
#include "tool.h"
#include "version.h"
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

char raw_type(const struct col *c)
{
	static const char types[CT_TYPES] = {
		[CT_U64] = 'u',    [CT_S64] = 'i',    [CT_U32] = 'u',   [CT_S32] = 'i',
		[CT_U16] = 'u',    [CT_U8] = 'u',     [CT_TRI] = 'b',   [CT_BOOL] = 'b',
		[CT_DOUBLE] = 'd', [CT_CHARS] = 's',  [CT_STR] = 's',   [CT_NUMBERS] = 'n',
		[CT_LIST] = 'l',   [CT_OBJECT] = 'o', [CT_STACK] = 'l',
	};

	return types[c->type];
}

const char *raw_unit(const struct col *c)
{
	return unit_name(c->unit) ? unit_name(c->unit) : "";
}

/* ---- what payloads consist of ---- */

static void put_n(FILE *f, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		putc((n & 0x7f) | 0x80, f);
	putc(n, f);
}

static void put_t(FILE *f, const char *text, size_t len)
{
	put_n(f, len);
	fwrite(text, 1, len, f);
}

static void put_string(FILE *f, const char *text)
{
	put_t(f, text, strlen(text));
}

static void value_u(FILE *f, const struct col *c, const struct value *v)
{
	(void)c;
	put_n(f, v->u);
}

static void value_i(FILE *f, const struct col *c, const struct value *v)
{
	(void)c;
	put_n(f, (uint64_t)v->s << 1 ^ (uint64_t)(v->s >> 63));
}

static void value_d(FILE *f, const struct col *c, const struct value *v)
{
	uint64_t bits;

	(void)c;
	memcpy(&bits, &v->d, sizeof(bits));
	bits = htole64(bits);
	fwrite(&bits, sizeof(bits), 1, f);
}

static void value_b(FILE *f, const struct col *c, const struct value *v)
{
	(void)c;
	putc(v->b, f);
}

static void value_s(FILE *f, const struct col *c, const struct value *v)
{
	(void)c;
	put_t(f, v->text, v->len);
}

static void value_n(FILE *f, const struct col *c, const struct value *v)
{
	(void)c;
	put_n(f, v->numbers->n);
	for (size_t i = 0; i < v->numbers->n; i++)
		put_n(f, v->numbers->v[i]);
}

static void put_row(FILE *f, const struct col *cols, const void *row);

static void value_l(FILE *f, const struct col *c, const struct value *v)
{
	const char *row = v->list.rows;

	put_n(f, v->list.n);
	for (size_t i = 0; i < v->list.n; i++, row += v->list.stride)
		put_row(f, c->cols, row);
}

static void value_o(FILE *f, const struct col *c, const struct value *v)
{
	put_row(f, c->cols, v->object->row);
}

static void put_value(FILE *f, const struct col *c, const void *row)
{
	static void (*const put[])(FILE *, const struct col *, const struct value *) = {
		[V_U64] = value_u,  [V_S64] = value_i,    [V_DOUBLE] = value_d,
		[V_BOOL] = value_b, [V_TEXT] = value_s,   [V_NUMBERS] = value_n,
		[V_LIST] = value_l, [V_OBJECT] = value_o,
	};
	struct value v = col_value(c, row);

	/* an object that is all null is null */
	if (v.kind == V_NULL || (v.kind == V_OBJECT && !v.object->row)) {
		putc('-', f);
		return;
	}
	putc(raw_type(c), f);
	put[v.kind](f, c, &v);
}

static void put_row(FILE *f, const struct col *cols, const void *row)
{
	for (const struct col *c = cols; c->key; c++)
		put_value(f, c, row);
}

static void put_table(FILE *f, const struct col *cols)
{
	size_t n = 0;

	while (cols[n].key)
		n++;
	put_n(f, n);
	for (const struct col *c = cols; c->key; c++) {
		put_string(f, c->key);
		putc(raw_type(c), f);
		put_string(f, raw_unit(c));
		if (c->cols)
			put_table(f, c->cols);
	}
}

/* ---- frames ---- */

int raw_frame(FILE *out, char kind, const void *payload, size_t len)
{
	uint32_t le = htole32(len);
	uLong crc = crc32(0, (const Bytef *)&kind, 1);

	if (len > RAW_FRAME_MAX)
		return fail(-EFBIG, "a look of %zu bytes is too large to be recorded", len);
	crc = crc32(crc, (const Bytef *)&le, sizeof(le));
	if (len)
		crc = crc32(crc, payload, len);
	putc(kind, out);
	fwrite(&le, sizeof(le), 1, out);
	fwrite(payload, 1, len, out);
	le = htole32(crc);
	fwrite(&le, sizeof(le), 1, out);
	return 0;
}

/* A frame whose payload is written by a function. */
static int frame_by(FILE *out, char kind, void (*put)(FILE *f, const void *arg), const void *arg)
{
	char *buf = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&buf, &len);
	int err;

	if (!f)
		return -ENOMEM;
	put(f, arg);
	err = fclose(f) ? -ENOMEM : raw_frame(out, kind, buf, len);
	free(buf);
	return err;
}

static void put_tables(FILE *f, const void *arg)
{
	const struct tool *t = arg;
	size_t n = 0;

	put_string(f, tool_json_name(t));
	put_string(f, VERSION);
	while (t->sections && t->sections[n].cols)
		n++;
	put_n(f, n);
	for (const struct section *s = t->sections; s && s->cols; s++) {
		put_string(f, s->key ? s->key : "");
		put_n(f, s->shape);
		put_table(f, s->cols);
	}
}

static int begin(struct sink *s, const struct run *r, FILE *out)
{
	uint32_t version = htole32(RAW_VERSION);

	(void)s;
	fwrite(RAW_MAGIC, 1, RAW_MAGIC_LEN, out);
	fwrite(&version, sizeof(version), 1, out);
	return frame_by(out, 'T', put_tables, r->tool);
}

static void put_section(FILE *f, const struct look *l, size_t section)
{
	const struct rows *rows = &l->rows[section];

	putc('s', f);
	put_n(f, section);
	put_n(f, rows->n);
	for (size_t i = 0; i < rows->n; i++)
		put_row(f, l->run->tool->sections[section].cols, rows->row[i]);
}

static void put_part(FILE *f, const struct look *l, const struct part *p)
{
	static const char kinds[] = { [PART_TEXT] = 't', [PART_LR] = 'p', [PART_HEADING] = 'h' };

	if (p->kind == PART_SECTION) {
		put_section(f, l, p->section);
		return;
	}
	putc(kinds[p->kind], f);
	put_string(f, p->text);
	if (p->kind == PART_LR)
		put_string(f, p->right);
}

static void put_look(FILE *f, const void *arg)
{
	const struct look *l = arg;

	put_n(f, (l->live ? RAW_LIVE : 0) | (l->run->first ? RAW_FIRST : 0));
	put_n(f, l->run->ts_ns);
	put_n(f, l->run->pid);
	put_n(f, l->run->look);
	put_n(f, l->nr_parts);
	for (size_t i = 0; i < l->nr_parts; i++)
		put_part(f, l, &l->parts[i]);
}

static int look(struct sink *s, const struct look *l, FILE *out)
{
	(void)s;
	return frame_by(out, 'L', put_look, l);
}

static int round_end(struct sink *s, FILE *out)
{
	(void)s;
	return raw_frame(out, 'R', "", 0);
}

static void put_looks(FILE *f, const void *arg)
{
	put_n(f, *(const uint64_t *)arg);
}

static int end(struct sink *s, FILE *out)
{
	return frame_by(out, 'E', put_looks, &s->looks);
}

SINK(raw, .brief = "a recording for --replay", .flags = SINK_WHOLE | SINK_PRIVATE | SINK_BINARY,
     .begin = begin, .look = look, .round = round_end, .end = end);
