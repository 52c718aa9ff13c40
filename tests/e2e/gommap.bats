#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Address space by who asked for it: what is left is what /proc/PID/maps grew by, and what the
# program itself and its runtime have counted.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

maps_bytes() {
	local range from to sum=0
	while read -r range _; do
		from=${range%-*} to=${range#*-}
		sum=$((sum + 16#$to - 16#$from))
	done <"/proc/$PID/maps"
	echo $sum
}

owner() { jq -s --arg o "$1" "[.[] | select(.owner == \$o and .mapped_bytes) | .$2] | add // 0" "$T/rows"; }

# Every kind of call, counted by the program that makes them.
calls() {
	local v before
	for v in space space-stripped; do
		start "$1" "$v" || return 1
		trace gommap -p "$PID" -j --budget 100 || return 1
		before=$(maps_bytes)
		ask maps || return 1
		before=$(($(maps_bytes) - before))
		untrace
		books "$1 $v"
		check "$1 $v: missing" "$(total 'missing | length')" -eq 0
		check "$1 $v: calls" "$(owner go.user calls)" -eq "$(ans calls)"
		check "$1 $v: mapped" "$(owner go.user mapped_bytes)" -eq "$(ans mapped)"
		check "$1 $v: gone" "$(owner go.user unmapped_bytes)" -eq "$(ans gone)"
		check "$1 $v: left" "$(owner go.user outstanding_bytes)" -eq "$(ans outstanding)"
		check "$1 $v: reserved" "$(owner go.user reserved_bytes)" -eq "$(ans reserved)"
		check "$1 $v: address space" "$(total change)" -eq $before
		check "$1 $v: unexplained" "$(total unexplained_bytes)" -eq 0
		check "$1 $v: left, by stack" "$(jq -s -c '[.[] | select(.owner == "go.user" and .stack and .outstanding_bytes) |
			{by: (.stack | map(.func) | map(select(IN("main.keep", "main.reserve", "main.grow", "main.heap")))[0]),
			n: .outstanding_bytes}] | group_by(.by) | map({(.[0].by): (map(.n) | add)}) | add' "$T/rows")" = \
			"$(jq -n -c '{"main.grow": (37 * 6), "main.heap": 9, "main.keep": (101 * 7 + 61 * 14 + 37 * 5),
				"main.reserve": 1009} | map_values(. * 4096)')"
		stop_all
	done
}

@test "gommap: every call, its bytes and what is left of it, are what the program counted" {
	each_release calls
}

# What the runtime maps, by its own counters.
runtime() {
	local before space
	start "$1" truth && ask gogc -1 || return 1
	trace gommap -p "$PID" -j --budget 100 || return 1
	space=$(maps_bytes)
	ask stats || return 1
	before=$ANS
	ask hold a 40009 1000 && ask mmap 33333331 && ask reserve 44444441 && ask profile 1 && ask stats || return 1
	space=$(($(maps_bytes) - space))
	untrace
	books "$1"
	check "$1: address space" "$(total change)" -eq $space
	check "$1: unexplained" "$(total unexplained_bytes)" -eq 0
	check "$1: heap" "$(jq -s '[.[] | select(.call == "mmap" and .owner == "go.heap" and (.reserved | not)) | .bytes] | add' "$T/rows")" \
		-eq "$(jq -n --argjson a "$ANS" --argjson b "$before" \
			'[$a, $b | .memstats.HeapSys + .memstats.StackSys] | .[0] - .[1]')"
	check "$1: profile" "$(owner go.profile mapped_bytes)" -eq "$(jq -n --argjson a "$ANS" --argjson b "$before" \
		'$a.memstats.BuckHashSys - $b.memstats.BuckHashSys | if . < 179999 * 8 then 0 else (179999 * 8 / 4096 | ceil) * 4096 end')"
	check "$1: program" "$(owner go.user outstanding_bytes)" -eq $(((33333331 + 4095) / 4096 * 4096 + 2 * ((44444441 + 4095) / 4096 * 4096)))
	check "$1: reserved" "$(owner go.user reserved_bytes)" -eq $(((44444441 + 4095) / 4096 * 4096))
	check "$1: resident" "$(owner go.user resident_bytes)" -eq $(((33333331 + 4095) / 4096 * 4096))
	stop_all
}

@test "gommap: the runtime's mappings are its own counters'" {
	each_release runtime
}

# The C library, a C program's own calls, and a library; the runtime's go through C, too.
c_side() {
	local space
	start "$1" c-truth || return 1
	trace gommap -p "$PID" -j --budget 100 || return 1
	space=$(maps_bytes)
	ask threads 3 256 20 && ask malloc big 2 7 3000000 && ask mmap 7777777 && ask hold 40009 1000 || return 1
	space=$(($(maps_bytes) - space))
	untrace
	books "$1"
	check "$1: address space" "$(total change)" -eq $space
	check "$1: unexplained" "$(total unexplained_bytes)" -eq 0
	check "$1: the C library" "$(owner libc outstanding_bytes)" -ge $((3 * 256 * 1024 + 21000000))
	# and the list of the blocks
	check "$1: C code" "$(owner cgo mapped_bytes)" -eq $(((7777777 + 4095) / 4096 * 4096 + 4096))
	check "$1: the Go heap" "$(owner go.heap mapped_bytes)" -ge 32000000
	stop_all
}

@test "gommap: C code, the C library and Go are told apart" {
	each_release c_side
}

@test "gommap and goscav: tables of 80 columns, metrics and stacks" {
	local t
	command -v script >/dev/null || skip "no script(1) here"
	start "${RELEASES##* }" truth && ask gogc -1
	for t in gommap goscav; do
		rm -f "$T/json"
		TERM=dumb script -qec "stty cols 80 rows 50; $GMT $t -p $PID -d 6 --budget 100 -o table -o prom:$T/prom \
			-o folded:$T/folded -o json:$T/json" /dev/null >"$T/tty" 2>&1 3>&- </dev/null &
		TOOL=$!
		# what is asked for before it is attached is not seen
		for _ in {1..11}; do
			sleep 0.4
			ask hold a 20011 1000 && ask mmap 33333331 && ask forget a && ask free
		done
		wait $TOOL || fail "$t: $(<"$T/tty")"
		tr -d '\r' <"$T/tty" >"$T/rows"
		check "$t: wide lines" "$(grep -cE '^.{81}' "$T/rows")" -eq 0
		check "$t: lines" "$(grep -c 'go.user\|freeosmemory' "$T/rows")" -ge 2
		check "$t: metrics" "$(grep -cE "^(gomemtrace_)?${t}_[a-z0-9_]+\\{.*(go.user|freeosmemory).*\\} [0-9]" "$T/prom")" -ge 1
		check "$t: stacks" "$(grep -cE '^runtime.goexit;runtime.main;main.main;.* [0-9]+$' "$T/folded")" -ge 1
		"$GMT" $t --schema | jq -e . >/dev/null || fail "$t: schema"
	done
	check "bytes of stacks" "$(awk '{ n += $NF } END { printf "%d", n }' "$T/folded")" = \
		"$(jq -s '[.[] | select(.addr) | .bytes] | add' "$T/json")"
	done_checking
}
