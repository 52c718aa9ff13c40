// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The memory cgroup of a process; see cgroup.h. */
#include "proc/cgroup.h"
#include "proc/procfs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX      (16U << 20)
#define DEPTH         64
#define GROUPS        4096
#define NO_LIMIT      (1ULL << 62) /* v1's "none" is LONG_MAX in whole pages */
#define CHARGE_BATCH  64ULL
#define LOCATION      1024 /* of a mount point, or of a path below it */
#define ANY_PATH      4096
#define S64_UNKNOWN   INT64_MIN
#define CONTAINER_HEX 64

static uint64_t file_number(const char *dir, const char *name)
{
	char path[ANY_PATH], *text, *end;
	uint64_t v = CGROUP_UNKNOWN;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	text = proc_slurp(AT_FDCWD, path, FILE_MAX, NULL);
	if (!text)
		return v;
	/* "max" has no digits */
	v = strtoull(text, &end, 10);
	if (end == text)
		v = CGROUP_UNKNOWN;
	free(text);
	return v;
}

static uint64_t file_limit(const char *dir, const char *name)
{
	uint64_t v = file_number(dir, name);

	return v >= NO_LIMIT ? CGROUP_UNKNOWN : v;
}

static char *file_text(const char *dir, const char *name)
{
	char path[ANY_PATH];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return proc_slurp(AT_FDCWD, path, FILE_MAX, NULL);
}

/* The number of a line "key number" of memory.stat. */
static uint64_t stat_number(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, n) && line[n] == ' ')
			return strtoull(line + n + 1, NULL, 10);
	}
	return CGROUP_UNKNOWN;
}

/* v1 counts the group alone, and with those below it as total_; usage is the latter. */
static uint64_t stat_total(const char *text, const char *key)
{
	char total[64];
	uint64_t v;

	snprintf(total, sizeof(total), "total_%s", key);
	v = stat_number(text, total);
	return v != CGROUP_UNKNOWN ? v : stat_number(text, key);
}

static uint64_t inactive_file(unsigned version, const char *text)
{
	return version == 1 ? stat_total(text, "inactive_file")
			    : stat_number(text, "inactive_file");
}

void cgroup_parse_stat(const char *text, struct cgroup *c)
{
	c->inactive_file = inactive_file(c->version, text);
	if (c->version == 1) {
		c->anon = stat_total(text, "rss");
		c->file = stat_total(text, "cache");
		c->shmem = stat_total(text, "shmem");
		c->file_mapped = stat_total(text, "mapped_file");
		c->swapcached = stat_total(text, "swapcached");
		c->swap = stat_total(text, "swap");
		return;
	}
	c->anon = stat_number(text, "anon");
	c->file = stat_number(text, "file");
	c->shmem = stat_number(text, "shmem");
	c->file_mapped = stat_number(text, "file_mapped");
	c->swapcached = stat_number(text, "swapcached");
	c->kernel = stat_number(text, "kernel");
	c->slab = stat_number(text, "slab");
	c->slab_reclaimable = stat_number(text, "slab_reclaimable");
	c->slab_unreclaimable = stat_number(text, "slab_unreclaimable");
	c->pagetables = stat_number(text, "pagetables");
	c->kernel_stack = stat_number(text, "kernel_stack");
	c->percpu = stat_number(text, "percpu");
	c->vmalloc = stat_number(text, "vmalloc");
	c->sock = stat_number(text, "sock");
	c->hugetlb = stat_number(text, "hugetlb");
}

/* ---- where it is ---- */

/* "docker-0123….scope", "0123…", "crio-0123…", "kubepods-pod.slice:cri-containerd:0123…" */
static bool container_of(const char *name, size_t len, const char **id, size_t *prefix)
{
	size_t i = 0, n;

	while (i < len) {
		n = strspn(name + i, "0123456789abcdef");
		if (n == CONTAINER_HEX && i + n <= len &&
		    (!i || name[i - 1] == '-' || name[i - 1] == ':') &&
		    (i + n == len || name[i + n] == '.')) {
			*id = name + i;
			*prefix = i;
			return true;
		}
		i += n + 1;
	}
	return false;
}

/* Who made it, from what stands before the id: in its name, or as the directory above. */
static const char *runtime_of(const char *path, const char *name, size_t prefix)
{
	static const struct {
		const char *mark, *runtime;
	} known[] = { { "docker", "docker" },
		      { "cri-containerd", "containerd" },
		      { "crio", "cri-o" },
		      { "libpod", "podman" },
		      { "nerdctl", "containerd" } };
	char before[128];

	if (!prefix && name > path + 1) {
		const char *p = name - 1;

		while (p > path && p[-1] != '/')
			p--;
		snprintf(before, sizeof(before), "%.*s", (int)(name - 1 - p), p);
	} else {
		snprintf(before, sizeof(before), "%.*s", (int)prefix, name);
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(before, known[i].mark))
			return known[i].runtime;
	return "";
}

static bool has_suffix(const char *name, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && !memcmp(name + len - n, suffix, n);
}

/* The deepest name decides in both cases. */
void cgroup_parse_path(const char *path, struct cgroup *c)
{
	const char *id, *p = path;

	while (*p) {
		size_t len = strcspn(p, "/"), prefix;

		if (container_of(p, len, &id, &prefix)) {
			snprintf(c->container, sizeof(c->container), "%.*s", CONTAINER_HEX, id);
			snprintf(c->runtime, sizeof(c->runtime), "%s", runtime_of(path, p, prefix));
		}
		if (has_suffix(p, len, ".service") || has_suffix(p, len, ".scope"))
			snprintf(c->unit, sizeof(c->unit), "%.*s", (int)len, p);
		p += len + (p[len] == '/');
	}
}

/* Whether a comma-separated list has a word. */
static bool has_word(const char *list, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list, *end = list + len; p < end; p += strcspn(p, ",") + 1)
		if ((size_t)(end - p) >= n && !memcmp(p, word, n) && (p + n == end || p[n] == ','))
			return true;
	return false;
}

/* ID:CONTROLLER,CONTROLLER:PATH, where v2 has no controllers */
int cgroup_parse(const char *text, struct cgroup *c)
{
	char unified[CGROUP_PATH] = "", memory[CGROUP_PATH] = "", systemd[CGROUP_PATH] = "";

	for (const char *line = text, *end; *line; line = end + (*end == '\n')) {
		const char *names = strchr(line, ':'), *path;

		end = strchrnul(line, '\n');
		path = names ? strchr(names + 1, ':') : NULL;
		if (!path || path >= end)
			continue;
		if (has_word(names + 1, path - names - 1, "memory"))
			snprintf(memory, sizeof(memory), "%.*s", (int)(end - path - 1), path + 1);
		else if (has_word(names + 1, path - names - 1, "name=systemd"))
			snprintf(systemd, sizeof(systemd), "%.*s", (int)(end - path - 1), path + 1);
		else if (path == names + 1)
			snprintf(unified, sizeof(unified), "%.*s", (int)(end - path - 1), path + 1);
	}
	c->version = *memory ? 1 : *unified ? 2 : 0;
	snprintf(c->path, sizeof(c->path), "%s", *memory ? memory : unified);
	c->container[0] = c->runtime[0] = c->unit[0] = '\0';
	cgroup_parse_path(systemd, c);
	cgroup_parse_path(unified, c);
	cgroup_parse_path(memory, c);
	return c->version ? 0 : -ENOENT;
}

/* \040 and the like in place: mountinfo escapes white space and backslashes. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

/* 35 31 0:32 /root /mount rw,relatime shared:9 - cgroup cgroup rw,memory */
static bool mount_parse(const char *line, size_t len, unsigned version, char *root, char *mount)
{
	char copy[3 * ANY_PATH], type[32], options[256];
	const char *tail;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, line, len);
	copy[len] = '\0';
	tail = strstr(copy, " - ");
	if (!tail || sscanf(copy, "%*s %*s %*s %4095s %4095s", root, mount) != 2 ||
	    sscanf(tail, " - %31s %*s %255s", type, options) != 2)
		return false;
	unescape(root);
	unescape(mount);
	if (version == 1)
		return !strcmp(type, "cgroup") && has_word(options, strlen(options), "memory");
	return !strcmp(type, "cgroup2");
}

/* What is left of a path below the root of a mount: "" or "/…"; NULL: it is elsewhere. */
static const char *below(const char *path, const char *root)
{
	size_t n = strlen(root);

	n -= n && root[n - 1] == '/';
	if (strncmp(path, root, n) || (path[n] && path[n] != '/'))
		return NULL;
	path += n;
	path += !strcmp(path, "/");
	/* above the root of our cgroup namespace: that no mount of ours shows */
	return !strncmp(path, "/..", 3) && (!path[3] || path[3] == '/') ? NULL : path;
}

int cgroup_locate(const char *mountinfo, unsigned version, const char *path, char *mount,
		  char *rest, size_t size)
{
	char root[ANY_PATH], point[ANY_PATH];
	size_t best = SIZE_MAX;

	for (const char *line = mountinfo, *end; *line; line = end + (*end == '\n')) {
		const char *left;

		end = strchrnul(line, '\n');
		if (!mount_parse(line, end - line, version, root, point))
			continue;
		left = below(path, root);
		if (!left || strlen(root) > best || strlen(point) >= size || strlen(left) >= size)
			continue;
		best = strlen(root);
		snprintf(mount, size, "%s", point);
		snprintf(rest, size, "%s", left);
	}
	return best == SIZE_MAX ? -ENOENT : 0;
}

/* ---- its files ---- */

static uint64_t less(uint64_t a, uint64_t b)
{
	if (a == CGROUP_UNKNOWN || b == CGROUP_UNKNOWN)
		return CGROUP_UNKNOWN;
	return a > b ? a - b : 0;
}

static const char *usage_name(const struct cgroup *c)
{
	return c->version == 1 ? "memory.usage_in_bytes" : "memory.current";
}

static const char *limit_name(const struct cgroup *c)
{
	return c->version == 1 ? "memory.limit_in_bytes" : "memory.max";
}

static void level_add(struct cgroup *c, const char *path, uint64_t limit, uint64_t usage,
		      uint64_t working_set)
{
	struct cgroup_level *l = &c->level[c->nlevels];
	uint64_t room;

	if (limit == CGROUP_UNKNOWN)
		return;
	/* far more than containers nest: the outermost limits take the last place by turns */
	if (c->nlevels == CGROUP_LEVELS)
		l--;
	else
		c->nlevels++;
	*l = (struct cgroup_level){
		.limit = limit, .usage = usage, .working_set = working_set, .headroom = S64_UNKNOWN
	};
	snprintf(l->path, sizeof(l->path), "%s", *path ? path : "/");
	room = working_set == CGROUP_UNKNOWN ? usage : working_set;
	if (room != CGROUP_UNKNOWN)
		l->headroom = (int64_t)(limit - room);
	if (c->tightest < 0 ||
	    (l->headroom != S64_UNKNOWN && l->headroom < c->level[c->tightest].headroom))
		c->tightest = l - c->level;
}

/* The limits of the groups above, up to where the mount begins, and v1's word on the rest. */
static void read_above(const char *mount, const char *rest, uint64_t hierarchical, struct cgroup *c)
{
	char dir[2 * LOCATION], path[LOCATION], *slash;
	uint64_t least = c->limit;

	snprintf(path, sizeof(path), "%s", rest);
	for (int i = 0; i < DEPTH && (slash = strrchr(path, '/')); i++) {
		uint64_t limit, usage;
		char *stat;

		*slash = '\0';
		snprintf(dir, sizeof(dir), "%s%s", mount, path);
		limit = file_limit(dir, limit_name(c));
		if (limit == CGROUP_UNKNOWN)
			continue;
		least = limit < least ? limit : least;
		usage = file_number(dir, usage_name(c));
		stat = file_text(dir, "memory.stat");
		level_add(c, path, limit, usage,
			  stat ? less(usage, inactive_file(c->version, stat)) : CGROUP_UNKNOWN);
		free(stat);
	}
	if (hierarchical < NO_LIMIT && hierarchical < least)
		level_add(c, "(above what can be seen)", hierarchical, CGROUP_UNKNOWN,
			  CGROUP_UNKNOWN);
}

static uint64_t known(uint64_t v)
{
	return v == CGROUP_UNKNOWN ? 0 : v;
}

/* The rest of the usage; see the head of cgroup.h. */
static void add_up(struct cgroup *c)
{
	uint64_t page = sysconf(_SC_PAGESIZE), sum;

	c->residual = S64_UNKNOWN;
	c->residual_bound = CGROUP_UNKNOWN;
	if (c->usage == CGROUP_UNKNOWN || c->anon == CGROUP_UNKNOWN || c->file == CGROUP_UNKNOWN ||
	    c->kernel == CGROUP_UNKNOWN)
		return;
	sum = c->anon + c->file + c->kernel;
	if (c->version == 2)
		sum += known(c->sock) + known(c->hugetlb);
	c->residual = (int64_t)(c->usage - sum);
	/* a page that is on its way from or to swap may be in anon and in file */
	c->residual_bound =
		3 * CHARGE_BATCH * page * sysconf(_SC_NPROCESSORS_CONF) + known(c->swapcached);
}

static void read_v1(const char *dir, struct cgroup *c)
{
	c->kernel = file_number(dir, "memory.kmem.usage_in_bytes");
	c->sock = file_number(dir, "memory.kmem.tcp.usage_in_bytes");
	/* counted only after its limit was set once: else the 0 says nothing */
	if (!c->sock && file_limit(dir, "memory.kmem.tcp.limit_in_bytes") == CGROUP_UNKNOWN)
		c->sock = CGROUP_UNKNOWN;
}

/* The processes of a group, and of those below it. */
static void count_group(const char *dir, pid_t pid, unsigned *groups, unsigned depth,
			struct cgroup *c)
{
	char path[ANY_PATH], *text = file_text(dir, "cgroup.procs"), *p = text, *end;
	struct dirent *e;
	DIR *d;

	while (p && *p) {
		long other = strtol(p, &end, 10);
		struct proc_status st;
		int fd, err;

		if (end == p)
			break;
		p = end + strspn(end, "\n");
		c->processes++;
		if (other == pid)
			continue;
		c->others++;
		snprintf(path, sizeof(path), "/proc/%ld", other);
		/* 0: in a pid namespace that is none of ours */
		fd = other ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		err = fd < 0 ? -errno : proc_status_read(fd, &st);
		if (fd >= 0)
			close(fd);
		if (!err) {
			c->others_rss += st.rss;
		} else if (other && (err == -ENOENT || err == -ESRCH)) {
			/* it has ended since */
			c->others--;
			c->processes--;
		} else {
			c->unreadable++;
		}
	}
	free(text);
	d = depth < DEPTH ? opendir(dir) : NULL;
	while (d && *groups < GROUPS && (e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    strlen(dir) + strlen(e->d_name) + 2 > 2 * LOCATION)
			continue;
		++*groups;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		count_group(path, pid, groups, depth + 1, c);
	}
	if (d)
		closedir(d);
}

static void forget(struct cgroup *c)
{
	const size_t from = offsetof(struct cgroup, limit);

	/* CGROUP_UNKNOWN is all ones */
	memset((char *)c + from, 0xff, offsetof(struct cgroup, residual) - from);
	c->residual = S64_UNKNOWN;
	c->residual_bound = CGROUP_UNKNOWN;
	c->processes = c->others = c->others_rss = c->unreadable = CGROUP_UNKNOWN;
	c->nlevels = 0;
	c->tightest = -1;
}

void cgroup_unknown(struct cgroup *c, const char *why)
{
	*c = (struct cgroup){};
	forget(c);
	snprintf(c->why, sizeof(c->why), "%s", why);
}

int cgroup_read_files(const char *mount, const char *rest, pid_t pid, struct cgroup *c)
{
	char dir[2 * LOCATION], *stat;
	unsigned groups = 0;

	forget(c);
	snprintf(dir, sizeof(dir), "%s%s", mount, rest);
	stat = file_text(dir, "memory.stat");
	if (!stat)
		return -errno;
	cgroup_parse_stat(stat, c);
	c->usage = file_number(dir, usage_name(c));
	if (c->version == 1) {
		read_v1(dir, c);
	} else {
		c->swap = file_number(dir, "memory.swap.current");
		c->high = file_limit(dir, "memory.high");
	}
	c->limit = file_limit(dir, limit_name(c));
	c->working_set = less(c->usage, c->inactive_file);
	level_add(c, rest, c->limit, c->usage, c->working_set);
	read_above(mount, rest, stat_number(stat, "hierarchical_memory_limit"), c);
	add_up(c);
	c->processes = c->others = c->others_rss = c->unreadable = 0;
	count_group(dir, pid, &groups, 0, c);
	free(stat);
	return 0;
}

/* v2: the controller may be on for a group further up only; that one has the counters. */
static void climb(const char *mount, char *rest, struct cgroup *c)
{
	char file[ANY_PATH], *slash;

	for (int i = 0; i < DEPTH; i++) {
		snprintf(file, sizeof(file), "%s%s/memory.stat", mount, rest);
		slash = strrchr(rest, '/');
		if (!access(file, R_OK) || !slash)
			return;
		*slash = '\0';
		slash = strrchr(c->path, '/');
		if (slash && strcmp(c->path, "/"))
			slash[slash == c->path] = '\0';
	}
}

/* Find it with one list of mounts, seen from prefix ("" or "/proc/PID/root"). */
static int read_by(int dirfd, const char *mountinfo, const char *prefix, pid_t pid,
		   struct cgroup *c)
{
	char mount[LOCATION], rest[LOCATION], full[LOCATION + 64];
	char *text = proc_slurp(dirfd, mountinfo, FILE_MAX, NULL);
	int err = text ? cgroup_locate(text, c->version, c->path, mount, rest, LOCATION) : -errno;

	free(text);
	if (err)
		return err;
	snprintf(full, sizeof(full), "%s%s", prefix, mount);
	if (c->version == 2)
		climb(full, rest, c);
	return cgroup_read_files(full, rest, pid, c);
}

int cgroup_read(int dirfd, pid_t pid, struct cgroup *c)
{
	char *text = proc_slurp(dirfd, "cgroup", FILE_MAX, NULL), prefix[32], path[CGROUP_PATH];
	int err = text ? 0 : -errno;

	cgroup_unknown(c, err ? strerror(-err) : "");
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	err = cgroup_parse(text, c);
	free(text);
	if (err) {
		snprintf(c->why, sizeof(c->why), "this kernel has no memory cgroups");
		return 0;
	}
	snprintf(path, sizeof(path), "%s", c->path);
	snprintf(prefix, sizeof(prefix), "/proc/%d/root", pid);
	err = read_by(AT_FDCWD, "/proc/self/mountinfo", "", pid, c);
	if (err) {
		snprintf(c->path, sizeof(c->path), "%s", path);
		err = read_by(dirfd, "mountinfo", prefix, pid, c);
	}
	if (!err)
		return 0;
	forget(c);
	snprintf(c->path, sizeof(c->path), "%s", path);
	snprintf(c->why, sizeof(c->why), "no mount of ours or of the process shows its group: %s",
		 strerror(-err));
	c->version = 0;
	return err == -ENOMEM ? err : 0;
}
