#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Stops of the world from outside: a known number of each, the pauses of collections to
# the nanosecond, and the goroutine that asked.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

stops() {
	local v before
	for v in truth truth-stripped truth-pgo; do
		[ -x "$CACHE/targets/$1/$v" ] || continue
		start "$1" "$v" && ask hold a 20011 1000 && ask gc || return 1
		trace gostw -p "$PID" -j || return 1
		ask stats || return 1
		before=$ANS
		for _ in {1..31}; do
			ask stats || return 1
		done
		ask gc 13 && ask stats || return 1
		untrace
		books "$1 $v"
		check "$1 $v: missing" "$(total 'missing | length')" -eq 0
		check "$1 $v: seen between collections" "$(total pause_seen_ns)" = "$(total pause_total_ns)"
		check "$1 $v: coverage" "$(total coverage)" = 100
		check "$1 $v: stops for MemStats" \
			"$(jq -s '[.[] | select(.reason == "read mem stats" and .start_ns) |
				select(.stack | any(.func == "main.stats"))] | length' "$T/rows")" -eq 33
		# the last reading begins before its own stop has ended
		jq -s -r --argjson b "$before" --argjson a "$ANS" '
			def want($what; $x; $y): select($x != $y) | "\($what) is \($x), not \($y)";
			[.[] | select(.reason and .start_ns)] as $s | [$s[] | select(.gc)] as $gc |
			[$s[] | select(.reason == "read mem stats" and (.stack | any(.func == "main.stats"))) |
				.start_ns | tonumber] as $at |
			[$gc[] | select((.start_ns | tonumber) > $at[0] and (.start_ns | tonumber) < $at[-1])] as $in |
			want("pauses of collections"; [$in[].pause_ns] | add;
				$a.memstats.PauseTotalNs - $b.memstats.PauseTotalNs),
			want("collections"; $in | length; 2 * ($a.memstats.NumGC - $b.memstats.NumGC)),
			want("exact ones"; [$gc[].exact] | all; true),
			($s[] | select(.pause_ns == null or .pause_ns <= 0) | "a pause is \(.)"),
			($s[] | select(.who == null or (.stack | length) < 3) | "nobody asked for \(.)"),
			want("who asked"; [$s[].stack | any(.func == "main.main" or .func == "runtime.gcBgMarkWorker")] | all; true),
			want("who asked for collections"; [$in[] | select(.reason == "GC sweep termination") |
				.stack | any(.func == "main.collect")] | all; true)
			' "$T/rows" >"$T/wrong" 2>&1
		each_line "$1 $v" <"$T/wrong"
		stop_all
	done
}

@test "gostw: stops, their reasons, pauses and stacks are the program's own" {
	each_release stops
}

@test "gostw: stacks by pause, and a timeline" {
	start "${RELEASES##* }" truth && ask gc
	trace gostw -p "$PID" -f -o trace:"$T/stw.json" -o json:"$T/json"
	ask gc 7
	untrace
	check "lines" "$(grep -cvE '^[^ ].* [0-9]+$' "$T/rows")" -eq 0
	check "main is at the root" "$(grep -cE '^(runtime.goexit;)?runtime.main;main.main;' "$T/rows")" -ge 1
	check "weights" "$(awk '{ n += $NF } END { print n }' "$T/rows")" = \
		"$(jq -s '[.[] | select(.reason and .start_ns) | .pause_ns] | add' "$T/json")"
	check "spans" "$(jq '[.traceEvents[] | select(.ph == "X")] | length' "$T/stw.json")" = \
		"$(jq -s '[.[] | select(.reason and .start_ns)] | length' "$T/json")"
	done_checking
}
