#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What gogc and gostw cost a service that collects about 30 times a second, themselves, and
# beside them bpftrace with probes at the entries of the same functions. Needs root.
#
#	O=.out PAIRS=20 SECONDS_EACH=10 WINDOW=1 RELEASE=1.24 tests/bench/live.sh
#
# The work that a second of the target's CPU time does is compared in windows A B B A, where
# B has the tools attached; first a control in which B has nothing either.
set -euo pipefail

. "$(dirname "$0")/lib.bash"
PAIRS=${PAIRS:-20}
SECONDS_EACH=${SECONDS_EACH:-10}
WINDOW=${WINDOW:-1}
[ -x "$O/tests/e2e/trap" ] || die "run make all drivers"

bench_start live churn -live 24 -goroutines 20
sleep 2

# ---- the tools' own account --------------------------------------------------------

account() {
	/usr/bin/time -f %M -o "$tmp/rss" "$GMT" "$1" -p "$target" -d "$SECONDS_EACH" -j >"$tmp/json"
	tail -n 1 "$tmp/json" | jq -r --arg tool "$1" --argjson s "$SECONDS_EACH" \
		--argjson rss "$(cat "$tmp/rss")" '.summary |
		"\($tool): \((.cycles // .stops) / $s | round) a second, \(.probe_hits / $s | round) traps a second, " +
		"\(.overhead_pct * 1000 | round / 1000) % of the CPU time, " +
		"\(.overhead_ns / .probe_hits | round) ns a trap (emulated: \(.trap_ns)), " +
		"lost \(.lost), coverage \(.coverage) %, our RSS \($rss / 102.4 | round / 10) MiB"'
}

# milliseconds COMMAND...: from exec to the first row
milliseconds() {
	local t0
	t0=$(now)
	exec 7< <("$@" 2>"$tmp/err")
	read -r -u 7 _
	echo $((($(now) - t0) / 1000))
	cat <&7 >/dev/null
	exec 7<&-
}

# first_event WHAT COMMAND...
first_event() {
	local what=$1
	shift
	for _ in {1..11}; do
		milliseconds "$@"
	done | sort -n | awk -v what="$what" '{ v[NR] = $1 } END {
		printf "%s: first event after %d ms (median of %d; %d to %d)\n", what,
			v[int((NR + 1) / 2)], NR, v[1], v[NR] }'
}

# ---- bpftrace, asked the same ------------------------------------------------------

their_program() {
	local f
	for f in gcStart gcMarkTermination stopTheWorldWithSema startTheWorldWithSema; do
		echo "uprobe:$program:runtime.$f { @[probe] = count(); printf(\"%s %lu\\n\", probe, nsecs); }"
	done >"$tmp/gc.bt"
}

attach_ours() {
	"$GMT" gogc -p "$target" -j >"$tmp/gogc" 2>&1 &
	tools+=($!)
	"$GMT" gostw -p "$target" -j >"$tmp/gostw" 2>&1 &
	tools+=($!)
	wait_line "$tmp/gogc" cycle
	wait_line "$tmp/gostw" reason
}

attach_theirs() { theirs "^uprobe" -p "$target" "$tmp/gc.bt"; }

# ---- windows -----------------------------------------------------------------------

# state: operations, CPU time of all threads in ns
state() {
	ask sum
	echo "${ANS%% *} $(cpu)"
}

# window: operations a ms of CPU time
window() {
	local a b
	a=$(state)
	sleep "$WINDOW"
	b=$(state)
	awk -v a="$a" -v b="$b" 'BEGIN { split(a, x); split(b, y)
		printf "%.6f\n", (y[1] - x[1]) / (y[2] - x[2]) * 1e6 }'
}

# abba ATTACH: the median of B / A, and its 95 % interval (by ranks), of $PAIRS
abba() {
	local a1 b1 b2 a2 i
	: >"$tmp/ratios"
	for ((i = 0; i < PAIRS; i++)); do
		a1=$(window)
		"$1"
		b1=$(window)
		b2=$(window)
		detach
		a2=$(window)
		awk -v a="$a1" -v b="$b1" -v c="$b2" -v d="$a2" 'BEGIN { print (b + c) / (a + d) }' >>"$tmp/ratios"
	done
	sort -n "$tmp/ratios" | awk -v what="$2" '{ v[NR] = $1 } END {
		lo = int(NR / 2 - 0.98 * sqrt(NR)); lo = lo < 1 ? 1 : lo; hi = NR + 1 - lo
		printf "%s: %.4f of the work (95 %%: %.4f to %.4f, %d times ABBA)\n", what,
			(v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2, v[lo], v[hi], NR }'
}

# ---- calibration against a loop under somebody else's probes -------------------------

calibration() {
	local trap=$O/tests/e2e/trap
	echo "a trap as calibrated, emulated and stepped, ns: $("$trap"; "$trap"; "$trap")" | paste -sd' '
	"$trap" 1 >"$tmp/free"
	echo "uprobe:$(realpath "$trap"):trap_emulated { \$x = 1; } uprobe:$(realpath "$trap"):trap_stepped { \$x = 1; } BEGIN { printf(\"ready\\n\"); }" >"$tmp/trap.bt"
	theirs ready "$tmp/trap.bt"
	sleep 0.5
	"$trap" 3 >"$tmp/probed"
	detach
	awk -v e="$(median 1 <"$tmp/probed")" -v s="$(median 2 <"$tmp/probed")" \
		-v e0="$(median 1 <"$tmp/free")" -v s0="$(median 2 <"$tmp/free")" \
		'BEGIN { printf "a trap by the loop: %.0f ns emulated, %.0f ns stepped\n", e - e0, s - s0 }'
}

for t in gogc gostw; do
	account $t
	first_event $t "$GMT" $t -p "$target" -d 1 -j
done
abba attach_nothing "control, nothing attached"
abba attach_ours "gogc and gostw"
if command -v bpftrace >/dev/null; then
	calibration
	their_program
	first_event bpftrace as_bpftrace timeout -s INT 1.5 bpftrace -q -B line -p "$target" "$tmp/gc.bt"
	attach_theirs
	sleep 3
	echo "bpftrace: RSS $(awk '/^VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/${tools[0]}/status") MiB," \
		"$(grep -c '^uprobe' "$tmp/lines") events in 3 s"
	detach
	abba attach_theirs "bpftrace"
else
	echo "bpftrace: not installed, not measured"
fi
