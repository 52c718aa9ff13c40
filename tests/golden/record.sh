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
#	gc	gogc, half a second of a program that allocates all the time
#	stw	gostw, the same
#	map	gommap, of one that maps and reserves, and needs heap
#	heap	goheap, of a program with a thousand objects with pointers, half of them dead
#	scav	goscav, of the same when it forgets that and calls FreeOSMemory
#	alloc	goalloc, by size and stack, of a program that allocates 1,009 objects of 640 bytes and
#		503 of 1,000
#	fault	gofault, of one that touches 503 pages, gives them back and touches them again
#	kmem	gokmem, of 1,009 calls of eventfd, each closed again, and 503 pipes that stay open
#
#	tests/golden/record.sh [NAME...]   all of them, or those
set -euo pipefail
cd "$(dirname "$0")/../.."

O=${O:-.out}
case $O in /*) ;; *) O=$PWD/$O ;; esac
cache=${GOMEMTRACE_CACHE:-/var/cache/gomemtrace}
# a group of its own, with a limit, so that nothing of this machine is in the recording
group=/sys/fs/cgroup/memory/system.slice/demo.service
tmp=$(mktemp -d)
pids=()
wanted=$*

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
	[[ " $wanted " == *" $1 "* || -z $wanted ]] || return 0
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
GOMAXPROCS=2 start "$cache/targets/1.24/churn"
sleep 2
record gc gogc -p "$pid" -d 0.6
record stw gostw -p "$pid" -d 0.6
start "$cache/targets/1.27/truth"
printf 'hold a 1009 640 scan\nhold b 503 1000\ndrop a 1 2\ngc\nhold c 3 50000 scan\n' >&"$fd"
sleep 1
record heap goheap -p "$pid"
start "$cache/targets/1.27/truth"
sleep 1
(sleep 3; printf 'mmap 1000003\nreserve 50000017\nhold a 5003 1000\n' >&"$fd") &
record map gommap -p "$pid" -d 5
(sleep 3; printf 'forget a\nfree\n' >&"$fd") &
record scav goscav -p "$pid" -d 5
start "$cache/targets/1.27/truth"
sleep 1
(sleep 3; printf 'hold a 1009 640 scan\nhold b 503 1000\n' >&"$fd") &
record alloc goalloc -p "$pid" -d 5 --mode exact --by class,stack --budget 100
start "$cache/targets/1.27/calls"
sleep 1
(sleep 3; printf 'map %d\ntouch\ndrop\ntouch\n' $((503 * 4096)) >&"$fd") &
record fault gofault -p "$pid" -d 5 --budget 100
(sleep 3; printf 'cycle eventfd 1009\nopen pipe 503\n' >&"$fd") &
record kmem gokmem -p "$pid" -d 5 --budget 100
