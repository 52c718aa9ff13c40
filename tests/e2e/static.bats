#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# make STATIC=1: one file that needs nothing of the system it runs on.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

@test "static: one file, which takes a ledger where there is nothing else" {
	# the dynamic one was linked from the same objects: only the link is new
	cp -a "$O" "$T/tree"
	make -C "$ROOT" --no-print-directory O="$T/tree" STATIC=1 3>&- ||
		{ echo "make STATIC=1 failed"; false; }
	GMT=$T/tree/gomemtrace
	[[ $(ldd "$GMT" 2>&1) == *"not a dynamic executable"* || $(ldd "$GMT" 2>&1) == *"statically linked"* ]] ||
		fail "needs $(ldd "$GMT")"
	! readelf -lW "$GMT" | grep -q INTERP || fail "has an interpreter"
	start "${RELEASES##* }" truth && ask hold a 20011 1000 && ask gc && calm_look
	adds_up static
	# a root with nothing but /proc and /dev
	mkdir -p "$T/root/proc" "$T/root/dev"
	cp "$GMT" "$T/root/gomemtrace"
	if unshare -m sh -c 'mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" && chroot "$1" /gomemtrace -p "$2" -j >"$1/out"' - \
		"$T/root" "$PID" 2>"$T/err"; then
		check "in an empty root: proven" "$(jq .facts.proven "$T/root/out")" = true
		check "in an empty root: residual" "$(jq .residual "$T/root/out")" -eq 0
	else
		fail "in an empty root: $(cat "$T/err")"
	fi
	done_checking
}
