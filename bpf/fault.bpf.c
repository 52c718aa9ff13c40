// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Page faults; see fault.h. */
#include "fault.h"
#include "raw.bpf.h"
#include "syscall.bpf.h"

#define PAGE            4096
#define ADVICE_DONTNEED 4
#define ADVICE_FREE     8
#define MAP_FIXED       0x10
#define GFP_MOVABLE     0x08 /* of user pages; of slabs and page tables not */
#define ORDER_LEAST     2    /* smaller pieces are not looked at: none is a huge page */

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, FAULT_STACKS);
	__uint(key_size, 4);
	__uint(value_size, FAULT_FRAMES * 8);
} fault_stacks SEC(".maps");

/* By thread: the largest piece since its last fault. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} fault_orders SEC(".maps");

const volatile struct prog_info fault_page_alloc_info = {};

/*
 * page, order, gfp_flags, migratetype. Most are single pages, of every fault one: no more is done
 * of those than to count them.
 */
SEC("raw_tp/mm_page_alloc") int fault_page_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 id = fault_page_alloc_info.id;
	__u8 order = ctx->args[1], *before;
	struct prog_stat *stat;
	__u64 tid;

	if (!raw_in_target())
		return 0;
	stat = bpf_map_lookup_elem(&stats, &id);
	if (stat)
		add(stat->hits, 1);
	if (order < ORDER_LEAST || !(ctx->args[2] & GFP_MOVABLE))
		return 0;
	tid = bpf_get_current_pid_tgid();
	before = bpf_map_lookup_elem(&fault_orders, &tid);
	if (!before || *before < order)
		bpf_map_update_elem(&fault_orders, &tid, &order, BPF_ANY);
	return 0;
}

/* As the kernel hands it to a program of a perf event (linux/bpf_perf_event.h). */
struct perf_ctx {
#if defined(__TARGET_ARCH_x86)
	struct pt_regs regs;
#elif defined(__TARGET_ARCH_arm64)
	struct user_pt_regs regs;
#endif
	__u64 period, addr;
};

static __always_inline __u8 take_order(void)
{
	__u64 tid = bpf_get_current_pid_tgid();
	__u8 *there = bpf_map_lookup_elem(&fault_orders, &tid), order = 0;

	if (there) {
		order = *there;
		bpf_map_delete_elem(&fault_orders, &tid);
	}
	return order;
}

/*
 * A page is chosen, not a fault: what becomes of it later is seen, too. The pages of a mapping
 * come in turn, so the product is spread evenly.
 */
static __always_inline bool page_chosen(const struct policy *p, __u64 addr)
{
	__u32 mixed = (addr / PAGE * 0x9e3779b97f4a7c15ULL) >> 32;

	if (p->cgroup && bpf_get_current_cgroup_id() != p->cgroup)
		return false;
	return p->sample == SAMPLE_ALL || mixed < p->sample;
}

static __always_inline void fault(struct perf_ctx *ctx, struct hit *h, bool major)
{
	__u8 order = take_order();
	struct fault_event *e;
	struct call at = {};
	__s64 stack;

	if (!page_chosen(h->policy, ctx->addr)) {
		add(h->stat->filtered, 1);
		return;
	}
	/* also of a fault in a system call: the registers that the kernel was entered with */
	call_read(&at);
	stack = bpf_get_stackid(ctx, &fault_stacks, BPF_F_USER_STACK);
	e = event_reserve(h, EV_FAULT, sizeof(*e));
	if (!e)
		return;
	e->addr = ctx->addr;
	e->pc = at.pc;
	e->lr = at.lr;
	e->stack = stack < 0 ? -1 : stack;
	e->major = major;
	e->order = order;
	e->pad = 0;
	event_submit(e);
}

#define SOFTWARE(event, name, major)                                                               \
	const volatile struct prog_info name##_info = {};                                          \
	SEC("software/" event) int name(struct perf_ctx *ctx)                                      \
	{                                                                                          \
		struct hit h = {};                                                                 \
                                                                                                   \
		if (!raw_in_target())                                                              \
			return 0;                                                                  \
		if (raw_begin(&name##_info, &h))                                                   \
			fault(ctx, &h, major);                                                     \
		hit_end(&h);                                                                       \
		return 0;                                                                          \
	}

SOFTWARE("page-faults-min", fault_minor, false)
SOFTWARE("page-faults-maj", fault_major, true)

/* ---- pages that are taken away ---- */

static __always_inline void forget(struct hit *h, __u64 start, __u64 len, bool unmapped)
{
	struct forget_event *e = event_reserve(h, EV_FORGET, sizeof(*e));

	if (!e)
		return;
	e->start = start;
	e->len = len;
	e->unmapped = unmapped;
	e->pad = 0;
	event_submit(e);
}

/* These are no faults: they are not chosen, and are there whatever the share is. */

SYSCALL_PART("madvise", fault_madvise)
{
	if (!FAILED(c->ret) && (c->arg[2] == ADVICE_DONTNEED || c->arg[2] == ADVICE_FREE))
		forget(h, c->arg[0], c->arg[1], false);
}

SYSCALL_PART("munmap", fault_munmap)
{
	if (!FAILED(c->ret))
		forget(h, c->arg[0], c->arg[1], true);
}

SYSCALL_PART("mmap", fault_mmap)
{
	if (!FAILED(c->ret) && (c->arg[3] & MAP_FIXED))
		forget(h, c->arg[0], c->arg[1], true);
}

SYSCALL_PART("mremap", fault_mremap)
{
	if (!FAILED(c->ret))
		forget(h, c->arg[0], c->arg[1], true);
}
