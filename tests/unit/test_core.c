// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * A small core file of our own making: what is in it is found, what is not reads as
 * zeros or as the program's file; then cut at every length and turned at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include "core.h"
#include "fail.h"
#include "mem.h"
#include "target.h"
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EXE = 0x400000, ANON = 0x500000, STACK = 0x7fff0000, NOTES = 1024, DATA = 8192 };

struct file {
	uint8_t b[DATA + 5 * 4096];
	size_t notes;
	uint64_t page;
};

static void note(struct file *f, uint32_t type, const void *desc, uint32_t len)
{
	uint32_t head[3] = { 5, len, type };
	uint8_t *p = f->b + NOTES + f->notes;

	memcpy(p, head, 12);
	memcpy(p + 12, "CORE\0\0\0\0", 8);
	memcpy(p + 20, desc, len);
	f->notes += 20 + ((len + 3) & ~3u);
}

static void notes(struct file *f)
{
	uint64_t auxv[] = { AT_PHDR,   EXE + 64, AT_RANDOM, STACK + 100,
			    AT_PAGESZ, f->page,  AT_NULL,   0 };
	uint8_t files[16 + 2 * 24 + 20] = {}, prstatus[336] = {}, psinfo[136] = {};
	uint64_t table[] = { 2, 4096, EXE, EXE + 8192, 0, EXE + 8192, EXE + 12288, 2 };

	memcpy(files, table, sizeof(table));
	memcpy(files + sizeof(table), "/bin/p\0/bin/p", 14);
	memcpy(psinfo + 24, &(uint32_t){ 4242 }, 4);
	memcpy(psinfo + 40, "sixteen-letters!", 16);
	note(f, NT_PRSTATUS, prstatus, sizeof(prstatus));
	note(f, NT_PRSTATUS, prstatus, sizeof(prstatus));
	note(f, NT_PRPSINFO, psinfo, sizeof(psinfo));
	note(f, NT_AUXV, auxv, sizeof(auxv));
	note(f, NT_FILE, files, sizeof(files));
}

/*
 * Text: one of two pages; data: one page; anonymous: three of four pages, the second
 * of zeros; a reserve with nothing; the stack.
 */
static void make(struct file *f, uint16_t machine, uint64_t page)
{
	Elf64_Phdr ph[] = {
		{ PT_NOTE, 0, NOTES, 0, 0, 0, 0, 0 },
		{ PT_LOAD, PF_R | PF_X, DATA, EXE, 0, 4096, 8192, 1 },
		{ PT_LOAD, PF_R | PF_W, DATA + 4096, EXE + 8192, 0, 4096, 4096, 1 },
		{ PT_LOAD, PF_R | PF_W, DATA + 8192, ANON, 0, 12288, 16384, 1 },
		{ PT_LOAD, 0, 0, ANON + 65536, 0, 0, 1 << 20, 1 },
		{ PT_LOAD, PF_R | PF_W, 0, STACK, 0, 0, 4096, 1 },
	};
	Elf64_Ehdr eh = { .e_ident = ELFMAG, .e_type = ET_CORE, .e_machine = machine };

	memset(f, 0, sizeof(*f));
	f->page = page;
	notes(f);
	ph[0].p_filesz = f->notes;
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_phoff = sizeof(eh);
	eh.e_phentsize = sizeof(ph[0]);
	eh.e_phnum = sizeof(ph) / sizeof(ph[0]);
	memcpy(f->b, &eh, sizeof(eh));
	memcpy(f->b + sizeof(eh), ph, sizeof(ph));
	memset(f->b + DATA, 'T', 4096);
	memset(f->b + DATA + 4096, 'D', 4096);
	memset(f->b + DATA + 8192, 'A', 4096);
	memset(f->b + DATA + 16384, 'C', 4096);
}

/* As a file: no_hole false makes one of the page of zeros. */
static int put(const struct file *f, size_t len, bool no_hole, char path[32])
{
	int fd = memfd_create("core", 0);
	size_t hole = DATA + 12288;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, len), 0);
	if (no_hole || len < hole) {
		assert_int_equal(pwrite(fd, f->b, len, 0), len);
	} else {
		assert_int_equal(pwrite(fd, f->b, hole, 0), hole);
		if (len > hole + 4096)
			assert_int_equal(
				pwrite(fd, f->b + hole + 4096, len - hole - 4096, hole + 4096),
				len - hole - 4096);
	}
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_content(struct core *c, bool no_hole)
{
	struct target t = { .core = c };
	int exe = memfd_create("exe", 0);
	uint64_t bits;
	struct mem *m;
	char buf[8192];

	assert_int_equal(c->n, 5);
	assert_int_equal(c->threads, 2);
	assert_int_equal(c->pid, 4242);
	assert_string_equal(c->comm, "sixteen-letters!");
	assert_int_equal(c->zeros_left_out, no_hole);
	assert_int_equal(c->bytes, 4 * 4096); /* text, data, A and C */
	assert_int_equal(core_maps(c, &t.maps), 0);
	assert_string_equal(t.maps.vma[0].name, "/bin/p");
	assert_int_equal(t.maps.vma[1].off, 8192);
	assert_int_equal(t.maps.vma[0].ino, t.maps.vma[1].ino);
	assert_int_equal(t.maps.vma[2].ino, 0);
	assert_string_equal(t.maps.vma[4].name, "[stack]");
	assert_non_null(c->exe);
	t.exe_ino = c->exe->id;
	t.exefd = exe;
	memset(buf, 'X', sizeof(buf));
	assert_int_equal(pwrite(exe, buf, 8192, 0), 8192);
	m = mem_core_new(&t);
	assert_int_equal(mem_read(m, EXE + 4090, buf, 12), 0); /* core, then the program's file */
	assert_memory_equal(buf, "TTTTTTXXXXXX", 12);
	assert_int_equal(mem_read(m, EXE + 8190, buf, 4), 0);
	assert_memory_equal(buf, "XXDD", 4);
	assert_int_equal(mem_read(m, ANON + 4094, buf, 4), 0);
	assert_memory_equal(buf, "AA\0\0", 4);
	assert_int_equal(mem_read(m, ANON + 12286, buf, 4), 0);
	assert_memory_equal(buf, "CC\0\0", 4);
	assert_int_equal(mem_read(m, ANON + 16383, buf, 2), -EFAULT);
	assert_int_equal(mem_read(m, ANON + 65536, buf, 8), 0);
	assert_int_equal(mem_resident(m, ANON, &bits, 1), 0);
	assert_int_equal(bits, 5);
	mem_close(m);
	maps_free(&t.maps);
	close(exe);
}

static void test_content(void **state)
{
	static struct file f;
	struct core c;
	char path[32];

	make(&f, EM_X86_64, 4096);
	for (int no_hole = 0; no_hole < 2; no_hole++) {
		int fd = put(&f, sizeof(f.b), no_hole, path);

		assert_int_equal(core_open(&c, path), 0);
		check_content(&c, no_hole);
		core_close(&c);
		close(fd);
	}
}

static int open_one(uint16_t machine, uint64_t page)
{
	static struct file f;
	struct core c;
	char path[32];
	int fd, err;

	make(&f, machine, page);
	fd = put(&f, sizeof(f.b), false, path);
	fail_clear();
	err = core_open(&c, path);
	if (!err)
		core_close(&c);
	close(fd);
	return err;
}

static void test_machines(void **state)
{
	assert_int_equal(open_one(EM_X86_64, 4096), 0);
	assert_int_equal(open_one(EM_AARCH64, 4096), 0);
	assert_int_equal(open_one(EM_RISCV, 4096), -EOPNOTSUPP);
	assert_non_null(strstr(fail_text(), "x86-64 and arm64"));
	assert_int_equal(open_one(EM_AARCH64, 65536), -EOPNOTSUPP);
	assert_non_null(strstr(fail_text(), "pages of 65536 bytes"));
}

static void test_cut(void **state)
{
	static struct file f;
	struct core c;
	char path[32];

	make(&f, EM_X86_64, 4096);
	for (size_t len = 0; len < sizeof(f.b); len += len < DATA ? 7 : 509) {
		int fd = put(&f, len, true, path), err = core_open(&c, path);

		assert_true(err == -ENOEXEC || err == -EBADMSG);
		assert_true(*fail_text());
		close(fd);
	}
}

static void test_turned(void **state)
{
	static struct file f;
	struct core c;
	char path[32];

	make(&f, EM_X86_64, 4096);
	for (size_t at = 0; at < NOTES + f.notes; at++)
		for (int bit = 0; bit < 8; bit += 1 + (at > 500) * 6) {
			struct maps m = {};
			int fd;

			f.b[at] ^= 1 << bit;
			fd = put(&f, sizeof(f.b), true, path);
			if (!core_open(&c, path)) {
				assert_int_equal(core_maps(&c, &m), 0);
				for (size_t i = 1; i < m.n; i++)
					assert_true(m.vma[i].start >= m.vma[i - 1].end);
				maps_free(&m);
				core_close(&c);
			}
			close(fd);
			f.b[at] ^= 1 << bit;
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_turned),
	};

	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
