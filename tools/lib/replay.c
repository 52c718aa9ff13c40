// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Reads a recording and emits it again; its bytes are drawn in raw.h, the promises in replay.h. */
#include "replay.h"
#include "raw.h"
#include "raw_rows.h"
#include "tool.h"
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SECTIONS_MAX 64

struct replay_section {
	const struct section *section; /* NULL: not known here */
	struct raw_map map;
};

struct replay {
	FILE *f;
	struct raw_rows rows;
	struct replay_section sections[SECTIONS_MAX];
	size_t nr_sections;
	uint8_t *frame;
	size_t frame_room;
	uint64_t looks;
	bool ended;
};

/* ---- tables ---- */

/* The section here that is meant. One without a key is known by its first column. */
static const struct section *section_find(const struct tool *t, const char *key, size_t len,
					  uint64_t shape, struct cursor c)
{
	size_t first_len = 0;
	const char *first = "";

	if (cursor_count(&c))
		first = cursor_text(&c, &first_len);
	for (const struct section *s = t->sections; s && s->cols; s++) {
		if (s->shape != shape || !text_equals(key, len, s->key ? s->key : ""))
			continue;
		if (s->key || raw_column_find(s->cols, first, first_len, 0))
			return s;
	}
	return NULL;
}

static const struct tool *tool_recorded(const char *name, size_t len)
{
	for (const struct tool *t = tool_after(NULL); t; t = tool_after(t))
		if (!t->is_command && text_equals(name, len, tool_json_name(t)))
			return t;
	return NULL;
}

static int tool_take(struct run *r, const char *name, size_t len, const char *version,
		     size_t version_len)
{
	const struct tool *t = tool_recorded(name, len);

	len = len < 64 ? len : 64;
	version_len = version_len < 64 ? version_len : 64;
	if (!t)
		return fail(-EBADMSG,
			    "%s was recorded by gomemtrace %.*s with a tool that this "
			    "release does not have: '%.*s'",
			    r->replay, (int)version_len, version, (int)len, name);
	if (t != r->tool && !r->tool->is_session)
		return fail(-EINVAL, "%s was recorded by %s: give %s --replay %s", r->replay,
			    t->name, t->name, r->replay);
	r->tool = t;
	return 0;
}

static int get_tables(struct run *r, struct cursor *c)
{
	struct replay *p = r->replayed;
	size_t name_len, version_len;
	const char *name = cursor_text(c, &name_len), *version = cursor_text(c, &version_len);
	int err = c->bad ? -EBADMSG : tool_take(r, name, name_len, version, version_len);

	if (err)
		return err;
	p->nr_sections = cursor_count(c);
	if (p->nr_sections > SECTIONS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < p->nr_sections && !err; i++) {
		struct replay_section *s = &p->sections[i];
		size_t len;
		const char *key = cursor_text(c, &len);
		uint64_t shape = cursor_n(c);

		s->section = section_find(r->tool, key, len, shape, *c);
		err = raw_table_read(&p->rows, c, s->section ? s->section->cols : NULL, &s->map);
	}
	return err ? err : c->bad || cursor_left(c) ? -EBADMSG : 0;
}

/* ---- looks ---- */

static void get_section(struct run *r, struct cursor *c)
{
	struct replay *p = r->replayed;
	uint64_t at = cursor_n(c);
	size_t n = cursor_count(c);
	const struct section *s;

	if (at >= p->nr_sections) {
		cursor_spoil(c);
		return;
	}
	s = p->sections[at].section;
	if (s && s->shape == SEC_FIELDS && n > 1)
		cursor_spoil(c);
	for (size_t i = 0; i < n && !c->bad; i++) {
		void *row = raw_row_read(&p->rows, c, &p->sections[at].map, s ? s->cols : NULL);

		if (row)
			emit_row(r, s, row);
	}
}

static void get_part(struct run *r, struct cursor *c)
{
	char kind = cursor_u8(c);
	const char *text = kind == 't' || kind == 'h' || kind == 'p'
				   ? raw_string_read(&r->replayed->rows, c)
				   : NULL;
	const char *right = kind == 'p' ? raw_string_read(&r->replayed->rows, c) : NULL;

	if (kind == 's')
		get_section(r, c);
	else if (!text || c->bad)
		cursor_spoil(c);
	else if (kind == 't')
		emit_text(r, "%s", text);
	else if (kind == 'h')
		emit_heading(r, text);
	else if (right)
		emit_lr(r, text, right);
}

static int get_look(struct run *r, struct cursor *c)
{
	struct replay *p = r->replayed;
	uint64_t flags = cursor_n(c), pid;
	bool live = flags & RAW_LIVE;
	size_t parts;

	r->ts_ns = cursor_n(c);
	pid = cursor_n(c);
	r->pid = pid;
	r->look = cursor_n(c);
	r->first = flags & RAW_FIRST;
	parts = cursor_count(c);
	if (c->bad || flags & ~(uint64_t)(RAW_LIVE | RAW_FIRST) || pid > INT_MAX ||
	    (live && !r->tool->stream))
		return -EBADMSG;
	if (!live)
		emit_begin(r);
	for (size_t i = 0; i < parts && !c->bad && !emit_error(r); i++)
		get_part(r, c);
	raw_rows_clear(&p->rows);
	p->looks += !live;
	if (c->bad || (cursor_left(c) && !emit_error(r))) {
		emit_drop(r);
		return -EBADMSG;
	}
	return live ? emit_error(r) : emit_end(r);
}

static int get_round(struct run *r, struct cursor *c)
{
	return cursor_left(c) ? -EBADMSG : emit_round(r);
}

static int get_end(struct run *r, struct cursor *c)
{
	struct replay *p = r->replayed;

	p->ended = cursor_n(c) == p->looks && !c->bad && !cursor_left(c);
	return p->ended ? 0 : -EBADMSG;
}

/* ---- frames ---- */

/* len bytes of the file: 1, 0 at its end, or -errno. */
static int file_read(struct replay *p, void *to, size_t len)
{
	size_t n = fread(to, 1, len, p->f);

	if (n == len)
		return 1;
	if (ferror(p->f))
		return errno ? -errno : -EIO;
	return n ? -EBADMSG : 0;
}

static int frame_room(struct replay *p, size_t len)
{
	uint8_t *frame;

	if (len <= p->frame_room)
		return 0;
	frame = realloc(p->frame, len);
	if (!frame)
		return -ENOMEM;
	p->frame = frame;
	p->frame_room = len;
	return 0;
}

static int damaged(const struct run *r, const char *how)
{
	return fail(-EBADMSG, "%s %s", r->replay, how);
}

/* The next frame: its kind, 0 at the end of the file, or -errno. */
static int frame_next(struct run *r, struct cursor *c)
{
	struct replay *p = r->replayed;
	uint8_t head[5];
	uint32_t len, crc;
	int err = file_read(p, head, sizeof(head));

	if (err == -EBADMSG)
		return damaged(r, "ends in the middle of a look");
	if (err <= 0)
		return err;
	memcpy(&len, head + 1, sizeof(len));
	len = le32toh(len);
	if (len > RAW_FRAME_MAX)
		return damaged(r, "is damaged: a look in it is too large");
	err = frame_room(p, len + sizeof(crc));
	if (err)
		return err;
	err = file_read(p, p->frame, len + sizeof(crc));
	if (err == -EBADMSG || !err)
		return damaged(r, "ends in the middle of a look");
	if (err < 0)
		return err;
	memcpy(&crc, p->frame + len, sizeof(crc));
	if (le32toh(crc) != crc32(crc32(0, head, sizeof(head)), p->frame, len))
		return damaged(r, "is damaged: a checksum is wrong");
	*c = (struct cursor){ .p = p->frame, .end = p->frame + len };
	return head[0];
}

static int header_read(struct run *r)
{
	uint8_t head[RAW_MAGIC_LEN + 4];
	uint32_t version;
	int err = file_read(r->replayed, head, sizeof(head));

	if (err < 0 && err != -EBADMSG)
		return fail(err, "cannot read %s: %s", r->replay, strerror(-err));
	if (err != 1 || memcmp(head, RAW_MAGIC, RAW_MAGIC_LEN))
		return damaged(r, "is no recording: make one with --record FILE");
	memcpy(&version, head + RAW_MAGIC_LEN, sizeof(version));
	version = le32toh(version);
	if (version != RAW_VERSION)
		return fail(-EBADMSG,
			    "%s is a recording of version %u: this release reads version %u",
			    r->replay, version, RAW_VERSION);
	return 0;
}

static int tables_read(struct run *r)
{
	struct cursor c;
	int err = header_read(r);

	if (err)
		return err;
	err = frame_next(r, &c);
	if (err != 'T')
		return err < 0 ? err : damaged(r, "is damaged: it does not say what it is of");
	fail_clear();
	err = get_tables(r, &c);
	if (err == -EBADMSG && !*fail_text())
		return damaged(r, "is damaged: its tables make no sense");
	return err;
}

int replay_open(struct run *r)
{
	struct replay *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	r->replayed = p;
	p->f = strcmp(r->replay, "-") ? fopen(r->replay, "re") : stdin;
	if (!p->f)
		return fail(-EIO, "cannot read %s: %s", r->replay, strerror(errno));
	return tables_read(r);
}

int replay_run(struct run *r)
{
	static const struct {
		char kind;
		int (*get)(struct run *r, struct cursor *c);
	} kinds[] = { { 'L', get_look }, { 'R', get_round }, { 'E', get_end } };
	struct replay *p = r->replayed;
	struct cursor c;
	int kind, err = 0;

	if (p->rows.unknown)
		run_debug(r, "%s has %llu columns that this release does not know", r->replay,
			  (unsigned long long)p->rows.unknown);
	while (!err && (kind = frame_next(r, &c)) != 0) {
		size_t i = 0;

		if (kind < 0)
			return kind;
		while (i < ARRAY_SIZE(kinds) && kinds[i].kind != kind)
			i++;
		fail_clear();
		err = p->ended || i == ARRAY_SIZE(kinds) ? -EBADMSG : kinds[i].get(r, &c);
	}
	if (err == -EBADMSG && !*fail_text())
		damaged(r, "is damaged: a look in it makes no sense");
	return err;
}

bool replay_is_whole(const struct run *r)
{
	return r->replayed->ended;
}

void replay_close(struct run *r)
{
	struct replay *p = r->replayed;

	if (!p)
		return;
	if (p->f && p->f != stdin)
		fclose(p->f);
	raw_rows_free(&p->rows);
	free(p->frame);
	free(p);
	r->replayed = NULL;
}

int replay_parse(const uint8_t *data, size_t len, const char *format, FILE *out)
{
	/* any tool will do: that of the recording takes its place */
	static const struct tool any = { .name = "replay", .is_session = true };
	struct run r = { .tool = &any, .replay = "recording", .fd = -1 };
	struct replay *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	fail_clear();
	if (p)
		p->f = fmemopen((void *)data, len, "r");
	r.replayed = p;
	if (p && p->f)
		err = tables_read(&r);
	if (!err)
		err = emit_attach(&r, format, out);
	if (!err)
		err = replay_run(&r);
	emit_close(&r);
	replay_close(&r);
	return err;
}
