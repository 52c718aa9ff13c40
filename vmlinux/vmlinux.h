/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * vmlinux.h - the kernel types the programs touch, and no others, on every architecture.
 *
 * Where a type says so, CO-RE fixes its offsets at load; registers of a probed program are
 * a user interface of the kernel and stay where they are.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/bpf.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef _Bool bool;
enum { false, true };

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31], sp, pc, pstate;
};
struct pt_regs {
	struct user_pt_regs user_regs;
};
#endif

#define KERNEL __attribute__((preserve_access_index))

struct percpu_counter {
	__s64 count;
	__s32 *counters; /* of each CPU */
} KERNEL;

struct mm_struct {
	struct task_struct *owner;
	struct percpu_counter rss_stat[4]; /* Linux 6.2 and later */
} KERNEL;

struct mm_rss_stat___before_6_2 {
	struct {
		long counter;
	} count[4];
} KERNEL;

struct mm_struct___before_6_2 {
	struct mm_rss_stat___before_6_2 rss_stat;
} KERNEL;

struct bpf_array {
	void *pptrs[0];
} KERNEL;

struct kmem_cache {
	const char *name;
	unsigned int object_size, size;
} KERNEL;

/* What records of tracepoints have tells what their programs are handed. */
struct trace_event_raw_kmalloc {
	unsigned long call_site;
} KERNEL;

struct trace_event_raw_kmem_alloc {
	bool accounted;
} KERNEL;

struct trace_event_raw_percpu_alloc_percpu {
	unsigned long call_site;
} KERNEL;

struct pt_regs___arm64 {
	__s32 syscallno;
} KERNEL;

struct task_struct {
	void *stack;
	int tgid;
	struct mm_struct *mm;
} KERNEL;

#endif
