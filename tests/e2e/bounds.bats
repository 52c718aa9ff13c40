#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What goalloc says of a sample is an estimate with an interval. BOUNDS_RUNS (8; 100 in
# `make soak`) times it looks at another part of what a program allocates, which is drawn from a
# seed: how often is the truth, as the program counts it, within the interval of its stack?
# Runs are at the oldest and at the newest release.

# each test is a subshell, and lib.bash sets what looks unset; what jq gets has $ of its own
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2153
load lib
load live

RUNS=${BOUNDS_RUNS:-8}
ENDS="${RELEASES%% *} ${RELEASES##* }"
[ "${RELEASES%% *}" != "$RELEASES" ] || ENDS=$RELEASES

# Kinds of one size each: from 16 bytes, in a class with others, to 1 MiB.
KINDS='{"pair": 16, "node": 48, "record": 1024, "big": 1048576}'

# one_run MIXES OBJECTS ARGS...: a line for each kind: its name, what is true, said, low, high. A
# stack of which there was no sample has no row: all that was said of it is nothing.
one_run() {
	local i
	ask stats && cp "$T/answer.stats" "$T/before" || return 1
	trace goalloc -p "$PID" -j --by class,stack "${@:3}" || return 1
	for ((i = 0; i < $1; i++)); do
		ask mix "$2" || return 1
	done
	untrace
	ask stats && cp "$T/answer.stats" "$T/after" || return 1
	jq -n -r --slurpfile rows "$T/rows" --slurpfile before "$T/before" --slurpfile after "$T/after" "$KINDS"' as $size |
		$size | keys[] | . as $kind | ("main.alloc" + ($kind[:1] | ascii_upcase) + $kind[1:]) as $f |
		[$rows[] | select(.by == "stack" and ([.stack[:2][].func] | index($f)))] as $r |
		[$kind, ($after[0][$kind] - $before[0][$kind]) * $size[$kind],
			(if $r == [] then 0, 0, 0 else ($r | map(.bytes) | add), ($r | map(.low) | add), ($r | map(.high) | add) end)] |
		@tsv' >>"$T/bounds"
}

# The truth is within the bounds; and in many runs no kind is off to one side on the whole: its
# mean error is within four standard errors, or a thousandth.
judge() { # WHAT
	awk -v runs="$RUNS" -v what="$1" '
		{ n[$1]++; all++; e = $2 ? ($3 - $2) / $2 : 0; sum[$1] += e; squares[$1] += e * e }
		$2 >= $4 * (1 - 1e-9) && $2 <= $5 * (1 + 1e-9) { in_it[$1]++; all_in++ }
		END {
			for (k in n) {
				mean = sum[k] / n[k]
				var = squares[k] / n[k] - mean * mean
				se = sqrt((var > 0 ? var : 0) / n[k])
				printf "%s, %s: within %d of %d, mean error %+.2f %% (+- %.2f)\n", what, k,
					in_it[k], n[k], mean * 100, 196 * se >"/dev/stderr"
				if (runs < 100)
					continue
				if (in_it[k] < 0.88 * n[k])
					print k " is within its bounds in " in_it[k] + 0 " of " n[k] " runs"
				if ((mean > 0 ? mean : -mean) > 4 * se + 0.001)
					print k " is off by " mean * 100 " % on the whole"
			}
			if (all_in < 0.75 * all)
				print "within the bounds: " all_in + 0 " of " all
		}' "$T/bounds" >"$T/wrong" 2>"$T/judged"
	sort "$T/judged" | tee -a "${SOAK_LOG:-/dev/null}"
	each_line "$1" <"$T/wrong"
}

# bounds WHAT MIXES OBJECTS ARGS...
bounds() {
	local rel i
	for rel in $ENDS; do
		: >"$T/bounds"
		start "$rel" allocs && ask mix 10007 || fail "$rel: no target"
		for ((i = 0; i < RUNS; i++)); do
			one_run "${@:2}" || { fail "$rel: run $i stopped short"; break; }
		done
		judge "$1, go $rel"
		stop_all
	done
	done_checking
}

@test "bounds: a sample of spans" {
	bounds spans 1 500009 --mode sampled --budget 100
}

@test "bounds: the runtime's own samples" {
	export SAMPLING=1
	bounds "the runtime's own" 4 500009 --mode sampled --budget 100
}

@test "bounds: all of them in windows" {
	bounds windows 15 300007 --sample 50
}
