# shellcheck shell=busybox disable=SC2154
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# The ledger: every row and counter is held against the target's own. Emulation is slow,
# so the loads are small.

same_memstats() {
	local key ours theirs
	for key in HeapInuse HeapIdle HeapReleased HeapSys StackInuse StackSys MSpanInuse MSpanSys \
		MCacheInuse GCSys OtherSys Sys NumGC NumForcedGC TotalAlloc HeapAlloc Mallocs Frees; do
		eval "ours=\$l_$key theirs=\$ans_$key"
		check "$1: $key" "$ours" = "$theirs"
	done
}

# Small pages only, so that all numbers are known.
heap() {
	local live idle want
	echo madvise > $THP
	start "truth-$1" && calm_look || return 1
	adds_up start && same_memstats start
	ask gogc -1 && ask gc 2 && calm_look || return 1
	live=$row_go_heap_live_resident
	ask hold a 4001 1024 && ask mincore a || return 1
	want=$((ans_held_resident + ans_list_bytes))
	ask gc && calm_look || return 1
	adds_up held && same_memstats held
	near "live" $((row_go_heap_live_resident - live)) $want 16384
	idle=$row_go_heap_idle_resident
	ask hold b 5 1048573 && ask drop b 1 1 && ask gc && ask mincore b && calm_look || return 1
	adds_up dropped && same_memstats dropped
	near "idle" $((row_go_heap_idle_resident - idle)) "$ans_dropped_resident" 131072
	ask free && ask refill b 509 || return 1
	want=$ans_bytes
	calm_look || return 1
	adds_up refilled && same_memstats refilled
	check "pages filled" "$want" = $((509 * 4096))
	check "returned and resident" "$row_go_heap_returned_resident" = "$want"
	check "none is lazily free" "$cell_scavenged_lazyfree" = 0
	ask park 101 20 && calm_look && adds_up parked && same_memstats parked
}

# What is huge, or the huge zero page, or lazily free, as this kernel says itself.
huge() {
	echo always > $THP
	start "truth-$1" && ask gogc -1 && ask hold a 13 1048573 && calm_look || return 1
	adds_up huge && same_memstats huge
	check "there are huge pages" "$(of_smaps AnonHugePages)" -gt 0
	check "no page is lazily free" "$cell_scavenged_lazyfree" = "$(of_smaps LazyFree)"
	ask drop a 1 2 && ask gc && ask free && calm_look || return 1
	adds_up "given back"
	ask zero 8388608 && calm_look && adds_up "huge zero page"
}

lazy() {
	echo "$2" > $THP
	GODEBUG=madvdontneed=0 start "truth-$1" && ask gogc -1 && ask hold a 7 1048573 || return 1
	ask drop a 1 1 && ask gc && ask free && calm_look || return 1
	adds_up lazy
	check "madvise" "$l_madvise" = FREE
	check "pages are lazily free" "$(of_smaps LazyFree)" -gt $((5 * 1048576))
	near "those of the kernel" "$cell_scavenged_lazyfree" "$(of_smaps LazyFree)" 0
}

mappings() {
	echo madvise > $THP
	start "truth-$1" && ask mmap 1048576 && ask zero 786432 && ask shm 524288 &&
		ask file "$PWD/gomemtrace" && ask bss 1310720 && calm_look || return 1
	adds_up mapped 1048576
	check "shmem" "$row_shmem_resident" -ge 524288
}

busy() {
	local n
	echo always > $THP
	start "churn-$1" || return 1
	for n in 1 2 3; do
		look || return 1
		check "$n: sum with the residual" $(($(rows_sum) + l_residual)) = "$l_rss"
		check "$n: proven" "$l_proven" = true
		check "$n: failed invariants" "$l_failed" = 0
		near "$n: residual" "$l_residual" 0 "$l_residual_bound"
	done
}

for rel in $(releases); do
	run "$rel: heap" heap "$rel"
	run "$rel: huge pages" huge "$rel"
	run "$rel: lazily free" lazy "$rel" madvise
	run "$rel: lazily free huge pages" lazy "$rel" always
	run "$rel: mappings" mappings "$rel"
	run "$rel: busy" busy "$rel"
done
run "stripped" heap stripped
