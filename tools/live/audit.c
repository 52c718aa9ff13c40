// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What event tools write into their audit log; see live/audit.h. */
#include "lib/audit.h"
#include "live/live.h"
#include "version.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define ARGV_MAX 16384 /* bytes of the command line that are kept */

/* The processes of one run share it. */
static struct session {
	struct audit *log;
	unsigned int users;
	uint64_t first; /* record of the run */
	uint64_t produced, delivered, lost, corrupt, filtered;
	bool unfinished;
} session;

/* ---- the run ---- */

static void argv_put(struct json *j)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char text[ARGV_MAX + 1];
	ssize_t n = fd < 0 ? -1 : read(fd, text, ARGV_MAX);

	if (fd >= 0)
		close(fd);
	n = n < 0 ? 0 : n;
	text[n] = '\0';
	json_open(j, "argv", '[');
	for (const char *p = text; p < text + n; p += strlen(p) + 1)
		json_string(j, NULL, p);
	json_close(j, ']');
	json_bool(j, "argv_cut", n == ARGV_MAX);
}

static int start(const char *path)
{
	struct utsname u = {};
	struct json *j;
	int err = audit_open(&session.log, path);

	if (err)
		return err;
	session.first = audit_seq(session.log);
	uname(&u);
	j = audit_begin(session.log, "start");
	json_string(j, "version", VERSION);
	argv_put(j);
	json_u64(j, "pid", getpid());
	json_u64(j, "uid", getuid());
	json_u64(j, "euid", geteuid());
	json_string(j, "kernel", u.release);
	json_string(j, "machine", u.machine);
	return audit_end(session.log);
}

static void counts_put(struct json *j, const struct session *s, bool crc)
{
	json_u64(j, "produced", s->produced);
	json_u64(j, "delivered", s->delivered);
	json_u64(j, "lost", s->lost);
	if (crc)
		json_u64(j, "corrupt", s->corrupt);
	else
		json_null(j, "corrupt");
	json_u64(j, "filtered", s->filtered);
	json_bool(j, "finished", !s->unfinished);
}

static int stop(struct run *r, bool crc)
{
	struct json *j = audit_begin(session.log, "stop");
	int err;

	counts_put(j, &session, crc);
	err = audit_end(session.log);
	err = err ? err : audit_sync(session.log);
	if (!err)
		run_note(r, "audit: records %llu to %llu, the last one has the hash %s",
			 (unsigned long long)session.first,
			 (unsigned long long)audit_seq(session.log) - 1, audit_hash(session.log));
	audit_close(session.log);
	session = (struct session){};
	return err;
}

/* ---- a process ---- */

static struct json *begin(struct live *l, const char *event)
{
	struct json *j = audit_begin(l->audit.log, event);

	json_u64(j, "target", l->target.pid);
	return j;
}

static int target_put(struct live *l)
{
	const struct live_conf *conf = l->kind->conf;
	struct json *j = begin(l, "target");
	char id[128] = "";
	uint64_t ns;

	binary_build_id(&l->gp.bin, id, sizeof(id));
	json_string(j, "tool", l->run->tool->name);
	json_string(j, "comm", l->target.status.comm);
	if (proc_start_read(l->target.dirfd, &ns))
		json_null(j, "started_mono_ns");
	else
		json_u64_text(j, "started_mono_ns", ns);
	json_string(j, "exe", target_go_path(&l->target));
	json_string(j, "build_id", *id ? id : NULL);
	json_string(j, "go", l->gp.bin.version);
	json_u64(j, "ring", conf->ring);
	json_bool(j, "checksums", conf->crc);
	json_double(j, "budget_pct", conf->budget);
	return audit_end(l->audit.log);
}

/* An attach or a detach. */
static void probe_put(void *arg, const struct probe *pr)
{
	struct live *l = arg;
	struct json *j;

	if (!l->audit.log)
		return;
	j = begin(l, pr->state == PROBE_ON ? "attach" : "detach");
	json_string(j, "name", pr->name);
	json_string(j, "site", pr->site);
	json_open(j, "offsets", '[');
	for (size_t i = 0; !pr->elsewhere && i < pr->noff; i++)
		json_u64(j, NULL, pr->off[i]);
	json_close(j, ']');
	audit_end(l->audit.log);
}

int live_audit_open(struct live *l)
{
	int err;

	if (!l->kind->conf->audit)
		return 0;
	err = session.users ? 0 : start(l->kind->conf->audit);
	if (err) {
		audit_close(session.log);
		session.log = NULL;
		return err;
	}
	session.users++;
	l->audit.log = session.log;
	l->probes.watch = (struct probe_watch){ probe_put, l };
	return target_put(l);
}

int live_audit_programs(struct live *l)
{
	struct probe_info info;
	int err = 0;

	for (size_t i = 0; l->audit.log && !err && i < l->probes.n; i++) {
		struct json *j;

		err = probe_info(&l->probes.probe[i], &info);
		if (err == -ENOENT) {
			err = 0;
			continue;
		}
		if (err)
			return fail(err, "cannot ask the kernel for the tag of %s: %s",
				    l->probes.probe[i].name, strerror(-err));
		j = begin(l, "program");
		json_string(j, "name", l->probes.probe[i].name);
		json_u64(j, "id", info.id);
		json_string(j, "tag", info.tag);
		json_u64(j, "insns", info.insns);
		err = audit_end(l->audit.log);
	}
	/* on the disk before anything of the target is touched */
	return err || !l->audit.log ? err : audit_sync(l->audit.log);
}

/* ---- while it runs ---- */

void live_audit_policy_change(void *arg, const struct policy_change *c)
{
	struct live *l = arg;
	struct json *j;

	if (!l->audit.log)
		return;
	j = begin(l, "policy");
	json_u64(j, "generation", c->generation);
	json_string(j, "what", c->what);
	json_string(j, "old", *c->old ? c->old : NULL);
	json_string(j, "new", c->new);
	json_string(j, "who", c->who);
	json_u64_text(j, "changed_ns", c->ts_ns);
	audit_end(l->audit.log);
}

void live_audit_policy(struct live *l)
{
	const struct policy *p = &l->policy.now;
	struct json *j;

	if (!l->audit.log)
		return;
	j = begin(l, "policy");
	json_u64(j, "generation", p->generation);
	json_string(j, "what", "all");
	json_null(j, "old");
	json_open(j, "new", '{');
	json_double(j, "sample_pct", policy_percent(p->sample));
	json_u64(j, "tgid", p->tgid);
	json_u64(j, "cgroup", p->cgroup);
	json_u64_text(j, "size_min", p->size_min);
	json_u64_text(j, "size_max", p->size_max);
	json_close(j, '}');
	json_string(j, "who", "command line");
	audit_end(l->audit.log);
}

void live_audit_budget(struct live *l, const char *what, const char *program, double pct)
{
	struct json *j;

	if (!l->audit.log)
		return;
	j = begin(l, what);
	json_string(j, "name", program);
	json_double(j, "cost_pct", pct);
	json_double(j, "budget_pct", l->kind->conf->budget);
	audit_end(l->audit.log);
}

static void more_put(struct live *l, const char *event, uint64_t *told, uint64_t now)
{
	struct json *j;

	if (now == *told)
		return;
	j = begin(l, event);
	json_u64(j, "records", now - *told);
	json_u64(j, "in_all", now);
	audit_end(l->audit.log);
	*told = now;
}

int live_audit_error(const struct live *l)
{
	return l->audit.log ? audit_error(l->audit.log) : 0;
}

int live_audit_look(struct live *l, const struct live_summary *s)
{
	if (!l->audit.log)
		return 0;
	more_put(l, "loss", &l->audit.lost, s->lost);
	more_put(l, "corrupt", &l->audit.corrupt, l->probes.corrupt);
	return live_audit_error(l);
}

int live_audit_close(struct live *l, const struct live_summary *s, bool finished)
{
	struct session sum = { .produced = s->produced,
			       .delivered = l->probes.delivered,
			       .lost = s->lost,
			       .corrupt = l->probes.corrupt,
			       .filtered = s->filtered,
			       .unfinished = !finished };
	struct json *j;
	int err;

	if (!l->audit.log)
		return 0;
	live_audit_look(l, s);
	j = begin(l, "end");
	counts_put(j, &sum, l->probes.crc);
	json_bool(j, "exited", l->run->ended);
	err = audit_end(l->audit.log);
	l->audit.log = NULL;
	session.produced += sum.produced;
	session.delivered += sum.delivered;
	session.lost += sum.lost;
	session.corrupt += sum.corrupt;
	session.filtered += sum.filtered;
	session.unfinished |= sum.unfinished;
	return --session.users ? err : stop(l->run, l->probes.crc);
}
