// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What a trap costs on this host; see cost.h. */
#include "probe/cost.h"
#include "clock.h"
#include "probe/probe.h"
#include "proc/maps.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS  1000 /* of a batch */
#define ROUNDS 5    /* the quickest batch counts */

/* Places to probe: a conditional branch, as of a stack check, and what is single-stepped. */
#if defined(__x86_64__)
asm(".text\n.globl cost_site_emulated\n.type cost_site_emulated,@function\n"
    "cost_site_emulated: jbe 1f\n1:\tret\n"
    ".globl cost_site_stepped\n.type cost_site_stepped,@function\n"
    "cost_site_stepped: ret\n");
#elif defined(__aarch64__)
asm(".text\n.globl cost_site_emulated\n.type cost_site_emulated,@function\n"
    "cost_site_emulated: b.ls 1f\n1:\tret\n"
    ".globl cost_site_stepped\n.type cost_site_stepped,@function\n"
    "cost_site_stepped: add x9, x9, #0\n\tret\n");
#endif
void cost_site_emulated(void);
void cost_site_stepped(void);

struct result {
	double emulated_ns, stepped_ns, call_ns, other_ns, raw_ns;
};

static uint64_t offset_of(void (*fn)(void))
{
	int dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t addr = (uintptr_t)fn, off = 0;
	const struct vma *v;
	struct maps m = {};

	if (dir >= 0 && !maps_read(dir, &m) && (v = maps_find(&m, addr)))
		off = addr - v->start + v->off;
	maps_free(&m);
	if (dir >= 0)
		close(dir);
	return off;
}

static double batch_ns(void (*fn)(void))
{
	uint64_t best = UINT64_MAX;

	for (int r = 0; r < ROUNDS; r++) {
		uint64_t start = clock_mono_ns(), took;

		for (int i = 0; i < CALLS; i++)
			fn();
		took = clock_mono_ns() - start;
		best = took < best ? took : best;
	}
	return (double)best / CALLS;
}

static double trap_ns(struct bpf_object *obj, const char *prog, void (*fn)(void), bool multi)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, prog);
	uint64_t off = offset_of(fn);
	double without = batch_ns(fn);
	int err;

	LIBBPF_OPTS(bpf_uprobe_opts, o);
	if (!p || !off)
		return 0;
	if (multi)
		err = kernel_uprobe_multi(bpf_program__fd(p), "/proc/self/exe", &off, 1, getpid());
	else
		err = bpf_program__attach_uprobe_opts(p, getpid(), "/proc/self/exe", off, &o)
			      ? 0
			      : -errno;
	return err < 0 ? 0 : batch_ns(fn) - without;
}

/* Nothing is done: there is no such advice. */
static void call_with(void)
{
	madvise(NULL, 0, -1);
}

static void call_other(void)
{
	syscall(SYS_getppid);
}

/* Calls that have a program at their end, and those that have not. */
static void call_costs(struct bpf_object *obj, struct result *r)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, "cost_call");
	double with = batch_ns(call_with), other = batch_ns(call_other);
	int id = tracepoint_id("syscalls/sys_exit_madvise"), fd = id > 0 ? tracepoint_open(id) : -1;

	if (fd < 0 || !bpf_program__attach_perf_event(p, fd))
		return;
	r->call_ns = batch_ns(call_with) - with;
	r->other_ns = batch_ns(call_other) - other;
}

/* One tracepoint a call, and little else. */
static void call_rename(void)
{
	prctl(PR_SET_NAME, "gomemtrace-cost");
}

static double raw_ns(struct bpf_object *obj)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, "cost_raw");
	double without = batch_ns(call_rename);

	return bpf_program__attach(p) ? batch_ns(call_rename) - without : 0;
}

/* All it opened goes away with it. */
static void measure(int fd)
{
	bool multi = kernel_has_uprobe_multi();
	struct bpf_object *obj = probes_object("cost");
	struct bpf_program *p;
	struct result r = {};

	if (!obj)
		return;
	bpf_object__for_each_program(p, obj)
	{
		if (strncmp(bpf_program__section_name(p), "uprobe/", 7))
			continue;
		bpf_program__set_type(p, BPF_PROG_TYPE_KPROBE);
		if (multi)
			bpf_program__set_expected_attach_type(p, PROBE_ATTACH_MULTI);
	}
	if (bpf_object__load(obj))
		return;
	r.emulated_ns = trap_ns(obj, "cost_emulated", cost_site_emulated, multi);
	r.stepped_ns = trap_ns(obj, "cost_stepped", cost_site_stepped, multi);
	r.raw_ns = raw_ns(obj);
	call_costs(obj, &r);
	if (r.emulated_ns > 0 && r.stepped_ns > 0 && write(fd, &r, sizeof(r)) < 0)
		_exit(1);
}

void cost_start(struct cost *c)
{
	int fd[2];

	*c = (struct cost){ .fd = -1 };
	if (pipe2(fd, O_CLOEXEC))
		return;
	c->child = fork();
	if (!c->child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGINT, SIG_IGN);
		close(fd[0]);
		measure(fd[1]);
		_exit(0);
	}
	close(fd[1]);
	if (c->child < 0) {
		c->child = 0;
		close(fd[0]);
		return;
	}
	c->fd = fd[0];
}

static void close_fd(struct cost *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

bool cost_read(struct cost *c, bool wait)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	struct result r;

	if (c->fd < 0 || poll(&p, 1, wait ? 3000 : 0) <= 0)
		return c->known;
	if (read(c->fd, &r, sizeof(r)) == sizeof(r)) {
		c->known = true;
		c->emulated_ns = r.emulated_ns;
		c->stepped_ns = r.stepped_ns;
		c->call_ns = r.call_ns;
		c->other_ns = r.other_ns;
		c->raw_ns = r.raw_ns > 0 ? r.raw_ns : 0;
	}
	/* it is not waited for: the kernel takes its time to take its probes away */
	close_fd(c);
	return c->known;
}

void cost_close(struct cost *c)
{
	close_fd(c);
	if (c->child > 0) {
		kill(c->child, SIGKILL);
		waitpid(c->child, NULL, 0);
	}
	c->child = 0;
}
