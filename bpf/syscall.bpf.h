/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * syscall.bpf.h - programs at system calls of the target.
 *
 *	SYSCALL("munmap", map_munmap)
 *	{
 *		if (!c->ret)
 *			... c->arg[0] ... stack_of_call(c, &e->stack);
 *	}
 *
 * The body runs when a call has ended: the registers of its begin are still where the kernel
 * saved them, arguments included, so one program a call does. What has to be known of before
 * the call is for a second one, SYSCALL_BEGIN, whose body sees struct begun *c. The tracepoints
 * are hit by every process that makes this call; what is counted is the target's alone.
 */
#ifndef SYSCALL_BPF_H
#define SYSCALL_BPF_H

#include "engine.bpf.h"
#include <bpf/bpf_core_read.h>

/* What the tracepoints of system calls say; the first word is the kernel's. */
struct begun {
	__u64 common;
	__s64 nr;
	__u64 arg[6]; /* as many as the call has */
};

struct ended {
	__u64 common;
	__s64 nr, ret;
};

struct call {
	__u64 arg[6];
	__s64 ret;
	__u64 pc, sp, fp, g, lr; /* lr: where it returns to, if it made no frame */
};

#define FAILED(ret) ((ret) < 0 && (ret) >= -4095)

/* As hit_begin(), without trace of others. */
static __always_inline bool call_begin(const volatile struct prog_info *info, struct hit *h,
				       bool chooses)
{
	__u32 id = info->id;
	struct prog_stat *stat = bpf_map_lookup_elem(&stats, &id);

	h->ts = bpf_ktime_get_ns();
	h->prog = id;
	if (!stat || !policy_read(&h->now) || !policy_wants(&h->now))
		return false;
	h->stat = stat;
	h->policy = &h->now;
	add(stat->hits, 1);
	add(stat->calls, 1);
	if (!chooses || policy_samples(h->policy))
		return true;
	add(stat->filtered, 1);
	return false;
}

/* The registers that the current thread entered the kernel with. */
static __always_inline void *call_registers(void)
{
	void *stack;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (void *)bpf_task_pt_regs((void *)bpf_get_current_task_btf());
	/* before 5.15: at the end of its stack, which has 16 KiB on both architectures */
	stack = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), stack);
	return stack + 16384 - bpf_core_type_size(struct pt_regs);
}

#if defined(__TARGET_ARCH_x86)
static __always_inline bool call_read(struct call *c)
{
	struct pt_regs r;

	if (bpf_probe_read_kernel(&r, sizeof(r), call_registers()))
		return false;
	c->pc = r.ip;
	c->sp = r.sp;
	c->fp = r.bp;
	c->g = r.r14;
	c->lr = user_u64(r.sp);
	c->arg[0] = r.di;
	c->arg[1] = r.si;
	c->arg[2] = r.dx;
	c->arg[3] = r.r10;
	c->arg[4] = r.r8;
	c->arg[5] = r.r9;
	return true;
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline bool call_read(struct call *c)
{
	struct {
		__u64 x28, x29, x30, sp, pc;
	} r;
	void *at = call_registers();

	/* the first argument was overwritten by the result; it is kept behind the registers */
	if (bpf_probe_read_kernel(c->arg, sizeof(c->arg), at) ||
	    bpf_probe_read_kernel(&r, sizeof(r), at + 28 * 8) ||
	    bpf_probe_read_kernel(&c->arg[0], 8, at + sizeof(struct user_pt_regs)))
		return false;
	c->pc = r.pc;
	c->sp = r.sp;
	c->fp = r.x29;
	c->g = r.x28;
	c->lr = r.x30;
	return true;
}
#endif

/*
 * Where the call was made. In Go and in glibc the function that has the instruction has made no
 * frame; where it had, the second frame is no code, which the reader sees. What is in g's
 * register is a g if this stack is its own.
 */
static __always_inline void stack_of_call(const struct call *c, struct event_stack *s)
{
	__u64 range[2] = {};

	bpf_probe_read_user(range, sizeof(range), (void *)(c->g + go.g_stack));
	s->pc[0] = c->pc;
	s->pc[1] = c->lr;
	s->n = 2;
	stack_follow(s, c->sp > range[0] && c->sp <= range[1] ? c->g : 0, c->fp);
}

#define SYSCALL_AT_END(call_, name, chooses)                                                       \
	const volatile struct prog_info name##_info = {};                                          \
	static __always_inline void name##_body(struct call *c, struct hit *h);                    \
	SEC("tracepoint/syscalls/sys_exit_" call_) int name(struct ended *ctx)                     \
	{                                                                                          \
		struct hit h = {};                                                                 \
		struct call c = { .ret = ctx->ret };                                               \
                                                                                                   \
		if (call_begin(&name##_info, &h, chooses) && call_read(&c))                        \
			name##_body(&c, &h);                                                       \
		hit_end(&h);                                                                       \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline void name##_body(struct call *c, struct hit *h)

#define SYSCALL(call_, name) SYSCALL_AT_END(call_, name, true)
/* Parts, see GO_PART. */
#define SYSCALL_PART(call_, name) SYSCALL_AT_END(call_, name, false)
#define SYSCALL_BEGIN(call_, name)                                                                 \
	const volatile struct prog_info name##_info = {};                                          \
	static __always_inline void name##_body(struct begun *c, struct hit *h);                   \
	SEC("tracepoint/syscalls/sys_enter_" call_) int name(struct begun *c)                      \
	{                                                                                          \
		struct hit h = {};                                                                 \
                                                                                                   \
		if (call_begin(&name##_info, &h, false))                                           \
			name##_body(c, &h);                                                        \
		hit_end(&h);                                                                       \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline void name##_body(struct begun *c, struct hit *h)

#endif
