// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* The rows of the ledger, explained; see explain.h. */
#include "explain.h"

#define GROUP "row"
#define PAGES "Only pages that the kernel holds are counted, by pagemap or PAGEMAP_SCAN."
#define SPANS                                                                                      \
	"The runtime's mspan structures (runtime.mheap_.allspans), each page of them by pagemap."
#define PARTLY                                                                                     \
	"3 stars. A span that is resident in part only is held slot by slot against its pages; "   \
	"what cannot be decided is the row's error."
#define COUNTED "3 stars: counted page by page."

const struct explain_entry explain_rows[] = {
	{ .field = "go.heap.live",
	  .group = GROUP,
	  .brief = "objects that the last garbage collection found reachable",
	  .meaning = "Slots of heap spans whose object was marked in the last finished GC cycle. "
		     "They may have become garbage since; the next cycle tells.",
	  .source =
		  SPANS " Marked is what the span's own bits say: its allocBits once it is swept, "
			"its gcmarkBits before.",
	  .trust = PARTLY,
	  .drift = "From 1.26 small spans (objects of 16 to 512 bytes) keep their mark bits inside "
		   "the span until they are swept; they are read there.",
	  .misread =
		  "It is not HeapAlloc, which also counts objects allocated since, and garbage "
		  "that is not swept yet. It is not the runtime's heapMarked either: that counts "
		  "every pointerful object with a finalizer twice." },
	{ .field = "go.heap.new",
	  .group = GROUP,
	  .brief = "objects allocated since the last garbage collection",
	  .meaning = "Slots in use that the last cycle did not mark: allocated since, reachable or "
		     "garbage, nobody knows yet. Slots that are neither marked nor swept yet are "
		     "dead and counted here, too.",
	  .source = SPANS " Allocated (allocCount) less marked, span by span.",
	  .trust = PARTLY,
	  .misread = "Large here is GOGC headroom, not a leak: it falls at the next cycle. "
		     "heapLive - heapMarked of the runtime is an upper estimate of it only." },
	{ .field = "go.heap.free_slots",
	  .group = GROUP,
	  .brief = "free slots inside spans that hold objects: fragmentation",
	  .meaning =
		  "A span is given back as a whole only. One object that survives keeps the 8 KiB "
		  "or more of its span.",
	  .source = SPANS " (nelems - allocCount) x elemsize.",
	  .trust = PARTLY,
	  .misread = "A garbage collection does not shrink it: it falls only when the last objects "
		     "of a span die. New objects of the same size class do use the slots. No heap "
		     "profile and no gctrace line shows it." },
	{ .field = "go.heap.tail",
	  .group = GROUP,
	  .brief = "ends of spans that no slot fits into",
	  .source = SPANS " npages x 8192 - nelems x elemsize.",
	  .trust = PARTLY,
	  .drift = "From 1.22 it includes 128 bytes of pointer bitmap per 8 KiB in spans with "
		   "pointers and objects of up to 512 bytes; from 1.26, 128 bytes of mark bits in "
		   "every span of objects of 16 to 512 bytes." },
	{ .field = "go.heap.idle",
	  .group = GROUP,
	  .brief = "free pages of the heap that were not given back",
	  .meaning = "Pages in no span that the runtime keeps for the next allocation. The "
		     "background scavenger returns them over minutes, down to its goal.",
	  .source = "The runtime's page bitmap (pallocData) and the page caches of the Ps. " PAGES,
	  .trust = COUNTED,
	  .misread = "It is not HeapIdle, which also counts what was given back (HeapReleased) and "
		     "pages that were never touched." },
	{ .field = "go.heap.returned",
	  .group = GROUP,
	  .brief = "pages that the runtime gave back and that are resident all the same",
	  .meaning = "Two causes are known: khugepaged made a huge page over the hole "
		     "(max_ptes_none), or the memory was given back lazily (MADV_FREE) and the "
		     "kernel has not taken it yet. The matrix tells them apart: LAZYFREE.",
	  .source = "The scavenged bits of the page bitmap and of the page caches. " PAGES,
	  .trust = "3 stars. 0 in every still look at a process without huge pages and MADV_FREE, "
		   "so anything else is a finding.",
	  .drift =
		  "Up to 1.20 the runtime marks returned memory MADV_NOHUGEPAGE, so refill by huge "
		  "pages needs 1.21 or later. From 1.26 the padding at the start of a randomised "
		  "heap is marked scavenged, too, and counted here once it is resident.",
	  .misread = "HeapReleased does not shrink when pages come back this way: Go still reports "
		     "them as returned." },
	{ .field = "go.stacks.inuse",
	  .group = GROUP,
	  .brief = "stacks of goroutines, and the runtime's own system stacks",
	  .source = "The stack bounds of every goroutine (runtime.allgs) and of g0 and gsignal of "
		    "every thread, inside the runtime's stack spans. " PAGES,
	  .trust = COUNTED,
	  .misread = "Stacks shrink at a garbage collection only, to half at a time. Exited "
		     "goroutines are kept for reuse, and are not counted here." },
	{ .field = "go.stacks.free",
	  .group = GROUP,
	  .brief = "stack spans that no goroutine uses now",
	  .source = "Stack spans less the stacks in use. " PAGES,
	  .trust = COUNTED,
	  .misread = "MemStats.StackInuse includes it." },
	{ .field = "go.runtime.mspan",
	  .group = GROUP,
	  .brief = "the runtime's descriptions of spans",
	  .source =
		  "Every mspan structure by its address (runtime.mheap_.allspans), dead ones too. " PAGES,
	  .trust = COUNTED,
	  .misread = "It is never given back: after a spike it stays (about 1.5 MB after one of "
		     "200 MB, in every release). It may be less than MSpanSys: some were never "
		     "touched." },
	{ .field = "go.runtime.mcache",
	  .group = GROUP,
	  .brief = "caches of free slots, one a P",
	  .source = "The mcache of every P (runtime.allp) by its address. " PAGES,
	  .trust = COUNTED },
	{ .field = "go.runtime.gc",
	  .group = GROUP,
	  .brief = "metadata of the garbage collector and the page allocator",
	  .meaning = "Heap arenas' descriptions, the heap index, page summaries and bitmaps, mark "
		     "bits, work buffers, span queues.",
	  .source = "Each structure by its address, where it has mappings of its own. Chunks that "
		    "several kinds of structures share are split by the runtime's counters.",
	  .trust = "2 stars: the split of the shared chunks is the row's error.",
	  .drift =
		  "Up to 1.21 a heap arena's description takes 1 to 2 MiB per 64 MiB of heap (1.19: "
		  "7.5 MB stay for ever after a spike of 200 MB), from 1.22 about 68 KiB. From 1.26 "
		  "there are span queues.",
	  .misread = "It follows the largest heap there ever was, not the present one." },
	{ .field = "go.runtime.profile",
	  .group = GROUP,
	  .brief = "tables of the memory, block and mutex profilers",
	  .source = "The profile hash (runtime.buckhash), its buckets by address, and the masks of "
		    "data and bss, which the runtime counts there. " PAGES,
	  .trust = COUNTED,
	  .drift = "From 1.23 stacks of up to 128 frames make it grow with distinct deep stacks.",
	  .misread = "It grows with distinct stacks and never falls." },
	{ .field = "go.runtime.other",
	  .group = GROUP,
	  .brief = "other memory of the runtime: span list, trace buffers, small structures",
	  .source = "Each structure by its address; shared chunks by the runtime's counters.",
	  .trust = "2 stars: the split of the shared chunks is the row's error.",
	  .drift = "From 1.24 it includes the states of vgetrandom. With execution tracing on, the "
		   "buffer that is in flight at the reader (64 KiB, in 1.23 72 KiB) is in "
		   "anon.other." },
	{ .field = "elf.text",
	  .group = GROUP,
	  .brief = "machine code of the program",
	  .source = "Executable mappings of the program's file. " PAGES,
	  .trust = COUNTED,
	  .misread =
		  "Pages of a file: the kernel can drop them and read them again. Private copies "
		  "that probes made are in the row probes." },
	{ .field = "elf.rodata",
	  .group = GROUP,
	  .brief = "read-only data of the program: constants, type data, pclntab",
	  .source = "Read-only mappings of the program's file. " PAGES,
	  .trust = COUNTED,
	  .misread = "The kernel can drop these pages and read them again." },
	{ .field = "elf.data",
	  .group = GROUP,
	  .brief = "initialised variables of the program",
	  .source = "Writable mappings of the program's file, pages written to included. " PAGES,
	  .trust = COUNTED },
	{ .field = "elf.bss",
	  .group = GROUP,
	  .brief = "variables of the program that begin as zero",
	  .source = "The anonymous mapping behind the last one of the program's file. " PAGES,
	  .trust = COUNTED },
	{ .field = "cgo.heap",
	  .group = GROUP,
	  .brief = "the brk heap, which C code allocates from",
	  .source = "The mapping [heap]. " PAGES,
	  .trust = "3 stars for what is mapped. It does not say what C code has freed.",
	  .misread = "Pure Go programs have none." },
	{ .field = "cgo.arenas",
	  .group = GROUP,
	  .brief = "arenas and large allocations of the C library",
	  .source =
		  "glibc's own structures, tested one against the other: the head of each arena's "
		  "heap, the ring of arenas, the heads of large blocks. " PAGES,
	  .trust = "As the stars of the row say. What is not recognised is in anon.other.",
	  .misread = "glibc keeps freed memory in its arenas: large here is not yet a leak in C." },
	{ .field = "threads.stacks",
	  .group = GROUP,
	  .brief = "stacks of operating system threads",
	  .source =
		  "The mapping [stack], and stacks of C threads where they are recognised. " PAGES,
	  .trust = COUNTED,
	  .misread =
		  "In a pure Go program only the main thread has one; the system stacks of other "
		  "threads are in go.stacks.inuse." },
	{ .field = "libs",
	  .group = GROUP,
	  .brief = "shared libraries, their bss, and the loader's memory",
	  .source =
		  "Mappings of files that are shared libraries, anonymous ones behind them, and the "
		  "loader's own memory. " PAGES,
	  .trust = COUNTED },
	{ .field = "files",
	  .group = GROUP,
	  .brief = "other mapped files, one by one in the detail",
	  .source = "Mappings of other files (bbolt, badger and the like). " PAGES,
	  .trust = COUNTED,
	  .misread = "Clean pages of files can be dropped by the kernel: RSS that counts, but no "
		     "reason to be killed." },
	{ .field = "shmem",
	  .group = GROUP,
	  .brief = "shared memory, and files in tmpfs that are mapped",
	  .source = "Shared anonymous mappings, memfd, /dev/shm. " PAGES,
	  .trust = COUNTED,
	  .misread = "Files in tmpfs that nobody maps are charged to the cgroup and are in no "
		     "process's RSS." },
	{ .field = "anon.other",
	  .group = GROUP,
	  .brief = "anonymous memory that no row above owns",
	  .meaning =
		  "What libraries and user code map directly, what C allocators hold that was not "
		  "recognised, and, if the layout of the runtime is not proven, all of Go.",
	  .source = "Anonymous mappings, page by page, less what is claimed above. " PAGES,
	  .trust =
		  "3 stars: it is what is left, and no other row ever takes a remainder. It is 0 in "
		  "an idle, static, pure Go program.",
	  .misread = "It is not 'unknown': the pages are counted exactly, only the owner is not "
		     "known." },
	{ .field = "kernel",
	  .group = GROUP,
	  .brief = "mappings the kernel makes by itself: vdso, vvar",
	  .source = "Mappings of those names. " PAGES,
	  .trust = COUNTED,
	  .misread = "Memory that the kernel holds for the process (page tables, slab, sockets) is "
		     "not in RSS, so not here." },
	{ .field = "probes",
	  .group = GROUP,
	  .brief = "pages that probes made private in the program's text",
	  .meaning = "The price of being observed: each page of code with a breakpoint becomes an "
		     "anonymous copy, 4 KiB. They outlive the probes.",
	  .source = "Anonymous pages in executable mappings of the program, and [uprobes]. " PAGES,
	  .trust = COUNTED },
	{}
};
