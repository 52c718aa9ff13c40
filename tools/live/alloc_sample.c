// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What a sample of allocations stands for, and of what type they are; see alloc.h. */
#include "fnv.h"
#include "go/coderefs.h"
#include "live/alloc.h"
#include <bpf/bpf.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define CODE_BEFORE 96 /* bytes before a call in which its type is loaded */
#define LEA_LEN     7
#define CALL_LEN    5

/* ---- stacks ---- */

void alloc_pcs(struct live *l, const struct alloc_key *k, struct event_stack *s)
{
	int map = probes_map(&l->probes, "alloc_stacks");
	uint64_t pc[ALLOC_FRAMES] = {};

	*s = (struct event_stack){};
	for (int i = 0; i < 2; i++)
		if (k->caller[i])
			s->pc[s->n++] = k->caller[i];
	if (k->stack >= 0 && !bpf_map_lookup_elem(map, &k->stack, pc))
		for (size_t i = 0; i < ALLOC_FRAMES && pc[i] && s->n < STACK_MAX; i++)
			s->pc[s->n++] = pc[i];
}

/* The function that was compiled around a return address, whatever was inlined there. */
static const char *compiled(struct live *l, uint64_t pc)
{
	struct frame f[SYMBOLS_FRAMES];
	size_t n = symbols_lookup(l->names, pc - 1, f, SYMBOLS_FRAMES);

	return n && f[n - 1].function ? f[n - 1].function : "";
}

/* What leads from a call of the allocator to where it is seen. */
bool alloc_is_plumbing(const char *function)
{
	static const char *const prefix[] = {
		"runtime.mallocgc",     "runtime.(*mcache).", "runtime.(*mcentral).",
		"runtime.profilealloc", "runtime.mProf_",     "runtime.nextFree",
	};

	for (size_t i = 0; function && i < ARRAY_SIZE(prefix); i++)
		if (!strncmp(function, prefix[i], strlen(prefix[i])))
			return true;
	return false;
}

/* ---- what it stands for ---- */

static void estimate_profiled(struct alloc_state *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct alloc_cell *c = &a->cell[i];

		c->part = alloc_profiled(c->sum.objects, c->key.size, a->rate);
	}
}

/* A span class is a size class with pointers or without. */
static struct alloc_stratum *stratum_of(const struct alloc_cell *c, struct alloc_stratum (*s)[2])
{
	return &s[c->key.class % ALLOC_CLASSES][!!(c->key.size & ALLOC_NOSCAN)];
}

static void fill_strata(const struct alloc_state *a, struct alloc_stratum (*s)[2])
{
	for (size_t i = 0; i < a->n; i++) {
		const struct alloc_sum *n = &a->cell[i].sum;
		struct alloc_stratum *of = stratum_of(&a->cell[i], s);

		of->samples += n->objects;
		of->weight += n->bytes;
		of->first += a->cell[i].key.size & ALLOC_FIRST ? n->objects : 0;
	}
	for (int i = 0; i < ALLOC_SPAN_CLASSES; i++) {
		s[i / 2][i % 2].flushed = a->flushed[i].spans;
		s[i / 2][i % 2].unused = a->flushed[i].unused;
	}
	for (int i = 0; i < ALLOC_CLASSES; i++)
		alloc_strata_split(s[i], a->delta.objects[i], a->delta.bytes[i]);
}

/*
 * After a collection the first small object without pointers needs a slot of its own: among those
 * that needed a span then, there are more of such than have a share in the slots. They are left
 * out if a span was used up.
 */
static void drop_first(struct alloc_state *a, struct alloc_stratum *tiny)
{
	if (tiny->samples <= tiny->first)
		return;
	for (size_t i = 0; i < a->n; i++) {
		struct alloc_cell *c = &a->cell[i];

		if (c->key.class != ALLOC_TINY_CLASS || c->key.size != (ALLOC_FIRST | ALLOC_NOSCAN))
			continue;
		tiny->weight -= c->sum.bytes;
		c->sum = (struct alloc_sum){};
	}
}

/* The runtime's counters tell how much there was of a class; samples, who shares in it. */
static void estimate_spans(struct alloc_state *a)
{
	struct alloc_stratum s[ALLOC_CLASSES][2] = {};
	size_t n = a->n;

	fill_strata(a, s);
	drop_first(a, &s[ALLOC_TINY_CLASS][1]);
	for (size_t i = 0; i < n; i++) {
		struct alloc_cell *c = &a->cell[i];

		c->part =
			alloc_share(c->sum.objects, c->sum.bytes, c->sum.squares, stratum_of(c, s));
		if (c->key.class == ALLOC_LARGE) /* each of them was seen */
			c->part.var = 0;
	}
	for (uint32_t i = 0; i < ALLOC_CLASSES; i++)
		if (a->delta.objects[i] && !s[i][0].samples && !s[i][1].samples)
			a->cell[a->n++] = (struct alloc_cell){
				.key = { .stack = -1, .class = i, .type = UINT64_MAX },
				.part = { .objects = a->delta.objects[i],
					  .bytes = a->delta.bytes[i] },
			};
}

static void estimate_all(struct alloc_state *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct alloc_cell *c = &a->cell[i];

		c->part = (struct alloc_part){
			.objects = c->sum.objects,
			.bytes = c->sum.bytes,
			.requested = c->sum.requested,
			.samples = c->sum.objects,
		};
	}
}

/* What is found out of a stack: what tells it apart, and the type if the program did not say. */
static void identify(struct alloc_state *a, struct live *l, struct alloc_cell *c)
{
	struct event_stack s;
	uint32_t from = 0;

	alloc_pcs(l, &c->key, &s);
	if (a->mode == ALLOC_SAMPLED && a->by & ALLOC_BY_TYPE)
		c->key.type = alloc_site_type(l, &a->types, &s);
	while (from < s.n && alloc_is_plumbing(compiled(l, s.pc[from])))
		from++;
	c->stack = fnv(s.pc + from, (s.n - from) * sizeof(s.pc[0]));
}

int alloc_estimate(struct alloc_state *a, struct live *l)
{
	go_types_open(&a->types, &l->gp);
	for (size_t i = 0; i < a->n; i++)
		identify(a, l, &a->cell[i]);
	fail_clear();
	if (a->mode == ALLOC_WINDOWED)
		alloc_window_estimate(a);
	else if (a->mode == ALLOC_EXACT)
		estimate_all(a);
	else if (a->rate)
		estimate_profiled(a);
	else
		estimate_spans(a);
	return 0;
}

/* ---- of what type ---- */

bool alloc_is_runtime(const char *function)
{
	return !strncmp(function, "runtime.", strlen("runtime."));
}

static bool in_types(const struct go_types *types, uint64_t addr)
{
	for (size_t i = 0; i < types->n; i++)
		if (addr >= types->module[i].start && addr < types->module[i].end)
			return true;
	return false;
}

/* The last of lea disp(%rip),%reg before the call that leads into the types. */
static uint64_t x86_type(const struct go_types *types, const uint8_t *code, uint64_t from)
{
	for (int i = CODE_BEFORE - CALL_LEN - LEA_LEN; i >= 0; i--) {
		uint64_t to;

		/* REX.W or REX.WR, lea, and a ModRM of a register and disp32(%rip) */
		if ((code[i] & 0xfb) != 0x48 || code[i + 1] != 0x8d || (code[i + 2] & 0xc7) != 5)
			continue;
		to = from + i + LEA_LEN + (int64_t)(int32_t)get_u32(code, i + 3);
		if (in_types(types, to))
			return to;
	}
	return UINT64_MAX;
}

/* The last address in the types that the code before the call makes: adrp and add, or adr. */
static uint64_t arm_type(const struct go_types *types, const uint8_t *code, uint64_t from)
{
	uint64_t at[CODE_BEFORE / 2]; /* an instruction has two at most */

	for (size_t i = 0; i < types->n; i++) {
		struct coderefs r = { types->module[i].start, types->module[i].end, .at = at,
				      .max = ARRAY_SIZE(at) };

		coderefs_add(&r, EM_AARCH64, code, CODE_BEFORE, from);
		if (r.n)
			return at[r.n - 1];
	}
	return UINT64_MAX;
}

static uint64_t loaded_type(struct live *l, const struct go_types *types, uint64_t pc)
{
	uint8_t code[CODE_BEFORE];
	uint64_t from = pc - CODE_BEFORE;

	if (pc < CODE_BEFORE || mem_read(l->gp.mem, from, code, sizeof(code)))
		return UINT64_MAX;
	return l->gp.bin.machine == EM_X86_64 ? x86_type(types, code, from)
					      : arm_type(types, code, from);
}

uint64_t alloc_site_type(struct live *l, const struct go_types *types, const struct event_stack *s)
{
	/* what the compiler hands a type to; what makes strings has none */
	static const char *const typed[] = { "runtime.newobject",   "runtime.makeslice",
					     "runtime.makeslice64", "runtime.growslice",
					     "runtime.makechan",    "runtime.newarray" };
	static const char *const plain[] = { "runtime.rawstring", "runtime.rawbyteslice",
					     "runtime.concatstrings", "runtime.slicebytetostring" };
	const char *last = "runtime.mallocgc", *f;
	bool none = false;

	for (uint32_t i = 0; i < s->n; i++, last = f) {
		f = compiled(l, s->pc[i]);
		for (size_t k = 0; k < ARRAY_SIZE(plain); k++)
			none |= !strcmp(f, plain[k]);
		if (alloc_is_runtime(f))
			continue;
		if (none)
			return 0;
		for (size_t k = 0; k < ARRAY_SIZE(typed); k++)
			if (!strcmp(last, typed[k]))
				return loaded_type(l, types, s->pc[i]);
		return !strncmp(last, "runtime.mallocgc", strlen("runtime.mallocgc"))
			       ? loaded_type(l, types, s->pc[i])
			       : UINT64_MAX;
	}
	return UINT64_MAX;
}
