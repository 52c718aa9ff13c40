// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A function table: found, parsed, and every function looked up. */
#include "fuzz.h"
#include "go/pclntab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "runtime.a", "main.b" };
	long at = pclntab_scan(data, size);
	struct gofunc f, found[2];
	struct pclntab t;

	MUST(at >= -1 && at < (long)size);
	if (pclntab_parse(&t, data, size) && (at < 0 || pclntab_parse(&t, data + at, size - at)))
		return 0;
	for (uint32_t i = 0; i < t.nfunc && i < 1024; i++)
		if (pclntab_func(&t, i, &f)) {
			MUST(f.entry <= f.end);
			MUST(strlen(f.name) < size);
			if (f.entry < f.end)
				pclntab_find(&t, f.entry, &f);
		}
	MUST(pclntab_lookup(&t, names, found, 2) <= 2);
	return 0;
}
