// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Which variables the code of a function may name; see coderefs.h. */
#include "go/coderefs.h"
#include "mem.h"
#include <elf.h>
#include <stdbool.h>
#include <string.h>

static void note(struct coderefs *r, uint64_t at)
{
	if (at >= r->start && at < r->end && r->n < r->max)
		r->at[r->n++] = at;
}

/*
 * Every byte b with (b & 0xc7) == 5 may be the ModRM of an operand disp32(%rip); the
 * instruction ends 0, 1 or 4 bytes of immediate behind it.
 */
static void x86_refs(struct coderefs *r, const uint8_t *code, size_t len, uint64_t addr)
{
	static const int immediate[] = { 0, 1, 4 };

	for (size_t i = 1; i + 5 <= len; i++) {
		int64_t disp = (int32_t)get_u32(code, i + 1);

		for (int k = 0; (code[i] & 0xc7) == 5 && k < 3; k++)
			note(r, addr + i + 5 + immediate[k] + disp);
	}
}

/* ---- arm64; encodings: Arm ARM, C4.1 ---- */

struct arm {
	struct coderefs *r;
	uint64_t reg[32]; /* addresses that registers hold; 0: unknown; 31 is sp, never known */
};

/* Bits [lo, lo + width) with their sign. */
static int64_t bits(uint32_t w, int lo, int width)
{
	return (int64_t)((uint64_t)w << (64 - lo - width)) >> (64 - width);
}

static void arm_set(struct arm *a, unsigned int reg, uint64_t value)
{
	if (reg < 31)
		a->reg[reg] = value;
}

static void arm_adr(struct arm *a, uint32_t w, uint64_t pc)
{
	int64_t imm = bits(w, 5, 19) * 4 + (w >> 29 & 3);

	if (w >> 31) {
		arm_set(a, w & 31, (pc & ~0xfffULL) + ((uint64_t)imm << 12));
		return;
	}
	arm_set(a, w & 31, pc + imm);
	note(a->r, pc + imm);
}

static void arm_add(struct arm *a, uint32_t w)
{
	uint64_t base = a->reg[w >> 5 & 31], imm = w >> 10 & 0xfff;

	if (w >> 22 & 1)
		imm <<= 12;
	arm_set(a, w & 31, base ? base + imm : 0);
	if (base)
		note(a->r, base + imm);
}

/* A load or store of one register, with an unsigned offset in units of its size. */
static void arm_offset(struct arm *a, uint32_t w)
{
	uint64_t base = a->reg[w >> 5 & 31];
	bool vector = w >> 26 & 1;
	int scale = vector && w >> 23 & 1 ? 4 : w >> 30;

	if (base)
		note(a->r, base + ((uint64_t)(w >> 10 & 0xfff) << scale));
	if (!vector && w >> 22 & 3)
		arm_set(a, w & 31, 0);
}

/* The same of a pair. */
static void arm_pair(struct arm *a, uint32_t w)
{
	uint64_t base = a->reg[w >> 5 & 31];
	bool vector = w >> 26 & 1;
	int scale = vector ? 2 + (w >> 30) : 2 + (w >> 31);
	int64_t off = bits(w, 15, 7) * (1 << scale);

	if (base && (w >> 23 & 3) == 2) {
		note(a->r, base + off);
		note(a->r, base + off + (1 << scale));
	}
	if (!vector && w >> 22 & 1) {
		arm_set(a, w & 31, 0);
		arm_set(a, w >> 10 & 31, 0);
	}
}

static void arm_step(struct arm *a, uint32_t w, uint64_t pc)
{
	if ((w & 0x1f000000) == 0x10000000)
		arm_adr(a, w, pc);
	else if ((w & 0xff800000) == 0x91000000)
		arm_add(a, w);
	else if ((w & 0x3b000000) == 0x39000000)
		arm_offset(a, w);
	else if ((w & 0x3a000000) == 0x28000000)
		arm_pair(a, w);
	else if ((w & 0xfc000000) == 0x94000000 || (w & 0xfffffc1f) == 0xd63f0000)
		memset(a->reg, 0, sizeof(a->reg)); /* a call */
	else if ((w & 0x1c000000) == 0x10000000 || (w & 0x0e000000) == 0x0a000000 ||
		 ((w & 0x0a000000) == 0x08000000 && w >> 22 & 1))
		arm_set(a, w & 31, 0); /* arithmetic, or a load of another kind */
}

void coderefs_add(struct coderefs *r, uint16_t machine, const uint8_t *code, size_t len,
		  uint64_t addr)
{
	struct arm a = { .r = r };

	if (machine == EM_X86_64)
		x86_refs(r, code, len, addr);
	for (size_t i = 0; machine == EM_AARCH64 && len - i >= 4; i += 4)
		arm_step(&a, get_u32(code, i), addr + i);
}
