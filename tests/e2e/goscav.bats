#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Memory given back: the source is what was done, the bytes are what the runtime counted, what
# came back are the pages that were touched, and the calls are those that bpftrace counts.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

source_of() { # NAME KEY
	jq -s --arg s "$1" "[.[] | select(.source == \$s and .calls) | .$2] | add // 0" "$T/rows"
}
rss_anon() { awk '/^RssAnon:/ { print $2 * 1024 }' "/proc/$PID/status"; }

# 200 MiB by debug.FreeOSMemory; then some pages are touched at once, and some later.
freed() {
	local v before after anon
	for v in truth truth-stripped; do
		# no collection before: the background scavenger then takes the spike for what is needed
		GODEBUG=scavtrace=1 start "$1" "$v" 2>"$T/scavtrace" && ask gogc -1 && ask hold a 199 1048573 && ask drop a 1 1 || return 1
		trace goscav -p "$PID" -j --budget 100 || return 1
		ask stats || return 1
		before=$(ans memstats.HeapReleased) anon=$(rss_anon)
		ask free || return 1
		anon=$(($(rss_anon) - anon))
		ask refill a 1237 && sleep 1.3 && ask refill a 733 && ask stats || return 1
		after=$(ans memstats.HeapReleased)
		untrace
		books "$1 $v"
		check "$1 $v: missing" "$(total 'missing | length')" -eq 0
		check "$1 $v: FreeOSMemory" "$(source_of freeosmemory returned_bytes)" -eq \
			$((1024 * $(grep -oP 'scav .*?\K[0-9]+(?= KiB work( \(eager\))?,.*\(forced\))' "$T/scavtrace")))
		check "$1 $v: enough" "$(source_of freeosmemory returned_bytes)" -gt 200000000
		check "$1 $v: nothing else" "$(total returned_bytes)" -eq "$(source_of freeosmemory returned_bytes)"
		check "$1 $v: HeapReleased" "$(total released_change)" -eq $((after - before))
		near "$1 $v: RSS" "$(total rss_change)" $anon 1000000
		check "$1 $v: back in a second" "$(total refault_1s_bytes)" -eq $((1237 * 4096))
		check "$1 $v: back in a minute" "$(total refault_60s_bytes)" -eq $((733 * 4096))
		check "$1 $v: by main" "$(jq -s '[.[] | select(.source == "freeosmemory" and .addr and .advice == "dontneed") |
			select(.stack | any(.func == "runtime/debug.FreeOSMemory"))] | length' "$T/rows")" -eq \
			"$(source_of freeosmemory calls)"
		stop_all
	done
}

@test "goscav: FreeOSMemory gives back what the runtime says, and touched pages are back" {
	each_release freed
}

# Left alone, the background scavenger does it, and by the runtime's own count no more.
background() {
	local before
	start "$1" truth && ask hold a 47 1048573 && ask gc && ask stats || return 1
	before=$(ans memstats.HeapReleased)
	trace goscav -p "$PID" -j --budget 100 || return 1
	ask drop a 1 1 && ask gc && ask gc && sleep 2.5 && still && ask stats || return 1
	untrace
	books "$1"
	check "$1: background" "$(source_of background returned_bytes)" -gt 30000000
	check "$1: nothing else" "$(source_of background returned_bytes)" -eq "$(total returned_bytes)"
	# some of it may be in use again
	near "$1: HeapReleased" "$(total returned_bytes)" "$(total released_change)" 300000
	[ "$1" = 1.19 ] || check "$1: coverage" "$(total coverage)" = 100
	stop_all
}

@test "goscav: the background scavenger is told from others" {
	each_release background
}

# A heap that grows gives back first: for a limit, or because it is above its goal.
growth() {
	start "$1" truth && ask gogc -1 && ask hold a 121 1048573 && ask drop a 1 2 && ask gc || return 1
	trace goscav -p "$PID" -j --budget 100 || return 1
	ask limit 145000003 && ask hold b 1 39999999 && ask stats || return 1
	untrace
	books "$1 limit"
	check "$1: limit" "$(source_of limit returned_bytes)" -gt 10000000
	check "$1: not eager" "$(source_of eager calls)" -eq 0
	[ "$1" = 1.19 ] || check "$1 limit: coverage" "$(total coverage)" = 100
	stop_all
	start "$1" truth && ask hold a 121 1048573 && ask gc || return 1
	trace goscav -p "$PID" -j --budget 100 || return 1
	ask drop a 1 2 && ask gc 2 && ask hold b 1 39999999 && ask gogc -1 && still || return 1
	untrace
	books "$1 eager"
	check "$1: eager" "$(source_of eager returned_bytes)" -gt 10000000
	check "$1: no limit" "$(source_of limit calls)" -eq 0
	[ "$1" = 1.19 ] || check "$1 eager: coverage" "$(total coverage)" = 100
	stop_all
}

@test "goscav: a heap that grows gives back for the limit, or eagerly" {
	each_release growth
}

# Calls of the program's own, by advice, and another tracer at the same time.
counted() {
	start "$1" space || return 1
	unshare -m sh -c '[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
		exec bpftrace -q -f json -e "BEGIN { printf(\"ready\\n\"); }
			tracepoint:syscalls:sys_enter_madvise /pid == '"$PID"'/ {
			@c[args->behavior] = count(); @b[args->behavior] = sum((args->len_in + 4095) / 4096 * 4096); }"' \
		>"$T/theirs" 2>"$T/theirs.err" 3>&- &
	local other=$! ours theirs
	for _ in {1..200}; do
		! grep -q ready "$T/theirs" || break
		sleep 0.1
	done
	trace goscav -p "$PID" -j --budget 100 || return 1
	ask advise || return 1
	kill -INT $other
	wait $other || :
	untrace
	books "$1"
	ours=$(jq -s -S -c '[.[] | select(.advice and .calls) | {(.advice): [.calls, .advised_bytes]}] | add' "$T/rows")
	theirs=$(jq -s -S -c '{"0": "normal", "4": "dontneed", "8": "free", "14": "hugepage", "15": "nohugepage", "20": "cold"} as $n |
		[.[] | select(.type == "map") | .data] | add | .["@c"] as $c | .["@b"] as $b |
		[$c | keys[] | {($n[.]): [$c[.], $b[.]]}] | add' "$T/theirs")
	check "$1: as the program says" "$ours" = "$(jq -S -c 'del(.ok)' <<<"$ANS")"
	check "$1: as bpftrace says" "$ours" = "$theirs"
	check "$1: nobody's but the program's" "$(source_of other calls)" -eq $((53 + 47))
	stop_all
}

@test "goscav: calls and bytes by advice are the program's, and those that bpftrace counts" {
	each_release counted
}

# Huge pages that the kernel makes of small ones.
@test "goscav: what the kernel collapses is seen" {
	start "${RELEASES##* }" space
	trace goscav -p "$PID" -j --budget 100
	ask collapse
	untrace
	books collapse
	[ "$(ans collapsed)" -gt 0 ] || skip "no huge pages to be had: $ANS"
	check "collapsed" "$(total collapsed_bytes)" -eq "$(ans collapsed)"
	check "not by khugepaged" "$(total khugepaged_bytes)" -eq 0
	done_checking
}
