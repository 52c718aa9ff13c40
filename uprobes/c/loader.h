/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * loader.h - what the program loader (ld.so) mapped for itself.
 *
 * Before libc is there, ld.so allocates from small anonymous mappings between the
 * libraries: link maps, search lists, and the main thread's static TLS with its
 * struct pthread. They are found by what is in them: struct r_debug (DT_DEBUG of
 * the executable's dynamic section, link.h) has the list of link maps,
 *
 *   r_debug   version, r_map, …     link_map   l_addr, l_name, l_ld, l_next, l_prev
 *
 * and struct pthread of the main thread the vector of its TLS blocks: dtv[-1] is
 * their number, each {address, to_free}. The rest of such a mapping is the loader's
 * too, where all of the Go runtime's own ranges are known.
 */
#ifndef LOADER_H
#define LOADER_H

#include "c/cspace.h"

struct cloader {
	uint64_t *at; /* addresses in memory the loader allocated */
	size_t n;
	unsigned maps; /* link maps seen */
};

/* dynamic: address of the executable's dynamic section, 0: none; main_tcb: 0: not known. */
int cloader_find(struct cspace *s, struct cloader *l, uint64_t dynamic, uint64_t main_tcb);
/* Add the mappings around what was found to s->owned, after all other readers. */
int cloader_own(struct cspace *s, const struct cloader *l);
void cloader_free(struct cloader *l);

#endif
