// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Allocations on Go's heap; see alloc.h. */
#include "alloc.h"
#include "engine.bpf.h"

#define PAGE         8192
#define ALLOC_PIECE  256 /* words of a stack that are read at once */
#define CALLER_AT_SP 1   /* a return address that was not read yet */
#if defined(__TARGET_ARCH_arm64)
#define BELOW_SP 8 /* there the frame pointer is, of a frame that begins at the stack pointer */
#else
#define BELOW_SP 0
#endif
#define TINY_SIZE       16
#define TINY_CLASS      2   /* of the slots that such objects share */
#define TYPE_PTRBYTES   8   /* internal/abi.Type, runtime._type */
#define HEADER_MIN      512 /* larger objects with pointers have a header (1.22+) */
#define CLASS8_MAX      1024
#define SMALL_MAX       32768
#define BRANCH_BY_EIGHT 129
#define BRANCH_BY_128   249
#define CACHED_SLOTS    64 /* of a span: those that allocCache tells of */

/* As the runtime finds a class (malloc.go); the tables are of sizeclasses.go. */
const volatile struct alloc_sizes {
	__u8 by_8[BRANCH_BY_EIGHT + 7]; /* of (size + 7) / 8 */
	__u8 by_128[BRANCH_BY_128 + 7]; /* of (size - 1024 + 127) / 128 */
	__u16 class_size[ALLOC_CLASSES];
	__u32 span_bytes[ALLOC_CLASSES]; /* of the slots of a whole span */
	__u32 header;                    /* bytes of it; 0: there are none in this release */
	__u32 small_max;
} alloc_sizes;

const volatile struct alloc_conf {
	__u32 by_stack, by_creator, by_type;
	__u32 malloc_min; /* runtime.mallocgc counts from this size on: other probes see the rest */
	__u32 g_gopc, m_p, p_mcache, mcache_tiny;
	__u32 mspan_nelems, mspan_nelems_width, mspan_allocCount, mspan_elemsize, mspan_spanclass;
	__u32 mcache_alloc;
	__u32 profiled_arg; /* which argument of mProf_Malloc is the size */
	__u64 emptymspan;
	__u32 windows; /* alloc_open tells when to count */
} alloc_conf;

/* Programs come and go one after the other; a window opens and closes for all of them at once. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} alloc_open SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ALLOC_KINDS);
	__type(key, __u32);
	__type(value, struct alloc_sum);
} alloc_classes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, ALLOC_SUMS);
	__type(key, struct alloc_key);
	__type(value, struct alloc_sum);
} alloc_sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, ALLOC_STACKS);
	__uint(key_size, 4);
	__uint(value_size, ALLOC_FRAMES * 8);
} alloc_stacks SEC(".maps");

/* A part of the stack in one piece: to read it word by word takes longer than all else. */
struct alloc_piece {
	__u64 busy; /* by a program that was preempted */
	__u64 word[ALLOC_PIECE];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alloc_piece);
} alloc_pieces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ALLOC_SPAN_CLASSES);
	__type(key, __u32);
	__type(value, struct alloc_flushed);
} alloc_flushes SEC(".maps");

/* Stacks that were seen before, by a hash of their return addresses. */
struct alloc_seen {
	__u64 caller;
	__s64 stack;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ALLOC_STACKS);
	__type(key, __u64);
	__type(value, struct alloc_seen);
} alloc_seen SEC(".maps");

/* Sizes as they were asked for. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HIST_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} alloc_requests SEC(".maps");

/* ---- who allocates ---- */

/* The goroutine's own g knows; what runs on the system stack does it for the one it left. */
static __always_inline __u64 creator(struct pt_regs *ctx)
{
	__u64 g = GO_G(ctx), pc = user_u64(g + alloc_conf.g_gopc);

	if (pc || !(g = go_curg(g)))
		return pc;
	return user_u64(g + alloc_conf.g_gopc);
}

/*
 * The kernel's walk begins with the probe itself, which is left out, and misses the caller of
 * what has no frame yet. Another stack with the same hash keeps its place: without its first
 * frame, which then is kept apart, it has another hash.
 */
static __always_inline void walk_stack(struct pt_regs *ctx, struct alloc_key *k)
{
	__s64 id = bpf_get_stackid(ctx, &alloc_stacks, BPF_F_USER_STACK | 1);

	if (id < 0) {
		k->caller[1] = user_u64(GO_FP(ctx) + 8);
		id = bpf_get_stackid(ctx, &alloc_stacks, BPF_F_USER_STACK | 2);
	}
	k->stack = id < 0 ? -1 : id;
}

#ifdef NO_FETCH
#define take(lock)  false
#define leave(lock) ((void)0)
#else
#define take(lock)  __sync_lock_test_and_set(&(lock), 1)
#define leave(lock) __sync_lock_test_and_set(&(lock), 0)
#endif

/* The words that could be read: what is behind the stack, whose end g knows, may be absent. */
static __always_inline __u64 piece_read(struct alloc_piece *p, __u64 sp, __u64 g)
{
	__u64 len;

	if (!bpf_probe_read_user(p->word, sizeof(p->word), (void *)sp))
		return ALLOC_PIECE;
	len = user_u64(g + go.g_stack + 8) - sp;
	if (len > sizeof(p->word) || bpf_probe_read_user(p->word, len, (void *)sp))
		return 0;
	return len / 8;
}

/* Of the return addresses from fp on, as far as the piece at sp has them; 0: it cannot be read. */
static __always_inline __u64 stack_hash(__u64 sp, __u64 fp, __u64 g, __u64 *caller)
{
	__u32 zero = 0;
	struct alloc_piece *p = bpf_map_lookup_elem(&alloc_pieces, &zero);
	__u64 at = 0, pc, words, hash;

	if (!p || take(p->busy))
		return 0;
	words = piece_read(p, sp, g);
	if (!words)
		fp = 0;
#if !defined(__TARGET_ARCH_arm64)
	else if (*caller == CALLER_AT_SP)
		*caller = p->word[0];
#endif
	hash = *caller;
	for (int i = 0; i < ALLOC_FRAMES && fp; i++) {
		at = (fp - sp) / 8;
		if (at + 1 >= words)
			break;
		pc = p->word[(at + 1) & (ALLOC_PIECE - 1)];
		fp = pc ? p->word[at & (ALLOC_PIECE - 1)] : 0;
		hash = (hash ^ pc) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	leave(p->busy);
	/* what goes on behind the piece is another stack for each end of it */
	return fp || !at ? 0 : hash | 1;
}

static __always_inline void take_stack(struct pt_regs *ctx, struct alloc_key *k, bool framed)
{
	struct alloc_seen new = {}, *seen;
	__u64 hash;

#if defined(__TARGET_ARCH_arm64)
	k->caller[0] = framed ? 0 : GO_LR(ctx);
#else
	k->caller[0] = framed ? 0 : CALLER_AT_SP;
#endif
	hash = stack_hash(GO_SP(ctx) - BELOW_SP, GO_FP(ctx), GO_G(ctx), &k->caller[0]);
	if (k->caller[0] == CALLER_AT_SP)
		k->caller[0] = user_u64(GO_SP(ctx));
	seen = hash ? bpf_map_lookup_elem(&alloc_seen, &hash) : NULL;
	if (seen) {
		k->caller[1] = seen->caller;
		k->stack = seen->stack;
		return;
	}
	walk_stack(ctx, k);
	new.caller = k->caller[1];
	new.stack = k->stack;
	if (hash && k->stack >= 0)
		bpf_map_update_elem(&alloc_seen, &hash, &new, BPF_NOEXIST);
}

static __always_inline void identify(struct pt_regs *ctx, struct alloc_key *k, __u64 type,
				     bool framed)
{
	if (alloc_conf.by_type)
		k->type = type;
	if (alloc_conf.by_creator)
		k->creator = creator(ctx);
	if (alloc_conf.by_stack)
		take_stack(ctx, k, framed);
}

static __always_inline void add_sum(struct alloc_sum *to, const struct alloc_sum *n)
{
	add(to->objects, n->objects);
	add(to->bytes, n->bytes);
	add(to->requested, n->requested);
	if (n->squares)
		add(to->squares, n->squares);
}

static __always_inline void add_key(struct hit *h, const struct alloc_key *k,
				    const struct alloc_sum *n)
{
	struct alloc_sum *to = bpf_map_lookup_elem(&alloc_sums, k);

	if (to) {
		add_sum(to, n);
		return;
	}
	/* of two that come at once one makes the place */
	if (bpf_map_update_elem(&alloc_sums, k, n, BPF_NOEXIST)) {
		to = bpf_map_lookup_elem(&alloc_sums, k);
		if (to)
			add_sum(to, n);
		else
			add(h->stat->lost, n->objects);
	}
}

/* ---- every allocation ---- */

/* The cache of the P that runs this. */
static __always_inline __u64 mcache(struct pt_regs *ctx)
{
	__u64 m = user_u64(GO_G(ctx) + go.g_m), p = user_u64(m + alloc_conf.m_p);

	return user_u64(p + alloc_conf.p_mcache);
}

/*
 * Whether the slot begun before has room. Up to 1.23, and where a profile had functions inlined,
 * the runtime looks only after it may have helped a collection: then it may begin another.
 */
static __always_inline bool tiny_fits(struct pt_regs *ctx, __u64 size)
{
	__u64 tiny[2] = {},
	      off; /* where it begins, what of it is taken: mcache has both in a row */

	bpf_probe_read_user(tiny, sizeof(tiny), (void *)(mcache(ctx) + alloc_conf.mcache_tiny));
	off = tiny[1];
	if (!(size & 7))
		off = (off + 7) & ~7ULL;
	else if (!(size & 3))
		off = (off + 3) & ~3ULL;
	else if (!(size & 1))
		off = (off + 1) & ~1ULL;
	return off + size <= TINY_SIZE && tiny[0];
}

static __always_inline __u32 small_class(__u64 size)
{
	__u64 i = (size + 7) / 8;

	if (size <= CLASS8_MAX - 8 && i < BRANCH_BY_EIGHT)
		return alloc_sizes.by_8[i];
	i = (size - CLASS8_MAX + 127) / 128;
	return i < BRANCH_BY_128 ? alloc_sizes.by_128[i] : ALLOC_UNKNOWN;
}

/* Whether what is allocated has pointers: who allocates knows, or its type does. */
enum pointers { POINTERS_OF_TYPE, POINTERS_NONE, POINTERS_SOME };

static __always_inline __u32 class_of(struct pt_regs *ctx, __u64 size, __u64 type,
				      enum pointers pointers)
{
	__u64 ptrbytes = pointers == POINTERS_SOME;

	if (size > alloc_sizes.small_max)
		return ALLOC_LARGE;
	if (pointers == POINTERS_OF_TYPE && type &&
	    bpf_probe_read_user(&ptrbytes, sizeof(ptrbytes), (void *)(type + TYPE_PTRBYTES)))
		return ALLOC_UNKNOWN;
	if (!ptrbytes && size < TINY_SIZE)
		return tiny_fits(ctx, size) ? ALLOC_TINY : ALLOC_TINY_CLASS;
	if (ptrbytes && size > HEADER_MIN)
		size += alloc_sizes.header;
	return small_class(size);
}

static __always_inline __u64 bytes_of(__u32 class, __u64 size)
{
	if (class == ALLOC_LARGE)
		return (size + PAGE - 1) & ~(PAGE - 1ULL);
	return class < ALLOC_CLASSES ? alloc_sizes.class_size[class] : 0;
}

static __always_inline bool is_open(void)
{
	__u32 zero = 0, *open = bpf_map_lookup_elem(&alloc_open, &zero);

	return open && *(volatile __u32 *)open;
}

static __always_inline void count(struct pt_regs *ctx, struct hit *h, enum pointers pointers)
{
	__u64 size = GO_ARG0(ctx), type = GO_ARG1(ctx);
	struct alloc_sum n = { .objects = 1, .requested = size }, *sum;
	struct alloc_key k = {};
	__u32 slot = hist_slot(size);
	__u64 *asked;

	/* nothing is allocated for size 0 */
	if (!size || !hit_sized(h, size))
		return;
	if (alloc_conf.windows && !is_open()) {
		add(h->stat->filtered, 1);
		return;
	}
	add(h->stat->produced, 1);
	k.class = class_of(ctx, size, type, pointers);
	n.bytes = bytes_of(k.class, size);
	asked = bpf_map_lookup_elem(&alloc_requests, &slot);
	if (asked)
		add(*asked, 1);
	if (k.class == ALLOC_UNKNOWN) {
		k.size = size;
		k.type = type;
	}
	identify(ctx, &k, type, false);
	if (k.class == ALLOC_UNKNOWN || alloc_conf.by_stack || alloc_conf.by_creator ||
	    alloc_conf.by_type) {
		add_key(h, &k, &n);
		return;
	}
	sum = bpf_map_lookup_elem(&alloc_classes, &k.class);
	if (sum)
		add_sum(sum, &n);
}

/* func mallocgc(size uintptr, typ *_type, needzero bool), and so have all others these arguments */
GO("runtime.mallocgc", alloc_malloc)
{
	if (GO_ARG0(ctx) > alloc_conf.malloc_min)
		count(ctx, h, POINTERS_OF_TYPE);
}

/* What mallocgc became in 1.24: a function for each kind of object. */
GO("runtime.mallocgcTiny|runtime.mallocgcSmallNoscan", alloc_noscan)
{
	count(ctx, h, POINTERS_NONE);
}

GO("runtime.mallocgcSmallScanNoHeader|runtime.mallocgcSmallScanHeader", alloc_scan)
{
	count(ctx, h, POINTERS_SOME);
}

GO("runtime.mallocgcLarge", alloc_whole)
{
	count(ctx, h, POINTERS_OF_TYPE);
}

#define SC_NOSCAN "runtime.mallocgcSmallNoScanSC"
#define SC_SCAN   "runtime.mallocgcSmallScanNoHeaderSC"

/* And from 1.27 on one for each small size class. */
GO("runtime.mallocgcTinySC2|" SC_NOSCAN "2|" SC_NOSCAN "3|" SC_NOSCAN "4|" SC_NOSCAN "5|" SC_NOSCAN
   "6|" SC_NOSCAN "7",
   alloc_noscan_class)
{
	count(ctx, h, POINTERS_NONE);
}

GO(SC_SCAN "1|" SC_SCAN "2|" SC_SCAN "3|" SC_SCAN "4|" SC_SCAN "5|" SC_SCAN "6|" SC_SCAN "7",
   alloc_scan_class)
{
	count(ctx, h, POINTERS_SOME);
}

/* ---- a sample ---- */

static __always_inline void sampled(struct pt_regs *ctx, struct hit *h, struct alloc_key *k,
				    __u64 weight, bool framed)
{
	struct alloc_sum n = { .objects = 1, .bytes = weight, .squares = weight * weight };

	add(h->stat->produced, 1);
	identify(ctx, k, 0, framed);
	add_key(h, k, &n);
}

static __always_inline __u64 span_flags(__u64 cache, __u8 class)
{
	__u64 last = user_u64(cache + alloc_conf.mcache_alloc + 8 * class);

	return (last == alloc_conf.emptymspan ? ALLOC_FIRST : 0) | (class & 1 ? ALLOC_NOSCAN : 0);
}

static __always_inline __u64 span_nelems(__u64 span)
{
	__u64 n = user_u64(span + alloc_conf.mspan_nelems);

	return alloc_conf.mspan_nelems_width == 2 ? n & 0xffff : n;
}

static __always_inline __u64 span_used(__u64 span)
{
	return user_u64(span + alloc_conf.mspan_allocCount) & 0xffff;
}

/*
 * A span that was got for the next objects of a class: the one that is waiting for it is the
 * sample, and stands for about as many as there is room for.
 */
GO_TEST_PART("runtime.(*mcentral).cacheSpan", alloc_span)
{
	__u64 span = GO_ARG0(ctx), nelems, used, size;
	struct alloc_key k = {};
	__u8 class = 0;

	if (!span)
		return;
	nelems = span_nelems(span);
	used = span_used(span);
	size = user_u64(span + alloc_conf.mspan_elemsize);
	bpf_probe_read_user(&class, sizeof(class), (void *)(span + alloc_conf.mspan_spanclass));
	k.class = class / 2;
	k.size = span_flags(mcache(ctx), class);
	if (used < nelems && nelems <= PAGE && size <= SMALL_MAX && k.class < ALLOC_CLASSES)
		sampled(ctx, h, &k, (nelems - used) * size, true);
	else
		add(h->stat->filtered, 1);
}

/*
 * The same where that test is not found, or a profile had cacheSpan inlined: the span is not there
 * yet, and a whole one is taken for it, or as many of its slots as are looked for at once.
 */
static __always_inline void refilled(struct pt_regs *ctx, struct hit *h, __u32 slots)
{
	__u8 class = GO_ARG1(ctx);
	struct alloc_key k = { .class = class / 2 };
	__u32 of = k.class, most;

	k.size = span_flags(GO_ARG0(ctx), class);
	/* spans of large objects are alloc_large's */
	if (!of) {
		add(h->stat->filtered, 1);
		return;
	}
	/* one comparison for both would be of a copy, which 5.10 does not follow to the index */
	__asm__ __volatile__("" : "+r"(of));
	if (of >= ALLOC_CLASSES) {
		add(h->stat->filtered, 1);
		return;
	}
	most = slots * alloc_sizes.class_size[of];
	sampled(ctx, h, &k, most < alloc_sizes.span_bytes[of] ? most : alloc_sizes.span_bytes[of],
		false);
}

/* func (c *mcache) refill(spc spanClass) */
GO_PART("runtime.(*mcache).refill", alloc_refill)
{
	refilled(ctx, h, PAGE);
}

/* func (c *mcache) nextFree(spc spanClass): each 64 slots, and whenever it needs a span */
GO_PART("runtime.(*mcache).nextFree", alloc_next)
{
	refilled(ctx, h, CACHED_SLOTS);
}

static __always_inline void flushed(__u64 span, __u32 class)
{
	struct alloc_flushed *to = bpf_map_lookup_elem(&alloc_flushes, &class);
	__u64 nelems, used, size;

	if (!to || !span || span == alloc_conf.emptymspan)
		return;
	nelems = span_nelems(span);
	used = span_used(span);
	size = user_u64(span + alloc_conf.mspan_elemsize);
	if (used > nelems || nelems > PAGE || size > SMALL_MAX)
		return;
	add(to->spans, 1);
	add(to->unused, (nelems - used) * size);
}

/*
 * func (c *mcache) releaseAll(): a collection takes the spans of a P, used up or not. How much of
 * them was used is not what a sample of who needs a span can tell.
 */
GO_PART("runtime.(*mcache).releaseAll", alloc_flush)
{
	__u64 at = GO_ARG0(ctx) + alloc_conf.mcache_alloc, span[8];

	for (__u32 i = 0; i < ALLOC_SPAN_CLASSES / 8; i++) {
		if (bpf_probe_read_user(span, sizeof(span), (void *)(at + 64 * i)))
			break;
#pragma unroll
		for (__u32 k = 0; k < 8; k++)
			flushed(span[k], 8 * i + k);
	}
}

/* func (c *mcache) allocLarge(size uintptr, noscan bool) *mspan: each of them is seen */
GO_PART("runtime.(*mcache).allocLarge", alloc_large)
{
	struct alloc_key k = { .class = ALLOC_LARGE };

	sampled(ctx, h, &k, bytes_of(ALLOC_LARGE, GO_ARG1(ctx)), false);
}

/* func mProf_Malloc(mp *m, p unsafe.Pointer, size uintptr); without mp up to 1.22 */
GO_PART("runtime.mProf_Malloc", alloc_profiled)
{
	struct alloc_key k = { .class = ALLOC_UNKNOWN };
	__u64 second = GO_ARG1(ctx), third = GO_ARG2(ctx);

	/* the verifier wants registers to be read at offsets that are constant */
	__asm__ __volatile__("" : "+r"(second), "+r"(third));
	k.size = alloc_conf.profiled_arg == 2 ? third : second;
	sampled(ctx, h, &k, k.size, false);
}
