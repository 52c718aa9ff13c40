/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * cost.h - what a trap costs on this host, measured on a child of our own.
 *
 * The child probes itself at an instruction that the kernel emulates and at one that it must
 * single-step, and times calls with and without; and system calls with and without a program at
 * their end. While a tracepoint of any system call is in use, the kernel takes a longer way into
 * and out of all of them, in every process: that is told apart. What our programs do beside is
 * measured where they run (struct probe_stat). A cost is hits times the trap's plus the time in
 * the programs.
 */
#ifndef PROBE_COST_H
#define PROBE_COST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cost {
	pid_t child; /* 0: none */
	int fd;      /* readable when the child is done, or -1 */
	bool known;
	double emulated_ns, stepped_ns; /* of one trap */
	double call_ns;                 /* of a system call that has a program; 0: not known */
	double other_ns;                /* of any other meanwhile */
	double raw_ns; /* of a tracepoint that is used raw (raw_tp/); 0: not known */
};

/*
 * Start the child. To be called before anything is attached: a child must not hold what
 * would outlive us. Without rights the cost stays unknown.
 */
void cost_start(struct cost *c);

/* Take its result: wait for it, or only look. Whether it is known. */
bool cost_read(struct cost *c, bool wait);

void cost_close(struct cost *c);

#endif
