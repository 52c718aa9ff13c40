// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What tools that show events share; see live.h. */
#include "live/live.h"
#include "human.h"
#include "live/profile.h"
#include <elf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BUDGET_MIN_NS 100000000ULL /* of the target's time, before a share of it says much */
#define BUDGET_FLOOR  100e-6       /* of the time on the wall: less is never too much */
#define BUDGET_EVERY  50000000ULL  /* to look what was spent, if only a pause can spare it */
#define RESUME        0.8          /* of the budget: where a pause ends */
#define POLL_NS       20000000L /* to look into the rings; waking us for each record costs more */
#define CTL_EVERY     16        /* records that are shown until the next look for ctl */

const struct col live_missing_cols[] = {
	COL(struct live_missing, id, "PROGRAM", NONE, KEY, "the program that is not attached"),
	COL(struct live_missing, why, "WHY", NONE, GAUGE, "why not"),
	{}
};

const struct col live_policy_cols[] = {
	COL(struct policy_change, generation, "GENERATION", NONE, KEY, "number of the policy"),
	COL(struct policy_change, what, "WHAT", NONE, KEY, "what was changed"),
	COL(struct policy_change, old, "OLD", NONE, GAUGE, "its value before"),
	COL(struct policy_change, new, "NEW", NONE, GAUGE, "its value since"),
	COL(struct policy_change, who, "WHO", NONE, GAUGE, "who asked for it"),
	COL_AS("at_ns", struct policy_change, ts_ns, "AT", TIME, GAUGE, 0, "when"),
	{}
};

const struct col live_program_cols[] = {
	COL(struct live_program, name, "PROGRAM", NONE, KEY, "the program"),
	COL(struct live_program, hits, "HITS", COUNT, COUNTER, "traps"),
	COL(struct live_program, calls, "CALLS", COUNT, COUNTER,
	    "of them: the function was called, by the target"),
	COL(struct live_program, filtered, "FILTERED", COUNT, COUNTER,
	    "of them: not wanted by the policy"),
	COL(struct live_program, produced, "PRODUCED", COUNT, COUNTER, "records it made"),
	COL(struct live_program, lost, "LOST", COUNT, COUNTER, "of them: no room in the buffer"),
	COL(struct live_program, body_ns, "TIME", NSEC, COUNTER, "time it ran"),
	{}
};

/* ---- opening ---- */

/* Both strings must last. */
static void miss(struct live *l, const char *id, const char *why)
{
	for (size_t i = 0; i < l->nr_missing; i++)
		if (l->missing[i].id == id && l->missing[i].why == why)
			return;
	if (l->nr_missing < LIVE_MISSING)
		l->missing[l->nr_missing++] = (struct live_missing){ id, why };
}

static int check_needs(struct live *l)
{
	for (size_t i = 0; i < l->probes.n; i++) {
		const struct probe *pr = &l->probes.probe[i];

		if (pr->state == PROBE_OFF || (pr->state == PROBE_READY && !pr->complete))
			miss(l, pr->name, pr->why);
	}
	for (const char *const *n = l->kind->needs; *n; n++) {
		const struct probe *pr = probes_find(&l->probes, *n);

		if (!pr || pr->state == PROBE_OFF)
			return fail(-EOPNOTSUPP, "cannot trace process %d: %s", l->run->pid,
				    pr ? pr->why : *n);
	}
	for (size_t i = 0; i < l->nr_missing; i++)
		run_debug(l->run, "%s: %s", l->missing[i].id, l->missing[i].why);
	return 0;
}

static int set_policy(struct live *l)
{
	struct policy p = {
		.tgid = l->target.status.inner_pid,
		.size_max = UINT64_MAX,
		.sample = policy_sample(l->kind->conf->sample),
	};
	int err;

	l->policy = (struct policy_writer){
		.run = l->run,
		.probes = &l->probes,
		.told = live_audit_policy_change,
		.arg = l,
	};
	err = policy_set(&l->policy, p, "command line");
	if (!err)
		live_audit_policy(l);
	return err;
}

static int add_fd(int poll, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 || !epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e) ? 0 : -errno;
}

static int open_poll(struct live *l)
{
	struct itimerspec t = { { 0, POLL_NS }, { 0, POLL_NS } };
	int err;

	l->poll = epoll_create1(EPOLL_CLOEXEC);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->poll < 0 || l->timer < 0 || timerfd_settime(l->timer, 0, &t, NULL))
		return -errno;
	err = add_fd(l->poll, l->timer);
	return err ? err : add_fd(l->poll, l->target.pidfd);
}

static int open_target(struct live *l)
{
	int err = target_open(&l->target, l->run->pid);

	if (err)
		return err;
	err = goproc_open(&l->gp, &l->target);
	if (err) {
		target_close(&l->target);
		return err;
	}
	/* the runtime of a command that was started just now may not be up yet */
	return l->run->starting && !l->gp.proven ? -EAGAIN : 0;
}

static int open_probes(struct live *l)
{
	int err;

	if (!l->kind->families[0]) {
		err = live_audit_open(l);
		return err ? err : open_poll(l);
	}
	err = probes_open(&l->probes, &l->gp, l->kind->families);
	if (err)
		return err;
	l->probes.ring_size = l->kind->conf->ring;
	err = l->kind->setup(l);
	err = err ? err : check_needs(l);
	if (!err && l->kind->conf->crc)
		err = probes_crc(&l->probes);
	err = err ? err : live_audit_open(l);
	err = err ? err : probes_load(&l->probes);
	err = err ? err : live_audit_programs(l);
	err = err ? err : set_policy(l);
	err = err ? err : open_poll(l);
	return err ? err : probes_attach(&l->probes);
}

int live_check(const struct live_conf *conf)
{
	return conf->ring < 4096 || conf->ring > 1U << 30 || conf->ring & (conf->ring - 1)
		       ? fail(-EINVAL, "--ring takes a power of two from 4K to 1G")
		       : 0;
}

static uint64_t spent(struct live *l, struct live_summary *s);

static void close_all(struct live *l)
{
	struct live_summary s = {};

	ctl_close(&l->ctl);
	probes_detach(&l->probes);
	spent(l, &s);
	live_audit_close(l, &s, false);
	symbols_close(l->names);
	probes_close(&l->probes);
	cost_close(&l->cost);
	if (l->poll >= 0)
		close(l->poll);
	if (l->timer >= 0)
		close(l->timer);
	goproc_close(&l->gp);
	target_close(&l->target);
}

/* As live_open(), which frees l when it fails. */
static int open_all(struct live *l)
{
	int err = open_target(l);

	if (err == -EAGAIN) {
		goproc_close(&l->gp);
		target_close(&l->target);
	}
	if (err)
		return err;
	/* before anything is attached: see cost.h */
	if (l->kind->families[0])
		cost_start(&l->cost);
	err = symbols_open(&l->names, &l->gp, NULL);
	err = err ? err : live_profile(l);
	err = err ? err : open_probes(l);
	if (err) {
		close_all(l);
		return err;
	}
	target_cpu_ns(&l->target, &l->cpu0);
	l->cpu_last = l->cpu0;
	l->opened_at = clock_mono_ns();
	if (l->kind->families[0])
		ctl_open(&l->ctl, l->run, &l->policy, l->poll);
	return 0;
}

int live_open(struct run *r, const struct live_kind *kind)
{
	struct live *l = calloc(1, kind->size);
	int err;

	if (!l)
		return -ENOMEM;
	l->run = r;
	l->kind = kind;
	l->poll = l->timer = l->ctl.fd = l->cost.fd = -1;
	err = open_all(l);
	if (err) {
		free(l);
		return err;
	}
	r->priv = l;
	r->fd = l->poll;
	return 0;
}

void live_close(struct run *r)
{
	close_all(r->priv);
	free(r->priv);
}

/* ---- running ---- */

static int record(void *arg, const struct event_head *e)
{
	struct live *l = arg;

	if (!(l->probes.delivered % CTL_EVERY))
		ctl_event(&l->ctl);
	return l->kind->record(l, e);
}

/* A target that is gone, or another program now, has given all the events that it has. */
static int alive(struct live *l)
{
	int err = target_alive(&l->target);

	if (err != -ESRCH && err != -ENOEXEC)
		return err;
	if (err == -ENOEXEC)
		run_note(l->run,
			 "process %d has executed a program anew: what follows is not shown",
			 l->run->pid);
	fail_clear();
	l->run->ended = true;
	return 0;
}

static double trap_ns(const struct cost *c, const struct probe *pr)
{
	if (pr->elsewhere)
		return pr->off[0] ? c->call_ns : c->raw_ns;
	return pr->stepped ? c->stepped_ns : c->emulated_ns;
}

/* What the traps and programs have cost so far, in ns of the target's time. */
static uint64_t spent(struct live *l, struct live_summary *s)
{
	double ns = 0;

	for (size_t i = 0; i < l->probes.n; i++) {
		const struct probe *pr = &l->probes.probe[i];
		struct probe_stat st;

		if (probes_stat(&l->probes, i, &st))
			continue;
		ns += st.body_ns + st.hits * trap_ns(&l->cost, pr);
		s->interrupted_ns += st.interrupted_ns;
		s->probe_hits += st.hits;
		s->produced += st.produced;
		s->lost += st.lost;
		s->filtered += st.filtered;
		s->program[i] = (struct live_program){ pr->name,    st.hits, st.calls,  st.filtered,
						       st.produced, st.lost, st.body_ns };
	}
	return ns;
}

/* Give up what can be done without, the next in the tool's order. Whether there was one. */
static bool shed(struct live *l, double pct)
{
	for (const char *const *n = l->kind->sheds; n && *n; n++) {
		struct probe *pr = probes_find(&l->probes, *n);

		if (!pr || pr->state != PROBE_ON)
			continue;
		probe_detach(pr);
		pr->state = PROBE_SHED;
		snprintf(pr->why, sizeof(pr->why),
			 "given up: probes cost %.3g %% of the target's CPU time, %.3g %% are "
			 "allowed",
			 pct, l->kind->conf->budget);
		miss(l, pr->name, pr->why);
		live_audit_budget(l, "shed", pr->name, pct);
		run_note(l->run, "%s %s", pr->name, pr->why);
		return true;
	}
	return false;
}

/* Take all probes away until what they have cost is within the budget again. */
static void pause_probes(struct live *l, double pct)
{
	probes_detach(&l->probes);
	l->paused_at = clock_mono_ns();
	live_audit_budget(l, "pause", NULL, pct);
	/* what follows is told in sum */
	(l->paused_ns ? run_debug : run_note)(
		l->run, "probes cost %.3g %% of the target's CPU time, %.3g %% are allowed: paused",
		pct, l->kind->conf->budget);
}

static int resume_probes(struct live *l)
{
	l->paused_ns += clock_mono_ns() - l->paused_at;
	l->paused_at = 0;
	live_audit_budget(l, "resume", NULL, NAN);
	run_debug(l->run, "probes are back");
	return probes_attach(&l->probes);
}

/*
 * The budget is of all the time since the start; a process that does almost nothing is granted
 * BUDGET_FLOOR. First what the tool can do without goes; then there are pauses. They are seen
 * in coverage, in paused_ns and in these notes.
 */
static int hold_budget(struct live *l, double ns, uint64_t cpu_ns)
{
	double share = l->kind->conf->budget / 100 * cpu_ns, pct = ns * 100 / cpu_ns;
	double floor = (clock_mono_ns() - l->opened_at) * BUDGET_FLOOR;
	double allowed = share > floor ? share : floor;

	if (l->paused_at)
		return ns < allowed * RESUME ? resume_probes(l) : 0;
	if (ns > allowed && !shed(l, pct))
		pause_probes(l, pct);
	return 0;
}

static int keep_budget(struct live *l, double ns)
{
	uint64_t cpu;

	if (target_cpu_ns(&l->target, &cpu))
		return 0;
	l->cpu_last = cpu;
	return l->cost.known && cpu - l->cpu0 >= BUDGET_MIN_NS ? hold_budget(l, ns, cpu - l->cpu0)
							       : 0;
}

/*
 * Between two looks, for tools that have nothing to give up: what a program has at each
 * allocation is spent fast. (What is given up does not come back, and is not decided so soon.)
 */
static int watch_budget(struct live *l)
{
	uint64_t now = clock_mono_ns();
	struct live_summary s = {};

	if (l->kind->sheds || !isfinite(l->kind->conf->budget) || now - l->budget_at < BUDGET_EVERY)
		return 0;
	l->budget_at = now;
	return keep_budget(l, spent(l, &s));
}

static int tick(struct live *l)
{
	uint64_t ticks;
	int err;

	if (read(l->timer, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		return -errno;
	if (!l->cost_told && cost_read(&l->cost, false)) {
		l->cost_told = true;
		run_debug(l->run,
			  "a trap costs %.0f ns where the kernel emulates, %.0f ns else; a program "
			  "at a system call %.0f ns, any other call meanwhile %.0f ns",
			  l->cost.emulated_ns, l->cost.stepped_ns, l->cost.call_ns,
			  l->cost.other_ns);
	}
	err = l->probes.rings ? probes_read(&l->probes, false, record, l) : 0;
	err = err ? err : live_audit_error(l);
	err = err ? err : watch_budget(l);
	return err ? err : alive(l);
}

int live_event(struct run *r)
{
	struct live *l = r->priv;
	struct epoll_event e[4];
	int n = epoll_wait(l->poll, e, 4, 0), err = 0;
	bool due = false;

	for (int i = 0; i < n; i++)
		due |= e[i].data.fd == l->timer || e[i].data.fd == l->target.pidfd;
	/* whoever asked for another policy waits less than the records */
	ctl_event(&l->ctl);
	if (due)
		err = tick(l);
	return err;
}

int live_look(struct run *r)
{
	struct live *l = r->priv;
	struct live_summary s = {};
	uint64_t ns = spent(l, &s);
	int err = live_audit_look(l, &s);

	err = err ? err : keep_budget(l, ns);
	return err ? err : alive(l);
}

int live_finish(struct live *l)
{
	struct live_summary s = {};
	int err;

	cost_read(&l->cost, true);
	target_cpu_ns(&l->target, &l->cpu_last);
	probes_detach(&l->probes);
	err = l->probes.rings ? probes_read(&l->probes, true, record, l) : 0;
	if (!err && l->kind->collect)
		err = l->kind->collect(l);
	spent(l, &s);
	if (!err && s.produced != l->probes.delivered + s.lost + l->probes.corrupt)
		return fail(-EPROTO,
			    "the books do not balance: %llu records were produced, %llu "
			    "delivered, %llu lost, %llu corrupt",
			    (unsigned long long)s.produced, (unsigned long long)l->probes.delivered,
			    (unsigned long long)s.lost, (unsigned long long)l->probes.corrupt);
	return err ? err : live_audit_close(l, &s, true);
}

void live_summarize(struct live *l, struct live_summary *s)
{
	uint64_t cpu = l->cpu_last - l->cpu0;
	const char *lack;

	for (size_t i = 0; (lack = symbols_lack(l->names, i)); i++)
		miss(l, "names", lack);
	*s = (struct live_summary){ .coverage = NAN, .overhead_pct = NAN };
	s->overhead_ns = spent(l, s);
	s->trap_ns = U64_NULL;
	if (l->cost.known) {
		s->trap_ns = l->cost.emulated_ns;
		s->overhead_pct = cpu ? s->overhead_ns * 100.0 / cpu : NAN;
	} else {
		s->overhead_ns = U64_NULL;
	}
	s->budget_pct = l->kind->conf->budget;
	s->paused_ns = l->paused_ns + (l->paused_at ? clock_mono_ns() - l->paused_at : 0);
	s->delivered = l->probes.delivered;
	s->corrupt = l->probes.crc ? l->probes.corrupt : U64_NULL;
	s->mode = l->policy.sampled ? "sampled" : "exact";
	s->ended = l->run->ended;
	s->missing = (struct list){ l->missing, l->nr_missing, sizeof(l->missing[0]) };
	s->policy_changes = l->policy.changes;
	s->policy = (struct list){ l->policy.log, l->policy.logged, sizeof(l->policy.log[0]) };
	s->programs = (struct list){ s->program, l->probes.n, sizeof(s->program[0]) };
}

void live_say(struct live *l, const struct live_summary *s)
{
	char left[128], cost[64] = "cost not known", of[24] = "";

	if (isfinite(s->budget_pct))
		snprintf(of, sizeof(of), " (of %.3g)", s->budget_pct);
	if (!isnan(s->overhead_pct))
		snprintf(cost, sizeof(cost), "cost %s, %.3f %% of its CPU%s",
			 HUMAN(nsec, s->overhead_ns), s->overhead_pct, of);
	snprintf(left, sizeof(left), "%s records, %s lost", HUMAN(count, s->delivered),
		 HUMAN(count, s->lost));
	if (!isnan(s->coverage))
		snprintf(left + strlen(left), sizeof(left) - strlen(left), ", coverage %.1f %%",
			 s->coverage);
	emit_lr(l->run, left, cost);
	if (l->probes.corrupt)
		emit_text(l->run, "%s records came with a wrong checksum, and are not shown",
			  HUMAN(count, l->probes.corrupt));
	if (s->paused_ns)
		emit_text(l->run, "paused for %s to keep to the budget", HUMAN(nsec, s->paused_ns));
	for (size_t i = 0; i < l->nr_missing; i++)
		emit_text(l->run, "not shown: %s: %s", l->missing[i].id, l->missing[i].why);
}

/* Up to 1.20 on arm64 saved frame pointers stay as they were when a stack is moved (stack.go). */
static void say_stacks(struct live *l)
{
	if (l->stacks_told)
		return;
	l->stacks_told = true;
	if (l->gp.bin.machine == EM_AARCH64 && go_layout_minor(l->gp.l) < 21)
		run_note(l->run, "stacks may end early, or go on wrongly: Go before 1.21 on arm64 "
				 "leaves frame pointers behind when it moves a stack");
}

size_t live_frames(struct live *l, const struct event_stack *s, uint32_t i, struct frame *f,
		   size_t max)
{
	say_stacks(l);
	/* a return address belongs to the call before it */
	return symbols_lookup(l->names, s->pc[i] - (i > 0), f, max);
}

void live_stack(struct live *l, const struct event_stack *s, struct stack *out,
		struct stack_frame *room, size_t max)
{
	struct frame f[32];
	size_t n = 0;

	for (uint32_t i = 0; i < s->n && i < STACK_MAX && n < max; i++) {
		size_t k = live_frames(l, s, i, f, 32);

		for (size_t j = 0; j < k && n < max; j++)
			room[n++] = (struct stack_frame){
				.function = f[j].function,
				.file = f[j].file,
				.line = f[j].line ? f[j].line : U32_NULL,
				.inlined = f[j].inlined,
				.addr = s->pc[i],
				.start_line = f[j].start_line ? f[j].start_line : U32_NULL,
			};
	}
	*out = (struct stack){ room, n };
}
