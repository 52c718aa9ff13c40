/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * ksyms.h - the kernel's functions by address, from /proc/kallsyms.
 *
 *   ffffffff81000000 T _stext
 *   ffffffffc0201000 t ext4_da_write_begin\t[ext4]
 *
 * The addresses are zero for whoever may not know them (kernel.kptr_restrict,
 * CAP_SYSLOG). There are no sizes: a function ends where the next symbol begins.
 */
#ifndef KSYMS_H
#define KSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ksym {
	uint64_t addr;
	uint32_t size;
	uint32_t name, module; /* offsets in text; module: "[ext4]"; 0: the kernel itself */
};

struct ksyms {
	struct ksym *sym; /* functions, ascending */
	size_t n;
	char *text;
};

/* -EPERM when the addresses are withheld; other -errno. */
int ksyms_open(struct ksyms *k);
/* The same of a text that was read, which is taken, also on failure. */
int ksyms_parse(struct ksyms *k, char *text);
void ksyms_close(struct ksyms *k);

/* NULL: no function there. */
const struct ksym *ksyms_find(const struct ksyms *k, uint64_t addr);

#endif
