// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gomemtrace - where the resident memory of a Go process is. */
#include "session/worker.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

struct session {
	struct worker worker;        /* of a core: target and gp only, used here */
	struct session_look look[2]; /* this one and the one before, by turns */
	uint64_t looks;
};

static struct conf {
	double deadline;
	const char *core, *exe;
} conf = { .deadline = GUARD_DEADLINE_NS / 1e9 };

static const struct opt opts[] = {
	OPT(0, "core", struct conf, core, "FILE", "look at a core file, not at a process"),
	OPT(0, "exe", struct conf, exe, "FILE", "the program of the core, if it has moved"),
	OPT_SECONDS(0, "deadline", struct conf, deadline, "SEC",
		    "give up on a process that is stuck for so long (1)"),
	{}
};

/* A core file cannot hang: no child is needed. */
static int core_open_session(struct run *r, struct session *s)
{
	struct worker *w = &s->worker;
	int err = target_open_core(&w->target, conf.core, conf.exe);

	if (err)
		return err;
	err = goproc_open(&w->gp, &w->target);
	if (err)
		target_close(&w->target);
	r->pid = w->target.pid;
	return err;
}

static int session_open(struct run *r)
{
	struct session *s = calloc(1, sizeof(*s));
	int err = !s          ? -ENOMEM
		  : conf.core ? core_open_session(r, s)
			      : worker_open(&s->worker, r->pid, conf.deadline * 1e9);

	/* the runtime of a command that was started just now may not be up yet */
	if (!err && r->starting && !s->worker.gp.proven) {
		worker_close(&s->worker);
		err = -EAGAIN;
	}
	if (err) {
		free(s);
		return err;
	}
	r->priv = s;
	return 0;
}

/* What the look cost: the child's part and ours. */
static void self(struct session_look *look, uint64_t wall, uint64_t cpu)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	look->self = (struct self_row){
		.wall_ns = clock_mono_ns() - wall,
		.cpu_ns = clock_cpu_ns() - cpu + look->cost.cpu_ns,
		.rss = ru.ru_maxrss * 1024ULL + look->cost.rss,
	};
}

static int check(struct run *r)
{
	return conf.exe && !conf.core
		       ? fail(-EINVAL, "--exe names the program of a core: give --core FILE, too")
		       : 0;
}

static int session_look(struct run *r)
{
	struct session *s = r->priv;
	struct session_look *now = &s->look[s->looks % 2], *prev = &s->look[(s->looks + 1) % 2];
	uint64_t wall = clock_mono_ns(), cpu = clock_cpu_ns();
	int err = conf.core ? session_take(&s->worker.gp, now) : worker_look(&s->worker, now);

	free(now->detail);
	now->detail = NULL;
	if (err)
		return err;
	self(now, wall, cpu);
	err = session_fill(now, &s->worker.gp, s->looks ? prev : NULL);
	if (err)
		return err;
	s->looks++;
	emit_begin(r);
	session_emit(r, now, &s->worker.gp);
	return emit_end(r);
}

/* The last object of a run that outlived its target says so. */
static int session_finish(struct run *r)
{
	const struct session *s = r->priv;

	return r->ended && s->looks ? session_emit_end(r, &s->look[(s->looks - 1) % 2]) : 0;
}

static void session_close(struct run *r)
{
	struct session *s = r->priv;

	for (int i = 0; i < 2; i++) {
		ledger_free(&s->look[i].ledger);
		free(s->look[i].detail);
	}
	if (conf.core) {
		goproc_close(&s->worker.gp);
		target_close(&s->worker.target);
	} else {
		worker_close(&s->worker);
	}
	free(s);
}

TOOL(gomemtrace, .json_name = "ledger",
     .brief = "Show where the resident memory of a Go process is.",
     .examples = "  gomemtrace -p 42              # one look\n"
		 "  gomemtrace -p 42 5            # a look every 5 s, with changes\n"
		 "  gomemtrace -p 42 -j           # one JSON object\n"
		 "  gomemtrace -p 42,43 -o json:l # two processes, into a file\n"
		 "  gomemtrace --core core.42     # a core file\n",
     .file = &conf.core, .opts = opts, .conf = &conf, .sections = session_sections,
     .is_session = true, .check = check, .open = session_open, .look = session_look,
     .finish = session_finish, .close = session_close);
