// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Finds processes in /proc and in control groups; see select.h. */
#include "select.h"
#include "fail.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMM_LEN  15 /* TASK_COMM_LEN - 1 */
#define DEPTH_MAX 32 /* of groups below a group */

struct wanted {
	const char *comm; /* NULL: any */
	select_fn found;
	void *arg;
	size_t n;
};

/* ---- one process ---- */

/*
 * /proc/PID/stat: "pid (comm) S ppid …"; the name may have anything in it, parentheses too.
 * False: gone, a zombie, or a kernel thread, which alone have no address space (field 23).
 */
static bool stat_read(pid_t pid, char *comm, size_t size)
{
	char path[40], line[1024], *open, *close, state;
	unsigned long long vsize;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = '\0';
	open = strchr(line, '(');
	close = strrchr(line, ')');
	if (!open || !close || close < open ||
	    sscanf(close + 1,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%*s %llu",
		   &state, &vsize) != 2)
		return false;
	*close = '\0';
	snprintf(comm, size, "%s", open + 1);
	return state != 'Z' && state != 'X' && vsize;
}

static int candidate(struct wanted *w, pid_t pid)
{
	char comm[64];

	if (pid == getpid() || !stat_read(pid, comm, sizeof(comm)))
		return 0;
	/* the kernel keeps no more of a longer name */
	if (w->comm && strncmp(w->comm, comm, COMM_LEN))
		return 0;
	w->n++;
	return w->found(w->arg, pid);
}

static bool pid_parse(const char *word, pid_t *pid)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(word, &end, 10);
	*pid = n;
	return *word >= '1' && *word <= '9' && !errno && n <= INT_MAX && (!*end || *end == '\n');
}

/* ---- by name ---- */

int select_comm(const char *name, select_fn found, void *arg)
{
	struct wanted w = { .comm = name, .found = found, .arg = arg };
	DIR *dir = opendir("/proc");
	struct dirent *e;
	pid_t pid;
	int err = 0;

	if (!dir)
		return fail(-errno, "cannot list /proc: %s", strerror(errno));
	while (!err && (e = readdir(dir)))
		if (pid_parse(e->d_name, &pid))
			err = candidate(&w, pid);
	closedir(dir);
	if (!err && !w.n)
		err = fail(-ESRCH, "no process is named '%.64s'", name);
	return err;
}

/* ---- by control group ---- */

static int group_read(struct wanted *w, const char *dir)
{
	char path[PATH_MAX], line[32];
	pid_t pid;
	int err = 0;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/cgroup.procs", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	/* 0 is a process of another pid namespace */
	while (!err && fgets(line, sizeof(line), f))
		if (pid_parse(line, &pid))
			err = candidate(w, pid);
	if (!err && ferror(f))
		err = -errno;
	fclose(f);
	/* the processes of a threaded group are listed where its domain is */
	return err == -EOPNOTSUPP ? 0 : err;
}

static int tree_read(struct wanted *w, const char *dir, unsigned int depth)
{
	int err = group_read(w, dir);
	DIR *d = !err && depth < DEPTH_MAX ? opendir(dir) : NULL;
	struct dirent *e;

	while (!err && d && (e = readdir(d))) {
		char path[PATH_MAX];

		if (e->d_type != DT_DIR || *e->d_name == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		err = tree_read(w, path, depth + 1);
		/* one that was removed meanwhile has no processes */
		if (err == -ENOENT || err == -ENODEV)
			err = 0;
	}
	if (d)
		closedir(d);
	return err;
}

static bool is_group(const char *dir)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/cgroup.procs", dir) < (int)sizeof(path) &&
	       !access(path, F_OK);
}

/* Is this mount a hierarchy that charges memory: version 2, or the memory controller of 1? */
static bool mount_parse(char *line, char **at)
{
	char *save, *word = strtok_r(line, " \n", &save), *type = NULL, *options = NULL;

	for (int i = 0; word; word = strtok_r(NULL, " \n", &save), i++) {
		if (i == 4)
			*at = word;
		if (type && i > 4)
			options = word;
		if (!strcmp(word, "-") && i > 5)
			type = strtok_r(NULL, " \n", &save);
	}
	if (!type || !options)
		return false;
	return !strcmp(type, "cgroup2") || (!strcmp(type, "cgroup") && strstr(options, "memory"));
}

/* The directory of a group by its name: below some mount that has it. */
static bool group_find(const char *name, char *dir, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *at;
	bool found = false;
	size_t room = 0;

	while (f && !found && getline(&line, &room, f) > 0)
		found = mount_parse(line, &at) &&
			snprintf(dir, size, "%s/%s", at, name + (*name == '/')) < (int)size &&
			is_group(dir);
	free(line);
	if (f)
		fclose(f);
	return found;
}

int select_cgroup(const char *path, select_fn found, void *arg)
{
	struct wanted w = { .found = found, .arg = arg };
	char dir[PATH_MAX];
	int err;

	snprintf(dir, sizeof(dir), "%s", path);
	if (!is_group(dir) && !group_find(path, dir, sizeof(dir)))
		return fail(-ESRCH,
			    "no control group '%.200s': give its directory, or its name as in "
			    "/proc/PID/cgroup",
			    path);
	err = tree_read(&w, dir, 0);
	if (err && !*fail_text())
		return fail(err, "cannot list the processes of %.200s: %s", dir, strerror(-err));
	if (!err && !w.n)
		err = fail(-ESRCH, "no process is in control group %.200s", dir);
	return err;
}
