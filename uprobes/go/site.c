// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Where in the code of a Go function a probe may go; see site.h. */
#include "go/site.h"
#include "mem.h"
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>
#endif

/* ---- amd64: patterns of bytes; a dot is any half of one ---- */

static bool nibble_is(unsigned int v, char c)
{
	return c == '.' || v == (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static bool match(const uint8_t *code, size_t len, const char *pattern)
{
	if (strlen(pattern) / 2 > len)
		return false;
	for (; *pattern; pattern += 2, code++)
		if (!nibble_is(*code >> 4, pattern[0]) || !nibble_is(*code & 15, pattern[1]))
			return false;
	return true;
}

/* The first of some patterns that matches at *at, which then is behind it; or NULL. */
static const char *match_any(const uint8_t *code, size_t len, size_t *at,
			     const char *const *patterns)
{
	for (; *patterns; patterns++)
		if (match(code + *at, len - *at, *patterns)) {
			*at += strlen(*patterns) / 2;
			return *patterns;
		}
	return NULL;
}

/* How assembly gets at its g: in a program, in a PIE, in one that the linker relaxed. */
static const char *const x86_load_g[] = { "644c8b3425........", "4c8b35........644d8b36",
					  "49c7c6........644d8b36", NULL };
static const char *const x86_frame[] = { "4c8d6424..", "4c8da424........", NULL };
static const char *const x86_frame_huge[] = { "4989e44981ec........", NULL };
static const char *const x86_cmp_rsp[] = { "493b6610", "493b6618", NULL };
static const char *const x86_cmp_r12[] = { "4d3b6610", "4d3b6618", NULL };
static const char *const x86_jb[] = { "72..", "0f82........", NULL };
static const char *const x86_jbe[] = { "76..", "0f86........", NULL };
static const char *const x86_jmp[] = { "eb..", "e9........", NULL };
static const char *const x86_call[] = { "e8........", NULL };

/* If a branch of these patterns is at *at: behind it, and where it leads; else -1. */
static int64_t x86_branch(const uint8_t *code, size_t len, size_t *at, const char *const *patterns)
{
	const char *p = match_any(code, len, at, patterns);

	if (!p)
		return -1;
	return (int64_t)*at +
	       (strlen(p) == 4 ? (int8_t)code[*at - 1] : (int32_t)get_u32(code, *at - 4));
}

static bool inside(int64_t to, size_t len)
{
	return to >= 0 && to < (int64_t)len;
}

/* A call out of the function, and then a jump to its entry. */
static bool x86_calls_runtime(const uint8_t *code, size_t len, size_t from)
{
	bool called = false;
	size_t at;

	for (size_t i = from; i < len; i++) {
		at = i;
		called |= !inside(x86_branch(code, len, &at, x86_call), len) && at > i;
		at = i;
		if (called && !x86_branch(code, len, &at, x86_jmp))
			return true;
	}
	return false;
}

/* -ENOENT: the code does not begin with a check. */
static int x86_check(const uint8_t *code, size_t len, struct site *s)
{
	int64_t to, huge_to = -1;
	bool frame, huge;
	size_t at = 0;

	match_any(code, len, &at, x86_load_g);
	frame = match_any(code, len, &at, x86_frame);
	huge = !frame && match_any(code, len, &at, x86_frame_huge);
	if (huge)
		huge_to = x86_branch(code, len, &at, x86_jb);
	if (!match_any(code, len, &at, frame || huge ? x86_cmp_r12 : x86_cmp_rsp))
		return -ENOENT;
	s->off = at;
	to = x86_branch(code, len, &at, x86_jbe);
	return to < (int64_t)at || !inside(to, len) || (huge && huge_to != to) ||
			       !x86_calls_runtime(code, len, to)
		       ? -ENOEXEC
		       : 0;
}

/* Some bytes look like a branch to the entry. */
static bool x86_may_loop(const uint8_t *code, size_t len)
{
	static const char *const jumps[] = { "eb..", "7...", "e9........", "0f8.........", NULL };
	size_t at;

	for (size_t i = 0; i < len; i++) {
		at = i;
		if (!x86_branch(code, len, &at, jumps))
			return true;
	}
	return false;
}

/* What a decode has seen: offsets of what is looked for, and a bit a byte of the function. */
struct decoded {
	uint32_t *off;
	size_t n, max;
	const int64_t *callee;   /* calls of it are looked for; NULL: returns */
	uint8_t *start, *target; /* of instructions, of branches */
};

#ifdef HAVE_ZYDIS

static void mark(uint8_t *bits, size_t i)
{
	bits[i / 8] |= 1 << i % 8;
}

/* No branch leads into the middle of an instruction. */
static bool x86_even(const struct decoded *d, size_t len)
{
	for (size_t i = 0; i <= len / 8; i++)
		if (d->target[i] & ~d->start[i])
			return false;
	return true;
}

static bool x86_wanted(const struct decoded *d, const ZydisDecodedInstruction *insn, int64_t to)
{
	if (!d->callee)
		return insn->mnemonic == ZYDIS_MNEMONIC_RET;
	return insn->mnemonic == ZYDIS_MNEMONIC_CALL && insn->raw.imm[0].is_relative &&
	       to == *d->callee;
}

static int x86_decode(const uint8_t *code, size_t len, struct decoded *d)
{
	ZydisDecodedInstruction insn;
	ZydisDecoder decoder;
	int64_t to;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (size_t at = 0; at < len; at += insn.length) {
		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&decoder, NULL, code + at, len - at,
							      &insn)))
			return -EILSEQ;
		mark(d->start, at);
		to = (int64_t)(at + insn.length) + insn.raw.imm[0].value.s;
		if (insn.raw.imm[0].is_relative && inside(to, len))
			mark(d->target, to);
		if (!x86_wanted(d, &insn, to))
			continue;
		if (d->n < d->max)
			d->off[d->n] = at;
		d->n++;
	}
	return x86_even(d, len) ? 0 : -EILSEQ;
}

#else

static int x86_decode(const uint8_t *code, size_t len, struct decoded *d)
{
	return -ENOSYS;
}

#endif

static int x86_decode_all(const uint8_t *code, size_t len, struct decoded *d, bool *loops)
{
	int err;

	d->start = calloc(1, len / 8 + 1);
	d->target = calloc(1, len / 8 + 1);
	err = d->start && d->target ? x86_decode(code, len, d) : -ENOMEM;
	*loops = err || d->target[0] & 1;
	free(d->start);
	free(d->target);
	return err;
}

static int x86_find(const uint8_t *code, size_t len, const int64_t *callee, uint32_t *offs,
		    size_t max)
{
	struct decoded d = { .off = offs, .max = max, .callee = callee };
	bool loops;
	int err = x86_decode_all(code, len, &d, &loops);

	return err ? err : d.n > max ? -ENOSPC : (int)d.n;
}

static bool x86_loops(const uint8_t *code, size_t len)
{
	struct decoded d = {};
	bool loops = x86_may_loop(code, len);

	if (loops)
		x86_decode_all(code, len, &d, &loops);
	return loops;
}

/* ---- arm64: words, and which of their bits are given ---- */

struct word {
	uint32_t mask, bits;
};

static const struct word arm_guard = { 0xfffffbff, 0xf9400b90 };    /* ldr x16,[x28,#16 or #24] */
static const struct word arm_cmp_sp = { 0xffffffff, 0xeb3063ff };   /* cmp sp,x16 */
static const struct word arm_cmp_x17 = { 0xffffffff, 0xeb10023f };  /* cmp x17,x16 */
static const struct word arm_sub = { 0xff8003ff, 0xd10003f1 };      /* sub x17,sp,#n */
static const struct word arm_subs = { 0xff8003ff, 0xf10003f1 };     /* subs x17,sp,#n */
static const struct word arm_subs_x27 = { 0xffffffff, 0xeb3b63f1 }; /* subs x17,sp,x27 */
static const struct word arm_b_lo = { 0xff00001f, 0x54000003 };
static const struct word arm_b_ls = { 0xff00001f, 0x54000009 };
static const struct word arm_b = { 0xfc000000, 0x14000000 };
static const struct word arm_bl = { 0xfc000000, 0x94000000 };
static const struct word arm_b_cond = { 0xff000000, 0x54000000 };
static const struct word arm_cbz = { 0x7e000000, 0x34000000 };
static const struct word arm_cbz_x0 = { 0xfe00001f, 0xb4000000 }; /* or cbnz */
static const struct word arm_tbz = { 0x7e000000, 0x36000000 };
static const struct word arm_adr = { 0x1f000000, 0x10000000 };
static const struct word arm_br = { 0xff9ffc1f, 0xd61f0000 };  /* br, blr, ret */
static const struct word arm_ret = { 0xfffffc1f, 0xd65f0000 }; /* by any register */
static const struct word arm_literal = { 0x3b000000, 0x18000000 };
static const struct word arm_literal_int = { 0x3f000000, 0x18000000 };
/* A constant into x27: immediates, a logical one, from a pool of literals. */
static const struct word arm_const[] = {
	{ 0x1f80001f, 0x1280001b },
	{ 0x7f8003ff, 0x320003fb },
	{ 0xbf00001f, 0x1800001b },
};

static bool is(uint32_t w, struct word p)
{
	return (w & p.mask) == p.bits;
}

/* The word at *at if it is that one, and on to the next; at must be inside. */
static bool arm_next(const uint8_t *code, size_t len, size_t *at, struct word p)
{
	if (len - *at < 4 || !is(get_u32(code, *at), p))
		return false;
	*at += 4;
	return true;
}

/* A field of width bits from bit on, in words from at: where that leads. */
static int64_t arm_target(uint32_t w, size_t at, int bit, int width)
{
	int64_t words = (int64_t)((uint64_t)w << (64 - bit - width)) >> (64 - width);

	return (int64_t)at + words * 4;
}

/* Where a branch leads, or -1 if it is none or a call. */
static int64_t arm_branch(uint32_t w, size_t at)
{
	if (is(w, arm_b))
		return arm_target(w, at, 0, 26);
	if (is(w, arm_b_cond) || is(w, arm_cbz))
		return arm_target(w, at, 5, 19);
	return is(w, arm_tbz) ? arm_target(w, at, 5, 14) : -1;
}

/* A call out of the function, and then a jump to its entry. */
static bool arm_calls_runtime(const uint8_t *code, size_t len, size_t from)
{
	bool called = false;

	for (size_t at = from; len - at >= 4; at += 4) {
		uint32_t w = get_u32(code, at);

		called |= is(w, arm_bl) && !inside(arm_target(w, at, 0, 26), len);
		if (is(w, arm_b))
			return called && !arm_branch(w, at);
	}
	return false;
}

static bool arm_const_x27(const uint8_t *code, size_t len, size_t *at)
{
	for (size_t i = 0; i < sizeof(arm_const) / sizeof(arm_const[0]); i++)
		if (arm_next(code, len, at, arm_const[i]))
			return true;
	return false;
}

/* From behind the load of the limit: up to the branch; where the first of two leads. */
static bool arm_compare(const uint8_t *code, size_t len, size_t *at, int64_t *huge_to)
{
	if (arm_next(code, len, at, arm_cmp_sp))
		return true;
	if (!arm_next(code, len, at, arm_sub)) {
		while (arm_const_x27(code, len, at))
			;
		if (!arm_next(code, len, at, arm_subs) && !arm_next(code, len, at, arm_subs_x27))
			return false;
		if (!arm_next(code, len, at, arm_b_lo))
			return false;
		*huge_to = arm_branch(get_u32(code, *at - 4), *at - 4);
	}
	return arm_next(code, len, at, arm_cmp_x17);
}

static int arm_check(const uint8_t *code, size_t len, struct site *s)
{
	int64_t to, huge_to = -1;
	size_t at = 0;

	if (len % 4)
		return -ENOEXEC;
	if (!arm_next(code, len, &at, arm_guard))
		return -ENOENT;
	if (!arm_compare(code, len, &at, &huge_to) || !arm_next(code, len, &at, arm_b_ls))
		return -ENOEXEC;
	s->off = at - 4;
	to = arm_branch(get_u32(code, s->off), s->off);
	return to < (int64_t)at || !inside(to, len) || (huge_to >= 0 && huge_to != to) ||
			       !arm_calls_runtime(code, len, to)
		       ? -ENOEXEC
		       : 0;
}

static bool arm_loops(const uint8_t *code, size_t len)
{
	for (size_t at = 0; len - at >= 4; at += 4)
		if (!arm_branch(get_u32(code, at), at))
			return true;
	return false;
}

/* The word at off is one that other code loads. */
static bool arm_is_data(const uint8_t *code, size_t len, size_t off)
{
	for (size_t at = 0; at < len; at += 4) {
		uint32_t w = get_u32(code, at);
		int64_t to = is(w, arm_literal) ? arm_target(w, at, 5, 19) : -1;

		/* up to 16 bytes are loaded */
		if (to >= 0 && (int64_t)off >= to && (int64_t)off < to + 16)
			return true;
	}
	return false;
}

/* Returns, or calls of callee. */
static int arm_find(const uint8_t *code, size_t len, const int64_t *callee, uint32_t *offs,
		    size_t max)
{
	size_t n = 0;

	if (len % 4)
		return -EILSEQ;
	for (size_t at = 0; at < len; at += 4) {
		uint32_t w = get_u32(code, at);

		if (callee ? !is(w, arm_bl) || arm_target(w, at, 0, 26) != *callee
			   : !is(w, arm_ret))
			continue;
		if (arm_is_data(code, len, at))
			return -EILSEQ;
		if (n == max)
			return -ENOSPC;
		offs[n++] = at;
	}
	return n;
}

/* ---- either ---- */

int site_check(uint16_t machine, const uint8_t *code, size_t len, struct site *s)
{
	bool arm = machine == EM_AARCH64, loops;
	int err;

	if (!arm && machine != EM_X86_64)
		return -EOPNOTSUPP;
	if (!len || len > SITE_CODE_MAX)
		return -ENOEXEC;
	*s = (struct site){ .kind = SITE_BRANCH };
	err = arm ? arm_check(code, len, s) : x86_check(code, len, s);
	if (err != -ENOENT)
		return err;
	*s = (struct site){ .kind = SITE_ENTRY };
	loops = arm ? arm_loops(code, len) : x86_loops(code, len);
	return loops ? -ENOEXEC : 0;
}

static int find(uint16_t machine, const uint8_t *code, size_t len, const int64_t *callee,
		uint32_t *offs, size_t max)
{
	if (len > SITE_CODE_MAX)
		return -EFBIG;
	switch (machine) {
	case EM_X86_64: return x86_find(code, len, callee, offs, max);
	case EM_AARCH64: return arm_find(code, len, callee, offs, max);
	default: return -ENOSYS;
	}
}

int site_rets(uint16_t machine, const uint8_t *code, size_t len, uint32_t *offs, size_t max)
{
	return find(machine, code, len, NULL, offs, max);
}

int site_calls(uint16_t machine, const uint8_t *code, size_t len, int64_t callee, uint32_t *offs,
	       size_t max)
{
	return find(machine, code, len, &callee, offs, max);
}

int site_rets_level(const struct pclntab *t, const struct gofunc *f, uint16_t machine,
		    const uint8_t *code, size_t len, uint32_t *offs, size_t max)
{
	int n = site_rets(machine, code, len, offs, max);
	struct pcln_func pf;

	if (n > 0 && !pclntab_func_read(t, f->func, &pf))
		return -EILSEQ;
	for (int i = 0; i < n; i++)
		if (pclntab_value(t, pf.pcsp, offs[i]))
			return -EILSEQ;
	return n;
}

size_t site_call_like(uint16_t machine, const uint8_t *code, size_t len, int64_t callee)
{
	bool arm = machine == EM_AARCH64;
	size_t step = arm ? 4 : 1, call = arm ? 4 : SITE_CALL_MAX, at;

	for (size_t i = 0; i < len && len - i >= call; i += step) {
		at = i;
		if (arm ? is(get_u32(code, i), arm_bl) &&
				    arm_target(get_u32(code, i), i, 0, 26) == callee
			: code[i] == 0xe8 && x86_branch(code, len, &at, x86_call) == callee)
			return i;
	}
	return len;
}

int site_tested(uint16_t machine, const uint8_t *code, size_t len, size_t call)
{
	static const char *const test[] = { "4885c0", NULL };
	static const char *const branch[] = { "74..", "75..", "0f84........", "0f85........",
					      NULL };
	size_t at = call, to;

	if (call >= len)
		return -ENOENT;
	if (machine == EM_AARCH64)
		return arm_next(code, len, &at, arm_bl) && len - at >= 4 &&
				       is(get_u32(code, at), arm_cbz_x0)
			       ? (int)at
			       : -ENOENT;
	if (!match_any(code, len, &at, x86_call) || !match_any(code, len, &at, test))
		return -ENOENT;
	to = at;
	return match_any(code, len, &at, branch) ? (int)to : -ENOENT;
}

/* Branches, one byte nop, push of a register. */
static bool x86_emulated(const uint8_t *code, size_t len)
{
	static const char *const patterns[] = { "eb..",         "e9........", "e8........", "7...",
						"0f8.........", "90",         NULL };
	size_t at = 0;

	if (match_any(code, len, &at, patterns))
		return true;
	at = len && code[0] == 0x41; /* r8 to r15 */
	return at < len && (code[at] & 0xf8) == 0x50;
}

static bool arm_emulated(uint32_t w)
{
	return is(w, arm_b) || is(w, arm_bl) || is(w, arm_b_cond) || is(w, arm_cbz) ||
	       is(w, arm_tbz) || is(w, arm_adr) || is(w, arm_br) || is(w, arm_literal_int);
}

enum site_cost site_cost(uint16_t machine, const uint8_t *code, size_t len)
{
	bool emulated = machine == EM_X86_64 ? x86_emulated(code, len)
					     : len >= 4 && arm_emulated(get_u32(code, 0));

	return emulated ? SITE_EMULATED : SITE_STEPPED;
}
