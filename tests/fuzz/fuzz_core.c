// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A core file: segments, notes, the pages that are in it, and reads all over it. */
#include "core.h"
#include "fuzz.h"
#include "mem.h"
#include "target.h"

static void reads(struct target *t, struct mem *m)
{
	for (size_t i = 0; i < t->maps.n && i < 64; i++) {
		const struct vma *v = &t->maps.vma[i];
		uint64_t bits[2];
		char buf[64];

		MUST(!i || v->start >= v[-1].end);
		mem_read(m, v->start, buf, sizeof(buf));
		mem_read(m, v->end - 32, buf, sizeof(buf));
		mem_resident(m, v->start, bits, 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size), exe = fuzz_file((const uint8_t *)"x", 1);
	struct target t = { .dirfd = -1, .pidfd = -1, .exefd = exe, .pagemap.fd = -1 };
	struct core core;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	t.core = &core;
	if (!core_open(&core, path)) {
		for (size_t i = 1; i < core.runs.n; i++)
			MUST(core.runs.run[i].start >= core.runs.run[i - 1].end);
		if (!core_maps(&core, &t.maps)) {
			struct mem *m = mem_core_new(&t);

			t.exe_ino = core.exe ? core.exe->id : 0;
			reads(&t, m);
			mem_close(m);
		}
		maps_free(&t.maps);
		core_close(&core);
	}
	close(exe);
	close(fd);
	return 0;
}
