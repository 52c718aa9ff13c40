/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * site.h - where in the code of a Go function a probe may go.
 *
 * A Go function that needs stack begins by comparing the stack pointer with its g's
 * limit, and calls the runtime when there is too little (cmd/internal/obj/x86/obj6.go,
 * arm64/obj7.go: stacksplit, the same in 1.19 to 1.27):
 *
 *   amd64  [mov %fs:off,%r14]                     assembly only
 *          cmp 16(%r14),%rsp                      frame up to 128 bytes
 *          lea -n(%rsp),%r12; cmp 16(%r14),%r12   up to 4096
 *          mov %rsp,%r12; sub $n,%r12; jb more; cmp 16(%r14),%r12
 *          jbe more            24(%r14): on the system stack
 *   more:  spill arguments; call runtime.morestack*; fill them; jmp entry
 *
 *   arm64  ldr x16,[x28,#16]; cmp sp,x16
 *          ldr x16,[x28,#16]; sub x17,sp,#n; cmp x17,x16
 *          ldr x16,[x28,#16]; [mov x27,#n;] subs x17,sp,n; b.lo more; cmp x17,x16
 *          b.ls more
 *
 * The entry runs again after each growth of the stack and each request to yield, so a
 * probe there counts too much. The branch is passed once a call, and the arguments are
 * still in their registers.
 *
 * The bytes are the target's file: hostile, and only those of a function whose entry and
 * end the line table gives. Whether they are also what the process has is the caller's
 * business.
 */
#ifndef GO_SITE_H
#define GO_SITE_H

#include "go/pclntab.h"
#include <stddef.h>
#include <stdint.h>

#define SITE_CODE_MAX (4U << 20) /* a function is no longer than this */

enum site_kind {
	/*
	 * At the branch: a call is a hit at which it is not taken. amd64: !(flags & 0x41),
	 * carry and zero; arm64: carry set and zero clear, (pstate & 0x60000000) == 0x20000000.
	 */
	SITE_BRANCH,
	/* At the entry, of a function without that check: every hit is a call. */
	SITE_ENTRY,
};

struct site {
	uint32_t off; /* from the function's entry */
	enum site_kind kind;
};

/*
 * The place to count calls of a function at: code is its len bytes, machine EM_X86_64 or
 * EM_AARCH64. -ENOEXEC when there is none: a check that does not lead to the runtime, or a
 * function without one that branches back to its entry (or may: see site_rets for code that
 * cannot be decoded); -EOPNOTSUPP: another machine.
 */
int site_check(uint16_t machine, const uint8_t *code, size_t len, struct site *s);

/*
 * The offsets of all return instructions, ascending; how many there are. They come from
 * decoding the whole function, never from looking for a byte. -EILSEQ if that does not
 * come out even: an instruction that is none, one that reaches over the end, a branch into
 * the middle of one, data among the code that could be a return; -ENOSPC: more than max;
 * -ENOSYS: built without a decoder (Zydis) for this machine; -EFBIG; -ENOMEM.
 *
 * A function may be left in other ways: by a jump to another one (wrappers, assembly), or
 * by a panic.
 */
int site_rets(uint16_t machine, const uint8_t *code, size_t len, uint32_t *offs, size_t max);

/*
 * The same of a function of a line table, which must hold all of them for returns: -EILSEQ
 * if the stack is not where it was at the entry at any of them.
 */
int site_rets_level(const struct pclntab *t, const struct gofunc *f, uint16_t machine,
		    const uint8_t *code, size_t len, uint32_t *offs, size_t max);

/*
 * The offsets of all direct calls of another function, whose entry is at offset callee from
 * this one's (often negative). Results as those of site_rets().
 */
int site_calls(uint16_t machine, const uint8_t *code, size_t len, int64_t callee, uint32_t *offs,
	       size_t max);

/*
 * The first place in code that looks like a direct call of another function, whose entry is at
 * offset callee from it; len: there is none. What it is only a decode can tell (site_calls).
 */
#define SITE_CALL_MAX  5 /* bytes of such a call */
#define SITE_CALL_NEXT 4 /* behind one there is no other before these; whole words on arm64 */
size_t site_call_like(uint16_t machine, const uint8_t *code, size_t len, int64_t callee);

/*
 * The branch right behind the call at `call` that is taken, or not, if what was returned is 0:
 * there it is still in its register (rax, x0). -ENOENT: there is none.
 */
int site_tested(uint16_t machine, const uint8_t *code, size_t len, size_t call);

/* What a hit costs: the kernel does what the instruction does, or lets it run by itself. */
enum site_cost {
	SITE_EMULATED, /* one trap */
	SITE_STEPPED,  /* a single step out of line: two traps, on amd64 the dear one */
};

/*
 * The cost of the instruction at code, len bytes of it: what arch/x86/kernel/uprobes.c
 * (branch_setup_xol_ops, push_setup_xol_ops) and arch/arm64/kernel/probes/decode-insn.c
 * do in every kernel from 5.10. Newer ones emulate more.
 */
enum site_cost site_cost(uint16_t machine, const uint8_t *code, size_t len);

#endif
