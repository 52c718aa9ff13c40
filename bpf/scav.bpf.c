/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Memory given back; see scav.h. */
#include "scav.h"
#include "syscall.bpf.h"

#define ADVICE_DONTNEED 4
#define ADVICE_FREE     8
#define ANON_PAGES      1 /* of enum, linux/mm_types_task.h: MM_ANONPAGES */
#define PAGE            4096
#define CPUS_MAX        512

const volatile struct scav_places {
	__u64 mapped, limit; /* of gcController */
	__u32 cpus;
	__u32 host_tgid; /* of the target, as the kernel has it */
} scav_places;

/* ---- the process's anonymous memory, to the page ---- */

static __always_inline __u64 kernel_u64(__u64 addr)
{
	__u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), (void *)addr);
	return v;
}

/*
 * Where each CPU has its part of what is kept for all: not every kernel has a symbol for that.
 * But a map of that kind says what it keeps (pptrs), and where a CPU has it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} scav_anchor SEC(".maps");

/*
 * Through memory an address becomes a number: in cpu[i].number, where all write the same. What
 * comes of it, the place of that CPU's part of the target's counter, is kept. The last entry
 * says whose memory they are of.
 */
struct counter_at {
	__u64 number, place;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CPUS_MAX + 1);
	__type(key, __u32);
	__type(value, struct counter_at);
} scav_counters SEC(".maps");

static __always_inline __u64 number_of(struct counter_at *at, const void *address)
{
	*(volatile __u64 *)&at->number = (__u64)address;
	return *(volatile __u64 *)&at->number;
}

static __always_inline void find_counters(struct counter_at *whose, __u64 mm, __u64 counters)
{
	__u64 base = kernel_u64(number_of(whose, &scav_anchor) +
				bpf_core_field_offset(((struct bpf_array *)0)->pptrs));
	__u32 zero = 0;

	for (__u32 i = 0; i < CPUS_MAX && i < scav_places.cpus; i++) {
		__u32 cpu = i;
		struct counter_at *at = bpf_map_lookup_elem(&scav_counters, &cpu);
		void *theirs = bpf_map_lookup_percpu_elem(&scav_anchor, &zero, i);

		if (at && theirs)
			at->place = counters + number_of(at, theirs) - base;
	}
	*(volatile __u64 *)&whose->place = mm;
}

/* What CPUs have counted and not yet added to the whole. */
static __always_inline __s64 not_added(struct mm_struct *mm)
{
	__u32 last = CPUS_MAX;
	struct counter_at *whose = bpf_map_lookup_elem(&scav_counters, &last), *at;
	__s64 sum = 0;
	__s32 v;

	if (!whose)
		return 0;
	if (whose->place != (__u64)mm)
		find_counters(whose, (__u64)mm,
			      (__u64)BPF_CORE_READ(mm, rss_stat[ANON_PAGES].counters));
	for (__u32 i = 0; i < CPUS_MAX && i < scav_places.cpus; i++) {
		__u32 cpu = i;

		at = bpf_map_lookup_elem(&scav_counters, &cpu);
		if (at && !bpf_probe_read_kernel(&v, sizeof(v), (void *)at->place))
			sum += v;
	}
	return sum;
}

static __always_inline __s64 anon_bytes(void)
{
	struct mm_struct *mm = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), mm);

	if (bpf_core_type_exists(struct mm_rss_stat___before_6_2)) {
		struct mm_struct___before_6_2 *old = (void *)mm;

		return BPF_CORE_READ(old, rss_stat.count[ANON_PAGES].counter) * PAGE;
	}
	if (!bpf_core_field_exists(mm->rss_stat[ANON_PAGES].count))
		return SCAV_UNKNOWN;
	return (BPF_CORE_READ(mm, rss_stat[ANON_PAGES].count) + not_added(mm)) * PAGE;
}

/* By thread: when its call began, and what it was then. */
struct scav_begun {
	__u64 ts;
	__s64 anon;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct scav_begun);
} scav_begun SEC(".maps");

SYSCALL_BEGIN("madvise", scav_enter)
{
	__u64 tid = bpf_get_current_pid_tgid();
	struct scav_begun b = { .ts = h->ts };

	if (c->arg[2] != ADVICE_DONTNEED && c->arg[2] != ADVICE_FREE)
		return;
	b.anon = anon_bytes();
	bpf_map_update_elem(&scav_begun, &tid, &b, BPF_ANY);
}

/* ---- what the scavenger was asked for ---- */

struct scav_asked {
	__u64 wanted, mapped, limit, forced;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct scav_asked);
} scav_asked SEC(".maps");

/* func (p *pageAlloc) scavenge(nbytes uintptr, shouldStop func() bool, force bool) uintptr */
static __always_inline void asked(struct pt_regs *ctx)
{
	struct scav_asked a = {
		.wanted = GO_ARG1(ctx),
		.forced = GO_ARG3(ctx) & 0xff,
		.mapped = user_u64(scav_places.mapped),
		.limit = user_u64(scav_places.limit),
	};
	__u64 tid = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&scav_asked, &tid, &a, BPF_ANY);
}

/* By an allocation: of the others the stack says all. */
GO_CALL_PART("runtime.(*mheap).allocSpan", "runtime.(*pageAlloc).scavenge", scav_asked_by_alloc)
{
	asked(ctx);
}

/* By anybody, where calls cannot be found. */
GO_PART("runtime.(*pageAlloc).scavenge", scav_asked_by_any)
{
	asked(ctx);
}

SYSCALL("madvise", scav_madvise)
{
	__u64 tid = bpf_get_current_pid_tgid();
	struct scav_begun *begun = bpf_map_lookup_elem(&scav_begun, &tid);
	struct scav_asked *asked = bpf_map_lookup_elem(&scav_asked, &tid);
	struct scav_event *e = NULL;

	if (!FAILED(c->ret) && hit_sized(h, c->arg[1]))
		e = event_reserve(h, EV_MADVISE, sizeof(*e));
	if (e) {
		e->addr = c->arg[0];
		e->len = c->arg[1];
		e->advice = c->arg[2];
		e->begun = begun ? begun->ts : 0;
		e->anon_before = begun ? begun->anon : SCAV_UNKNOWN;
		e->anon_after = begun ? anon_bytes() : SCAV_UNKNOWN;
		e->wanted = asked ? asked->wanted : 0;
		e->mapped = asked ? asked->mapped : 0;
		e->limit = asked ? asked->limit : 0;
		e->forced = asked ? asked->forced : 0;
		stack_of_call(c, &e->stack);
		event_submit(e);
	}
	bpf_map_delete_elem(&scav_begun, &tid);
}

/* ---- huge pages that the kernel makes ---- */

struct collapse_ctx {
	__u64 common;
	struct mm_struct *mm;
	__s32 isolated, status;
};

/* In khugepaged, or in a madvise of any process: the memory says whose it is. */
const volatile struct prog_info scav_collapse_info = {};

SEC("tracepoint/huge_memory/mm_collapse_huge_page")
int scav_collapse(struct collapse_ctx *ctx)
{
	struct mm_struct *mm = ctx->mm;
	struct task_struct *owner = BPF_CORE_READ(mm, owner);
	struct scav_collapse_event *e;
	struct hit h = {};

	if (BPF_CORE_READ(owner, tgid) != scav_places.host_tgid ||
	    !hit_count(&scav_collapse_info, &h) || !policy_read(&h.now))
		return 0;
	hit_call(&h);
	e = event_reserve(&h, EV_COLLAPSE, sizeof(*e));
	if (e) {
		e->status = ctx->status;
		e->by_target = bpf_get_current_pid_tgid() >> 32 == scav_places.host_tgid;
		event_submit(e);
	}
	hit_end(&h);
	return 0;
}
