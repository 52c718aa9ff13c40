// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Where probes may go: prologues of both machines, damaged ones, returns and their traps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "go/site.h"
#include "mem.h"
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX 512

struct code {
	uint8_t b[CODE_MAX];
	size_t len;
};

static void add(struct code *c, const char *hex)
{
	for (; *hex; hex += 2) {
		char pair[3] = { hex[0], hex[1], 0 };

		c->b[c->len++] = strtoul(pair, NULL, 16);
	}
}

static void add32(struct code *c, uint32_t v)
{
	memcpy(c->b + c->len, &v, 4);
	c->len += 4;
}

/* A buffer of exactly that many bytes: a sanitizer sees each one too far. */
static int check(uint16_t machine, const struct code *c, struct site *s)
{
	uint8_t *exact = malloc(c->len + !c->len);
	int err;

	memcpy(exact, c->b, c->len);
	err = site_check(machine, exact, c->len, s);
	free(exact);
	return err;
}

static const struct prologue {
	const char *bytes; /* up to the branch */
	uint32_t off;
	bool wide; /* the branch is a near one */
} x86[] = {
	{ "493b6610", 4 }, /* cmp 16(%r14),%rsp: 1.19 to 1.27 */
	{ "493b6618", 4 }, /* 24(%r14): on the system stack */
	{ "493b6610", 4, true },
	{ "4c8d6424f8" /* lea -8(%rsp),%r12 */ "4d3b6610", 9 },
	{ "4c8da42468ffffff" /* lea -152(%rsp),%r12 */ "4d3b6618", 12 },
	{ "4c8da42468ffffff4d3b6610", 12, true },
	/* of assembly: mov %fs:-8,%r14; in a PIE; relaxed by the linker */
	{ "644c8b3425f8ffffff493b6610", 13 },
	{ "4c8b3511223300644d8b36493b6610", 15 },
	{ "49c7c6f8ffffff644d8b364c8d6424f84d3b6610", 20 },
};

/*
 * The whole function: prologue, branch, ret, and behind the branch's target a spill, the
 * call of the runtime, a fill and the jump to the entry.
 */
static void x86_function(struct code *c, const struct prologue *p, const char *between)
{
	size_t at, more;

	*c = (struct code){};
	add(c, p->bytes);
	at = c->len;
	add(c, p->wide ? "0f8600000000" : "7600");
	add(c, between);
	add(c, "c3");
	more = c->len;
	if (p->wide)
		memcpy(c->b + at + 2, &(int32_t){ more - (at + 6) }, 4);
	else
		c->b[at + 1] = more - (at + 2);
	add(c, "4889442408" /* mov %rax,8(%rsp) */ "e800100000"
	       "488b442408"
	       "eb00");
	c->b[c->len - 1] = -(int)c->len;
	add(c, "cccccccc");
}

static void test_x86_branch(void **state)
{
	struct code c;
	struct site s;

	for (size_t i = 0; i < sizeof(x86) / sizeof(x86[0]); i++) {
		x86_function(&c, &x86[i], "9090");
		assert_int_equal(check(EM_X86_64, &c, &s), 0);
		assert_int_equal(s.kind, SITE_BRANCH);
		assert_int_equal(s.off, x86[i].off);
		assert_int_equal(site_cost(EM_X86_64, c.b + s.off, c.len - s.off), SITE_EMULATED);
		assert_int_equal(site_cost(EM_X86_64, c.b, c.len), SITE_STEPPED);
	}
}

/* A frame above 4096: a branch before the branch, and both lead to the same place. */
static void test_x86_huge_frame(void **state)
{
	struct code c = {};
	struct site s;

	add(&c, "4989e4"
		"4981ec80100000" /* mov %rsp,%r12; sub $4224,%r12 */);
	add(&c, "7207"
		"4d3b6610"
		"7601"
		"c3"); /* both to the call */
	add(&c, "e800100000"
		"ebe6");
	assert_int_equal(check(EM_X86_64, &c, &s), 0);
	assert_int_equal(s.kind, SITE_BRANCH);
	assert_int_equal(s.off, 16);
	c.b[11] = 6; /* to the ret */
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
}

static void test_x86_no_branch(void **state)
{
	struct code c;
	struct site s;

	/* the branch leads out of the function, or backwards; the compare has no branch */
	x86_function(&c, &x86[0], "90");
	c.b[5] = 0x7f;
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
	c.b[5] = 0xfa;
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
	x86_function(&c, &x86[0], "90");
	c.b[4] = 0x77; /* ja */
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
	/* no call there, one inside the function, no way back to the entry */
	x86_function(&c, &x86[0], "90");
	c.b[13] = 0xb8;
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
	x86_function(&c, &x86[0], "90");
	c.b[15] = c.b[16] = 0;
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
	x86_function(&c, &x86[0], "90");
	c.b[c.len - 5]++;
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
}

static void test_entry(void **state)
{
	struct code c = {};
	struct site s;

	add(&c, "4889c3"
		"c3"); /* mov %rax,%rbx; ret */
	assert_int_equal(check(EM_X86_64, &c, &s), 0);
	assert_int_equal(s.kind, SITE_ENTRY);
	assert_int_equal(s.off, 0);
	/* a loop whose head is the entry: hits are no calls */
	c = (struct code){};
	add(&c, "48ffc8"
		"75fb"
		"c3"); /* dec %rax; jne entry; ret */
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
	c = (struct code){};
	add32(&c, 0xf1000400); /* subs x0,x0,#1 */
	add32(&c, 0x54ffffe1); /* b.ne entry */
	add32(&c, 0xd65f03c0);
	assert_int_equal(check(EM_AARCH64, &c, &s), -ENOEXEC);
	memcpy(c.b + 4, &(uint32_t){ 0xd503201f }, 4); /* nop */
	assert_int_equal(check(EM_AARCH64, &c, &s), 0);
	assert_int_equal(s.kind, SITE_ENTRY);
	assert_int_equal(check(EM_386, &c, &s), -EOPNOTSUPP);
	c.len = 0;
	assert_int_equal(check(EM_X86_64, &c, &s), -ENOEXEC);
}

#define GUARD0   0xf9400b90 /* ldr x16,[x28,#16] */
#define GUARD1   0xf9400f90
#define CMP_SP   0xeb3063ff
#define CMP_X17  0xeb10023f
#define SUB      0xd10403f1 /* sub x17,sp,#256 */
#define SUBS     0xf13e43f1 /* subs x17,sp,#3984 */
#define SUBS_X27 0xeb3b63f1
#define B_LO     0x54000003
#define B_LS     0x54000009
#define ARM_RET  0xd65f03c0
#define ARM_NOP  0xd503201f

static const uint32_t arm[][8] = {
	{ GUARD0, CMP_SP, B_LS },
	{ GUARD1, CMP_SP, B_LS },
	{ GUARD0, SUB, CMP_X17, B_LS },
	{ GUARD0, SUBS, B_LO, CMP_X17, B_LS },
	{ GUARD0, 0xd283f21b /* mov x27,#8080 */, SUBS_X27, B_LO, CMP_X17, B_LS },
	{ GUARD0, 0xd29ff21b, 0xf2a03ffb /* movk */, SUBS_X27, B_LO, CMP_X17, B_LS },
	{ GUARD0, 0xb2401ffb /* orr x27,xzr,#255 */, SUBS_X27, B_LO, CMP_X17, B_LS },
	{ GUARD0, 0x1800009b /* ldr w27,. */, SUBS_X27, B_LO, CMP_X17, B_LS },
};

/* Returns the offset of b.ls. */
static uint32_t arm_function(struct code *c, const uint32_t *prologue)
{
	size_t n = 0, more;

	*c = (struct code){};
	while (prologue[n])
		n++;
	more = n + 2; /* behind a nop and a ret */
	for (size_t i = 0; i < n; i++) {
		bool branch = prologue[i] == B_LO || prologue[i] == B_LS;

		add32(c, prologue[i] | (branch ? (more - i) << 5 : 0));
	}
	add32(c, ARM_NOP);
	add32(c, ARM_RET);
	add32(c, 0xf90007e0); /* str x0,[sp,#8] */
	add32(c, 0xaa1e03e3); /* mov x3,x30 */
	add32(c, 0x94010000); /* bl, far away */
	add32(c, 0xf94007e0);
	add32(c, 0x14000000 | (-(c->len / 4) & 0x3ffffff)); /* b entry */
	return 4 * (n - 1);
}

static void test_arm(void **state)
{
	struct code c;
	struct site s;

	for (size_t i = 0; i < sizeof(arm) / sizeof(arm[0]); i++) {
		uint32_t off = arm_function(&c, arm[i]);

		assert_int_equal(check(EM_AARCH64, &c, &s), 0);
		assert_int_equal(s.kind, SITE_BRANCH);
		assert_int_equal(s.off, off);
		assert_int_equal(site_cost(EM_AARCH64, c.b + off, 4), SITE_EMULATED);
		assert_int_equal(site_cost(EM_AARCH64, c.b, 4), SITE_STEPPED);
		c.b[off] ^= 1; /* b.hi */
		assert_int_equal(check(EM_AARCH64, &c, &s), -ENOEXEC);
	}
	arm_function(&c, arm[0]);
	c.b[c.len - 4]++; /* not to the entry */
	assert_int_equal(check(EM_AARCH64, &c, &s), -ENOEXEC);
	arm_function(&c, arm[0]);
	memcpy(c.b + c.len - 12, &(uint32_t){ 0x97fffffe }, 4); /* a call of itself */
	assert_int_equal(check(EM_AARCH64, &c, &s), -ENOEXEC);
	arm_function(&c, arm[0]);
	c.len -= 2;
	assert_int_equal(check(EM_AARCH64, &c, &s), -ENOEXEC);
}

/* Cut anywhere, and with every bit flipped: whatever comes out is inside. */
static void test_damaged(void **state)
{
	struct code c, d;
	struct site s;
	uint32_t offs[8];
	int n;

	for (int m = 0; m < 2; m++) {
		uint16_t machine = m ? EM_AARCH64 : EM_X86_64;

		if (m)
			arm_function(&c, arm[5]);
		else
			x86_function(&c, &x86[4], "9090");
		d = c;
		for (d.len = 0; d.len < c.len; d.len++)
			check(machine, &d, &s);
		for (size_t bit = 0; bit < c.len * 8; bit++) {
			d = c;
			d.b[bit / 8] ^= 1 << bit % 8;
			if (!check(machine, &d, &s))
				assert_true(s.off < d.len);
			n = site_rets(machine, d.b, d.len, offs, 8);
			for (int i = 0; i < n; i++)
				assert_true(offs[i] < d.len);
		}
	}
}

static void test_x86_rets(void **state)
{
	struct code c = {};
	uint32_t offs[4];

	/* c3 in an immediate, a displacement and a ModRM byte, then two returns and padding */
	add(&c, "b8c3c3c3c3"
		"488b83c3000000"
		"89c3"
		"7401"
		"c3"
		"f3c3"
		"cccc");
	if (site_rets(EM_X86_64, c.b, c.len, offs, 4) == -ENOSYS) {
		skip(); /* built without Zydis */
	}
	assert_int_equal(site_rets(EM_X86_64, c.b, c.len, offs, 4), 2);
	assert_int_equal(offs[0], 16);
	assert_int_equal(offs[1], 17);
	assert_int_equal(site_rets(EM_X86_64, c.b, c.len, offs, 2), 2);
	assert_int_equal(site_rets(EM_X86_64, c.b, c.len, offs, 1), -ENOSPC);
	c.b[15] = 2; /* a branch into the middle of repz ret */
	assert_int_equal(site_rets(EM_X86_64, c.b, c.len, offs, 4), -EILSEQ);
	c.b[15] = 1;
	add(&c, "e800"); /* reaches over the end */
	assert_int_equal(site_rets(EM_X86_64, c.b, c.len, offs, 4), -EILSEQ);
	c.len -= 2;
	add(&c, "06"); /* not an instruction in 64 bits */
	assert_int_equal(site_rets(EM_X86_64, c.b, c.len, offs, 4), -EILSEQ);
	assert_int_equal(site_rets(EM_X86_64, c.b, SITE_CODE_MAX + 1, offs, 4), -EFBIG);
}

static void test_arm_rets(void **state)
{
	struct code c = {};
	uint32_t offs[4];

	add32(&c, ARM_RET);
	add32(&c, ARM_NOP);
	add32(&c, 0xd65f0360); /* ret x27 */
	add32(&c, 0xd61f0360); /* br x27 */
	assert_int_equal(site_rets(EM_AARCH64, c.b, c.len, offs, 4), 2);
	assert_int_equal(offs[0], 0);
	assert_int_equal(offs[1], 8);
	assert_int_equal(site_rets(EM_AARCH64, c.b, c.len, offs, 1), -ENOSPC);
	assert_int_equal(site_rets(EM_AARCH64, c.b, c.len - 1, offs, 4), -EILSEQ);
	/* a constant that looks like one: ldr x0,.+12 */
	memcpy(c.b + 4, &(uint32_t){ 0x58000060 }, 4);
	add32(&c, ARM_RET);
	assert_int_equal(site_rets(EM_AARCH64, c.b, c.len, offs, 4), -EILSEQ);
	assert_int_equal(site_rets(EM_386, c.b, c.len, offs, 4), -ENOSYS);
}

/* A table of one function, of three words; its stack depth is 16 but for the last one. */
static void test_level(void **state)
{
	static const uint8_t pcsp[] = { 0, 34, 2, 31, 1, 0 }; /* -1 + 17 for 2 words, -16 for 1 */
	struct code c = {};
	struct pclntab t = { .version = 20, .nfunc = 1 };
	uint8_t table[256] = {};
	struct gofunc f = { .entry = 0, .end = 12, .func = 128 };
	uint32_t offs[4];

	t.quantum = 4;
	t.p = table;
	t.len = sizeof(table);
	t.pctab = 64;
	memcpy(table + 64, pcsp, sizeof(pcsp));
	memcpy(table + 128 + 16, &(uint32_t){ 1 }, 4); /* 0 is no table */
	add32(&c, ARM_NOP);
	add32(&c, ARM_NOP);
	add32(&c, ARM_RET);
	assert_int_equal(site_rets_level(&t, &f, EM_AARCH64, c.b, c.len, offs, 4), 1);
	assert_int_equal(offs[0], 8);
	memcpy(c.b + 4, &(uint32_t){ ARM_RET }, 4);
	assert_int_equal(site_rets(EM_AARCH64, c.b, c.len, offs, 4), 2);
	assert_int_equal(site_rets_level(&t, &f, EM_AARCH64, c.b, c.len, offs, 4), -EILSEQ);
	t.len = 130; /* no room for a _func */
	assert_int_equal(site_rets_level(&t, &f, EM_AARCH64, c.b, c.len, offs, 4), -EILSEQ);
}

static void test_cost(void **state)
{
	static const char *const cheap[] = { "7600",       "0f8600000000", "eb00", "e900000000",
					     "e800000000", "90",           "55",   "4154" };
	static const char *const dear[] = { "c3", "493b6610", "4883ec18", "4889e5", "4158" };
	static const uint32_t arm_cheap[] = { 0x54000009, 0x14000000, ARM_RET,   0xd63f0020,
					      0xb5000003, 0x90000001, 0x58000060 };
	static const uint32_t arm_dear[] = { GUARD0, CMP_SP, 0xf81f0ffe, 0x9c000003 };
	struct code c;

	for (size_t i = 0; i < sizeof(cheap) / sizeof(cheap[0]); i++) {
		c = (struct code){};
		add(&c, cheap[i]);
		assert_int_equal(site_cost(EM_X86_64, c.b, c.len), SITE_EMULATED);
	}
	for (size_t i = 0; i < sizeof(dear) / sizeof(dear[0]); i++) {
		c = (struct code){};
		add(&c, dear[i]);
		assert_int_equal(site_cost(EM_X86_64, c.b, c.len), SITE_STEPPED);
	}
	for (size_t i = 0; i < sizeof(arm_cheap) / sizeof(arm_cheap[0]); i++)
		assert_int_equal(site_cost(EM_AARCH64, (const void *)&arm_cheap[i], 4),
				 SITE_EMULATED);
	for (size_t i = 0; i < sizeof(arm_dear) / sizeof(arm_dear[0]); i++)
		assert_int_equal(site_cost(EM_AARCH64, (const void *)&arm_dear[i], 4),
				 SITE_STEPPED);
	assert_int_equal(site_cost(EM_X86_64, c.b, 0), SITE_STEPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86_branch),    cmocka_unit_test(test_x86_huge_frame),
		cmocka_unit_test(test_x86_no_branch), cmocka_unit_test(test_entry),
		cmocka_unit_test(test_arm),           cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_x86_rets),      cmocka_unit_test(test_arm_rets),
		cmocka_unit_test(test_level),         cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests_name("site", tests, NULL, NULL);
}
