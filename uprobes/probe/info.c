// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What the kernel says of a program it has loaded. */
#include "probe/probe.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

int probe_info(const struct probe *pr, struct probe_info *out)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	int fd = bpf_program__fd(pr->prog);

	if (fd < 0)
		return -ENOENT;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*out = (struct probe_info){
		.id = info.id,
		.insns = info.xlated_prog_len / sizeof(struct bpf_insn),
		.loaded_ns = info.load_time,
	};
	for (size_t i = 0; i < sizeof(info.tag); i++)
		snprintf(out->tag + 2 * i, 3, "%02x", info.tag[i]);
	return 0;
}
