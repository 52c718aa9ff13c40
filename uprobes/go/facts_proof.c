// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Which test would fail if a fact were wrong; see facts_proof.h. */
#include "go/facts_proof.h"
#include "go/proof.h"
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What the tests read (proof.c, proof_walk.c and the readers they call), by id of the member;
 * the first pattern that fits. "?": it fails only if there is such a thing now, as a trace
 * that runs. "": none does, though it is read. tests/e2e/facts.c makes each of them wrong.
 */
static const struct {
	const char *pattern, *tests;
} layout_tests[] = {
	/* read by the kernel's programs: what they say is held against the runtime's sums */
	{ "g_sched_*", "" },
	{ "m_curg", "" },
	{ "m_preemptoff", "" },
	{ "work_pause*", "" },
	{ "mheap_scav_released*", "" },
	{ "gc_heapInUse", "I1 I3 I6" },
	{ "gc_heapReleased", "I2 I6 S6" },
	{ "gc_heapFree", "I3 I6" },
	{ "gc_totalAlloc", "I4" },
	{ "gc_totalFree", "I5" },
	{ "gc_mappedReady", "I6" },
	{ "gc_gcPercent", "S10" },
	{ "gc_heap*", "S10" },
	{ "ms_stats", "I1-I6" },
	{ "hs_size", "I1-I6" },
	{ "ms_*sys", "I6" },
	{ "ms_gcMiscSys", "I6" },
	{ "ms_pause*", "S3" },
	{ "ms_num*", "S3" },
	{ "ms_last_gc_unix", "S3" },
	{ "ms_enablegc", "S3" },
	{ "ms_last*", FACT_VOTES },
	{ "ms_gen", FACT_NOT_READ },
	{ "hs_committed", "I3" },
	{ "hs_released", "I2 I6" },
	{ "hs_inHeap", "I1 S5" },
	{ "hs_in*", "I3 I6 S5" },
	{ "hs_largeAlloc", "I4" },
	{ "hs_smallAllocCount", "I4" },
	{ "hs_largeFree", "I5" },
	{ "hs_smallFreeCount", "I5" },
	{ "mheap_size", FACT_NOT_READ },
	{ "mheap_start", FACT_NOT_READ },
	{ "mheap_end", FACT_NOT_READ },
	{ "mheap_span_inuse", "S1" },
	{ "mheap_cache_inuse", "S1" },
	{ "mheap_allspans", "S5" },
	{ "mheap_chunks", "S4 S6" },
	{ "mheap_inUse", "S6" },
	{ "mheap_allArenas", "S4 S5" },
	{ "mheap_heapArenas", "S4 S5" },
	{ "mheap_arenas", "S4 S5" },
	{ "mheap_userArenaArenas", "S4" },
	{ "mheap_summary", "S4" },
	{ "mheap_scav_index", "S4" },
	{ "mheap_summary_mapped", "" },
	{ "mheap_sweepgen", "" }, /* a wrong one makes all spans unswept, and those are not held */
	{ "mheap_*", FACT_VOTES },
	{ "scav_chunk_size", "S4" },
	{ "arena_*", "" },
	{ "mspan_size", "S1" },
	{ "mspan_spanclass", "S5 S7" },
	{ "mspan_list", "?S5" },
	{ "mspan_beforeCache", "" },
	{ "mspan_gcmarkBits", "" },
	{ "mspan_sweepgen", "" },
	{ "mspan_nelems_width", "" },
	{ "mspan_largeType", "" }, /* what is no type of the program is shown as none */
	{ "mspan_*", "S5" },
	{ "mcache_size", "S1" },
	{ "mcache_alloc", "S7" },
	{ "p_mcache", "S7" },
	{ "p_pcache", "?S6" },
	{ "p_palloc_base", FACT_NOT_READ },
	{ "p_trace*", "?S4" },
	{ "g_m", FACT_VOTES },
	{ "g_*", "S8" },
	{ "m_trace*", "?S4" },
	{ "m_vgetrandom", "S4" },
	{ "m_*", "S9" },
	{ "work_wbuf*", "?S5" },
	{ "work_spmcs", "S4" },
	{ "work_*", FACT_VOTES },
	{ "spmc_*", "S4" },
	{ "gcbits_lock", FACT_VOTES },
	{ "gcbits_*", "S4" },
	{ "vgetrandom_*", "?S4" },
	{ "bucket_*", "?S11" },
	{ "memrecord_*", "?S11" },
	{ "memcycle_*", "?S11" },
	{ "md_text", "S2" },
	{ "md_etext", "S2" },
	{ "md_gc*mask", "S2" },
	/* the heads and tables whose buffers are mapped memory */
	{ "trace_reading", "?S4" },
	{ "trace_empty", "?S4" },
	{ "trace_full", "?S4" },
	{ "trace_full_width", "?S4" },
	{ "trace_fullHead", "?S4" },
	{ "trace_*[bB]uf", "?S4" },
	{ "trace_bufLock", FACT_VOTES },
	{ "trace_*Tab", "?S4" },
	{ "trace_*Tab_width", "?S4" },
	{ "trace_*", FACT_VOTES },
	{ "*tab_*", "?S4" },
	{ "tracemap_mem", "?S4" },
	{ "region_*", "?S4" },
	/* gc_size and ms_size bound a copy; the rest is read and believed */
	{ "*", "" },
};

static const char *const global_tests[G_COUNT] = {
	[G_gcController] = "I1-I6",
	[G_memstats] = "I1-I6",
	[G_mheap_] = "S1 S5 S6",
	[G_allp] = "S6 S7",
	[G_allm] = "S9",
	[G_allgs] = "S8",
	[G_allglen] = "S8",
	[G_work] = "?S5",
	[G_emptymspan] = "S7",
	[G_gcBitsArenas] = "S4",
	[G_persistentChunks] = "S4",
	[G_mbuckets] = "?S11",
	[G_firstmoduledata] = "S2",
	[G_trace] = "?S4",
	[G_vgetrandomAlloc] = "?S4",
};

const char *fact_layout_tests(const char *id)
{
	size_t i = 0;

	while (fnmatch(layout_tests[i].pattern, id, 0))
		i++;
	return layout_tests[i].tests;
}

const char *fact_global_tests(enum go_global g)
{
	return global_tests[g];
}

static bool holds(const struct fact_results *r, char kind, int nth)
{
	return (kind == 'I' ? r->identities : r->structures) >> (nth - 1) & 1;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (strncmp(words, word, len) || (words[len] && words[len] != ' ')) {
		words = strchr(words, ' ');
		if (!words++)
			return false;
	}
	return true;
}

/* The names of those of the tests that fail; how many. */
static int failing(const struct fact_results *r, const char *tests, char *out, size_t size)
{
	int n = 0;

	out[0] = '\0';
	for (int i = 1; i <= PROOF_IDENTITIES + PROOF_STRUCTURES; i++) {
		char kind = i <= PROOF_IDENTITIES ? 'I' : 'S', name[16];
		int nth = i <= PROOF_IDENTITIES ? i : i - PROOF_IDENTITIES;

		snprintf(name, sizeof(name), "%c%d", kind, nth);
		if (holds(r, kind, nth) ||
		    !(has_word(tests, name) || has_word(tests, kind == 'I' ? "I1-I6" : "S1-S11")))
			continue;
		snprintf(out + strlen(out), size - strlen(out), "%s%s", n++ ? " " : "", name);
	}
	return n;
}

void fact_prove(struct go_fact *f, const struct fact_results *r, const char *tests)
{
	bool maybe = tests && *tests == '?', of = tests && *tests && strchr("?IS", *tests);
	char bad[sizeof(f->proof)] = "";
	int failed = of && r->run ? failing(r, tests + maybe, bad, sizeof(bad)) : 0;
	const char *text = !tests || !*tests            ? "not proven: no test is of it"
			   : !strcmp(tests, FACT_VOTES) ? FACT_NOT_USED
							: tests + maybe;

	f->proven = !of || !r->run || (maybe && !failed) ? -1 : !failed;
	if (failed)
		snprintf(f->proof, sizeof(f->proof), "fails: %.70s", bad);
	else if (of && !r->run)
		snprintf(f->proof, sizeof(f->proof), "not proven: no layout fits");
	else if (maybe)
		snprintf(f->proof, sizeof(f->proof), "%s, if there is one now", text);
	else if (!of && r->from_code && tests && !strcmp(tests, FACT_VOTES))
		snprintf(f->proof, sizeof(f->proof), "led to its variable");
	else
		snprintf(f->proof, sizeof(f->proof), "%s", text);
}
