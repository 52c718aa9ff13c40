#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Probes come and go under load, and the target does not notice: what it computes stays
# right, and nothing is left in it but private copies of the pages that had probes.
#
# ATTACH_ROUNDS (11) of both tools at the newest release and ATTACH_OTHERS (3) at each other
# one, ATTACH_KILLS (20) of a tool; `make soak` has more.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

# work RELEASE: OPS of each worker that take two seconds here, and what they sum up to
work() {
	local churn=$CACHE/targets/$1/churn us
	OPS=100000 us=${EPOCHREALTIME/[.,]/}
	"$churn" -sum -ops $OPS </dev/zero >/dev/null 3>&-
	us=$((${EPOCHREALTIME/[.,]/} - us))
	OPS=$((OPS * 2000000 / us))
	WANT=$("$churn" -sum -ops $OPS </dev/zero 3>&- | tail -n 1)
}

# note_ids PID: what it and its children hold of the kernel's programs and links, by id.
# Others may use BPF, too, at the same time.
note_ids() {
	local p
	for p in "$1" $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		sed -n 's/^\(prog\|link\)_id:[ \t]*/\1 /p' "/proc/$p/fdinfo/"* 2>/dev/null || :
	done >>"$T/ids"
}

# in_kernel: how many of those the kernel still lists
in_kernel() {
	{
		bpftool -j prog show | jq -r '.[] | "prog \(.id)"'
		bpftool -j link show | jq -r '.[] | "link \(.id)"'
	} | sort >"$T/kernel"
	sort -u "$T/ids" | comm -12 - "$T/kernel" | wc -l
}

gone_from_kernel() {
	local n
	for _ in {1..50}; do
		n=$(in_kernel)
		[ "$n" != 0 ] || break
		sleep 0.1
	done
	check "$1: programs and links were seen" "$(sort -u "$T/ids" | cut -d ' ' -f 1 | uniq | xargs)" = "link prog"
	check "$1: of them still in the kernel" "$n" -eq 0
}

# Bytes of the program's text in the process that are not those of its file.
changed_text() {
	local range start end off
	while read -r range off; do
		start=$((16#${range%-*})) end=$((16#${range#*-})) off=$((16#$off))
		cmp -l <(dd if="/proc/$PID/mem" bs=4096 skip=$((start / 4096)) count=$(((end - start) / 4096)) 2>/dev/null) \
			<(dd if="/proc/$PID/exe" bs=4096 skip=$((off / 4096)) count=$(((end - start) / 4096)) 2>/dev/null) 2>/dev/null
	done < <(awk -v exe="$(readlink "/proc/$PID/exe")" '$2 ~ /x/ && $6 == exe { print $1, $3 }' "/proc/$PID/maps") | wc -l
}

# Bytes of the program's text that are private to the process: pages that have or had a probe.
private_text() {
	awk -v exe="$(readlink "/proc/$PID/exe")" '/^[0-9a-f]+-/ { x = $2 ~ /x/ && $6 == exe }
		x && /^Anonymous:/ { n += $2 * 1024 } END { print n + 0 }' "/proc/$PID/smaps"
}

# What may stay is a few pages. (On Linux 6.18 there were none.)
unharmed() {
	check "$1: bytes of its text that changed" "$(changed_text)" -eq 0
	check "$1: private text" "$(private_text)" -le 65536
	check "$1: pages of the kernel" "$(grep -c '\[uprobes\]' "/proc/$PID/maps")" -le 1
	LOOK_TRIES=30 look || return 1
	check "$1: proven" "$(l .facts.proven)" = true
	check "$1: pages for probes" "$(row probes)" -le 69632
}

# attach TOOL: it comes, and goes again
attach() {
	"$GMT" "$1" -p "$PID" -j -d 0.05 >"$T/out" 2>"$T/err" 3>&- &
	local tool=$! status=0
	while ! gone $tool; do
		note_ids $tool
		sleep 0.02
	done
	wait $tool || status=$?
	[ $status = 0 ] || ends "$PID" || fail "$1: status $status: $(<"$T/err")"
}

summed() { # RELEASE WANTED: what it computed
	local got
	IFS= read -r -t 120 -u "$OUT" got
	check "$1: the work" "$got" = "$2"
	end_child "$PID"
}

rounds() {
	local n=${ATTACH_OTHERS:-3} i=0
	[ "$1" != "${RELEASES##* }" ] || n=${ATTACH_ROUNDS:-11}
	work "$1"
	while [ $i -lt "$n" ]; do
		start "$1" churn -sum -ops $OPS || return 1
		for (( ; i < n; i++)); do
			attach gogc
			attach gostw
			gone "$PID" && break
		done
		summed "$1" "$WANT"
	done
	gone_from_kernel "$1"
	start "$1" churn || return 1
	for _ in {1..3}; do
		attach gogc
		attach gostw
	done
	unharmed "$1"
	echo "$1: $i rounds of gogc and gostw" >>"${SOAK_LOG:-/dev/null}"
}

@test "attach: to and from a busy program, again and again" {
	command -v bpftool >/dev/null || { echo "bpftool is missing: run tests/deps.sh"; false; }
	each_release rounds
}

# It is stopped for a moment, so that all it holds then is known.
killed() {
	local tool
	"$GMT" "$1" -p "$PID" -j >/dev/null 2>&1 3>&- &
	tool=$!
	sleep "0.$(printf %03d $((RANDOM % 500)))"
	# it ends by itself when the target does
	kill -STOP $tool 2>/dev/null && note_ids $tool
	kill -KILL $tool 2>/dev/null || :
	wait $tool 2>/dev/null || :
}

@test "attach: killed at any time, it leaves no probe" {
	local rel=${RELEASES##* } n=${ATTACH_KILLS:-20} i=0
	work "$rel"
	while [ $i -lt "$n" ]; do
		start "$rel" churn -sum -ops $OPS
		for (( ; i < n; i++)); do
			killed gostw
			killed gogc
			gone "$PID" && break
		done
		summed killed "$WANT"
	done
	gone_from_kernel killed
	echo "$((2 * i)) times killed, $(sort -u "$T/ids" | grep -c link) links seen" >>"${SOAK_LOG:-/dev/null}"
	start "$rel" churn
	killed gostw
	sleep 0.5
	attach gostw
	unharmed killed
	gone_from_kernel killed
	done_checking
}

@test "attach: two tools at one target, and one tool at two" {
	local rel=${RELEASES##* } first
	start "$rel" truth && ask gc
	first=$PID
	trace gogc -p "$PID" -j
	"$GMT" gogc -p "$PID" -j -d 3 >"$T/other" 2>&1 3>&- &
	sleep 1
	ask gc 17
	wait $!
	untrace
	check "cycles of the first" "$(total cycles)" -eq 17
	check "cycles of the second" "$(jq 'select(.summary) | .summary.cycles' "$T/other")" -eq 17
	start "${RELEASES%% *}" truth && ask gc
	trace gogc -p "$first,$PID" -j
	ask gc 11
	untrace
	check "cycles of each" "$(jq -c 'select(.summary) | [.pid, .summary.cycles]' "$T/rows" | sort | xargs)" = \
		"$(printf '[%s,0]\n[%s,11]\n' "$first" "$PID" | sort | xargs)"
	done_checking
}

@test "attach: two processes of one file" {
	local rel=${RELEASES##* } first in out
	start "$rel" truth && ask gc
	first=$PID in=$IN out=$OUT
	start "$rel" truth && ask gc
	trace gogc -p "$first,$PID" -j
	ask gc 13
	IN=$in OUT=$out
	ask gc 3
	untrace
	check "cycles of each" "$(jq -c 'select(.summary) | [.pid, .summary.cycles]' "$T/rows" | sort | xargs)" = \
		"$(printf '[%s,3]\n[%s,13]\n' "$first" "$PID" | sort | xargs)"
	done_checking
}

# anew LABEL ARGS...: a program that executes one shortly; what it did before is shown
anew() {
	spawn "$CACHE/targets/${RELEASES##* }/again" "${@:2}"
	read -r -t 60 -u "$OUT" PID
	tool gogc -p "$PID" -j -d 20
	check "$1: status" $STATUS -eq 0
	check "$1: ended" "$(jq 'select(.summary) | .summary.ended' "$T/out")" = true
	check "$1: books" "$(jq 'select(.summary) | .summary | .produced == .delivered + .lost' "$T/out")" = true
	grep -q "process $PID has executed a program anew" "$T/err" || fail "$1: says $(<"$T/err")"
	stop_all
}

@test "attach: the target executes itself again, or another program" {
	anew itself 3000
	anew another 1500 0 "$(command -v sleep)" 30
	done_checking
}

@test "attach: the target exits, is stopped, is no Go program; nobody may" {
	start "${RELEASES##* }" truth && ask gc
	trace gogc -p "$PID" -j
	ask gc 5
	end_child "$PID"
	wait "$TOOL"
	check "cycles" "$(total cycles)" -eq 5
	check "ended" "$(total ended)" = true
	tool gogc -p "$PID" && check "gone" $STATUS -eq 4
	tool gogc -p $$ && check "not Go" $STATUS -eq 4
	start "${RELEASES##* }" truth && ask gc
	kill -STOP "$PID"
	tool gostw -p "$PID" -d 0.5 -j
	check "stopped: status" $STATUS -eq 0
	kill -CONT "$PID"
	tool gogc -p "$PID" --ring 5000 && check "bad ring" $STATUS -eq 2
	setpriv --reuid 65534 --clear-groups "$GMT" gogc -p "$PID" >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "nobody: status" $STATUS -eq 3
	grep -qE 'CAP_|sudo' "$T/err" || fail "nobody: says $(<"$T/err")"
	done_checking
}

@test "attach: code that is not the file's is left alone" {
	local at
	start "${RELEASES##* }" truth && ask gc
	at=$(nm "/proc/$PID/exe" | awk '$3 == "runtime.freeStackSpans" { print $1 }')
	at=$((16#$at + 9))
	printf '\x90' | dd of="/proc/$PID/mem" bs=1 seek=$at conv=notrunc 2>/dev/null
	tool gogc -p "$PID" -d 0.1
	check "status" $STATUS -eq 3
	grep -q "the code of runtime.freeStackSpans in the process is not that of its file (at +0x9)" "$T/err" ||
		fail "says $(<"$T/err")"
	# another probe's breakpoint is no other code
	printf '\xcc' | dd of="/proc/$PID/mem" bs=1 seek=$at conv=notrunc 2>/dev/null
	tool gogc -p "$PID" -d 0.1 -j
	check "status beside a breakpoint" $STATUS -eq 0
	check "cycle's end" "$(jq -c 'select(.summary) | .summary.missing' "$T/out")" = "[]"
	done_checking
}
