#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What goalloc costs a program that does nothing but allocate, in each mode; beside it a bpftrace
# script that counts the same by stack and size, on the functions by name. Needs root.
#
#	O=.out ROUNDS=5 OBJECTS=500029 RELEASE=1.24 tests/bench/alloc.sh
#
# The CPU time of the same work, by the kernel's account of the process, with nothing attached and
# with each in turn; medians of all rounds.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
ROUNDS=${ROUNDS:-5}
OBJECTS=${OBJECTS:-500029}

# ---- what is compared ---------------------------------------------------------------

ours() {
	: >"$tmp/said"
	"$GMT" goalloc "$@" -v -p "$target" -j >"$tmp/rows" 2>"$tmp/said" &
	tools+=($!)
	wait_line "$tmp/said" 'a trap costs'
}
attach_exact() { ours --mode exact; }
attach_exact_class() { ours --mode exact --by class; }
attach_sampled() { ours --mode sampled --budget 100; }

attach_bpftrace() {
	local leaves='Tiny|SmallNoscan|SmallScanNoHeader|SmallScanHeader|Large|TinySC2|Small(NoScan|ScanNoHeader)SC[0-9]+'
	local f names
	mapfile -t names < <(nm "$program" | grep -oE "runtime\.mallocgc($leaves)$")
	# up to 1.23 there is one function
	[ ${#names[@]} -gt 0 ] || names=(runtime.mallocgc)
	{
		printf 'BEGIN { printf("ready\\n"); }\n'
		for f in "${names[@]:1}"; do
			printf 'uprobe:%s:"%s",\n' "$program" "$f"
		done
		printf 'uprobe:%s:"%s" /pid == %d/\n' "$program" "${names[0]}" "$target"
		# shellcheck disable=SC2016
		echo '{ @objects[ustack(32)] = count(); @bytes[ustack(32)] = sum(reg("ax")); @size = hist(reg("ax")); }'
	} >"$tmp/alloc.bt"
	export BPFTRACE_MAP_KEYS_MAX=16384
	theirs ready "$tmp/alloc.bt"
	sleep 0.5
}

# ---- the work -----------------------------------------------------------------------

# measure WHAT: CPU time of it, in ns, appended to a file
measure() {
	local a
	"attach_$1"
	ask mix 1009
	a=$(cpu)
	ask mix "$OBJECTS"
	echo $(($(cpu) - a)) >>"$tmp/$1"
	detach
}

export GOGC=400 GOMAXPROCS=2
bench_start alloc allocs
all="exact exact_class sampled"
if command -v bpftrace >/dev/null; then
	all="$all bpftrace"
else
	echo "bpftrace: not installed, not measured"
fi
ask mix 10007
for ((i = 0; i < ROUNDS; i++)); do
	for t in nothing $all; do
		measure "$t"
	done
done
base=$(median 1 <"$tmp/nothing")
echo "$OBJECTS allocations take $((base / 1000)) us with nothing attached, $((base / OBJECTS)) ns each"
for t in $all; do
	awk -v what="${t//_/ by }" -v b="$base" -v w="$(median 1 <"$tmp/$t")" -v n="$OBJECTS" \
		'BEGIN { printf "%s: %+.0f ns an allocation, %.2f times the CPU time\n", what, (w - b) / n, w / b }'
done
