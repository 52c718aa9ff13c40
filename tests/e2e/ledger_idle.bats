#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# An idle target: the rows are its RSS to the byte, and MemStats from outside
# are the program's own.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# memstats LABEL: the program's own numbers, then ours. Its answer itself makes
# own_mallocs objects of own_bytes after it took them.
memstats() {
	local key theirs
	calm_look || return 1
	theirs=$ANS
	printf '%s\n' "$theirs" >"$T/theirs.json"
	adds_up "$1"
	each_line "$1" < <(jq -n -r --slurpfile theirs "$T/theirs.json" --slurpfile ours "$LEDGER" '
		$theirs[0].memstats as $t | $ours[0].memstats as $o |
		def words: [splits("\\s+")][];
		def off: $o[.] - $t[.] | fabs;
		("HeapInuse HeapIdle HeapReleased HeapSys StackInuse StackSys MSpanInuse MSpanSys
		  MCacheInuse MCacheSys BuckHashSys GCSys OtherSys Sys NumGC NumForcedGC
		  PauseTotalNs Lookups EnableGC DebugGC" | words |
		 select($t[.] == null or $t[.] != $o[.]) | "\(.) is \($o[.]), not \($t[.])"),
		("Alloc HeapAlloc TotalAlloc" | words | select(off > $theirs[0].own_bytes) |
		 "\(.) is \($o[.]), not \($t[.])"),
		("Mallocs Frees HeapObjects" | words | select(off > $theirs[0].own_mallocs) |
		 "\(.) is \($o[.]), not \($t[.])"),
		("GCCPUFraction" | select(off > 1e-12) | "\(.) is \($o[.]), not \($t[.])"),
		(select($o.pause_ns != $t.PauseNs) | "the PauseNs ring differs"),
		([$o.by_size[] | [.size, .mallocs, .frees]] as $a |
		 [$t.BySize[] | [.Size, .Mallocs, .Frees]] as $b |
		 select($a != $b) | "BySize: \($a - $b), not \($b - $a)"),
		# what the rows would be if all of it was resident is what the runtime counts
		([$ours[0].rows[] | {key: .id, value: .mapped}] | from_entries) as $m |
		def same($what; $a; $b; $slack):
			select($a - $b | fabs > $slack) | "mapped \($what): \($a), not \($b)";
		same("live + new"; $m["go.heap.live"] + $m["go.heap.new"]; $t.HeapAlloc; 0),
		same("in use"; $m["go.heap.live"] + $m["go.heap.new"] + $m["go.heap.free_slots"] +
			$m["go.heap.tail"]; $t.HeapInuse; 0),
		same("idle + returned"; $m["go.heap.idle"] + $m["go.heap.returned"]; $t.HeapIdle; 0),
		same("returned"; $m["go.heap.returned"]; $t.HeapReleased; 65536),
		same("stacks"; $m["go.stacks.inuse"] + $m["go.stacks.free"]; $t.StackInuse; 0)
		' 2>&1)
	# these do not fit the number type of jq
	for key in NextGC LastGC; do
		check "$1: $key" "$(big "$key" "$(<"$LEDGER")")" = "$(big "$key" "$theirs")"
	done
}

states() {
	start "$1" "${2:-truth}" || return 1
	memstats "$1 start" || return 1
	# the program's own idea of when to collect
	ask hold a 27011 1000 && memstats "$1 grown under GOGC" || return 1
	ask gc && memstats "$1 collected" || return 1
	ask gogc -1 && ask drop a 2 3 && ask gc && memstats "$1 two thirds dropped" || return 1
	ask hold b 10007 96 scan && ask hold c 4001 17 && memstats "$1 new objects" || return 1
	ask hold spike 61 1048573 && ask drop spike 1 1 && ask gc && memstats "$1 spike" || return 1
	ask free && memstats "$1 given back" || return 1
	ask park 2003 3 && memstats "$1 goroutines" || return 1
	ask unpark && ask gc && memstats "$1 goroutines gone" || return 1
	ask threads 7 && ask profile 1024 && memstats "$1 threads and profile" || return 1
	ask gogc 50 && ask limit 209715200 && ask free && memstats "$1 memory limit" || return 1
}

@test "idle: rows are the RSS, memstats the program's own" {
	each_release states
}

pie() {
	start "$1" truth-pie || return 1
	ANON_SLACK=16384 # the program loader's own: thread control block, first mapping
	memstats "$1 start" || return 1
	ask hold a 27011 1000 && ask hold b 10007 96 scan && ask drop a 2 3 && ask park 503 20 &&
		memstats "$1 busy past" || return 1
	ask gogc -1 && ask unpark && ask forget a && ask free && memstats "$1 given back" || return 1
	ANON_SLACK=0
}

@test "idle: the same of position independent programs" {
	each_release pie
}

# no symbol table: everything is known and exact, or what cannot be proven is null,
# named, and still accounted for
stripped() {
	start "$1" truth-stripped && ask hold a 27011 1000 && calm_look || return 1
	check "$1: stripped" "$(jq .binary.stripped "$LEDGER")" = true
	check "$1: names from" "$(l .facts.symbols)" = pclntab
	check "$1: addresses from" "$(l .facts.addresses)" = code
	memstats "$1 stripped"
}

@test "idle: the same of stripped programs" {
	each_release stripped
}

facts() {
	start "$1" truth || return 1
	look || return 1
	check "$1: version" "$(l .v)" -eq 1
	check "$1: tool" "$(l .tool)" = ledger
	check "$1: pid" "$(l .pid)" -eq "$PID"
	check "$1: comm" "$(l .comm)" = truth
	check "$1: module" "$(l .module)" = gomemtrace.test/truth
	[[ $(l .go_version) =~ ^go${1//./\\.}(\.|$) ]] || fail "$1: go_version $(l .go_version)"
	check "$1: stripped" "$(jq .binary.stripped "$LEDGER")" = false
	check "$1: pie" "$(jq .binary.pie "$LEDGER")" = false
	check "$1: cgo" "$(jq .binary.cgo "$LEDGER")" = false
	check "$1: invariants" "$(l .facts.invariants.checked)" -ge 6
	now=$(date +%s)
	ts=$(l .ts_ns)
	near "$1: clock" "${ts:0:-9}" "$now" 5
	start "$1" truth-stripped || return 1
	look || return 1
	check "$1: stripped" "$(jq .binary.stripped "$LEDGER")" = true
	start "$1" truth-pie || return 1
	look || return 1
	check "$1: pie" "$(jq .binary.pie "$LEDGER")" = true
	check "$1: matrix states" "$(l '[.matrix[].state] | length >= 4')" = true
	check "$1: matrix numbers" "$(l '[.matrix[] | .resident, .huge, .lazyfree, .swapped, .absent |
		type == "number"] | all')" = true
}

@test "idle: what program it is" {
	each_release facts
}

deleted() {
	cp "$CACHE/targets/$1/truth" "$T/gone.$1"
	spawn "$T/gone.$1"
	read -r -t 60 -u "$OUT" PID || return 1
	rm "$T/gone.$1"
	calm_look || return 1
	adds_up "$1 deleted executable"
}

@test "idle: the executable was deleted" {
	each_release deleted
}

busy() {
	local n=0
	spawn env GOMAXPROCS="$2" "$CACHE/targets/$1/churn" "${@:3}"
	read -r -t 60 -u "$OUT" PID || return 1
	sleep 0.5
	for _ in 1 2 3 4 5; do
		look || return 1
		check "$1: sum with the residual" "$(l '([.rows[].resident] | add) + .residual')" -eq "$(l .rss)"
		check "$1: proven" "$(l .facts.proven)" = true
		check "$1: failed invariants" "$(l .facts.invariants.failed)" -eq 0
		check "$1: residual within its bound" "$(l '(.residual | fabs) <= .residual_bound')" = true
		[ "$(l .residual)" != 0 ] || n=$((n + 1))
	done
	check "$1: looks without a residual" $n -ge 1
	end_child "$PID"
}

@test "churn: the rows and a bounded residual are the RSS" {
	each_release busy 2
	each_release busy 64 -goroutines 211
}

@test "churn: the program's work is unharmed by looks" {
	rel=${RELEASES##* }
	spawn "$CACHE/targets/$rel/churn" -sum -ops 700001
	read -r -u "$OUT" PID
	read -r -t 60 -u "$OUT" want
	end_child "$CHILD"
	spawn "$CACHE/targets/$rel/churn" -sum -ops 700001
	read -r -u "$OUT" PID
	n=0
	while ! gone "$PID" && [ "$(cut -d ' ' -f 3 "/proc/$PID/stat")" != Z ]; do
		tool -p "$PID" -j
		n=$((n + 1))
	done
	read -r -t 60 -u "$OUT" got
	[[ $want = "sum 1400002 "* ]]
	check "sum after $n looks" "$got" = "$want"
	check "looks" $n -ge 2
	done_checking
}
