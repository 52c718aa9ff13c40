#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Collections from outside are the program's own: their number, pauses, and the very lines
# that the runtime prints of itself.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

builds() {
	echo "truth truth-stripped"
	[ ! -x "$CACHE/targets/$1/truth-pgo" ] || echo truth-pgo
}

# N forced cycles, and those that an allocating program has by itself
cycles() {
	local v before
	for v in $(builds "$1"); do
		start "$1" "$v" && ask hold a 20011 1000 && ask gc || return 1
		trace gogc -p "$PID" -j || return 1
		ask stats || return 1
		before=$ANS
		for _ in {1..23}; do
			ask gc || return 1
		done
		ask hold b 40009 1000 && ask drop b 1 1 && ask hold c 40009 1000 && ask stats || return 1
		untrace
		books "$1 $v"
		check "$1 $v: coverage" "$(total coverage)" = 100
		check "$1 $v: missing" "$(total 'missing | length')" -eq 0
		jq -s -r --argjson b "$before" --argjson a "$ANS" '
			def want($what; $x; $y): select($x != $y) | "\($what) is \($x), not \($y)";
			[.[] | select(.cycle)] as $c | .[-1].summary as $s |
			($b.memstats.NumGC) as $from | ($a.memstats.NumGC) as $to |
			[$c[] | select(.cycle > $from and .cycle <= $to)] as $in |
			want("cycles"; $in | length; $to - $from),
			want("numbers"; [$in[].cycle]; [range($from + 1; $to + 1)]),
			want("pauses"; [$in[].pause_ns] | add; $a.memstats.PauseTotalNs - $b.memstats.PauseTotalNs),
			want("forced"; [$in[] | select(.trigger == "forced")] | length; $a.memstats.NumForcedGC - $b.memstats.NumForcedGC),
			want("triggers of the others"; [$in[] | .trigger | select(. != "forced")] | unique; ["heap"]),
			want("cycles in all"; $s.cycles; $c | length),
			want("paused in all"; $s.pause_ns; [$c[].pause_ns] | add),
			($in[] | select(.heap_marked > .heap_after + 65536 or .mark_ns <= 0 or
				.sweep_term_ns + .mark_term_ns > .pause_ns + 50000000) | "cycle \(.)")
			' "$T/rows" >"$T/wrong" 2>&1
		each_line "$1 $v" <"$T/wrong"
		stop_all
	done
}

@test "gogc: cycles and pauses are those of the program's own MemStats" {
	each_release cycles
}

# The lines of a program that prints them itself, where both have seen a cycle.
gctrace() {
	spawn env GODEBUG=gctrace=1 bash -c 'exec "$@" 2>"$0"' "$T/theirs" "$CACHE/targets/$1/churn" -goroutines 20
	read -r -t 60 -u "$OUT" PID || return 1
	trace gogc -p "$PID" --gctrace || return 1
	sleep 1.5
	untrace
	grep '^gc ' "$T/rows" >"$T/ours"
	check "$1: lines" "$(wc -l <"$T/ours")" -ge 5
	awk 'NR == FNR { want[$2] = $0; next } $2 in want { n++; if (want[$2] != $0) print "ours " want[$2] "; theirs " $0 }
		END { if (n < length(want) - 1) print n " of " length(want) " cycles compared" }' \
		"$T/ours" <(grep '^gc ' "$T/theirs") >"$T/wrong"
	each_line "$1" <"$T/wrong"
	stop_all
}

@test "gogc: --gctrace prints what the runtime prints of itself, to the letter" {
	each_release gctrace
}

@test "gogc: assists by goroutine add up to the runtime's own time of them" {
	spawn "$CACHE/targets/${RELEASES##* }/churn" -goroutines 20
	read -r -t 60 -u "$OUT" PID
	# a trap at the end of an assist is stepped, which may be dear enough to be given up
	trace gogc -p "$PID" -j -a --budget 100
	sleep 3
	untrace
	books assists
	check "assists" "$(total assist_ns)" -gt 1000000
	# ours has the traps in it, and what a P has not flushed yet (5 us) is not in theirs
	check "their time is most of ours" "$(jq 'select(.summary) | .summary |
		.assist_seen_ns > .assist_ns * 0.8 and .assist_seen_ns < .assist_ns * 3' "$T/rows")" = true
	check "goroutines" "$(jq -s '[.[] | select(.goid and .assists > 0)] | length' "$T/rows")" -ge 1
	done_checking
}

@test "gogc: a timeline has the phases of every cycle" {
	start "${RELEASES##* }" truth && ask gc
	trace gogc -p "$PID" -j -o trace:"$T/gc.json"
	for _ in {1..7}; do
		ask gc
	done
	untrace
	n=$(jq -s '[.[] | select(.cycle)] | length' "$T/rows")
	for phase in "sweep termination" mark "mark termination"; do
		check "$phase" "$(jq --arg p "$phase" '[.traceEvents[] | select(.ph == "X" and .name == $p)] | length' "$T/gc.json")" -eq "$n"
	done
	done_checking
}

@test "gogc, gostw: a terminal of 80 columns is wide enough" {
	command -v script >/dev/null || skip "no script(1) here"
	spawn "$CACHE/targets/${RELEASES##* }/churn" -goroutines 20
	read -r -t 60 -u "$OUT" PID
	for t in gogc gostw; do
		TERM=dumb script -qec "stty cols 80 rows 50; $GMT $t -p $PID -d 2 --budget 100" /dev/null \
			</dev/null 2>&1 3>&- | tr -d '\r' >"$T/tty"
		check "$t: lines of a table" "$(grep -c '^ *[0-9].* [mun]s ' "$T/tty")" -ge 2
		check "$t: widest line" "$(LC_ALL=C.UTF-8 wc -L <"$T/tty")" -le 80
	done
	done_checking
}
