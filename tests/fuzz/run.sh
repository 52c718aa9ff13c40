#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Runs the fuzz targets: TAP, one line each.
#
#   tests/fuzz/run.sh DIR SECONDS [JOBS]
#
# DIR has the built targets. With libFuzzer each replays its corpus and goes on from
# there for so long; what it finds is kept in DIR/found, its growing corpus in
# DIR/corpus. Without libFuzzer the corpora are replayed and that is all.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
dir=$1 seconds=$2 jobs=${3:-1}
mkdir -p "$dir/found"

one() {
	local name=$1 log=$dir/$1.log args=("$here/corpus/$1")
	mkdir -p "$dir/corpus/$name" "$here/corpus/$name"
	if [ -e "$dir/libfuzzer" ]; then
		args=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
			-close_fd_mask=0 -artifact_prefix="$dir/found/$name-" "$dir/corpus/$name" "${args[@]}")
	fi
	if ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
		nice "$dir/$name" "${args[@]}" >"$log" 2>&1; then
		echo "ok - fuzz: $name: $(grep -ohE '[0-9]+ inputs replayed|number_of_executed_units: [0-9]+' "$log" |
			tail -n 1)"
	else
		echo "not ok - fuzz: $name"
		tail -n 60 "$log" | sed 's/^/# /'
	fi
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
