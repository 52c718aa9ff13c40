// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What surrounds the process: settings of runtime and kernel, its memory cgroup. */
#include "session.h"
#include <string.h>

#define FIELD(st, field, unit, role, help) COL(struct st, field, #field, unit, role, help)

const struct col session_settings_cols[] = {
	FIELD(settings_row, gogc, NONE, GAUGE, "GOGC in per cent; -1: off"),
	FIELD(settings_row, gomemlimit, BYTES, GAUGE, "GOMEMLIMIT; -1: off"),
	FIELD(settings_row, gomaxprocs, COUNT, GAUGE, "GOMAXPROCS: Ps in use"),
	FIELD(settings_row, madvise, NONE, GAUGE,
	      "how the runtime gives memory back: DONTNEED; or FREE, which leaves it in the RSS"),
	FIELD(settings_row, thp_enabled, NONE, GAUGE,
	      "huge pages of the host: always, madvise or never"),
	FIELD(settings_row, thp_max_ptes_none, COUNT, GAUGE,
	      "khugepaged fills up to so many absent pages to make a huge one"),
	FIELD(settings_row, thp_disabled, NONE, GAUGE,
	      "the process has huge pages off (PR_SET_THP_DISABLE)"),
	{}
};

static const struct col level_cols[] = {
	FIELD(cgroup_level, path, NONE, KEY, "group with a limit: its own, or one above"),
	FIELD(cgroup_level, limit, BYTES, GAUGE, "memory.max or memory.limit_in_bytes"),
	FIELD(cgroup_level, usage, BYTES, GAUGE, "charged to it"),
	FIELD(cgroup_level, working_set, BYTES, GAUGE, "usage - inactive_file"),
	FIELD(cgroup_level, headroom, SBYTES, GAUGE, "limit - working_set"),
	{}
};

#define STAT(field, unit, help)                                                                    \
	COL_AS(#field, struct cgroup_row, c.field, #field, unit, GAUGE, 0, help)

const struct col session_cgroup_cols[] = {
	FIELD(cgroup_row, version, NONE, GAUGE, "hierarchy of the memory controller: 1 or 2"),
	FIELD(cgroup_row, path, NONE, KEY, "group that the memory is charged to"),
	FIELD(cgroup_row, container, NONE, GAUGE, "container id, from the path"),
	FIELD(cgroup_row, runtime, NONE, GAUGE, "docker, containerd, cri-o or podman"),
	FIELD(cgroup_row, unit, NONE, GAUGE, "systemd unit"),
	FIELD(cgroup_row, limit, BYTES, GAUGE,
	      "the tightest limit, its own or one above; null: none"),
	FIELD(cgroup_row, limit_path, NONE, GAUGE, "the group that has this limit"),
	FIELD(cgroup_row, headroom, SBYTES, GAUGE,
	      "this limit - the working set of the group that has it"),
	COL_LIST(struct cgroup_row, limits, level_cols, "all limits, from the inside out"),
	STAT(high, BYTES, "memory.high: above it the group is slowed down; null: none"),
	STAT(usage, BYTES, "all that is charged: anon + file + kernel (+ sock on v2) + residual"),
	STAT(working_set, BYTES, "usage - inactive_file, as kubelet and cadvisor have it"),
	STAT(anon, BYTES, "anonymous memory of all its processes"),
	STAT(file, BYTES, "page cache, shmem included"),
	STAT(shmem, BYTES, "tmpfs and shared memory"),
	STAT(file_mapped, BYTES, "of file: mapped by a process, so in its RSS, too"),
	STAT(inactive_file, BYTES, "page cache that is reclaimed first"),
	STAT(swap, BYTES, "in swap"),
	STAT(kernel, BYTES, "all kernel memory"),
	STAT(slab, BYTES, "of kernel: slab objects"),
	STAT(slab_reclaimable, BYTES, "dentries, inodes and the like"),
	STAT(slab_unreclaimable, BYTES, "other slab objects"),
	STAT(pagetables, BYTES, "of kernel: page tables"),
	STAT(kernel_stack, BYTES, "of kernel: stacks of threads"),
	STAT(percpu, BYTES, "of kernel: per-CPU memory"),
	STAT(vmalloc, BYTES, "of kernel: vmalloc areas, stacks may be among them"),
	STAT(sock, BYTES, "socket buffers; v1 does not count them in usage"),
	STAT(hugetlb, BYTES, "huge pages of hugetlbfs, where they are charged"),
	STAT(residual, SBYTES, "usage - its parts: what CPUs have charged in advance"),
	STAT(residual_bound, BYTES, "the residual cannot be larger than this"),
	STAT(processes, COUNT, "processes in the group and below it"),
	STAT(others, COUNT, "processes beside this one"),
	STAT(others_rss, BYTES, "their RSS, added up; pages they share count in each"),
	STAT(unreadable, COUNT, "processes whose RSS could not be read"),
	FIELD(cgroup_row, why, NONE, GAUGE, "why the group is not known"),
	{}
};

static const char *word(const char *text)
{
	return *text ? text : NULL;
}

static void fill_settings(struct session_look *s)
{
	const struct memstats *m = &s->ms;

	s->settings = (struct settings_row){
		.gogc = s->has_ms ? m->gc_percent : S64_NULL,
		.gomemlimit = !s->has_ms                     ? S64_NULL
			      : m->memory_limit == INT64_MAX ? -1
							     : m->memory_limit,
		.gomaxprocs = s->has_ms ? m->procs : U64_NULL,
		.madvise = !s->has_ms || m->madvdontneed < 0 ? NULL
			   : m->madvdontneed                 ? "DONTNEED"
							     : "FREE",
		.thp_enabled = word(s->thp.enabled),
		.thp_max_ptes_none = s->thp.max_ptes_none,
		.thp_disabled = s->thp.disabled,
	};
}

static void fill_cgroup(struct session_look *s)
{
	const struct cgroup *c = &s->cgroup;
	const struct cgroup_level *tight = c->tightest < 0 ? NULL : &c->level[c->tightest];

	s->group = (struct cgroup_row){
		.c = *c,
		.version = c->version ? c->version : U64_NULL,
		.path = word(c->path),
		.container = word(c->container),
		.runtime = word(c->runtime),
		.unit = word(c->unit),
		.limit = tight ? tight->limit : U64_NULL,
		.limit_path = tight ? tight->path : NULL,
		.headroom = tight ? tight->headroom : S64_NULL,
		.limits = { c->level, c->nlevels, sizeof(c->level[0]) },
		.why = word(c->why),
	};
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a == U64_NULL || b == U64_NULL ? U64_NULL : a > b ? a - b : 0;
}

static uint64_t known(uint64_t v)
{
	return v == U64_NULL ? 0 : v;
}

void session_host(struct session_look *s)
{
	const struct cgroup *c = &s->cgroup;
	struct bytes_row *b = s->charged;

	fill_settings(s);
	fill_cgroup(s);
	b[CHARGED_SLAB] = (struct bytes_row){ "cgroup.slab", c->slab };
	b[CHARGED_SOCK] = (struct bytes_row){ "cgroup.sock", c->sock };
	b[CHARGED_PAGE_TABLES] = (struct bytes_row){ "cgroup.page_tables", c->pagetables };
	b[CHARGED_STACKS] = (struct bytes_row){ "cgroup.kernel_stack", c->kernel_stack };
	/* the rest of the kernel's: all of it on v1, which does not tell it apart */
	b[CHARGED_KERNEL] = (struct bytes_row){
		"cgroup.kernel_other",
		less(c->kernel, known(c->slab) + known(c->pagetables) + known(c->kernel_stack)),
	};
	b[CHARGED_FILE] = (struct bytes_row){ "cgroup.file", less(c->file, known(c->shmem)) };
	b[CHARGED_SHMEM] = (struct bytes_row){ "cgroup.shmem", c->shmem };
}
