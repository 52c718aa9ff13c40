/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * engine.bpf.h - what every family of programs includes: probes, policy, rings, stacks.
 *
 *	GO("runtime.freeStackSpans", gc_end)
 *	{
 *		struct gc_end_event *e = event_reserve(h, EV_GC_END, sizeof(*e));
 *		...
 *		event_submit(e);
 *	}
 *
 * The site is written at the program and nowhere else: the user side finds it in the target
 * (uprobes/probe/attach.c). The body runs when the function was really called, by the target,
 * and the policy wants it. Bodies see struct pt_regs *ctx and struct hit *h.
 *
 * A program may be preempted and another instance run on the same CPU: counters are added to
 * atomically, and nothing is kept in scratch space of a CPU. Kernels before 5.12 do not
 * preempt them, and have no add that fetches: their objects are built with -DNO_FETCH.
 */
#ifndef ENGINE_BPF_H
#define ENGINE_BPF_H

#include "event.h"
#include "hist.h"
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ---- registers: Go's ABIInternal ---- */

#if defined(__TARGET_ARCH_x86)
#define GO_ARG0(ctx)     ((ctx)->ax)
#define GO_ARG1(ctx)     ((ctx)->bx)
#define GO_ARG2(ctx)     ((ctx)->cx)
#define GO_ARG3(ctx)     ((ctx)->di)
#define GO_ARG4(ctx)     ((ctx)->si)
#define GO_G(ctx)        ((ctx)->r14)
#define GO_PC(ctx)       ((ctx)->ip)
#define GO_SP(ctx)       ((ctx)->sp)
#define GO_FP(ctx)       ((ctx)->bp)
#define GO_BRANCHED(ctx) ((ctx)->flags & 0x41) /* carry or zero: jbe is taken */
#elif defined(__TARGET_ARCH_arm64)
#define GO_REGS(ctx)     ((struct user_pt_regs *)(ctx))
#define GO_ARG0(ctx)     (GO_REGS(ctx)->regs[0])
#define GO_ARG1(ctx)     (GO_REGS(ctx)->regs[1])
#define GO_ARG2(ctx)     (GO_REGS(ctx)->regs[2])
#define GO_ARG3(ctx)     (GO_REGS(ctx)->regs[3])
#define GO_ARG4(ctx)     (GO_REGS(ctx)->regs[4])
#define GO_G(ctx)        (GO_REGS(ctx)->regs[28])
#define GO_PC(ctx)       (GO_REGS(ctx)->pc)
#define GO_SP(ctx)       (GO_REGS(ctx)->sp)
#define GO_FP(ctx)       (GO_REGS(ctx)->regs[29])
#define GO_LR(ctx)       (GO_REGS(ctx)->regs[30])
/* carry clear or zero set: b.ls is taken */
#define GO_BRANCHED(ctx) ((GO_REGS(ctx)->pstate & 0x60000000) != 0x20000000)
#endif

/* ---- what the user side says ---- */

/* Offsets in the runtime's structures, and addresses in the target. */
const volatile struct go_offsets {
	__u32 g_m, g_goid, g_stack, g_sched_sp, g_sched_pc, g_sched_bp;
	__u32 m_g0, m_curg;
	__u64 morestack, morestack_end; /* the text of runtime.morestack */
	__u64 no_frame, no_frame_end;   /* of systemstack_switch, if systemstack has no frame */
	__u64 pidns_dev, pidns_ino;     /* of the target's PID namespace */
} go;

/*
 * Whether records get a checksum. If not, the verifier leaves out what computes it: this is
 * constant when the programs are loaded.
 */
const volatile struct crc_tables crc;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, POLICIES);
	__type(key, __u32);
	__type(value, struct policy);
} policies SEC(".maps");

/* The generation that counts now; written last, so that none is seen half. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} generation SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGS_MAX);
	__type(key, __u32);
	__type(value, struct prog_stat);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sequence SEC(".maps");

/* A ring for each CPU: producers of different CPUs never meet. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

/* ---- a hit ---- */

struct hit {
	struct prog_stat *stat;
	const struct policy *policy; /* now, below: one generation, whole */
	struct policy now;
	__u64 ts;
	__u16 prog;
};

#define add(counter, n) __sync_fetch_and_add(&(counter), n)

#ifdef NO_FETCH
#define next(counter) ((counter)++)
#else
#define next(counter) __sync_fetch_and_add(&(counter), 1)
#endif

/*
 * The current policy. A program may sleep here while its place is used again, POLICIES changes
 * later: the generation, which is written first, has to be the same before and after.
 */
static __always_inline bool policy_read(struct policy *to)
{
	__u32 zero = 0, slot, gen, *now = bpf_map_lookup_elem(&generation, &zero);
	const struct policy *p;

	if (!now)
		return false;
	for (int i = 0; i < 4; i++) {
		gen = *(volatile __u32 *)now;
		slot = gen % POLICIES;
		p = bpf_map_lookup_elem(&policies, &slot);
		if (!p)
			return false;
		__builtin_memcpy(to, p, sizeof(*to));
		__asm__ __volatile__("" ::: "memory");
		if (to->generation == gen && *(const volatile __u32 *)&p->generation == gen)
			return true;
	}
	return false;
}

/* The last process that was wanted: as the policy has it, and as the host does. */
static volatile __u64 wanted;

/*
 * The target, and the process in it; where it is by its own PID namespace, which it cannot
 * change. Asking for that took 2 us, most of a program's time: it is asked once a process.
 */
static __always_inline bool policy_wants(const struct policy *p)
{
	__u64 who = (__u64)p->tgid << 32 | bpf_get_current_pid_tgid() >> 32;
	struct bpf_pidns_info ns;

	if (wanted == who)
		return true;
	if (bpf_get_ns_current_pid_tgid(go.pidns_dev, go.pidns_ino, &ns, sizeof(ns)) ||
	    ns.tgid != p->tgid)
		return false;
	wanted = who;
	return true;
}

/* Bounds of size are for the bodies of events that have one: hit_sized(). */
static __always_inline bool policy_samples(const struct policy *p)
{
	if (p->cgroup && bpf_get_current_cgroup_id() != p->cgroup)
		return false;
	return p->sample == SAMPLE_ALL || bpf_get_prandom_u32() < p->sample;
}

/* It is counted before anything is asked. */
static __always_inline bool hit_count(const volatile struct prog_info *info, struct hit *h)
{
	__u32 id = info->id;

	h->ts = bpf_ktime_get_ns();
	h->prog = id;
	h->stat = bpf_map_lookup_elem(&stats, &id);
	if (!h->stat)
		return false;
	add(h->stat->hits, 1);
	return true;
}

/* It is the target's call: of the policy that counts now. */
static __always_inline void hit_call(struct hit *h)
{
	h->policy = &h->now;
	add(h->stat->calls, 1);
}

/* Whether the body is to run; a part of an event that was chosen before is not chosen again. */
static __always_inline bool hit_begin(struct pt_regs *ctx, const volatile struct prog_info *info,
				      struct hit *h, bool chooses)
{
	if (!hit_count(info, h))
		return false;
	/* stack growth and preemption lead back to the entry: that is no call */
	if (info->site == PROG_BRANCH && GO_BRANCHED(ctx))
		return false;
	if (!policy_read(&h->now) || !policy_wants(&h->now))
		return false;
	hit_call(h);
	if (!chooses || policy_samples(h->policy))
		return true;
	add(h->stat->filtered, 1);
	return false;
}

static __always_inline void hit_end(struct hit *h)
{
	__u64 ns = bpf_ktime_get_ns() - h->ts;
	__u32 bin = hist_log2(ns | 1);

	if (!h->stat)
		return;
	bin = bin < BODY_BINS ? bin : BODY_BINS - 1;
	add(h->stat->body[bin].hits, 1);
	add(h->stat->body[bin].ns, ns);
}

#define PROBE(section, name, chooses)                                                              \
	const volatile struct prog_info name##_info = {};                                          \
	static __always_inline void name##_body(struct pt_regs *ctx, struct hit *h);               \
	SEC(section) int name(struct pt_regs *ctx)                                                 \
	{                                                                                          \
		struct hit h = {};                                                                 \
                                                                                                   \
		if (hit_begin(ctx, &name##_info, &h, chooses))                                     \
			name##_body(ctx, &h);                                                      \
		hit_end(&h);                                                                       \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline void name##_body(struct pt_regs *ctx, struct hit *h)

/* When it is called; when it returns; when it calls another function. */
#define GO(function, name)              PROBE("uprobe/go:" function, name, true)
#define GO_RET(function, name)          PROBE("uprobe/goret:" function, name, true)
#define GO_CALL(function, callee, name) PROBE("uprobe/gocall:" function ">" callee, name, true)

/*
 * An event that takes several programs is chosen by one of them, with GO; the others are parts.
 * Parts run whatever the share is, and the one that makes the record says hit_as() first.
 */
#define GO_PART(function, name)     PROBE("uprobe/go:" function, name, false)
#define GO_RET_PART(function, name) PROBE("uprobe/goret:" function, name, false)
#define GO_CALL_PART(function, callee, name)                                                       \
	PROBE("uprobe/gocall:" function ">" callee, name, false)
/* When a caller of it tests what it returned; it has a frame then. */
#define GO_TEST_PART(function, name) PROBE("uprobe/gotest:" function, name, false)

/* For events that have a size, before anything else: whether the policy wants it. */
static __always_inline bool hit_sized(struct hit *h, __u64 size)
{
	if (size >= h->policy->size_min && size <= h->policy->size_max)
		return true;
	add(h->stat->filtered, 1);
	return false;
}

/* The event was chosen under that generation. */
static __always_inline void hit_as(struct hit *h, __u32 generation)
{
	h->now.generation = generation;
}

/* ---- records ---- */

/* size is a constant. NULL: the ring is full, which is counted. */
static __always_inline void *event_reserve(struct hit *h, __u16 kind, __u32 size)
{
	__u32 cpu = bpf_get_smp_processor_id(), zero = 0;
	struct event_head *e;
	__u64 *seq;
	void *ring;

	ring = bpf_map_lookup_elem(&rings, &cpu);
	seq = bpf_map_lookup_elem(&sequence, &zero);
	if (!ring || !seq)
		return NULL;
	add(h->stat->produced, 1);
	e = bpf_ringbuf_reserve(ring, size, 0);
	if (!e) {
		add(h->stat->lost, 1);
		add(*seq, 1);
		return NULL;
	}
	e->len = size;
	e->kind = kind;
	e->prog = h->prog;
	e->cpu = cpu;
	e->seq = next(*seq);
	e->ts = h->ts;
	e->crc = 0;
	e->generation = h->policy->generation;
	return e;
}

/* As zlib's crc32(), of a record whose own is 0 yet; size is a constant, and of whole words. */
static __always_inline __u32 crc_of(const void *record, __u32 size)
{
	const __u64 *word = record;
	__u32 c = ~0U;

	for (__u32 i = 0; i < size / 8; i++) {
		__u64 v;

		/* the index is what the verifier is to follow, not a pointer to the end */
		__asm__ __volatile__("" : "+r"(i));
		v = word[i] ^ c;
		c = crc.table[7][v & 0xff] ^ crc.table[6][v >> 8 & 0xff] ^
		    crc.table[5][v >> 16 & 0xff] ^ crc.table[4][v >> 24 & 0xff] ^
		    crc.table[3][v >> 32 & 0xff] ^ crc.table[2][v >> 40 & 0xff] ^
		    crc.table[1][v >> 48 & 0xff] ^ crc.table[0][v >> 56];
	}
	return ~c;
}

static __always_inline void event_seal(void *e, __u32 size)
{
	if (crc.on)
		((struct event_head *)e)->crc = crc_of(e, size);
}

/* e is a pointer to what was reserved. Nobody is woken: the reader polls, which costs less. */
#define event_submit(e)                                                                            \
	({                                                                                         \
		_Static_assert(sizeof(*(e)) >= sizeof(struct event_head) && sizeof(*(e)) % 8 == 0, \
			       "a record is a struct");                                            \
		event_seal(e, sizeof(*(e)));                                                       \
		bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);                                           \
	})

/* ---- the target's memory ---- */

static __always_inline __u64 user_u64(__u64 addr)
{
	__u64 v = 0;

	bpf_probe_read_user(&v, sizeof(v), (void *)addr);
	return v;
}

/* The goroutine that a g works for: itself, or the one its thread left for g0. */
static __always_inline __u64 go_curg(__u64 g)
{
	__u64 m = user_u64(g + go.g_m);

	return user_u64(m + go.m_g0) == g ? user_u64(m + go.m_curg) : g;
}

/* To Go 1.20: who called systemstack, of which frame pointers know nothing. 0: else. */
static __always_inline __u64 systemstack_caller(__u64 curg)
{
	__u64 pc = go.no_frame ? user_u64(curg + go.g_sched_pc) : 0;

	return pc && pc >= go.no_frame && pc < go.no_frame_end
		       ? user_u64(user_u64(curg + go.g_sched_sp))
		       : 0;
}

/*
 * One more frame; false: there is no room. The number is kept in the record, of whose memory the
 * verifier knows nothing: were it in a register, it would follow each path with each number.
 */
static __always_inline bool stack_push(struct event_stack *s, __u64 pc)
{
	__u32 n = s->n;

	if (n >= STACK_MAX)
		return false;
	s->pc[n & (STACK_MAX - 1)] = pc;
	s->n = n + 1;
	return true;
}

/* More than a thread's own stack has behind mcall and morestack; a bound is for the verifier. */
#define G0_FRAMES 16

/* Behind mcall and morestack: on with what the goroutine saved, as if it were a frame. */
static __always_inline void stack_resume(struct event_stack *s, __u64 curg, __u64 frame[2])
{
	__u64 pc = s->pc[(s->n - 1) & (STACK_MAX - 1)];

	frame[0] = user_u64(curg + go.g_sched_bp);
	frame[1] = user_u64(curg + go.g_sched_pc);
	/* what needed stack had not made its frame yet */
	if (pc - go.morestack < go.morestack_end - go.morestack) {
		stack_push(s, frame[1]);
		frame[1] = user_u64(user_u64(curg + go.g_sched_sp));
	}
}

/*
 * The callers of what has s->n frames in s: fp is the frame pointer that the innermost of them
 * found. systemstack leads to the goroutine's stack by itself; behind mcall and morestack, which
 * do not, the goroutine's own saved registers are gone on from.
 *
 * One loop does both, and whether it is there, on the goroutine's stack, is kept in the record,
 * too: what the verifier knows nothing of is one path and not two in each of 64 rounds, and of
 * two loops it would follow the second behind each end of the first (200 ms a program).
 */
static __always_inline void stack_follow(struct event_stack *s, __u64 g, __u64 fp)
{
	__u64 curg = g ? go_curg(g) : 0, range[2] = {}, between = 0;
	volatile __u32 *there = &s->pad;

	s->goid = curg ? user_u64(curg + go.g_goid) : GOID_SYSTEM;
	*there = !curg || curg == g;
	if (curg)
		bpf_probe_read_user(range, sizeof(range), (void *)(curg + go.g_stack));
	if (curg && curg != g)
		between = systemstack_caller(curg);
	for (int i = 0; i < STACK_MAX; i++) {
		__u64 frame[2]; /* the caller's frame, the return address */

		if (!fp || fp % 8 || bpf_probe_read_user(frame, sizeof(frame), (void *)fp) ||
		    !frame[1]) {
			if (*there || i >= G0_FRAMES)
				break;
			*there = 1;
			stack_resume(s, curg, frame);
		} else if (!*there && fp >= range[0] && fp < range[1]) {
			*there = 1;
			if (between)
				stack_push(s, between);
		}
		if (!stack_push(s, frame[1]))
			break;
		fp = frame[0];
	}
	s->pad = 0;
}

/*
 * At a probe that is the first or last thing of a function: the return address is at the
 * stack pointer (arm64: in the link register), and the frame pointer is the caller's.
 */
static __always_inline void stack_take(struct pt_regs *ctx, struct event_stack *s)
{
	s->pc[0] = GO_PC(ctx);
#if defined(__TARGET_ARCH_arm64)
	s->pc[1] = GO_LR(ctx);
#else
	s->pc[1] = user_u64(GO_SP(ctx));
#endif
	s->n = 2;
	stack_follow(s, GO_G(ctx), GO_FP(ctx));
}

/* At a call that a function makes, which has its own frame by then. */
static __always_inline void stack_take_at_call(struct pt_regs *ctx, struct event_stack *s)
{
	s->pc[0] = GO_PC(ctx);
	s->n = 1;
	stack_follow(s, GO_G(ctx), GO_FP(ctx));
}

#endif
