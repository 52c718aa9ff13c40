# shellcheck shell=bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# live.bash - an event tool in the background, for tests of what it shows.
#
#	trace gogc -p $PID -j       started; returns when it is attached
#	untrace                     ended by Ctrl-C; $T/rows, $T/said, $STATUS
#	total KEY                   a member of its summary

trace() {
	rm -f "$T/said" "$T/rows"
	"$GMT" "$1" -v "${@:2}" >"$T/rows" 2>"$T/said" 3>&- &
	TOOL=$!
	for _ in {1..200}; do
		# it reads what traps cost when all else is done
		! grep -qs 'a trap costs' "$T/said" || return 0
		gone $TOOL && break
		sleep 0.05
	done
	echo "$* did not attach: $(<"$T/said")"
	return 1
}

untrace() {
	kill -INT "$TOOL"
	STATUS=0
	wait "$TOOL" || STATUS=$?
	check "status" $STATUS -eq 0
	[ $STATUS = 0 ] || cat "$T/said"
}

total() { jq -r "select(.summary) | .summary.$1" "$T/rows"; }

# What holds for every run: nothing is lost without being counted.
books() {
	check "$1: books" "$(total produced)" -eq $(($(total delivered) + $(total lost)))
	check "$1: lost" "$(total lost)" -eq 0
	check "$1: hits" "$(total probe_hits)" -ge "$(total produced)"
	check "$1: cost is known" "$(total 'overhead_pct >= 0')" = true
}
