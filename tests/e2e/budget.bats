#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What probes may cost is held, and said when it is; a target that does next to nothing has
# them all the same.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

TINY=0.0001

# It works a little, so that shares say something, without a collection; then it is idle.
idle() {
	GOGC=off start "$1" truth && trace "$2" -p "$PID" -j --budget $TINY || return 1
	ask hold a 100003 504 scan && sleep 2.2 && ask gc 2 && ask stats && sleep 1.2 || return 1
	untrace
	books "$1 $2"
	check "$1 $2: it cost more than that share" "$(total 'overhead_pct > .summary.budget_pct')" = true
	check "$1 $2: and less than 100 us a second" "$(total 'overhead_ns < 340000')" = true
	check "$1 $2: missing" "$(total 'missing | length')" -eq 0
	check "$1 $2: paused" "$(total paused_ns)" -eq 0
	check "$1 $2: coverage" "$(total coverage)" = 100
	stop_all
}

@test "budget: of an idle target nothing is given up" {
	idle "${RELEASES%% *}" gostw
	idle "${RELEASES##* }" gostw
	idle "${RELEASES##* }" gogc
	done_checking
}

# busy TOOL GIVEN-UP...
busy() {
	spawn env GOMAXPROCS=2 "$CACHE/targets/${RELEASES##* }/churn" -live 4
	read -r -t 60 -u "$OUT" PID || return 1
	trace "$1" -p "$PID" -j --budget $TINY || return 1
	sleep 4.5
	untrace
	books "$1"
	for p in "${@:2}"; do
		check "$1: $p is missing" "$(total "missing | any(.id == \"$p\")")" = true
		check "$1: $p, said" "$(grep -c "$p given up: probes cost .* are allowed" "$T/said")" -eq 1
	done
	check "$1: paused" "$(total 'paused_ns > 100000000')" = true
	check "$1: paused, said" "$(grep -c 'are allowed: paused' "$T/said")" -ge 1
	stop_all
}

@test "budget: of a busy target it is held: given up, paused, and said so" {
	busy gogc gc_swept gc_start
	busy gostw
	done_checking
}

# What costs a quarter of the target's time is not let go on for a second.
@test "budget: what has nothing to give up is paused soon, and comes back" {
	start "${RELEASES##* }" allocs && ask mix 10007
	trace goalloc -p "$PID" -j --mode sampled --budget 2 -v
	local from=$SECONDS
	while [ $((SECONDS - from)) -lt 5 ]; do
		ask mix 1000003
	done
	untrace
	books goalloc
	check "paused" "$(total 'paused_ns > 500000000')" = true
	check "and back again" "$(grep -c 'probes are back' "$T/said")" -ge 1
	check "cost" "$(total 'overhead_pct < 3')" = true
	check "samples" "$(total 'sampled_objects > 1000')" = true
	done_checking
}
