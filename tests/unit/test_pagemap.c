// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Pages of our own process: both sources of page truth, and reads that change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem.h"
#include "target.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES 211

struct area {
	char *p;
	size_t touched, only_read;
};

/* Every third page written, of the others every fifth only read: zero pages. */
static struct area make_area(void)
{
	struct area a = { .p = mmap(NULL, PAGES * MEM_PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };

	assert_ptr_not_equal(a.p, MAP_FAILED);
	madvise(a.p, PAGES * MEM_PAGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		if (i % 3 == 0) {
			a.p[i * MEM_PAGE] = 1;
			a.touched++;
		} else if (i % 5 == 0) {
			assert_int_equal(((volatile char *)a.p)[i * MEM_PAGE], 0);
			a.only_read++;
		}
	return a;
}

static void count_area(struct pagemap *pm, const struct area *a)
{
	struct page_runs runs = {};
	size_t present = 0, zero = 0;
	uint64_t start = (uintptr_t)a->p, end = start + PAGES * MEM_PAGE;

	assert_int_equal(pagemap_runs(pm, start, end, true, &runs), 0);
	for (size_t i = 0; i < runs.n; i++) {
		size_t n = (runs.run[i].end - runs.run[i].start) / MEM_PAGE;

		assert_true(runs.run[i].start >= start && runs.run[i].end <= end);
		assert_true(!i || runs.run[i].start >= runs.run[i - 1].end);
		if (runs.run[i].flags & PAGE_ZERO)
			zero += n;
		else if (runs.run[i].flags & PAGE_PRESENT)
			present += n;
	}
	if (runs.zero_unknown) {
		assert_int_equal(present, a->touched + a->only_read);
	} else {
		assert_int_equal(present, a->touched);
		assert_int_equal(zero, a->only_read);
		assert_int_equal(page_runs_resident(&runs, start, end), a->touched * MEM_PAGE);
		/* ends in the middle of pages count the part */
		assert_int_equal(page_runs_resident(&runs, start + 100, start + MEM_PAGE),
				 MEM_PAGE - 100);
	}
	page_runs_free(&runs);
}

static int self_dir(void)
{
	return open("/proc/self", O_PATH | O_DIRECTORY);
}

static void test_both_sources_agree(void **state)
{
	struct area a = make_area();
	struct pagemap pm;
	int dir = self_dir();

	for (int plain = 0; plain < 2; plain++) {
		assert_int_equal(pagemap_open(&pm, dir, plain), 0);
		assert_true(!plain || !pm.scan);
		count_area(&pm, &a);
		pagemap_close(&pm);
	}
	close(dir);
	munmap(a.p, PAGES * MEM_PAGE);
}

#define HUGE_PAGE (2ULL << 20)

static uint64_t huge_zero_bytes(const char *p, bool plain, bool *unknown)
{
	struct page_runs runs = {};
	struct pagemap pm;
	int dir = self_dir();
	uint64_t zero = 0;

	assert_int_equal(pagemap_open(&pm, dir, plain), 0);
	/* from the middle of a huge page on */
	assert_int_equal(pagemap_runs(&pm, (uintptr_t)p + 7 * MEM_PAGE,
				      (uintptr_t)p + 3 * HUGE_PAGE, false, &runs),
			 0);
	for (size_t i = 0; i < runs.n; i++)
		if (runs.run[i].flags & PAGE_ZERO)
			zero += runs.run[i].end - runs.run[i].start;
	*unknown = runs.zero_unknown;
	page_runs_free(&runs);
	pagemap_close(&pm);
	close(dir);
	return zero;
}

/* One huge page only read, one written, one of which a single small page was read. */
static void test_huge_zero_page(void **state)
{
	char *map = mmap(NULL, 4 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	char *p = (char *)(((uintptr_t)map + HUGE_PAGE - 1) & -HUGE_PAGE);
	uint64_t scanned, plain;
	bool unknown;

	assert_ptr_not_equal(map, MAP_FAILED);
	madvise(p, 2 * HUGE_PAGE, MADV_HUGEPAGE);
	madvise(p + 2 * HUGE_PAGE, HUGE_PAGE, MADV_NOHUGEPAGE);
	assert_int_equal(*(volatile char *)p, 0);
	p[HUGE_PAGE] = 1;
	assert_int_equal(*(volatile char *)(p + 2 * HUGE_PAGE), 0);
	plain = huge_zero_bytes(p, true, &unknown);
	scanned = huge_zero_bytes(p, false, &(bool){ false });
	if (geteuid() == 0)
		assert_false(unknown);
	if (!unknown)
		assert_int_equal(plain, scanned);
	munmap(map, 4 * HUGE_PAGE);
}

/* More runs than the kernel gives in one answer (512), and windows of 16 MiB. */
static void test_many_runs(void **state)
{
	size_t pages = 16411, touched = 0, present = 0;
	char *p = mmap(NULL, pages * MEM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	struct page_runs runs = {};
	struct pagemap pm;
	int dir = self_dir();

	madvise(p, pages * MEM_PAGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i += 2, touched++)
		p[i * MEM_PAGE] = 1;
	assert_int_equal(pagemap_open(&pm, dir, false), 0);
	assert_int_equal(
		pagemap_runs(&pm, (uintptr_t)p, (uintptr_t)p + pages * MEM_PAGE, false, &runs), 0);
	for (size_t i = 0; i < runs.n; i++)
		present += (runs.run[i].end - runs.run[i].start) / MEM_PAGE;
	assert_int_equal(present, touched);
	assert_int_equal(runs.n, touched);
	page_runs_free(&runs);
	pagemap_close(&pm);
	close(dir);
	munmap(p, pages * MEM_PAGE);
}

static void test_lazyfree(void **state)
{
	struct area a = make_area();
	struct pagemap pm;
	struct proc_rollup r;
	uint64_t bytes = 0;
	int dir = self_dir(), err;

	assert_int_equal(pagemap_open(&pm, dir, false), 0);
	assert_int_equal(madvise(a.p, PAGES * MEM_PAGE, MADV_FREE), 0);
	err = pagemap_lazyfree(&pm, (uintptr_t)a.p, (uintptr_t)a.p + PAGES * MEM_PAGE, &bytes);
	if (geteuid() == 0) {
		assert_int_equal(err, 0);
		/* the kernel marks pages in batches: smaps is the truth, not what we asked for */
		assert_int_equal(proc_rollup_read(dir, &r), 0);
		assert_int_equal(bytes, r.lazyfree);
		assert_in_range(bytes, MEM_PAGE, a.touched * MEM_PAGE);
	} else {
		assert_true(err == -EPERM || err == -EACCES);
	}
	pagemap_close(&pm);
	close(dir);
	munmap(a.p, PAGES * MEM_PAGE);
}

static bool present(struct target *t, const char *p)
{
	uint64_t yes, swapped;

	assert_int_equal(pagemap_bits(&t->pagemap, (uintptr_t)p, &yes, &swapped, 1), 0);
	return yes & 1;
}

/* Reading a page that is absent gives its bytes and leaves it absent. */
static void test_absent_pages_are_not_read(void **state)
{
	struct area a = make_area();
	struct target t;
	struct mem *m;
	char buf[4 * MEM_PAGE];

	assert_int_equal(target_open(&t, getpid()), 0);
	m = mem_live_new(&t);
	a.p[MEM_PAGE * 6 + 4095] = 42; /* page 6 is present, 7 and 8 are not, 9 is */
	a.p[MEM_PAGE * 9] = 43;
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(mem_read(m, (uintptr_t)a.p + 6 * MEM_PAGE, buf, sizeof(buf)), 0);
	assert_int_equal(buf[4095], 42);
	assert_int_equal(buf[3 * MEM_PAGE], 43);
	for (size_t i = MEM_PAGE; i < 3 * MEM_PAGE; i++)
		assert_int_equal(buf[i], 0);
	assert_false(present(&t, a.p + 7 * MEM_PAGE));
	assert_false(present(&t, a.p + 8 * MEM_PAGE));
	/* a page that came since is asked about again, not believed absent */
	a.p[7 * MEM_PAGE] = 44;
	assert_int_equal(mem_read(m, (uintptr_t)a.p + 7 * MEM_PAGE, buf, 1), 0);
	assert_int_equal(buf[0], 44);
	mem_close(m);
	target_close(&t);
	munmap(a.p, PAGES * MEM_PAGE);
}

static void test_addresses_nobody_mapped(void **state)
{
	struct target t;
	struct mem *m;
	uint64_t v;

	assert_int_equal(target_open(&t, getpid()), 0);
	m = mem_live_new(&t);
	assert_int_equal(mem_u64(m, 0, &v), -EFAULT);
	assert_int_equal(mem_u64(m, 8, &v), -EFAULT);
	assert_int_equal(mem_u64(m, UINT64_MAX - 3, &v), -EFAULT);
	assert_int_equal(mem_u64(m, 0x4141414141414140, &v), -EFAULT);
	assert_int_equal(mem_u64(m, 0x00007fffffffe000, &v), -EFAULT);
	mem_close(m);
	target_close(&t);
}

/* A page of the program's own file that was never touched is read from the file. */
static char cold[8 * MEM_PAGE] __attribute__((aligned(4096))) = { [5 * MEM_PAGE] = 77 };

static void test_file_pages_come_from_the_file(void **state)
{
	struct target t;
	struct mem *m;
	char v;

	assert_int_equal(target_open(&t, getpid()), 0);
	assert_int_equal(madvise(cold, sizeof(cold), MADV_DONTNEED), 0);
	m = mem_live_new(&t);
	assert_false(present(&t, cold + 5 * MEM_PAGE));
	assert_int_equal(mem_read(m, (uintptr_t)cold + 5 * MEM_PAGE, &v, 1), 0);
	assert_int_equal(v, 77);
	assert_false(present(&t, cold + 5 * MEM_PAGE));
	mem_close(m);
	target_close(&t);
}

static void test_status_and_faults(void **state)
{
	struct proc_status st;
	struct proc_rollup r;
	uint64_t before, after;
	int dir = self_dir();
	char *p = mmap(NULL, 101 * MEM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	madvise(p, 101 * MEM_PAGE, MADV_NOHUGEPAGE);
	assert_int_equal(proc_status_read(dir, &st), 0);
	assert_int_equal(st.pid, getpid());
	assert_int_equal(st.uid, getuid());
	assert_true(st.has_mm && st.rss > 0 && st.pte > 0);
	assert_int_equal(proc_faults_read(dir, &before), 0);
	for (int i = 0; i < 101; i++)
		p[i * MEM_PAGE] = 1;
	assert_int_equal(proc_faults_read(dir, &after), 0);
	assert_in_range(after - before, 101, 104);
	before = st.locked;
	/* not mlock(): sanitizers make that do nothing */
	assert_int_equal(syscall(SYS_mlock, p, 7 * MEM_PAGE), 0);
	assert_int_equal(proc_status_read(dir, &st), 0);
	assert_int_equal(st.locked - before, 7 * MEM_PAGE);
	assert_int_equal(proc_rollup_read(dir, &r), 0);
	if (proc_rss_exact()) {
		assert_int_equal(proc_status_read(dir, &st), 0);
		assert_int_equal(proc_rollup_read(dir, &r), 0);
		assert_int_equal(st.rss, r.rss);
	}
	munmap(p, 101 * MEM_PAGE);
	close(dir);
}

static void test_maps(void **state)
{
	struct maps m;
	int dir = self_dir();
	const struct vma *v;

	assert_int_equal(maps_read(dir, &m), 0);
	v = maps_find(&m, (uintptr_t)cold);
	assert_non_null(v);
	assert_true(v->start <= (uintptr_t)cold && (uintptr_t)cold < v->end);
	assert_int_equal(v->flags, VMA_R | VMA_W);
	v = maps_find(&m, (uintptr_t)&m);
	assert_string_equal(v->name, "[stack]");
	assert_null(maps_find(&m, 0));
	for (size_t i = 1; i < m.n; i++)
		assert_true(m.vma[i].start >= m.vma[i - 1].end);
	maps_free(&m);
	close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sources_agree),
		cmocka_unit_test(test_huge_zero_page),
		cmocka_unit_test(test_many_runs),
		cmocka_unit_test(test_lazyfree),
		cmocka_unit_test(test_absent_pages_are_not_read),
		cmocka_unit_test(test_addresses_nobody_mapped),
		cmocka_unit_test(test_file_pages_come_from_the_file),
		cmocka_unit_test(test_status_and_faults),
		cmocka_unit_test(test_maps),
	};

	return cmocka_run_group_tests_name("pagemap", tests, NULL, NULL);
}
