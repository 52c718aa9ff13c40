// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What the programs want; see policy.h. */
#include "policy.h"
#include "clock.h"
#include "fail.h"
#include "probe/probe.h"
#include "tool.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double policy_percent(uint32_t sample)
{
	return sample == SAMPLE_ALL ? 100 : sample * 100.0 / SAMPLE_ALL;
}

uint32_t policy_sample(double percent)
{
	return percent >= 100 ? SAMPLE_ALL : (uint32_t)(percent / 100 * SAMPLE_ALL);
}

static void say(struct policy_writer *w, const char *what, const char *old, const char *new,
		const char *who)
{
	struct policy_change *c;
	struct timespec ts;

	if (w->logged == POLICY_LOG) {
		w->logged /= 2;
		memmove(w->log, w->log + w->logged, w->logged * sizeof(*w->log));
	}
	c = &w->log[w->logged++];
	w->changes++;
	clock_gettime(CLOCK_REALTIME, &ts);
	c->what = what;
	c->ts_ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	c->generation = w->now.generation;
	snprintf(c->old, sizeof(c->old), "%s", old);
	snprintf(c->new, sizeof(c->new), "%s", new);
	snprintf(c->who, sizeof(c->who), "%s", who);
	run_note(w->run, "policy %u: %s %s -> %s (%s)", c->generation, what, old, new, who);
	if (w->told)
		w->told(w->arg, c);
}

static void say_number(struct policy_writer *w, const char *what, uint64_t old, uint64_t new,
		       const char *who)
{
	char a[32], b[32];

	if (old == new)
		return;
	snprintf(a, sizeof(a), "%llu", (unsigned long long)old);
	snprintf(b, sizeof(b), "%llu", (unsigned long long)new);
	say(w, what, a, b, who);
}

static void say_changes(struct policy_writer *w, const struct policy *old, const char *who)
{
	char a[32], b[32];

	if (old->sample != w->now.sample) {
		snprintf(a, sizeof(a), "%.4g%%", policy_percent(old->sample));
		snprintf(b, sizeof(b), "%.4g%%", policy_percent(w->now.sample));
		say(w, "sample", a, b, who);
	}
	say_number(w, "cgroup", old->cgroup, w->now.cgroup, who);
	say_number(w, "size_min", old->size_min, w->now.size_min, who);
	say_number(w, "size_max", old->size_max, w->now.size_max, who);
	say_number(w, "tgid", old->tgid, w->now.tgid, who);
}

int policy_set(struct policy_writer *w, struct policy p, const char *who)
{
	struct policy old = w->now;
	int err;

	p.generation = old.generation + 1;
	err = probes_policy(w->probes, &p);
	if (err)
		return fail(err, "cannot write the policy: %s", strerror(-err));
	w->written_ns = clock_mono_ns();
	w->now = p;
	w->sampled |= p.sample != SAMPLE_ALL;
	/* the first is what the command line says, no change */
	if (old.generation)
		say_changes(w, &old, who);
	return 0;
}
