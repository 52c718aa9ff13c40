/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* prom_name.h - columns in the words of Prometheus: names, units, values. */
#ifndef PROM_NAME_H
#define PROM_NAME_H

#include "col.h"

struct section;
struct tool;

#define PROM_NAME_MAX 160

/* Append sep and the key in snake case: HeapAlloc is heap_alloc, go.heap is go_heap. */
void prom_snake(char *buf, size_t size, const char *key, const char *sep);

/*
 * What the names of a section's metrics begin with: its key, so that none has the name of a
 * histogram or of another section's. The only rows of a stream go without. summary is a type of
 * Prometheus' own.
 */
void prom_prefix(char *buf, size_t size, const struct tool *t, const struct section *s);

/*
 * prefix_key_unit: base units, _total for counters; a word that is the unit already is not said
 * twice, and _ns is left out.
 */
void prom_name(char *buf, size_t size, const char *prefix, const struct col *c);

/* The value in base units; false: it is null, or no number that can be a sample. */
bool prom_value(char *buf, size_t size, const struct col *c, const struct value *v);

#endif
