// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Looks by a child; see worker.h. */
#include "worker.h"
#include "fail.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MEMSTATS_ATTEMPTS    50
#define MEMSTATS_DEADLINE_NS 500000000ULL
#define LEDGER_ATTEMPTS      10
#define LEDGER_BUDGET_NS     150000000ULL

/* How a request ended, and why. */
struct outcome {
	int err;
	char text[512];
};

/* What of a look goes through the pipe. */
static const struct part {
	size_t off, size;
} parts[] = {
#define PART(field)                                                                                \
	{                                                                                          \
		offsetof(struct session_look, field), sizeof(((struct session_look *)0)->field)    \
	}
	PART(ledger), PART(ms), PART(has_ms), PART(cgroup), PART(thp), PART(cost),
#undef PART
};

int session_take(struct goproc *gp, struct session_look *look)
{
	uint64_t cpu = clock_cpu_ns();
	struct rusage ru;
	int err = ledger_take(gp, &look->ledger, LEDGER_ATTEMPTS, LEDGER_BUDGET_NS);

	look->has_ms = look->ledger.go;
	if (err)
		return err;
	/* the ledger is worth having without MemStats, too */
	mem_deadline(gp->mem, MEMSTATS_DEADLINE_NS);
	err = look->has_ms ? memstats_read(gp, &look->ms, MEMSTATS_ATTEMPTS) : 0;
	mem_deadline(gp->mem, 0);
	if (err == -ESRCH || err == -EPERM)
		return err;
	look->has_ms &= !err;
	if (gp->t->core) {
		cgroup_unknown(&look->cgroup, "a core file does not say");
		look->thp = (struct proc_thp){ .max_ptes_none = UINT64_MAX, .disabled = -1 };
	} else {
		err = cgroup_read(gp->t->dirfd, gp->t->pid, &look->cgroup);
		if (err == -ESRCH)
			return fail(err, "process %d has exited", gp->t->pid);
		proc_thp_read(gp->t->dirfd, &look->thp);
	}
	getrusage(RUSAGE_SELF, &ru);
	look->cost = (struct session_cost){ clock_cpu_ns() - cpu, ru.ru_maxrss * 1024ULL };
	return 0;
}

/* ---- in the child ---- */

static int outcome_put(int fd, int err)
{
	struct outcome o = { .err = err };

	snprintf(o.text, sizeof(o.text), "%s", err ? fail_text() : "");
	return guard_write(fd, &o, sizeof(o));
}

static int look_put(int fd, const struct session_look *look)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = guard_write(fd, (const char *)look + parts[i].off, parts[i].size);
	return err ? err
		   : guard_write(fd, look->ledger.detail,
				 look->ledger.ndetail * sizeof(*look->ledger.detail));
}

static void child(int fd, void *arg)
{
	struct worker *w = arg;
	struct session_look look = {};
	int err = target_open(&w->target, w->target.pid);
	char request;

	if (!err)
		err = goproc_open(&w->gp, &w->target);
	if (outcome_put(fd, err) || err || guard_write(fd, &w->target, sizeof(w->target)) ||
	    guard_write(fd, &w->gp, sizeof(w->gp)))
		return;
	while (!guard_read(fd, &request, 1)) {
		fail_clear();
		err = target_alive(&w->target);
		err = err ? err : session_take(&w->gp, &look);
		if (outcome_put(fd, err) || err || look_put(fd, &look))
			return;
	}
}

/* ---- in the parent ---- */

static int outcome_get(struct worker *w)
{
	char text[512];
	struct outcome o = {};
	int err = guard_get(&w->guard, &o, sizeof(o));

	if (!err) {
		o.text[sizeof(o.text) - 1] = '\0';
		return o.err ? fail(o.err, "%s", o.text) : 0;
	}
	snprintf(text, sizeof(text), "%s", fail_text());
	return fail(err, "process %d: %.440s%s", w->target.pid, text,
		    err == -ETIMEDOUT ? "; --deadline gives it longer" : "");
}

int worker_open(struct worker *w, pid_t pid, uint64_t deadline_ns)
{
	int err;

	*w = (struct worker){ .target.pid = pid };
	err = guard_start(&w->guard, deadline_ns, child, w);
	err = err ? err : outcome_get(w);
	err = err ? err : guard_get(&w->guard, &w->target, sizeof(w->target));
	err = err ? err : guard_get(&w->guard, &w->gp, sizeof(w->gp));
	/* the layout is in the program itself and has one address in both */
	w->target.dirfd = w->target.pidfd = w->target.exefd = w->target.pagemap.fd = -1;
	w->target.maps = (struct maps){};
	w->gp.t = &w->target;
	w->gp.mem = NULL;
	w->gp.bin.elf = NULL;
	if (err)
		guard_end(&w->guard);
	return err;
}

static int look_get(struct worker *w, struct session_look *look)
{
	struct ledger_detail *detail = look->ledger.detail;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = guard_get(&w->guard, (char *)look + parts[i].off, parts[i].size);
	free(detail);
	look->ledger.detail = NULL;
	look->ledger.cap = look->ledger.ndetail;
	if (err) {
		look->ledger.ndetail = look->ledger.cap = 0;
		return err;
	}
	look->ledger.detail = calloc(look->ledger.ndetail + 1, sizeof(*look->ledger.detail));
	if (!look->ledger.detail) {
		look->ledger.ndetail = look->ledger.cap = 0;
		return -ENOMEM;
	}
	return guard_get(&w->guard, look->ledger.detail,
			 look->ledger.ndetail * sizeof(*look->ledger.detail));
}

int worker_look(struct worker *w, struct session_look *look)
{
	int err = guard_put(&w->guard, "", 1);

	err = err ? err : outcome_get(w);
	return err ? err : look_get(w, look);
}

void worker_close(struct worker *w)
{
	guard_end(&w->guard);
}
