/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Garbage collection cycles; see gc.h. */
#include "gc.h"
#include "engine.bpf.h"

const volatile struct gc_place gc_places[GC_WORDS_COUNT];

static __always_inline void started(struct hit *h, __u64 kind)
{
	struct gc_start_event *e = event_reserve(h, EV_GC_START, sizeof(*e));

	if (!e)
		return;
	e->kind = kind;
	event_submit(e);
}

/* func (c *gcControllerState) startCycle(markStartTime int64, procs int, trigger gcTrigger) */
GO("runtime.(*gcControllerState).startCycle", gc_start)
{
	started(h, GO_ARG3(ctx));
}

/* func gcStart(trigger gcTrigger): where a profile had startCycle inlined */
GO("runtime.gcStart", gc_asked)
{
	started(h, GO_ARG0(ctx));
}

GO("runtime.freeStackSpans", gc_end)
{
	struct gc_end_event *e = event_reserve(h, EV_GC_END, sizeof(*e));

	if (!e)
		return;
	for (int i = 0; i < GC_WORDS_COUNT; i++) {
		__u64 addr = gc_places[i].addr;
		__u32 size = gc_places[i].size;

		e->word[i] = 0;
		if (!addr)
			continue;
		if (size == 8)
			bpf_probe_read_user(&e->word[i], 8, (void *)addr);
		else if (size == 4)
			bpf_probe_read_user(&e->word[i], 4, (void *)addr);
		else
			bpf_probe_read_user(&e->word[i], 1, (void *)addr);
	}
	event_submit(e);
}

/* The background sweeper parks: there is nothing left to sweep. */
GO_CALL("runtime.bgsweep", "runtime.gopark", gc_swept)
{
	struct gc_swept_event *e = event_reserve(h, EV_GC_SWEPT, sizeof(*e));

	if (e)
		event_submit(e);
}

/* ---- assists, by the goroutine that has to help ---- */

struct assist_begun {
	__u64 ts, goid;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct assist_begun);
} assists_begun SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct gc_assist);
} assists SEC(".maps");

/* func gcAssistAlloc1(gp *g, scanWork int64), on the thread's g0: a thread has one at most. */
GO("runtime.gcAssistAlloc1", gc_assist_begin)
{
	struct assist_begun a = { .ts = h->ts, .goid = user_u64(GO_ARG0(ctx) + go.g_goid) };
	__u64 tid = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&assists_begun, &tid, &a, BPF_ANY);
}

GO_RET_PART("runtime.gcAssistAlloc1", gc_assist_end)
{
	__u64 tid = bpf_get_current_pid_tgid(), goid;
	struct assist_begun *a = bpf_map_lookup_elem(&assists_begun, &tid);
	struct gc_assist *sum, first = {};

	if (!a)
		return;
	goid = a->goid;
	sum = bpf_map_lookup_elem(&assists, &goid);
	if (!sum) {
		bpf_map_update_elem(&assists, &goid, &first, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&assists, &goid);
	}
	if (sum) {
		add(sum->ns, h->ts - a->ts);
		add(sum->count, 1);
	}
	bpf_map_delete_elem(&assists_begun, &tid);
}
