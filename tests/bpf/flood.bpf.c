/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A record for each getppid(2) of the target; see flood.h. */
#include "flood.h"
#include "engine.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define NR_getppid 110
#define ARG0(regs) ((regs)->di)
#elif defined(__TARGET_ARCH_arm64)
#define NR_getppid 173
#define ARG0(regs) ((regs)->user_regs.regs[0])
#endif

PROBE("raw_tp/sys_enter", flood, true)
{
	struct pt_regs *regs = (struct pt_regs *)((__u64 *)ctx)[0];
	struct flood_event *e;
	__u64 size = 0;

	if (((__u64 *)ctx)[1] != NR_getppid)
		return;
	bpf_probe_read_kernel(&size, sizeof(size), &ARG0(regs));
	if (!hit_sized(h, size))
		return;
	e = event_reserve(h, EV_FLOOD, sizeof(*e));
	if (!e)
		return;
	e->size = size;
	event_submit(e);
}
