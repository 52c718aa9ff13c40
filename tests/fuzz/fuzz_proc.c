// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The text files of /proc: maps, status, stat, smaps_rollup, cgroup, mountinfo and
 * memory.stat. The first byte says which; a process names its mappings and itself.
 */
#include "fuzz.h"
#include "proc/cgroup.h"
#include "proc/maps.h"
#include "proc/procfs.h"

static void maps(char *text)
{
	struct maps m;
	size_t i;

	MUST(!maps_parse(text, &m));
	for (i = 0; i < m.n; i++) {
		MUST(m.vma[i].start < m.vma[i].end);
		MUST(!i || m.vma[i].start >= m.vma[i - 1].end);
		MUST(maps_find(&m, m.vma[i].start) == &m.vma[i]);
		MUST(maps_find(&m, m.vma[i].end - 1) == &m.vma[i]);
		MUST(strlen(m.vma[i].name) < 1 << 20);
	}
	maps_free(&m);
}

static void status(const char *text)
{
	struct proc_status st;

	proc_status_parse(text, &st);
	MUST(memchr(st.comm, '\0', sizeof(st.comm)));
}

static void cgroup(const char *text)
{
	struct cgroup c = {};

	cgroup_parse(text, &c);
	MUST(memchr(c.path, '\0', sizeof(c.path)) && memchr(c.unit, '\0', sizeof(c.unit)));
	MUST(memchr(c.container, '\0', sizeof(c.container)));
	cgroup_parse_path(text, &c);
}

static void mountinfo(const char *text)
{
	char mount[CGROUP_PATH], rest[CGROUP_PATH];

	for (unsigned v = 1; v <= 2; v++)
		if (!cgroup_locate(text, v, "/a/b.slice/c.scope", mount, rest, sizeof(mount)))
			MUST(memchr(mount, '\0', sizeof(mount)) &&
			     memchr(rest, '\0', sizeof(rest)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proc_rollup r;
	struct cgroup c = {};
	uint64_t faults;
	char *text = size ? fuzz_text(data + 1, size - 1) : NULL;

	if (!text)
		return 0;
	switch (data[0] % 8) {
	case 0: maps(text); return 0; /* which took it */
	case 1: status(text); break;
	case 2: proc_faults_parse(text, &faults); break;
	case 3: proc_rollup_parse(text, &r); break;
	case 4: cgroup(text); break;
	case 5: mountinfo(text); break;
	case 6: cgroup_parse_stat(text, &c); break;
	}
	free(text);
	return 0;
}
