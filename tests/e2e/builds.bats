#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Programs of releases and builds that the layout table does not name: a layout is
# used only after it proved itself, and if it is a neighbour's, that is said.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# renamed RELEASE VERSION: truth under another name, started
renamed() {
	cp "$CACHE/targets/$1/truth" "$T/renamed"
	"$O/tests/e2e/rename" "$T/renamed" "$2" || return 1
	spawn "$T/renamed"
	read -r -t 60 -u "$OUT" PID && ask hold a 20011 1000 && ask drop a 1 3 && ask park 211 3 && ask gc
}

# taken RELEASE VERSION LAYOUT SAYS: a full ledger with this layout, and a word about it
taken() {
	renamed "$1" "$2" && calm_look || return 1
	adds_up "$1 as $2"
	check "$1 as $2: version" "$(l .go_version)" = "$2"
	check "$1 as $2: layout" "$(l .facts.layout_release)" = "$3"
	if [ -n "$4" ]; then
		[[ $(l .facts.why) == *$4* ]] || fail "$1 as $2: says '$(l .facts.why)', not '$4'"
		check "$1 as $2: tests" "$(l .facts.invariants.checked)" -gt 15
		tool -p "$PID"
		tr '\n' ' ' <"$T/out" | grep -qF "$4" || fail "$1 as $2: the screen does not say '$4'"
	else
		check "$1 as $2: nothing to say" "$(jq .facts.why "$LEDGER")" = null
	fi
	stop_all
}

unknown() {
	local own="no layout of its own; that of Go $1 proved itself"
	taken "$1" "go1.28.1" "$1" "go1.28.1 has $own" || return 1
	taken "$1" "go1.20.14" "$1" "$own" || return 1
	taken "$1" "devel go1.99-0123abcd Mon" "$1" "$own" || return 1
	taken "$1" "unknown" "$1" "$own" || return 1
	taken "$1" "go2.0" "$1" "$own" || return 1
	# the release's own, under names that promise nothing
	taken "$1" "go$1rc1" "$1" "" || return 1
	taken "$1" "go$1.5-vendor1" "$1" "" || return 1
	taken "$1" "go$1.4 X:boringcrypto" "$1" "" || return 1
}

@test "builds: unknown releases get the neighbour that proves itself" {
	each_release unknown
}

# wiped RELEASE VERSION COPY...: what COPY makes of the program has no build info, and is known
wiped() {
	local exe=$T/wiped.$1
	"${@:3}" "$exe" && "$O/tests/e2e/rename" "$exe" || return 1
	spawn "$exe"
	read -r -t 60 -u "$OUT" PID && ask hold a 5003 1000 && look || return 1
	check "$1 $3 $4: version" "$(l .go_version)" = "$2"
	check "$1 $3 $4: layout" "$(l .facts.layout_release)" = "$1"
	check "$1 $3 $4: proven" "$(l '.facts | .proven and .invariants.failed == 0')" = true
	check "$1 $3 $4: tests" "$(l .facts.invariants.checked)" -gt 15
	check "$1 $3 $4: says" "$(l .facts.why)" = "no build info; runtime.buildVersion says $2"
	tool gols -p "$PID" -j
	check "$1 $3 $4: in the list" "$(jq -r 'select(.pid) | .go_version' "$T/out")" = "$2"
	stop_all
	rm "$exe"
}

without_build_info() {
	local dir=$CACHE/targets/$1 version
	version=$("$("$ROOT/tests/debs.sh" go "$1" 3>&-)/bin/go" env GOVERSION) || return 1
	wiped "$1" "$version" cp "$dir/truth" && wiped "$1" "$version" cp "$dir/truth-stripped" &&
		wiped "$1" "$version" cp "$dir/truth-pie" && wiped "$1" "$version" strip "$dir/truth-pie" -o
}

@test "builds: without build info the release is what the runtime says, and proven" {
	each_release without_build_info
}

# what the program says it is does not hold: its own layout fails, another does not
lying() {
	local other
	for other in $(cat "$ROOT/tests/releases"); do
		[ "$other" != "$1" ] || continue
		renamed "$1" "go$other" && calm_look || return 1
		# six identities may be satisfied with a near relative's layout; then spans tell
		if [ "$(l .facts.proven)" = true ]; then
			adds_up "$1 as $other"
			check "$1 as $other: layout" "$(l .facts.layout_release)" = "$1"
			[[ $(l .facts.why) == *"Go $other"*"Go $1 did, and is used"* ]] ||
				fail "$1 as $other: says '$(l .facts.why)'"
		else
			check "$1 as $other: known Go rows" \
				"$(l '[.rows[] | select(.id | startswith("go.")) | .resident | values] | length')" -eq 0
			[ "$(l '.facts.why | length')" -gt 10 ] || fail "$1 as $other: no reason"
		fi
		stop_all
	done
}

@test "builds: a wrong release in the build info gives no wrong number" {
	each_release lying
}

# every layout against every release, in all its structures
one_layout() {
	start "$1" "$2" || return 1
	[[ $2 == c-* ]] || { ask hold a 5003 1000 && ask park 53 3 && ask gc; } || return 1
	"$O/tests/e2e/layouts" "$PID" >"$T/layouts" || return 1
	check "$1 $2: layouts that prove themselves" \
		"$(jq -s -r '[.[] | select(.structures) | .release] | join(" ")' "$T/layouts")" = "$1"
}

@test "builds: a release's own layout proves itself, and no other does" {
	each_release one_layout truth
	each_release one_layout truth-pie
	each_release one_layout truth-stripped
	[ ! -x "$CACHE/targets/1.27/c-truth" ] || each_release one_layout c-truth
}

busy_layout() {
	spawn env GOMAXPROCS=$2 "$CACHE/targets/$1/churn" -goroutines 211
	read -r -t 60 -u "$OUT" PID || return 1
	sleep 0.5
	"$O/tests/e2e/layouts" "$PID" >"$T/layouts" || return 1
	check "$1 with $2 Ps: layouts that prove themselves" \
		"$(jq -s -r '[.[] | select(.structures) | .release] | join(" ")' "$T/layouts")" = "$1"
}

@test "builds: the same of a process that never rests" {
	each_release busy_layout 2
	each_release busy_layout 64
}

# built RELEASE NAME FLAGS...: truth, built with these flags, as $T/NAME
built() {
	local root dir=$T/src.$1.$2
	root=$("$ROOT/tests/debs.sh" go "$1" 3>&-) || return 1
	mkdir "$dir"
	cp "$ROOT/tests/targets/truth/main.go" "$dir"
	printf 'module gomemtrace.test/truth\n\ngo %s\n' "$1" >"$dir/go.mod"
	(cd "$dir" && env GOROOT="$root" GO111MODULE=on GOTOOLCHAIN=local GOFLAGS= GOENV=off \
		GOWORK=off GOPROXY=off GOSUMDB=off GOTELEMETRY=off GOCACHE="$CACHE/gocache" \
		GOPATH="$CACHE/gopath" "$root/bin/go" build -trimpath -buildvcs=false "${@:3}" \
		-o "$T/$2" . 3>&-)
	rm -rf "$dir"
}

# full LABEL NAME: what holds for the plain build holds for this one
full() {
	spawn "$T/$2"
	read -r -t 60 -u "$OUT" PID && ask gogc -1 && ask hold a 20011 1000 && ask hold b 5003 96 scan &&
		ask drop a 1 3 && ask park 211 3 && ask gc && calm_look || return 1
	adds_up "$1"
	jq -e -n --argjson t "$ANS" --slurpfile o "$LEDGER" '
		"HeapInuse HeapIdle HeapReleased StackInuse MSpanInuse GCSys OtherSys Sys Alloc Mallocs
		 NumGC" | [splits("\\s+")] | all(. as $k | $t.memstats[$k] == $o[0].memstats[$k])' \
		>/dev/null || fail "$1: memstats differ"
	check "$1: live" "$(row go.heap.live)" -ge $((20011 * 1024 / 3 * 2 + 5003 * 96))
	stop_all
}

unoptimised() {
	built "$1" noopt -gcflags='all=-N -l' && full "$1 without optimisation" noopt
}

@test "builds: without optimisation" {
	for rel in 1.22 1.27; do
		[[ " $RELEASES " != *" $rel "* ]] || unoptimised $rel || fail "$rel stopped short"
	done
	done_checking
}

# The race runtime's shadow is C memory: nobody's mapping, but counted and named.
raced() {
	local root
	root=$("$ROOT/tests/debs.sh" go "$1" 3>&-) || return 1
	find "$root/" /var/empty "$(dirname "$root")" -follow -name 'race_linux*.syso' -path '*amd64*' 2>/dev/null |
		grep -q . || { echo "Go $1 comes without a race runtime"; return 0; }
	CGO_ENABLED=1 built "$1" race -race || return 1
	spawn "$T/race"
	read -r -t 60 -u "$OUT" PID && ask gogc -1 && ask hold a 20011 1000 && ask gc && calm_look || return 1
	check "$1 race: proven" "$(l .facts.proven)" = true
	check "$1 race: failed" "$(l .facts.invariants.failed)" -eq 0
	check "$1 race: residual" "$(l .residual)" -eq 0
	check "$1 race: sum" "$(l '[.rows[].resident] | add')" -eq "$RSS"
	check "$1 race: live" "$(row go.heap.live)" -ge $((20011 * 1024))
	check "$1 race: details of the shadow" \
		"$(l '[.rows[] | select(.id == "anon.other") | .detail[].resident] | add')" -eq "$(row anon.other)"
}

@test "builds: with the race detector" {
	command -v gcc >/dev/null || skip "no gcc"
	for rel in 1.22 1.27; do
		[[ " $RELEASES " != *" $rel "* ]] || raced $rel || fail "$rel stopped short"
	done
	done_checking
}
