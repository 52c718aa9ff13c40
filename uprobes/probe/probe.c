// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Programs at their sites in one process; see probe.h. */
#include "probe/probe.h"
#include "fail.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* An entry of the list that family.S makes. */
struct family {
	const char *name;
	const void *object;
	uint64_t len;
	const void *old; /* for kernels before 5.12 */
	uint64_t old_len;
};

extern const struct family __start_gomt_bpf[], __stop_gomt_bpf[];

#define SECTION   "uprobe/"
#define BODY_LONG 3 /* powers of two above the middle run, and it was interrupted */

static const struct family *family_find(const char *name)
{
	for (const struct family *f = __start_gomt_bpf; f < __stop_gomt_bpf; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

/* What libbpf says of a failure; the last line of it is what a reader may want. */
static char libbpf_said[256];

static int libbpf_say(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !libbpf_said[0])
		vsnprintf(libbpf_said, sizeof(libbpf_said), fmt, ap);
	return 0;
}

/* ---- constants ---- */

/* The offset of a variable in .rodata, by the object's own types. -1: not there. */
static long const_offset(const struct bpf_object *obj, const char *name, size_t size)
{
	const struct btf *btf = bpf_object__btf(obj);
	int sec = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *t = sec < 0 ? NULL : btf__type_by_id(btf, sec);
	const struct btf_var_secinfo *v = t ? btf_var_secinfos(t) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_type *var = btf__type_by_id(btf, v[i].type);

		if (!strcmp(btf__name_by_offset(btf, var->name_off), name))
			return v[i].size == size ? (long)v[i].offset : -1;
	}
	return -1;
}

void *probes_object_const(struct bpf_object *obj, const char *name, size_t size)
{
	struct bpf_map *m;
	long off = const_offset(obj, name, size);
	size_t len;
	char *p;

	if (off < 0)
		return NULL;
	bpf_object__for_each_map(m, obj)
	{
		if (!strstr(bpf_map__name(m), ".rodata"))
			continue;
		p = (char *)bpf_map__initial_value(m, &len);
		return p && off + size <= len ? p + off : NULL;
	}
	return NULL;
}

void *probes_const(struct probes *p, const char *name, size_t size)
{
	void *v = NULL;

	for (size_t i = 0; i < p->nobj && !v; i++)
		v = probes_object_const(p->obj[i], name, size);
	return v;
}

/* As struct go_offsets of engine.bpf.h. */
struct go_offsets {
	uint32_t g_m, g_goid, g_stack, g_sched_sp, g_sched_pc, g_sched_bp;
	uint32_t m_g0, m_curg;
	uint64_t morestack, morestack_end;
	uint64_t no_frame, no_frame_end;
	uint64_t pidns_dev, pidns_ino;
};

static int fill_offsets(struct probes *p, struct bpf_object *obj)
{
	struct go_offsets *o = probes_object_const(obj, "go", sizeof(*o));
	const struct go_layout *lay;

	if (!o)
		return fail(-EINVAL, "a family of programs has other offsets than we");
	if (!p->gp)
		return target_pidns(p->t, &o->pidns_dev, &o->pidns_ino);
	lay = p->gp->l;
	*o = (struct go_offsets){
		.g_m = lay->g_m,
		.g_goid = lay->g_goid,
		.g_stack = lay->g_stack,
		.g_sched_sp = lay->g_sched_sp,
		.g_sched_pc = lay->g_sched_pc,
		.g_sched_bp = lay->g_sched_bp,
		.m_g0 = lay->m_g0,
		.m_curg = lay->m_curg,
	};
	locator_function(p->locator, "runtime.morestack", &o->morestack, &o->morestack_end);
	/* asm_amd64.s; that of arm64 always has a frame */
	if (go_layout_minor(lay) < 21 && p->gp->bin.machine == EM_X86_64)
		locator_function(p->locator, "runtime.systemstack_switch", &o->no_frame,
				 &o->no_frame_end);
	return target_pidns(p->t, &o->pidns_dev, &o->pidns_ino);
}

/* ---- opening ---- */

/* The name of the site in the target that a program's section has, or NULL. */
static const char *site_of(const struct bpf_program *prog)
{
	const char *s = bpf_program__section_name(prog);

	return !strncmp(s, SECTION "go", sizeof(SECTION) + 1) ? s + sizeof(SECTION) - 1 : NULL;
}

/* Find where a program goes: in the target, or where libbpf reads it from the section. */
static int place(struct probes *p, struct probe *pr)
{
	pr->site = site_of(pr->prog);
	if (!pr->site) {
		pr->site = bpf_program__section_name(pr->prog);
		pr->elsewhere = pr->complete = true;
		pr->state = PROBE_READY;
		pr->noff = 1;
		return event_place(p, pr);
	}
	if (!p->locator)
		return fail(-EINVAL, "program %s is for a Go process", pr->name);
	locator_find(p->locator, pr);
	bpf_program__set_type(pr->prog, BPF_PROG_TYPE_KPROBE);
	if (p->multi)
		bpf_program__set_expected_attach_type(pr->prog, PROBE_ATTACH_MULTI);
	return 0;
}

static int add_program(struct probes *p, struct bpf_object *obj, struct bpf_program *prog)
{
	struct probe *pr = &p->probe[p->n];
	struct prog_info *info;
	char name[64];
	int err;

	if (p->n == PROGS_MAX)
		return fail(-E2BIG, "more than %d programs", PROGS_MAX);
	*pr = (struct probe){
		.prog = prog, .name = bpf_program__name(prog), .fd = -1, .watch = &p->watch
	};
	snprintf(name, sizeof(name), "%s_info", pr->name);
	info = probes_object_const(obj, name, sizeof(*info));
	if (!info)
		return fail(-EINVAL, "program %s has no place for its number", pr->name);
	err = place(p, pr);
	if (err)
		return err;
	*info = (struct prog_info){ .id = p->n, .site = pr->kind };
	bpf_program__set_autoload(prog, pr->state == PROBE_READY);
	p->n++;
	return 0;
}

struct bpf_object *probes_object(const char *family)
{
	const struct family *f = family_find(family);
	bool fetch = kernel_has_fetch();
	struct bpf_object *obj;

	LIBBPF_OPTS(bpf_object_open_opts, o, .object_name = family);
	libbpf_set_print(libbpf_say);
	if (!f) {
		errno = -fail(-EINVAL, "no family of programs is called %s", family);
		return NULL;
	}
	obj = bpf_object__open_mem(fetch ? f->object : f->old, fetch ? f->len : f->old_len, &o);
	if (!obj)
		fail(-errno, "cannot open the programs %s: %s", family, strerror(errno));
	return obj;
}

static int open_objects(struct probes *p, const char *const *families)
{
	for (; *families; families++) {
		if (p->nobj == PROBE_FAMILIES)
			return fail(-E2BIG, "more than %d families of programs", PROBE_FAMILIES);
		p->obj[p->nobj] = probes_object(*families);
		if (!p->obj[p->nobj])
			return -errno;
		p->nobj++;
	}
	return 0;
}

static int find_all(struct probes *p)
{
	const char *sites[PROGS_MAX];
	struct bpf_program *prog;
	size_t n = 0;

	for (size_t i = 0; i < p->nobj; i++)
		bpf_object__for_each_program(prog, p->obj[i]) if (site_of(prog) && n < PROGS_MAX)
			sites[n++] = site_of(prog);
	p->locator = locator_new(p->gp, sites, n);
	return p->locator ? 0
			  : fail(-errno, "cannot find the functions of process %d: %s", p->t->pid,
				 strerror(errno));
}

static int add_programs(struct probes *p)
{
	struct bpf_program *prog;
	int err = 0;

	target_fd_path(p->t, p->path, sizeof(p->path));
	p->multi = kernel_has_uprobe_multi();
	for (size_t i = 0; !err && i < p->nobj; i++) {
		err = fill_offsets(p, p->obj[i]);
		bpf_object__for_each_program(prog, p->obj[i]) err =
			err ? err : add_program(p, p->obj[i], prog);
	}
	return err;
}

static int open_all(struct probes *p, struct target *t, struct goproc *gp,
		    const char *const *families)
{
	int err;

	*p = (struct probes){ .t = t,
			      .gp = gp,
			      .policies = -1,
			      .generation = -1,
			      .stats = -1,
			      .ring_size = RING_DEFAULT,
			      .ncpus = libbpf_num_possible_cpus() };
	if (gp && !gp->proven)
		return fail(-EOPNOTSUPP, "cannot probe process %d: %s", t->pid, gp->why);
	err = kernel_check();
	if (err)
		return err;
	err = open_objects(p, families);
	if (!err && gp)
		err = find_all(p);
	err = err ? err : add_programs(p);
	locator_free(p->locator);
	p->locator = NULL;
	btf__free(p->kernel);
	p->kernel = NULL;
	if (err)
		probes_close(p);
	return err;
}

int probes_open(struct probes *p, struct goproc *gp, const char *const *families)
{
	return open_all(p, gp->t, gp, families);
}

int probes_open_any(struct probes *p, struct target *t, const char *const *families)
{
	return open_all(p, t, NULL, families);
}

/* ---- loading ---- */

/* Families share their rings, policy and counters: those of the first. */
static int share_maps(struct probes *p, struct bpf_object *obj)
{
	static const char *const shared[] = { "rings", "policies", "generation", "stats",
					      "sequence" };

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		struct bpf_map *m = bpf_object__find_map_by_name(obj, shared[i]);
		int err = m ? bpf_map__reuse_fd(m, probes_map(p, shared[i])) : -ENOENT;

		if (err)
			return err;
	}
	return 0;
}

/* Kernels before 5.11 count the memory of maps against this limit. */
static void lift_memlock(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &all);
}

static int first_rings(struct probes *p, struct bpf_object *obj, int *inner)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, "rings");
	int err;

	if (!m)
		return -ENOENT;
	*inner = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, p->ring_size, NULL);
	err = *inner < 0 ? -errno : bpf_map__set_inner_map_fd(m, *inner);
	return err ? err : bpf_map__set_max_entries(m, p->ncpus);
}

int probes_load(struct probes *p)
{
	int inner = -1, err = 0;

	lift_memlock();
	libbpf_said[0] = '\0';
	for (size_t i = 0; !err && i < p->nobj; i++) {
		err = i ? share_maps(p, p->obj[i]) : first_rings(p, p->obj[i], &inner);
		err = err ? err : bpf_object__load(p->obj[i]);
	}
	if (inner >= 0)
		close(inner);
	if (err) {
		libbpf_said[strcspn(libbpf_said, "\n")] = '\0';
		return fail(err == -EPERM || err == -EACCES ? -EPERM : -EOPNOTSUPP,
			    "this kernel does not take the programs: %s (%s)", strerror(-err),
			    libbpf_said);
	}
	p->policies = probes_map(p, "policies");
	p->generation = probes_map(p, "generation");
	p->stats = probes_map(p, "stats");
	p->rings = rings_new(probes_map(p, "rings"), p->ncpus, p->ring_size, p->crc);
	return p->rings ? 0 : fail(-errno, "cannot make the rings: %s", strerror(errno));
}

/* The first family's that has it, or NULL. */
static struct bpf_map *map_find(const struct probes *p, const char *name)
{
	struct bpf_map *m = NULL;

	for (size_t i = 0; i < p->nobj && !m; i++)
		m = bpf_object__find_map_by_name(p->obj[i], name);
	return m;
}

int probes_resize(struct probes *p, const char *map, uint32_t entries)
{
	struct bpf_map *m = map_find(p, map);

	return m ? bpf_map__set_max_entries(m, entries) : -ENOENT;
}

int probes_map(struct probes *p, const char *name)
{
	struct bpf_map *m = map_find(p, name);

	return m ? bpf_map__fd(m) : -1;
}

struct probe *probes_find(struct probes *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->probe[i].name, name))
			return &p->probe[i];
	return NULL;
}

void probes_drop(struct probes *p, const char *name)
{
	struct probe *pr = probes_find(p, name);

	if (!pr)
		return;
	pr->state = PROBE_DROPPED;
	bpf_program__set_autoload(pr->prog, false);
}

/* ---- attaching ---- */

/* fd is that of an event, or -errno. */
static struct bpf_link *attach_event(const struct probe *pr, int fd)
{
	struct bpf_link *link;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	link = bpf_program__attach_perf_event(pr->prog, fd); /* owns it from now on */
	if (!link)
		close(fd);
	return link;
}

/* Link i of a program. A CPU that is not there has none. */
static int attach_link(struct probes *p, struct probe *pr, size_t i)
{
	int fd;

	LIBBPF_OPTS(bpf_uprobe_opts, o);
	if (pr->software) {
		fd = software_open(pr->off[0], i);
		if (fd == -ENODEV)
			return 0;
		pr->links[i] = attach_event(pr, fd);
	} else if (pr->elsewhere && pr->off[0]) {
		pr->links[i] = attach_event(pr, tracepoint_open(pr->off[0]));
	} else if (pr->elsewhere) {
		pr->links[i] = bpf_program__attach(pr->prog);
	} else {
		pr->links[i] = bpf_program__attach_uprobe_opts(pr->prog, p->t->pid, p->path,
							       pr->off[i], &o);
	}
	return pr->links[i] ? 0 : -errno;
}

static int attach_links(struct probes *p, struct probe *pr)
{
	int err = 0;

	pr->nlinks = pr->software ? (size_t)p->ncpus : pr->noff;
	pr->links = calloc(pr->nlinks, sizeof(struct bpf_link *));
	if (!pr->links)
		return -ENOMEM;
	for (size_t i = 0; !err && i < pr->nlinks; i++)
		err = attach_link(p, pr, i);
	return err;
}

int probe_attach(struct probes *p, struct probe *pr)
{
	int err = 0;

	libbpf_said[0] = '\0';
	if (p->multi && !pr->elsewhere) {
		pr->fd = kernel_uprobe_multi(bpf_program__fd(pr->prog), p->path, pr->off, pr->noff,
					     p->t->pid);
		err = pr->fd < 0 ? pr->fd : 0;
	} else {
		err = attach_links(p, pr);
	}
	if (!err) {
		pr->state = PROBE_ON;
		if (p->watch.told)
			p->watch.told(p->watch.arg, pr);
		return 0;
	}
	probe_detach(pr);
	if (err == -ESRCH)
		return fail(-ESRCH, "process %d has exited", p->t->pid);
	return fail(err == -EACCES ? -EPERM : err, "cannot attach to %s: %s%s",
		    pr->elsewhere ? pr->site : strchr(pr->site, ':') + 1, strerror(-err),
		    err == -EPERM || err == -EACCES
			    ? " (needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN; try sudo)"
			    : "");
}

int probes_attach(struct probes *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n; i++)
		if (p->probe[i].state == PROBE_READY)
			err = probe_attach(p, &p->probe[i]);
	return err;
}

void probe_detach(struct probe *pr)
{
	for (size_t i = 0; pr->links && i < pr->nlinks; i++)
		bpf_link__destroy(pr->links[i]);
	free(pr->links);
	pr->links = NULL;
	if (pr->fd >= 0)
		close(pr->fd);
	pr->fd = -1;
	if (pr->state != PROBE_ON)
		return;
	pr->state = PROBE_READY;
	if (pr->watch->told)
		pr->watch->told(pr->watch->arg, pr);
}

void probes_detach(struct probes *p)
{
	for (size_t i = p->n; i > 0; i--)
		probe_detach(&p->probe[i - 1]);
}

/* ---- what came of it ---- */

int probes_policy(const struct probes *p, const struct policy *want)
{
	uint32_t slot = want->generation % POLICIES, zero = 0;

	return bpf_map_update_elem(p->policies, &slot, want, BPF_ANY) ||
			       bpf_map_update_elem(p->generation, &zero, &want->generation, BPF_ANY)
		       ? -errno
		       : 0;
}

/* The bin of the middle run. */
static int body_median(const struct prog_body bins[BODY_BINS], uint64_t hits)
{
	uint64_t seen = 0;
	int i;

	for (i = 0; i < BODY_BINS - 1; i++) {
		seen += bins[i].hits;
		if (seen * 2 >= hits)
			break;
	}
	return i;
}

void probe_body(const struct prog_body bins[BODY_BINS], struct probe_stat *out)
{
	uint64_t hits = 0, ns = 0, whole = 0, whole_ns = 0;
	int last;

	for (int i = 0; i < BODY_BINS; i++) {
		hits += bins[i].hits;
		ns += bins[i].ns;
	}
	last = body_median(bins, hits) + BODY_LONG;
	for (int i = 0; i < BODY_BINS && i <= last; i++) {
		whole += bins[i].hits;
		whole_ns += bins[i].ns;
	}
	out->body_ns = whole ? (double)whole_ns / whole * hits : 0;
	out->interrupted_ns = ns > out->body_ns ? ns - out->body_ns : 0;
}

int probes_stat(struct probes *p, size_t i, struct probe_stat *out)
{
	struct prog_stat *v = calloc(p->ncpus, sizeof(*v));
	struct prog_body bins[BODY_BINS] = {};
	uint32_t id = i;
	int err = !v ? -ENOMEM : bpf_map_lookup_elem(p->stats, &id, v) ? -errno : 0;

	*out = (struct probe_stat){};
	for (int c = 0; !err && c < p->ncpus; c++) {
		out->hits += v[c].hits;
		out->calls += v[c].calls;
		out->filtered += v[c].filtered;
		out->produced += v[c].produced;
		out->lost += v[c].lost;
		for (int b = 0; b < BODY_BINS; b++) {
			bins[b].hits += v[c].body[b].hits;
			bins[b].ns += v[c].body[b].ns;
		}
	}
	probe_body(bins, out);
	free(v);
	return err;
}

void probes_close(struct probes *p)
{
	probes_detach(p);
	rings_free(p->rings);
	p->rings = NULL;
	for (size_t i = 0; i < p->nobj; i++)
		bpf_object__close(p->obj[i]);
	p->n = p->nobj = 0;
}
