// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The plain /proc/PID/pagemap, 8 bytes a page; first a byte: is the zero page known. */
#include "fuzz.h"
#include "proc/pagemap.h"

#define PAGE 4096ULL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = size ? fuzz_file(data + 1, size - 1) : -1;
	uint64_t present[4], swapped[4], end = size / 8 * PAGE + PAGE, sum = 0;
	struct pagemap pm = {
		.fd = fd, .flags_fd = -1, .zero_known = size && data[0] & 1, .zero_pfn = 7
	};
	struct page_runs runs = {};

	if (fd < 0)
		return 0;
	MUST(!pagemap_runs(&pm, 0, end, true, &runs));
	for (size_t i = 0; i < runs.n; i++) {
		MUST(runs.run[i].start < runs.run[i].end && runs.run[i].end <= end);
		MUST(!i || runs.run[i].start >= runs.run[i - 1].end);
		sum += page_runs_resident(&runs, runs.run[i].start, runs.run[i].end);
	}
	MUST(page_runs_resident(&runs, 0, end) == sum);
	MUST(!pagemap_bits(&pm, PAGE, present, swapped, 4));
	for (int i = 0; i < 4; i++)
		MUST(!(present[i] & swapped[i]));
	page_runs_free(&runs);
	close(fd);
	return 0;
}
