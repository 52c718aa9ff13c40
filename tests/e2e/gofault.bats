#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Page faults: as many as getrusage counts, and each page that is touched for the first time,
# given back and touched again, to the page.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

PAGES=5003

# of KIND KEY [WHO]: a number of main.touch's
of() {
	jq -s "[.[] | select(.by == \"who\" and .who == \"${3:-main.touch}\" and .kind == \"$1\" and
		.row == \"anon.other\") | .$2] | add // 0" "$T/rows"
}

faults() { ask faults && echo $(($(ans min_flt) + $(ans maj_flt))); }

# Faults of the time before and after the tool, which the runtime has, too, are in the outer
# readings; the inner ones are within its time.
touched() {
	local before from to after
	start "$1" calls
	faults >/dev/null && before=$(faults) || return 1
	trace gofault -p "$PID" -j --budget 100 --ring 4M || return 1
	from=$(faults) || return 1
	ask map $((PAGES * 4096)) && ask touch && ask drop && ask touch && ask touch || return 1
	ask look && ask drop && ask look && ask touch || return 1
	to=$(faults) || return 1
	untrace
	after=$(faults) || return 1
	books "$1"
	check "$1: getrusage, within" "$(total faults)" -ge $((to - from))
	check "$1: getrusage, around" "$(total faults)" -le $((after - before))
	near "$1: getrusage, around and within" $((after - before)) $((to - from)) 200
	near "$1: the kernel's count" "$(total counted)" "$(total faults)" 20
	check "$1: first" "$(of first faults)" -eq $PAGES
	check "$1: first bytes" "$(of first bytes)" -eq $((PAGES * 4096))
	check "$1: refaults" "$(of refault faults)" -eq $PAGES
	check "$1: refault bytes" "$(of refault bytes)" -eq $((PAGES * 4096))
	# zero pages, which are then written
	check "$1: read" "$(of refault faults main.look)" -eq $PAGES
	check "$1: written behind" "$(of again faults)" -eq $PAGES
	check "$1: huge" "$(total huge)" -eq 0
	check "$1: who calls" "$(jq -s '[.[] | select(.by == "stack" and .who == "main.touch" and .row == "anon.other") |
		select(.stack[1].func | startswith("main.run")) | .faults] | add' "$T/rows")" -eq $((3 * PAGES))
}

@test "gofault: faults are those of getrusage, first touch and refaults to the page" {
	each_release touched
}

@test "gofault: what is unmapped is forgotten, what was there before is not" {
	start "${RELEASES##* }" calls
	ask map $((PAGES * 4096)) && ask touch
	trace gofault -p "$PID" -j --budget 100 --ring 4M
	ask drop && ask touch && ask unmap && ask map $((PAGES * 4096)) && ask touch
	untrace
	check "refaults" "$(of refault faults)" -eq $PAGES
	check "first" "$(of first faults)" -eq $PAGES
	check "again" "$(of again faults)" -eq 0
	done_checking
}

@test "gofault: huge pages, where they are given" {
	local n=7
	[[ $(</sys/kernel/mm/transparent_hugepage/enabled) != *"[never]"* ]] || skip "no huge pages here"
	start "${RELEASES##* }" calls
	ask map $((n * 2097152)) && ask huge
	trace gofault -p "$PID" -j --budget 100
	ask touch
	addr=$(faults >/dev/null && ans addr faults)
	huge=$(awk -v want="$(printf %x "$addr")" '/^[0-9a-f]+-/ { here = index($1, want "-") == 1 || here && 0 }
		/^AnonHugePages:/ { sum += $2 } END { print sum * 1024 }' "/proc/$PID/smaps")
	untrace
	books huge
	check "by the kernel" "$huge" -eq $((n * 2097152))
	check "huge" "$(total huge)" -eq $n
	check "bytes" "$(of first bytes)" -eq $((n * 2097152))
	check "faults" "$(of first faults)" -eq $n
	done_checking
}

@test "gofault: a page that has to be read is a major fault" {
	local major
	dd if=/dev/urandom of="$T/file" bs=4096 count=257 status=none
	sync "$T/file"
	dd of="$T/file" oflag=nocache conv=notrunc,fdatasync count=0 status=none
	start "${RELEASES##* }" calls
	faults >/dev/null
	major=$(ans maj_flt)
	ask file "$T/file"
	trace gofault -p "$PID" -j --budget 100
	ask look && faults >/dev/null
	untrace
	check "major" "$(total major)" -eq $(($(ans maj_flt faults) - major))
	check "row" "$(jq -s '[.[] | select(.by == "row" and .kind == "major") | .row] | unique == ["files"] or . == []' "$T/rows")" = true
	done_checking
}

@test "gofault: of a part of the pages, all that becomes of them" {
	start "${RELEASES##* }" calls
	trace gofault -p "$PID" -j --budget 100 --sample 10
	ask map $((PAGES * 4096)) && ask touch && ask drop && ask touch
	untrace
	books sample
	check "first and refaults" "$(of first faults)" -eq "$(of refault faults)"
	near "a tenth" "$(of first faults)" $((PAGES / 10)) $((PAGES / 50))
	done_checking
}

# Memory of the runtime's own, by what it is for.
# bytes ROW...: what came to these rows
bytes() {
	jq -s '[.[] | select(.by == "row" and (.row | IN($ARGS.positional[]))) | .bytes] | add // 0' \
		--args "$@" <"$T/rows"
}

# What is mapped while it is touched is known a moment later: of a busy machine's runs one must
# tell heap and stacks apart, and each has all of them.
heap() {
	local told=no
	for _ in {1..5}; do
		start "$1" truth && ask gogc -1
		trace gofault -p "$PID" -j --budget 100 --ring 4M || return 1
		ask hold a 10007 4096
		sleep 0.2
		ask park 53 64
		untrace
		books "$1"
		check "$1: heap and stacks" "$(bytes go.heap go.stacks go.arenas anon.other unmapped)" \
			-ge $((10007 * 4096 + 53 * 65536))
		stop_all
		[ "$(bytes go.heap)" -lt $((10007 * 4096)) ] || [ "$(bytes go.stacks)" -lt $((53 * 65536)) ] || told=yes
		[ $told = no ] || break
	done
	check "$1: told apart" $told = yes
}

@test "gofault: heap and stacks are told apart" {
	each_release heap
}

@test "gofault and gokmem: tables of 80 columns, metrics, stacks and a schema" {
	local t
	command -v script >/dev/null || skip "no script(1) here"
	start "${RELEASES##* }" calls
	for t in gofault gokmem; do
		TERM=dumb script -qec "stty cols 80 rows 50; $GMT $t -p $PID -d 3 --budget 100 -o table -o prom:$T/prom \
			-o folded:$T/folded" /dev/null >"$T/tty" 2>&1 3>&- </dev/null &
		TOOL=$!
		for _ in {1..5}; do
			sleep 0.4
			ask map 4100096 && ask touch && ask unmap && ask cycle eventfd 1009
		done
		wait $TOOL || fail "$t: $(<"$T/tty")"
		tr -d '\r' <"$T/tty" >"$T/rows"
		check "$t: wide lines" "$(grep -cE '^.{81}' "$T/rows")" -eq 0
		check "$t: lines" "$(grep -c 'main.touch\|do_eventfd' "$T/rows")" -ge 1
		check "$t: metrics" "$(grep -cE "^(gomemtrace_)?${t}_[a-z0-9_]+\{.*(main.touch|do_eventfd).*\} [0-9]" "$T/prom")" -ge 1
		check "$t: stacks" "$(grep -cE '(main.touch|do_eventfd) [0-9]+$' "$T/folded")" -ge 1
		"$GMT" $t --schema | jq -e . >/dev/null || fail "$t: schema"
	done
	done_checking
}
