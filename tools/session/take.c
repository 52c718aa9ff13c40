// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A look of the session: how it is taken, and its way through a pipe; see session.h. */
#include "fail.h"
#include "session.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#define MEMSTATS_ATTEMPTS    50
#define MEMSTATS_DEADLINE_NS 500000000ULL
#define LEDGER_ATTEMPTS      10
#define LEDGER_BUDGET_NS     150000000ULL

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

static int look_take(struct goproc *gp, void *to)
{
	struct session_look *look = to;
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

static int look_put(int fd, const void *from)
{
	const struct session_look *look = from;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = guard_write(fd, (const char *)look + parts[i].off, parts[i].size);
	return err ? err
		   : guard_write(fd, look->ledger.detail,
				 look->ledger.ndetail * sizeof(*look->ledger.detail));
}

static int look_get(struct guard *g, void *to)
{
	struct session_look *look = to;
	struct ledger_detail *detail = look->ledger.detail;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = guard_get(g, (char *)look + parts[i].off, parts[i].size);
	free(detail);
	detail = guard_get_array(g, look->ledger.ndetail, sizeof(*detail), &err);
	if (err)
		look->ledger.ndetail = 0;
	look->ledger.detail = detail;
	look->ledger.cap = look->ledger.ndetail;
	return err;
}

const struct worker_job session_job = { sizeof(struct session_look), look_take, look_put,
					look_get };
