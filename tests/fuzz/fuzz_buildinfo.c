// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The build info section, and the release it names. */
#include "fuzz.h"
#include "go/binary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char version[64], module[192];
	int minor;

	memset(version, 'x', sizeof(version));
	memset(module, 'x', sizeof(module));
	buildinfo_parse(data, size, version, sizeof(version), module, sizeof(module));
	MUST(memchr(version, '\0', sizeof(version)) && memchr(module, '\0', sizeof(module)));
	minor = go_version_minor(version);
	MUST(minor >= -1 && minor <= 999);
	MUST(!go_version_plain(version) || !strncmp(version, "go1.", 4));
	return 0;
}
