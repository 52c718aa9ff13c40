// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * A line table and inline trees: names of arbitrary pcs, and what is inlined where. The
 * first 4 bytes tell how many behind them are the table; the rest are the trees.
 */
#include "fuzz.h"
#include "go/inline.h"
#include "go/symbolize.h"
#include "lazyfile.h"

#define TEXT 0x401000

static void lookups(const struct symbolizer *s, size_t size)
{
	struct frame f[16];
	struct gofunc g;

	for (uint32_t i = 0; i < s->tab.nfunc && i < 64; i++) {
		if (!pclntab_func(&s->tab, i, &g))
			continue;
		for (uint64_t pc = g.entry; pc <= g.end && pc < g.entry + 64; pc += 7) {
			size_t n = symbolize(s, TEXT + pc, f, 16);

			MUST(n <= 16);
			for (size_t k = 0; k < n; k++)
				MUST(strlen(f[k].function) < size && strlen(f[k].file) < size);
			MUST(!n || n == 16 || !f[n - 1].inlined);
		}
	}
	symbolize(s, UINT64_MAX, f, 16);
	symbolize(s, 0, f, 16);
}

static void inlines(const struct symbolizer *s)
{
	static const char *const names[] = { "runtime.a", "main.b", "" };
	struct inline_sites sites;
	struct inline_answer a[3];

	if (!inline_find(s, names, 3, a, &sites))
		for (int i = 0; i < 3; i++)
			MUST(!a[i].complete || (a[i].present && !a[i].functions));
	inline_sites_free(&sites);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbolizer s = { .text = TEXT };
	struct lazyfile file;
	uint32_t table;
	int fd;

	if (size < 4)
		return 0;
	memcpy(&table, data, 4);
	data += 4;
	size -= 4;
	table = table <= size ? table : size;
	s.gofunc = data + table;
	s.gofunc_len = size - table;
	if (!pclntab_parse(&s.tab, data, table)) {
		lookups(&s, size);
		inlines(&s);
	}
	/* the same through a file */
	fd = fuzz_file(data, size);
	if (!lazyfile_open(&file, fd)) {
		if (!pclntab_parse_file(&s.tab, &file, 0, table)) {
			s.gofunc = file.p + table;
			lookups(&s, size);
			inlines(&s);
		}
		lazyfile_close(&file);
	}
	close(fd);
	return 0;
}
