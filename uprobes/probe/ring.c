// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * The rings of all CPUs, merged by time.
 *
 * A record's time is taken before its place in the ring, so a ring is in order but for
 * programs that were preempted in between, and a record that is older than those already
 * read may still come. What is younger than the read before the last stays here until then.
 */
#include "array.h"
#include "clock.h"
#include "probe/probe.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX (64U << 20) /* bytes of records that wait; more are handed out at once */

struct place {
	uint64_t ts;
	uint32_t cpu, seq;
	size_t at; /* in bytes */
};

struct rings {
	struct ring_buffer *rb;
	int *fd; /* a ring for each CPU */
	int ncpus;
	uint8_t *bytes; /* records that wait */
	size_t len, room;
	struct place *place;
	size_t n, nroom;
	uint64_t horizon; /* all records before it have come */
	uint64_t last;    /* time of the last one handed out */
	bool crc;
	uint64_t corrupt;
	int err;
};

static int take(void *arg, void *data, size_t len)
{
	const struct event_head *e = data;
	struct rings *r = arg;

	if (r->crc && !event_intact(data, len)) {
		r->corrupt++;
		return 0;
	}
	if (len < sizeof(*e) || e->len > len || e->len < sizeof(*e) ||
	    e->cpu >= (uint32_t)r->ncpus) {
		r->err = -EBADMSG; /* only the kernel writes here */
		return 0;
	}
	len = (e->len + 7) & ~7UL;
	if (array_room(r->bytes, r->len + len, r->room) ||
	    array_room(r->place, r->n + 1, r->nroom)) {
		r->err = -ENOMEM;
		return -ENOMEM;
	}
	memcpy(r->bytes + r->len, e, e->len);
	r->place[r->n++] = (struct place){ e->ts, e->cpu, e->seq, r->len };
	r->len += len;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Keep what was not handed out, from place i on. */
static void keep(struct rings *r, size_t i)
{
	uint8_t *bytes;
	size_t len = 0;

	if (i == r->n) {
		r->n = r->len = 0;
		return;
	}
	bytes = malloc(r->room);
	if (!bytes) {
		r->err = -ENOMEM;
		return;
	}
	for (size_t k = i; k < r->n; k++) {
		const struct event_head *e = (void *)(r->bytes + r->place[k].at);
		size_t size = (e->len + 7) & ~7UL;

		memcpy(bytes + len, e, size);
		r->place[k - i] = r->place[k];
		r->place[k - i].at = len;
		len += size;
	}
	free(r->bytes);
	r->bytes = bytes;
	r->n -= i;
	r->len = len;
}

int probes_read(struct probes *p, bool all, int (*fn)(void *, const struct event_head *), void *arg)
{
	struct rings *r = p->rings;
	uint64_t before = clock_mono_ns(), until = all ? UINT64_MAX : r->horizon;
	int err = ring_buffer__consume(r->rb);
	size_t i;

	err = err < 0 ? err : r->err;
	p->corrupt = r->corrupt;
	if (r->len > KEPT_MAX)
		until = UINT64_MAX;
	if (r->n)
		qsort(r->place, r->n, sizeof(*r->place), by_time);
	for (i = 0; !err && i < r->n && r->place[i].ts < until; i++) {
		p->delivered++;
		p->late += r->place[i].ts < r->last;
		r->last = r->place[i].ts > r->last ? r->place[i].ts : r->last;
		err = fn(arg, (void *)(r->bytes + r->place[i].at));
	}
	keep(r, i);
	r->horizon = before;
	return err < 0 ? err : r->err;
}

/*
 * Puts the rings of all CPUs into the map. After each change of such a map the kernel waits for
 * all who may use it, some 10 ms: it is told all at once where it can be (since 5.13).
 */
static int rings_publish(struct rings *r, int map)
{
	__u32 n = r->ncpus, *cpu = calloc(n, sizeof(*cpu));
	int err;

	if (!cpu)
		return -ENOMEM;
	for (int i = 0; i < r->ncpus; i++)
		cpu[i] = i;
	err = bpf_map_update_batch(map, cpu, r->fd, &n, NULL);
	free(cpu);
	if (!err)
		return 0;
	for (int i = 0; i < r->ncpus; i++)
		if (bpf_map_update_elem(map, &i, &r->fd[i], BPF_ANY))
			return -errno;
	return 0;
}

struct rings *rings_new(int map, int ncpus, uint32_t size, bool crc)
{
	struct rings *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	if (!r)
		return NULL;
	r->ncpus = ncpus;
	r->crc = crc;
	r->fd = malloc(ncpus * sizeof(*r->fd));
	if (!r->fd)
		goto out;
	for (int i = 0; i < ncpus; i++)
		r->fd[i] = -1;
	for (int i = 0; i < ncpus; i++) {
		r->fd[i] = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, size, NULL);
		err = r->fd[i] < 0 ? -errno : 0;
		if (!err && !i && !(r->rb = ring_buffer__new(r->fd[i], take, r, NULL)))
			err = -errno;
		else if (!err && i)
			err = ring_buffer__add(r->rb, r->fd[i], take, r);
		if (err)
			goto out;
	}
	err = rings_publish(r, map);
	if (!err)
		return r;
out:
	rings_free(r);
	errno = -err;
	return NULL;
}

void rings_free(struct rings *r)
{
	if (!r)
		return;
	ring_buffer__free(r->rb);
	for (int i = 0; r->fd && i < r->ncpus; i++)
		if (r->fd[i] >= 0)
			close(r->fd[i]);
	free(r->fd);
	free(r->bytes);
	free(r->place);
	free(r);
}
