#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Executables as Go links them, damaged in a few hundred thousand ways: every parser comes
# back, in bounds and in time. With the sanitizers, over the oldest and the newest release.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

damaged() {
	local hostile=$O/san/tests/e2e/hostile exe
	[ -x "$hostile" ] || { echo "no $hostile: run make drivers-san first"; return 1; }
	exe=$CACHE/targets/$1/$2
	timeout -k 10 600 "$hostile" "$exe" >"$T/lies" 2>"$T/err" 3>&- ||
		{ fail "$exe: $(cat "$T/err")"; return; }
	cat "$T/lies"
	# 128 KiB of cuts, and as many bits as there are in ten tables
	check "$exe: lies" "$(sed 's/.*tables, \([0-9]*\) lies.*/\1/' "$T/lies")" -gt 150000
}

@test "hostile: an executable with symbols, cut and with bits flipped" {
	damaged "${RELEASES##* }" truth
	done_checking
}

@test "hostile: an executable without symbols, cut and with bits flipped" {
	damaged "${RELEASES%% *}" truth-stripped
	done_checking
}
