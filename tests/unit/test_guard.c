// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Children with a deadline: what they answer, and what becomes of those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef fail /* cmocka's; fail.h has ours */
#include "fail.h"
#include "proc/guard.h"
#include "proc/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MSEC 1000000ULL

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static void double_it(int fd, void *arg)
{
	int v;

	while (!guard_read(fd, &v, sizeof(v))) {
		v = 2 * v + *(int *)arg;
		if (guard_write(fd, &v, sizeof(v)))
			return;
	}
}

static void say_three(int fd, void *arg)
{
	(void)arg;
	guard_write(fd, (int[]){ 2, 3, 5 }, 3 * sizeof(int));
}

static void test_arrays(void **state)
{
	struct guard g;
	int err = 0, *v;

	(void)state;
	assert_int_equal(guard_start(&g, 1000 * MSEC, say_three, NULL), 0);
	v = guard_get_array(&g, 0, sizeof(*v), &err);
	assert_non_null(v);
	free(v);
	v = guard_get_array(&g, 3, sizeof(*v), &err);
	assert_int_equal(err, 0);
	assert_memory_equal(v, ((int[]){ 2, 3, 5, 0 }), 4 * sizeof(int));
	free(v);
	/* more than there is memory for, and more than came: nothing is there, and nothing is tried
	 */
	for (size_t n = SIZE_MAX; n > 1; n = n == SIZE_MAX ? SIZE_MAX / 4 + 1 : n == 7 ? 0 : 7) {
		err = 0;
		assert_null(guard_get_array(&g, n, sizeof(*v), &err));
		assert_int_equal(err, n == 7 ? -EPIPE : -ENOMEM);
		assert_null(guard_get_array(&g, 1, sizeof(*v), &err));
		assert_int_equal(err, n == 7 ? -EPIPE : -ENOMEM);
	}
	guard_end(&g);
}

static void test_answers(void **state)
{
	struct guard g;
	int one = 1;

	assert_int_equal(guard_start(&g, 1000 * MSEC, double_it, &one), 0);
	for (int i = 0; i < 1000; i++) {
		int v = i;

		assert_int_equal(guard_put(&g, &v, sizeof(v)), 0);
		assert_int_equal(guard_get(&g, &v, sizeof(v)), 0);
		assert_int_equal(v, 2 * i + 1);
	}
	guard_end(&g);
	assert_int_equal(g.pid, 0);
	guard_end(&g);
	/* nothing is left behind */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void much(int fd, void *arg)
{
	static char buf[8 << 20];

	memset(buf, 'x', sizeof(buf));
	guard_write(fd, buf, sizeof(buf));
}

static void test_much(void **state)
{
	char *buf = malloc(8 << 20);
	struct guard g;

	assert_int_equal(guard_start(&g, 1000 * MSEC, much, NULL), 0);
	assert_int_equal(guard_get(&g, buf, 8 << 20), 0);
	assert_int_equal(buf[(8 << 20) - 1], 'x');
	/* it has ended by itself: no more to come */
	assert_int_equal(guard_get(&g, buf, 1), -EPIPE);
	assert_non_null(strstr(fail_text(), "died"));
	guard_end(&g);
	free(buf);
}

static void sleeps(int fd, void *arg)
{
	for (;;)
		pause();
}

static void test_sleeps(void **state)
{
	uint64_t from = now_ms();
	struct guard g;
	char c;

	assert_int_equal(guard_start(&g, 150 * MSEC, sleeps, NULL), 0);
	assert_int_equal(guard_get(&g, &c, 1), -ETIMEDOUT);
	assert_in_range(now_ms() - from, 100, 1000);
	assert_non_null(strstr(fail_text(), "no answer within 0.15 s"));
	assert_int_equal(guard_get(&g, &c, 1), -ETIMEDOUT);
	guard_end(&g);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Longer than the deadline, at work all the time. */
static void works(int fd, void *arg)
{
	uint64_t until = now_ms() + 400;

	while (now_ms() < until)
		;
	guard_write(fd, "w", 1);
}

static void test_works(void **state)
{
	struct guard g;
	char c = 0;

	assert_int_equal(guard_start(&g, 50 * MSEC, works, NULL), 0);
	assert_int_equal(guard_get(&g, &c, 1), 0);
	assert_int_equal(c, 'w');
	guard_end(&g);
}

static void test_stopped(void **state)
{
	struct guard g;
	char c = 0;

	/* somebody stopped it: it does not hang, and goes on when it may */
	assert_int_equal(guard_start(&g, 50 * MSEC, works, NULL), 0);
	kill(g.pid, SIGSTOP);
	assert_int_equal(guard_any(&g, 1, 300), 1);
	assert_false(g.expired);
	kill(g.pid, SIGCONT);
	assert_int_equal(guard_get(&g, &c, 1), 0);
	guard_end(&g);
}

static void dies(int fd, void *arg)
{
	raise(SIGKILL);
}

static void test_dies(void **state)
{
	struct guard g;
	char c;

	assert_int_equal(guard_start(&g, 5000 * MSEC, dies, NULL), 0);
	assert_int_equal(guard_get(&g, &c, 1), -EPIPE);
	guard_end(&g);
}

static void test_any(void **state)
{
	struct guard g[5] = {};
	char c;

	/* of several, those that hang expire together, not one after the other */
	uint64_t from = now_ms();

	for (int i = 0; i < 4; i++)
		assert_int_equal(guard_start(&g[i], 200 * MSEC, i == 2 ? works : sleeps, NULL), 0);
	for (int i = 0; i < 4; i++) {
		size_t k = guard_any(g, 5, 2000);

		assert_in_range(k, 0, 3);
		assert_int_equal(guard_get(&g[k], &c, 1), k == 2 ? 0 : -ETIMEDOUT);
		guard_end(&g[k]);
	}
	assert_in_range(now_ms() - from, 200, 1500);
	assert_int_equal(guard_any(g, 5, 20), 5);
}

/* The descriptors that are open, one bit each. */
static void descriptors(int fd, void *arg)
{
	uint64_t open_ones = 0;

	for (int i = 0; i < 64; i++)
		open_ones |= (uint64_t)(fcntl(i, F_GETFD) >= 0) << i;
	open_ones &= ~(1ULL << fd);
	guard_write(fd, &open_ones, sizeof(open_ones));
}

static void test_descriptors(void **state)
{
	uint64_t open_ones = 0;
	struct guard g;
	int pipe_ends[2];

	/* a child that hangs must not hold our pipes open */
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(guard_start(&g, 1000 * MSEC, descriptors, NULL), 0);
	assert_int_equal(guard_get(&g, &open_ones, sizeof(open_ones)), 0);
	assert_int_equal(open_ones, 7); /* 0, 1 and 2 are /dev/null */
	guard_end(&g);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void test_thp(void **state)
{
	int fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct proc_thp thp;

	proc_thp_read(fd, &thp);
	if (!*thp.enabled || thp.disabled < 0)
		skip();
	assert_int_equal(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	proc_thp_read(fd, &thp);
	assert_int_equal(thp.disabled, 1);
	assert_int_equal(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
	proc_thp_read(fd, &thp);
	assert_int_equal(thp.disabled, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrays),      cmocka_unit_test(test_answers),
		cmocka_unit_test(test_much),        cmocka_unit_test(test_sleeps),
		cmocka_unit_test(test_works),       cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_dies),        cmocka_unit_test(test_any),
		cmocka_unit_test(test_descriptors), cmocka_unit_test(test_thp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
