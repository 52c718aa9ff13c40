/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * hostile.h - every parser of an executable over bytes that lie.
 *
 * The bytes stand right before a page that cannot be read, so that a read behind
 * their end is a crash also without sanitizers. What is asked of a parser is that it
 * comes back: in bounds, and within a second of CPU time. What it says is not judged.
 * A new parser is a line in hostile_parsers.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "c/names.h"
#include "elfsyms.h"
#include "fail.h"
#include "go/image.h"
#include "go/inline.h"
#include "go/resolve.h"
#include "go/symbolize.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define HOSTILE_NS 1000000000ULL

struct hostile {
	struct goproc *gp; /* its memory and layout; bin is opened by each parser */
	int fd;            /* the file */
	size_t len;        /* of it; it may have been longer */
	uint8_t *p;        /* its bytes, for parsers that take bytes */
	size_t info, pcln; /* where its build info and its line table are */
	bool all;          /* every parser, each time: the file is small */
	const uint8_t *whole;
	size_t placed; /* bytes at p, which end at end */
	uint8_t *room, *end;
};

/* ---- who died, and over what ---- */

static struct {
	const char *file, *what, *parser;
	uint64_t at, longest;
} hostile_now;

static void hostile_say(void)
{
	char s[512];
	int n = snprintf(s, sizeof(s), "# hostile: %s of %s, %s %llu\n", hostile_now.parser,
			 hostile_now.file, hostile_now.what, (unsigned long long)hostile_now.at);

	if (write(STDERR_FILENO, s, n) != n)
		_exit(2);
}

static void hostile_trap(int sig)
{
	hostile_say();
	raise(sig); /* the handler is gone: SA_RESETHAND */
}

static void hostile_die(const char *why)
{
	hostile_say();
	fprintf(stderr, "# %s\n", why);
	abort();
}

#define HOSTILE_MUST(x)                                                                            \
	do {                                                                                       \
		if (!(x))                                                                          \
			hostile_die("not true: " #x);                                              \
	} while (0)

/* There with the sanitizers, which report a signal themselves. */
extern void __sanitizer_set_death_callback(void (*f)(void)) __attribute__((weak));

static void hostile_catch(void)
{
	struct sigaction sa = { .sa_handler = hostile_trap, .sa_flags = SA_RESETHAND };

	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(hostile_say);
		return;
	}
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

/* ---- parsers ---- */

static bool hostile_open(struct hostile *h)
{
	return !binary_open(&h->gp->bin, h->fd, "hostile");
}

static void hostile_header(struct hostile *h)
{
	struct binary *b = &h->gp->bin;

	if (!hostile_open(h))
		return;
	HOSTILE_MUST(memchr(b->version, '\0', sizeof(b->version)));
	HOSTILE_MUST(memchr(b->module, '\0', sizeof(b->module)));
	binary_close(b);
}

static void hostile_symbols(struct hostile *h)
{
	struct symbol sym[G_COUNT];
	struct maps none = {};
	struct cnames names;
	struct binary *b = &h->gp->bin;

	if (!hostile_open(h))
		return;
	HOSTILE_MUST(binary_symbols(b, go_global_names, sym, G_COUNT) <= G_COUNT);
	cnames_find(&names, &none, b->elf);
	binary_close(b);
}

static void hostile_buildinfo(struct hostile *h)
{
	char version[16], module[16];

	if (h->info > h->len)
		return;
	buildinfo_parse(h->p + h->info, h->len - h->info, version, sizeof(version), module,
			sizeof(module));
	HOSTILE_MUST(memchr(version, '\0', sizeof(version)));
	HOSTILE_MUST(memchr(module, '\0', sizeof(module)));
}

static void hostile_frames(const struct symbolizer *s, uint64_t pc)
{
	struct frame out[64];
	size_t n = symbolize(s, pc, out, 64);

	HOSTILE_MUST(n <= 64);
	for (size_t i = 0; i < n; i++)
		HOSTILE_MUST(strlen(out[i].function) <= 4096 && strlen(out[i].file) <= 4096);
}

/* The first and the last functions, and what is said of pcs in them. */
static void hostile_table(const struct symbolizer *s)
{
	static const char *const names[] = { "gcStart", "mallocinit", "nosuch" };
	struct gofunc f, found[3];

	for (uint32_t i = 0; i < s->tab.nfunc;
	     i += i == 31 && s->tab.nfunc > 64 ? s->tab.nfunc - 63 : 1) {
		if (!pclntab_func(&s->tab, i, &f))
			continue;
		HOSTILE_MUST(f.entry <= f.end && strlen(f.name) <= 4096);
		for (int k = 0; k < 4; k++)
			hostile_frames(s, s->text + f.entry + (f.end - f.entry) * k / 4);
	}
	HOSTILE_MUST(pclntab_lookup(&s->tab, names, found, 3) <= 3);
	hostile_frames(s, s->text - 1);
	hostile_frames(s, UINT64_MAX);
}

static void hostile_pclntab(struct hostile *h)
{
	struct symbolizer s = { .text = 0x401000 };

	if (h->pcln > h->len)
		return;
	HOSTILE_MUST(pclntab_scan(h->p + h->pcln, h->len - h->pcln) < (long)h->len);
	if (!pclntab_parse(&s.tab, h->p + h->pcln, h->len - h->pcln)) {
		/* as if its inline trees ended where the file does */
		s.gofunc = h->p + h->pcln;
		s.gofunc_len = h->len - h->pcln;
		hostile_table(&s);
	}
}

static void hostile_image(struct hostile *h)
{
	struct lazyfile file;
	struct image im;
	struct symbolizer s = {};
	uint64_t start, end, left, addr;
	const uint8_t *p;

	lazyfile_memory(&file, h->p, h->len);
	if (image_open(&im, &file))
		return;
	if (image_data(&im, &start, &end))
		HOSTILE_MUST(start < end);
	if (!image_pclntab(&im, &s.tab, &addr)) {
		HOSTILE_MUST((p = image_bytes(&im, addr, 1, &left)) && left);
		HOSTILE_MUST(p >= h->p && p < h->end && left <= (size_t)(h->end - p));
		s.text = 0x401000;
		s.gofunc = image_bytes(&im, addr, 1, &s.gofunc_len);
		hostile_table(&s);
	}
}

static void hostile_elfsyms(struct hostile *h)
{
	struct elfsyms s;
	uint64_t start;

	if (elfsyms_open_memory(&s, h->p, h->len))
		return;
	for (size_t i = 0; i < s.n; i += i < 64 || s.n - i <= 64 ? 1 : s.n - 64 - i) {
		const char *name = elfsyms_find(&s, s.sym[i].addr, &start);

		HOSTILE_MUST(!name || strlen(name) <= 4096);
	}
	elfsyms_find(&s, UINT64_MAX, &start);
	elfsyms_close(&s);
}

static void hostile_inlined(struct hostile *h)
{
	static const char *const names[] = { "runtime.gcStart", "runtime.mallocinit", "nosuch" };
	struct symbolizer s = { .text = 0x401000 };
	struct inline_answer out[3];
	struct inline_sites sites = {};

	if (h->pcln > h->len || pclntab_parse(&s.tab, h->p + h->pcln, h->len - h->pcln))
		return;
	s.gofunc = h->p + h->pcln;
	s.gofunc_len = h->len - h->pcln;
	if (!inline_find(&s, names, 3, out, &sites))
		HOSTILE_MUST(!out[2].present && out[0].complete <= out[0].present);
	for (size_t i = 0; i < sites.n; i++)
		HOSTILE_MUST(sites.site[i].name < 3 && sites.site[i].start <= sites.site[i].end);
	inline_sites_free(&sites);
}

static void hostile_module(struct hostile *h)
{
	struct symbolizer s;

	if (!hostile_open(h))
		return;
	if (!symbolizer_open(&s, h->gp))
		hostile_table(&s);
	binary_close(&h->gp->bin);
}

static void hostile_resolve(struct hostile *h)
{
	struct resolved *r = malloc(sizeof(*r));

	if (hostile_open(h)) {
		mem_deadline(h->gp->mem, HOSTILE_NS / 2);
		go_resolve(h->gp, h->gp->l, r);
		binary_close(&h->gp->bin);
	}
	free(r);
}

struct hostile_parser {
	const char *name;
	void (*run)(struct hostile *h);
	bool bytes;     /* wants h->p */
	unsigned every; /* nth lie of a large file: a prime, 1 for cheap ones */
};

static const struct hostile_parser hostile_parsers[] = {
	{ "header", hostile_header, false, 1 },        { "symbols", hostile_symbols, false, 13 },
	{ "build info", hostile_buildinfo, true, 13 }, { "line table", hostile_pclntab, true, 101 },
	{ "image", hostile_image, true, 211 },         { "module", hostile_module, false, 211 },
	{ "resolver", hostile_resolve, false, 401 },   { "ELF symbols", hostile_elfsyms, true, 31 },
	{ "inlining", hostile_inlined, true, 401 },
};
#define HOSTILE_PARSERS (sizeof(hostile_parsers) / sizeof(hostile_parsers[0]))

/* ---- bytes ---- */

static uint64_t hostile_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Right before the page that cannot be read; bytes that were flipped stay as they are. */
static void hostile_place(struct hostile *h)
{
	if (h->placed == h->len)
		return;
	h->p = h->end - h->len;
	h->placed = h->len;
	memcpy(h->p, h->whole, h->len);
}

static void hostile_parse(struct hostile *h, const struct hostile_parser *parser)
{
	uint64_t start, took;

	if (parser->bytes)
		hostile_place(h);
	hostile_now.parser = parser->name;
	start = hostile_cpu_ns();
	parser->run(h);
	took = hostile_cpu_ns() - start;
	if (took > hostile_now.longest)
		hostile_now.longest = took;
	if (took > HOSTILE_NS)
		hostile_die("took more than a second");
}

/* The parsers whose turn it is, and the one whose name is also. */
static void hostile_run(struct hostile *h, const char *what, uint64_t at, const char *also)
{
	static uint64_t turn;

	hostile_now.what = what;
	hostile_now.at = at;
	turn++;
	for (size_t i = 0; i < HOSTILE_PARSERS; i++)
		if (h->all || turn % hostile_parsers[i].every == 0 ||
		    (also && !strcmp(also, hostile_parsers[i].name)))
			hostile_parse(h, &hostile_parsers[i]);
}

/* Only the first len bytes of the file. */
static inline void hostile_cut(struct hostile *h, size_t len)
{
	h->len = len;
	if (ftruncate(h->fd, len))
		hostile_die("the file cannot be cut");
}

static inline void hostile_flip(struct hostile *h, size_t byte, uint8_t bits)
{
	hostile_place(h);
	h->p[byte] ^= bits;
	if (pwrite(h->fd, h->p + byte, 1, byte) != 1)
		hostile_die("the file cannot be written");
}

/* Take a whole file of size bytes, the caller's, for a process of gp. */
static void hostile_begin(struct hostile *h, struct goproc *gp, const char *name,
			  const uint8_t *file, size_t size)
{
	size_t room = (size + MEM_PAGE - 1) / MEM_PAGE * MEM_PAGE;

	*h = (struct hostile){ .gp = gp, .len = size, .placed = -1, .whole = file };
	h->fd = memfd_create("hostile", MFD_CLOEXEC);
	h->room = mmap(NULL, room + MEM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	hostile_now.file = name;
	if (h->fd < 0 || h->room == MAP_FAILED || write(h->fd, file, size) != (ssize_t)size ||
	    mprotect(h->room + room, MEM_PAGE, PROT_NONE))
		hostile_die("no room");
	h->end = h->room + room;
	hostile_catch();
}

static void hostile_end(struct hostile *h)
{
	munmap(h->room, h->end + MEM_PAGE - h->room);
	close(h->fd);
}

#endif
