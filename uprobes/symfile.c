// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Files with symbols; see symfile.h. */
#include "symfile.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDLE_MAX 16 /* files that stay open without a user */

struct symfiles {
	struct symfile *first; /* used last comes first */
};

struct symfiles *symfiles_new(void)
{
	return calloc(1, sizeof(struct symfiles));
}

static void file_free(struct symfile *f)
{
	elfsyms_close(&f->syms);
	lazyfile_close(&f->file);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

void symfiles_free(struct symfiles *all)
{
	struct symfile *next;

	for (struct symfile *f = all ? all->first : NULL; f; f = next) {
		next = f->next;
		file_free(f);
	}
	free(all);
}

static int file_open(struct symfile *f, int fd)
{
	struct stat st;
	int err;

	f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (f->fd < 0 || fstat(f->fd, &st))
		return -errno;
	err = lazyfile_open(&f->file, f->fd);
	err = err ? err : image_open(&f->image, &f->file);
	if (err)
		return err;
	f->key.size = st.st_size;
	if (!elf64_build_id(&f->image.elf, f->key.id, sizeof(f->key.id))) {
		f->key.dev = st.st_dev;
		f->key.ino = st.st_ino;
		f->key.mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	}
	f->syms_err = 1;
	return 0;
}

/* Take out the file of a key, NULL if there is none. */
static struct symfile *take(struct symfiles *all, const struct symfile_key *key)
{
	for (struct symfile **at = &all->first; *at; at = &(*at)->next)
		if (!memcmp(&(*at)->key, key, sizeof(*key))) {
			struct symfile *f = *at;

			*at = f->next;
			return f;
		}
	return NULL;
}

int symfile_get(struct symfiles *all, int fd, struct symfile **out)
{
	struct symfile *f = calloc(1, sizeof(*f)), *known;
	int err = f ? file_open(f, fd) : -ENOMEM;

	if (err) {
		if (f)
			file_free(f);
		return err;
	}
	known = take(all, &f->key);
	if (known) {
		file_free(f);
		f = known;
	}
	f->users++;
	f->next = all->first;
	all->first = f;
	*out = f;
	return 0;
}

void symfile_put(struct symfiles *all, struct symfile *f)
{
	unsigned idle = 0;

	if (!f)
		return;
	f->users--;
	for (struct symfile **at = &all->first, *p; (p = *at);) {
		if (!p->users && ++idle > IDLE_MAX) {
			*at = p->next;
			file_free(p);
		} else {
			at = &p->next;
		}
	}
}

const char *symfile_find(struct symfile *f, uint64_t addr, struct elfsyms_skip go, uint64_t *start)
{
	if (f->syms_err == 1)
		f->syms_err = elfsyms_open(&f->syms, f->fd, go);
	return f->syms_err ? NULL : elfsyms_find(&f->syms, addr, start);
}

bool symfile_bias(const struct symfile *f, uint64_t start, uint64_t off, uint64_t *bias)
{
	Elf64_Phdr ph;

	for (unsigned i = 0; elf64_segment(&f->image.elf, i, &ph); i++) {
		uint64_t first = ph.p_offset & ~(MEM_PAGE - 1);

		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X) || off < first ||
		    off - first >= ph.p_filesz + (ph.p_offset - first))
			continue;
		*bias = start - (ph.p_vaddr + (off - ph.p_offset));
		return true;
	}
	return false;
}
