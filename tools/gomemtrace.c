// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gomemtrace - where the resident memory of a Go process is. */
#include "session/session.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

struct session {
	struct worker worker;
	struct session_look look[2]; /* this one and the one before, by turns */
	uint64_t looks;
};

static struct conf {
	struct worker_conf worker;
} conf = { .worker = WORKER_CONF };

static const struct opt opts[] = { WORKER_OPTS(struct conf), {} };

static int session_open(struct run *r)
{
	struct session *s = calloc(1, sizeof(*s));
	int err = s ? worker_open(&s->worker, r, &conf.worker, &session_job) : -ENOMEM;

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
	return worker_check(&conf.worker);
}

static int session_look(struct run *r)
{
	struct session *s = r->priv;
	struct session_look *now = &s->look[s->looks % 2], *prev = &s->look[(s->looks + 1) % 2];
	uint64_t wall = clock_mono_ns(), cpu = clock_cpu_ns();
	int err = worker_look(&s->worker, now);

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
	worker_close(&s->worker);
	free(s);
}

TOOL(gomemtrace, .json_name = "ledger",
     .brief = "Show where the resident memory of a Go process is.",
     .examples = "  gomemtrace -p 42              # one look\n"
		 "  gomemtrace -p 42 5            # a look every 5 s, with changes\n"
		 "  gomemtrace -p 42 -j           # one JSON object\n"
		 "  gomemtrace -p 42,43 -o json:l # two processes, into a file\n"
		 "  gomemtrace --core core.42     # a core file\n",
     .file = &conf.worker.core, .opts = opts, .conf = &conf, .sections = session_sections,
     .is_session = true, .check = check, .open = session_open, .look = session_look,
     .finish = session_finish, .close = session_close);
