// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* gomemtrace report - prove an audit log, or say at which record it breaks and why. */
#include "audit.h"
#include "human.h"
#include "tool.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct conf {
	const char *verify, *end;
} conf;

static const struct opt opts[] = {
	OPT(0, "verify", struct conf, verify, "FILE", "prove an audit log (--audit of a tool)"),
	OPT(0, "end", struct conf, end, "HASH", "a record of that hash must be in it"),
	{}
};

struct report {
	const char *file;
	bool verified;
	uint64_t records, runs, stopped, bytes;
	bool running, torn;
	uint64_t broken_at;
	const char *why, *end;
	uint64_t first_ns, last_ns;
	int writer;
};

static const struct col cols[] = {
	COL(struct report, file, "FILE", NONE, KEY, "the log"),
	COL(struct report, verified, "VERIFIED", NONE, GAUGE, "it is proven as a whole"),
	COL(struct report, records, "RECORDS", COUNT, GAUGE, "that are right, from the first on"),
	COL(struct report, runs, "RUNS", COUNT, GAUGE, "in them"),
	COL(struct report, stopped, "STOPPED", COUNT, GAUGE, "of them: with a stop record"),
	COL(struct report, running, "RUNNING", NONE, GAUGE,
	    "the last run has none: it still runs, was killed, or was cut off"),
	COL(struct report, writer, "WRITER", NONE, GAUGE, "the process that writes it now"),
	COL(struct report, bytes, "BYTES", BYTES, GAUGE, "of the file, that those records are"),
	COL(struct report, broken_at, "BROKEN_AT", NONE, GAUGE, "the record that is wrong"),
	COL(struct report, torn, "TORN", NONE, GAUGE, "the file ends within that record"),
	COL(struct report, why, "WHY", NONE, GAUGE, "what is wrong"),
	COL(struct report, first_ns, "FIRST", TIME, GAUGE, "when the first record was written"),
	COL(struct report, last_ns, "LAST", TIME, GAUGE, "and the last that is right"),
	COL(struct report, end, "END", NONE, GAUGE, "hash of that"),
	{}
};

static const struct section sections[] = { { .cols = cols, .shape = SEC_FIELDS }, {} };

static int check(struct run *r)
{
	if (!conf.verify)
		return fail(-EINVAL, "nothing to report: give --verify FILE");
	if (conf.end && (strlen(conf.end) != SHA256_HEX - 1 ||
			 strspn(conf.end, "0123456789abcdef") != SHA256_HEX - 1))
		return fail(-EINVAL, "--end: '%.80s' is no hash: give 64 hexadecimal digits",
			    conf.end);
	return 0;
}

static void say(struct run *r, const struct report *s)
{
	uint64_t killed = s->runs - s->stopped - s->running;

	if (!s->verified)
		emit_text(r, "%s is broken: %s", s->file, s->why);
	emit_text(r, "%s record%s of %s run%s %s", HUMAN(count, s->records),
		  s->records == 1 ? "" : "s", HUMAN(count, s->runs), s->runs == 1 ? "" : "s",
		  s->verified ? "are proven" : "before it are right");
	if (killed)
		emit_text(r, "%s run%s ended without a stop record: killed", HUMAN(count, killed),
			  killed == 1 ? "" : "s");
	if (s->running && s->writer)
		emit_text(r, "the last run goes on: process %d", s->writer);
	else if (s->running)
		emit_text(r, "the last run has no stop record: it was killed, or the log was cut");
	if (s->records)
		emit_text(r, "the last of them has the hash %s", s->end);
}

/* What is said of a log that is proven in any case; of a broken one it is what came before. */
static int emit(struct run *r, const struct audit_check *c, int writer)
{
	struct report s = {
		.file = conf.verify,
		.verified = !c->broken,
		.records = c->records,
		.runs = c->runs,
		.stopped = c->stopped,
		.bytes = c->bytes,
		.running = c->running,
		.torn = c->torn,
		.broken_at = c->broken ? c->records : U64_NULL,
		.why = c->broken ? c->why : NULL,
		.end = c->records ? c->end : NULL,
		.first_ns = c->records ? c->first_ns : U64_NULL,
		.last_ns = c->records ? c->last_ns : U64_NULL,
		.writer = writer ? writer : S32_NULL,
	};
	int err;

	emit_begin(r);
	emit_fields(r, &sections[0], &s);
	s.writer = writer;
	say(r, &s);
	err = emit_end(r);
	return err || s.verified ? err : fail(-EBADMSG, "%s: %s", conf.verify, c->why);
}

static int look(struct run *r)
{
	struct audit_check *c = malloc(sizeof(*c));
	int fd = open(conf.verify, O_RDONLY | O_CLOEXEC), writer, err;

	if (!c || fd < 0) {
		err = fd < 0 ? -errno : -ENOMEM;
		free(c);
		if (fd >= 0)
			close(fd);
		return fail(err, "cannot read %s: %s", conf.verify, strerror(-err));
	}
	writer = audit_writer(fd);
	audit_check_begin(c, conf.end);
	err = audit_check_fd(c, fd);
	if (err)
		err = fail(err, "cannot read %s: %s", conf.verify, strerror(-err));
	else
		err = emit(r, c, writer);
	close(fd);
	free(c);
	return err;
}

TOOL(report, .brief = "Prove an audit log, or say where it breaks.",
     .examples = "  gomemtrace report --verify audit.log    # of gogc --audit audit.log\n"
		 "  gomemtrace report --verify audit.log -j # as JSON\n",
     .opts = opts, .conf = &conf, .sections = sections, .no_target = true, .is_command = true,
     .check = check, .look = look);
