/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pprof.h - a profile in the format of pprof: profile.proto of github.com/google/pprof, in gzip.
 *
 *	struct pprof *p = pprof_new(types, 2);
 *	pprof_mapping_add(p, &m);		// before the samples whose code is there
 *	pprof_sample_add(p, &stack, values, labels, nr_labels);
 *	pprof_write(p, &head, out);
 *	pprof_free(p);
 *
 * Samples of one stack and equal labels are one, their values added up. A frame that is inlined
 * (col.h) and the one behind it are lines of one location. Values are signed, as differences
 * need. What it holds is bounded: -E2BIG, with a sentence.
 *
 *	Profile  1 sample_type 2 sample 3 mapping 4 location 5 function 6 string_table
 *	         9 time_nanos 10 duration_nanos 11 period_type 12 period 14 default_sample_type
 *	Sample   1 location_id… 2 value… 3 label { 1 key 2 str 3 num 4 num_unit }
 *	Mapping  1 id 2 start 3 limit 4 offset 5 filename 6 build_id 7 has_functions
 *	Location 1 id 2 mapping_id 3 address 4 line { 1 function_id 2 line }
 *	Function 1 id 2 name 3 system_name 4 filename
 */
#ifndef PPROF_H
#define PPROF_H

#include "col.h"
#include <stdio.h>

#define PPROF_TYPES  16
#define PPROF_LABELS 16
#define PPROF_MAX    (256ULL << 20) /* bytes of a profile before it is packed */

struct pprof;

struct pprof_type {
	const char *type, *unit; /* "inuse_space", "bytes" */
};

struct pprof_label {
	const char *key;
	const char *text; /* NULL: it is a number */
	int64_t number;
	const char *unit; /* of the number; NULL: none */
};

struct pprof_mapping {
	uint64_t start, limit, offset;
	const char *file, *build_id; /* "" where there is none */
};

struct pprof_head {
	uint64_t time_ns, duration_ns, period; /* 0: not said */
	const char *period_type, *period_unit; /* NULL: not said */
	const char *default_type;
};

/* All texts are copied. NULL: out of memory. */
struct pprof *pprof_new(const struct pprof_type *types, size_t n);
void pprof_free(struct pprof *p);

/* 0 or -errno; one that is there already is not added again. */
int pprof_mapping_add(struct pprof *p, const struct pprof_mapping *m);
/* A value for each type; all 0: nothing is added. An empty stack has no locations. */
int pprof_sample_add(struct pprof *p, const struct stack *s, const int64_t *values,
		     const struct pprof_label *labels, size_t nr_labels);
int pprof_write(struct pprof *p, const struct pprof_head *h, FILE *out);

size_t pprof_samples(const struct pprof *p);

/*
 * Subtract a profile that was written before (len bytes of its file) from this one: samples are
 * the same if functions, lines, labels and the place in the file of the code are, wherever it
 * was mapped. -EINVAL: it is no such profile, or of other types of values; -E2BIG.
 */
int pprof_subtract(struct pprof *p, const void *file, size_t len);

#endif
