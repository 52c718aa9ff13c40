/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* crc.h - records with checksums, small and large, and damaged ones (tests/e2e/crc.c). */
#ifndef CRC_H
#define CRC_H

#include "event.h"

#define EV_CRC EV_KINDS

struct crc_event {
	struct event_head head;
	__u64 call; /* number of the call: no other makes a record */
};

/* As large as the records of stops, with their stacks. */
struct crc_large_event {
	struct event_head head;
	__u64 call;
	__u64 rest[84]; /* what was in the ring before */
};

#endif
