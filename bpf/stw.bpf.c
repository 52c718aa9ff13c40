/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The world stopped and started; see stw.h. */
#include "stw.h"
#include "engine.bpf.h"

const volatile struct stw_places {
	__u64 pause_start, sweep_term, mark; /* of runtime.work; 0: not there, or not wanted */
	__u64 mark_term, end, pause_ns;
	__u64 pause_total;     /* of runtime.memstats */
	__u32 m_preemptoff;    /* the reason is a text there */
	__u32 stop_reason;     /* stopTheWorldWithSema has it */
	__u32 start_worldstop; /* startTheWorldWithSema has a worldStop of so many words */
	__u32 no_end;          /* the end of a stop is not to be had; its call must do */
} stw_places;

/* What is known of a stop before the world runs again. */
struct stw_begun {
	__u64 reason, stop_ts, stopped_ts, start_ts, arg_now, arg_started, arg_finished, stopping;
	char text[STW_REASON_TEXT];
	__u64 generation; /* that chose it, at its start */
};

/* One process is looked at, and its world is stopped once at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stw_begun);
} stw_begun SEC(".maps");

static __always_inline struct stw_begun *begun(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&stw_begun, &zero);
}

static __always_inline __u64 word(__u64 addr)
{
	return addr ? user_u64(addr) : 0;
}

static __always_inline void read_text(struct pt_regs *ctx, char *text)
{
	__u64 m = user_u64(GO_G(ctx) + go.g_m), s[2] = {};
	__u32 len;

	bpf_probe_read_user(s, sizeof(s), (void *)(m + stw_places.m_preemptoff));
	len = s[1] < STW_REASON_TEXT - 1 ? s[1] : STW_REASON_TEXT - 1;
	if (s[0] && len)
		bpf_probe_read_user(text, len & 63, (void *)s[0]);
}

GO_PART("runtime.stopTheWorldWithSema", stw_stop)
{
	struct stw_begun *b = begun();

	if (!b)
		return;
	__builtin_memset(b, 0, sizeof(*b));
	b->stop_ts = h->ts;
	if (stw_places.stop_reason)
		b->reason = GO_ARG0(ctx) & 0xff;
	else
		read_text(ctx, b->text);
}

GO_RET_PART("runtime.stopTheWorldWithSema", stw_stopped)
{
	struct stw_begun *b = begun();

	if (b)
		b->stopped_ts = h->ts;
}

/* func (h *timeHistogram) record(duration int64): of sched.stwStoppingTimeGC or Other */
GO_CALL_PART("runtime.stopTheWorldWithSema", "runtime.(*timeHistogram).record", stw_stopping)
{
	struct stw_begun *b = begun();

	if (b)
		b->stopping = GO_ARG1(ctx);
}

static __always_inline void fill(struct stw_event *e, const struct stw_begun *b)
{
	e->reason = b->reason;
	e->stop_ts = b->stop_ts;
	e->stopped_ts = b->stopped_ts;
	e->start_ts = b->start_ts;
	e->arg_now = b->arg_now;
	e->arg_started = b->arg_started;
	e->arg_finished = b->arg_finished;
	e->stopping = b->stopping;
	e->pause_start = word(stw_places.pause_start);
	e->sweep_term = word(stw_places.sweep_term);
	e->mark = word(stw_places.mark);
	e->mark_term = word(stw_places.mark_term);
	e->end = word(stw_places.end);
	e->pause_ns = word(stw_places.pause_ns);
	e->pause_total = word(stw_places.pause_total);
	__builtin_memcpy(e->text, b->text, sizeof(e->text));
}

/* func startTheWorldWithSema(now int64, w worldStop) int64, since 1.22 */
GO("runtime.startTheWorldWithSema", stw_start)
{
	struct stw_begun *b = begun();
	struct stw_event *e;

	if (!b)
		return;
	b->start_ts = h->ts;
	b->generation = h->policy->generation;
	if (stw_places.start_worldstop) {
		b->arg_now = GO_ARG0(ctx);
		b->reason = GO_ARG1(ctx) & 0xff;
		b->arg_started = GO_ARG2(ctx);
		b->arg_finished = stw_places.start_worldstop > 2 ? GO_ARG3(ctx) : 0;
	}
	if (!stw_places.no_end)
		return;
	e = event_reserve(h, EV_STW, sizeof(*e));
	if (e) {
		fill(e, b);
		e->done_ts = e->total = 0;
		stack_take(ctx, &e->stack);
		event_submit(e);
	}
	__builtin_memset(b, 0, sizeof(*b));
}

/* The world runs. It was stopped before we came, or is not wanted, if its start was not seen. */
static __always_inline void ended(struct pt_regs *ctx, struct hit *h, __u64 done_ts, __u64 total)
{
	struct stw_begun *b = begun();
	struct stw_event *e;

	if (!b || !b->start_ts)
		return;
	hit_as(h, b->generation);
	e = event_reserve(h, EV_STW, sizeof(*e));
	if (e) {
		fill(e, b);
		e->done_ts = done_ts;
		e->total = total;
		stack_take_at_call(ctx, &e->stack);
		event_submit(e);
	}
	__builtin_memset(b, 0, sizeof(*b));
}

/* func (h *timeHistogram) record(duration int64): of sched.stwTotalTimeGC or Other, since 1.22 */
GO_CALL_PART("runtime.startTheWorldWithSema", "runtime.(*timeHistogram).record", stw_total)
{
	ended(ctx, h, 0, GO_ARG1(ctx));
}

/* To 1.21: just after the clock was read for the end. */
GO_CALL_PART("runtime.startTheWorldWithSema", "runtime.wakep", stw_done)
{
	ended(ctx, h, h->ts, 0);
}
