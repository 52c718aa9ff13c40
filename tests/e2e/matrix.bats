#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Every release by every way to build: the ledger adds up, MemStats are the program's own,
# and what is recovered from code is what the symbol table of an unstripped twin says.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# memstats LABEL: those of the ledger are the program's own answer, to the byte
memstats() {
	local k ours
	ours=$(<"$LEDGER")
	for k in NextGC LastGC; do # too large for jq's numbers
		check "$1: $k" "$(big $k "$ours")" -eq "$(big $k "$ANS")"
	done
	each_line "$1" < <(jq -r -n --argjson t "$ANS" --slurpfile o "$LEDGER" '
		($t.memstats | keys - ["BySize", "PauseNs", "PauseEnd", "NextGC", "LastGC"])[] as $k |
		($t.memstats[$k] | tostring) as $own | ($o[0].memstats[$k] | tostring) as $ours |
		# a double that each side prints in its own way
		select($own != $ours and ($k != "GCCPUFraction" or
			(($own | tonumber) - ($ours | tonumber) | fabs) > 1e-12)) |
		"\($k) is \($ours), not \($own)"' 2>&1)
}

# full LABEL PROGRAM ARGS...: what holds for every build
full() {
	spawn "${@:2}"
	read -r -t 60 -u "$OUT" PID && ask gogc -1 && ask hold a 20011 1000 && ask hold b 5003 96 scan &&
		ask drop a 1 3 && ask park 211 3 && ask gc && calm_look || return 1
	adds_up "$1"
	memstats "$1"
	check "$1: live" "$(row go.heap.live)" -ge $((20011 * 1024 / 3 * 2 + 5003 * 96))
	check "$1: stacks" "$(row go.stacks.inuse)" -ge $((211 * 4096))
}

# where code and what can be written are; older linkers let read-only data move
loads() { readelf -lW "$1" | awk '/LOAD/ && / (R E|RW) / { print $3, $6 }'; }

# twin LABEL FILE: a file of the same layout that has the symbol table, for the one that runs
twin() {
	[ "$(loads "$2")" = "$(loads "/proc/$PID/exe")" ] || fail "$1: no twin: segments differ"
	"$O/tests/e2e/resolve" "$PID" "$2" >"$T/resolved" 3>&- || fail "$1: $(cat "$T/resolved")"
}

# facts LABEL STRIPPED PIE CGO: what is said of the build
facts() {
	check "$1: stripped, PIE, cgo" "$(l '.binary | "\(.stripped) \(.pie) \(.cgo)"')" = "$2 $3 $4"
	check "$1: addresses" "$(l .facts.addresses)" = "$([ "$2" = true ] && echo code || echo symtab)"
	check "$1: layout" "$(l .facts.layout_release)" = "$REL"
}

one_release() {
	local dir=$CACHE/targets/$1
	REL=$1
	full "$1 plain" "$dir/truth" && facts "$1 plain" false false false
	stop_all
	full "$1 -s -w" "$dir/truth-stripped" && facts "$1 -s -w" true false false
	twin "$1 -s -w" "$dir/truth"
	stop_all
	full "$1 PIE" "$dir/truth-pie" && facts "$1 PIE" false true true
	stop_all
	full "$1 PIE -s -w" "$dir/truth-pie-stripped" && facts "$1 PIE -s -w" true true true
	twin "$1 PIE -s -w" "$dir/truth-pie"
	stop_all
	if command -v gcc >/dev/null; then
		full "$1 cgo" "$dir/truth-cgo" && facts "$1 cgo" false false true
		stop_all
		full "$1 cgo PIE -s -w" "$dir/truth-cgo-pie-stripped" &&
			facts "$1 cgo PIE -s -w" true true true
		twin "$1 cgo PIE -s -w" "$dir/truth-cgo-pie"
		hidden_table "$1" "$dir/truth-cgo-pie-stripped"
		stop_all
	fi
	if [ "${1#1.}" -ge 21 ]; then
		full "$1 PGO" "$dir/truth-pgo" && facts "$1 PGO" false false false
		stop_all
	fi
}

# hidden_table RELEASE FILE: up to 1.25 it has no section of its own and is found by its
# header, from 1.26 on its header does not say where text is; $T/resolved is of FILE
hidden_table() {
	local section=1 start=zero
	[ "${1#1.}" -gt 25 ] || section=0 start=set
	check "$1: sections with the line table" "$(readelf -SW "$2" | grep -c gopclntab)" -eq $section
	[[ $(head -n 1 "$T/resolved") == *"text start $start" ]] ||
		fail "$1: not text start $start: $(head -n 1 "$T/resolved")"
	grep -q '^firstmoduledata .*names the line table$' "$T/resolved" ||
		fail "$1: module data: $(grep '^firstmoduledata' "$T/resolved")"
}

@test "matrix: each release, seven builds" {
	each_release one_release
}
