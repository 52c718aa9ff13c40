// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* An executable: is it Go, which release, where are the runtime's variables. */
#include "fuzz.h"
#include "go/binary.h"
#include "go/goproc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);
	struct symbol sym[G_COUNT];
	struct binary b;
	char id[64];

	if (!binary_open(&b, fd, "fuzz")) {
		MUST(memchr(b.version, '\0', sizeof(b.version)));
		MUST(memchr(b.module, '\0', sizeof(b.module)));
		MUST(!binary_build_id(&b, id, sizeof(id)) || memchr(id, '\0', sizeof(id)));
		MUST(binary_symbols(&b, go_global_names, sym, G_COUNT) <= G_COUNT);
		binary_close(&b);
	}
	close(fd);
	return 0;
}
