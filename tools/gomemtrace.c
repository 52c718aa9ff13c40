// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gomemtrace - where the resident memory of a Go process is. */
#include "go/goproc.h"
#include "session/session.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define MEMSTATS_ATTEMPTS 50
#define LEDGER_ATTEMPTS   10
#define LEDGER_BUDGET_NS  150000000ULL

struct session {
	struct target target;
	struct goproc gp;
	struct session_look look[2]; /* this one and the one before, by turns */
	uint64_t looks;
};

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int session_open(struct run *r)
{
	struct session *s = calloc(1, sizeof(*s));
	int err = s ? target_open(&s->target, r->pid) : -ENOMEM;

	if (!err) {
		err = goproc_open(&s->gp, &s->target);
		if (err)
			target_close(&s->target);
	}
	if (err) {
		free(s);
		return err;
	}
	r->priv = s;
	return 0;
}

static void self(struct self_row *row, uint64_t wall, uint64_t cpu)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	*row = (struct self_row){
		.wall_ns = clock_mono_ns() - wall,
		.cpu_ns = cpu_ns() - cpu,
		.rss = ru.ru_maxrss * 1024ULL,
	};
}

static int session_look(struct run *r)
{
	struct session *s = r->priv;
	struct session_look *now = &s->look[s->looks % 2], *prev = &s->look[(s->looks + 1) % 2];
	uint64_t wall = clock_mono_ns(), cpu = cpu_ns();
	int err = target_alive(&s->target);

	if (err)
		return err;
	free(now->detail);
	now->detail = NULL;
	err = ledger_take(&s->gp, &now->ledger, LEDGER_ATTEMPTS, LEDGER_BUDGET_NS);
	now->has_ms = now->ledger.go;
	if (!err && now->has_ms)
		err = memstats_read(&s->gp, &now->ms, MEMSTATS_ATTEMPTS);
	if (err)
		return err;
	self(&now->self, wall, cpu);
	err = session_fill(now, &s->gp, s->looks ? prev : NULL);
	if (err)
		return err;
	s->looks++;
	emit_begin(r);
	session_emit(r, now, &s->gp);
	return emit_end(r);
}

static void session_close(struct run *r)
{
	struct session *s = r->priv;

	for (int i = 0; i < 2; i++) {
		ledger_free(&s->look[i].ledger);
		free(s->look[i].detail);
	}
	goproc_close(&s->gp);
	target_close(&s->target);
	free(s);
}

TOOL(gomemtrace, .json_name = "ledger",
     .brief = "Show where the resident memory of a Go process is.",
     .examples = "  gomemtrace -p 42              # one look\n"
		 "  gomemtrace -p 42 5            # a look every 5 s, with changes\n"
		 "  gomemtrace -p 42 -j           # one JSON object\n"
		 "  gomemtrace -p 42,43 -o json:l # two processes, into a file\n",
     .sections = session_sections, .is_session = true, .open = session_open, .look = session_look,
     .close = session_close);
