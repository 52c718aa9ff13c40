// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The code that is mapped, for profiles; see profile.h. */
#include "live/profile.h"
#include <errno.h>
#include <stdlib.h>

#define ID_LEN 128

static const struct section *profile_section(const struct tool *t)
{
	for (const struct section *s = t->sections; s && s->cols; s++)
		if (s->cols == profile_cols)
			return s;
	return NULL;
}

int live_profile(struct live *l)
{
	const struct section *s = profile_section(l->run->tool);
	const struct maps *maps = &l->target.maps;
	struct profile p = { .period = U64_NULL };
	struct profile_mapping *m;
	char id[ID_LEN];
	int err;

	if (!s || !emit_profiles(l->run))
		return 0;
	err = target_maps(&l->target);
	m = err ? NULL : calloc(maps->n + 1, sizeof(*m));
	if (!m)
		return err ? err : -ENOMEM;
	if (!binary_gnu_id(&l->gp.bin, id, sizeof(id)))
		id[0] = '\0';
	for (size_t i = 0; i < maps->n; i++) {
		const struct vma *v = &maps->vma[i];

		if (v->flags & VMA_X && *v->name)
			m[p.mappings.n++] = (struct profile_mapping){
				.start = v->start,
				.limit = v->end,
				.offset = v->off,
				.file = v->name,
				.build_id = target_is_go(&l->target, v) ? id : "",
			};
	}
	p.mappings.rows = m;
	p.mappings.stride = sizeof(*m);
	emit_fields(l->run, s, &p);
	free(m);
	return 0;
}
