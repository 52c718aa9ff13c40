/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * layout.h - where the Go runtime keeps what, one table entry a release and machine.
 *
 * LAYOUT_FIELDS is the single list of what the readers need. The structure
 * below, the generated table (layouts.c), the generator (layoutgen.c) and the
 * listing of facts are all expanded from it, so adding a field is one line
 * here and `make layouts`; adding a release is one toolchain in layouts.list.
 *
 * OFF(id, type, path)    offset of the member at path inside type
 * WIDTH(id, type, path)  size of that member in bytes
 * SIZE(id, type)         size of the type
 *
 * A type is a DWARF name ("runtime.mspan") or the type of a variable
 * ("var:runtime.work"); a path goes through embedded and array-free structs
 * with dots. What a release does not have is LAYOUT_NONE. All in bytes.
 */
#ifndef GO_LAYOUT_H
#define GO_LAYOUT_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define LAYOUT_NONE         UINT32_MAX
#define LAYOUT_SIZE_CLASSES 68 /* the same 68 in 1.16 to 1.27 (sizeclasses.go) */

#define LAYOUT_FIELDS(OFF, WIDTH, SIZE)                                                            \
	SIZE(gc_size, "runtime.gcControllerState")                                                 \
	OFF(gc_gcPercent, "runtime.gcControllerState", "gcPercent")                                \
	OFF(gc_memoryLimit, "runtime.gcControllerState", "memoryLimit")                            \
	OFF(gc_heapLive, "runtime.gcControllerState", "heapLive")                                  \
	OFF(gc_heapMarked, "runtime.gcControllerState", "heapMarked")                              \
	OFF(gc_gcPercentHeapGoal, "runtime.gcControllerState", "gcPercentHeapGoal")                \
	OFF(gc_sweepDistMinTrigger, "runtime.gcControllerState", "sweepDistMinTrigger")            \
	OFF(gc_triggered, "runtime.gcControllerState", "triggered")                                \
	OFF(gc_heapInUse, "runtime.gcControllerState", "heapInUse")                                \
	OFF(gc_heapReleased, "runtime.gcControllerState", "heapReleased")                          \
	OFF(gc_heapFree, "runtime.gcControllerState", "heapFree")                                  \
	OFF(gc_totalAlloc, "runtime.gcControllerState", "totalAlloc")                              \
	OFF(gc_totalFree, "runtime.gcControllerState", "totalFree")                                \
	OFF(gc_mappedReady, "runtime.gcControllerState", "mappedReady")                            \
	OFF(gc_assistTime, "runtime.gcControllerState", "assistTime")                              \
	OFF(gc_dedicatedMarkTime, "runtime.gcControllerState", "dedicatedMarkTime")                \
	OFF(gc_fractionalMarkTime, "runtime.gcControllerState", "fractionalMarkTime")              \
	OFF(gc_idleMarkTime, "runtime.gcControllerState", "idleMarkTime")                          \
	OFF(gc_lastHeapGoal, "runtime.gcControllerState", "lastHeapGoal")                          \
	OFF(gc_lastStackScan, "runtime.gcControllerState", "lastStackScan")                        \
	OFF(gc_maxStackScan, "runtime.gcControllerState", "maxStackScan")                          \
	OFF(gc_globalsScan, "runtime.gcControllerState", "globalsScan")                            \
	SIZE(ms_size, "runtime.mstats")                                                            \
	OFF(ms_stats, "runtime.mstats", "heapStats.stats")                                         \
	OFF(ms_gen, "runtime.mstats", "heapStats.gen")                                             \
	OFF(ms_stacks_sys, "runtime.mstats", "stacks_sys")                                         \
	OFF(ms_mspan_sys, "runtime.mstats", "mspan_sys")                                           \
	OFF(ms_mcache_sys, "runtime.mstats", "mcache_sys")                                         \
	OFF(ms_buckhash_sys, "runtime.mstats", "buckhash_sys")                                     \
	OFF(ms_gcMiscSys, "runtime.mstats", "gcMiscSys")                                           \
	OFF(ms_other_sys, "runtime.mstats", "other_sys")                                           \
	OFF(ms_last_gc_unix, "runtime.mstats", "last_gc_unix")                                     \
	OFF(ms_pause_total_ns, "runtime.mstats", "pause_total_ns")                                 \
	OFF(ms_pause_ns, "runtime.mstats", "pause_ns")                                             \
	OFF(ms_pause_end, "runtime.mstats", "pause_end")                                           \
	OFF(ms_numgc, "runtime.mstats", "numgc")                                                   \
	OFF(ms_numforcedgc, "runtime.mstats", "numforcedgc")                                       \
	OFF(ms_gc_cpu_fraction, "runtime.mstats", "gc_cpu_fraction")                               \
	OFF(ms_enablegc, "runtime.mstats", "enablegc")                                             \
	OFF(ms_last_gc_nanotime, "runtime.mstats", "last_gc_nanotime")                             \
	OFF(ms_lastHeapInUse, "runtime.mstats", "lastHeapInUse")                                   \
	SIZE(hs_size, "runtime.heapStatsDelta")                                                    \
	OFF(hs_committed, "runtime.heapStatsDelta", "committed")                                   \
	OFF(hs_released, "runtime.heapStatsDelta", "released")                                     \
	OFF(hs_inHeap, "runtime.heapStatsDelta", "inHeap")                                         \
	OFF(hs_inStacks, "runtime.heapStatsDelta", "inStacks")                                     \
	OFF(hs_inWorkBufs, "runtime.heapStatsDelta", "inWorkBufs")                                 \
	OFF(hs_inPtrScalarBits, "runtime.heapStatsDelta", "inPtrScalarBits")                       \
	OFF(hs_tinyAllocCount, "runtime.heapStatsDelta", "tinyAllocCount")                         \
	OFF(hs_largeAlloc, "runtime.heapStatsDelta", "largeAlloc")                                 \
	OFF(hs_largeAllocCount, "runtime.heapStatsDelta", "largeAllocCount")                       \
	OFF(hs_smallAllocCount, "runtime.heapStatsDelta", "smallAllocCount")                       \
	OFF(hs_largeFree, "runtime.heapStatsDelta", "largeFree")                                   \
	OFF(hs_largeFreeCount, "runtime.heapStatsDelta", "largeFreeCount")                         \
	OFF(hs_smallFreeCount, "runtime.heapStatsDelta", "smallFreeCount")                         \
	SIZE(mheap_size, "runtime.mheap")                                                          \
	OFF(mheap_sweepgen, "runtime.mheap", "sweepgen")                                           \
	OFF(mheap_allspans, "runtime.mheap", "allspans")                                           \
	OFF(mheap_arenas, "runtime.mheap", "arenas")                                               \
	OFF(mheap_allArenas, "runtime.mheap", "allArenas")                                         \
	OFF(mheap_heapArenas, "runtime.mheap", "heapArenas")                                       \
	OFF(mheap_userArenaArenas, "runtime.mheap", "userArenaArenas")                             \
	OFF(mheap_span_inuse, "runtime.mheap", "spanalloc.inuse")                                  \
	OFF(mheap_cache_inuse, "runtime.mheap", "cachealloc.inuse")                                \
	OFF(mheap_summary, "runtime.mheap", "pages.summary")                                       \
	OFF(mheap_chunks, "runtime.mheap", "pages.chunks")                                         \
	OFF(mheap_start, "runtime.mheap", "pages.start")                                           \
	OFF(mheap_end, "runtime.mheap", "pages.end")                                               \
	OFF(mheap_inUse, "runtime.mheap", "pages.inUse.ranges")                                    \
	OFF(mheap_summary_mapped, "runtime.mheap", "pages.summaryMappedReady")                     \
	OFF(mheap_scav_index, "runtime.mheap", "pages.scav.index.chunks")                          \
	OFF(mheap_scav_released, "runtime.mheap", "pages.scav.released")                           \
	OFF(mheap_scav_releasedBg, "runtime.mheap", "pages.scav.releasedBg")                       \
	OFF(mheap_scav_releasedEager, "runtime.mheap", "pages.scav.releasedEager")                 \
	OFF(mheap_central, "runtime.mheap", "central")                                             \
	OFF(mheap_sweepArenas, "runtime.mheap", "sweepArenas")                                     \
	OFF(mheap_markArenas, "runtime.mheap", "markArenas")                                       \
	OFF(mheap_pagesSwept, "runtime.mheap", "pagesSwept")                                       \
	OFF(mheap_pagesInUse, "runtime.mheap", "pagesInUse")                                       \
	OFF(mheap_reclaimIndex, "runtime.mheap", "reclaimIndex")                                   \
	OFF(mheap_reclaimCredit, "runtime.mheap", "reclaimCredit")                                 \
	OFF(mheap_sweepPagesPerByte, "runtime.mheap", "sweepPagesPerByte")                         \
	OFF(mheap_sweepHeapLiveBasis, "runtime.mheap", "sweepHeapLiveBasis")                       \
	OFF(mheap_speciallock, "runtime.mheap", "speciallock")                                     \
	OFF(mheap_specialfinalizeralloc, "runtime.mheap", "specialfinalizeralloc")                 \
	OFF(mheap_specialprofilealloc, "runtime.mheap", "specialprofilealloc")                     \
	OFF(mheap_spanalloc, "runtime.mheap", "spanalloc")                                         \
	OFF(mheap_cachealloc, "runtime.mheap", "cachealloc")                                       \
	OFF(mheap_curArena, "runtime.mheap", "curArena")                                           \
	SIZE(scav_chunk_size, "runtime.atomicScavChunkData")                                       \
	SIZE(arena_size, "runtime.heapArena")                                                      \
	OFF(arena_inline_marks, "runtime.heapArena", "pageUseSpanInlineMarkBits")                  \
	SIZE(mspan_size, "runtime.mspan")                                                          \
	OFF(mspan_list, "runtime.mspan", "list")                                                   \
	OFF(mspan_startAddr, "runtime.mspan", "startAddr")                                         \
	OFF(mspan_npages, "runtime.mspan", "npages")                                               \
	OFF(mspan_freeindex, "runtime.mspan", "freeindex")                                         \
	OFF(mspan_nelems, "runtime.mspan", "nelems")                                               \
	WIDTH(mspan_nelems_width, "runtime.mspan", "nelems")                                       \
	OFF(mspan_allocBits, "runtime.mspan", "allocBits")                                         \
	OFF(mspan_gcmarkBits, "runtime.mspan", "gcmarkBits")                                       \
	OFF(mspan_sweepgen, "runtime.mspan", "sweepgen")                                           \
	OFF(mspan_allocCount, "runtime.mspan", "allocCount")                                       \
	OFF(mspan_spanclass, "runtime.mspan", "spanclass")                                         \
	OFF(mspan_state, "runtime.mspan", "state")                                                 \
	OFF(mspan_elemsize, "runtime.mspan", "elemsize")                                           \
	OFF(mspan_beforeCache, "runtime.mspan", "allocCountBeforeCache")                           \
	OFF(mspan_largeType, "runtime.mspan", "largeType")                                         \
	SIZE(mcache_size, "runtime.mcache")                                                        \
	OFF(mcache_tiny, "runtime.mcache", "tiny")                                                 \
	OFF(mcache_tinyoffset, "runtime.mcache", "tinyoffset")                                     \
	OFF(mcache_tinyAllocs, "runtime.mcache", "tinyAllocs")                                     \
	OFF(mcache_alloc, "runtime.mcache", "alloc")                                               \
	OFF(p_mcache, "runtime.p", "mcache")                                                       \
	OFF(p_pcache, "runtime.p", "pcache")                                                       \
	OFF(p_palloc_base, "runtime.p", "palloc.base")                                             \
	OFF(p_tracebuf, "runtime.p", "tracebuf")                                                   \
	OFF(p_trace_buf, "runtime.p", "trace.buf")                                                 \
	OFF(g_stack, "runtime.g", "stack")                                                         \
	OFF(g_m, "runtime.g", "m")                                                                 \
	OFF(g_atomicstatus, "runtime.g", "atomicstatus")                                           \
	OFF(g_goid, "runtime.g", "goid")                                                           \
	OFF(g_sched_sp, "runtime.g", "sched.sp")                                                   \
	OFF(g_sched_pc, "runtime.g", "sched.pc")                                                   \
	OFF(g_sched_bp, "runtime.g", "sched.bp")                                                   \
	OFF(g_gopc, "runtime.g", "gopc")                                                           \
	OFF(m_g0, "runtime.m", "g0")                                                               \
	OFF(m_gsignal, "runtime.m", "gsignal")                                                     \
	OFF(m_curg, "runtime.m", "curg")                                                           \
	OFF(m_p, "runtime.m", "p")                                                                 \
	OFF(m_preemptoff, "runtime.m", "preemptoff")                                               \
	OFF(m_alllink, "runtime.m", "alllink")                                                     \
	OFF(m_procid, "runtime.m", "procid")                                                       \
	OFF(m_trace_buf, "runtime.m", "trace.buf")                                                 \
	WIDTH(m_trace_buf_width, "runtime.m", "trace.buf")                                         \
	OFF(m_vgetrandom, "runtime.m", "mOS.vgetrandomState")                                      \
	OFF(work_wbuf_free, "var:runtime.work", "wbufSpans.free")                                  \
	OFF(work_wbuf_busy, "var:runtime.work", "wbufSpans.busy")                                  \
	OFF(work_spmcs, "var:runtime.work", "spanSPMCs.list.obj")                                  \
	OFF(gcbits_lock, "var:runtime.gcBitsArenas", "lock")                                       \
	OFF(work_tSweepTerm, "var:runtime.work", "tSweepTerm")                                     \
	OFF(work_tMark, "var:runtime.work", "tMark")                                               \
	OFF(work_tMarkTerm, "var:runtime.work", "tMarkTerm")                                       \
	OFF(work_tEnd, "var:runtime.work", "tEnd")                                                 \
	OFF(work_heap0, "var:runtime.work", "heap0")                                               \
	OFF(work_heap1, "var:runtime.work", "heap1")                                               \
	OFF(work_heap2, "var:runtime.work", "heap2")                                               \
	OFF(work_stwprocs, "var:runtime.work", "stwprocs")                                         \
	OFF(work_maxprocs, "var:runtime.work", "maxprocs")                                         \
	OFF(work_bytesMarked, "var:runtime.work", "bytesMarked")                                   \
	OFF(work_startSema, "var:runtime.work", "startSema")                                       \
	OFF(work_markDoneSema, "var:runtime.work", "markDoneSema")                                 \
	OFF(work_mode, "var:runtime.work", "mode")                                                 \
	OFF(work_userForced, "var:runtime.work", "userForced")                                     \
	OFF(work_nproc, "var:runtime.work", "nproc")                                               \
	OFF(work_nwait, "var:runtime.work", "nwait")                                               \
	OFF(work_sweepWaiters, "var:runtime.work", "sweepWaiters")                                 \
	OFF(work_cycles, "var:runtime.work", "cycles")                                             \
	OFF(work_pauseNS, "var:runtime.work", "pauseNS")                                           \
	OFF(work_pauseStart, "var:runtime.work", "pauseStart")                                     \
	OFF(spmc_next, "runtime.spanSPMC", "allnode.next")                                         \
	OFF(spmc_cap, "runtime.spanSPMC", "cap")                                                   \
	OFF(spmc_ring, "runtime.spanSPMC", "ring")                                                 \
	OFF(gcbits_free, "var:runtime.gcBitsArenas", "free")                                       \
	OFF(gcbits_next, "var:runtime.gcBitsArenas", "next")                                       \
	OFF(gcbits_current, "var:runtime.gcBitsArenas", "current")                                 \
	OFF(gcbits_previous, "var:runtime.gcBitsArenas", "previous")                               \
	OFF(gcbits_arena_next, "runtime.gcBitsArena", "next")                                      \
	OFF(vgetrandom_states, "var:runtime.vgetrandomAlloc", "states")                            \
	OFF(vgetrandom_size, "var:runtime.vgetrandomAlloc", "stateSize")                           \
	OFF(bucket_allnext, "runtime.bucket", "allnext")                                           \
	OFF(bucket_typ, "runtime.bucket", "typ")                                                   \
	OFF(bucket_bytes, "runtime.bucket", "size")                                                \
	OFF(bucket_nstk, "runtime.bucket", "nstk")                                                 \
	SIZE(bucket_size, "runtime.bucket")                                                        \
	SIZE(memrecord_size, "runtime.memRecord")                                                  \
	OFF(memrecord_active, "runtime.memRecord", "active")                                       \
	OFF(memrecord_future, "runtime.memRecord", "future")                                       \
	SIZE(memcycle_size, "runtime.memRecordCycle")                                              \
	OFF(memcycle_allocs, "runtime.memRecordCycle", "allocs")                                   \
	OFF(memcycle_frees, "runtime.memRecordCycle", "frees")                                     \
	OFF(memcycle_alloc_bytes, "runtime.memRecordCycle", "alloc_bytes")                         \
	OFF(memcycle_free_bytes, "runtime.memRecordCycle", "free_bytes")                           \
	OFF(md_gcdatamask, "runtime.moduledata", "gcdatamask")                                     \
	OFF(md_gcbssmask, "runtime.moduledata", "gcbssmask")                                       \
	OFF(md_text, "runtime.moduledata", "text")                                                 \
	OFF(md_etext, "runtime.moduledata", "etext")                                               \
	OFF(md_types, "runtime.moduledata", "types")                                               \
	OFF(md_etypes, "runtime.moduledata", "etypes")                                             \
	OFF(md_gofunc, "runtime.moduledata", "gofunc")                                             \
	OFF(md_next, "runtime.moduledata", "next")                                                 \
	OFF(worldstop_start, "runtime.worldStop", "start")                                         \
	OFF(worldstop_finished, "runtime.worldStop", "finishedStopping")                           \
	OFF(trace_reading, "var:runtime.trace", "reading")                                         \
	OFF(trace_lock, "var:runtime.trace", "lock")                                               \
	OFF(trace_gen, "var:runtime.trace", "gen")                                                 \
	OFF(trace_reader, "var:runtime.trace", "reader")                                           \
	OFF(trace_shutdown, "var:runtime.trace", "shutdown")                                       \
	OFF(trace_workAvailable, "var:runtime.trace", "workAvailable")                             \
	OFF(trace_readerGen, "var:runtime.trace", "readerGen")                                     \
	OFF(trace_flushedGen, "var:runtime.trace", "flushedGen")                                   \
	OFF(trace_headerWritten, "var:runtime.trace", "headerWritten")                             \
	OFF(trace_doneSema, "var:runtime.trace", "doneSema")                                       \
	OFF(trace_cpuLogRead, "var:runtime.trace", "cpuLogRead")                                   \
	OFF(trace_cpuLogWrite, "var:runtime.trace", "cpuLogWrite")                                 \
	OFF(trace_cpuSleep, "var:runtime.trace", "cpuSleep")                                       \
	OFF(trace_seqGC, "var:runtime.trace", "seqGC")                                             \
	OFF(trace_signalLock, "var:runtime.trace", "signalLock")                                   \
	OFF(trace_bufLock, "var:runtime.trace", "bufLock")                                         \
	OFF(trace_enabled, "var:runtime.trace", "enabled")                                         \
	OFF(trace_fullTail, "var:runtime.trace", "fullTail")                                       \
	OFF(trace_shutdownSema, "var:runtime.trace", "shutdownSema")                               \
	OFF(trace_ticksStart, "var:runtime.trace", "ticksStart")                                   \
	OFF(trace_seqStart, "var:runtime.trace", "seqStart")                                       \
	OFF(trace_stringsLock, "var:runtime.trace", "stringsLock")                                 \
	OFF(trace_lastNonZeroGen, "var:runtime.trace", "lastNonZeroGen")                           \
	OFF(trace_exitingSyscall, "var:runtime.trace", "exitingSyscall")                           \
	OFF(trace_empty, "var:runtime.trace", "empty")                                             \
	OFF(trace_fullHead, "var:runtime.trace", "fullHead")                                       \
	OFF(trace_buf, "var:runtime.trace", "buf")                                                 \
	OFF(trace_cpuLogBuf, "var:runtime.trace", "cpuLogBuf")                                     \
	OFF(trace_cpuBuf, "var:runtime.trace", "cpuBuf")                                           \
	OFF(trace_full, "var:runtime.trace", "full")                                               \
	WIDTH(trace_full_width, "var:runtime.trace", "full")                                       \
	OFF(trace_stackTab, "var:runtime.trace", "stackTab")                                       \
	WIDTH(trace_stackTab_width, "var:runtime.trace", "stackTab")                               \
	OFF(trace_stringTab, "var:runtime.trace", "stringTab")                                     \
	WIDTH(trace_stringTab_width, "var:runtime.trace", "stringTab")                             \
	OFF(trace_typeTab, "var:runtime.trace", "typeTab")                                         \
	WIDTH(trace_typeTab_width, "var:runtime.trace", "typeTab")                                 \
	SIZE(stacktab_size, "runtime.traceStackTable")                                             \
	OFF(stacktab_mem, "runtime.traceStackTable", "mem")                                        \
	OFF(stacktab_tab, "runtime.traceStackTable", "tab")                                        \
	SIZE(stringtab_size, "runtime.traceStringTable")                                           \
	OFF(stringtab_buf, "runtime.traceStringTable", "buf")                                      \
	OFF(stringtab_tab, "runtime.traceStringTable", "tab")                                      \
	SIZE(typetab_size, "runtime.traceTypeTable")                                               \
	OFF(typetab_tab, "runtime.traceTypeTable", "tab")                                          \
	OFF(tracemap_mem, "runtime.traceMap", "mem")                                               \
	OFF(region_head, "runtime.traceRegionAlloc", "head")                                       \
	OFF(region_current, "runtime.traceRegionAlloc", "current")                                 \
	OFF(region_full, "runtime.traceRegionAlloc", "full")                                       \
	OFF(debug_madvdontneed, "var:runtime.debug", "madvdontneed")

struct go_layout {
	const char *release;   /* "1.24": the minor release the entry is for */
	const char *made_from; /* "go1.24.4": the toolchain whose DWARF was read */
	uint16_t machine;      /* EM_X86_64 or EM_AARCH64: paddings differ */
#define MEMBER(id, ...) uint32_t id;
	LAYOUT_FIELDS(MEMBER, MEMBER, MEMBER)
#undef MEMBER
};

extern const struct go_layout go_layouts[]; /* of each machine: oldest release first */
extern const size_t go_layouts_count;

/* The entry for Go 1.MINOR on a machine, or NULL. */
const struct go_layout *go_layout_find(int minor, uint16_t machine);

/* 24 of the entry for Go 1.24. */
static inline int go_layout_minor(const struct go_layout *l)
{
	return atoi(l->release + sizeof("1.") - 1);
}

/* The address of arena 0: arenaBaseOffset of runtime/malloc.go, as linux has it. */
static inline uint64_t go_arena_base(const struct go_layout *l)
{
	return l->machine == EM_X86_64 ? 0xffff800000000000ULL : 0;
}

/* Bytes of an object of each size class; class 0 is for large objects (0). */
extern const uint16_t go_size_class[LAYOUT_SIZE_CLASSES];

/* Pages of a span of each, of 8 KiB. */
extern const uint8_t go_class_pages[LAYOUT_SIZE_CLASSES];

#endif
