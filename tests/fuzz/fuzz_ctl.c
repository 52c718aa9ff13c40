// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What anybody may send to a running tool: a policy that makes sense, or nothing changes. */
#include "ctl.h"
#include "fail.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy before = { .generation = 7, .tgid = 42, .size_max = UINT64_MAX };
	struct policy p = before;
	bool change;
	int err;

	fail_clear();
	err = ctl_parse((const char *)data, size, &p, &change);
	MUST(!err || (*fail_text() && !change));
	MUST(change == !!memcmp(&p, &before, sizeof(p)));
	MUST(p.generation == before.generation && p.tgid && p.size_min <= p.size_max);
	return 0;
}
