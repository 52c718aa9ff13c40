#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Core files, gdb's and the kernel's: the program's own numbers to the byte, and what
# is damaged is said.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# at_work RELEASE [NAME]: a target with a past; its numbers are in $T/stats
at_work() {
	(cd "$T" && ulimit -c unlimited) || skip "no core files here"
	spawn bash -c 'cd "$1"; ulimit -c unlimited; GOTRACEBACK=crash exec "$2" 2>/dev/null' - "$T" \
		"$CACHE/targets/$1/${2:-truth}"
	read -r -t 60 -u "$OUT" PID
	ask gogc -1 && ask hold a 20011 1000 && ask hold b 5003 96 scan && ask drop a 1 3 && ask gc &&
		ask park 211 3 && still || return 1
	printf '%s\n' "$ANS" >"$T/stats"
}

# from_core FILE [ARGS...]: a look at it into $LEDGER
from_core() {
	tool --core "$@" -j
	[ "$STATUS" = 0 ] || { echo "gomemtrace --core $*: $STATUS: $(head -c 300 "$T/err")"; return 1; }
	mv "$T/out" "$LEDGER"
}

# holds LABEL: what must be true of a core of this target
holds() {
	each_line "$1" < <(jq -n -r --slurpfile theirs "$T/stats" --slurpfile o "$LEDGER" --arg pid "$PID" '
		def want($what; $a; $b): select($a != $b) | "\($what) is \($a), not \($b)";
		$theirs[0].memstats as $t | $o[0] as $l | $l.memstats as $m |
		("Alloc TotalAlloc Sys Mallocs Frees HeapAlloc HeapSys HeapIdle HeapInuse HeapReleased
		  HeapObjects StackInuse StackSys MSpanInuse MSpanSys MCacheInuse MCacheSys BuckHashSys
		  GCSys OtherSys NumGC NumForcedGC PauseTotalNs" |
		 [splits("\\s+")][] | want(.; $m[.]; $t[.])),
		want("proven"; $l.facts.proven; true),
		want("failed invariants"; $l.facts.invariants.failed; 0),
		want("pid"; $l.pid; ($pid | tonumber)),
		want("comm"; $l.comm[:5]; "truth"),
		want("rss_source"; $l.rss_source; "core"),
		want("gap"; $l.gap; null),
		want("residual"; $l.residual; 0),
		want("sum"; [$l.rows[].resident] | add; $l.rss),
		want("anon.other"; $l.rows[] | select(.id == "anon.other") | .resident; 0),
		want("page tables"; $l.not_in_rss[] | select(.id == "page_tables") | .bytes; null),
		want("huge"; [$l.matrix[] | .huge, .lazyfree, .swapped | values]; []),
		want("spans"; [$l.matrix[] | select(.state == "in_use") | .resident, .absent] | add;
			$t.HeapInuse)' 2>&1)
	check "$1: live" "$(row go.heap.live)" -ge $((20011 * 1024 / 3 * 2 - 16384))
}

by_gdb() {
	local live
	at_work "$1" "${2:-truth}" && look || return 1
	live=$(row go.heap.live)
	gcore -o "$T/gcore" "$PID" >/dev/null 2>&1 || { echo "gcore failed"; return 1; }
	from_core "$T/gcore.$PID" || return 1
	holds "$1 gcore"
	near "$1 gcore: live as it was" "$(row go.heap.live)" "$live" 16384
	tool --core "$T/gcore.$PID"
	grep -q "core file" "$T/out" || fail "$1: the screen does not say that it is a core"
	grep -q "what the kernel held is not known" "$T/out" || fail "$1: nor what is not known"
	check "$1: widest line" "$(LC_ALL=C.UTF-8 wc -L <"$T/out")" -le 80
	stop_all
	rm -f "$T/gcore.$PID"
}

@test "core: of a running process, by gdb" {
	command -v gcore >/dev/null || skip "no gdb"
	each_release by_gdb
	each_release by_gdb truth-pie
}

by_kernel() {
	local core
	at_work "$1" && look || return 1
	kill -ABRT "$PID"
	for _ in {1..100}; do
		! gone "$PID" || break
		sleep 0.1
	done
	stop_all
	for core in "$T"/core*; do :; done
	[ -s "$core" ] || { echo "the kernel left no core"; return 1; }
	live=$(row go.heap.live) idle=$(row go.heap.idle)
	from_core "$core" || return 1
	# it wrote its last words in between: goroutines, not objects
	holds "$1 kernel"
	# the kernel leaves holes: what is in the core is what was resident
	near "$1 kernel: live as it was" "$(row go.heap.live)" "$live" 16384
	near "$1 kernel: idle as it was" "$(row go.heap.idle)" "$idle" 65536
	check "$1 kernel: returned" "$(row go.heap.returned)" -eq 0
	rm -f "$core"
}

@test "core: of a process that aborted, by the kernel" {
	[[ $(</proc/sys/kernel/core_pattern) == core* ]] || skip "cores go elsewhere here"
	each_release by_kernel
}

# refused STATUS PATTERN ARGS...
refused() {
	tool "${@:3}"
	check "${*:3}: status" "$STATUS" -eq "$1"
	grep -qE -- "$2" "$T/err" || fail "${*:3}: no '$2' in: $(head -c 300 "$T/err")"
	[ ! -s "$T/out" ] || fail "${*:3}: writes to stdout"
}

@test "core: what is wrong with one is said" {
	command -v gcore >/dev/null || skip "no gdb"
	rel=${RELEASES##* }
	at_work "$rel" truth
	gcore -o "$T/good" "$PID" >/dev/null 2>&1
	good=$T/good.$PID
	size=$(stat -c %s "$good")
	refused 1 "No such file" --core "$T/none"
	refused 4 "not a core file" --core "$CACHE/targets/$rel/truth"
	refused 4 "not a core file" --core "$T/stats"
	refused 4 "not a core file" --core /dev/zero
	refused 4 "not a core file" --core "$T"
	refused 2 "one of them" --core "$good" -p $$
	refused 2 "one of them" --core "$good" 1
	refused 2 "--core" --exe /bin/true -p $$
	refused 1 "not the program" --core "$good" --exe "$CACHE/targets/1.22/truth-pie"
	refused 1 "cannot open.*--exe" --core "$good" --exe "$T/none"
	from_core "$good" --exe "$CACHE/targets/$rel/truth"
	for at in 1 63 64 1000 4096 $((size / 3)) $((size - 1000000)); do
		cp --sparse=always "$good" "$T/cut"
		truncate -s "$at" "$T/cut"
		tool --core "$T/cut"
		check "cut at $at: status" $((STATUS == 1 || STATUS == 4)) -eq 1
		grep -qE "cut off|damaged|not a core file" "$T/err" || fail "cut at $at: $(cat "$T/err")"
	done
	# bytes turned in headers and notes
	cp --sparse=always "$good" "$T/turned"
	for n in {1..60}; do
		at=$((RANDOM % 8192))
		dd if="$good" of="$T/turned" bs=8192 count=1 conv=notrunc status=none
		for _ in 1 2 3 4; do
			printf "\\x$(printf %x $((RANDOM % 256)))" |
				dd of="$T/turned" bs=1 seek=$((RANDOM % 8192)) conv=notrunc status=none
		done
		tool --core "$T/turned"
		case $STATUS in
		0) ;;
		1 | 3 | 4) [ -s "$T/err" ] || fail "turned $n: $STATUS without a word" ;;
		*) fail "turned $n: status $STATUS: $(head -c 300 "$T/err")" ;;
		esac
	done
	done_checking
}
