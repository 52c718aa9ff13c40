// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Mappings with code; see symmap.h. */
#include "symmap.h"
#include "array.h"
#include "pccache.h"
#include "search.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DELETED " (deleted)"

/* "libc.so.6" of "/usr/lib/libc.so.6 (deleted)"; "[vdso]"; "[anon]" of no name. */
static const char *module_of(struct pccache *strings, const struct vma *v)
{
	const char *slash = v->ino ? strrchr(v->name, '/') : NULL;
	char name[256];
	size_t len;

	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : v->name);
	len = strlen(name);
	if (len > strlen(DELETED) && !strcmp(name + len - strlen(DELETED), DELETED))
		name[len - strlen(DELETED)] = '\0';
	return pccache_string(strings, name[0] ? name : "[anon]");
}

static bool same(const struct vma *a, const struct vma *b)
{
	return a->start == b->start && a->end == b->end && a->off == b->off && a->ino == b->ino &&
	       a->dev == b->dev;
}

/* What is known of the mapping from before. */
static const struct symmap_entry *known(const struct symmap *m, const struct vma *v)
{
	size_t first = count_before(m->n, i, m->e[i].vma.start < v->start);
	return first < m->n && same(&m->e[first].vma, v) ? &m->e[first] : NULL;
}

static void take(struct symmap *m, const struct maps *maps, bool *changed)
{
	struct symmap_entry *e = calloc(maps->n + 1, sizeof(*e));
	size_t n = 0, old = 0;

	for (size_t i = 0; e && i < maps->n; i++) {
		const struct symmap_entry *k;

		if (!(maps->vma[i].flags & VMA_X))
			continue;
		k = known(m, &maps->vma[i]);
		old += k != NULL;
		if (k)
			e[n++] = *k;
		else
			e[n++] = (struct symmap_entry){ .vma = maps->vma[i],
							.module = module_of(m->strings,
									    &maps->vma[i]),
							.err = 1 };
	}
	if (!e)
		return;
	*changed = old != n || m->n != n;
	free(m->e);
	m->e = e;
	m->n = n;
}

int symmap_read(struct symmap *m, struct target *t, bool *changed)
{
	struct maps maps;
	int err = 0;

	*changed = false;
	if (t->core) {
		take(m, &t->maps, changed);
		return 0;
	}
	err = maps_read(t->dirfd, &maps);
	if (err)
		return err;
	take(m, &maps, changed);
	maps_free(&maps);
	return 0;
}

/* ---- files ---- */

static int open_map_file(const struct target *t, const struct vma *v)
{
	char path[64];

	snprintf(path, sizeof(path), "map_files/%llx-%llx", (unsigned long long)v->start,
		 (unsigned long long)v->end);
	return openat(t->dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Paths are looked up as the process would: no link leads out of its root. */
static int open_path(const struct target *t, const struct vma *v)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int root = openat(t->dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	struct stat st;

	if (root < 0)
		return -1;
	fd = syscall(SYS_openat2, root, v->name, &how, sizeof(how));
	close(root);
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != v->ino)) {
		close(fd);
		errno = ESTALE;
		return -1;
	}
	return fd;
}

/* The mapping as it is now, with its name; whoever changed it in between is found out. */
static int open_named(const struct target *t, const struct vma *v)
{
	struct maps maps;
	const struct vma *now;
	int fd = -1;

	errno = ESRCH;
	if (maps_read(t->dirfd, &maps))
		return -1;
	now = maps_find(&maps, v->start);
	errno = ESTALE;
	if (now && same(now, v))
		fd = open_path(t, now);
	maps_free(&maps);
	return fd;
}

struct symfile *symmap_hold(struct symmap *m, int fd)
{
	struct symfile *f;
	int err = symfile_get(m->files, fd, &f);

	if (err) {
		errno = -err;
		return NULL;
	}
	for (size_t i = 0; i < m->nheld; i++)
		if (m->held[i] == f) {
			symfile_put(m->files, f);
			return f;
		}
	if (array_more(m->held, m->nheld)) {
		symfile_put(m->files, f);
		errno = ENOMEM;
		return NULL;
	}
	m->held[m->nheld++] = f;
	return f;
}

static int entry_open(struct symmap *m, const struct target *t, struct symmap_entry *e)
{
	int fd, err = 0;

	if (!e->vma.ino)
		return -ENOENT;
	if (target_is_exe(t, &e->vma)) {
		e->file = symmap_hold(m, t->exefd);
		err = e->file ? 0 : -errno;
	} else if (t->core) {
		return -EOPNOTSUPP;
	} else {
		fd = open_map_file(t, &e->vma);
		if (fd < 0)
			fd = open_named(t, &e->vma);
		if (fd < 0)
			return -errno;
		e->file = symmap_hold(m, fd);
		err = e->file ? 0 : -errno;
		close(fd);
	}
	if (!err && !symfile_bias(e->file, e->vma.start, e->vma.off, &e->bias)) {
		e->file = NULL;
		err = -ENOEXEC;
	}
	return err;
}

struct symmap_entry *symmap_find(struct symmap *m, struct target *t, uint64_t pc)
{
	size_t first = count_before(m->n, i, m->e[i].vma.end <= pc);
	if (first == m->n || pc < m->e[first].vma.start)
		return NULL;
	if (m->e[first].err == 1)
		m->e[first].err = entry_open(m, t, &m->e[first]);
	return &m->e[first];
}

void symmap_close(struct symmap *m)
{
	for (size_t i = 0; i < m->nheld; i++)
		symfile_put(m->files, m->held[i]);
	free(m->held);
	free(m->e);
	*m = (struct symmap){};
}
