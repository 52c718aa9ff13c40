#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Each row moves by what the target did, measured by the target itself with
# mincore(2) over the addresses it knows. The slack is what the runtime does
# around the deed: a span begun, a work buffer, a goroutine's first stack.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

SPAN=8192

# prepared RELEASE: a target that collects only when told, and has done so.
prepared() {
	start "$1" truth && ask gogc -1 && ask gc 2
}

# seen LABEL: the target at rest, a ledger of it that adds up.
seen() {
	calm_look && adds_up "$1"
}

live_new() {
	local live0 new0 free0 bytes list
	prepared "$1" && seen "$1 before" || return 1
	live0=$(row go.heap.live) new0=$(row go.heap.new) free0=$(row go.heap.free_slots)

	ask hold a 20011 1024 && ask mincore a || return 1
	bytes=$(($(ans held_resident) + $(ans list_bytes)))
	near "$1: held objects are touched" "$(ans held_resident)" "$(ans held_bytes)" 0
	seen "$1 allocated" || return 1
	near "$1: new after allocating" $(($(row go.heap.new) - new0)) $bytes 16384
	# not to the byte: an object lives in a span whose other page is now touched
	near "$1: live after allocating" "$(row go.heap.live)" "$live0" 16384

	ask gc || return 1
	seen "$1 collected" || return 1
	near "$1: live after gc" $(($(row go.heap.live) - live0)) $bytes 16384
	near "$1: new after gc" "$(row go.heap.new)" "$new0" 16384
	near "$1: free slots" "$(row go.heap.free_slots)" "$free0" 65536

	# pointerful objects: mark bits of other kinds of spans
	live0=$(row go.heap.live)
	ask hold b 30011 96 scan && ask hold c 5003 2000 scan && ask hold d 60013 16 || return 1
	bytes=0
	for list in b c d; do
		ask mincore $list || return 1
		bytes=$((bytes + $(ans held_resident) + $(ans list_bytes)))
	done
	ask gc || return 1
	seen "$1 pointers" || return 1
	near "$1: live with pointers" $(($(row go.heap.live) - live0)) $bytes 32768

	# dropped, not yet collected: they were live at the last GC and stay so
	live0=$(row go.heap.live)
	ask drop b 1 3 || return 1
	seen "$1 dropped" || return 1
	near "$1: live before the next gc" "$(row go.heap.live)" "$live0" 0
}

@test "rows: live and new" { each_release live_new; }

free_slots() {
	local live0 free0 idle0 dropped
	prepared "$1" && ask hold a 10007 4096 && ask gc && seen "$1 before" || return 1
	live0=$(row go.heap.live) free0=$(row go.heap.free_slots) idle0=$(row go.heap.idle)
	ask drop a 1 2 && ask gc && ask mincore a || return 1
	dropped=$(ans dropped_pages_resident)
	near "$1: a free slot is a page here" "$dropped" "$(ans dropped_bytes)" 0
	seen "$1 after" || return 1
	# now and then both slots of a span were dropped, and it is free as a whole
	near "$1: free slots" $(($(row go.heap.free_slots) - free0)) "$dropped" 262144
	near "$1: free slots and spans" \
		$(($(row go.heap.free_slots) + $(row go.heap.idle) - free0 - idle0)) "$dropped" 131072
	near "$1: live" $((live0 - $(row go.heap.live))) "$dropped" 16384
	near "$1: error" "$(row go.heap.free_slots error)" 0 1048576
}

@test "rows: free slots" { each_release free_slots; }

tail_waste() {
	local tail0 want
	prepared "$1" && seen "$1 before" || return 1
	tail0=$(row go.heap.tail)
	# class 1280: six a span of 8 KiB, 512 bytes over
	ask hold a 12007 1280 && ask gc && ask mincore a || return 1
	check "$1: slot" "$(ans elem)" -eq 1280
	want=$((2002 * 512)) # 12007 / 6, rounded up
	near "$1: the target's own idea" $(($(ans pages_resident) - $(ans held_resident))) $want $SPAN
	seen "$1 after" || return 1
	near "$1: tail" $(($(row go.heap.tail) - tail0)) $want 4096
}

@test "rows: span tails" { each_release tail_waste; }

idle_returned() {
	local idle0 new0 ret0 rss0 gone filled
	prepared "$1" && ask hold a 61 1048573 && seen "$1 before" || return 1
	idle0=$(row go.heap.idle) new0=$(row go.heap.new)
	check "$1: returned and resident, before" "$(row go.heap.returned)" -eq 0

	ask drop a 1 1 && ask gc && ask mincore a || return 1
	gone=$(ans dropped_resident)
	near "$1: the spike is still mapped" "$gone" "$(ans dropped_bytes)" 0
	seen "$1 dropped" || return 1
	near "$1: idle" $(($(row go.heap.idle) - idle0)) "$gone" 131072
	near "$1: new" $((new0 - $(row go.heap.new))) "$gone" 131072
	near "$1: matrix free x resident" "$(l '.matrix[] | select(.state == "free") | .resident + .huge')" \
		"$(row go.heap.idle)" 0

	ask free && ask mincore a || return 1
	near "$1: given back" "$(ans dropped_resident)" 0 131072 # lowest address first: reused
	seen "$1 given back" || return 1
	ret0=$(row go.heap.returned) rss0=$(l .rss)
	check "$1: returned and resident, none yet" "$ret0" -eq 0
	near "$1: idle after FreeOSMemory" "$(row go.heap.idle)" 0 131072

	ask refill a 1009 || return 1
	filled=$(ans bytes)
	check "$1: pages refilled" "$(ans pages)" -eq 1009
	seen "$1 refilled" || return 1
	check "$1: returned, resident" "$(row go.heap.returned)" -eq "$filled"
	near "$1: rss" "$(l .rss)" $((rss0 + filled)) 65536
	near "$1: matrix scavenged x resident" \
		"$(l '.matrix[] | select(.state == "scavenged") | .resident + .huge')" "$filled" 0
}

@test "rows: idle and returned" { each_release idle_returned; }

untouched() {
	local want
	prepared "$1" && ask free && seen "$1 before" || return 1
	want=$(l '.not_in_rss[] | select(.id == "heap.untouched") | .bytes')
	[[ $want =~ ^[0-9]+$ ]] || fail "$1: heap.untouched is $want"
	check "$1: page tables" "$(l '.not_in_rss[] | select(.id == "page_tables") | .bytes')" -eq \
		"$(awk '/^VmPTE:/ { print $2 * 1024 }' "/proc/$PID/status")"
}

@test "rows: what is not in RSS" { each_release untouched; }

threads() { find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l; }

# A thread more, which a busy machine may bring about at any time, has 16 KiB of g0 and 32 KiB of
# gsignal.
slack() { echo $((131072 + ($(threads) - threads0) * 49152)); }

stacks() {
	local inuse0 mapped0 want free0 threads0
	# the threads that carry them, and their system stacks, first
	prepared "$1" && ask park 53 40 && ask unpark && ask gc && seen "$1 before" || return 1
	inuse0=$(row go.stacks.inuse) free0=$(row go.stacks.free)
	mapped0=$(row go.stacks.inuse mapped)
	threads0=$(threads)
	ask park 211 40 || return 1
	want=$(ans stack_resident)
	check "$1: stacks of 64 KiB" "$(ans stack_size)" -eq 65536
	check "$1: goroutines" "$(ans goroutines)" -eq 211
	seen "$1 parked" || return 1
	near "$1: stacks in use" $(($(row go.stacks.inuse) - inuse0)) "$want" "$(slack)"
	near "$1: mapped" $(($(row go.stacks.inuse mapped) - mapped0)) "$(ans stack_bytes park)" 262144

	ask unpark && ask gc || return 1
	seen "$1 gone" || return 1
	near "$1: stacks in use, afterwards" "$(row go.stacks.inuse)" "$inuse0" "$(slack)"
	near "$1: all stacks, afterwards" $(($(row go.stacks.inuse) + $(row go.stacks.free))) \
		$((inuse0 + free0)) 1048576
}

@test "rows: goroutine stacks" { each_release stacks; }

# every anonymous page belongs to a Go row, .bss, or the main stack
runtime_rows() {
	local outside want bss more
	prepared "$1" && ask hold a 20011 1024 && ask park 503 3 && ask drop a 1 2 && ask gc || return 1
	ask anon && ask anon || return 1 # the first touches its own buffers
	outside=$(jq '([.maps[] | select(.bss | not) | select(.arena == 0) | .rss] | add) - .scratch' <<<"$ANS")
	want=$(ans rss) bss=$(ans bss_rss)
	seen "$1" || return 1
	check "$1: all Go rows" "$(sum go.)" -eq "$want"
	check "$1: .bss" "$(row elf.bss)" -eq "$bss"
	# work buffers are the runtime's and lie in an arena: they are what is more
	more=$(($(sum go.runtime.) - outside))
	check "$1: runtime rows, at least what lies outside the arenas" $more -ge 0
	check "$1: work buffers" $more -le 262144
	check "$1: mspan row" "$(row go.runtime.mspan)" -le "$(l .memstats.MSpanSys)"
	# the allocator hands out structures it has not touched yet
	check "$1: mspan row, about those in use" "$(row go.runtime.mspan)" -ge $(($(l .memstats.MSpanInuse) - 16384))
	check "$1: mcache row" "$(row go.runtime.mcache)" -le "$(l .memstats.MCacheSys)"
	check "$1: mcache row, at least those in use" "$(row go.runtime.mcache)" -gt 0
}

@test "rows: the runtime's own memory" { each_release runtime_rows; }

profile_trace() {
	local prof0 bound
	prepared "$1" && seen "$1 before" || return 1
	prof0=$(row go.runtime.profile)
	ask profile 1 && seen "$1 profiled" || return 1
	check "$1: profile row grew" "$(row go.runtime.profile)" -gt "$prof0"
	check "$1: profile row" "$(row go.runtime.profile)" -le "$(l .memstats.BuckHashSys)"

	# a running trace is never idle: the buffer in flight to its reader is nobody's
	ask trace on || return 1
	LOOK_TRIES=5 look || return 1
	check "$1: sum with residual" "$(l '([.rows[].resident] | add) + .residual')" -eq "$(l .rss)"
	bound=73728
	check "$1: anon.other while tracing" "$(row anon.other)" -le $bound
	ask trace off && seen "$1 trace over" || return 1
}

@test "rows: heap profile and trace buffers" { each_release profile_trace; }

others() {
	local files0 shm0 bss0 rss0 main0
	prepared "$1" && ask anon && seen "$1 before" || return 1
	files0=$(row files) shm0=$(row shmem) bss0=$(row elf.bss)

	ask shm 1000003 && seen "$1 shared" || return 1
	check "$1: shmem" "$(row shmem)" -eq $((shm0 + $(ans resident shm)))
	ask file /bin/bash && seen "$1 file" || return 1
	check "$1: files" "$(row files)" -eq $((files0 + $(ans resident file)))
	check "$1: a detail names the file" "$(jq '[.rows[] | select(.id == "files") | .detail[] |
		tostring | select(contains("bash"))] | length' "$LEDGER")" -ge 1
	ask bss 10000019 && seen "$1 bss" || return 1
	check "$1: elf.bss" "$(row elf.bss)" -eq $((bss0 + $(ans resident bss)))

	rss0=$(l .rss)
	ask zero 4194304 && seen "$1 zero pages" || return 1
	near "$1: zero pages are not in RSS" "$(l .rss)" "$rss0" 65536

	ask threads 17 && seen "$1 threads" || return 1
	main0=$(awk '/\[stack\]$/ { on = 1 } on && /^Rss:/ { print $2 * 1024; exit }' "/proc/$PID/smaps")
	check "$1: main thread's stack" "$(row threads.stacks)" -eq "$main0"
	check "$1: no C heap" "$(row cgo.heap)" -eq 0
	check "$1: no C arenas" "$(row cgo.arenas)" -eq 0
	check "$1: no libraries" "$(row libs)" -eq 0
	check "$1: no probes" "$(row probes)" -eq 0

	ask mmap 8388617 || return 1
	ANON_OTHER=$(ans resident mmap)
	seen "$1 own mapping" || return 1
	check "$1: anon.other" "$(row anon.other)" -eq "$ANON_OTHER"
	ANON_OTHER=0
}

@test "rows: shared memory, files, bss, zero pages, threads, own mappings" { each_release others; }

matrix_sums() {
	local s
	prepared "$1" && ask hold a 20011 1024 && ask park 101 12 && ask drop a 1 2 && ask gc &&
		seen "$1" || return 1
	s=$(l '[.matrix[] | .resident, .huge] | add')
	# arenas: the heap and stack rows, and work buffers of the collector
	check "$1: matrix, at least heap and stacks" "$s" -ge "$(sum go.heap. go.stacks.)"
	check "$1: matrix" "$s" -le $(($(sum go.heap. go.stacks.) + 262144))
	near "$1: in use x resident" "$(l '[.matrix[] | select(.state == "in_use") | .resident + .huge] | add')" \
		"$(sum go.heap.live go.heap.new go.heap.free_slots go.heap.tail)" 262144
	near "$1: stack x resident" "$(l '[.matrix[] | select(.state == "stack") | .resident + .huge] | add')" \
		"$(sum go.stacks.)" 0
}

@test "rows: the matrix has the same pages" { each_release matrix_sums; }
