// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Proves an audit log, or says where it breaks; it may be of anybody's making. See audit.h. */
#include "audit.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define HASH     (SHA256_HEX - 1)
#define CRC      8
#define TAIL_LEN (sizeof(",\"crc\":\"\"}") - 1 + CRC)

/* What is read of a record; texts point into the line. */
struct record {
	uint64_t seq, at_ns;
	const char *prev, *event;
	size_t event_len;
	uint32_t crc;
};

__attribute__((format(printf, 2, 3))) static bool breaks(struct audit_check *c, const char *fmt,
							 ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	c->broken = true;
	return false;
}

/* ---- the parts of a line, each at *p, before end ---- */

static bool take(const char **p, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *p) < len || memcmp(*p, word, len))
		return false;
	*p += len;
	return true;
}

/* Decimal, without leading zeros. */
static bool take_number(const char **p, const char *end, uint64_t *n)
{
	const char *from = *p;

	*n = 0;
	for (; *p < end && isdigit((unsigned char)**p); (*p)++)
		if (__builtin_mul_overflow(*n, 10, n) || __builtin_add_overflow(*n, **p - '0', n))
			return false;
	return *p > from && (*from != '0' || *p == from + 1);
}

static bool is_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr("0123456789abcdef", s[i]) || !s[i])
			return false;
	return true;
}

static bool take_hash(const char **p, const char *end, const char **hash)
{
	*hash = *p;
	if (end - *p < HASH || !is_hex(*p, HASH))
		return false;
	*p += HASH;
	return true;
}

static bool take_word(const char **p, const char *end, const char **word, size_t *len)
{
	*word = *p;
	while (*p < end && islower((unsigned char)**p))
		(*p)++;
	*len = *p - *word;
	return *len;
}

/* Of a line without its newline. */
static bool parse(const char *line, size_t len, struct record *r)
{
	const char *p = line, *end, *tail;
	char crc[CRC + 1] = {};

	if (len < TAIL_LEN)
		return false;
	end = tail = line + len - TAIL_LEN;
	if (!take(&p, end, "{\"v\":1,\"seq\":") || !take_number(&p, end, &r->seq) ||
	    !take(&p, end, ",\"prev\":\"") || !take_hash(&p, end, &r->prev) ||
	    !take(&p, end, "\",\"at_ns\":\"") || !take_number(&p, end, &r->at_ns) ||
	    !take(&p, end, "\",\"event\":\"") || !take_word(&p, end, &r->event, &r->event_len) ||
	    !take(&p, end, "\"") || (p < end && *p != ','))
		return false;
	if (!take(&tail, line + len, ",\"crc\":\"") || !is_hex(tail, CRC) ||
	    memcmp(tail + CRC, "\"}", 2))
		return false;
	memcpy(crc, tail, CRC);
	sscanf(crc, "%x", &r->crc);
	return true;
}

/* ---- records ---- */

static bool event_is(const struct record *r, const char *name)
{
	return r->event_len == strlen(name) && !memcmp(r->event, name, r->event_len);
}

/* Runs follow each other; one that was killed has no end. */
static bool follow_run(struct audit_check *c, const struct record *r)
{
	if (event_is(r, "start")) {
		c->runs++;
		c->running = true;
		return true;
	}
	if (!c->running)
		return breaks(c, "record %llu is outside of a run", (unsigned long long)r->seq);
	if (event_is(r, "stop")) {
		c->stopped++;
		c->running = false;
	}
	return true;
}

/* The line at hand, complete with its newline. */
static bool record_check(struct audit_check *c)
{
	unsigned long long n = c->records;
	size_t len = c->len - 1;
	struct record r;

	if (!parse(c->line, len, &r))
		return breaks(c, "what should be record %llu is no record", n);
	if (r.crc != crc32(0, (uint8_t *)c->line, len - TAIL_LEN))
		return breaks(c, "record %llu was changed: its checksum is wrong", n);
	if (r.seq != c->records)
		return breaks(c, "where record %llu should be is record %llu", n,
			      (unsigned long long)r.seq);
	if (memcmp(r.prev, c->end, HASH))
		return breaks(c, "record %llu does not follow from the one before it%s", n,
			      n ? "" : ": there is none");
	if (!follow_run(c, &r))
		return false;
	if (!c->records)
		c->first_ns = r.at_ns;
	c->last_ns = r.at_ns;
	c->records++;
	c->bytes += c->len;
	sha256_hex(c->line, c->len, c->end);
	c->found |= !strcmp(c->end, c->known);
	return true;
}

void audit_check_begin(struct audit_check *c, const char *known)
{
	memset(c, 0, offsetof(struct audit_check, line));
	memset(c->end, '0', HASH);
	if (known)
		snprintf(c->known, sizeof(c->known), "%s", known);
}

bool audit_check_feed(struct audit_check *c, const void *data, size_t len)
{
	const char *p = data, *end = p + len;

	while (p < end && !c->broken) {
		const char *newline = memchr(p, '\n', end - p);
		size_t n = (newline ? newline + 1 : end) - p;

		if (n > sizeof(c->line) - c->len)
			return breaks(c, "what should be record %llu is no record: it is too long",
				      (unsigned long long)c->records);
		memcpy(c->line + c->len, p, n);
		c->len += n;
		p += n;
		if (!newline)
			break;
		record_check(c);
		c->len = 0;
	}
	return !c->broken;
}

bool audit_check_end(struct audit_check *c)
{
	if (c->broken)
		return false;
	c->torn = c->len;
	if (c->torn)
		return breaks(c,
			      "it ends within record %llu: cut, or torn by a crash or a full disk",
			      (unsigned long long)c->records);
	if (!c->records)
		return breaks(c, "it has no records");
	if (*c->known && !c->found)
		return breaks(c, "no record has the hash %.16s...: it was cut, or is another log",
			      c->known);
	return true;
}

int audit_check_fd(struct audit_check *c, int fd)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!audit_check_feed(c, buf, n))
			return 0;
	}
	audit_check_end(c);
	return 0;
}
