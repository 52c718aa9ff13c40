#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# gostw and gogc against a program that knows how often it stopped the world, why, and from
# where. CYCLES (199) collections with growing stacks on each release; `make soak` has more.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

# stops_are RELEASE COUNT LAST CHAIN TEXT...: so many stops with one of these texts, each with
# a stack that ends in CHAIN, functions of the runtime's outer end (from LAST on) left out
stops_are() {
	# shellcheck disable=SC2016
	check "$1: $5" "$(jq -s -c --arg last "$3" '[.[] | select(.start_ns and
		(.reason as $r | any($ARGS.positional[]; . == $r))) | [.stack[].func] |
		.[: (index("runtime.main") // index("runtime.goexit") // length)] |
		.[(index($last) // length) :] | join(" ")] | group_by(.) | map([.[0], length])' \
		"$T/rows" --args "${@:5}")" = "[[\"$4\",$2]]"
}

stops() {
	start "$1" stops || return 1
	trace gostw -p "$PID" -j --budget 100 --stopping || return 1
	ask mem 23 && ask procs 19 && ask profile 17 && ask dump 13 && ask gc 29 || return 1
	untrace
	books "$1"
	check "$1: missing" "$(total 'missing | length')" -eq 0
	stops_are "$1" 23 runtime.ReadMemStats "runtime.ReadMemStats main.askMem main.main" "read mem stats"
	stops_are "$1" 19 runtime.GOMAXPROCS "runtime.GOMAXPROCS main.askProcs main.main" GOMAXPROCS
	stops_are "$1" 17 runtime.GoroutineProfile "runtime.GoroutineProfile main.askProfile main.main" \
		"goroutine profile" profile
	stops_are "$1" 17 runtime.GoroutineProfile "runtime.GoroutineProfile main.askProfile main.main" \
		"goroutine profile cleanup" "profile cleanup"
	stops_are "$1" 13 runtime.Stack "runtime.Stack main.askDump main.main" "all goroutines stack trace" "stack trace"
	stops_are "$1" 29 runtime.gcStart "runtime.gcStart runtime.GC main.askGC main.main" "GC sweep termination"
	check "$1: mark terminations" "$(jq -s '[.[] | select(.start_ns and .reason == "GC mark termination" and
		([.stack[].func] | contains(["runtime.gcMarkTermination", "runtime.gcMarkDone", "runtime.gcBgMarkWorker"])))] | length' \
		"$T/rows")" -eq 29
	check "$1: how long stopping took" "$(jq -s '[.[] | select(.start_ns and (.stopping_ns <= 0 or .stopping_ns == null or
		.stopping_ns + .stopped_ns != .pause_ns))] | length' "$T/rows")" -eq 0
	# each of them through systemstack, whose caller is not lost
	check "$1: systemstack" "$(jq -s '[.[] | select(.start_ns) | [.stack[].func] |
		select(.[0] == "runtime.startTheWorldWithSema" and .[2] == "runtime.systemstack")] | length' "$T/rows")" = \
		"$(total stops)"
}

@test "stops: how many of each reason, and the stacks that asked" {
	each_release stops
}

# The goroutine's stack has been moved several times when it asks.
moved() {
	local chain="runtime.ReadMemStats main.askMem"
	start "$1" stops || return 1
	trace gostw -p "$PID" -j || return 1
	ask deep 37 || return 1
	untrace
	for _ in {1..37}; do
		chain+=" main.descend"
	done
	chain+=" main.fromDeep"
	# what the compiler makes of a go statement has another name in each release
	check "$1: stack" "$(jq -s -r '[.[] | select(.start_ns and .reason == "read mem stats") | [.stack[].func] |
		.[index("runtime.ReadMemStats") : index("main.fromDeep") + 1] | join(" ")][0]' "$T/rows")" = "$chain"
}

@test "stops: a stack that has grown is followed to its end" {
	each_release moved
}

# Nothing is counted twice when stacks grow and goroutines are preempted, and nothing is missed.
grow() {
	local n=${CYCLES_OTHERS:-101} before i
	[ "$1" != "${RELEASES##* }" ] || n=${CYCLES:-199}
	start "$1" stops && ask stats || return 1
	before=$ANS
	"$GMT" gogc -p "$PID" -j --budget 100 --ring 4M >"$T/gogc" 2>"$T/gogc.err" 3>&- &
	local gogc=$!
	trace gostw -p "$PID" -j --budget 100 --ring 4M || return 1
	sleep 1
	for ((i = 0; i < n; i += 100)); do
		ask grow $((n - i < 100 ? n - i : 100)) || return 1
	done
	ask stats || return 1
	untrace
	kill -INT $gogc
	wait $gogc || fail "$1: gogc: status $?"
	check "$1: NumGC" $(($(ans numgc) - $(big numgc "$before"))) -eq "$n"
	check "$1: cycles" "$(jq 'select(.summary) | .summary.cycles' "$T/gogc")" -eq "$n"
	check "$1: one row each" "$(jq -r 'select(.cycle) | .cycle' "$T/gogc" | sort -nu | wc -l)" -eq "$n"
	check "$1: coverage" "$(jq 'select(.summary) | .summary.coverage' "$T/gogc")" -eq 100
	check "$1: pauses of gogc" "$(jq 'select(.summary) | .summary.pause_ns' "$T/gogc")" = \
		$(($(ans pause_total_ns) - $(big pause_total_ns "$before")))
	books "$1"
	check "$1: sweep terminations" "$(grep -c '"reason":"GC sweep termination","stopping' "$T/rows")" -eq "$n"
	check "$1: pauses of gostw" "$(total gc_pause_ns)" = $(($(ans pause_total_ns) - $(big pause_total_ns "$before")))
	echo "$1: $n cycles: gogc $(jq 'select(.summary) | .summary.cycles' "$T/gogc"), gostw $(total gc_stops) stops," \
		"lost $(total lost), $(total interrupted_ns) ns interrupted" | tee -a "${SOAK_LOG:-/dev/null}"
}

@test "stops: stacks that grow and preemption: each cycle is counted once" {
	each_release grow
}
