// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gomemtrace ctl - show the running event tools and their policies, and change them. */
#include "ctl.h"
#include "tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct conf {
	uint64_t pid; /* of the tool; 0: all */
	char message[CTL_MESSAGE + 1];
} conf;

struct ctl_row {
	uint64_t pid, uid, target;
	const char *tool, *share;
	uint32_t generation;
	double sample;
	uint64_t cgroup, size_min, size_max, tgid, sent_ns, written_ns;
};

static const struct col cols[] = {
	COL(struct ctl_row, pid, "PID", NONE, KEY, "of the tool"),
	COL(struct ctl_row, tool, "TOOL", NONE, KEY, "which tool it is"),
	COL(struct ctl_row, target, "TARGET", NONE, KEY,
	    "the process it traces, as the tool sees it"),
	COL_F(struct ctl_row, uid, "UID", NONE, GAUGE, COL_WIDE, "the user it runs as"),
	COL(struct ctl_row, generation, "GENERATION", NONE, GAUGE,
	    "number of the policy: 1 is that of its command line"),
	COL_F(struct ctl_row, share, "SAMPLE", NONE, GAUGE, COL_TABLE_ONLY,
	      "share of the events it takes"),
	COL_F(struct ctl_row, sample, "", PERCENT, GAUGE, COL_JSON_ONLY,
	      "share of the events it takes"),
	COL(struct ctl_row, cgroup, "CGROUP", NONE, GAUGE,
	    "id of the cgroup v2 that events have to be of; 0: any"),
	COL(struct ctl_row, size_min, "MIN", BYTES, GAUGE, "of events that have a size: the least"),
	COL(struct ctl_row, size_max, "MAX", BYTES, GAUGE, "and the most; null: any"),
	COL(struct ctl_row, tgid, "TGID", NONE, GAUGE,
	    "the process, as its own PID namespace has it"),
	COL_F(struct ctl_row, sent_ns, "", MONO, GAUGE, COL_JSON_ONLY, "when it was asked"),
	COL_F(struct ctl_row, written_ns, "", MONO, GAUGE, COL_JSON_ONLY,
	      "when the policy was written; null: it was not"),
	{}
};

static const struct section sections[] = {
	{ .key = "running", .cols = cols, .shape = SEC_ROWS, .flags = SEC_SORTABLE }, {}
};

/* ---- operands ---- */

/* A cgroup is named as we see it: the tool gets its id. */
static int message_add(const char *word)
{
	size_t len = strlen(conf.message);
	char id[32];
	uint64_t v;
	int err;

	if (!strncmp(word, "cgroup=", 7)) {
		err = ctl_cgroup(word + 7, &v);
		if (err)
			return err;
		snprintf(id, sizeof(id), "cgroup=%llu", (unsigned long long)v);
		word = id;
	}
	if (snprintf(conf.message + len, sizeof(conf.message) - len, "%s%s", len ? " " : "",
		     word) >= (int)(sizeof(conf.message) - len))
		return fail(-EINVAL, "more words than a message has room for");
	return 0;
}

static int operand(struct run *r, const char *word)
{
	int err;

	if (r->nr_operands++)
		return message_add(word);
	err = opt_read_u64("pid of a tool", word, INT32_MAX, &conf.pid);
	if (!err && !conf.pid)
		err = fail(-EINVAL, "pid of a tool: 0 is no process");
	return err;
}

/* What no tool would take is not sent. */
static int check(struct run *r)
{
	struct policy any = { .size_max = UINT64_MAX };
	bool change;

	if (!r->nr_operands)
		conf.pid = 0;
	if (!*conf.message)
		snprintf(conf.message, sizeof(conf.message), "show");
	return ctl_parse(conf.message, strlen(conf.message), &any, &change);
}

/* ---- asking ---- */

static void row_emit(struct run *r, const struct ctl_tool *t)
{
	const struct ctl_answer *a = &t->answer;
	const struct policy *p = &a->policy;
	char share[32];
	struct ctl_row row = {
		.share = share,
		.pid = t->pid,
		.uid = t->uid,
		.target = a->target,
		.tool = a->tool,
		.generation = p->generation,
		.sample = policy_percent(p->sample),
		.cgroup = p->cgroup,
		.size_min = p->size_min,
		.size_max = p->size_max, /* U64_NULL: no bound */
		.tgid = p->tgid,
		.sent_ns = t->sent_ns,
		.written_ns = a->written_ns ? a->written_ns : U64_NULL,
	};

	/* four digits, as 0.01 % counts */
	snprintf(share, sizeof(share), "%.4g%%", row.sample);
	emit_row(r, &sections[0], &row);
}

static int ask(struct run *r, struct ctl_tool *t)
{
	int err = ctl_ask(t, conf.pid, conf.message);

	if (err)
		return err;
	if (t->answer.err)
		return fail(t->answer.err, "%s %d: %s", t->answer.tool, t->pid, t->answer.text);
	row_emit(r, t);
	return 0;
}

static int ask_all(struct run *r, struct ctl_tool *t, size_t n)
{
	size_t asked = 0, denied = 0;
	int err;

	for (size_t i = 0; i < n; i++) {
		err = ask(r, &t[i]);
		asked += !err;
		denied += err == -EACCES;
		if (!err || err == -EAGAIN)
			continue;
		if (conf.pid && (uint64_t)t[i].pid == conf.pid)
			return err;
		run_debug(r, "%s", fail_text());
	}
	if (conf.pid && !asked)
		return fail(-ESRCH,
			    "no event tool with pid %llu is running (gomemtrace ctl lists "
			    "them)",
			    (unsigned long long)conf.pid);
	if (denied)
		run_note(r, "%zu more of other users: only they and root may ask", denied);
	else if (!asked)
		emit_text(r, "no event tool is running");
	return 0;
}

static int look(struct run *r)
{
	struct ctl_tool *t = calloc(CTL_TOOLS, sizeof(*t));
	size_t n;
	int err;

	if (!t)
		return -ENOMEM;
	emit_begin(r);
	err = ctl_list(t, CTL_TOOLS, &n);
	err = err ? err : ask_all(r, t, n);
	err = err ? err : emit_end(r);
	free(t);
	return err;
}

TOOL(ctl, .brief = "Show the event tools that run and their policies, and change them.",
     .examples = "  gomemtrace ctl                        # which are running\n"
		 "  gomemtrace ctl 44                     # the policy of one\n"
		 "  gomemtrace ctl 44 sample=10           # take every tenth event\n"
		 "  gomemtrace ctl 44 sample=100 cgroup=0 # everything again\n",
     .sections = sections, .no_target = true, .is_command = true,
     .operands = "[PID [KEY=VALUE ...]]", .operand = operand, .check = check, .look = look);
