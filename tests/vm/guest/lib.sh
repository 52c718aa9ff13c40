# shellcheck shell=busybox disable=SC2154,SC2034
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What the checks in a guest share. There is busybox and what the host put beside us; no
# jq: numbers of JSON become variables, once for each answer, as a process costs 10 ms here.
#
#	start truth-1.27 [ARGS...]  a target; its pid is $PID
#	ask hold live 4001 1024     a command to it; what it answers is $ans_KEY
#	look                        a ledger of $PID: $l_KEY, $row_go_heap_live_resident,
#	                            $cell_scavenged_lazyfree
#	calm COMMAND [ARGS...]      a look, with no fault in the target between; $ans_KEY is what it
#	                            says of itself then
#	calm_look                   a ledger of that kind, and $RSS
#	check LABEL A -eq B         remembers a failure, goes on
#	near LABEL A B SLACK        |A - B| <= SLACK
#	watch goalloc [ARGS...]     an event tool, attached to $PID
#	stacks_told TARGET          said, where stacks may end early
#	watched                     its end: rows in $W/events, its summary is $s_KEY
#	run NAME FUNCTION [ARGS...] one line of TAP

GMT=./gomemtrace
THP=/sys/kernel/mm/transparent_hugepage/enabled
KHUGEPAGED=${THP%/*}/khugepaged
W=/tmp/work
mkdir -p $W
# Huge pages come with page faults alone, not behind our back between two looks.
echo 4000000000 > $KHUGEPAGED/scan_sleep_millisecs
FAILED=
TARGETS=0
CHILDREN=

# Which truth programs there are, by release.
releases() { for f in truth-[0-9]*; do echo "${f#truth-}"; done; }

# kernel MAJOR MINOR: whether it is that one or later
kernel() {
	local v
	v=$(uname -r)
	[ "${v%%.*}" -gt "$1" ] || { [ "${v%%.*}" = "$1" ] && v=${v#*.} && [ "${v%%[!0-9]*}" -ge "$2" ]; }
}

fail() {
	FAILED="$FAILED
# $*"
}

check() {
	local label=$1
	shift
	[ "$@" ] || fail "$label: $*"
}

near() {
	[ $(($2 - $3)) -le "$4" ] && [ $(($3 - $2)) -le "$4" ] || fail "$1: $2, not $3 +- $4"
}

# A test that fails is tried once more: a wrong number is wrong twice, a host that took the
# CPU for a second is not.
run() {
	local name=$1 try
	shift
	for try in 1 2; do
		FAILED=
		"$@" || fail "$*: ended early"
		[ -z "$CHILDREN" ] || stop_all
		[ -n "$FAILED" ] || { echo "ok - $name"; return; }
		[ $try = 2 ] || echo "# $name, first try:$FAILED"
	done
	echo "not ok - $name$FAILED"
}

# ---- targets -----------------------------------------------------------------

# One at a time has our pipes, 8 to it and 9 from it; those before it go on by themselves.
start() {
	TARGETS=$((TARGETS + 1))
	mkfifo $W/in.$TARGETS $W/out.$TARGETS
	"./$@" < $W/in.$TARGETS > $W/out.$TARGETS &
	CHILDREN="$CHILDREN $!"
	exec 8> $W/in.$TARGETS 9< $W/out.$TARGETS
	read -r -t 60 PID <&9 && [ "$PID" = $! ] || { fail "$1 did not start"; return 1; }
}

stop_all() {
	for p in $CHILDREN; do
		kill -KILL "$p"
		wait "$p"
	done 2>/dev/null
	CHILDREN=
}

# tell COMMAND...: ask, and leave the answer in $ANS as it is
tell() {
	echo "$*" >&8
	read -r -t 60 ANS <&9
	case $ANS in
	*'"ok":true'*) ;;
	*) fail "$*: $ANS"; return 1 ;;
	esac
}

ask() { tell "$@" && variables ans "$ANS"; }

# ---- JSON --------------------------------------------------------------------

# variables PREFIX JSON: PREFIX_KEY of each number, string and word; of those with one name
# the first. Of an array of things it is PREFIX or, as below, ARRAY_NAME_KEY.
variables() {
	eval "$(echo "$2" | awk -v RS=, -v prefix="$1" '
		!/:/ { next }
		/"[a-z_]+":\{/ { in_array = "" }
		{ gsub(/"[a-z_]+":\[?\{|[]{}\n]/, "") }
		{
			at = index($0, ":")
			key = substr($0, 1, at - 1); value = substr($0, at + 1)
			gsub(/[^A-Za-z0-9_]/, "", key); gsub(/[^A-Za-z0-9._-]/, "", value)
		}
		key == "id" || key == "state" {
			in_array = (key == "id" ? "row_" : "cell_") value
			gsub(/[.]/, "_", in_array)
		}
		key == "" { next }
		{ name = (in_array == "" ? prefix : in_array) "_" key }
		!(name in seen) { seen[name]; print name "=" value }')"
}

# ---- ledgers -----------------------------------------------------------------

# of_smaps KEY: bytes of /proc/PID/smaps_rollup
of_smaps() { awk -v key="$1:" '$1 == key { printf "%d", $2 * 1024 }' "/proc/$PID/smaps_rollup"; }

# A guest cannot see that its host is busy: a walk that took too long is walked again.
look() {
	local try
	for try in 1 2 3 4; do
		if ! LEDGER=$(timeout 60 $GMT -p "$PID" -j --deadline 30 "$@" 2> $W/err); then
			fail "gomemtrace -p $PID -j: $(cat $W/err)"
			return 1
		fi
		case $LEDGER in
		*"Connection timed out"*) ;;
		*) break ;;
		esac
	done
	variables l "$LEDGER"
}

calm() {
	local before n=0
	while [ $n -lt 30 ]; do
		tell stats && before=$ANS && "$@" && tell stats || return 1
		[ "$ANS" = "$before" ] || { n=$((n + 1)); continue; }
		variables ans "$ANS"
		return 0
	done
	fail "the target never came to rest"
	return 1
}

look_and_rss() { look && RSS=$(of_smaps Rss); }

calm_look() { calm look_and_rss; }

rows_sum() {
	echo "$LEDGER" | grep -oE '"id":"[a-z._]*","resident":[0-9]+' |
		awk -F : '{ n += $3 } END { printf "%d", n }'
}

# adds_up LABEL [ANON_OTHER]: what holds for every calm_look
adds_up() {
	check "$1: residual" "$l_residual" = 0
	check "$1: sum of the rows" "$(rows_sum)" = "$RSS"
	check "$1: rss" "$l_rss" = "$RSS"
	check "$1: anon.other" "$row_anon_other_resident" = "${2:-0}"
	check "$1: proven" "$l_proven" = true
	check "$1: failed invariants" "$l_failed" = 0
	check "$1: consistent" "$l_consistent" = true
}

# ---- event tools -------------------------------------------------------------

# Where filters by process are sound, all sites of a program are one link.
one_link() { kernel 6 10; }

descriptors() { find "/proc/$WATCHER/fd" -type l -exec readlink {} \; 2>/dev/null | grep -c "$1"; }

# watch TOOL [ARGS...]: its events of $PID from now on, until watched
watch() {
	local n=0 begun='perf_event\|bpf_link' budget='--budget 100'
	case "$*" in
	*'--mode totals'*) begun=timerfd ;;
	*'--mode windowed'*) budget='' ;;
	esac
	# shellcheck disable=SC2086
	$GMT "$@" -p "$PID" -j -d 90 $budget > $W/events 2> $W/err &
	WATCHER=$!
	CHILDREN="$CHILDREN $WATCHER"
	while [ "$(descriptors "$begun")" = 0 ]; do
		n=$((n + 1))
		if [ $n = 300 ] || ! kill -0 $WATCHER 2>/dev/null; then
			fail "$*: $(cat $W/err)"
			return 1
		fi
		sleep 0.1
	done
	sleep 1
	case $1 in
	gogc | gostw) check "$1: perf events" "$(descriptors perf_event)" "$(one_link && echo = || echo -gt)" 0 ;;
	esac
}

# Up to 1.20 the runtime leaves frame pointers on arm64 as they were when it moves a stack.
whole() { case $arch-$1 in arm64-*-1.19) echo 0 ;; *) echo 1 ;; esac; }

# stacks_told TARGET: a tool that named stacks said so
stacks_told() {
	check "stacks may end early" "$(grep -c 'stacks may end early' $W/err)" = $((1 - $(whole "$1")))
}

watched() {
	local line
	kill -TERM $WATCHER
	wait $WATCHER
	line=$(grep '"summary":' $W/events)
	[ -n "$line" ] || { fail "no summary: $(cat $W/err)"; return 1; }
	s_coverage='' s_delivered=''
	# lists of things with an id are not for variables
	variables s "$(echo "${line#*\"summary\":}" | sed 's/"missing":.*"policy":\[[^]]*],//')"
	s_produced=$(echo "$line" | grep -o '"produced":[0-9]*' | head -n 1 | cut -d : -f 2)
	check "records" "$s_produced" = $((s_delivered + s_lost))
	check "none is lost" "$s_lost" = 0
}
