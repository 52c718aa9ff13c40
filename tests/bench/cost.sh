#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What one ledger of a 1 GiB heap costs us and the target, and beside it what a core
# dump of the same process costs. Medians of $RUNS runs. Needs root, and bpftrace and
# gdb for two of the rows.
#
#	O=.out RUNS=5 RELEASE=1.24 BYTES=1073741824 tests/bench/cost.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
O=${O:-$here/../../.out}
RUNS=${RUNS:-5}
CORES=${CORES:-3}
RELEASE=${RELEASE:-1.24}
BYTES=${BYTES:-1073741824}
GMT=$O/gomemtrace

[ "$(id -u)" = 0 ] || { echo "cost.sh: needs root" >&2; exit 1; }
[ -x "$GMT" ] || { echo "cost.sh: no $GMT (run make)" >&2; exit 1; }
if [ -n "${GOMEMTRACE_CACHE:-}" ]; then cache=$GOMEMTRACE_CACHE
else cache=/var/cache/gomemtrace
fi
"$here/../targets/build.sh" "$RELEASE"

tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/gomemtrace-cost.XXXXXX")
target='' tracer='' sampler=''
cleanup() {
	[ -z "$sampler" ] || kill "$sampler" 2>/dev/null || :
	[ -z "$tracer" ] || kill "$tracer" 2>/dev/null || :
	[ -z "$target" ] || kill -KILL "$target" 2>/dev/null || :
	rm -rf "$tmp"
}
trap cleanup EXIT

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds

# median FILE: of numbers, one a line; "-" if there are none
median() {
	sort -n "$1" 2>/dev/null | awk '{ v[NR] = $1 } END {
		if (!NR) print "-"; else print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2 }'
}

# ms FILE: the median of microseconds, in milliseconds
ms() { median "$1" | awk '$1 == "-" { print "not measured"; next } { printf "%.1f ms\n", $1 / 1000 }'; }
mib() { median "$1" | awk '$1 == "-" { print "not measured"; next } { printf "%.1f MiB\n", $1 / 1048576 }'; }

# looks DIR: wall time, CPU and peak RSS of whole runs of the tool, seen from outside,
# and its own word on the look alone.
looks() {
	local t0 t1 i
	local TIMEFORMAT='%U %S'
	for ((i = 0; i < RUNS; i++)); do
		t0=$(now)
		{ time "$GMT" -p "$target" -j >"$tmp/json"; } 2>"$tmp/time"
		t1=$(now)
		echo $((t1 - t0)) >>"$1/wall"
		awk 'END { print ($1 + $2) * 1e6 }' "$tmp/time" >>"$1/cpu"
		jq '.self.wall_ns / 1000' "$tmp/json" >>"$1/look"
		jq '.residual' "$tmp/json" >>"$1/residual"
		jq '.self.target_stopped_ns / 1000' "$tmp/json" >>"$1/stopped"
		if [ -x /usr/bin/time ]; then
			/usr/bin/time -f %M -o "$tmp/rss" "$GMT" -p "$target" -j >/dev/null
			awk '{ print $1 * 1024 }' "$tmp/rss" >>"$1/rss"
		else
			jq '.self.rss' "$tmp/json" >>"$1/rss"
		fi
	done
}

# The longest time the tool held the target's mmap_lock, a line a look. The mm of
# the tool itself does not count.
holds() {
	local i
	command -v bpftrace >/dev/null || return 0
	# shellcheck disable=SC2016
	printf '%s\n' 'BEGIN { printf("ready\n"); }
		tracepoint:mmap_lock:mmap_lock_acquire_returned
		/comm == "gomemtrace" && args->success &&
		 (uint64)args->mm != (uint64)((struct task_struct *)curtask)->mm/
		{ @since[tid] = nsecs; }
		tracepoint:mmap_lock:mmap_lock_released
		/@since[tid] && (uint64)args->mm != (uint64)((struct task_struct *)curtask)->mm/
		{ printf("hold %d %d\n", pid, nsecs - @since[tid]); delete(@since[tid]); }
		END { clear(@since); }' >"$tmp/hold.bt"
	# bpftrace wants tracefs; a mount of our own leaves the system as it is
	# shellcheck disable=SC2016
	unshare -m sh -c '[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
		exec bpftrace "$1"' sh "$tmp/hold.bt" >"$tmp/hold" 2>"$tmp/hold.err" &
	tracer=$!
	for ((i = 0; i < 150; i++)); do
		! grep -q '^ready' "$tmp/hold" || break
		kill -0 "$tracer" 2>/dev/null || break
		sleep 0.1
	done
	if ! grep -q '^ready' "$tmp/hold"; then
		echo "cost.sh: bpftrace did not start: $(tail -n 1 "$tmp/hold.err")" >&2
		tracer=''
		return 0
	fi
	for ((i = 0; i < RUNS; i++)); do
		"$GMT" -p "$target" -j >/dev/null
		sleep 0.1
	done
	sleep 1
	kill -INT "$tracer"
	wait "$tracer" || :
	tracer=''
	awk '$1 == "hold" { if (!($2 in max) || $3 > max[$2]) max[$2] = $3 }
		END { for (p in max) print max[p] / 1000 }' "$tmp/hold" >"$1/hold"
	awk '$1 == "hold" { n[$2]++ } END { for (p in n) print n[p] }' "$tmp/hold" >"$1/holds"
}

# stop_time: microseconds between the first and the last time the target was seen
# in a tracing stop, until told to end.
stop_time() {
	local s first='' last=''
	trap 'echo "$((${last:-0} - ${first:-0}))"; exit' TERM
	while :; do
		s=$(</proc/"$target"/stat)
		s=${s##*) }
		case ${s%% *} in
		t | T)
			last=${EPOCHREALTIME/[.,]/}
			first=${first:-$last}
			;;
		esac
	done
}

cores() {
	local i t0 t1
	command -v gcore >/dev/null || return 0
	for ((i = 0; i < CORES; i++)); do
		stop_time >"$tmp/stop" &
		sampler=$!
		sleep 0.1
		t0=$(now)
		gcore -o "$tmp/core" "$target" >"$tmp/gcore" 2>&1 || { cat "$tmp/gcore" >&2; return 1; }
		t1=$(now)
		kill -TERM "$sampler"
		wait "$sampler" || :
		sampler=''
		cat "$tmp/stop" >>"$1/core_stopped"
		echo $((t1 - t0)) >>"$1/core_wall"
		stat -c '%b %B' "$tmp/core.$target" | awk '{ print $1 * $2 }' >>"$1/core_size"
		rm -f "$tmp/core.$target"
	done
}

measure() {
	local dir=$tmp/$1
	mkdir "$dir"
	mkfifo "$dir/in" "$dir/out"
	"$cache/targets/$RELEASE/fill" "$BYTES" "$1" <"$dir/in" >"$dir/out" &
	target=$!
	exec 5>"$dir/in" 6<"$dir/out"
	read -r -t 300 -u 6 _ || { echo "cost.sh: fill did not start" >&2; exit 1; }
	sleep 2
	awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/$target/status" >"$dir/target_rss"
	looks "$dir"
	holds "$dir"
	cores "$dir"
	exec 5>&- 6<&-
	wait "$target" || :
	target=''
}

sizes=(1024 64)
for s in "${sizes[@]}"; do
	measure "$s"
done

line() { printf '%-38s %18s %18s\n' "$1" "$("$2" "$tmp/${sizes[0]}/$3")" "$("$2" "$tmp/${sizes[1]}/$3")"; }
printf '%-38s %18s %18s\n' "heap of $((BYTES >> 20)) MiB, Go $RELEASE" "objects of 1 KiB" "objects of 64 B"
line "target's RSS" mib target_rss
line "gomemtrace: one run, wall time" ms wall
line "  the look alone" ms look
line "  our CPU time" ms cpu
line "  our peak RSS" mib rss
line "  target stopped" ms stopped
line "  longest hold of its mmap_lock" ms hold
line "  holds a run" median holds
line "  residual, bytes" median residual
line "gcore: wall time" ms core_wall
line "  target stopped" ms core_stopped
line "  file written" mib core_size
echo "medians of $RUNS runs, of $CORES for gcore; $(nproc) CPUs, $(uname -r)"
