// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Estimates of what was allocated; see alloc_est.h. */
#include "live/alloc_est.h"
#include <math.h>

#define CONFIDENCE 1.96 /* standard errors: 95 of 100 */

void alloc_part_add(struct alloc_part *p, const struct alloc_part *q)
{
	p->objects += q->objects;
	p->bytes += q->bytes;
	p->requested += q->requested;
	p->var += q->var;
	p->samples += q->samples;
}

struct alloc_part alloc_profiled(double n, double size, double rate)
{
	double chance = rate > 0 ? -expm1(-size / rate) : 1;

	if (!(chance > 0))
		return (struct alloc_part){ .samples = n };
	return (struct alloc_part){
		.objects = n / chance,
		.bytes = n * size / chance,
		.var = n * size * size * (1 - chance) / (chance * chance),
		.samples = n,
	};
}

void alloc_strata_split(struct alloc_stratum s[2], double objects, double bytes)
{
	double open[2] = {}, rest = bytes, all = 0;

	for (int i = 0; i < 2; i++) {
		double mean = s[i].samples > 0 ? s[i].weight / s[i].samples : 0;
		double taken = mean * s[i].first, used = s[i].weight - taken;

		s[i].var = taken * mean / 12; /* of an even spread over the span, each */
		if (s[i].flushed > 0) {
			used = fmax(s[i].weight - s[i].first * s[i].unused / s[i].flushed, 0);
			s[i].var *= fmax(s[i].first / s[i].flushed, 1);
		} else if (s[i].samples > 2 * s[i].first) {
			used += taken / 2;
			s[i].var = taken * taken / 12; /* they may be alike */
		} else {
			open[i] = taken;
		}
		s[i].bytes = used;
		rest -= used;
	}
	for (int i = 0; i < 2; i++) {
		if (rest > 0 && open[i] > 0)
			s[i].bytes += rest * open[i] / (open[0] + open[1]);
		all += s[i].bytes;
	}
	for (int i = 0; i < 2; i++) {
		double share = all > 0 ? s[i].bytes / all : 0;

		s[i].bytes = bytes * share;
		s[i].objects = objects * share;
	}
	/* one alone has it all; of two, what one has too much the other has not */
	s[0].var = s[1].var = s[0].samples > 0 && s[1].samples > 0 ? s[0].var + s[1].var : 0;
}

/* What a share leaves; never less than what so many samples may all have missed. */
static double other(double share, double samples)
{
	return fmax(1 - share, 1 / (samples + 1));
}

struct alloc_part alloc_share(double n, double weight, double squares,
			      const struct alloc_stratum *of)
{
	double share = of->weight > 0 ? weight / of->weight : 0;
	double scale = of->weight > 0 ? of->bytes / of->weight : 0;

	return (struct alloc_part){
		.objects = of->objects * share,
		.bytes = of->bytes * share,
		.var = scale * scale * squares * other(share, of->samples) +
		       share * share * of->var,
		.samples = n,
	};
}

struct alloc_part alloc_ratio(const struct alloc_cluster *c, const struct alloc_clusters *all,
			      double windows, double samples, double objects, double bytes)
{
	double share = all->t > 0 ? c->x / all->t : 0, wide = 1, between = 0;
	double single = samples > 0 ? share * share * other(share, samples) / samples : 0;

	if (windows < ALLOC_WINDOWS) {
		between = share;
	} else if (all->t > 0) {
		between = c->xx - 2 * share * c->xt + share * share * all->tt;
		between *= windows / (windows - 1) / (all->t * all->t);
		wide = 1 + (CONFIDENCE * CONFIDENCE + 1) / 4 / (windows - 1);
	}
	return (struct alloc_part){
		.objects = objects * share,
		.bytes = bytes * share,
		.var = bytes * bytes * fmax(between * wide * wide, single),
		.samples = samples,
	};
}

/* (Breslow and Day 1987, p. 69) */
static double byar(double n, double z)
{
	double root = 1 - 1 / (9 * n) + z / (3 * sqrt(n));

	return n > 0 && root > 0 ? n * root * root * root : 0;
}

void alloc_bounds(double bytes, double var, double *low, double *high)
{
	double weight = bytes > 0 ? var / bytes : 0, n = weight > 0 ? bytes / weight : 0;

	*low = *high = bytes;
	if (!(weight > 0))
		return;
	*low = weight * byar(n, -CONFIDENCE);
	*high = weight * byar(n + 1, CONFIDENCE);
}
