// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What showing events needs of the host; see check.h. */
#include "check.h"
#include "fail.h"
#include "ksyms.h"
#include "probe/probe.h"
#include "unxz.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CALL_TOOLS "gommap goscav"
#define BTF_TOOLS  CALL_TOOLS " gofault gokmem"
#define LIVE_TOOLS "gogc gostw " BTF_TOOLS

static enum check_result programs_probe(pid_t pid, char *seen, size_t size)
{
	int err = kernel_check();

	(void)pid;
	if (err)
		snprintf(seen, size, "%s", strerror(-err));
	return err ? CHECK_MISSING : CHECK_OK;
}

CHECK(n_programs, .title = "BPF programs", .probe = programs_probe, .required = true,
      .tools = LIVE_TOOLS,
      .need = "events: each collection, stop of the world, call that maps or gives back memory",
      .cure = "run as root or with CAP_BPF and CAP_PERFMON; needs a kernel with "
	      "CONFIG_BPF_SYSCALL and CONFIG_UPROBE_EVENTS");

static enum check_result ring_probe(pid_t pid, char *seen, size_t size)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, RING_DEFAULT, NULL);

	(void)pid;
	if (fd < 0) {
		snprintf(seen, size, "%s", strerror(errno));
		return CHECK_MISSING;
	}
	close(fd);
	return CHECK_OK;
}

CHECK(o_ring, .title = "BPF ring buffer", .probe = ring_probe, .required = true,
      .tools = LIVE_TOOLS, .need = "records from programs in the kernel",
      .cure = "Linux 5.8 or later, run as root or with CAP_BPF; before 5.11 the limit on locked "
	      "memory counts, too (ulimit -l unlimited)");

/* Without rights nothing can be said of what the kernel has. */
static enum check_result has(bool (*what)(void))
{
	if (what())
		return CHECK_OK;
	return kernel_check() ? CHECK_MOOT : CHECK_MISSING;
}

static enum check_result multi_probe(pid_t pid, char *seen, size_t size)
{
	(void)pid, (void)seen, (void)size;
	return has(kernel_has_uprobe_multi);
}

CHECK(p_multi, .title = "uprobe_multi by process", .probe = multi_probe, .tools = LIVE_TOOLS,
      .need = "all sites of a program attached at once, as one link; else one perf event each",
      .cure = "Linux 6.10 or later");

static enum check_result fetch_probe(pid_t pid, char *seen, size_t size)
{
	(void)pid, (void)seen, (void)size;
	return has(kernel_has_fetch);
}

CHECK(q_fetch, .title = "atomic fetch in BPF", .probe = fetch_probe, .tools = LIVE_TOOLS,
      .need = "counters of programs that may be preempted; kernels without it do not preempt them",
      .cure = "Linux 5.12 or later");

static enum check_result tracepoint_probe(pid_t pid, char *seen, size_t size)
{
	int id = tracepoint_id("syscalls/sys_exit_mmap");

	(void)pid;
	if (id < 0)
		snprintf(seen, size, "%s", strerror(-id));
	return id < 0 ? CHECK_MISSING : CHECK_OK;
}

CHECK(o_tracepoints, .title = "tracepoints", .probe = tracepoint_probe, .required = true,
      .tools = CALL_TOOLS, .need = "system calls that map memory or give it back",
      .cure = "run as root or with CAP_SYS_ADMIN, or have tracefs mounted (mount -t tracefs "
	      "tracefs /sys/kernel/tracing); needs a kernel with CONFIG_FTRACE_SYSCALLS");

static enum check_result btf_probe(pid_t pid, char *seen, size_t size)
{
	(void)pid;
	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		return CHECK_OK;
	snprintf(seen, size, "%s", strerror(errno));
	return CHECK_MISSING;
}

CHECK(o_btf, .title = "BTF of the kernel", .probe = btf_probe, .required = true, .tools = BTF_TOOLS,
      .need = "where this kernel keeps what its structures have",
      .cure = "a kernel with CONFIG_DEBUG_INFO_BTF, as distributions have it since 2020");

static enum check_result decoder_probe(pid_t pid, char *seen, size_t size)
{
	(void)pid, (void)seen, (void)size;
#if defined(__x86_64__) && !defined(HAVE_ZYDIS)
	return CHECK_MISSING;
#else
	return CHECK_OK;
#endif
}

CHECK(r_decoder, .title = "instruction decoder", .probe = decoder_probe, .tools = LIVE_TOOLS,
      .need = "when functions return: time of assists, the exact end of a stop",
      .cure = "build with the Zydis library (libzydis-dev) installed");

static enum check_result kallsyms_probe(pid_t pid, char *seen, size_t size)
{
	struct ksyms k;
	int err = ksyms_open(&k);

	(void)pid;
	if (err) {
		snprintf(seen, size, "%s",
			 err == -EPERM ? "addresses are withheld" : strerror(-err));
		return CHECK_MISSING;
	}
	ksyms_close(&k);
	return CHECK_OK;
}

CHECK(s_kallsyms, .title = "/proc/kallsyms", .probe = kallsyms_probe, .tools = LIVE_TOOLS,
      .need = "names of the kernel's functions in stacks",
      .cure = "run as root or with CAP_SYSLOG; sysctl kernel.kptr_restrict=1 or 0");

static enum check_result xz_probe(pid_t pid, char *seen, size_t size)
{
	(void)pid, (void)seen, (void)size;
	return unxz_there() ? CHECK_OK : CHECK_MISSING;
}

CHECK(t_xz, .title = "xz in .gnu_debugdata", .probe = xz_probe, .tools = LIVE_TOOLS,
      .need = "names of functions in stripped C libraries",
      .cure = "build with liblzma (liblzma-dev) installed");
