// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Which variables code names: each way of both machines, and what must not be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "go/coderefs.h"
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define CODE 0x10000ULL
#define DATA 0x123000ULL

/* In a buffer of exactly that many bytes, so that a sanitizer sees each one too far. */
static size_t refs(uint16_t machine, const void *code, size_t len, uint64_t *at, size_t max)
{
	struct coderefs r = { .start = DATA, .end = DATA + 0x2000, .at = at, .max = max };
	uint8_t *exact = malloc(len + !len);

	memcpy(exact, code, len);
	coderefs_add(&r, machine, exact, len, CODE);
	free(exact);
	return r.n;
}

static void test_x86(void **state)
{
	/* mov disp(%rip),%rax; cmpl $imm32,disp(%rip); ret */
	uint8_t code[] = { 0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x81, 0x3d, 0, 0, 0, 0, 1, 2, 3, 4, 0xc3 };
	uint64_t at[16];
	size_t n;

	memcpy(code + 3, &(uint32_t){ DATA + 8 - (CODE + 7) }, 4);
	memcpy(code + 9, &(uint32_t){ DATA + 24 - (CODE + 17) }, 4);
	n = refs(EM_X86_64, code, sizeof(code), at, 16);
	/* each may have 0, 1 or 4 bytes of immediate */
	assert_int_equal(n, 6);
	assert_int_equal(at[0], DATA + 8);
	assert_int_equal(at[5], DATA + 24);
	assert_int_equal(refs(EM_X86_64, code, sizeof(code), at, 2), 2);
	for (size_t len = 0; len < sizeof(code); len++)
		refs(EM_X86_64, code, len, at, 16);
	assert_int_equal(refs(EM_386, code, sizeof(code), at, 16), 0);
}

/* adrp xN of the page of DATA, from the word'th instruction: pages are 0x113 apart */
#define ADRP(n) (0x90000000U | (0x113U & 3) << 29 | (0x113U >> 2) << 5 | (n))

static void test_arm(void **state)
{
	static const struct {
		uint32_t code[4];
		uint64_t at[3];
	} c[] = {
		{ { ADRP(5), 0x9101e0a5 /* add x5,x5,#120 */ }, { DATA + 120 } },
		{ { ADRP(5), 0x914004a5 /* add x5,x5,#1,lsl #12 */ }, { DATA + 4096 } },
		{ { ADRP(27), 0xf940277b /* ldr x27,[x27,#72] */ }, { DATA + 72 } },
		{ { ADRP(27), 0xb9407b64 /* ldr w4,[x27,#120] */ }, { DATA + 120 } },
		{ { ADRP(27), 0x390c0364 /* strb w4,[x27,#768] */ }, { DATA + 768 } },
		{ { ADRP(27), 0x3dc00760 /* ldr q0,[x27,#16] */ }, { DATA + 16 } },
		{ { ADRP(0), 0x9101e000, 0xa9412002 /* add x0; ldp x2,x8,[x0,#16] */ },
		  { DATA + 120, DATA + 136, DATA + 144 } },
		{ { ADRP(0), 0x9101e000, 0x293f2002 /* stp w2,w8,[x0,#-8] */ },
		  { DATA + 120, DATA + 112, DATA + 116 } },
		/* the register is another one, was loaded, was computed, or a call was between */
		{ { ADRP(5), 0x9101e0c5 }, {} },
		{ { ADRP(27), 0xf940277b, 0xf940277b }, { DATA + 72 } },
		{ { ADRP(27), 0xaa0003fb /* mov x27,x0 */, 0xb9407b64 }, {} },
		{ { ADRP(27), 0x94000000, 0xb9407b64 }, {} },
		{ { ADRP(27), 0xd63f0020 /* blr x1 */, 0xb9407b64 }, {} },
		/* pairs that move their base are no members */
		{ { ADRP(0), 0xa8c12002 /* ldp x2,x8,[x0],#16 */ }, {} },
		{ { 0x10000005 | 0x1000 << 5 /* adr, of code */ }, {} },
	};
	uint64_t at[8];

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		size_t want = 0, n = refs(EM_AARCH64, c[i].code, sizeof(c[i].code), at, 8);

		while (want < 3 && c[i].at[want])
			want++;
		assert_int_equal(n, want);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(at[k], c[i].at[k]);
		for (size_t len = 0; len < sizeof(c[i].code); len++)
			refs(EM_AARCH64, c[i].code, len, at, 8);
	}
}

/* Whatever words: no more than fit, and none outside of the range. */
static void test_noise(void **state)
{
	uint32_t x = 2463534242, code[256];
	uint64_t at[8];

	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 256; i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			code[i] = i % 3 ? x : ADRP(x & 31);
		}
		for (int m = 0; m < 2; m++) {
			size_t n = refs(m ? EM_AARCH64 : EM_X86_64, code, sizeof(code), at, 8);

			assert_true(n <= 8);
			for (size_t k = 0; k < n; k++)
				assert_true(at[k] >= DATA && at[k] < DATA + 0x2000);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86),
		cmocka_unit_test(test_arm),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests_name("coderefs", tests, NULL, NULL);
}
