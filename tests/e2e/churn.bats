#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# A target that allocates as fast as it can: what we read from outside lies where
# its own ReadMemStats lies, facts are proven, the residual keeps its bound.
# $SAMPLES (300; `make soak` takes 1,000) on the oldest and newest release under test, a fifth
# on the others.

load lib

bracket() { # RELEASE GOMAXPROCS [PROGRAM]
	local n=${SAMPLES:-300}
	case " $RELEASES " in
	" $1 "* | *" $1 ") ;;
	*) n=$((n / 5)) ;;
	esac
	GOMAXPROCS=$2 timeout -k 5 300 "$O/tests/e2e/bracket" \
		"$CACHE/targets/$1/${3:-churn}" "$n" 3>&-
}

@test "churn: outside <= inside <= outside, residual within its bound, 2 Ps" {
	each_release bracket 2
}

@test "churn: outside <= inside <= outside, residual within its bound, 64 Ps" {
	each_release bracket 64
}

@test "churn: the same of programs with a C side" {
	local n=${SAMPLES:-300}
	SAMPLES=$((n / 3)) each_release bracket 2 churn-cgo
	SAMPLES=$((n / 6)) each_release bracket 64 churn-cgo
}
