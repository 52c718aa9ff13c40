// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Memory that the kernel allocates in the target's context; see kmem.h. */
#include "kmem.h"
#include "raw.bpf.h"
#include "syscall.bpf.h"

#define PAGE        4096UL
#define SYSCALL_MAX 1024

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KMEM_SITES);
	__type(key, struct kmem_site);
	__type(value, struct kmem_sum);
} kmem_sites SEC(".maps");

/* All its memory is taken when it is loaded: a program here must not allocate. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* the user side says how many */
	__type(key, __u64);
	__type(value, struct kmem_object);
} kmem_objects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, char[KMEM_NAME]);
} kmem_caches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, KMEM_STACKS);
	__uint(key_size, 4);
	__uint(value_size, KMEM_FRAMES * 8);
} kmem_stacks SEC(".maps");

/* Requested bytes, of each kind, scaled by what the share stands for. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, KMEM_KINDS *HIST_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} kmem_sizes SEC(".maps");

/* ---- the end of an object, in any context ---- */

static __always_inline void gone(__u64 ptr, bool unseen)
{
	struct kmem_object *there = bpf_map_lookup_elem(&kmem_objects, &ptr), o;
	struct kmem_sum *sum;

	if (!there)
		return;
	o = *there;
	/* of two that see its end one counts it */
	if (bpf_map_delete_elem(&kmem_objects, &ptr))
		return;
	sum = bpf_map_lookup_elem(&kmem_sites, &o.site);
	if (!sum)
		return;
	add(sum->freed, 1);
	add(sum->freed_bytes, o.bytes);
	add(sum->freed_squares, (__u64)o.bytes * o.bytes);
	if (unseen)
		add(sum->unseen, 1);
}

/* These come first: they are attached before anything is taken, and detached after. */

RAW_ANY("kfree", kmem_kfree)
{
	gone(arg[1], false);
}

RAW_ANY("kmem_cache_free", kmem_cache_free)
{
	gone(arg[1], false);
}

/* A block that was split ends with its first page. Pages freed in batches come by here, too. */
RAW_ANY("mm_page_free", kmem_page_free)
{
	gone(arg[0], false);
}

RAW_ANY("percpu_free_percpu", kmem_percpu_free)
{
	gone(arg[2], false);
}

/* ---- its begin, in the target's ---- */

struct taken {
	__u64 ptr, call_site, cache, requested, bytes, gfp;
	enum kmem_kind kind;
};

/* The system call that this thread is in. */
static __always_inline __u16 call_number(void)
{
	struct pt_regs *r = call_registers();
	__s64 nr = -1;

#if defined(__TARGET_ARCH_x86)
	bpf_probe_read_kernel(&nr, sizeof(nr), &r->orig_ax);
#elif defined(__TARGET_ARCH_arm64)
	nr = BPF_CORE_READ((struct pt_regs___arm64 *)r, syscallno);
#endif
	return nr >= 0 && nr < SYSCALL_MAX ? nr : KMEM_NO_CALL;
}

/* Another stack with the same hash keeps its place; without our own frames it has another hash. */
static __always_inline __s32 stack_id(void *ctx)
{
	__s64 id = -1;

	for (__u64 skip = 0; skip < 4 && id < 0; skip++)
		id = bpf_get_stackid(ctx, &kmem_stacks, skip);
	return id < 0 ? -1 : id;
}

static __always_inline void name_cache(__u64 cache)
{
	char name[KMEM_NAME] = {};

	if (!cache || bpf_map_lookup_elem(&kmem_caches, &cache))
		return;
	bpf_probe_read_kernel_str(name, sizeof(name),
				  BPF_CORE_READ((struct kmem_cache *)cache, name));
	bpf_map_update_elem(&kmem_caches, &cache, name, BPF_NOEXIST);
}

static __always_inline struct kmem_sum *sum_of(const struct kmem_site *site)
{
	struct kmem_sum *sum = bpf_map_lookup_elem(&kmem_sites, site), zero = {};

	if (sum)
		return sum;
	name_cache(site->cache);
	bpf_map_update_elem(&kmem_sites, site, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&kmem_sites, site);
}

/* How many objects one stands for; what is behind the point by chance, so that it is so on average.
 */
static __always_inline __u64 weight(__u32 sample)
{
	__u64 whole;

	if (sample == SAMPLE_ALL || !sample)
		return 1;
	whole = (1ULL << 32) / sample;
	return whole + (bpf_get_prandom_u32() % sample < (1ULL << 32) % sample);
}

static __always_inline void count_size(const struct taken *t, __u32 sample)
{
	__u32 slot = t->kind * HIST_SLOTS + hist_slot(t->requested);
	__u64 *n = bpf_map_lookup_elem(&kmem_sizes, &slot);

	if (n)
		add(*n, weight(sample));
}

/* Whether this one is chosen. What was there has gone, by a way without a tracepoint. */
static __always_inline bool chosen(struct hit *h, __u64 ptr)
{
	if (!ptr)
		return false;
	gone(ptr, true);
	if (!h->policy)
		return false;
	if (policy_samples(h->policy))
		return true;
	add(h->stat->filtered, 1);
	return false;
}

static __always_inline void took(void *ctx, struct hit *h, const struct taken *t)
{
	__u64 ptr = t->ptr;
	struct kmem_object o = { .bytes = t->bytes };
	struct kmem_sum *sum;

	if (t->bytes < h->policy->size_min || t->bytes > h->policy->size_max) {
		add(h->stat->filtered, 1);
		return;
	}
	o.site.call_site = t->call_site;
	o.site.cache = t->cache;
	o.site.gfp = t->gfp;
	o.site.stack = stack_id(ctx);
	o.site.sample = h->policy->sample;
	o.site.kind = t->kind;
	o.site.call = call_number();
	add(h->stat->produced, 1);
	sum = sum_of(&o.site);
	if (!sum || bpf_map_update_elem(&kmem_objects, &ptr, &o, BPF_ANY)) {
		add(h->stat->lost, 1);
		return;
	}
	add(sum->count, 1);
	add(sum->requested, t->requested);
	add(sum->bytes, t->bytes);
	add(sum->squares, t->bytes * t->bytes);
	count_size(t, o.site.sample);
}

/* call_site, ptr, [the cache, in 5.19 and 6.0,] bytes_req, bytes_alloc, gfp_flags */
static __always_inline void took_kmalloc(struct bpf_raw_tracepoint_args *ctx, struct hit *h,
					 enum kmem_kind kind)
{
	struct taken t = { .kind = kind, .call_site = ctx->args[0], .ptr = ctx->args[1] };

	if (!chosen(h, t.ptr))
		return;
	if (bpf_core_field_exists(struct trace_event_raw_kmem_alloc, accounted)) {
		t.requested = RAW_ARG(ctx, 3);
		t.bytes = RAW_ARG(ctx, 4);
		t.gfp = RAW_ARG(ctx, 5);
	} else {
		t.requested = RAW_ARG(ctx, 2);
		t.bytes = RAW_ARG(ctx, 3);
		t.gfp = RAW_ARG(ctx, 4);
	}
	took(ctx, h, &t);
}

RAW_ANY("kmalloc", kmem_kmalloc)
{
	took_kmalloc(ctx, h, KMEM_KMALLOC);
}

/* Before 6.1; what is on the node at hand comes by the one above. */
RAW_ANY("kmalloc_node", kmem_kmalloc_node)
{
	took_kmalloc(ctx, h, KMEM_KMALLOC);
}

/* From 6.1 on: call_site, ptr, the cache, gfp_flags, node */
RAW_ANY("kmem_cache_alloc", kmem_cache_alloc)
{
	struct kmem_cache *cache = (void *)arg[2];
	struct taken t = { .kind = KMEM_CACHE };

	if (!bpf_core_type_exists(struct trace_event_raw_kmalloc)) {
		took_kmalloc(ctx, h, KMEM_CACHE);
		return;
	}
	if (!chosen(h, arg[1]))
		return;
	t.call_site = arg[0];
	t.ptr = arg[1];
	t.cache = arg[2];
	t.requested = BPF_CORE_READ(cache, object_size);
	t.bytes = BPF_CORE_READ(cache, size);
	t.gfp = arg[3];
	took(ctx, h, &t);
}

RAW_ANY("kmem_cache_alloc_node", kmem_cache_alloc_node)
{
	took_kmalloc(ctx, h, KMEM_CACHE);
}

/* page, order, gfp_flags, migratetype */
RAW_ANY("mm_page_alloc", kmem_page_alloc)
{
	struct taken t = { .kind = KMEM_PAGES, .ptr = arg[0], .gfp = arg[2] };

	t.requested = t.bytes = PAGE << (arg[1] & 31);
	if (chosen(h, t.ptr))
		took(ctx, h, &t);
}

/*
 * From 6.1 on: call_site, reserved, is_atomic, size, align, base_addr, off, ptr, bytes_alloc,
 * gfp_flags; before there was none of the first and of the last two.
 */
RAW_ANY("percpu_alloc_percpu", kmem_percpu_alloc)
{
	struct taken t = { .kind = KMEM_PERCPU };

	if (bpf_core_field_exists(struct trace_event_raw_percpu_alloc_percpu, call_site)) {
		t.call_site = RAW_ARG(ctx, 0);
		t.requested = RAW_ARG(ctx, 3);
		t.ptr = RAW_ARG(ctx, 7);
		t.bytes = RAW_ARG(ctx, 8);
		t.gfp = RAW_ARG(ctx, 9);
	} else {
		t.requested = t.bytes = RAW_ARG(ctx, 2);
		t.ptr = RAW_ARG(ctx, 6);
	}
	if (chosen(h, t.ptr))
		took(ctx, h, &t);
}
