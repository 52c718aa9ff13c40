/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Address space asked for and given back; see map.h. */
#include "map.h"
#include "syscall.bpf.h"

static __always_inline void emit(struct call *c, struct hit *h, __u32 call)
{
	struct map_event *e;

	if (FAILED(c->ret) ||
	    (call != MAP_BRK && !hit_sized(h, call == MAP_MREMAP ? c->arg[2] : c->arg[1])))
		return;
	e = event_reserve(h, EV_MAP, sizeof(*e));
	if (!e)
		return;
	for (int i = 0; i < 5; i++)
		e->arg[i] = c->arg[i];
	e->ret = c->ret;
	e->call = call;
	e->pad = 0;
	stack_of_call(c, &e->stack);
	event_submit(e);
}

SYSCALL("mmap", map_mmap)
{
	emit(c, h, MAP_MMAP);
}

SYSCALL("munmap", map_munmap)
{
	emit(c, h, MAP_MUNMAP);
}

SYSCALL("mremap", map_mremap)
{
	emit(c, h, MAP_MREMAP);
}

SYSCALL("brk", map_brk)
{
	emit(c, h, MAP_BRK); /* what only asks says where it is */
}
