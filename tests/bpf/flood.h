/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* flood.h - records as fast as a process can call the kernel (tests/e2e/flood.c). */
#ifndef FLOOD_H
#define FLOOD_H

#include "event.h"

#define EV_FLOOD EV_KINDS

struct flood_event {
	struct event_head head;
	__u64 size; /* as the call says: its first argument, which getppid(2) does not heed */
};

#endif
