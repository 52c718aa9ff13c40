// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * An audit log of anybody's making. However it is cut into pieces it is the same; and a copy
 * whose checksums, numbers and hashes are put right where that is possible gets past the first
 * checks.
 */
#include "audit.h"
#include "fuzz.h"
#include <zlib.h>

#define TAIL 18 /* ,"crc":"00000000"} */

static struct audit_check a, b;

static void checked(struct audit_check *c, const char *text, size_t size, size_t piece)
{
	audit_check_begin(c, NULL);
	for (size_t at = 0; at < size; at += piece)
		if (!audit_check_feed(c, text + at, size - at < piece ? size - at : piece))
			break;
	MUST(audit_check_end(c) == !c->broken);
	MUST(c->bytes <= size && c->records <= size / 100);
	MUST(c->stopped <= c->runs && c->runs - c->stopped >= c->running);
	MUST(c->broken == !!*c->why && strlen(c->end) == SHA256_HEX - 1);
	MUST(!c->torn || c->broken);
}

/* Give each line that ends like a record the checksum it should have, and its place. */
static void mend(char *text, size_t size)
{
	static const char head[] = "{\"v\":1,\"seq\":";
	char prev[SHA256_HEX], crc[16];
	unsigned int n = 0;

	memset(prev, '0', sizeof(prev));
	for (char *line = text, *end; (end = memchr(line, '\n', text + size - line));
	     line = end + 1) {
		size_t len = end - line;

		if (len < sizeof(head) + 9 + SHA256_HEX + TAIL ||
		    memcmp(line, head, sizeof(head) - 1))
			continue;
		line[sizeof(head) - 1] = '0' + n++ % 10;
		memcpy(line + sizeof(head), ",\"prev\":\"", 9);
		memcpy(line + sizeof(head) + 9, prev, SHA256_HEX - 1);
		snprintf(crc, sizeof(crc), "%08x",
			 (unsigned int)crc32(0, (uint8_t *)line, len - TAIL));
		memcpy(end - 10, crc, 8);
		sha256_hex(line, len + 1, prev);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	for (int mended = 0; mended < 2; mended++) {
		checked(&a, text, size, size + 1);
		checked(&b, text, size, 1 + size % 61);
		MUST(a.records == b.records && a.broken == b.broken && a.torn == b.torn);
		MUST(!strcmp(a.end, b.end) && !strcmp(a.why, b.why));
		mend(text, size);
	}
	free(text);
	return 0;
}
