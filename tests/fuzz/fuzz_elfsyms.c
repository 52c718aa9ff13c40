// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* An ELF file: its symbols, also those of .gnu_debugdata, its build id, and kallsyms. */
#include "elf64.h"
#include "elfsyms.h"
#include "fuzz.h"
#include "ksyms.h"

static void symbols(struct elfsyms *s)
{
	uint64_t start;

	for (size_t i = 0; i < s->n && i < 4096; i++) {
		const char *name = elfsyms_find(s, s->sym[i].addr, &start);

		MUST(!i || s->sym[i].addr > s->sym[i - 1].addr);
		MUST(!name || (strlen(name) < 4096 && start == s->sym[i].addr));
		elfsyms_find(s, s->sym[i].addr + s->sym[i].size, &start);
	}
	elfsyms_find(s, UINT64_MAX, &start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);
	struct elfsyms s;
	struct lazyfile f;
	struct elf64 e;
	struct ksyms k;
	uint8_t id[16];

	if (!elfsyms_open(&s, fd, (struct elfsyms_skip){ 0x1000, 0x1010 })) {
		symbols(&s);
		elfsyms_close(&s);
	}
	close(fd);
	lazyfile_memory(&f, data, size);
	if (!elf64_open(&e, &f))
		MUST(elf64_build_id(&e, id, sizeof(id)) <= sizeof(id));
	if (!ksyms_parse(&k, fuzz_text(data, size))) {
		for (size_t i = 0; i < k.n; i++)
			MUST(strlen(k.text + k.sym[i].name) < size);
		ksyms_find(&k, 0xffffffff81000000);
		ksyms_close(&k);
	}
	return 0;
}
