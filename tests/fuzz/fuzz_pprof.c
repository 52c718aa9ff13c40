// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A file for --base that anybody may have made: subtracted from a profile, which is written. */
#include "fuzz.h"
#include "pprof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pprof_type types[] = { { "objects", "count" }, { "space", "bytes" } };
	static const struct stack_frame frames[] = {
		{ "main.inner", "a.go", 3, true, "exe", 0x1003, 2 },
		{ "main.main", "a.go", 7, false, "exe", 0x1003, 2 },
	};
	static FILE *out;
	struct pprof *p = pprof_new(types, size ? 1 + data[0] % 2 : 1);

	MUST(p);
	if (!out)
		out = fopen("/dev/null", "w");
	MUST(!pprof_mapping_add(p, &(struct pprof_mapping){ 0x1000, 0x2000, 0, "exe", "" }));
	MUST(!pprof_sample_add(p, &(struct stack){ frames, 2 }, (int64_t[]){ 5, 7 }, NULL, 0));
	if (size && !pprof_subtract(p, data + 1, size - 1))
		MUST(!pprof_write(p, &(struct pprof_head){ .period = 1 }, out));
	pprof_free(p);
	return 0;
}
