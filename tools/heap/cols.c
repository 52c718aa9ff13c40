// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The columns of goheap; see heap.h. */
#include "heap/heap.h"

#define CLASS(...)             COL(struct heap_class_row, __VA_ARGS__)
#define CLASS_F(...)           COL_F(struct heap_class_row, __VA_ARGS__)
#define CELL(...)              COL(struct heap_cell_row, __VA_ARGS__)
#define TYPE(...)              COL(struct heap_type_row, __VA_ARGS__)
#define SUM(field, unit, help) COL(struct heap_summary, field, #field, unit, GAUGE, help)

const struct col heap_class_cols[] = {
	CLASS_F(what, "CLASS", NONE, KEY, COL_TABLE_ONLY,
		"size class of the span, or what the pages are"),
	CLASS_F(state, "STATE", NONE, KEY, COL_JSON_ONLY,
		"in_use (spans of objects), stack, workbuf, free, scavenged, transit"),
	CLASS_F(size_class, "SIZE", NONE, KEY, COL_JSON_ONLY,
		"bytes of a slot; 0: large objects, a span each; null: not in use"),
	CLASS_F(noscan, "NOSCAN", NONE, KEY, COL_JSON_ONLY, "objects without pointers"),
	CLASS(spans, "SPANS", COUNT, GAUGE, "spans"),
	CLASS(objects, "OBJECTS", COUNT, GAUGE, "slots that are occupied, the dead included"),
	CLASS(bytes, "BYTES", BYTES, GAUGE, "bytes of those slots, as HeapAlloc counts them"),
	CLASS(occupancy, "OCC", PERCENT, GAUGE, "bytes as a share of the spans"),
	CLASS(free_slots_bytes, "FREE SLOTS", BYTES, GAUGE, "bytes of slots that are free"),
	CLASS(tail_bytes, "TAIL", BYTES, GAUGE, "bytes of spans that no slot uses"),
	CLASS(resident, "RESIDENT", BYTES, GAUGE, "bytes of the pages that are in RAM"),
	CLASS_F(mapped, "MAPPED", BYTES, GAUGE, COL_WIDE, "bytes of the pages"),
	CLASS_F(live_bytes, "LIVE", BYTES, GAUGE, COL_WIDE,
		"of bytes: marked in the last finished collection"),
	{}
};

const struct col heap_cell_cols[] = {
	CELL(addr, "ADDRESS", ADDR, KEY, "where it begins"),
	CELL(mapped, "SIZE", BYTES, GAUGE, "bytes of the pages"),
	CELL(state, "STATE", NONE, KEY, "what the runtime thinks of them"),
	CELL(what, "CLASS", NONE, KEY, "size class of the spans"),
	CELL(spans, "SPANS", COUNT, GAUGE, "spans"),
	CELL(objects, "OBJECTS", COUNT, GAUGE, "slots that are occupied"),
	CELL(bytes, "BYTES", BYTES, GAUGE, "bytes of those slots"),
	CELL(live_bytes, "LIVE", BYTES, GAUGE, "of bytes: marked in the last collection"),
	CELL(free_slots_bytes, "FREE SLOTS", BYTES, GAUGE, "bytes of slots that are free"),
	CELL(tail_bytes, "TAIL", BYTES, GAUGE, "bytes of spans that no slot uses"),
	CELL(resident, "RESIDENT", BYTES, GAUGE, "bytes of the pages that are in RAM"),
	{}
};

const struct col heap_type_cols[] = {
	TYPE(type, "TYPE", NONE, KEY, "type of the objects; []T: memory for several of T"),
	COL_F(struct heap_type_row, package, "PACKAGE", NONE, KEY, COL_JSON_ONLY,
	      "path of the package of T, if it has a name"),
	TYPE(size, "SIZE", BYTES, GAUGE, "of one value of T"),
	TYPE(objects, "OBJECTS", COUNT, GAUGE,
	     "live in the last finished collection, or allocated since"),
	TYPE(bytes, "BYTES", BYTES, GAUGE, "bytes of their slots"),
	COL_F(struct heap_type_row, live_objects, "LIVE", COUNT, GAUGE, COL_WIDE,
	      "of the objects: marked in the last finished collection"),
	COL_F(struct heap_type_row, live_bytes, "LIVE BYTES", BYTES, GAUGE, COL_WIDE,
	      "bytes of their slots"),
	{}
};

const struct col heap_summary_cols[] = {
	SUM(comm, NONE, "name of the process"),
	SUM(go_version, NONE, "release that built the program"),
	SUM(inuse_bytes, BYTES, "pages of spans in use, added up"),
	SUM(heap_inuse, BYTES, "MemStats.HeapInuse, as the runtime counts it"),
	SUM(occupied_bytes, BYTES, "slots that are occupied, added up: MemStats.HeapAlloc"),
	SUM(objects, COUNT, "how many"),
	SUM(live_bytes, BYTES, "of those, marked in the last finished collection"),
	SUM(free_slots_bytes, BYTES, "slots that are free"),
	SUM(tail_bytes, BYTES, "bytes of spans that no slot uses"),
	SUM(resident, BYTES, "of inuse_bytes, in RAM"),
	SUM(types_known, NONE, "this release notes types of large objects"),
	SUM(typed_objects, COUNT, "objects that have one"),
	SUM(typed_bytes, BYTES, "bytes of their slots"),
	SUM(untyped_objects, COUNT, "objects with what is no type where theirs should be"),
	SUM(passed_objects, COUNT, "objects that were too many to look at, or without marks"),
	SUM(cell_bytes, BYTES, "window of the cells of html; 0: each is a span, or a run of pages"),
	SUM(consistent, NONE, "nothing moved while it was read"),
	SUM(moved_bytes, BYTES, "else: objects that came and went meanwhile, at least"),
	SUM(unmarked_bytes, BYTES, "objects whose marks could not be read: not in live_bytes"),
	SUM(attempts, COUNT, "looks until nothing moved"),
	SUM(window_ns, NSEC, "from the first read to the last"),
	SUM(ended, NONE, "the target has exited: this is what was seen last"),
	{}
};

static const struct map_kind kinds[] = {
	{ "in_use", "in use" },
	{ "stack", "goroutine stacks" },
	{ "workbuf", "work buffers of the collector" },
	{ "free", "free, kept" },
	{ "scavenged", "given back" },
	{ "transit", "changing" },
	{},
};

const struct map_cols heap_map = {
	.addr = "addr",
	.size = "mapped",
	.part = "bytes",
	.kind = "state",
	.name = "what",
	.table = "classes",
	.kinds = kinds,
};
