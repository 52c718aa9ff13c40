#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Exit status and messages: 2 usage, 3 not permitted, 4 no such target or not Go,
# 0 for a target that ends later. Results on stdout, all else on stderr.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# refused STATUS PATTERN ARGS...: fails with this status ("some": any but 0), says why
# on stderr, has nothing on stdout.
refused() {
	tool "${@:3}"
	if [ "$1" = some ]; then
		check "gomemtrace ${*:3}: status" "$STATUS" -ne 0
	else
		check "gomemtrace ${*:3}: status" "$STATUS" -eq "$1"
	fi
	grep -qiE -- "$2" "$T/err" || fail "gomemtrace ${*:3}: no '$2' in: $(head -c 300 "$T/err")"
	[ ! -s "$T/out" ] || fail "gomemtrace ${*:3}: writes to stdout: $(head -c 200 "$T/out")"
	[ "$(wc -l <"$T/err")" -le 4 ] || fail "gomemtrace ${*:3}: says too much: $(head -c 300 "$T/err")"
}

# a child of this shell that is no Go program; its stdin is ours
other() {
	spawn sleep 300
	PID=$CHILD
}

@test "errors: no such process" {
	sleep 0 &
	pid=$!
	wait $pid
	refused 4 "$pid" -p $pid
	refused 4 "$pid" -j -p $pid
	refused 4 . -p 4194303
	done_checking
}

@test "errors: not a Go program" {
	other
	refused 4 "not.*go|go.*(program|process)" -p "$PID"
	refused 4 "$PID|sleep" -p "$PID" -j
	done_checking
}

@test "errors: a kernel thread" {
	kthread=
	for s in /proc/[0-9]*/stat; do
		read -r line <"$s" || continue
		rest=${line##*) }
		# field 9 is the flags, PF_KTHREAD 0x200000
		# shellcheck disable=SC2086
		set -- $rest
		[ $(($7 & 0x200000)) = 0 ] || { kthread=${line%% *}; break; }
	done
	[ -n "$kthread" ] || skip "no kernel thread is visible here"
	refused 4 "kernel thread" -p "$kthread"
	done_checking
}

@test "errors: a zombie" {
	# a parent that never asks: sleep, once it took bash's place
	spawn bash -c 'sleep 0.3 & echo $!; exec sleep 300'
	read -r -t 10 -u "$OUT" zombie
	for _ in {1..50}; do
		! grep -q '^State:.*Z' "/proc/$zombie/status" || break
		sleep 0.05
	done
	grep -q '^State:.*Z' "/proc/$zombie/status"
	refused 4 "zombie|ended|exited|gone" -p "$zombie"
	done_checking
}

@test "errors: a thread's id instead of the process's" {
	start "${RELEASES##* }" truth
	ask threads 3
	for t in "/proc/$PID/task"/*; do
		[ "${t##*/}" = "$PID" ] || tid=${t##*/}
	done
	refused some "thread.*$PID|$PID.*thread" -p "$tid"
	done_checking
}

@test "errors: wrong options" {
	refused 2 "pid|-p"
	refused 2 "nonsense" --nonsense
	refused 2 "." -p
	refused 2 "abc" -p abc
	refused 2 "." -p -5
	refused 2 "." -p 0
	refused 2 "." -p ''
	refused 2 "." -p 99999999999999999999
	refused 2 "nonsense" -p $$ -o nonsense
	refused 2 "." -p $$ -r -1
	refused 2 "." -p $$ -1
	refused 2 "." -p $$ 0
	refused 2 "x" -p $$ x
	refused 2 "." -p $$ 1 2 3
	done_checking
}

@test "errors: another user's process, as nobody" {
	command -v setpriv >/dev/null
	# where nobody can run it, whatever the modes of the tree above us
	dir=$(mktemp -d /tmp/gomemtrace.XXXXXX)
	chmod 755 "$dir"
	cp "$GMT" "$dir/gomemtrace"
	start "${RELEASES##* }" truth
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
	GMT=$dir/as_nobody
	printf '#!/bin/sh\nexec %s %s/gomemtrace "$@"\n' "${nobody[*]}" "$dir" >"$GMT"
	chmod 755 "$GMT"
	refused 3 "permi|root|sudo|CAP_" -p "$PID"
	refused 3 "permi|root|sudo|CAP_" -p "$PID" -j
	# and one's own is no trouble, as far as this system's ptrace rules go
	cp "$CACHE/targets/${RELEASES##* }/truth" "$dir/truth"
	spawn "${nobody[@]}" "$dir/truth"
	read -r -t 20 -u "$OUT" PID
	tool -p "$PID" -j
	rm -rf "$dir"
	if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ]; then
		check "own process as nobody: status" "$STATUS" -eq 0
		mv "$T/out" "$LEDGER"
		check "own process as nobody: sum" \
			"$(l '([.rows[].resident] | add) + .residual')" -eq "$(l .rss)"
		check "own process as nobody: anon.other" "$(row anon.other)" -eq 0
	else
		check "own process as nobody: status" "$STATUS" -eq 3
	fi
	done_checking
}

@test "errors: the target ends in the middle of a run" {
	start "${RELEASES##* }" truth
	tool -p "$PID" -j 0.1 1000 &
	runner=$!
	sleep 1
	end_child "$PID"
	for _ in {1..100}; do
		! gone $runner || break
		sleep 0.1
	done
	gone $runner || fail "still running ten seconds after its target ended"
	wait $runner || :
	check "lines" "$(wc -l <"$T/out")" -ge 3
	jq -e . "$T/out" >/dev/null || fail "not JSON: $(tail -c 300 "$T/out")"
	grep -q '"ended":true' "$T/out" || fail "no \"ended\":true: $(tail -n 1 "$T/out" | head -c 300)"
	# the status of a run in the background is what tool() left in its own shell
	start "${RELEASES##* }" truth
	(sleep 1; kill -TERM "$PID") 3>&- &
	tool -p "$PID" 0.1 1000
	check "status" "$STATUS" -eq 0
	done_checking
}

@test "errors: ctrl-C ends a run with status 0 and a whole last line" {
	start "${RELEASES##* }" truth
	# an interactive shell's children: SIGINT not ignored
	(trap - INT; exec env --default-signal=INT timeout -s INT --preserve-status 1 \
		"$GMT" -p "$PID" -j 0.1) >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "status" "${STATUS:-0}" -eq 0
	check "lines" "$(wc -l <"$T/out")" -ge 3
	jq -e . "$T/out" >/dev/null || fail "not JSON: $(tail -c 300 "$T/out")"
	done_checking
}

@test "errors: a closed or full stdout is no success" {
	start "${RELEASES##* }" truth
	status=0
	"$GMT" -p "$PID" >/dev/full 2>"$T/err" 3>&- || status=$?
	check "full disk" $status -eq 1
	[ -s "$T/err" ] || fail "nothing said about the full disk"
	done_checking
}
