// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What this kernel has of what the probes need: found by trying, never by version. */
#include "fail.h"
#include "probe/probe.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSN(c, d, s, o, i)                                                                        \
	(struct bpf_insn)                                                                          \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}
#define MOV(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define EXIT      INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int try_load(const struct bpf_insn *insns, size_t n, int attach)
{
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = attach);
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "Dual BSD/GPL", insns, n, &o);

	return fd < 0 ? -errno : fd;
}

bool kernel_has_fetch(void)
{
	const struct bpf_insn insns[] = {
		MOV(BPF_REG_1, 1),
		INSN(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, -8, 0),
		/* r1 = atomic_fetch_add((u64 *)(r10 - 8), r1) */
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_10, BPF_REG_1, -8, BPF_ADD | BPF_FETCH),
		MOV(BPF_REG_0, 0),
		EXIT,
	};
	static int has = -1; /* asked for each family of programs */
	int fd;

	if (has < 0) {
		fd = try_load(insns, sizeof(insns) / sizeof(insns[0]), 0);
		has = fd >= 0;
		if (fd >= 0)
			close(fd);
	}
	return has;
}

int kernel_uprobe_multi(int prog, const char *path, const uint64_t *off, size_t n, int pid)
{
	/* union bpf_attr.link_create with its uprobe_multi, which old headers lack */
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, uprobe_flags, pid, pad;
	} attr = {
		.prog_fd = prog,
		.attach_type = PROBE_ATTACH_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)off,
		.cnt = n,
		.pid = pid,
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

/*
 * "/" is no file to probe: -EBADF. With a process that cannot be, kernels that filter by
 * process look at it first: -EINVAL. Those before filtered by thread, and lost events.
 */
bool kernel_has_uprobe_multi(void)
{
	const struct bpf_insn insns[] = { MOV(BPF_REG_0, 0), EXIT };
	int prog = try_load(insns, 2, PROBE_ATTACH_MULTI);
	uint64_t off = 0;
	bool has;

	if (prog < 0)
		return false;
	has = kernel_uprobe_multi(prog, "/", &off, 1, 0) == -EBADF &&
	      kernel_uprobe_multi(prog, "/", &off, 1, -1) == -EINVAL;
	close(prog);
	return has;
}

int kernel_check(void)
{
	const struct bpf_insn insns[] = { MOV(BPF_REG_0, 0), EXIT };
	int fd = try_load(insns, 2, 0);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (fd == -EPERM || fd == -EACCES)
		return fail(-EPERM,
			    "cannot load BPF programs: %s (needs CAP_BPF and CAP_PERFMON, or "
			    "CAP_SYS_ADMIN; try sudo)",
			    strerror(-fd));
	return fail(-EOPNOTSUPP, "this kernel loads no BPF programs: %s", strerror(-fd));
}
