// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The loop: open each process, look at once and then at every interval, finish, close. */
#include "cmd.h"
#include "frontend.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define START_NS 1000000000ULL /* until a command has become the program that is meant */
#define RETRY_NS 1000000L
#define AGAIN_NS 200000000ULL

/* What of struct run belongs to one process. */
struct task {
	pid_t pid;
	void *priv;
	int fd;
	uint64_t look;
	bool ended;

	bool open;   /* close() is due */
	bool active; /* more looks are due */
	bool failed;
};

struct loop {
	struct run *run;
	struct task *tasks;
	size_t nr;
	struct pollfd *fds; /* room for all tasks, and the command */
	uint64_t start;     /* CLOCK_MONOTONIC, ns */
	int status;
	size_t skipped; /* selected, but nothing to look at */
	struct cmd cmd; /* if r->cmd */
};

static volatile sig_atomic_t stopping;

bool run_stopping(void)
{
	return stopping;
}

/* The signal that asked to stop, or 0. */
static int stop_signal(void)
{
	return stopping;
}

static uint64_t mono_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/*
 * The first asks to stop; another has its usual effect, should a look hang. What comes right
 * behind is the same request: timeout(1) signals both its child and the group.
 */
static void stop(int sig)
{
	static uint64_t asked;

	if (!stopping) {
		stopping = sig;
		asked = mono_now();
	} else if (mono_now() - asked > AGAIN_NS) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

static void signals_catch(struct sigaction *old)
{
	struct sigaction sa = { .sa_handler = stop };

	stopping = 0;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, &old[0]);
	sigaction(SIGTERM, &sa, &old[1]);
}

static void signals_restore(const struct sigaction *old)
{
	sigaction(SIGINT, &old[0], NULL);
	sigaction(SIGTERM, &old[1], NULL);
}

/* ---- one process ---- */

static void status_raise(struct loop *l, int status)
{
	if (!l->status)
		l->status = status;
}

/* Nobody reads any more, or nothing can be written: no process needs another look. */
static void output_failed(struct loop *l, int err)
{
	for (struct task *t = l->tasks; t < l->tasks + l->nr; t++) {
		t->active = false;
		t->failed = true;
	}
	if (err == -EPIPE)
		return;
	l->run->pid = 0;
	report_error(l->run, err);
	status_raise(l, EXIT_FAILED);
}

/* Some of the processes of a selector may be none for this tool, or be gone already. */
static bool open_skipped(struct loop *l, const struct task *t, int err)
{
	if (t->open || !l->run->nr_selectors || (err != -ENOEXEC && err != -ESRCH))
		return false;
	run_debug(l->run, "%s", *fail_text() ? fail_text() : "left out");
	l->skipped++;
	return true;
}

/* It is not the program yet that is meant; see open() in tool.h. */
static bool open_again(const struct run *r, int err)
{
	return r->starting && (err == -EAGAIN || err == -ENOEXEC);
}

/* What a callback returned: success, the normal end of a target, or failure. */
static void task_result(struct loop *l, struct task *t, int err)
{
	struct run *r = l->run;
	int lost = emit_error(r);

	if (open_again(r, err))
		return;

	if (err)
		emit_drop(r);
	if (lost) {
		output_failed(l, lost);
		return;
	}
	if (err == -ESRCH && (r->look || r->cmd)) {
		if (!r->look)
			run_note(r, "%s ended before it could be looked at", r->cmd[0]);
		r->ended = true;
		err = 0;
	}
	if (err == -EINTR && stopping)
		err = 0;
	if (r->ended)
		t->active = false;
	if (!err)
		return;
	t->active = false;
	t->failed = true;
	if (!open_skipped(l, t, err))
		status_raise(l, report_error(r, err));
}

/* Call one of the tool's functions for a process, with struct run set to it. */
static int task_call(struct loop *l, struct task *t, int (*call)(struct run *r))
{
	struct run *r = l->run;
	int err;

	if (!call)
		return 0;
	r->pid = t->pid;
	r->priv = t->priv;
	r->fd = t->fd;
	r->look = t->look;
	r->ended = t->ended;
	fail_clear();
	err = call(r);
	if (!err && call == r->tool->look)
		r->look++;
	task_result(l, t, err);
	t->pid = r->pid;
	t->priv = r->priv;
	t->fd = r->fd;
	t->look = r->look;
	t->ended = r->ended;
	return err;
}

static void task_close(struct loop *l, struct task *t)
{
	struct run *r = l->run;

	if (!t->open || !r->tool->close)
		return;
	r->pid = t->pid;
	r->priv = t->priv;
	r->fd = t->fd;
	r->look = t->look;
	r->ended = t->ended;
	r->tool->close(r);
}

/* ---- all of them ---- */

static void task_open(struct loop *l, struct task *t)
{
	uint64_t deadline = mono_now() + START_NS;
	struct run *r = l->run;
	int err;

	t->active = true;
	for (;;) {
		r->starting = r->cmd && mono_now() < deadline && !cmd_ended(&l->cmd) && !stopping;
		err = task_call(l, t, r->tool->open);
		if (!open_again(r, err))
			break;
		nanosleep(&(struct timespec){ .tv_nsec = RETRY_NS }, NULL);
	}
	r->starting = false;
	t->open = !err;
}

static void tasks_open(struct loop *l)
{
	char why[256];

	for (struct task *t = l->tasks; t < l->tasks + l->nr && !stopping; t++)
		task_open(l, t);
	if (l->skipped < l->nr || stopping)
		return;
	l->run->pid = 0;
	snprintf(why, sizeof(why), "%s", fail_text());
	status_raise(l,
		     report_error(l->run,
				  fail(-ESRCH, "nothing to look at in %zu selected process%s%s%s",
				       l->nr, l->nr == 1 ? "" : "es", *why ? ": " : "", why)));
}

/* For formats that show all processes together. */
static void round_end(struct loop *l)
{
	int err = emit_error(l->run) ? 0 : emit_round(l->run);

	if (err)
		output_failed(l, err);
}

static void tasks_look(struct loop *l)
{
	l->run->first = true;
	for (struct task *t = l->tasks; t < l->tasks + l->nr && !stopping; t++) {
		if (!t->active)
			continue;
		task_call(l, t, l->run->tool->look);
		l->run->first = false;
	}
	round_end(l);
}

static void tasks_finish(struct loop *l)
{
	for (struct task *t = l->tasks; t < l->tasks + l->nr; t++)
		if (t->open && !t->failed)
			task_call(l, t, l->run->tool->finish);
	if (l->run->tool->finish)
		round_end(l);
	for (struct task *t = l->tasks; t < l->tasks + l->nr; t++)
		task_close(l, t);
}

static bool tasks_active(const struct loop *l)
{
	for (const struct task *t = l->tasks; t < l->tasks + l->nr; t++)
		if (t->active)
			return true;
	return false;
}

/* ---- waiting ---- */

/* Sleep until then, for readable descriptors, or for a signal, which cannot slip by. */
static int wait_once(struct loop *l, uint64_t until)
{
	uint64_t now = mono_now(), left = until > now ? until - now : 0;
	struct timespec ts = { left / 1000000000, left % 1000000000 };
	sigset_t block, old;
	int n = 0;

	for (size_t i = 0; i < l->nr; i++)
		l->fds[i] = (struct pollfd){
			.fd = l->tasks[i].active && l->run->tool->event ? l->tasks[i].fd : -1,
			.events = POLLIN,
		};
	l->fds[l->nr] = (struct pollfd){ .fd = l->run->cmd ? l->cmd.pidfd : -1, .events = POLLIN };
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	if (!stopping)
		n = ppoll(l->fds, l->nr + 1, &ts, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return n;
}

/* No need to wait for the next look to find that out. */
static void command_ended(struct loop *l)
{
	l->tasks[0].active = false;
	l->tasks[0].ended = true;
}

static void wait_until(struct loop *l, uint64_t until)
{
	while (!stopping && tasks_active(l)) {
		int n = wait_once(l, until);

		for (size_t i = 0; i < l->nr && n > 0; i++)
			if (l->fds[i].revents)
				task_call(l, &l->tasks[i], l->run->tool->event);
		if (n > 0 && l->fds[l->nr].revents)
			command_ended(l);
		if (mono_now() >= until)
			return;
	}
}

/* The next multiple of the interval since the start; looks that took too long are left out. */
static uint64_t tick_after(const struct loop *l, uint64_t now)
{
	uint64_t step = l->run->interval * 1e9;

	step += !step;
	return l->start + ((now - l->start) / step + 1) * step;
}

static void looks_run(struct loop *l)
{
	const struct run *r = l->run;
	uint64_t end = r->duration ? l->start + (uint64_t)(r->duration * 1e9) : UINT64_MAX;

	for (uint64_t n = 1; !stopping; n++) {
		uint64_t next;

		tasks_look(l);
		if (!r->interval || n == r->count || !tasks_active(l))
			return;
		next = tick_after(l, mono_now());
		wait_until(l, next < end ? next : end);
		if (next > end || !tasks_active(l))
			return;
	}
}

/* Open, look and close until it is over. */
static void processes_run(struct loop *l)
{
	tasks_open(l);
	l->start = mono_now();
	if (tasks_active(l))
		looks_run(l);
	tasks_finish(l);
}

/* The status is that of the command, whatever became of the looks. */
static void command_run(struct loop *l)
{
	char **argv = l->run->cmd;
	int err = cmd_go(&l->cmd, argv), status;

	if (err)
		report_error(l->run, err);
	else
		processes_run(l);
	status = cmd_wait(&l->cmd, stop_signal);
	l->status = err ? cmd_status(err) : status;
}

static int loop_alloc(struct loop *l)
{
	const struct run *r = l->run;

	bool one = r->tool->no_target || (r->tool->file && *r->tool->file);

	l->nr = one || r->cmd ? 1 : r->nr_pids;
	l->tasks = calloc(l->nr + 1, sizeof(*l->tasks));
	l->fds = calloc(l->nr + 1, sizeof(*l->fds));
	if (!l->tasks || !l->fds)
		return -ENOMEM;
	for (size_t i = 0; i < l->nr; i++)
		l->tasks[i] = (struct task){ .pid = one      ? 0
						    : r->cmd ? l->cmd.pid
							     : r->pids[i],
					     .fd = -1 };
	return 0;
}

int loop_run(struct run *r)
{
	struct loop l = { .run = r };
	int err = r->cmd ? cmd_start(&l.cmd, r->cmd) : 0;
	struct sigaction old[2];

	if (!err)
		err = loop_alloc(&l);
	signals_catch(old);
	if (err)
		l.status = report_error(r, err);
	else
		(r->cmd ? command_run : processes_run)(&l);
	signals_restore(old);
	free(l.tasks);
	free(l.fds);
	return l.status;
}
