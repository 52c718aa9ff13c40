// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What reading a process from outside needs of the host; see check.h. */
#include "check.h"
#include "proc/pagemap.h"
#include "proc/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAP_SYS_PTRACE_BIT 19

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static enum check_result because(int err, char *seen, size_t size)
{
	if (err)
		snprintf(seen, size, "%s", strerror(err));
	return err ? CHECK_MISSING : CHECK_OK;
}

/* /proc/PID, or our own for pid 0: a descriptor, or -1. */
static int proc_open(pid_t pid)
{
	char path[40] = "/proc/self";

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d", pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* 0, or the errno of reading so many bytes of a file. */
static int file_read(int dirfd, const char *path, void *to, size_t len)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	if (fd < 0)
		return errno;
	n = read(fd, to, len);
	if (n < 0)
		err = errno;
	else if (!n)
		err = ENODATA;
	close(fd);
	return err;
}

static int text_read(const char *path, char *text, size_t size)
{
	memset(text, 0, size);
	return file_read(AT_FDCWD, path, text, size - 1);
}

/* ---- memory ---- */

/*
 * Permission is checked before the address, and nothing is mapped at 0: EFAULT means yes, and
 * no page of the target was touched.
 */
static int memory_read(pid_t pid)
{
	char c;
	struct iovec to = { &c, 1 }, from = { NULL, 1 };

	return process_vm_readv(pid, &to, 1, &from, 1, 0) < 0 && errno != EFAULT ? errno : 0;
}

/* In the child: leave a grandchild that says who it is and stays until the pipe is closed. */
static void stranger_leave(const int *up, const int *down)
{
	pid_t pid;
	char c;

	close(down[1]);
	if (fork())
		_exit(0);
	pid = getpid();
	if (write(up[1], &pid, sizeof(pid)) == sizeof(pid))
		while (read(down[0], &c, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

/*
 * A process of ours that is no child of ours, as one started from another shell: children may
 * be read where others may not.
 */
static int stranger_read(void)
{
	int up[2], down[2], err;
	pid_t child, pid;

	if (pipe2(up, O_CLOEXEC))
		return errno;
	if (pipe2(down, O_CLOEXEC)) {
		err = errno;
		close(up[0]);
		close(up[1]);
		return err;
	}
	child = fork();
	if (!child)
		stranger_leave(up, down);
	err = child < 0 ? errno : 0;
	if (!err)
		waitpid(child, NULL, 0);
	close(up[1]);
	if (!err)
		err = read(up[0], &pid, sizeof(pid)) == sizeof(pid) ? memory_read(pid) : EIO;
	close(up[0]);
	close(down[0]);
	close(down[1]);
	return err;
}

static enum check_result memory_probe(pid_t pid, char *seen, size_t size)
{
	return because(pid ? memory_read(pid) : stranger_read(), seen, size);
}

CHECK(a_memory, .title = "process_vm_readv", .probe = memory_probe, .required = true,
      .need = "reading the memory of a process that runs already",
      .cure = "run as root or with CAP_SYS_PTRACE, or set kernel.yama.ptrace_scope to 0 for "
	      "processes of your own, or start the program with gomemtrace -- CMD");

static enum check_result others_probe(pid_t pid, char *seen, size_t size)
{
	return pid ? CHECK_MOOT : because(memory_read(1), seen, size);
}

CHECK(b_others, .title = "process_vm_readv of other users", .probe = others_probe,
      .need = "looking at processes of other users, and at those that gained privileges",
      .cure = "run as root or with CAP_SYS_PTRACE");

static bool may_ptrace(void)
{
	size_t len;
	char *text = proc_slurp(AT_FDCWD, "/proc/self/status", 65536, &len);
	const char *line = text ? strstr(text, "\nCapEff:") : NULL;
	bool may = line && strtoull(line + 8, NULL, 16) >> CAP_SYS_PTRACE_BIT & 1;

	free(text);
	return may;
}

static enum check_result yama_probe(pid_t pid, char *seen, size_t size)
{
	char text[16];
	int scope;

	(void)pid;
	if (text_read("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)))
		return CHECK_MOOT;
	scope = atoi(text);
	snprintf(seen, size, "ptrace_scope is %d", scope);
	return scope == 0 || (scope < 3 && may_ptrace()) ? CHECK_OK : CHECK_MISSING;
}

CHECK(c_yama, .title = "Yama", .probe = yama_probe,
      .need = "reading processes that are no children of gomemtrace",
      .cure = "sysctl kernel.yama.ptrace_scope=0, or run as root or with CAP_SYS_PTRACE; 3 can "
	      "be changed by a reboot only");

/* The files of a process that may not be dumped belong to root, whoever runs it. */
static enum check_result dumpable_probe(pid_t pid, char *seen, size_t size)
{
	int dirfd = pid ? proc_open(pid) : -1;
	struct stat dir, file;
	bool ours;

	if (dirfd < 0)
		return CHECK_MOOT;
	ours = !fstat(dirfd, &dir) && !fstatat(dirfd, "stat", &file, 0);
	close(dirfd);
	if (!ours || !dir.st_uid)
		return CHECK_MOOT;
	if (file.st_uid == dir.st_uid)
		return CHECK_OK;
	snprintf(seen, size, "the process is not dumpable");
	return may_ptrace() ? CHECK_OK : CHECK_MISSING;
}

CHECK(d_dumpable, .title = "dumpable", .probe = dumpable_probe,
      .need = "reading a program that changed its user, or that asked not to be read",
      .cure = "run as root or with CAP_SYS_PTRACE");

/* ---- /proc ---- */

static enum check_result hidepid_probe(pid_t pid, char *seen, size_t size)
{
	char c;

	return because(pid ? 0 : file_read(AT_FDCWD, "/proc/1/stat", &c, 1), seen, size);
}

CHECK(e_hidepid, .title = "/proc of other users", .probe = hidepid_probe,
      .need = "finding processes of other users by --comm and --cgroup",
      .cure = "run as root, or as a member of the group that mount option gid= of /proc names; "
	      "or mount -o remount,hidepid=0 /proc");

static enum check_result pagemap_probe(pid_t pid, char *seen, size_t size)
{
	int dirfd = proc_open(pid), err = errno;
	uint64_t entry;

	if (dirfd >= 0) {
		err = file_read(dirfd, "pagemap", &entry, sizeof(entry));
		close(dirfd);
	}
	return because(err, seen, size);
}

CHECK(f_pagemap, .title = "/proc/PID/pagemap", .probe = pagemap_probe, .required = true,
      .need = "which pages the kernel holds",
      .cure = "run as root or with CAP_SYS_PTRACE; needs a kernel with CONFIG_PROC_PAGE_MONITOR");

static enum check_result scan_probe(pid_t pid, char *seen, size_t size)
{
	struct pagemap pm;
	int dirfd = proc_open(0), err;
	bool scan = false;

	(void)pid, (void)seen, (void)size;
	err = dirfd < 0 ? -errno : pagemap_open(&pm, dirfd, false);
	if (!err) {
		scan = pm.scan;
		pagemap_close(&pm);
	}
	if (dirfd >= 0)
		close(dirfd);
	return scan ? CHECK_OK : CHECK_MISSING;
}

CHECK(g_scan, .title = "PAGEMAP_SCAN", .probe = scan_probe,
      .need = "huge and zero pages told from others without privileges, and quick scans",
      .cure = "Linux 6.7 or later; before, zero pages are told as root only");

static enum check_result kpageflags_probe(pid_t pid, char *seen, size_t size)
{
	uint64_t flags;

	(void)pid;
	return because(file_read(AT_FDCWD, "/proc/kpageflags", &flags, sizeof(flags)), seen, size);
}

CHECK(h_kpageflags, .title = "/proc/kpageflags", .probe = kpageflags_probe,
      .need = "lazily freed memory (MADV_FREE) page by page, not only its sum",
      .cure = "run as root or with CAP_SYS_ADMIN");

static enum check_result rollup_probe(pid_t pid, char *seen, size_t size)
{
	int dirfd = proc_open(pid), err = errno;
	char c;

	if (dirfd >= 0) {
		err = file_read(dirfd, "smaps_rollup", &c, 1);
		close(dirfd);
	}
	return because(err, seen, size);
}

CHECK(i_rollup, .title = "/proc/PID/smaps_rollup", .probe = rollup_probe, .required = true,
      .need = "the exact RSS, where VmRSS is not exact",
      .cure = "run as root or with CAP_SYS_PTRACE; needs a kernel with CONFIG_PROC_PAGE_MONITOR");

static enum check_result rss_probe(pid_t pid, char *seen, size_t size)
{
	(void)pid, (void)seen, (void)size;
	return proc_rss_exact() ? CHECK_OK : CHECK_MISSING;
}

CHECK(j_rss, .title = "exact VmRSS", .probe = rss_probe,
      .need = "the RSS without a walk over the page tables; else smaps_rollup is read, which "
	      "holds the target's mmap_lock for longer",
      .cure = "a kernel that sums its RSS counters exactly (6.16 or later)");

static enum check_result pidfd_probe(pid_t pid, char *seen, size_t size)
{
	int fd = syscall(SYS_pidfd_open, pid ? pid : getpid(), 0);

	if (fd < 0)
		return because(errno, seen, size);
	close(fd);
	return CHECK_OK;
}

CHECK(k_pidfd, .title = "pidfd_open", .probe = pidfd_probe,
      .need = "being told at once that a process ended", .cure = "Linux 5.3 or later");

/* ---- the kernel ---- */

static enum check_result pages_probe(pid_t pid, char *seen, size_t size)
{
	long page = sysconf(_SC_PAGESIZE);

	(void)pid;
	snprintf(seen, size, "%ld bytes", page);
	return page == 4096 ? CHECK_MOOT : CHECK_MISSING;
}

CHECK(m_pages, .title = "page size", .probe = pages_probe, .required = true,
      .need = "counting pages: those of 4,096 bytes are supported",
      .cure = "a kernel with pages of 4 KiB");

static enum check_result lockdown_probe(pid_t pid, char *seen, size_t size)
{
	char text[96], *mode;

	(void)pid;
	if (text_read("/sys/kernel/security/lockdown", text, sizeof(text)))
		return CHECK_MOOT;
	mode = strchr(text, '[');
	if (!mode)
		return CHECK_MOOT;
	snprintf(seen, size, "%.*s", (int)strcspn(mode + 1, "]"), mode + 1);
	return strcmp(seen, "confidentiality") ? CHECK_OK : CHECK_MISSING;
}

CHECK(l_lockdown, .title = "kernel lockdown", .probe = lockdown_probe,
      .need = "programs in the kernel that read its memory",
      .cure = "boot with lockdown=integrity or without");
