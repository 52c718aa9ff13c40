/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * probe.h - the kernel side of one run: programs at their sites in one process, and the
 * records they make.
 *
 * A program names its site itself, in the name of its section (bpf/engine.bpf.h):
 *
 *	uprobe/go:F		when F is called: its stack-check branch, or its entry
 *	uprobe/go:F|G|...	when any of those is called that the target has
 *	uprobe/goret:F		when F returns: every RET, from a full decode
 *	uprobe/gocall:F>G	when F calls G
 *	uprobe/gotest:F		when F has returned to a caller that tests what it got for 0
 *	tracepoint/C/N		at a tracepoint of the kernel, in any process
 *	raw_tp/N		the same, with what the kernel hands to it
 *	software/E		at a software event of perf_event_open(2), on every CPU
 *
 * probes_open() opens the families and finds the sites, in .text only and only where the
 * process has the same bytes as its file. What cannot be attached stays out, with a reason;
 * the caller says what it cannot do without. Nothing is pinned: what we attached goes away
 * with our descriptors, also after kill -9. What stays is a private copy of each text page
 * that had a probe, and the kernel's [uprobes] page: the row `probes` of the ledger.
 */
#ifndef PROBE_H
#define PROBE_H

#include "event.h"
#include "go/goproc.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_SITES        64
#define PROBE_FAMILIES     4
#define PROBE_ATTACH_MULTI 48           /* BPF_TRACE_UPROBE_MULTI, which old headers lack */
#define RING_DEFAULT       (256U << 10) /* bytes for each CPU */

struct bpf_link;
struct btf;
struct bpf_object;
struct bpf_program;

/* Not to be had; not wanted; to be attached; attached; given up. */
enum probe_state { PROBE_OFF, PROBE_DROPPED, PROBE_READY, PROBE_ON, PROBE_SHED };

struct probe;

/* Is told when a probe was attached (its state is PROBE_ON) or detached. */
struct probe_watch {
	void (*told)(void *arg, const struct probe *pr); /* NULL: nobody */
	void *arg;
};

struct probe {
	struct bpf_program *prog;
	const char *name; /* of the program */
	const char *site; /* "go:runtime.freeStackSpans" */
	enum prog_site kind;
	enum probe_state state;
	uint64_t off[PROBE_SITES]; /* in the file */
	size_t noff;
	bool stepped;            /* the kernel must single-step there */
	bool complete;           /* no call of it is inlined anywhere */
	bool software;           /* elsewhere, and off[0] is the number of the event */
	bool elsewhere;          /* not in the target: libbpf knows the section (raw_tp/...) */
	char why[288];           /* why it is off, was shed, or is not complete; "" */
	int fd;                  /* of a uprobe_multi link, or -1 */
	struct bpf_link **links; /* else one a site, or a CPU */
	size_t nlinks;
	const struct probe_watch *watch;
};

/* What the kernel says of a program it has loaded. */
struct probe_info {
	uint32_t id;
	char tag[17];       /* its hash of the instructions, as given to it */
	uint32_t insns;     /* after the verifier left out what is never run */
	uint64_t loaded_ns; /* CLOCK_BOOTTIME */
};

/*
 * All CPUs together. A run of a program is timed by the clock on the wall, and so has in it what
 * interrupted it: an interrupt, another task, another guest of the host. Runs that took more
 * than 8 to 16 times as long as the middle one are taken for interrupted; they are counted as
 * the mean of the others, and what they took beyond that is kept apart.
 */
struct probe_stat {
	uint64_t hits, calls, filtered, produced, lost;
	uint64_t body_ns;        /* of all hits */
	uint64_t interrupted_ns; /* not in body_ns */
};

struct rings;
struct locator;

struct probes {
	struct target *t;
	struct goproc *gp; /* NULL: without sites in Go */
	char path[64];     /* the file with the sites, as the kernel can open it */
	struct bpf_object *obj[PROBE_FAMILIES];
	size_t nobj;
	struct probe probe[PROGS_MAX];
	size_t n;
	bool multi; /* uprobe_multi, else perf-event uprobes */
	int ncpus;
	uint32_t ring_size;
	int policies, generation, stats; /* maps */
	struct rings *rings;
	struct locator *locator; /* while it is opened */
	struct btf *kernel;      /* its types, while it is opened; NULL: not asked for, or none */
	uint64_t delivered;      /* records handed out */
	uint64_t late;           /* of them: behind one with a later time stamp */
	struct probe_watch watch;
	bool crc;         /* see probes_crc() */
	uint64_t corrupt; /* records that came, but not as they were made */
};

/*
 * Open the families (NULL ends) for a process whose layout is proven and find all sites.
 * -EPERM, -EOPNOTSUPP: what this kernel or our rights do not allow, in a sentence.
 */
int probes_open(struct probes *p, struct goproc *gp, const char *const *families);

/* The same without programs that have sites in Go: of any process. */
int probes_open_any(struct probes *p, struct target *t, const char *const *families);

/* A variable of a program's constants, to be filled before probes_load(). NULL: not there. */
void *probes_const(struct probes *p, const char *name, size_t size);

/* How many entries a map is to have; before probes_load(). 0 or -errno. */
int probes_resize(struct probes *p, const char *map, uint32_t entries);

/* Give the programs to the kernel. */
int probes_load(struct probes *p);

/*
 * Have each record carry a checksum, and look at it when it comes; before probes_load(). One that
 * is wrong is not handed out, but counted: produced = delivered + lost + corrupt.
 */
int probes_crc(struct probes *p);

/* Whether a record of len bytes has the checksum that it should. */
bool event_intact(const void *record, size_t len);

/* The probe of that program, or NULL. */
struct probe *probes_find(struct probes *p, const char *name);

/* Leave a program out that is not wanted; before probes_load(). */
void probes_drop(struct probes *p, const char *name);

/*
 * Attach all that are ready, or one; take one away, or all: backwards, as what ends something
 * comes before what begins it, and leaves after it, so that no end is missed.
 */
int probes_attach(struct probes *p);
int probe_attach(struct probes *p, struct probe *pr);
void probe_detach(struct probe *pr);
void probes_detach(struct probes *p);

int probes_map(struct probes *p, const char *name); /* its descriptor, or -1 */

int probe_info(const struct probe *pr, struct probe_info *out); /* -ENOENT: not loaded */
/*
 * Make a policy the current one: written into the place of its generation, it then counts by one
 * store, so that no program sees half of it. 0 or -errno.
 */
int probes_policy(const struct probes *p, const struct policy *want);

/* What a program counted. 0 or -errno. */
int probes_stat(struct probes *p, size_t i, struct probe_stat *out);

/* What the runs of a program come to: sets body_ns and interrupted_ns. */
void probe_body(const struct prog_body bins[BODY_BINS], struct probe_stat *out);

/*
 * Hand out what is in the rings, in the order of time. Records younger than the call before
 * are kept back, as an older one may still come; all: nothing is kept back. A negative
 * return of fn ends it and is returned.
 */
int probes_read(struct probes *p, bool all, int (*fn)(void *arg, const struct event_head *e),
		void *arg);

void probes_close(struct probes *p);

/* A family's object as it is for this kernel, not loaded. NULL with errno and a sentence. */
struct bpf_object *probes_object(const char *family);
/* As probes_const(), of one family. */
void *probes_object_const(struct bpf_object *obj, const char *name, size_t size);

/* ---- attach.c: sites ---- */

/* Looks for all functions that n sites are in, in one pass. NULL with errno. */
struct locator *locator_new(struct goproc *gp, const char *const *sites, size_t n);
/* The sites of pr, whose site is one of those: sets off, kind, state, complete and why. */
void locator_find(struct locator *l, struct probe *pr);
/* The text of a function in the process, of a site's or morestack. false: not there. */
bool locator_function(const struct locator *l, const char *name, uint64_t *start, uint64_t *end);
void locator_free(struct locator *l);

/* ---- kernel.c: what this kernel has ---- */

bool kernel_has_fetch(void);        /* atomic add that fetches (5.12) */
bool kernel_has_uprobe_multi(void); /* with a sound filter by process (6.6, 6.10) */
/* 0; -EPERM or -EOPNOTSUPP with a sentence: programs cannot be loaded at all. */
int kernel_check(void);
/* A uprobe_multi link: a descriptor, or -errno. */
int kernel_uprobe_multi(int prog, const char *path, const uint64_t *off, size_t n, int pid);

/* ---- tracepoint.c ---- */

/* Where a program goes that is not for the target, by its section; where to nowhere, why. */
int event_place(struct probes *p, struct probe *pr);
/* The number of "syscalls/sys_exit_mmap"; -ENOENT: this kernel has none, -EPERM: no tracefs. */
int tracepoint_id(const char *name);
/* An event for a program to be attached to: a descriptor, or -errno. */
int tracepoint_open(int id);
/* The number of "page-faults-min", or -1; an event of it on a CPU, period 1, as above. */
int software_find(const char *name);
int software_open(int event, int cpu);
/* Whether the kernel with these types has a tracepoint of that name. */
bool tracepoint_is_raw(const struct btf *kernel, const char *name);

/* ---- ring.c ---- */

/* crc: records have checksums. NULL with errno. */
struct rings *rings_new(int map, int ncpus, uint32_t size, bool crc);
void rings_free(struct rings *r);

#endif
