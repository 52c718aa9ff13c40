#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Runs the fuzz targets: TAP, one line each.
#
#   [FUZZ_SEED=N] tests/fuzz/run.sh DIR SECONDS [JOBS [RESULTS]]
#
# DIR has the built targets. With libFuzzer each replays its corpus and goes on from
# there for so long; what it finds is kept in DIR/found, its growing corpus in
# DIR/corpus, and RESULTS, if named, has the sum of all runs. With a seed, and no
# DIR/corpus yet, it tries the same inputs each time. Without libFuzzer the corpora are
# replayed and that is all.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
dir=$1 seconds=$2 jobs=${3:-1} results=${4:-}
mkdir -p "$dir/found"
rm -f "$dir"/*.row

# stat LOG PATTERN: the last number behind it
stat_of() { grep -aoE "$2 *[0-9]+" "$1" | tail -n 1 | grep -oE '[0-9]+$' || echo 0; }

# row NAME USER SYSTEM: what a run has to add to RESULTS
row() {
	local log=$dir/$1.log found
	found=$(find "$dir/found" -name "$1-*" ! -name '*-slow-unit-*' -newer "$dir/$1.start" | wc -l)
	printf '%s %s %.0f %d %d %d\n' "$1" "$(date -u +%F)" "$(awk "BEGIN { print $2 + $3 }")" \
		"$(stat_of "$log" number_of_executed_units:)" "$(stat_of "$log" cov:)" "$found"
}

one() {
	local name=$1 log=$dir/$1.log args=("$here/corpus/$1") status=0 cpu TIMEFORMAT='%U %S'
	mkdir -p "$dir/corpus/$name" "$here/corpus/$name"
	if [ -e "$dir/libfuzzer" ]; then
		args=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
			-close_fd_mask=0 -seed="${FUZZ_SEED:-0}" -artifact_prefix="$dir/found/$name-" "$dir/corpus/$name" "${args[@]}")
	fi
	: >"$dir/$name.start"
	cpu=$({ time ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 \
		UBSAN_OPTIONS=print_stacktrace=1 nice "$dir/$name" "${args[@]}" >"$log" 2>&1; } 2>&1) || status=1
	if [ $status = 0 ]; then
		echo "ok - fuzz: $name: $(grep -ohE '[0-9]+ inputs replayed|number_of_executed_units: [0-9]+' "$log" |
			tail -n 1)"
	else
		echo "not ok - fuzz: $name"
		grep -av '^#[0-9]' "$log" | tail -n 60 | sed 's/^/# /'
	fi
	# shellcheck disable=SC2086
	[ ! -e "$dir/libfuzzer" ] || row "$name" $cpu >"$dir/$name.row"
}

# The rows of this run into the sums of all; edges are those of the last.
add_up() {
	local sums
	sums=$(awk '
		/^#/ { print; next }
		NF == 6 { last[$1] = $2; cpu[$1] += $3; runs[$1] += $4; edges[$1] = $5; found[$1] += $6 }
		END {
			for (h in last)
				printf "%-16s %s %7d %11d %6d %9d\n", h, last[h], cpu[h], runs[h], edges[h],
					found[h] | "sort"
		}' "$results" "$dir"/*.row) && printf '%s\n' "$sums" >"$results"
}

names=()
for f in "$here"/fuzz_*.c; do
	f=${f##*/}
	[ ! -x "$dir/${f%.c}" ] || names+=("${f%.c}")
done
echo "1..${#names[@]}"
running=0
for n in "${names[@]}"; do
	[ "$running" -lt "$jobs" ] || { wait -n; running=$((running - 1)); }
	one "$n" &
	running=$((running + 1))
done
wait
[ -z "$results" ] || [ ! -e "$dir/libfuzzer" ] || add_up
