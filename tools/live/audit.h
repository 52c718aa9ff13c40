/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * audit.h - what an event tool writes into its audit log (tools/lib/audit.h): --audit FILE.
 *
 *	start	version, argv, pid, uid, kernel, machine
 *	target	pid, comm, start time, executable and its build id, Go release, ring, crc, budget
 *	program	name, id, tag, insns: as the kernel says of each that it has loaded
 *	policy	generation, what, old, new, who: first what the command line asked for (old is null)
 *	attach, detach	name, site, offsets in the file
 *	shed, pause, resume	to keep to the budget: program given up, cost, budget
 *	loss, corrupt	records lost, or damaged on their way: since the record before, and in all
 *	end	of a target: produced, delivered, lost, corrupt, filtered; finished: in good order
 *	stop	the same, of all targets together
 *
 * All between start and stop name their process as "target". The processes of one run share a
 * log. A record that cannot be written ends the run.
 */
#ifndef LIVE_AUDIT_H
#define LIVE_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

struct audit;
struct live;
struct live_summary;
struct policy_change;

struct live_audit {
	struct audit *log;      /* NULL: not asked for, or closed */
	uint64_t lost, corrupt; /* of the records so far: that were told */
};

/* Open it, if it is asked for, when the probes are open: what is attached is recorded from now. */
int live_audit_open(struct live *l);

/* The programs that were loaded. 0 or -errno. */
int live_audit_programs(struct live *l);

/* What the policy is at first; then for each change, as struct policy_writer has it. */
void live_audit_policy(struct live *l);
void live_audit_policy_change(void *arg, const struct policy_change *c);

/* "shed", "pause" or "resume"; program: what is given up, or NULL; pct: what it cost, or NaN. */
void live_audit_budget(struct live *l, const char *what, const char *program, double pct);

/* What was lost and damaged since the last call. 0, or the error that ended the log. */
int live_audit_look(struct live *l, const struct live_summary *s);

/* 0, or that error. */
int live_audit_error(const struct live *l);

/* The end of the process, once; of the last one the log is closed. */
int live_audit_close(struct live *l, const struct live_summary *s, bool finished);

#endif
