/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * raw.bpf.h - programs at tracepoints of the kernel that every process hits, often.
 *
 *	RAW("kmalloc", kmem_kmalloc)
 *	{
 *		... arg[0] ...
 *	}
 *
 * The body runs in the target's context, whatever the share is: it says policy_samples() itself.
 * arg is what the kernel hands to the tracepoint, which is not what its record has: see TP_PROTO
 * in the kernel's include/trace/events. Of all ways to have a program there this is the cheapest,
 * and the only one where a program that interrupts another is not left out by the kernel.
 * What other processes hit is counted nowhere: it costs the target nothing.
 */
#ifndef RAW_BPF_H
#define RAW_BPF_H

#include "engine.bpf.h"

/* The target, as its own PID namespace has it. */
const volatile __u32 raw_tgid;

/* And as the first one has it, once it was seen: 0 until then. */
static volatile __u32 raw_host_tgid;

static __always_inline bool raw_in_target(void)
{
	struct bpf_pidns_info ns;

	if (raw_host_tgid)
		return bpf_get_current_pid_tgid() >> 32 == raw_host_tgid;
	if (bpf_get_ns_current_pid_tgid(go.pidns_dev, go.pidns_ino, &ns, sizeof(ns)) ||
	    ns.tgid != raw_tgid)
		return false;
	raw_host_tgid = bpf_get_current_pid_tgid() >> 32;
	return true;
}

/*
 * An argument that is only there in some kernels: read where it is written, as the verifier wants
 * no address that was computed.
 */
#define RAW_ARG(ctx, n)                                                                            \
	({                                                                                         \
		__u64 __v;                                                                         \
		__asm__ __volatile__("%0 = *(u64 *)(%1 + %2)" : "=r"(__v) : "r"(ctx), "i"((n)*8)); \
		__v;                                                                               \
	})

/* As hit_begin(). */
static __always_inline bool raw_begin(const volatile struct prog_info *info, struct hit *h)
{
	if (!hit_count(info, h) || !policy_read(&h->now))
		return false;
	hit_call(h);
	return true;
}

#define RAW(tracepoint, name)                                                                      \
	const volatile struct prog_info name##_info = {};                                          \
	static __always_inline void name##_body(struct bpf_raw_tracepoint_args *ctx,               \
						const __u64 *arg, struct hit *h);                  \
	SEC("raw_tp/" tracepoint) int name(struct bpf_raw_tracepoint_args *ctx)                    \
	{                                                                                          \
		struct hit h = {};                                                                 \
                                                                                                   \
		if (!raw_in_target())                                                              \
			return 0;                                                                  \
		if (raw_begin(&name##_info, &h))                                                   \
			name##_body(ctx, ctx->args, &h);                                           \
		hit_end(&h);                                                                       \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline void name##_body(struct bpf_raw_tracepoint_args *ctx,               \
						const __u64 *arg, struct hit *h)

/* The body runs in any context; where that is not the target's, h->policy is NULL. */
#define RAW_ANY(tracepoint, name)                                                                  \
	const volatile struct prog_info name##_info = {};                                          \
	static __always_inline void name##_body(struct bpf_raw_tracepoint_args *ctx,               \
						const __u64 *arg, struct hit *h);                  \
	SEC("raw_tp/" tracepoint) int name(struct bpf_raw_tracepoint_args *ctx)                    \
	{                                                                                          \
		struct hit h = {};                                                                 \
                                                                                                   \
		if (raw_in_target())                                                               \
			raw_begin(&name##_info, &h);                                               \
		name##_body(ctx, ctx->args, &h);                                                   \
		if (h.stat)                                                                        \
			hit_end(&h);                                                               \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline void name##_body(struct bpf_raw_tracepoint_args *ctx,               \
						const __u64 *arg, struct hit *h)

#endif
