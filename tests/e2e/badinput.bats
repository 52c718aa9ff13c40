#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Targets that end, become something else, or lie: a clear word and a status, never a
# crash, a hang or a wrong sum.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

REL=${RELEASES##* }

# whole LABEL: one JSON object whose known rows and residual are its RSS, or nothing
whole() {
	[ -s "$T/out" ] || return 0
	jq -e -s 'all(([.rows[].resident | values] | add) + .residual == .rss)' "$T/out" >/dev/null ||
		fail "$1: the rows do not add up: $(head -c 300 "$T/out")"
}

# survived LABEL: status 0, 1 or 4 within the time, a word where it is not 0
survived() {
	case $STATUS in
	0) ;;
	1 | 4) [ -s "$T/err" ] || fail "$1: status $STATUS without a word" ;;
	*) fail "$1: status $STATUS: $(head -c 300 "$T/err")" ;;
	esac
	grep -qE "Sanitizer|runtime error|core dumped" "$T/err" && fail "$1: $(head -c 600 "$T/err")"
	[ "$(wc -l <"$T/err")" -le 4 ] || fail "$1: says too much: $(head -c 300 "$T/err")"
}

@test "bad input: the target ends while we look" {
	seen=
	for n in {1..25}; do
		spawn "$CACHE/targets/$REL/churn"
		read -r -t 20 -u "$OUT" PID
		(sleep 0.0$((RANDOM % 50 + 10)); kill -KILL "$PID") 3>&- &
		killer=$!
		for _ in {1..20}; do
			tool -p "$PID" -j
			survived "ended $n"
			whole "ended $n"
			seen="$seen $STATUS"
			[ "$STATUS" = 0 ] || break
		done
		check "ended $n" "$STATUS" -eq 4
		wait $killer || :
		stop_all
	done
	[[ $seen == *0* && $seen == *4* ]] || fail "not both before and after: $seen"
	done_checking
}

@test "bad input: the target becomes itself again, and another program" {
	spawn "$CACHE/targets/$REL/again" 7
	read -r -t 20 -u "$OUT" PID
	ok=0
	for n in {1..60}; do
		tool -p "$PID" -j
		survived "exec $n"
		whole "exec $n"
		[ "$STATUS" != 0 ] || ok=$((ok + 1))
	done
	check "looks that had a result" $ok -ge 5
	stop_all
	spawn "$CACHE/targets/$REL/again" 10 30 "$(command -v sleep)" 300
	read -r -t 20 -u "$OUT" PID
	tool -p "$PID" -j 0.02 200
	survived "another program"
	whole "another program"
	for n in {1..200}; do
		[ "$(readlink "/proc/$PID/exe")" = "$(readlink -f "$(command -v sleep)")" ] && break
		sleep 0.05
	done
	tool -p "$PID" -j
	check "another program: status" "$STATUS" -eq 4
	done_checking
}

@test "bad input: an executable without section headers" {
	cp "$CACHE/targets/$REL/truth" "$T/cut"
	# the segments end where the first section that is not loaded begins
	end=0
	while read -r _ off _ _ size _; do
		[ $((off + size)) -le $end ] || end=$((off + size))
	done < <(readelf -lW "$T/cut" | grep LOAD)
	truncate -s "$end" "$T/cut"
	spawn "$T/cut"
	read -r -t 20 -u "$OUT" PID
	tool -p "$PID"
	check "status" "$STATUS" -eq 4
	grep -qE "$T/cut.*(ELF|Go)" "$T/err" || fail "says: $(cat "$T/err")"
	done_checking
}

@test "bad input: a script is its interpreter, which is no Go program" {
	printf '#!/bin/bash\necho $$\nread -r\n' >"$T/script"
	chmod +x "$T/script"
	spawn "$T/script"
	read -r -t 20 -u "$OUT" PID
	tool -p "$PID"
	check "status" "$STATUS" -eq 4
	grep -q "bash is not a Go program" "$T/err" || fail "says: $(cat "$T/err")"
	done_checking
}

@test "bad input: section headers and symbols that lie" {
	for n in {1..80}; do
		src=truth
		[ $((n % 4)) != 0 ] || src=truth-stripped
		cp "$CACHE/targets/$REL/$src" "$T/lies"
		"$O/tests/e2e/mangle" "$T/lies" "$n"
		spawn "$T/lies"
		read -r -t 20 -u "$OUT" PID || { fail "lies $n does not run"; continue; }
		start=${EPOCHREALTIME/./}
		tool -p "$PID" -j
		survived "lies $n"
		whole "lies $n"
		check "lies $n: microseconds" $((${EPOCHREALTIME/./} - start)) -lt 3000000
		stop_all
		rm -f "$T/lies"
	done
	done_checking
}

# scribbled RELEASE SYMBOL OFFSET BYTES: the target stands still while its books are broken, by
# both patterns on the oldest and the newest release, by one on the others
scribbled() {
	local addr start n patterns=2 why
	case " $RELEASES " in
	" $1 "* | *" $1 ") patterns="1 2" ;;
	esac
	addr=$(readelf -sW "$CACHE/targets/$1/truth" | awk -v s="runtime.$2" '$8 == s { print $2 }')
	addr=$(printf '%x' $((0x$addr + $3)))
	for n in $patterns; do
		start "$1" truth && ask hold a 5003 1000 && ask park 101 3 && ask gc || return 1
		kill -STOP "$PID"
		"$O/tests/e2e/scribble" "$PID" "$addr" "$4" "$n" 3>&- &
		scribbler=$!
		for _ in {1..5}; do
			start=${EPOCHREALTIME/./}
			tool -p "$PID" -j
			survived "$1 $2"
			check "$1 $2: status" "$STATUS" -eq 0
			whole "$1 $2"
			start=$((${EPOCHREALTIME/./} - start))
			longest=$((start > longest ? start : longest))
			why=$(jq -r 'if .facts.proven then "proven" else .facts.why // "" end' "$T/out")
			[ ${#why} -gt 5 ] || fail "$1 $2: degraded without a reason"
		done
		[ "$why" != proven ] || [ "$2 $3" != "mheap_ 65664" ] || fail "$1 $2: broken, and believed"
		kill -KILL $scribbler
		wait $scribbler 2>/dev/null || :
		kill -CONT "$PID"
		kill -KILL "$PID"
		stop_all
	done
}

books() {
	local longest=0
	scribbled "$1" gcController 0 392 && scribbled "$1" memstats 0 8192 || return 1
	# page allocator; its ranges, allspans, arenas
	scribbled "$1" mheap_ 0 4096 && scribbled "$1" mheap_ 65664 512 || return 1
	scribbled "$1" allgs 0 24 && scribbled "$1" allm 0 8 && scribbled "$1" allp 0 24 || return 1
	scribbled "$1" gcBitsArenas 0 48 && scribbled "$1" persistentChunks 0 8 || return 1
	echo "the longest look took $longest us"
	# a second; the machine may be busy with other things
	check "$1: the longest look" $longest -lt 2500000
}

@test "bad input: a process that breaks its own books" {
	each_release books
}
