# shellcheck shell=bash disable=SC2119,SC2120
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# lib.bash - what the end-to-end tests share: targets, ledgers, checks.
#
#	start 1.24 truth            a target; its pid is $PID
#	ask hold live 20011 1024    a command to it; its answer is $ANS (JSON)
#	look                        a ledger of $PID into $LEDGER (JSON)
#	calm_look                   the same, of a truth program at rest
#	row go.heap.live            a row of $LEDGER, in bytes
#	check LABEL A -eq B         remembers a failure, goes on
#	near LABEL A B SLACK        |A - B| <= SLACK
#	each_release FUNCTION       FUNCTION RELEASE, for every release under test
#	done_checking               fails if any check did
#
# Releases: $GOMEMTRACE_RELEASES, else all of tests/releases, which are those there are layouts
# for. Every target is a child of the test and is ended by its own pid.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
O=${O:-$ROOT/.out}
case $O in /*) ;; *) O=$ROOT/$O ;; esac
GMT=$O/gomemtrace
RELEASES=${GOMEMTRACE_RELEASES:-$(cat "$ROOT/tests/releases")}
if [ -n "${GOMEMTRACE_CACHE:-}" ]; then CACHE=$GOMEMTRACE_CACHE
elif [ "$(id -u)" = 0 ]; then CACHE=/var/cache/gomemtrace
else CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/gomemtrace
fi
# What the targets and the tool see of our environment.
unset GODEBUG GOGC GOMEMLIMIT GOTRACEBACK NO_COLOR
export GOMAXPROCS=2

# Cores are shared: a test that fails is tried once more, and bats says so. A wrong
# number is wrong twice; a neighbour that took the CPU for a second is not.
# shellcheck disable=SC2034
BATS_TEST_RETRIES=1
LOOK_TRIES=1 # ledgers to take until one is consistent; more only for moving targets
FAILED=()
SPAWNED=0
PIDS=()
TO=() FROM=()

setup_file() {
	# shellcheck disable=SC2086
	"$ROOT/tests/targets/build.sh" $RELEASES 3>&-
}

setup() {
	[ -x "$GMT" ] || { echo "no $GMT: run make first"; return 1; }
	command -v jq >/dev/null || { echo "jq is missing: run tests/deps.sh"; return 1; }
	[ "$(id -u)" = 0 ] || skip "needs root"
	T=$BATS_TEST_TMPDIR
	LEDGER=$T/ledger.json
}

teardown() { stop_all; }

# ---- targets -----------------------------------------------------------------

# spawn COMMAND ARGS...: a child with its stdin and stdout in our hands, $CHILD.
# Its ends of the pipes are $IN (to it) and $OUT (from it).
spawn() {
	local n=${#PIDS[@]} fifo=$T/fifo.$((++SPAWNED))
	mkfifo "$fifo.in" "$fifo.out"
	"$@" <"$fifo.in" >"$fifo.out" 3>&- 4>&- &
	CHILD=$!
	exec {IN}>"$fifo.in" {OUT}<"$fifo.out"
	PIDS[n]=$CHILD TO[n]=$IN FROM[n]=$OUT
}

# start RELEASE NAME [ARGS...]: one of our programs; waits until it says its pid.
start() {
	local exe=$CACHE/targets/$1/$2
	spawn "$exe" "${@:3}"
	if ! read -r -t 60 -u "$OUT" PID || [ "$PID" != "$CHILD" ]; then
		echo "$exe did not start"
		return 1
	fi
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# Whether it is gone in a moment: one that has ended is there until this shell has noticed.
ends() {
	for _ in {1..50}; do
		! gone "$1" || return 0
		sleep 0.02
	done
	return 1
}

# end_child PID: closed stdin ends it; a signal to this pid if that does not.
end_child() {
	local i fd
	for i in "${!PIDS[@]}"; do
		[ "${PIDS[i]}" = "$1" ] || continue
		fd=${TO[i]}
		exec {fd}>&-
		for _ in {1..50}; do
			gone "$1" && break
			sleep 0.02
		done
		gone "$1" || kill -KILL "$1" 2>/dev/null || :
		wait "$1" 2>/dev/null || :
		fd=${FROM[i]}
		exec {fd}<&-
		unset "PIDS[i]"
	done
}

stop_all() {
	local p
	for p in "${PIDS[@]}"; do
		end_child "$p"
	done
	PIDS=() TO=() FROM=()
}

# ask COMMAND ARGS...: to the truth program started last. The last answer to each
# command is also kept in $T/answer.COMMAND.
ask() {
	printf '%s\n' "$*" >&"$IN"
	IFS= read -r -t 120 -u "$OUT" ANS || { echo "no answer to: $*"; return 1; }
	printf '%s\n' "$ANS" >"$T/answer.$1"
	case $ANS in
	*'"ok":true'*) ;;
	*) echo "$*: $ANS"; return 1 ;;
	esac
}

# still: `ask stats` until it says the same twice: nothing works in the background.
still() {
	local last=none
	for _ in {1..50}; do
		ask stats || return 1
		[ "$ANS" != "$last" ] || return 0
		last=$ANS
		sleep 0.1
	done
	echo "the target never came to rest"
	return 1
}

# ans KEY [COMMAND]: a number of the last answer, or of the last one to COMMAND.
ans() {
	if [ -n "${2:-}" ]; then jq -e -r ".$1" "$T/answer.$2"; else jq -e -r ".$1" <<<"$ANS"; fi
}

# ---- ledgers -----------------------------------------------------------------

# tool ARGS...: runs gomemtrace under a deadline; $STATUS, $T/out, $T/err.
tool() {
	STATUS=0
	timeout -k 5 60 "$GMT" "$@" >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	[ $STATUS != 124 ] || echo "gomemtrace $*: hung"
}

# look [ARGS...]: one ledger of $PID as JSON.
look() {
	local n
	sleep 0.1
	for ((n = 0; n < LOOK_TRIES; n++)); do
		tool -p "$PID" -j "$@"
		if [ $STATUS != 0 ]; then
			echo "gomemtrace -p $PID -j: status $STATUS: $(head -c 500 "$T/err")"
			return 1
		fi
		if [ "$(wc -l <"$T/out")" != 1 ] || ! jq -e . "$T/out" >/dev/null; then
			echo "not one JSON object on one line: $(head -c 500 "$T/out")"
			return 1
		fi
		mv "$T/out" "$LEDGER"
		! l '.residual == 0 and .consistency.consistent' >/dev/null || break
	done
}

# calm_look: a ledger with nothing happening in the target between its own numbers
# before and after, faults included; they are $ANS, and its RSS then is $RSS.
calm_look() {
	local before n
	for ((n = 0; n < 30; n++)); do
		ask stats || return 1
		before=$ANS
		look || return 1
		RSS=$(rss_rollup)
		ask stats || return 1
		[ "$ANS" != "$before" ] || return 0
	done
	echo "the target never came to rest"
	return 1
}

# l FILTER: anything of the last ledger.
l() { jq -e -r "$1" "$LEDGER"; }

# row ID [KEY]: bytes of a row; "null" if not known, "none" if there is no such row.
row() {
	jq -r --arg id "$1" --arg key "${2:-resident}" \
		'([.rows[] | select(.id == $id)] | first) as $r | if $r == null then "none" else $r[$key] end' \
		"$LEDGER"
}

# sum PREFIX...: the rows of these families together.
sum() {
	# shellcheck disable=SC2016
	jq -r '[.rows[] | select(.id as $id | any($ARGS.positional[]; . as $p | $id | startswith($p))) |
		.resident] | add' "$LEDGER" --args "$@"
}

rss_rollup() { awk '/^Rss:/ { print $2 * 1024 }' "/proc/$PID/smaps_rollup"; }

# big KEY JSON: a number that may not fit a double, as text.
big() {
	[[ $2 =~ \"$1\":\"?(-?[0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# ---- checks -------------------------------------------------------------------

fail() {
	FAILED+=("$*")
	echo "FAILED: $*"
	[ -z "${SOAK_LOG:-}" ] || echo "FAILED: $*" >>"$SOAK_LOG"
}

check() {
	case "$2 $4" in
	*[!0-9\ -]* | " "* | *" ")
		if [ "$3" = -eq ] || [ "$3" = = ]; then
			[ "$2" = "$4" ] || fail "$1: $2 is not $4"
		else
			fail "$1: $2 or $4 is no number"
		fi
		;;
	*) test "$2" "$3" "$4" || fail "$1: not $2 $3 $4" ;;
	esac
}

near() {
	local d
	case "$2 $3" in
	*[!0-9\ -]* | " "* | *" ") fail "$1: $2 or $3 is no number"; return 0 ;;
	esac
	d=$(($2 - $3))
	[ ${d#-} -le "$4" ] || fail "$1: $2 is $d off $3 (allowed: $4)"
}

done_checking() {
	[ ${#FAILED[@]} = 0 ] || { printf '%s\n' "${#FAILED[@]} failed:" "${FAILED[@]}"; return 1; }
}

# each_release FUNCTION [ARGS...]: a failing release does not hide the next one.
each_release() {
	local rel
	[ -n "$RELEASES" ] || { echo "no release under test"; return 1; }
	for rel in $RELEASES; do
		echo "--- go $rel"
		"$1" "$rel" "${@:2}" || fail "$1 go $rel stopped short"
		stop_all
	done
	done_checking
}

# each_line LABEL: every line of stdin is a failure.
each_line() {
	local line
	while IFS= read -r line; do
		fail "$1: $line"
	done
}

# adds_up LABEL: what holds for every calm_look at an idle pure Go target. $ANON_OTHER
# is what the target mapped for itself, $ANON_SLACK what a loader may have added.
adds_up() {
	each_line "$1" < <(jq -r --argjson rss "$RSS" --argjson anon "${ANON_OTHER:-0}" \
		--argjson slack "${ANON_SLACK:-0}" '
		def want($what; $a; $b): select($a != $b) | "\($what) is \($a), not \($b)";
		want("residual"; .residual; 0),
		want("sum of the rows"; [.rows[].resident] | add; $rss),
		want("rss"; .rss; $rss),
		(.rows[] | select(.id == "anon.other") | .resident as $a |
		 select($a < $anon or $a > $anon + $slack) | "anon.other is \($a), not \($anon)"),
		want("proven"; .facts.proven; true),
		want("failed invariants"; .facts.invariants.failed; 0),
		want("consistent"; .consistency.consistent; true),
		want("time stopped"; .self.target_stopped_ns; 0),
		want("unknown rows"; [.rows[] | select(.resident == null) | .id]; [])
		' "$LEDGER" 2>&1)
}
