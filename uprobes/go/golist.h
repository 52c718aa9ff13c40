/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * golist.h - the Go processes of this host, with the few numbers that rank them.
 *
 * What is no Go program is told by its executable, each of which is read once, and of one
 * that has threads enough for a Go runtime by its libraries, each read once, too. Then
 * each Go process is looked at by a child of its own with a deadline (proc/guard.h), so one
 * that does not answer costs one deadline, once, and not the list. No page is counted: RSS
 * is VmRSS of /proc/PID/status, the heap is the runtime's own counters, proven as always.
 */
#ifndef GO_LIST_H
#define GO_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GOLIST_UNKNOWN UINT64_MAX

struct golist_entry {
	pid_t pid;
	char comm[64], version[64], module[192]; /* "" where unknown */
	bool stripped;
	uint64_t rss, heap_inuse, heap_alloc; /* bytes or GOLIST_UNKNOWN */
	int err;                              /* why something is unknown, or 0 */
	char reason[320];                     /* the same in words, or "" */
};

struct golist {
	struct golist_entry *entry;
	size_t n, cap;
	size_t scanned; /* processes that were judged by their executable */
	size_t unknown; /* whose executable or libraries may not be read: maybe Go, maybe not */
};

/*
 * All Go processes, or those in only[0..nonly-1], which are then listed whatever they are.
 * Largest RSS - HeapAlloc first, those where it is unknown last. Processes that end
 * meanwhile are left out. 0, or -errno when nothing can be listed at all.
 */
int golist_read(struct golist *l, const pid_t *only, size_t nonly, uint64_t deadline_ns);
void golist_free(struct golist *l);

#endif
