/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A program that does nothing: what a trap costs by itself (uprobes/probe/cost.c). */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe/emulated")
int cost_emulated(void *ctx)
{
	return 0;
}

SEC("uprobe/stepped")
int cost_stepped(void *ctx)
{
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_madvise")
int cost_call(void *ctx)
{
	return 0;
}

SEC("raw_tp/task_rename")
int cost_raw(void *ctx)
{
	return 0;
}
