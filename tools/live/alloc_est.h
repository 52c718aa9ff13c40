/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* alloc_est.h - estimates of what was allocated, as they add up, and their bounds. */
#ifndef LIVE_ALLOC_EST_H
#define LIVE_ALLOC_EST_H

#include <stdbool.h>
#include <stdint.h>

struct alloc_part {
	double objects, bytes, requested;
	double var; /* of the bytes; 0: they are exact */
	double samples;
};

void alloc_part_add(struct alloc_part *p, const struct alloc_part *q);

/*
 * n objects of size bytes each, sampled as the runtime does (malloc.go, nextSample): one in rate
 * bytes on average, so an object with the chance 1 - exp(-size / rate), which is 1 / its weight.
 */
struct alloc_part alloc_profiled(double n, double size, double rate);

/* Samples of spans of one kind, and what they share in. */
struct alloc_stratum {
	double samples, weight; /* the free bytes of the spans that were got */
	double first;           /* of the samples: after a collection had taken the span before */
	double flushed, unused; /* spans that collections took, and their free bytes; 0: not seen */
	double objects, bytes;  /* what was allocated of it */
	double var;             /* of those bytes; 0: they are exact */
};

/*
 * What was allocated of a size class, between its spans with pointers and those without: the
 * runtime counts them together. A span is used up, but for those that a collection takes, of
 * which is left what it found on average. Where that was not seen: of a kind that mostly uses them
 * up half of each, give or take half for all of them alike; of one that does not, what remains of
 * the sum that is known.
 */
void alloc_strata_split(struct alloc_stratum s[2], double objects, double bytes);

/*
 * Samples that have so much weight of all of a stratum; squares is the sum of each one's. Also one
 * that has all of it has bounds: what the samples did not meet may be there.
 */
struct alloc_part alloc_share(double n, double weight, double squares,
			      const struct alloc_stratum *of);

/* Fewer windows do not tell how much they differ: what they saw may be more or less by all of it.
 */
#define ALLOC_WINDOWS 3

/* Over windows: what one has of a class in each, its square, and its product with what all have. */
struct alloc_cluster {
	double x, xx, xt;
};

/* What all have of the class, and its square. */
struct alloc_clusters {
	double t, tt;
};

/*
 * The share x / t of what is known exactly. Its variance is that of a ratio between windows
 * (Cochran 1977, 6.4), wider for few of them as Student's t is, and never below that of so many
 * single samples.
 */
struct alloc_part alloc_ratio(const struct alloc_cluster *c, const struct alloc_clusters *all,
			      double windows, double samples, double objects, double bytes);

/*
 * Bounds of a sum of bytes with that variance: as of so many events of one weight each as have
 * the same mean and variance, by Byar's approximation of the exact bounds of a Poisson mean, so
 * that few samples have wide and lopsided bounds. Without variance both are the sum.
 */
void alloc_bounds(double bytes, double var, double *low, double *high);

#endif
