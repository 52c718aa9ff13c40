// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A recording of anybody's making, through each of the formats. */
#include "fuzz.h"
#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = { "table",  "json",  "prom", "raw",
					       "folded", "trace", "pprof" };
	static FILE *out;

	if (!out)
		out = fopen("/dev/null", "w");
	if (size)
		replay_parse(data + 1, size - 1,
			     formats[data[0] % (sizeof(formats) / sizeof(*formats))], out);
	return 0;
}
