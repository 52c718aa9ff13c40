// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gomemtrace facts - all that is believed of a Go process, where it is from, what proves it. */
#include "facts.h"
#include "proc/guard.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATTERNS_MAX 32

static struct conf {
	double deadline;
	const char *core, *exe;
	const char *pattern[PATTERNS_MAX + 1]; /* NULL ends */
} conf = { .deadline = GUARD_DEADLINE_NS / 1e9 };

static const struct opt opts[] = {
	OPT(0, "core", struct conf, core, "FILE", "look at a core file, not at a process"),
	OPT(0, "exe", struct conf, exe, "FILE", "the program of the core, if it has moved"),
	OPT_SECONDS(0, "deadline", struct conf, deadline, "SEC",
		    "give up on a process that is stuck for so long (1)"),
	{}
};

static int operand(struct run *r, const char *word)
{
	if (r->nr_operands == PATTERNS_MAX)
		return fail(-EINVAL, "more than %d patterns", PATTERNS_MAX);
	conf.pattern[r->nr_operands++] = word;
	return 0;
}

static int check(struct run *r)
{
	return conf.exe && !conf.core
		       ? fail(-EINVAL, "--exe names the program of a core: give --core FILE, too")
		       : 0;
}

/* ---- reading: of a process, by a child with a deadline ---- */

static void collect(struct facts_head *h, struct go_facts *list)
{
	struct target t;
	struct goproc gp;

	h->err = conf.core ? target_open_core(&t, conf.core, conf.exe) : target_open(&t, h->pid);
	if (!h->err) {
		h->err = goproc_open(&gp, &t);
		if (h->err)
			target_close(&t);
	}
	if (h->err) {
		snprintf(h->text, sizeof(h->text), "%s", fail_text());
		return;
	}
	h->err = go_facts_read(&gp, list);
	snprintf(h->text, sizeof(h->text), "%s", fail_text());
	h->pid = t.pid;
	snprintf(h->comm, sizeof(h->comm), "%.31s", t.status.comm);
	snprintf(h->version, sizeof(h->version), "%s", gp.bin.version);
	snprintf(h->release, sizeof(h->release), "%s", gp.l ? gp.l->release : "");
	snprintf(h->why, sizeof(h->why), "%s", gp.why);
	h->proven = gp.proven;
	h->n = list->n;
	goproc_close(&gp);
	target_close(&t);
}

static void child(int fd, void *arg)
{
	struct facts_head h = { .pid = *(pid_t *)arg };
	struct go_facts list = {};

	collect(&h, &list);
	if (!guard_write(fd, &h, sizeof(h)) && !h.err)
		guard_write(fd, list.fact, h.n * sizeof(*list.fact));
}

/* A core file cannot hang: no child is needed. */
static int read_core(struct facts *f)
{
	collect(&f->head, &f->list);
	return f->head.err;
}

static int read_process(struct facts *f)
{
	struct facts_head *h = &f->head;
	char text[512];
	struct guard g;
	int err = guard_start(&g, conf.deadline * 1e9, child, &h->pid);

	if (err)
		return err;
	err = guard_get(&g, h, sizeof(*h));
	if (!err && !h->err) {
		f->list.fact = guard_get_array(&g, h->n, sizeof(*f->list.fact), &err);
		f->list.n = err ? 0 : h->n;
	}
	snprintf(text, sizeof(text), "%s", fail_text());
	guard_end(&g);
	if (err)
		return fail(err, "process %d: %.440s%s", h->pid, text,
			    err == -ETIMEDOUT ? "; --deadline gives it longer" : "");
	return h->err ? fail(h->err, "%s", h->text) : 0;
}

static void facts_free(struct facts *f)
{
	go_facts_free(&f->list);
	free(f);
}

static int facts_open(struct run *r)
{
	struct facts *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->head.pid = r->pid;
	err = conf.core ? read_core(f) : read_process(f);
	/* the runtime of a command that was started just now may not be up yet */
	if (!err && r->starting && !f->head.proven)
		err = -EAGAIN;
	if (err) {
		facts_free(f);
		return err;
	}
	r->pid = f->head.pid;
	r->priv = f;
	return 0;
}

static int look(struct run *r)
{
	struct facts *f = r->priv;
	int err = 0;

	if (r->look) {
		go_facts_free(&f->list);
		err = read_process(f);
	}
	return err ? err : facts_emit(r, f, conf.pattern);
}

static void facts_close(struct run *r)
{
	facts_free(r->priv);
}

TOOL(facts, .brief = "List what is believed of a Go process, and its proof.",
     .examples = "  gomemtrace facts -p 42            # everything\n"
		 "  gomemtrace facts -p 42 globals    # a group\n"
		 "  gomemtrace facts -p 42 'mspan.*'  # members of a structure\n"
		 "  gomemtrace facts -p 42 heapInUse -j\n",
     .file = &conf.core, .opts = opts, .conf = &conf, .sections = facts_sections,
     .is_command = true, .operands = "[PATTERN ...]", .operand = operand,
     .operand_word = go_fact_name, .check = check, .open = facts_open, .look = look,
     .close = facts_close);
