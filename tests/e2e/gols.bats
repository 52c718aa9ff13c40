#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# The list of Go processes, and processes that do not answer: one whose mmap_lock is
# held for as long as a file system of ours is frozen.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

FROZEN=

teardown() {
	# nothing that hangs can end before this
	[ -z "$FROZEN" ] || fsfreeze -u "$FROZEN" 2>/dev/null || :
	# each holds the stdin of those before it open: none ends by itself
	[ ${#PIDS[@]} = 0 ] || kill -KILL "${PIDS[@]}" 2>/dev/null || :
	stop_all
	[ -z "$FROZEN" ] || umount "$FROZEN"
}

# freezable: a small file system of our own at $FROZEN, or skip.
freezable() {
	truncate -s 16M "$T/image"
	mkdir -p "$T/mnt"
	if ! mkfs.ext4 -q -F -O ^has_journal "$T/image" || ! mount -o loop "$T/image" "$T/mnt"; then
		skip "no loop device or no ext4 here"
	fi 2>/dev/null
	FROZEN=$T/mnt
}

# stick RELEASE: a Go process, $STUCK, whose mappings nobody can read.
stick() {
	local n
	start "$1" stuck "$FROZEN/file" || return 1
	STUCK=$PID STUCK_OUT=$OUT
	fsfreeze -f "$FROZEN"
	echo go >&"$IN"
	for n in {1..20}; do
		sleep 0.1
		# a reader of its command line waits, too
		timeout 0.2 head -c 1 "/proc/$STUCK/cmdline" >/dev/null 2>&1 || return 0
	done
	echo "it is not stuck"
	return 1
}

# list [ARGS...]: one JSON object a line into $T/list, wall time in $MS.
list() {
	local from
	from=$(date +%s%N)
	tool gols -j "$@"
	MS=$((($(date +%s%N) - from) / 1000000))
	check "gols $*: status" "$STATUS" -eq 0
	[ ! -s "$T/err" ] || fail "gols $*: stderr: $(head -c 300 "$T/err")"
	mv "$T/out" "$T/list"
}

# of PID FILTER: of the row of a process.
of() { jq -r --argjson pid "$1" "select(.pid == \$pid) | $2" "$T/list"; }

numbers() {
	local ms rss
	start "$1" truth && ask gogc -1 && ask hold a 100003 1024 && ask gc && still || return 1
	list
	check "$1: release" "$(of "$PID" '.go_version | test("^go'"$1"'")')" = true
	check "$1: module" "$(of "$PID" .module)" = gomemtrace.test/truth
	check "$1: name" "$(of "$PID" .comm)" = truth
	check "$1: reason" "$(of "$PID" .reason)" = null
	rss=$(rss_rollup)
	check "$1: rss" "$(of "$PID" .rss)" -eq "$rss"
	look || return 1
	check "$1: heap" "$(of "$PID" .heap_inuse)" -eq "$(l .memstats.HeapInuse)"
	check "$1: gap" "$(of "$PID" .gap)" -eq "$(l .gap)"
}

@test "gols: the numbers are the session's" {
	each_release numbers
}

@test "gols: all of twenty, the largest gap first, and no others" {
	local n=0 want=
	for n in {1..20}; do
		# shellcheck disable=SC2086
		set -- $RELEASES
		shift $((n % $#))
		start "$1" truth
		want+="$PID "
	done
	spawn sleep 300
	list
	for n in $want; do
		check "process $n listed" "$(of "$n" .pid)" -eq "$n"
	done
	check "sleep listed" "$(of "$CHILD" .pid)" = ""
	check "order" "$(jq -s '[.[] | .gap | values] | . == (sort | reverse)' "$T/list")" = true
	check "summary" "$(jq '.summary.processes | values' "$T/list")" -eq "$(jq .pid "$T/list" | grep -vc null)"
	check "ms for $(jq '.summary.scanned | values' "$T/list") processes" $MS -lt 1000
	echo "# $(jq '.summary.scanned | values' "$T/list") processes, 20 of them ours: $MS ms" >&3
	tool gols -s pid -r 3
	check "status" "$STATUS" -eq 0
	check "lines" "$(wc -l <"$T/out")" -le 5
	tool gols --schema
	jq -e . "$T/out" >/dev/null || fail "the schema is not JSON"
	done_checking
}

@test "gols: one that does not answer holds up nothing, and is named" {
	local n rel=${RELEASES##* }
	freezable
	for n in {1..19}; do
		start "$rel" truth
	done
	kill -STOP "$PID"
	stick "$rel"
	list
	echo "# 20 processes, one of them stuck: $MS ms" >&3
	check "ms, one stuck" $MS -lt 1500
	check "stuck: release" "$(of "$STUCK" '.go_version | test("^go1")')" = true
	check "stuck: module" "$(of "$STUCK" .module)" = gomemtrace.test/stuck
	check "stuck: rss" "$(of "$STUCK" '.rss > 0')" = true
	check "stuck: gap" "$(of "$STUCK" .gap)" = null
	check "stuck: reason" "$(of "$STUCK" '.reason | test("no answer within 1 s.*mmap_lock")')" = true
	check "others known" "$(jq -s '[.[] | select(.module == "gomemtrace.test/truth" and .gap != null)] | length' "$T/list")" -ge 19
	list --deadline 0.2
	check "ms, deadline 0.2 s" $MS -lt 700
	tool gols
	grep -q "$STUCK.*no answer" "$T/out" || fail "the table does not say it: $(<"$T/out")"
	fsfreeze -u "$FROZEN"
	read -r -t 10 -u "$STUCK_OUT" n
	check "it" "$n" = free
	list
	check "afterwards: reason" "$(of "$STUCK" .reason)" = null
	done_checking
}

@test "gols: stopped processes are looked at as ever" {
	start "${RELEASES##* }" truth
	kill -STOP "$PID"
	list -p "$PID"
	check "reason" "$(of "$PID" .reason)" = null
	check "gap" "$(of "$PID" '.gap > 0')" = true
	kill -CONT "$PID"
	done_checking
}

@test "gols: -p names any process, also one that is not Go" {
	start "${RELEASES##* }" truth
	spawn sleep 300
	list -p "$PID,$CHILD"
	check "go" "$(of "$PID" .reason)" = null
	check "not go" "$(of "$CHILD" '.reason | test("not a Go program")')" = true
	check "rows" "$(wc -l <"$T/list")" -eq 3
	tool gols -p 4194303
	check "none there" "$STATUS" -eq 4
	done_checking
}

@test "gols: stripped ones and other users' have version, module and a reason" {
	local dir
	start "${RELEASES##* }" truth
	# where nobody can run it, whatever the modes of the tree above us
	dir=$(mktemp -d /tmp/gomemtrace.XXXXXX)
	chmod 755 "$dir"
	cp "$GMT" "$dir/gomemtrace"
	cp "$CACHE/targets/${RELEASES##* }/truth" "$dir/truth"
	spawn "$dir/truth"
	read -r -t 20 -u "$OUT" PID
	GMT=$dir/as_nobody
	printf '#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all %s/gomemtrace "$@"\n' "$dir" >"$GMT"
	chmod 755 "$GMT"
	list
	rm -rf "$dir"
	check "version" "$(of "$PID" '.go_version | test("^go1")')" = true
	check "module" "$(of "$PID" .module)" = gomemtrace.test/truth
	check "reason" "$(of "$PID" '.reason | test("not permitted.*CAP_SYS_PTRACE")')" = true
	check "gap" "$(of "$PID" .gap)" = null
	check "unknown ones" "$(jq '.summary.unknown | values' "$T/list")" -ge 1
	done_checking
}

@test "session: a process that does not answer ends it after the deadline" {
	local from ms
	freezable
	start "${RELEASES##* }" truth
	stick "${RELEASES##* }"
	from=$(date +%s%N)
	tool -p "$STUCK"
	ms=$((($(date +%s%N) - from) / 1000000))
	check "status" "$STATUS" -eq 1
	check "ms" $ms -lt 1500
	grep -q "process $STUCK.*no answer within 1 s" "$T/err" || fail "it says: $(<"$T/err")"
	tool -p "$STUCK" --deadline 200ms
	grep -q "no answer within 0.2 s" "$T/err" || fail "it says: $(<"$T/err")"
	done_checking
}

@test "session: it gets stuck between two looks" {
	local n runner
	freezable
	start "${RELEASES##* }" stuck "$FROZEN/file"
	"$GMT" -p "$PID" -j 0.3 >"$T/out" 2>"$T/err" 3>&- &
	runner=$!
	sleep 1
	fsfreeze -f "$FROZEN"
	echo go >&"$IN"
	for n in {1..40}; do
		! gone $runner || break
		sleep 0.1
	done
	gone $runner || fail "it hangs"
	kill $runner 2>/dev/null || :
	wait $runner || STATUS=$?
	check "status" "${STATUS:-0}" -eq 1
	check "lines" "$(wc -l <"$T/out")" -ge 2
	grep -q "no answer within 1 s" "$T/err" || fail "it says: $(<"$T/err")"
	done_checking
}

@test "session: a look that works is not cut, however short the deadline" {
	local n
	start "${RELEASES##* }" truth
	ask hold a 800011 1024
	for n in 1 2 3; do
		look --deadline 1ms
		check "look $n: ledger" "$(l .residual)" -eq 0
	done
	check "wall time beyond the deadline" "$(l '.self.wall_ns > 5000000')" = true
	done_checking
}
