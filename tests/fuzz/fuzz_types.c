// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * A module's types are the input: a byte for the release, a byte for what is odd about the
 * module, then the bytes between types and etypes. Every address in it is looked up.
 */
#include "fuzz.h"
#include "go/goproc.h"
#include "go/types.h"

#define DATA  0x500000ULL
#define TYPES 0x600000ULL
#define MOST  4096 /* bytes of a module that are gone through */

static void check(const struct go_types *ts, uint64_t addr)
{
	struct go_type t;

	if (go_type_read(ts, addr, &t))
		return;
	MUST(addr >= ts->module[0].start && addr < ts->module[0].end);
	MUST(t.ptrbytes <= t.size && t.ptrbytes % 8 == 0);
	MUST(strcmp(go_kind_name(t.kind), "invalid"));
	MUST(t.name[0] && memchr(t.name, 0, sizeof(t.name)) && memchr(t.pkg, 0, sizeof(t.pkg)));
	for (const char *c = t.name; *c; c++)
		MUST((unsigned char)*c >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t module[4096] = {};
	struct mem_segment seg[] = { { DATA, module, sizeof(module) }, { TYPES, data, size } };
	struct goproc gp = { .proven = true };
	uint64_t end = TYPES + size, next;
	struct go_types ts;

	if (size < 2)
		return 0;
	gp.l = &go_layouts[data[0] % go_layouts_count];
	gp.addr[G_firstmoduledata] = DATA;
	/* it may claim more than is there, and others behind it */
	end += data[1] & 1 ? 64 : 0;
	next = data[1] & 2 ? DATA : data[1] & 4 ? DATA + 2000 : 0;
	memcpy(module + gp.l->md_types, &(uint64_t){ TYPES }, 8);
	memcpy(module + gp.l->md_etypes, &end, 8);
	memcpy(module + gp.l->md_next, &next, 8);
	gp.mem = mem_image_new(seg, 2);
	if (!go_types_open(&ts, &gp))
		for (uint64_t i = 0; i < size + 64 && i < MOST; i++)
			check(&ts, TYPES + i);
	mem_close(gp.mem);
	return 0;
}
