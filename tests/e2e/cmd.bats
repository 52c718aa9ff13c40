#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# -- CMD: a program from its start; --comm and --cgroup: those that run; --check.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# what anybody may run
teardown() {
	stop_all
	rm -rf "${PUBLIC:-}"
}

@test "cmd: looks from the start to the end, and its own status" {
	exe=$CACHE/targets/${RELEASES##* }/truth
	{ sleep 1; echo "hold a 20011 1024"; sleep 1; } |
		timeout 60 "$GMT" -o "json:$T/json" 0.2 -- "$exe" >"$T/out" 3>&-
	check "status" "${PIPESTATUS[1]}" -eq 0
	check "looks" "$(wc -l <"$T/json")" -ge 5
	# the last object only says that it ended
	jq -c 'select(.rss != null)' "$T/json" >"$T/looks"
	jq -e -s 'all(.rss == ([.rows[].resident] | add) + .residual)' "$T/looks" >/dev/null ||
		fail "a look does not add up"
	jq -e -s 'all(.facts.proven)' "$T/looks" >/dev/null || fail "a look is not proven"
	jq -e -s 'last.rss > first.rss + 10000000' "$T/looks" >/dev/null || fail "it did not grow"
	# its stdin and stdout are its own
	check "its first line" "$(head -n 1 "$T/out")" -eq "$(jq -s first.pid "$T/json")"
	grep -q '"ok":true' "$T/out" || fail "it did not hear us"
	done_checking
}

@test "cmd: a script that becomes the program" {
	exe=$CACHE/targets/${RELEASES%% *}/truth
	# shellcheck disable=SC2016
	sleep 1 | timeout 60 "$GMT" -o "json:$T/json" 0.2 -- sh -c 'sleep 0.3; exec "$0"' "$exe" \
		>"$T/out" 3>&- || fail "status $?"
	jq -e -s 'map(select(.rss != null)) | length > 0 and all(.facts.proven)' "$T/json" >/dev/null || fail "not looked at"
	done_checking
}

@test "cmd: not a Go program, but a status" {
	STATUS=0
	timeout 60 "$GMT" -- sh -c 'sleep 1.5; exit 7' >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "status" $STATUS -eq 7
	grep -q "not a Go program" "$T/err" || fail "does not say why nothing is shown"
	STATUS=0
	timeout 60 "$GMT" -- /nonexistent 2>"$T/err" 3>&- || STATUS=$?
	check "status of what is not there" $STATUS -eq 127
	done_checking
}

@test "cmd: SIGTERM is handed on, Ctrl-C ends both" {
	# sleep has no idea of SIGTERM: 128 + 15
	"$GMT" -q -- sleep 100 2>/dev/null 3>&- &
	tool_pid=$!
	sleep 1.5
	kill -TERM $tool_pid
	STATUS=0
	wait $tool_pid || STATUS=$?
	check "status" $STATUS -eq 143
	done_checking
}

@test "cmd: --comm and --cgroup find what -p would" {
	start "${RELEASES##* }" truth
	cp "/proc/$PID/exe" "$T/aaselected"
	spawn "$T/aaselected"
	a=$CHILD
	read -r -t 60 -u "$OUT" _
	spawn "$T/aaselected"
	b=$CHILD
	read -r -t 60 -u "$OUT" _
	tool --comm aaselected -j
	check "status" "$STATUS" -eq 0
	check "found by name" "$(jq -s '[.[].pid] | sort | join(" ")' -r "$T/out")" = \
		"$(printf '%s\n' "$a" "$b" | sort -n | xargs)"
	tool --comm aaselecte -j
	check "status of another name" "$STATUS" -eq 4

	for root in /sys/fs/cgroup/memory /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ -e $root/cgroup.procs ] && mkdir $root/gomemtrace-test 2>/dev/null && break
	done
	group=$root/gomemtrace-test
	[ -d "$group" ] || skip "no control group can be made here"
	mkdir "$group/below"
	echo "$a" >"$group/cgroup.procs"
	echo "$b" >"$group/below/cgroup.procs"
	tool --cgroup "$group" -j
	check "found by directory" "$(jq -s '[.[].pid] | sort | join(" ")' -r "$T/out")" = \
		"$(printf '%s\n' "$a" "$b" | sort -n | xargs)"
	tool --cgroup /gomemtrace-test/below -j
	check "found by name of the group" "$(jq .pid "$T/out")" = "$b"
	stop_all
	for _ in {1..50}; do
		rmdir "$group/below" "$group" 2>/dev/null || :
		[ -d "$group" ] || break
		sleep 0.1
	done
	tool --cgroup "$group" -j
	check "status of no group" "$STATUS" -eq 4
	done_checking
}

@test "cmd: --check says what is missing, and the status follows" {
	start "${RELEASES##* }" truth
	tool --check -j
	check "status" "$STATUS" -eq 0
	jq -e '.checks | length > 5 and all(.result == "ok" or .result == "missing")' "$T/out" >/dev/null ||
		fail "no checks"
	jq -e '.tools[] | select(.tool == "gomemtrace") | .state | startswith("works")' "$T/out" \
		>/dev/null || fail "gomemtrace does not work here"
	# nobody may not read a process of root
	PUBLIC=$(mktemp -d)
	chmod 755 "$PUBLIC"
	install -m 755 "$GMT" "$PUBLIC/gomemtrace"
	STATUS=0
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		"$PUBLIC/gomemtrace" -p "$PID" --check >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "status for nobody" $STATUS -eq 3
	grep -q '^missing  process_vm_readv (Operation not permitted)' "$T/out" ||
		fail "does not say what is missing: $(<"$T/out")"
	grep -q 'CAP_SYS_PTRACE' "$T/out" || fail "does not name the cure"
	for what in "BPF programs" "BPF ring buffer" /proc/kallsyms; do
		grep -q "^missing  $what (" "$T/out" || fail "nobody may have $what"
	done
	done_checking
}
