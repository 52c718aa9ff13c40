/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A record for each getppid(2) of the target; see crc.h. */
#include "crc.h"
#include "engine.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define NR_getppid 110
#elif defined(__TARGET_ARCH_arm64)
#define NR_getppid 173
#endif

/* Of so many records one is damaged behind its checksum, if not 0. */
const volatile __u32 spoil_every;

static __always_inline bool is_getppid(struct pt_regs *ctx)
{
	return ((__u64 *)ctx)[1] == NR_getppid; /* after the registers */
}

PROBE("raw_tp/sys_enter", small, true)
{
	struct crc_event *e;

	if (!is_getppid(ctx))
		return;
	e = event_reserve(h, EV_CRC, sizeof(*e));
	if (!e)
		return;
	e->call = NR_getppid;
	event_seal(e, sizeof(*e));
	if (spoil_every && e->head.seq % spoil_every == 0)
		e->call ^= 1ULL << e->head.seq / spoil_every % 64;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

PROBE("raw_tp/sys_enter", large, true)
{
	struct crc_large_event *e;

	if (!is_getppid(ctx))
		return;
	e = event_reserve(h, EV_CRC, sizeof(*e));
	if (!e)
		return;
	e->call = NR_getppid;
	event_submit(e);
}
