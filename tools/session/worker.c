// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Looks by a child; see worker.h. */
#include "worker.h"
#include "fail.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* How a request ended, and why. */
struct outcome {
	int err;
	char text[512];
};

/* ---- in the child ---- */

static int outcome_put(int fd, int err)
{
	struct outcome o = { .err = err };

	snprintf(o.text, sizeof(o.text), "%s", err ? fail_text() : "");
	return guard_write(fd, &o, sizeof(o));
}

static void child(int fd, void *arg)
{
	struct worker *w = arg;
	void *look = calloc(1, w->job->size);
	int err = look ? target_open(&w->target, w->target.pid) : -ENOMEM;
	char request;

	if (!err)
		err = goproc_open(&w->gp, &w->target);
	if (outcome_put(fd, err) || err || guard_write(fd, &w->target, sizeof(w->target)) ||
	    guard_write(fd, &w->gp, sizeof(w->gp)))
		return;
	while (!guard_read(fd, &request, 1)) {
		fail_clear();
		err = target_alive(&w->target);
		err = err ? err : w->job->take(&w->gp, look);
		if (outcome_put(fd, err) || err || w->job->put(fd, look))
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

static int open_process(struct worker *w, pid_t pid, uint64_t deadline_ns,
			const struct worker_job *job)
{
	int err;

	*w = (struct worker){ .target.pid = pid, .job = job };
	err = guard_start(&w->guard, deadline_ns, child, w);
	err = err ? err : outcome_get(w);
	err = err ? err : guard_get(&w->guard, &w->target, sizeof(w->target));
	err = err ? err : guard_get(&w->guard, &w->gp, sizeof(w->gp));
	/* the layout is in the program itself and has one address in both */
	w->target.dirfd = w->target.pidfd = w->target.exefd = w->target.lib.fd =
		w->target.pagemap.fd = -1;
	w->target.maps = (struct maps){};
	w->gp.t = &w->target;
	w->gp.mem = NULL;
	w->gp.bin.elf = w->gp.host.elf = NULL;
	w->gp.bin.file = w->gp.host.file = (struct lazyfile){ .fd = -1 };
	if (err)
		guard_end(&w->guard);
	return err;
}

static int open_core(struct worker *w, const char *core, const char *exe,
		     const struct worker_job *job)
{
	int err;

	*w = (struct worker){ .job = job };
	err = target_open_core(&w->target, core, exe);
	if (err)
		return err;
	err = goproc_open(&w->gp, &w->target);
	if (err)
		target_close(&w->target);
	return err;
}

int worker_check(const struct worker_conf *conf)
{
	return conf->exe && !conf->core
		       ? fail(-EINVAL, "--exe names the program of a core: give --core FILE, too")
		       : 0;
}

int worker_open(struct worker *w, struct run *r, const struct worker_conf *conf,
		const struct worker_job *job)
{
	int err = conf->core ? open_core(w, conf->core, conf->exe, job)
			     : open_process(w, r->pid, conf->deadline * 1e9, job);

	if (!err && r->starting && !w->gp.proven) {
		worker_close(w);
		err = -EAGAIN;
	}
	if (!err)
		r->pid = w->target.pid;
	return err;
}

int worker_look(struct worker *w, void *look)
{
	int err;

	if (w->target.core)
		return w->job->take(&w->gp, look);
	err = guard_put(&w->guard, "", 1);
	err = err ? err : outcome_get(w);
	return err ? err : w->job->get(&w->guard, look);
}

void worker_close(struct worker *w)
{
	if (!w->target.core) {
		guard_end(&w->guard);
		return;
	}
	goproc_close(&w->gp);
	target_close(&w->target);
}
