#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Makes the recordings that the golden tests replay, from processes of this machine (root).
# Needed only when what a tool emits has changed its meaning; then `make golden-update`.
#
#	spike	gapsvc: half of its RSS is idle heap; two looks, the second with changes
#	two	two processes of different releases, in one file
#	early	a process that was stopped before its runtime was up: nothing is proven
#	list	gols
set -euo pipefail
cd "$(dirname "$0")/../.."

O=${O:-.out}
case $O in /*) ;; *) O=$PWD/$O ;; esac
cache=${GOMEMTRACE_CACHE:-/var/cache/gomemtrace}
# a group of its own, with a limit, so that nothing of this machine is in the recording
group=/sys/fs/cgroup/memory/system.slice/demo.service
tmp=$(mktemp -d)
pids=()

finish() {
	local p
	for p in "${pids[@]}"; do
		kill -KILL "$p" 2>/dev/null || :
		wait "$p" 2>/dev/null || :
	done
	sleep 0.2
	rmdir "$group" "${group%/*}" 2>/dev/null || :
	rm -rf "$tmp"
}
trap finish EXIT

# start PROGRAM [WRAPPER...]: its pid is $pid.
start() {
	mkfifo "$tmp/in.${#pids[@]}"
	(
		echo "$BASHPID" > "$group/cgroup.procs"
		exec "${@:2}" "$1" < "$tmp/in.${#pids[@]}" > "$tmp/out.${#pids[@]}"
	) &
	pid=$!
	# shellcheck disable=SC2034
	exec {fd}> "$tmp/in.${#pids[@]}"
	pids+=("$pid")
}

record() {
	"$O/gomemtrace" "${@:2}" --record "tests/golden/$1.raw" > /dev/null
	chmod 644 "tests/golden/$1.raw"
}

tests/targets/build.sh 1.22 1.24 1.27
mkdir -p "$group"
echo $((512 << 20)) > "$group/memory.limit_in_bytes"

start "$cache/targets/1.24/gapsvc"
spike=$pid
until grep -q ready "$tmp/out.0"; do sleep 0.1; done
sleep 1
record spike -p "$spike" 1 2
start "$cache/targets/1.27/truth"
sleep 1
record two -p "$spike,$pid"
record list gols -p "$spike,$pid"
# stopped at its first instruction
start "$cache/targets/1.22/truth" setarch -R
early=$pid
kill -STOP "$early"
record early -p "$early"
