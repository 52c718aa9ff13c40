#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Wherever it runs: in other namespaces, from files that are gone or not to be seen from
# here, with huge reservations, stopped, under a debugger.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

# work: what the program holds in these tests
work() {
	read -r -t 60 -u "$OUT" INNER && ask gogc -1 && ask hold a 20011 1000 && ask drop a 1 3 &&
		ask park 53 3 && ask gc
}

# events LABEL: each of seven collections is seen
events() {
	trace gogc -p "$PID" -j || { FAILED+=("$1"); return 1; }
	ask gc 7
	untrace
	check "$1: collections" "$(total cycles)" -eq 7
	check "$1: coverage" "$(total coverage)" = 100
	books "$1"
}

# whole LABEL VERSION: a full ledger of it, and its events
whole() {
	events "$1"
	calm_look || return 1
	adds_up "$1"
	check "$1: version" "$(l '.go_version | test("^go'"$2"'")')" = true
	check "$1: live" "$(row go.heap.live)" -ge $((20011 * 1024 / 3 * 2))
	check "$1: text" "$(row elf.text)" -ge 100000
}

# inside EXE SCRIPT FLAGS...: EXE runs in new namespaces behind SCRIPT, which finds its path
# in $1; $PID is the process as seen from here.
inside() {
	local n
	# shellcheck disable=SC2016
	spawn unshare "${@:3}" sh -c "$2" - "$1"
	for n in {1..100}; do
		# the shell is the process itself, or the first one of a PID namespace
		PID=$(cat "/proc/$CHILD/task/$CHILD/children")
		PID=${PID%% *}
		PID=${PID:-$CHILD}
		[ "$(cat "/proc/$PID/comm")" != "${1##*/}" ] || return 0
		sleep 0.05
	done
	echo "it did not start"
	return 1
}

OTHER=1.22
[ "${RELEASES##* }" != 1.22 ] || OTHER=1.27

# A file system that only its mount namespace has, with the program on it. Here, another
# program has that path, or nothing.
# shellcheck disable=SC2016
ELSEWHERE='mount -t tmpfs none "${1%/*}" && cp "$HOME/exe" "$1" && exec "$1"'

elsewhere() {
	local exe=$T/there/program
	mkdir -p "$T/there"
	cp "$CACHE/targets/$1/$2" "$T/exe"
	HOME=$T inside "$exe" "$ELSEWHERE" "${@:4}" && work || return 1
	[ "$3" = nothing ] && rm -f "$exe" || cp "$CACHE/targets/$OTHER/truth" "$exe"
	whole "$1 $2 elsewhere, $3 here, ${*:4}" "$1"
}

@test "where: other mount, PID and user namespaces" {
	rel=${RELEASES##* }
	elsewhere $rel truth nothing -m
	check "its own id" "$INNER" -eq "$PID"
	elsewhere $rel truth another -m
	elsewhere $rel truth-stripped another -mpf
	check "its own id" "$INNER" -eq 1
	elsewhere $rel truth-pie-stripped another -Urmpf
	[ ! -x "$CACHE/targets/$rel/truth-cgo-pie-stripped" ] ||
		elsewhere $rel truth-cgo-pie-stripped another -Urmpf
	done_checking
}

@test "where: from inside of a container" {
	rel=${RELEASES##* }
	for flags in -mpf -Urmpf; do
		elsewhere $rel truth-stripped another $flags --mount-proc
		cp "$LEDGER" "$T/outside"
		# shellcheck disable=SC2046
		nsenter -t "$PID" $([ $flags = -mpf ] || echo -U --preserve-credentials) -m -p \
			"$GMT" -p 1 -j >"$LEDGER" 2>"$T/err" 3>&- || fail "$flags: $(cat "$T/err")"
		adds_up "inside, $flags"
		check "$flags: its id there" "$(l .pid)" -eq 1
		check "$flags: the same rows" "$(l '[.rows[].resident] | tostring')" = \
			"$(jq -r '[.rows[].resident] | tostring' "$T/outside")"
	done
	done_checking
}

@test "where: /proc of another PID namespace is not ours" {
	start "${RELEASES##* }" truth
	STATUS=0
	unshare -pf "$GMT" -p "$PID" -j >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "status" $STATUS -eq 3
	grep -q "/proc .*PID namespace" "$T/err" || fail "says: $(cat "$T/err")"
	[ ! -s "$T/out" ] || fail "a ledger of whom?"
	done_checking
}

gone_exe() {
	cp "$CACHE/targets/$1/$2" "$T/program"
	spawn "$T/program" && PID=$CHILD && work || return 1
	rm "$T/program"
	whole "$1 $2 deleted" "$1" || return 1
	cp "$CACHE/targets/$OTHER/truth" "$T/program"
	whole "$1 $2 deleted, its name used again" "$1" || return 1
	stop_all
	cp "$CACHE/targets/$1/$2" "$T/program"
	spawn "$T/program" && PID=$CHILD && work || return 1
	cp "$CACHE/targets/$OTHER/truth" "$T/program.new"
	mv "$T/program.new" "$T/program"
	whole "$1 $2 upgraded" "$1"
	stop_all
}

@test "where: the executable deleted, or replaced by an upgrade" {
	for v in truth truth-stripped truth-pie-stripped; do
		gone_exe "${RELEASES##* }" $v
	done
	done_checking
}

# shellcheck disable=SC2016
OVERLAY='mount -t tmpfs none "${1%/*}" && cd "${1%/*}" && mkdir lower upper work merged &&
	cp "$HOME/exe" lower/program && mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=work merged &&
	cd / && exec "${1%/*}/merged/program"'

@test "where: on an overlay that only its mount namespace has" {
	mkdir -p "$T/there"
	for v in truth truth-stripped truth-pie-stripped; do
		cp "$CACHE/targets/${RELEASES##* }/$v" "$T/exe"
		HOME=$T inside "$T/there/program" "$OVERLAY" -m || skip "no overlayfs here"
		work && whole "overlay, $v" "${RELEASES##* }" || fail "$v stopped short"
		stop_all
	done
	done_checking
}

@test "where: static position-independent programs" {
	command -v gcc >/dev/null || skip "needs gcc"
	for rel in ${RELEASES%% *} ${RELEASES##* }; do
		start $rel truth-staticpie
		readelf -lW "/proc/$PID/exe" | grep -q INTERP && fail "$rel: has an interpreter"
		readelf -hW "/proc/$PID/exe" | grep -q DYN || fail "$rel: is not position-independent"
		ask gogc -1 && ask hold a 20011 1000 && ask drop a 1 3 && ask gc && whole "$rel static PIE" $rel
		stop_all
	done
	done_checking
}

@test "where: reservations of half a terabyte" {
	for v in truth truth-cgo-pie; do
		[ -x "$CACHE/targets/${RELEASES##* }/$v" ] || continue
		spawn env GOMEMLIMIT=1TiB "$CACHE/targets/${RELEASES##* }/$v" && PID=$CHILD && work
		calm_look
		before=$(l .self.wall_ns)
		for _ in 1 2 3 4; do
			ask reserve $((256 << 30))
		done
		whole "$v" "${RELEASES##* }"
		check "$v: mapped" "$(l '[.rows[] | select(.id == "anon.other") | .mapped] | add')" -ge $((2 << 40))
		check "$v: ms (before: $((before / 1000000)))" $(($(l .self.wall_ns) / 1000000)) -lt 400
		echo "# $v: 2 TiB reserved, $((before / 1000000)) ms before, $(($(l .self.wall_ns) / 1000000)) ms after" >&3
		stop_all
	done
	done_checking
}

# faults PID: what they are, and the pages
untouched() { awk '{ print $10, $12 }' "/proc/$PID/stat"; rss_rollup; }

# no_harm LABEL STATE SAYS: a look at a process that cannot run
no_harm() {
	local before
	before=$(untouched)
	look || return 1
	RSS=$(rss_rollup)
	check "$1: faults and pages" "$(untouched | tr '\n' ' ')" = "$(tr '\n' ' ' <<<"$before")"
	adds_up "$1"
	check "$1: state" "$(l .state)" = "$2"
	tool -p "$PID"
	grep -q "$3" "$T/out" || fail "$1: the screen does not say it: $(head -n 4 "$T/out")"
}

stopped() {
	start "$1" truth && ask gogc -1 && ask hold a 20011 1000 && ask gc && still || return 1
	look && check "$1: state" "$(l .state)" = running
	kill -STOP "$PID"
	no_harm "$1 stopped" stopped "the process is stopped (SIGSTOP"
	check "$1: still stopped" "$(awk '/^State:/ { print $2 }' "/proc/$PID/status")" = T
	kill -CONT "$PID"
	ask stats
}

@test "where: stopped by a signal" {
	each_release stopped
}

debugged() {
	local in n target answers
	start "$1" truth && target=$IN answers=$OUT && ask gogc -1 && ask hold a 20011 1000 && ask gc && still || return 1
	spawn gdb -q -nx -p "$PID" 2>"$T/gdb.err"
	printf 'set confirm off\nset pagination off\nbreak main.stats\ncontinue\n' >&"$IN"
	for n in {1..300}; do
		# the breakpoint is there when a page of text is no longer the file's
		! awk '/ r-xp .*truth$/ { text = 1 } text && /^Anonymous:/ { exit $2 == 0 }
			' "/proc/$PID/smaps" || [[ $(cat "/proc/$PID/stat") == *") t "* ]] || break
		sleep 0.1
	done
	echo stats >&"$target"
	for n in {1..100}; do
		[[ $(cat "/proc/$PID/stat") != *") t "* ]] || break
		sleep 0.1
	done
	no_harm "$1 in gdb" traced "the process is stopped by a debugger, process $CHILD"
	check "$1: the breakpoint's page" "$(row probes)" -ge 4096
	printf 'detach\nquit\n' >&"$IN"
	read -r -t 60 -u "$answers" n && [[ $n == *'"ok":true'* ]] || fail "$1: it does not go on: $n"
	end_child "$CHILD"
}

@test "where: in a debugger, at a breakpoint" {
	command -v gdb >/dev/null || skip "needs gdb"
	debugged "${RELEASES##* }"
	done_checking
}
