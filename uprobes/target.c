// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The process that is looked at; see target.h. */
#include "target.h"
#include "core.h"
#include "fail.h"
#include "mem.h"
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 1024

static int denied(const struct target *t, int err, const char *what)
{
	return fail(err == -EACCES ? -EPERM : err,
		    "cannot read %s of process %d (user %u): %s (needs the same user, or "
		    "CAP_SYS_PTRACE; try sudo)",
		    what, t->pid, t->status.uid, strerror(-err));
}

static int open_exe(struct target *t)
{
	char link[32];
	struct stat st;
	ssize_t n;

	t->exefd = openat(t->dirfd, "exe", O_RDONLY | O_CLOEXEC);
	if (t->exefd < 0) {
		if (errno == ENOENT && !t->status.has_mm)
			return fail(-ENOEXEC, "process %d (%s) is a kernel thread", t->pid,
				    t->status.comm);
		return denied(t, -errno, "the executable");
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", t->exefd);
	n = readlink(link, t->exe, sizeof(t->exe) - 1);
	t->exe[n > 0 ? n : 0] = '\0';
	if (fstat(t->exefd, &st))
		return -errno;
	t->exe_ino = st.st_ino;
	t->exe_dev = major(st.st_dev) << 20 | minor(st.st_dev);
	return 0;
}

/* The mapping that holds the program headers (AT_PHDR of auxv) is the executable's. */
static void find_exe(struct target *t)
{
	const struct vma *v;
	uint64_t *aux;
	size_t len;

	aux = (uint64_t *)proc_slurp(t->dirfd, "auxv", 1 << 16, &len);
	for (size_t i = 0; aux && i + 2 <= len / 8; i += 2)
		if (aux[i] == AT_PHDR && (v = maps_find(&t->maps, aux[i + 1])) && v->ino) {
			t->exe_ino = v->ino;
			t->exe_dev = v->dev;
		}
	free(aux);
}

bool target_is_exe(const struct target *t, const struct vma *v)
{
	return v->ino && v->ino == t->exe_ino && v->dev == t->exe_dev;
}

static bool is_lib(const struct target *t, const struct vma *v)
{
	return v->ino && v->ino == t->lib.ino && v->dev == t->lib.dev;
}

bool target_is_go(const struct target *t, const struct vma *v)
{
	return t->lib.ino ? is_lib(t, v) : target_is_exe(t, v);
}

const char *target_go_path(const struct target *t)
{
	return t->lib.ino ? t->lib.path : t->exe;
}

int target_file(const struct target *t, const struct vma *v)
{
	return target_is_exe(t, v) ? t->exefd : is_lib(t, v) ? t->lib.fd : -1;
}

/* Ids are those of our PID namespace; /proc may be a mount of another one. */
static int check_proc(void)
{
	char self[32] = "";
	ssize_t n = readlink("/proc/self", self, sizeof(self) - 1);

	return (n < 0 && errno == ENOENT) || (n > 0 && atoi(self) != getpid())
		       ? fail(-EOPNOTSUPP,
			      "/proc is of another PID namespace than gomemtrace: mount one (mount "
			      "-t proc proc /proc), or look from there")
		       : 0;
}

static int open_proc(struct target *t)
{
	char path[32];
	int err = check_proc();

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d", t->pid);
	t->dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = t->dirfd < 0 ? -errno : proc_status_read(t->dirfd, &t->status);
	if (err)
		return err == -ENOENT || err == -ESRCH
			       ? fail(-ESRCH, "no process with id %d", t->pid)
			       : fail(err, "cannot read /proc/%d/status: %s", t->pid,
				      strerror(-err));
	if (t->status.tgid != t->status.pid)
		return fail(-ESRCH, "%d is a thread of process %d; use -p %d", t->pid,
			    t->status.tgid, t->status.tgid);
	if (t->status.state == 'Z' || t->status.state == 'X')
		return fail(-ESRCH, "process %d (%s) is a zombie: it has exited", t->pid,
			    t->status.comm);
	return 0;
}

int target_open(struct target *t, pid_t pid)
{
	int err;

	*t = (struct target){ .pid = pid, .dirfd = -1, .pidfd = -1, .exefd = -1 };
	t->pagemap.fd = -1;
	err = mem_page_check(sysconf(_SC_PAGESIZE), "this kernel");
	err = err ? err : open_proc(t);
	if (err)
		goto out;
	t->pidfd = syscall(SYS_pidfd_open, pid, 0);
	err = open_exe(t);
	if (err)
		goto out;
	err = pagemap_open(&t->pagemap, t->dirfd, false);
	if (err) {
		denied(t, err, "the page map");
		goto out;
	}
	err = target_maps(t);
	if (err)
		denied(t, err, "the mappings");
	err = err ? err : proc_exec_read(t->dirfd, &t->exec);
	if (!err)
		find_exe(t);
out:
	if (err)
		target_close(t);
	return err == -EACCES ? -EPERM : err;
}

/* Is this the file that was mapped? Its first page is in most cores. */
static int check_exe(const struct target *t)
{
	const struct core_segment *s = core_segment_at(t->core, t->core->exe->start);
	char mapped[MEM_PAGE], file[MEM_PAGE];
	size_t len = s && s->size < MEM_PAGE ? s->size : MEM_PAGE;

	if (!s || !s->size || t->core->exe->off || s->start != t->core->exe->start)
		return 0;
	if (core_read(t->core, s, s->start, mapped, len) ||
	    pread(t->exefd, file, len, 0) != (ssize_t)len || memcmp(mapped, file, len))
		return fail(-EBADMSG,
			    "%s is not the program that this core is of (give it with "
			    "--exe)",
			    t->exe);
	return 0;
}

static int open_core_exe(struct target *t, const char *exe)
{
	struct stat st;

	if (!t->core->exe)
		return fail(-EBADMSG, "the core does not say where its program was mapped");
	snprintf(t->exe, sizeof(t->exe), "%s", exe ? exe : t->core->exe->name);
	t->exefd = open(t->exe, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (t->exefd < 0 || fstat(t->exefd, &st) || !S_ISREG(st.st_mode))
		return fail(-ENOENT,
			    "cannot open %s, the program of this core (give it with "
			    "--exe)",
			    t->exe);
	t->exe_ino = t->core->exe->id;
	return check_exe(t);
}

int target_open_core(struct target *t, const char *path, const char *exe)
{
	int err;

	*t = (struct target){ .dirfd = -1, .pidfd = -1, .exefd = -1, .pagemap.fd = -1 };
	t->core = calloc(1, sizeof(*t->core));
	if (!t->core)
		return -ENOMEM;
	t->core->fd = -1;
	err = core_open(t->core, path);
	err = err ? err : core_maps(t->core, &t->maps);
	err = err ? err : open_core_exe(t, exe);
	if (err) {
		target_close(t);
		return err;
	}
	t->pid = t->core->pid;
	t->status = (struct proc_status){
		.state = 'X',
		.tgid = t->pid,
		.pid = t->pid,
		.inner_pid = t->pid,
		.uid = t->core->uid,
		.rss = t->core->bytes,
		.threads = t->core->threads,
		.has_mm = 1,
	};
	snprintf(t->status.comm, sizeof(t->status.comm), "%s", t->core->comm);
	return 0;
}

void target_close(struct target *t)
{
	if (t->core)
		core_close(t->core);
	free(t->core);
	t->core = NULL;
	maps_free(&t->maps);
	pagemap_close(&t->pagemap);
	if (t->exefd >= 0)
		close(t->exefd);
	if (t->lib.ino)
		close(t->lib.fd);
	if (t->pidfd >= 0)
		close(t->pidfd);
	if (t->dirfd >= 0)
		close(t->dirfd);
	t->dirfd = t->pidfd = t->exefd = -1;
	t->lib = (struct target_lib){};
}

int target_maps(struct target *t)
{
	if (t->core) /* they do not change */
		return 0;
	maps_free(&t->maps);
	return maps_read(t->dirfd, &t->maps);
}

bool target_has_thread(const struct target *t, uint64_t id)
{
	bool found = id == (uint64_t)t->status.inner_pid;
	int fd = found || t->core ? -1
				  : openat(t->dirfd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (fd >= 0 && !dir)
		close(fd);
	/* in a PID namespace of its own its ids are others than those that we see */
	for (unsigned n = 0; dir && !found && n < THREADS_MAX && (e = readdir(dir)); n++) {
		struct proc_status st;
		int task = e->d_name[0] == '.' ? -1 : openat(fd, e->d_name, O_PATH | O_CLOEXEC);

		found = task >= 0 && !proc_status_read(task, &st) && (uint64_t)st.inner_pid == id;
		if (task >= 0)
			close(task);
	}
	if (dir)
		closedir(dir);
	return found;
}

int target_pages(struct target *t, struct page_runs *runs)
{
	int err = 0;

	if (t->core)
		return page_runs_copy(runs, &t->core->runs);
	for (size_t i = 0; !err && i < t->maps.n; i++)
		if (t->maps.vma[i].start < 1ULL << 56) /* vsyscall is the kernel's */
			err = pagemap_runs(&t->pagemap, t->maps.vma[i].start, t->maps.vma[i].end,
					   t->maps.vma[i].ino != 0, runs);
	return err;
}

void target_fd_path(const struct target *t, char *buf, size_t size)
{
	snprintf(buf, size, "/proc/self/fd/%d", t->lib.ino ? t->lib.fd : t->exefd);
}

int target_pidns(const struct target *t, uint64_t *dev, uint64_t *ino)
{
	struct stat st;

	if (fstatat(t->dirfd, "ns/pid", &st, 0))
		return fail(-errno, "cannot read the PID namespace of process %d: %s", t->pid,
			    strerror(errno));
	*dev = st.st_dev;
	*ino = st.st_ino;
	return 0;
}

int target_cpu_ns(const struct target *t, uint64_t *ns)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(t->pid, &clock) || clock_gettime(clock, &ts))
		return -ESRCH;
	*ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	return 0;
}

struct mem *target_mem(struct target *t)
{
	return t->core ? mem_core_new(t) : mem_live_new(t);
}

int target_alive(const struct target *t)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };
	struct proc_status st;
	uint64_t exec = 0;
	int err;

	if (t->core)
		return 0;
	if (t->pidfd >= 0 && poll(&p, 1, 0) > 0)
		return fail(-ESRCH, "process %d has exited", t->pid);
	err = proc_exec_read(t->dirfd, &exec);
	if (err == -ESRCH || err == -ENOENT)
		return fail(-ESRCH, "process %d has exited", t->pid);
	/* 0: it may not be read, or the process is on its way out and has no memory left */
	if (!err && !exec)
		return proc_status_read(t->dirfd, &st) || !st.has_mm
			       ? fail(-ESRCH, "process %d has exited", t->pid)
			       : 0;
	/* all that was opened belongs to the memory the process had then */
	if (!err && exec != t->exec)
		return fail(-ENOEXEC, "process %d has executed a program anew; look again", t->pid);
	return err;
}
