// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Go executables: version strings, build info, and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include "fail.h"
#include "go/binary.h"
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void test_versions(void **state)
{
	static const struct {
		const char *text;
		int minor;
		bool plain;
	} v[] = {
		{ "go1.24.4", 24, true },
		{ "go1.27", 27, true },
		{ "go1.27rc1", 27, false },
		{ "go1.24.4 X:boringcrypto", 24, false },
		{ "go1.22.5-vendor1", 22, false },
		{ "go1.22.5 (Red Hat 1.22.5-1.el9)", 22, false },
		{ "devel go1.28-abc Mon", 28, false },
		{ "go1.24-20250101-RC00 cl/1 +2", 24, false },
		{ "go1.", -1, true }, /* no release at all: never the own one of a layout */
		{ "go2.0", -1, false },
		{ "devel +abcdef", -1, false },
		{ "go1.99999", -1, true },
		{ "", -1, false },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(go_version_minor(v[i].text), v[i].minor);
		assert_int_equal(go_version_plain(v[i].text), v[i].plain);
	}
}

static size_t info(uint8_t *p, const char *version, const char *mod)
{
	size_t n = 32;

	memset(p, 0, 32);
	memcpy(p, "\xff Go buildinf:\x08\x02", 16);
	p[n++] = strlen(version);
	memcpy(p + n, version, strlen(version));
	n += strlen(version);
	p[n++] = strlen(mod) + 32;
	memset(p + n, '0', 16);
	memcpy(p + n + 16, mod, strlen(mod));
	memset(p + n + 16 + strlen(mod), '1', 16);
	return n + 32 + strlen(mod);
}

static void test_buildinfo(void **state)
{
	char version[16], module[16];
	uint8_t b[256], *exact;
	size_t n = info(b, "go1.24.4", "path\ta/b\nmod\tex.org/m\tv1.2\tsum\n");

	assert_true(buildinfo_parse(b, n, version, sizeof(version), module, sizeof(module)));
	assert_string_equal(version, "go1.24.4");
	assert_string_equal(module, "ex.org/m");
	/* cut anywhere: the sanitizer sees a read behind the end */
	for (size_t len = 0; len < n; len++) {
		exact = malloc(len + !len);
		memcpy(exact, b, len);
		buildinfo_parse(exact, len, version, sizeof(version), module, sizeof(module));
		free(exact);
	}
	n = info(b, "devel go1.99-0123456789abcdef", "path\tx\n");
	assert_true(buildinfo_parse(b, n, version, sizeof(version), module, sizeof(module)));
	assert_string_equal(version, "devel go1.99-01"); /* as much as fits */
	assert_string_equal(module, "x");
	b[15] = 0; /* pointers, before Go 1.18 */
	assert_false(buildinfo_parse(b, n, version, sizeof(version), module, sizeof(module)));
}

static int open_bytes(const void *p, size_t n, off_t size)
{
	int fd = memfd_create("elf", 0), err;
	struct binary b;

	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(ftruncate(fd, size), 0);
	fail_clear();
	err = binary_open(&b, fd, "it");
	if (!err)
		binary_close(&b);
	close(fd);
	return err;
}

/* Files that claim more than they hold, and files that hold nothing but holes. */
static void test_no_go(void **state)
{
	Elf64_Ehdr eh = { .e_ident = ELFMAG, .e_type = ET_EXEC, .e_machine = EM_X86_64 };

	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_ident[EI_VERSION] = EV_CURRENT;
	eh.e_version = EV_CURRENT;
	eh.e_shentsize = sizeof(Elf64_Shdr);
	assert_int_equal(open_bytes("", 0, 0), -ENOEXEC);
	assert_int_equal(open_bytes("#!/bin/sh\n", 10, 10), -ENOEXEC);
	assert_int_equal(open_bytes(&eh, 40, 40), -ENOEXEC);
	assert_int_equal(open_bytes(&eh, sizeof(eh), sizeof(eh)), -ENOEXEC);
	eh.e_shoff = 64;
	eh.e_shnum = 65000;
	assert_int_equal(open_bytes(&eh, sizeof(eh), 4096), -ENOEXEC);
	assert_int_equal(open_bytes(&eh, sizeof(eh), 64 << 20), -ENOEXEC);
	/* the count is in section 0: as many as a sparse file of a terabyte can hold */
	struct {
		Elf64_Ehdr eh;
		Elf64_Shdr sh;
	} two = { eh, { .sh_size = 1ULL << 33 } };
	two.eh.e_shnum = 0;
	assert_int_equal(open_bytes(&two, sizeof(two), 1LL << 40), -ENOEXEC);
	assert_true(*fail_text());
	two.eh.e_shoff = UINT64_MAX - 8;
	two.eh.e_shnum = 2;
	assert_int_equal(open_bytes(&two, sizeof(two), 4096), -ENOEXEC);
}

/* A Go program by its section names alone, of a machine: the one we run on, or another. */
static int open_go(uint16_t machine, int class, int data, bool *native)
{
	static const char names[] = "\0.shstrtab\0.gopclntab";
	struct {
		Elf64_Ehdr eh;
		Elf64_Shdr sh[3];
		char names[sizeof(names)];
	} f = { { .e_ident = ELFMAG, .e_type = ET_EXEC, .e_machine = machine } };
	int fd = memfd_create("elf", 0), err;
	struct binary b;

	f.eh.e_ident[EI_CLASS] = class;
	f.eh.e_ident[EI_DATA] = data;
	f.eh.e_ident[EI_VERSION] = f.eh.e_version = EV_CURRENT;
	f.eh.e_shoff = offsetof(__typeof__(f), sh);
	f.eh.e_shentsize = sizeof(f.sh[0]);
	f.eh.e_shnum = 3;
	f.eh.e_shstrndx = 1;
	f.sh[1] = (Elf64_Shdr){ .sh_name = 1,
				.sh_type = SHT_STRTAB,
				.sh_offset = offsetof(__typeof__(f), names),
				.sh_size = sizeof(names) };
	f.sh[2] = (Elf64_Shdr){ .sh_name = 11, .sh_type = SHT_PROGBITS };
	memcpy(f.names, names, sizeof(names));
	assert_int_equal(write(fd, &f, sizeof(f)), sizeof(f));
	fail_clear();
	err = binary_open(&b, fd, "it");
	if (!err) {
		assert_int_equal(b.machine, machine);
		*native = !binary_native(&b, "it");
		binary_close(&b);
	}
	close(fd);
	return err;
}

static void test_machines(void **state)
{
	uint16_t other = BINARY_HOST == EM_X86_64 ? EM_AARCH64 : EM_X86_64;
	bool native;

	assert_int_equal(open_go(BINARY_HOST, ELFCLASS64, ELFDATA2LSB, &native), 0);
	assert_true(native);
	assert_int_equal(open_go(other, ELFCLASS64, ELFDATA2LSB, &native), 0);
	assert_false(native);
	assert_non_null(strstr(fail_text(), "x86-64"));
	assert_non_null(strstr(fail_text(), "arm64"));
	assert_int_equal(open_go(EM_RISCV, ELFCLASS64, ELFDATA2LSB, &native), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_buildinfo),
		cmocka_unit_test(test_no_go),
		cmocka_unit_test(test_machines),
	};

	return cmocka_run_group_tests_name("binary", tests, NULL, NULL);
}
