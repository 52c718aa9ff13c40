#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What was recorded comes out again, to the byte, without root and without the process.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# what anybody may read
teardown() {
	stop_all
	rm -rf "${PUBLIC:-}"
}

# as_nobody COMMAND...: as a user who may do nothing.
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

@test "replay: the same bytes in every format, for anybody" {
	start "${RELEASES%% *}" truth
	first=$PID
	start "${RELEASES##* }" truth
	ask hold a 20011 1024
	tool -p "$first,$PID" 0.2 3 -T -o "json:$T/json" -o "table:$T/table" -o "prom:$T/prom" \
		--record "$T/raw"
	check status "$STATUS" -eq 0
	check mode "$(stat -c %a "$T/raw")" = 600
	stop_all
	PUBLIC=$(mktemp -d)
	chmod 755 "$PUBLIC"
	install -m 644 "$T/raw" "$PUBLIC/shared"
	install -m 755 "$GMT" "$PUBLIC/gomemtrace"
	as_nobody "$PUBLIC/gomemtrace" --replay "$PUBLIC/shared" -o json >"$T/json2" 3>&-
	cmp "$T/json" "$T/json2" || fail "json differs"
	as_nobody "$PUBLIC/gomemtrace" --replay "$PUBLIC/shared" -T >"$T/table2" 3>&-
	cmp "$T/table" "$T/table2" || fail "table differs"
	# prom's file has the last round
	as_nobody "$PUBLIC/gomemtrace" --replay "$PUBLIC/shared" -o prom >"$T/prom2" 3>&-
	tail -n "$(wc -l <"$T/prom")" "$T/prom2" | cmp - "$T/prom" || fail "prom differs"
	as_nobody "$PUBLIC/gomemtrace" --replay - -o json <"$PUBLIC/shared" >"$T/json3" 3>&-
	cmp "$T/json" "$T/json3" || fail "json from a pipe differs"
	done_checking
}

@test "replay: nothing of the memory or the environment is in a recording" {
	export PASSWORD=dc7f3a91be
	start "${RELEASES##* }" truth
	unset PASSWORD
	ask hold a 20011 1024
	grep -qa dc7f3a91be "/proc/$PID/environ" || fail "the target does not have it"
	tool -p "$PID" --record "$T/raw"
	! grep -qa dc7f3a91be "$T/raw" || fail "the recording has it"
	check "size" "$(stat -c %s "$T/raw")" -lt 65536
	done_checking
}

@test "replay: what was recorded until kill -9 is not lost" {
	start "${RELEASES##* }" truth
	"$GMT" -p "$PID" 0.05 -q --record "$T/raw" >"$T/out" 3>&- &
	recorder=$!
	until [ "$(stat -c %s "$T/raw" 2>/dev/null || echo 0)" -gt 20000 ]; do sleep 0.05; done
	kill -KILL $recorder
	wait $recorder || :
	tool --replay "$T/raw" -j
	check "status" "$STATUS" -eq 0
	check "looks" "$(wc -l <"$T/out")" -ge 1
	grep -q 'has no end: the recording was cut off' "$T/err" || fail "does not say so"
	# in the middle of a look
	head -c -7 "$T/raw" >"$T/cut"
	tool --replay "$T/cut" -j
	check "status of the cut one" "$STATUS" -eq 1
	check "looks of the cut one" "$(wc -l <"$T/out")" -ge 1
	grep -q 'ends in the middle of a look' "$T/err" || fail "does not say what is wrong"
	done_checking
}

@test "replay: gols" {
	start "${RELEASES##* }" truth
	tool gols -o "json:$T/json" -o "table:$T/table" --record "$T/raw"
	check status "$STATUS" -eq 0
	tool --replay "$T/raw" -o json
	cmp "$T/json" "$T/out" || fail "json differs"
	tool gols --replay "$T/raw"
	cmp "$T/table" "$T/out" || fail "table differs"
	done_checking
}
