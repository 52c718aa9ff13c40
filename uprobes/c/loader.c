// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Memory of the program loader; see loader.h. */
#include "c/loader.h"
#include "array.h"
#include <elf.h>
#include <stdlib.h>

#define LINK_MAPS_MAX  4096
#define LINK_MAP_WORDS 128 /* of struct link_map as ld.so has it, 1,150 bytes or so */
#define DYNAMIC_MAX    128
#define DTV_MAX        1024
#define TLS_MAX        (1U << 20)   /* below the main thread's control block */
#define PTHREAD_SIZE   0x900        /* at least */
#define WHOLE_MAX      (256U << 10) /* a gap that is the loader's as a whole */

static int note(struct cloader *l, uint64_t addr)
{
	uint64_t page = addr & ~(MEM_PAGE - 1);

	if (l->n && l->at[l->n - 1] == page)
		return 0;
	if (array_more(l->at, l->n))
		return -ENOMEM;
	l->at[l->n++] = page;
	return 0;
}

/* The executable's dynamic section is data of its own, so always readable. */
static uint64_t debug_address(struct cspace *s, uint64_t dynamic)
{
	uint64_t entry[2];

	for (unsigned i = 0; i < DYNAMIC_MAX; i++) {
		if (mem_read(s->mem, dynamic + i * sizeof(entry), entry, sizeof(entry)) ||
		    entry[0] == DT_NULL)
			break;
		if (entry[0] == DT_DEBUG)
			return entry[1];
	}
	return 0;
}

/* Anonymous memory right behind a file's mapping is that library's own bss. */
static bool is_bss(const struct cspace *s, uint64_t addr)
{
	const struct vma *v = maps_find(s->maps, addr);

	return v && v > s->maps->vma && v[-1].end == v->start && v[-1].ino;
}

/* What a link map points at: names, versions, search lists. */
static int note_pointers(struct cspace *s, struct cloader *l, const uint64_t *words)
{
	int err = 0;

	for (unsigned i = 0; !err && i < LINK_MAP_WORDS; i++) {
		uint64_t start, end;

		if (cspace_resident(s, words[i]) && cspace_gap(s, words[i], &start, &end) &&
		    !is_bss(s, words[i]))
			err = note(l, words[i]);
	}
	return err;
}

static int find_link_maps(struct cspace *s, struct cloader *l, uint64_t debug)
{
	uint64_t map, before = 0, words[LINK_MAP_WORDS];
	int err = debug ? mem_u64(s->mem, debug + 8, &map) : -ENOENT;

	while (!err && map && l->maps < LINK_MAPS_MAX) {
		err = mem_read(s->mem, map, words, sizeof(words));
		if (err || words[4] != before)
			break;
		l->maps++;
		if (cspace_plain(s, map))
			err = note(l, map);
		err = err ? err : note_pointers(s, l, words);
		before = map;
		map = words[3];
	}
	return cspace_fatal(err) ? err : 0;
}

/* Static TLS ends at the control block; it begins with the lowest of its blocks. */
static int find_tls(struct cspace *s, struct cloader *l, uint64_t tcb)
{
	uint64_t low = tcb, dtv, n = 0, block, page;
	int err = mem_u64(s->mem, tcb + 8, &dtv);

	err = err ? err : mem_u64(s->mem, dtv - 16, &n);
	if (n > DTV_MAX)
		n = 0;
	for (uint64_t i = 1; !err && i <= n; i++) {
		err = mem_u64(s->mem, dtv + 16 * i, &block);
		if (!err && block < low && block + TLS_MAX > tcb)
			low = block;
	}
	if (n && !err && cspace_plain(s, dtv))
		err = note(l, dtv - 16);
	page = low & ~(MEM_PAGE - 1);
	n = (tcb - page + PTHREAD_SIZE + MEM_PAGE - 1) / MEM_PAGE;
	for (uint64_t i = 0; !cspace_fatal(err) && i < n; i++)
		if (cspace_plain(s, page + i * MEM_PAGE))
			err = note(l, page + i * MEM_PAGE);
	return cspace_fatal(err) ? err : 0;
}

int cloader_find(struct cspace *s, struct cloader *l, uint64_t dynamic, uint64_t main_tcb)
{
	uint64_t debug = dynamic ? debug_address(s, dynamic) : 0;
	int err;

	*l = (struct cloader){};
	err = find_link_maps(s, l, debug);
	return err || !main_tcb ? err : find_tls(s, l, main_tcb);
}

/*
 * Where the Go runtime's ranges are known, what nobody owns around it is the loader's.
 * Else only the page itself: the kernel puts small mappings of the runtime beside.
 */
static int own(struct cspace *s, uint64_t page)
{
	uint64_t start, end;

	if (!cspace_gap(s, page, &start, &end))
		return 0;
	if (!s->go_known || end - start > WHOLE_MAX) {
		start = page;
		end = page + MEM_PAGE;
	}
	return cranges_add(&s->owned, start, end, COWNER_LOADER, 0);
}

int cloader_own(struct cspace *s, const struct cloader *l)
{
	struct cranges *c = &s->owned;
	int err = 0;

	/* what is added is not seen before it is sorted: the same gap twice does no harm */
	for (size_t i = 0; !err && i < l->n; i++)
		err = own(s, l->at[i]);
	cranges_sort(c);
	return err;
}

void cloader_free(struct cloader *l)
{
	free(l->at);
	*l = (struct cloader){};
}
