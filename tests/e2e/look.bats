#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# A look changes nothing in an idle target: not one page, fault, page table entry,
# mapping or thread. (Context switches are no measure: the runtime's monitor thread
# wakes by itself.)

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# pages: how many pages of $PID are present, and how many swapped, by pagemap.
pages() {
	local range lo hi
	while read -r range _; do
		lo=$((16#${range%-*})) hi=$((16#${range#*-}))
		[ $lo -ge 0 ] || continue # the vsyscall page: an address of the kernel's half
		dd if="/proc/$PID/pagemap" bs=256K iflag=skip_bytes,count_bytes,fullblock status=none \
			skip=$((lo / 512)) count=$(((hi - lo) / 512)) # 8 bytes a page
	done <"/proc/$PID/maps" | od -An -v -tx8 -w8 | awk '
		/^ [89a-f]/ { present++ } /^ [4-7c-f]/ { swapped++ }
		END { print "present", present + 0, "swapped", swapped + 0 }'
}

# footprint: everything of $PID that a look might move.
footprint() {
	pages
	grep -E '^(VmRSS|VmPTE|VmSwap|VmSize|VmData|RssAnon|RssFile|RssShmem|Threads|TracerPid):' \
		"/proc/$PID/status"
	echo "mappings $(wc -l <"/proc/$PID/maps")"
	awk '{ sub(/^.*\) /, ""); print "min_flt", $8, "maj_flt", $10 }' "/proc/$PID/stat"
}

unchanged() {
	local n
	footprint >"$T/before"
	for n in 1 2 3; do
		"${@:2}" || return 1
	done
	footprint >"$T/after"
	cmp -s "$T/before" "$T/after" ||
		fail "$1: $n looks changed the target: $(diff "$T/before" "$T/after" | grep '^[<>]' | tr '\n' ' ')"
	grep -q "^present [1-9]" "$T/after" || fail "$1: no page seen"
}

rest() {
	start "$1" truth && ask gogc -1 && ask gc 2 && still || return 1
	unchanged "$1 start" look || return 1
	# absent parts of everything: given back heap, stacks, chunks, untouched objects
	ask hold a 31 1048573 && ask hold b 20011 1024 && ask hold c 10007 96 scan &&
		ask park 1009 20 && ask drop a 1 1 && ask drop b 7 8 && ask unpark && ask free && still || return 1
	unchanged "$1 given back" look || return 1
	ask mmap 4194304 && ask zero 4194304 && ask threads 5 && still || return 1
	unchanged "$1 mappings and threads" look || return 1
	unchanged "$1 screen" quiet || return 1
}

# the text screen takes the same look
quiet() {
	tool -p "$PID"
	[ "$STATUS" = 0 ]
}

@test "look: pages, page tables, faults and mappings of the target stay" {
	each_release rest
}

# the state of the target's threads while it is looked at: never stopped, never traced
never_stopped() {
	local looker s t stops=0 n=0
	start "$1" truth && ask hold a 300007 1024 && ask gc && still || return 1
	(for _ in {1..10}; do "$GMT" -p "$PID" -j >/dev/null 2>&1 3>&- || exit 1; done) &
	looker=$!
	while kill -0 $looker 2>/dev/null; do
		for t in "/proc/$PID"/task/*/stat; do
			s=$(<"$t") || continue
			s=${s##*) }
			case ${s%% *} in t | T) stops=$((stops + 1)) ;; esac
			n=$((n + 1))
		done
	done
	wait $looker || fail "$1: a look failed"
	check "$1: threads seen stopped (of $n looks)" $stops -eq 0
	check "$1: looks at the state" $n -ge 20
}

@test "look: the target is never stopped" {
	each_release never_stopped
}

# what the look itself costs, in memory: the tool must not grow with the target
@test "look: one of a stripped and one of a vanishing target leave nothing behind" {
	rel=${RELEASES##* }
	start "$rel" truth-stripped
	ask hold a 20011 1024
	sleep 0.3
	unchanged "stripped" look
	for _ in {1..20}; do
		spawn sleep 0.05
		PID=$CHILD
		tool -p "$PID" -j
		check "no Go program, or gone" "$STATUS" -eq 4
		end_child "$CHILD"
	done
	done_checking
}
