/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * event.h - what the kernel side and the user side share, whatever the family of events.
 *
 * Every record in a ring begins with a struct event_head; ts is CLOCK_MONOTONIC, taken when
 * the probe was hit. seq counts the records of a CPU that were submitted or lost, from 0:
 * a gap is a loss, and only that.
 */
#ifndef EVENT_H
#define EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define PROGS_MAX   32 /* of one run, all families together */
#define POLICIES    64 /* generations that are told apart */
#define SAMPLE_ALL  0xffffffffU
#define STACK_MAX   64 /* frames */
#define GOID_SYSTEM 0  /* on no goroutine */

enum event_kind {
	EV_GC_START = 1,
	EV_GC_END,
	EV_GC_SWEPT,
	EV_STW,
	EV_MAP,
	EV_MADVISE,
	EV_COLLAPSE,
	EV_FAULT,
	EV_FORGET,
	EV_KINDS,
};

struct event_head {
	__u32 len;  /* of the record, this head included */
	__u16 kind; /* enum event_kind */
	__u16 prog; /* which program made it */
	__u32 cpu;
	__u32 seq;
	__u64 ts;
	__u32 crc;        /* CRC-32 of the record with 0 here, if struct crc_tables is on; else 0 */
	__u32 generation; /* of the policy it was made under */
};
_Static_assert(sizeof(struct event_head) == 32, "the header is part of the file format");

/* Where the program of a probe is attached; the user side writes it before loading. */
enum prog_site { PROG_ENTRY, PROG_BRANCH, PROG_RET, PROG_CALL };

struct prog_info {
	__u16 id;  /* index of its counters */
	__u8 site; /* enum prog_site */
	__u8 pad[5];
};

/* Runs of a program that took 2^i to 2^(i+1) - 1 ns, and longer ones in the last. */
#define BODY_BINS 24

struct prog_body {
	__u64 hits, ns;
};

/* One program on one CPU. A hit is a trap; what is counted further is of the target only. */
struct prog_stat {
	__u64 hits;                       /* traps */
	__u64 calls;                      /* of them: the function was called, by the target */
	__u64 filtered;                   /* of them: not wanted by the policy */
	__u64 produced;                   /* records */
	__u64 lost;                       /* of them: the ring was full */
	struct prog_body body[BODY_BINS]; /* time from its begin to its end, every hit */
};

/*
 * One generation of what is wanted. A record is of one generation only. The PID namespace is
 * not here: it is that of the target, which never changes (struct go_offsets).
 */
struct policy {
	__u32 generation; /* first: see policy_read() */
	__u32 tgid;       /* as its own PID namespace has it */
	__u64 cgroup;     /* id of the cgroup v2 to be in; 0: any */
	__u64 size_min, size_max;
	__u32 sample; /* of 2^32 - 1: the share that is wanted */
	__u32 pad;
};

/* For checksums of records, eight bytes at a time; the user side fills it (uprobes/probe/crc.c). */
struct crc_tables {
	__u32 on;
	__u32 table[8][256]; /* [k]: of a byte that k bytes follow */
};

/* Frames innermost first; pc[0] is where the probe is, the others are return addresses. */
struct event_stack {
	__u64 goid; /* GOID_SYSTEM: no goroutine */
	__u32 n;
	__u32 pad;
	__u64 pc[STACK_MAX];
};

#endif
