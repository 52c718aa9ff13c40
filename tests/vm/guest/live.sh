# shellcheck shell=busybox disable=SC2154,SC2034
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Events: what the programs in this kernel saw is held against what the target counted.

of_reason() { grep '"stack":' $W/events | grep -c "\"reason\":\"$1\""; }

cycles() {
	start "$1" && watch gogc && ask gc 3 && watched || return 1
	check "cycles" "$s_cycles" = 3
	check "forced" "$s_forced" = 3
	check "coverage" "$s_coverage" = 100
	ask stats || return 1
	check "NumGC" "$s_numgc" = "$ans_NumGC"
	check "pauses" "$s_pause_ns" = "$ans_PauseTotalNs"
}

# Reading MemStats stops the world once, a collection twice.
stops() {
	local before
	start "$1" && watch gostw && ask gc 3 && ask stats && ask stats && watched || return 1
	stacks_told "$1"
	check "read mem stats" "$(of_reason 'read mem stats')" = 3
	check "sweep termination" "$(of_reason 'GC sweep termination')" = 3
	check "mark termination" "$(of_reason 'GC mark termination')" = 3
	check "stops" "$s_stops" = 9
	check "who asked" "$(grep -c '"who":"main\.' $W/events)" = 6
	# without one, only what the runtime writes down of collections is left
	! grep -q 'built without a decoder' $W/events ||
		check "what ends sooner is not exact" "$s_exact" = 6
	check "pauses" "$s_gc_pause_ns" = "$ans_PauseTotalNs"
	check "coverage" "$s_coverage" = 100
}

spaces() {
	start "$1" && watch gommap && ask mmap 33333331 && ask stats && watched || return 1
	check "a mapping" "$(grep -c '"call":"mmap","owner":"go.user","addr":"[0-9]*","bytes":33337344,' $W/events)" = 1
	check "by whom" "$(grep '"owner":"go.user","calls":1,.*"resident_bytes":33337344,' $W/events | grep -c '"who":"main\.')" = 1
	check "explained" "$s_unexplained_bytes" = 0
	stacks_told "$1"
}

given_back() {
	start "$1" && ask gogc -1 && ask hold a 31 1048573 && ask drop a 1 1 && watch goscav || return 1
	ask free && ask refill a 337 && ask stats && watched || return 1
	check "by FreeOSMemory" "$(grep -c '"source":"freeosmemory","calls":' $W/events)" = 1
	check "given back" "$s_returned_bytes" -gt 31000000
	check "RSS" "$s_rss_change" -lt -31000000
	# a page that is touched brings a huge one, where the host says so
	check "back again" "$s_refault_bytes" -ge $((337 * 4096))
}

huge_faults() { sed -n 's/^thp_fault_alloc //p' /proc/vmstat; }

# khugepaged makes huge pages of small ones and of the holes between them: memory that was given
# back is there again, and nobody touched it.
refilled() {
	local huge faults rss now n=0
	echo never > $THP
	start "$1" && ask gogc -1 && ask hold a 31 1048573 && ask drop a 1 2 && watch goscav && ask free || return 1
	check "no huge page yet" "$(of_smaps AnonHugePages)" = 0
	faults=$(huge_faults)
	echo always > $THP
	# the first fault from now on, which brings a huge page, has it look at this process
	ask mmap 4194304 || return 1
	rss=$(of_smaps Rss)
	echo 10 > $KHUGEPAGED/alloc_sleep_millisecs
	echo 10 > $KHUGEPAGED/scan_sleep_millisecs
	while now=$(of_smaps AnonHugePages) && [ "$now" -lt 33554432 ] && [ $n -lt 200 ]; do
		n=$((n + 1))
		sleep 0.1
	done
	echo 4000000000 > $KHUGEPAGED/scan_sleep_millisecs
	sleep 1
	huge=$(($(of_smaps AnonHugePages) - ($(huge_faults) - faults) * 2097152))
	rss=$(($(of_smaps Rss) - rss))
	watched || return 1
	check "collapsed" "$huge" -ge 20971520
	check "by khugepaged" "$s_khugepaged_bytes" = "$huge"
	check "holes are filled" "$rss" -ge 10485760
	# of what is filled, a part was never touched, and so not given back
	check "back again" "$s_refault_bytes" -ge 10485760
	check "not more than that" "$s_refault_bytes" -le "$rss"
	kernel 6 7 && rss=$s_refault_bytes || rss=null
	check "in huge pages" "$s_refault_huge_bytes" = "$rss"
}

touched() {
	local before
	start "$1" && ask faults && watch gofault --ring 4M || return 1
	ask faults && before=$((ans_min_flt + ans_maj_flt)) && ask mmap 4100096 && ask faults && watched || return 1
	near "getrusage" "$s_faults" $((ans_min_flt + ans_maj_flt - before)) 30
	near "first touch" "$s_first_bytes" 4100096 131072
	check "row, by whom" "$(grep '"by":"who","kind":"first",.*"row":"anon.other","who":"main\.' $W/events |
		grep -c '"bytes":4100096,')" = 1
}

# Threads are made by clone, and sleep: a kernel stack and a task each.
for_kernel() {
	start "$1" && watch gokmem && ask threads 7 && ask stats && watched || return 1
	check "objects" "$s_objects" -ge 14
	check "some are left" "$s_outstanding_bytes" -ge 7000
	check "by system call" "$(grep -c '"by":"call","kind":"cache",.*"call":"clone' $W/events)" -ge 1
	check "flags" "$(grep -c '"by":"gfp","kind":"cache",.*"gfp":"GFP_KERNEL' $W/events)" -ge 1
	check "a stack" "$(grep '"by":"stack","kind":"cache"' $W/events | grep -c '"func":"[a-z_]*copy_process')" -ge 1
	check "caches have names" "$(grep -c '"cache":"task_struct"' $W/events)" "$(kernel 6 1 && echo -ge || echo -lt)" 1
	check "all is there" "$(grep -c '"missing":\[\]' $W/events)" = 1
}

few() {
	start "$1" && watch gogc --sample 0.01 && ask gc 5 && watched || return 1
	check "wanted or not" $((s_produced + s_filtered)) -ge 10
	check "few are wanted" "$s_produced" -le 1
	check "mode" "$s_mode" = sampled
}

killed() {
	start "$1" && watch gogc || return 1
	kill -KILL $WATCHER
	wait $WATCHER 2>/dev/null
	ask gc 1 && watch gogc && ask gc 1 && watched || return 1
	check "cycles" "$s_cycles" = 1
	check "traps" "$s_probe_hits" -le 4
}

# With checksums, by tables that this kernel's verifier must follow.
audited() {
	rm -f $W/log
	start "$1" && watch gogc --crc --audit $W/log && ask gc 3 && watched || return 1
	check "cycles" "$s_cycles" = 3
	check "corrupt" "$s_corrupt" = 0
	start "$1" && watch gostw --crc --audit $W/log && ask gc 3 && watched || return 1
	check "stops" "$s_stops" = 7
	check "corrupt" "$s_corrupt" = 0
	$GMT report --verify $W/log > $W/out 2>&1
	check "status" $? = 0
	check "runs" "$(grep -c 'of 2 runs are proven' $W/out)" = 1
}

# A target of his own, whose memory he may read: only programs in the kernel are refused.
nobody() {
	mkdir -p /etc
	echo 'nobody:x:65534:65534::/:/bin/sh' > /etc/passwd
	echo 'nobody:x:65534:' > /etc/group
	printf '#!/bin/sh\nexec start-stop-daemon -S -c nobody:nobody -x %s\n' "$PWD/$1" > as-nobody
	chmod 755 "$PWD" "$1" $GMT as-nobody
	start as-nobody || return 1
	start-stop-daemon -S -c nobody:nobody -x "$PWD/gomemtrace" -- gogc -p "$PID" -d 1 \
		> $W/out 2> $W/err
	check "status without rights" $? = 3
	check "why" "$(grep -c 'cannot load BPF programs: .*CAP_BPF' $W/err)" = 1
	[ -z "$FAILED" ] || fail "$(cat $W/err)"
}

for rel in $(releases); do
	run "$rel: cycles" cycles "truth-$rel"
	run "$rel: stops of the world" stops "truth-$rel"
	run "$rel: mappings" spaces "truth-$rel"
	run "$rel: memory given back" given_back "truth-$rel"
	run "$rel: page faults" touched "truth-$rel"
	run "$rel: kernel memory" for_kernel "truth-$rel"
done
# up to 1.20 the runtime forbids huge pages where it gave something back
run "refilled by khugepaged" refilled "truth-$rel"
run "a sample" few "truth-$rel"
run "checksums and a log" audited "truth-$rel"
run "after a tool that was killed" killed "truth-$rel"
run "no rights" nobody "truth-$rel"
# with a decoder, and shared libraries
if [ -e gomemtrace-full ]; then
	GMT=./gomemtrace-full
	run "with a decoder: cycles" cycles truth-stripped
	run "with a decoder: stops of the world" stops truth-stripped
	GMT=./gomemtrace
fi
