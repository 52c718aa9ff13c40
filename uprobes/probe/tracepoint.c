// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Tracepoints by name. Their numbers are in tracefs, which need not be mounted: it is opened
 * without a place (fsopen(2), Linux 5.2), so nothing of the host changes.
 */
#include "fail.h"
#include "probe/probe.h"
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FSCONFIG_CREATE 6 /* FSCONFIG_CMD_CREATE, which old headers lack */
#ifndef SYS_fsopen
#define SYS_fsopen   430
#define SYS_fsconfig 431
#define SYS_fsmount  432
#endif

static int tracefs_open(void)
{
	static const char *const at[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	int fs = syscall(SYS_fsopen, "tracefs", 1 /* FSOPEN_CLOEXEC */), dir = -1;

	if (fs >= 0 && !syscall(SYS_fsconfig, fs, FSCONFIG_CREATE, NULL, NULL, 0))
		dir = syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (fs >= 0)
		close(fs);
	for (size_t i = 0; dir < 0 && i < sizeof(at) / sizeof(at[0]); i++) {
		dir = open(at[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0 && faccessat(dir, "events", F_OK, 0)) {
			close(dir);
			dir = -1;
		}
	}
	return dir;
}

int tracepoint_id(const char *name)
{
	int dir = tracefs_open(), fd, err;
	char path[160], text[32] = "";

	if (dir < 0)
		return -EPERM;
	snprintf(path, sizeof(path), "events/%s/id", name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	close(dir);
	return err ? err : atoi(text);
}

int tracepoint_open(int id)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(a),
		.config = id,
	};
	/* a program is run on every CPU, whatever the event is opened on */
	int fd = syscall(SYS_perf_event_open, &a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool tracepoint_is_raw(const struct btf *kernel, const char *name)
{
	char type[96];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(kernel, type, BTF_KIND_TYPEDEF) > 0;
}

/* ---- software events ---- */

static const struct {
	const char *name;
	int event;
} software[] = {
	{ "page-faults-min", PERF_COUNT_SW_PAGE_FAULTS_MIN },
	{ "page-faults-maj", PERF_COUNT_SW_PAGE_FAULTS_MAJ },
};

int software_find(const char *name)
{
	for (size_t i = 0; i < sizeof(software) / sizeof(software[0]); i++)
		if (!strcmp(software[i].name, name))
			return software[i].event;
	return -1;
}

int software_open(int event, int cpu)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = event,
		.sample_period = 1,
	};
	int fd = syscall(SYS_perf_event_open, &a, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- where a program goes ---- */

#define TRACEPOINT "tracepoint/"
#define RAW        "raw_tp/"
#define SOFTWARE   "software/"

/* Kernels differ in what they have: a program without its tracepoint stays out. */
static void place_tracepoint(struct probe *pr)
{
	int id = tracepoint_id(pr->site + sizeof(TRACEPOINT) - 1);

	pr->off[0] = id > 0 ? id : 0;
	pr->state = id > 0 ? PROBE_READY : PROBE_OFF;
	if (id == -ENOENT)
		snprintf(pr->why, sizeof(pr->why), "this kernel has no %s", pr->site);
	else if (id <= 0)
		snprintf(pr->why, sizeof(pr->why),
			 "%s cannot be looked up: tracefs is not mounted, and needs CAP_SYS_ADMIN "
			 "to be opened without (mount -t tracefs tracefs /sys/kernel/tracing)",
			 pr->site);
}

/* By the kernel's own types, which need no rights, and which the programs need anyway. */
static void place_raw(struct probes *p, struct probe *pr)
{
	if (!p->kernel)
		p->kernel = btf__load_vmlinux_btf();
	if (p->kernel && tracepoint_is_raw(p->kernel, pr->site + sizeof(RAW) - 1))
		return;
	pr->state = PROBE_OFF;
	snprintf(pr->why, sizeof(pr->why),
		 p->kernel ? "this kernel has no tracepoint %s"
			   : "this kernel has no types (BTF), by which tracepoint %s is found",
		 pr->site + sizeof(RAW) - 1);
}

static int place_software(struct probe *pr)
{
	int event = software_find(pr->site + sizeof(SOFTWARE) - 1);

	if (event < 0)
		return fail(-EINVAL, "program %s is for an unknown event", pr->name);
	pr->software = true;
	pr->off[0] = event;
	bpf_program__set_type(pr->prog, BPF_PROG_TYPE_PERF_EVENT);
	return 0;
}

int event_place(struct probes *p, struct probe *pr)
{
	if (!strncmp(pr->site, TRACEPOINT, sizeof(TRACEPOINT) - 1))
		place_tracepoint(pr);
	else if (!strncmp(pr->site, RAW, sizeof(RAW) - 1))
		place_raw(p, pr);
	else if (!strncmp(pr->site, SOFTWARE, sizeof(SOFTWARE) - 1))
		return place_software(pr);
	return 0;
}
