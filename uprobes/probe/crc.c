// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Checksums that the programs compute of their records; checked here by zlib's own hand. */
#include "fail.h"
#include "probe/probe.h"
#include <errno.h>
#include <string.h>
#include <zlib.h>

#define POLYNOMIAL 0xedb88320 /* of CRC-32, its bits reversed */

static void fill(struct crc_tables *t)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? POLYNOMIAL : 0);
		t->table[0][i] = c;
	}
	for (int k = 1; k < 8; k++)
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = t->table[k - 1][i];

			t->table[k][i] = c >> 8 ^ t->table[0][c & 0xff];
		}
	t->on = 1;
}

int probes_crc(struct probes *p)
{
	for (size_t i = 0; i < p->nobj; i++) {
		struct crc_tables *t = probes_object_const(p->obj[i], "crc", sizeof(*t));

		if (!t)
			return fail(-EINVAL, "a family of programs has no checksums");
		fill(t);
	}
	p->crc = true;
	return 0;
}

bool event_intact(const void *record, size_t len)
{
	struct event_head head;
	uint32_t crc;

	if (len < sizeof(head))
		return false;
	memcpy(&head, record, sizeof(head));
	crc = head.crc;
	head.crc = 0;
	return crc == crc32(crc32(0, (const uint8_t *)&head, sizeof(head)),
			    (const uint8_t *)record + sizeof(head), len - sizeof(head));
}
