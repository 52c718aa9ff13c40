/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * pprof_read.h - takes apart a profile in the format of pprof (pprof.h), which may be anything.
 *
 * What is read is handed out as it comes: first all types of values, then all mappings, then
 * the samples. Texts last until pprof_read() returns. A callback that does not return 0 ends it.
 */
#ifndef PPROF_READ_H
#define PPROF_READ_H

#include "pprof.h"

struct pprof_reader {
	void *arg;
	int (*type)(void *arg, size_t i, const struct pprof_type *t);
	int (*mapping)(void *arg, const struct pprof_mapping *m);
	/* as many values as there are types */
	int (*sample)(void *arg, const struct stack *s, const int64_t *values,
		      const struct pprof_label *labels, size_t nr_labels);
};

/*
 * len bytes of a file, in gzip or not. 0, -EINVAL with a sentence: it is no such profile, or
 * more of one than PPROF_MAX; -ENOMEM; what a callback returned.
 */
int pprof_read(const void *file, size_t len, const struct pprof_reader *r);

#endif
