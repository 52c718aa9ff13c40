// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The C side of c-truth: known C memory, and what the C library says of it.
 *
 *	malloc NAME WORKER N SIZE  N blocks by worker thread WORKER (0 to 3), written
 *	free NAME K M              of every M blocks of the list the first K, by that worker
 *	threads N KIB DEEP         N C threads with stacks of KIB, DEEP KiB of them used
 *	join N                     let N of them exit; their stacks stay in the cache
 *	stacks                     every thread's stack by pthread_getattr_np(3), those of
 *	                           exited threads, and what mincore(2) says of them
 *	blocks NAME                what mincore(2) says of a list's pages
 *	mallinfo                   mallinfo2(3), and malloc_info(3) arena by arena
 *	dlopen LIBRARY             and where it is
 *	mmap BYTES                 a mapping of our own, written: nobody's allocator
 *
 * Every thread is known, the Go runtime's too: the linker wraps pthread_create(3).
 */
#include "truth.h"
#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE    4096UL
#define WORKERS 4
#define LISTS   64
#define THREADS 1024
#define OUT     (256 << 10)

static char out[OUT], text[OUT], file_buf[BUFSIZ];
static size_t len;
static FILE *report; /* of malloc_info, with a buffer of ours: writing to it allocates nothing */

#define PUT(...) (len += snprintf(out + len, sizeof(out) - len, __VA_ARGS__))

static void reply(void)
{
	out[len++] = '\n';
	for (size_t o = 0; o < len;) {
		ssize_t n = write(1, out + o, len - o);

		if (n <= 0)
			_exit(1);
		o += n;
	}
	len = 0;
}

static void failed(const char *why)
{
	len = 0;
	PUT("{\"ok\":false,\"error\":\"%s\"}", why);
}

void settle(void)
{
	usleep(30000);
}

void faults(unsigned long *min, unsigned long *maj)
{
	FILE *f = fopen("/proc/self/stat", "r");

	*min = *maj = 0;
	if (f && fgets(text, sizeof(text), f))
		sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", min,
		       maj);
	if (f)
		fclose(f);
}

/* ---- every thread's stack ---- */

static struct thread {
	pthread_t id;
	int alive;
	uintptr_t low, size, guard;
} threads[THREADS];
static int nthreads;
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	int err;

	pthread_mutex_lock(&threads_lock);
	err = __real_pthread_create(id, attr, fn, arg);
	if (!err && nthreads < THREADS)
		threads[nthreads++] = (struct thread){ .id = *id, .alive = 1 };
	pthread_mutex_unlock(&threads_lock);
	return err;
}

static void learn(struct thread *t)
{
	pthread_attr_t a;
	void *low;

	if (t->size || pthread_getattr_np(t->id, &a))
		return;
	pthread_attr_getstack(&a, &low, &t->size);
	pthread_attr_getguardsize(&a, &t->guard);
	t->low = (uintptr_t)low;
	pthread_attr_destroy(&a);
}

static unsigned long resident(uintptr_t p, uintptr_t n)
{
	static unsigned char in[16384];
	unsigned long sum = 0;

	n = (p + n + PAGE - 1) / PAGE - p / PAGE;
	p &= ~(PAGE - 1);
	for (; n; p += PAGE) {
		uintptr_t k = n < sizeof(in) ? n : sizeof(in);

		if (mincore((void *)p, k * PAGE, in))
			return sum;
		for (uintptr_t i = 0; i < k; i++)
			sum += (in[i] & 1) * PAGE;
		n -= k;
		p += (k - 1) * PAGE;
	}
	return sum;
}

static void stacks(void)
{
	unsigned long all = 0, r;
	int n = 0;

	PUT("{\"cmd\":\"stacks\",\"ok\":true,\"stacks\":[");
	for (int i = 0; i < nthreads; i++) {
		struct thread *t = &threads[i];
		int again = 0;

		if (t->alive)
			learn(t);
		for (int k = i + 1; k < nthreads; k++)
			again |= threads[k].alive && (learn(&threads[k]), threads[k].low == t->low);
		if (again)
			continue; /* the stack was in the cache and another thread has it */
		r = resident(t->low, t->size);
		all += r;
		PUT("%s{\"low\":%lu,\"size\":%lu,\"guard\":%lu,\"alive\":%d,\"resident\":%lu}",
		    n++ ? "," : "", t->low, t->size, t->guard, t->alive, r);
	}
	PUT("],\"n\":%d,\"resident\":%lu}", n, all);
}

/* ---- C threads ---- */

struct parked {
	pthread_t id;
	size_t deep;
	int ready, go;
};
static struct parked parked[THREADS];
static int nparked, nblocked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static int dig(size_t deep)
{
	volatile char pad[1000];

	memset((char *)pad, 1, sizeof(pad));
	return deep > sizeof(pad) ? dig(deep - sizeof(pad)) + pad[deep % 1000] : pad[7];
}

static void *park(void *arg)
{
	struct parked *p = arg;

	dig(p->deep);
	pthread_mutex_lock(&lock);
	p->ready = 1;
	pthread_cond_broadcast(&changed);
	while (!p->go)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void make_threads(int n, size_t kib, size_t deep)
{
	pthread_attr_t a;

	pthread_attr_init(&a);
	if (n <= 0 || nparked + n > THREADS || pthread_attr_setstacksize(&a, kib << 10)) {
		failed("bad number or size");
		return;
	}
	for (int i = 0; i < n; i++) {
		struct parked *p = &parked[nparked];

		*p = (struct parked){ .deep = deep << 10 };
		if (pthread_create(&p->id, &a, park, p)) {
			failed("pthread_create");
			return;
		}
		nparked++;
		pthread_mutex_lock(&lock);
		while (!p->ready)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
	}
	pthread_attr_destroy(&a);
	PUT("{\"cmd\":\"threads\",\"ok\":true,\"threads\":%d}", nparked);
}

static void join_threads(int n)
{
	for (int i = 0; i < n && nparked; i++) {
		struct parked *p = &parked[--nparked];

		pthread_mutex_lock(&lock);
		for (int k = 0; k < nthreads; k++)
			if (threads[k].alive && pthread_equal(threads[k].id, p->id)) {
				learn(&threads[k]);
				threads[k].alive = 0;
			}
		p->go = 1;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		pthread_join(p->id, NULL);
	}
	PUT("{\"cmd\":\"join\",\"ok\":true,\"threads\":%d}", nparked);
}

void block(void)
{
	__atomic_add_fetch(&nblocked, 1, __ATOMIC_RELAXED);
	for (;;)
		pause();
}

int blocked(void)
{
	return __atomic_load_n(&nblocked, __ATOMIC_RELAXED);
}

/* ---- blocks, each list by one worker thread: the allocator gives each its arena ---- */

static struct list {
	char name[32];
	int worker;
	size_t n, size;
	char **block; /* of a mapping: no part of the C heap */
	char *freed;
} lists[LISTS];
static int nlists;

static struct worker {
	pthread_t id;
	void (*todo)(struct list *, size_t, size_t);
	struct list *list;
	size_t a, b;
} workers[WORKERS];

static void *work(void *arg)
{
	struct worker *w = arg;

	pthread_mutex_lock(&lock);
	for (;;) {
		while (!w->todo)
			pthread_cond_wait(&changed, &lock);
		w->todo(w->list, w->a, w->b);
		w->todo = NULL;
		pthread_cond_broadcast(&changed);
	}
	return NULL;
}

static void let(struct list *l, void (*todo)(struct list *, size_t, size_t), size_t a, size_t b)
{
	struct worker *w = &workers[l->worker];

	pthread_mutex_lock(&lock);
	*w = (struct worker){ w->id, todo, l, a, b };
	pthread_cond_broadcast(&changed);
	while (w->todo)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void blocks_make(struct list *l, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		l->block[i] = malloc(size);
		memset(l->block[i], (int)i | 1, size);
	}
}

static void blocks_free(struct list *l, size_t k, size_t m)
{
	for (size_t i = 0; i < l->n; i++)
		if (i % m < k && !l->freed[i]) {
			free(l->block[i]);
			l->freed[i] = 1;
		}
}

static struct list *find(const char *name)
{
	for (int i = 0; i < nlists; i++)
		if (!strcmp(lists[i].name, name))
			return &lists[i];
	return NULL;
}

static void hold(const char *name, int worker, size_t n, size_t size)
{
	struct list *l = &lists[nlists];
	size_t bytes = (n * sizeof(char *) + n + PAGE - 1) & ~(PAGE - 1);
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (nlists == LISTS || find(name) || !n || !size || (unsigned)worker >= WORKERS ||
	    p == MAP_FAILED) {
		failed("bad list");
		return;
	}
	nlists++;
	*l = (struct list){ .worker = worker, .n = n, .size = size };
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->block = (char **)p;
	l->freed = p + n * sizeof(char *);
	let(l, blocks_make, n, size);
	PUT("{\"cmd\":\"malloc\",\"ok\":true,\"blocks\":%zu,\"bytes\":%zu,\"usable\":%zu,"
	    "\"first\":\"%p\"}",
	    n, n * size, malloc_usable_size(l->block[0]), (void *)l->block[0]);
}

static void drop(const char *name, size_t k, size_t m)
{
	struct list *l = find(name);
	size_t n = 0;

	if (!l || !m || k > m) {
		failed("no such list or bad share");
		return;
	}
	let(l, blocks_free, k, m);
	for (size_t i = 0; i < l->n; i++)
		n += l->freed[i];
	PUT("{\"cmd\":\"free\",\"ok\":true,\"freed\":%zu}", n);
}

static void blocks(const char *name)
{
	struct list *l = find(name);
	unsigned long sum = 0, held = 0;
	uintptr_t last = 0;

	for (size_t i = 0; l && i < l->n; i++) {
		uintptr_t p = (uintptr_t)l->block[i] & ~(PAGE - 1), end = p;

		if (l->freed[i])
			continue;
		held += l->size;
		end = (uintptr_t)l->block[i] + l->size;
		p = p == last ? p + PAGE : p;
		sum += p < end ? resident(p, end - p) : 0;
		last = (end - 1) & ~(PAGE - 1);
	}
	if (l)
		PUT("{\"cmd\":\"blocks\",\"ok\":true,\"held\":%lu,\"resident\":%lu}", held, sum);
	else
		failed("no such list");
}

/* ---- what the C library says ---- */

static unsigned long attr(const char *s, const char *end, const char *where, const char *name)
{
	const char *p = strstr(s, where);

	p = p && p < end ? strstr(p, name) : NULL;
	return p && p < end ? strtoul(p + strlen(name), NULL, 10) : 0;
}

#if !__GLIBC_PREREQ(2, 33)
#define mallinfo2 mallinfo /* int members: up to 2 GiB */
#endif

static void mallinfo_report(void)
{
	struct mallinfo2 m = mallinfo2();
	int n = 0;

	rewind(report);
	malloc_info(0, report);
	fflush(report);
	text[pread(fileno(report), text, sizeof(text) - 1, 0)] = '\0';
	PUT("{\"cmd\":\"mallinfo\",\"ok\":true,\"arena\":%zu,\"uordblks\":%zu,\"fordblks\":%zu,"
	    "\"hblks\":%zu,\"hblkhd\":%zu,\"arenas\":[",
	    (size_t)m.arena, (size_t)m.uordblks, (size_t)m.fordblks, (size_t)m.hblks,
	    (size_t)m.hblkhd);
	for (char *p = text, *end; (p = strstr(p, "<heap nr=")); p = end) {
		unsigned long fast, rest, system;

		end = strstr(p, "</heap>");
		if (!end)
			break;
		fast = attr(p, end, "<total type=\"fast\"", "size=\"");
		rest = attr(p, end, "<total type=\"rest\"", "size=\"");
		system = attr(p, end, "<system type=\"current\"", "size=\"");
		PUT("%s{\"system\":%lu,\"free\":%lu,\"used\":%lu}", n++ ? "," : "", system,
		    fast + rest, system - fast - rest);
	}
	PUT("]}");
}

static void open_library(const char *name)
{
	struct link_map *m = dlopen(name, RTLD_NOW);

	if (m)
		PUT("{\"cmd\":\"dlopen\",\"ok\":true,\"name\":\"%s\",\"base\":\"0x%lx\"}",
		    m->l_name, (unsigned long)m->l_addr);
	else
		failed("dlopen");
}

static void map_own(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!bytes || p == MAP_FAILED) {
		failed("mmap");
		return;
	}
	memset(p, 0x5a, bytes);
	PUT("{\"cmd\":\"mmap\",\"ok\":true,\"addr\":\"%p\",\"resident\":%lu}", (void *)p,
	    resident((uintptr_t)p, bytes));
}

void start(void)
{
	report = fdopen(memfd_create("report", MFD_CLOEXEC), "w+");
	setvbuf(report, file_buf, _IOFBF, sizeof(file_buf));
	memset(out, ' ', sizeof(out));
	memset(text, ' ', sizeof(text));
	for (int i = 0; i < WORKERS; i++)
		if (pthread_create(&workers[i].id, NULL, work, &workers[i]))
			_exit(1);
	settle();
}

void command(char *line)
{
	char *save, *w[6];

	for (int i = 0; i < 6; i++) {
		w[i] = strtok_r(i ? NULL : line, " ", &save);
		w[i] = w[i] ? w[i] : "0";
	}
	if (!strcmp(w[0], "malloc"))
		hold(w[1], atoi(w[2]), strtoul(w[3], NULL, 10), strtoul(w[4], NULL, 10));
	else if (!strcmp(w[0], "free"))
		drop(w[1], strtoul(w[2], NULL, 10), strtoul(w[3], NULL, 10));
	else if (!strcmp(w[0], "threads"))
		make_threads(atoi(w[1]), strtoul(w[2], NULL, 10), strtoul(w[3], NULL, 10));
	else if (!strcmp(w[0], "join"))
		join_threads(atoi(w[1]));
	else if (!strcmp(w[0], "stacks"))
		stacks();
	else if (!strcmp(w[0], "blocks"))
		blocks(w[1]);
	else if (!strcmp(w[0], "mallinfo"))
		mallinfo_report();
	else if (!strcmp(w[0], "dlopen"))
		open_library(w[1]);
	else if (!strcmp(w[0], "mmap"))
		map_own(strtoul(w[1], NULL, 10));
	else
		failed("no such command");
	settle();
	reply();
}
