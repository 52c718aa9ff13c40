#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What the compiler inlined, and whether a probe sees every call: against DWARF, and
# compilers as Debian ships them, which are guided by a profile (PGO) since Go 1.21.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# dwarf EXE: "INLINED IN OUTER" of all functions, as the debug information has them
dwarf() {
	llvm-dwarfdump --debug-info "$1" | awk '
		/DW_TAG_/ { tag = $2; if (tag == "DW_TAG_subprogram") outer = "" }
		!/DW_AT_(name|abstract_origin)/ { next }
		{ s = $0; sub(/^[^"]*"/, "", s); sub(/"\)$/, "", s); sub(/\.abi0$/, "", s) }
		tag == "DW_TAG_subprogram" && outer == "" { outer = s }
		tag == "DW_TAG_inlined_subroutine" && /abstract_origin/ { print s " IN " outer }' | sort -u
}

# sites EXE NAME...: the same as we have it, and the answers in $T/answers
sites() {
	spawn "$1"
	read -r -t 60 -u "$OUT" PID || return 1
	"$O/tests/e2e/symbols" "$PID" inline "${@:2}" 3>&- >"$T/inline" || { cat "$T/inline"; return 1; }
	grep ' present=' "$T/inline" >"$T/answers"
	grep ' IN ' "$T/inline" | sed 's/ 0x[^ ]* [0-9]*$//' | sort -u
	stop_all
}

# against_dwarf LABEL EXE: up to 200 functions of the runtime that are inlined somewhere
against_dwarf() {
	local names both
	dwarf "$2" >"$T/dwarf"
	mapfile -t names < <(sed 's/ IN .*//' "$T/dwarf" | grep '^runtime\.' | sort -u | head -n 200)
	names+=("runtime.(*mcache).refill" runtime.mallocgc runtime.gcStart runtime.no_such_function)
	mapfile -t names < <(printf '%s\n' "${names[@]}" | sort -u)
	sites "$2" "${names[@]}" >"$T/ours" || return 1
	grep -F -x -f <(sed 's/ IN .*//' "$T/dwarf" | sort -u) <(printf '%s\n' "${names[@]}") >"$T/asked" || :
	awk 'NR == FNR { ask[$0] = 1; next } { n = $0; sub(/ IN .*/, "", n) } ask[n]' \
		"$T/asked" "$T/dwarf" >"$T/theirs"
	both=$(comm -12 "$T/ours" "$T/theirs" | wc -l)
	echo "$1: $(wc -l <"$T/ours") sites, $(wc -l <"$T/theirs") in DWARF, $both in both"
	check "$1: sites" "$(wc -l <"$T/theirs")" -gt 200
	check "$1: sites of ours that DWARF does not have" $(($(wc -l <"$T/ours") - both)) -eq 0
	check "$1: sites of DWARF that we do not have" $(($(wc -l <"$T/theirs") - both)) -eq 0
	comm -3 "$T/ours" "$T/theirs" | head -n 5
	# the symbol table: what has a body
	nm "$2" | awk '$2 ~ /[tT]/ { sub(/\.abi0$/, "", $3); print $3 }' | sort -u >"$T/nm"
	each_line "$1" < <(while read -r name present _; do
		if grep -qxF "$name" "$T/nm"; then want=present=1; else want=present=0; fi
		[ "$present" = $want ] || echo "$name: $present, not $want"
	done <"$T/answers")
	each_line "$1" < <(awk '/complete=1/ && !/present=1 functions=0 /' "$T/answers")
	grep -q '^runtime.no_such_function present=0 functions=0 complete=0' "$T/answers" ||
		fail "$1: $(tail -n 1 "$T/answers")"
}

plain() { against_dwarf "$1" "$CACHE/targets/$1/truth"; }

@test "inline: where functions are inlined is what DWARF says" {
	each_release plain
	for f in truth-pie; do
		against_dwarf "pie" "$CACHE/targets/${RELEASES##* }/$f"
	done
	done_checking
}

# guided RELEASE: truth, built with a profile of its own
guided() {
	local root dir=$T/src.$1 goenv
	root=$("$ROOT/tests/debs.sh" go "$1" 3>&-) || return 1
	goenv=(GOROOT="$root" GO111MODULE=on GOTOOLCHAIN=local GOFLAGS= GOENV=off GOWORK=off
		GOPROXY=off GOSUMDB=off GOTELEMETRY=off GOCACHE="$CACHE/gocache" GOPATH="$CACHE/gopath")
	mkdir "$dir"
	cp "$ROOT/tests/targets/truth/main.go" "$dir"
	cp "$ROOT/tests/e2e/pgo/$1.pprof" "$dir/default.pgo"
	printf 'module gomemtrace.test/truth\n\ngo %s\n' "$1" >"$dir/go.mod"
	(cd "$dir" && env "${goenv[@]}" "$root/bin/go" build -trimpath -buildvcs=false -pgo=auto \
		-o "$T/guided" . 3>&-) || return 1
	against_dwarf "$1 guided" "$T/guided"
	# what the profile moved: functions of the runtime that a plain build has whole
	sites "$T/guided" "runtime.(*mcache).refill" "runtime.(*mcache).nextFree" runtime.mallocgc \
		runtime.mallocgcSmallNoscan runtime.mallocgcSmallScanNoHeader >/dev/null
	cp "$T/answers" "$T/with"
	sites "$CACHE/targets/$1/truth" "runtime.(*mcache).refill" "runtime.(*mcache).nextFree" runtime.mallocgc \
		runtime.mallocgcSmallNoscan runtime.mallocgcSmallScanNoHeader >/dev/null
	cat "$T/with"
	check "$1: complete without a profile" "$(grep -c complete=1 "$T/answers")" -gt \
		"$(grep -c complete=1 "$T/with")"
}

@test "inline: a program that a profile guided" {
	for rel in 1.24 1.27; do
		[[ " $RELEASES " != *" $rel "* ]] || guided $rel || fail "$rel stopped short"
	done
	done_checking
}

# is NAME VALUES: what was answered about a function
is() { check "$rel: $1" "$(grep -F "$1 present=" "$T/answers" | cut -d' ' -f2-)" = "$2"; }
within() { grep -qxF "$1 IN $2" "$T/ours" || fail "$rel: $1 is not in $2"; }

# probes SAYS: what a probe on mcache.refill says of itself; one on cacheSpan sees all calls
probes() {
	"$O/tests/e2e/locate" "$PID" "go:runtime.(*mcache).refill" "go:runtime.(*mcentral).cacheSpan" \
		"gocall:runtime.(*mcache).refill>runtime.(*mcentral).cacheSpan" 3>&- >"$T/probes"
	cat "$T/probes"
	check "$rel: a probe of refill" "$(sed -n '1s/^[^ ]* //p' "$T/probes")" = "$1"
	check "$rel: a probe of its call" "$(sed -n '3s/^[^ ]* //p' "$T/probes")" = "$1"
	check "$rel: a probe of cacheSpan" "$(sed -n '2s/^[^ ]* //p' "$T/probes")" = "1 complete "
}

# compiler RELEASE: cmd/compile waits for its source, a pipe that nobody writes to
compiler() {
	local root rel=$1 m=runtime.mallocgc small
	root=$("$ROOT/tests/debs.sh" go "$1" 3>&-) || return 1
	[ -p "$T/x.go" ] || mkfifo "$T/x.go"
	spawn "$root/pkg/tool/linux_amd64/compile" -p x -o /dev/null "$T/x.go"
	PID=$CHILD
	sleep 0.5
	"$O/tests/e2e/symbols" "$PID" inline "runtime.(*mcache).refill" "runtime.(*mcentral).cacheSpan" \
		$m ${m}Tiny ${m}SmallNoscan ${m}SmallScanNoHeader ${m}SmallScanHeader 3>&- >"$T/inline" ||
		{ cat "$T/inline"; return 1; }
	head -n 1 "$T/inline"
	grep ' present=' "$T/inline" >"$T/answers"
	grep ' IN ' "$T/inline" | sed 's/ 0x[^ ]* [0-9]*$//' | sort -u >"$T/ours"
	is "runtime.(*mcentral).cacheSpan" "present=1 functions=0 complete=1"
	case $1 in
	1.19)
		is "runtime.(*mcache).refill" "present=1 functions=0 complete=1"
		is $m "present=1 functions=0 complete=1"
		probes "1 complete "
		;;
	1.26) # copies, and the symbol beside them: a probe on it would see some of the calls
		is "runtime.(*mcache).refill" "present=1 functions=1 complete=0"
		probes "1 partial calls of runtime.(*mcache).refill are not seen where it is inlined: in 1 function"
		check "1.26: mallocgc is there" "$(grep -c "^$m present=1 .* complete=0" "$T/answers")" -eq 1
		within $m runtime.newobject
		within $m runtime.makeslice
		within $m runtime.growslice
		;;
	*)
		is "runtime.(*mcache).refill" "present=0 functions=1 complete=0"
		within "runtime.(*mcache).refill" "runtime.(*mcache).nextFree"
		probes "0 partial this program has no runtime.(*mcache).refill"
		is $m "present=1 functions=0 complete=1"
		;;
	esac
	case $1 in 1.24 | 1.25) small="Tiny SmallNoscan SmallScanNoHeader SmallScanHeader" ;;
	1.27) small="SmallNoscan SmallScanNoHeader SmallScanHeader" ;;
	*) small= ;;
	esac
	for s in $small; do
		is $m$s "present=0 functions=1 complete=0"
		within $m$s $m
	done
	# the variables of such a program are found where the functions that name them went
	look
	check "$1: proven" "$(l .facts.proven)" = true
	check "$1: stripped" "$(l .binary.stripped)" = true
	stop_all
}

@test "inline: Go's own compilers, stripped and guided by a profile" {
	each_release compiler
}

@test "inline: one pass over 120,000 functions takes no time to speak of" {
	dir=$("$ROOT/tests/debs.sh" pkg trixie prometheus 3>&-)
	: >"$T/prometheus.yml"
	spawn "$dir/usr/bin/prometheus" --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/data" \
		--web.listen-address=127.0.0.1:$((20000 + RANDOM % 10000)) 2>"$T/log"
	sleep 3
	for _ in 1 2 3; do
		"$O/tests/e2e/symbols" "$CHILD" inline "runtime.(*mcache).refill" runtime.mallocgc 3>&- >"$T/inline" ||
			{ cat "$T/inline"; false; }
		head -n 1 "$T/inline"
	done >"$T/times"
	# 42 ms; the best of three, for a machine that is shared
	cat "$T/times"
	awk '$2 > 100000 && $5 < 200 { ok = 1 } END { exit !ok }' "$T/times" || fail "too slow"
	done_checking
}
