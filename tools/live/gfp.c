// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Allocation flags in words; see gfp.h. */
#include "live/gfp.h"
#include <bpf/btf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const before_6_10[] = {
	"DMA",   "HIGHMEM",    "DMA32",         "MOVABLE",  "RECLAIMABLE",    "HIGH",
	"IO",    "FS",         "ZERO",          "ATOMIC",   "DIRECT_RECLAIM", "KSWAPD_RECLAIM",
	"WRITE", "NOWARN",     "RETRY_MAYFAIL", "NOFAIL",   "NORETRY",        "MEMALLOC",
	"COMP",  "NOMEMALLOC", "HARDWALL",      "THISNODE", "ACCOUNT",
};

/* What several bits together are called, the largest first. */
static const struct {
	const char *name, *bits[8];
} together[] = {
	{ "GFP_HIGHUSER_MOVABLE",
	  { "DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL", "HIGHMEM", "MOVABLE" } },
	{ "GFP_HIGHUSER",
	  { "DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL", "HIGHMEM" } },
	{ "GFP_USER", { "DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL" } },
	{ "GFP_KERNEL_ACCOUNT", { "DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "ACCOUNT" } },
	{ "GFP_KERNEL", { "DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS" } },
	{ "GFP_NOFS", { "DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO" } },
	{ "GFP_ATOMIC", { "HIGH", "KSWAPD_RECLAIM" } },
	{ "GFP_NOIO", { "DIRECT_RECLAIM", "KSWAPD_RECLAIM" } },
	{ "GFP_NOWAIT", { "KSWAPD_RECLAIM" } },
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* The members of an enum that has ___GFP_..._BIT in it. Whether it was one. */
static bool take_enum(struct gfp *g, const struct btf *btf, const struct btf_type *t)
{
	const struct btf_enum *e = btf_enum(t);
	bool found = false;

	for (int i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, e[i].name_off);
		size_t len = name ? strlen(name) : 0;

		if (len < 11 || strncmp(name, "___GFP_", 7) || strcmp(name + len - 4, "_BIT"))
			return false;
		found = true;
		if (e[i].val >= 0 && e[i].val < GFP_BITS && strcmp(name, "___GFP_LAST_BIT"))
			snprintf(g->bit[e[i].val], sizeof(g->bit[0]), "%.*s", (int)(len - 5),
				 name + 1);
	}
	return found;
}

void gfp_open(struct gfp *g)
{
	struct btf *btf = btf__load_vmlinux_btf();
	uint32_t n = btf ? btf__type_cnt(btf) : 0;
	bool found = false;

	*g = (struct gfp){};
	for (uint32_t i = 1; i < n && !found; i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);

		found = btf_is_enum(t) && !t->name_off && take_enum(g, btf, t);
	}
	for (size_t i = 0; !found && i < LENGTH(before_6_10); i++)
		snprintf(g->bit[i], sizeof(g->bit[0]), "__GFP_%s", before_6_10[i]);
	btf__free(btf);
}

/* The bits of one in `together`; 0: this kernel has not all of them. */
static uint32_t mask_of(const struct gfp *g, const char *const *bits)
{
	uint32_t mask = 0, one;

	for (; *bits; bits++, mask |= one) {
		one = 0;
		for (int i = 0; i < GFP_BITS; i++)
			if (g->bit[i][0] && !strcmp(g->bit[i] + 6, *bits))
				one = 1U << i;
		if (!one)
			return 0;
	}
	return mask;
}

static void append(char buf[GFP_TEXT], const char *what)
{
	size_t at = strlen(buf);

	snprintf(buf + at, GFP_TEXT - at, "%s%s", at ? "|" : "", what);
}

const char *gfp_text(const struct gfp *g, uint32_t flags, char buf[GFP_TEXT])
{
	char number[16];

	buf[0] = '\0';
	for (size_t i = 0; i < LENGTH(together); i++) {
		uint32_t mask = mask_of(g, together[i].bits);

		if (!mask || (flags & mask) != mask)
			continue;
		append(buf, together[i].name);
		flags &= ~mask;
		break;
	}
	for (int i = 0; i < GFP_BITS; i++) {
		if (!(flags & 1U << i) || !g->bit[i][0])
			continue;
		append(buf, g->bit[i]);
		flags &= ~(1U << i);
	}
	if (flags || !buf[0]) {
		snprintf(number, sizeof(number), "0x%x", flags);
		append(buf, flags ? number : "none");
	}
	return buf;
}
