#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Go in shared libraries: of a C program, which is looked at like any other; plugins;
# and what is refused: two runtimes in one process, a runtime that is shared.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

setup() {
	[ -x "$GMT" ] || { echo "no $GMT: run make first"; return 1; }
	[ "$(id -u)" = 0 ] || skip "needs root"
	command -v gcc >/dev/null || skip "needs gcc"
	T=$BATS_TEST_TMPDIR
	LEDGER=$T/ledger.json
	HOST=$T/host
	gcc -O1 -o "$HOST" "$ROOT/tests/targets/host.c" -ldl
}

# host LIBRARY...: the C program with these
host() {
	spawn "$HOST" "$@" 2>"$T/host.err"
	read -r -t 60 -u "$OUT" PID && [ "$PID" = "$CHILD" ] || { cat "$T/host.err"; return 1; }
}

work() {
	ask gogc -1 && ask hold a 20011 1000 && ask hold b 5003 96 scan && ask drop a 1 3 &&
		ask park 53 3 && ask gc && calm_look
}

# rss_of PATTERN FILE: Rss of the mappings of files like this, without and with what is behind
# their data; "merged" if more is there than FILE has bss: the kernel merges what is mapped next
rss_of() {
	awk -v name="$1" -v image="$(readelf -lW "$2" | awk '/LOAD/ { last = $3 " " $6 } END { print last }')" '
		function number(hex,   n, i) {
			sub(/^0x/, "", hex)
			for (i = 1; i <= length(hex); i++)
				n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
			return n
		}
		/^[0-9a-f]+-[0-9a-f]+ / {
			split($1, at, "-")
			bss = (mine || bss) && $6 == "" && at[1] == end
			mine = $6 ~ name
			if (mine && !base)
				base = number(at[1])
			end = at[2]
			if (bss) {
				split(image, last, " ")
				merged = number(end) - base > number(last[1]) + number(last[2]) + 4095
			}
			next
		}
		/^Rss:/ && mine { file += $2 * 1024 }
		/^Rss:/ && bss { all += $2 * 1024 }
		END { printf "%d %d %s\n", file, file + all, merged ? "merged" : "" }' "/proc/$PID/smaps"
}

# pages LABEL BYTES LOW HIGH [merged]: what rss_of says
pages() {
	check "$1" "$2" -ge "$3"
	check "$1" "$2" "$([ -n "${5:-}" ] && echo -le || echo -eq)" "$4"
}

# hosted LABEL FILE STRIPPED: the ledger of a C program with Go in this library
hosted() {
	local lib
	adds_up "$1"
	lib=$(l '[.rows[] | select(.id == "libs") | .detail[] | select(.what | contains("truth")) | .resident] | add')
	# shellcheck disable=SC2046
	pages "$1: pages of the library" "$lib" $(rss_of truth "$CACHE/targets/$REL/truth-shared")
	# shellcheck disable=SC2046
	pages "$1: pages of the host" "$(sum elf.)" $(rss_of '/host$' "$HOST")
	check "$1: bss of the host" "$(row elf.bss)" -ge $((317 * 4096))
	check "$1: live" "$(row go.heap.live)" -ge $((20011 * 1024 / 3 * 2 + 5003 * 96))
	check "$1: HeapInuse" "$(l .memstats.HeapInuse)" -eq "$(ans memstats.HeapInuse)"
	check "$1: Mallocs" "$(l .memstats.Mallocs)" -eq "$(ans memstats.Mallocs)"
	check "$1: library" "$(l .binary.library)" = "$2"
	check "$1: host" "$(l .binary.host)" = "$HOST"
	check "$1: stripped" "$(jq .binary.stripped "$LEDGER")" = "$3"
	check "$1: layout" "$(l .facts.layout_release)" = "$REL"
	tool -p "$PID"
	tr -s '\n ' '  ' <"$T/out" | grep -qF "Go is in the shared library $2, loaded by $HOST" ||
		fail "$1: the screen does not say where Go is: $(head -n 6 "$T/out")"
}

c_shared() {
	local dir=$CACHE/targets/$1
	REL=$1
	host "$dir/truth-shared" && work && hosted "$1" "$dir/truth-shared" false
	"$O/tests/e2e/resolve" "$PID" >"$T/resolved" 3>&- || fail "$1: $(cat "$T/resolved")"
	stop_all
	host "$dir/truth-shared-stripped" && work && hosted "$1 -s -w" "$dir/truth-shared-stripped" true
	"$O/tests/e2e/resolve" "$PID" "$dir/truth-shared" >"$T/resolved" 3>&- ||
		fail "$1 -s -w: $(cat "$T/resolved")"
}

@test "module: a Go library in a C program" {
	each_release c_shared
}

@test "module: a Go library that is deleted, replaced, or has an odd name" {
	REL=${RELEASES##* }
	for name in libtruth.so.1 "truth module.node"; do
		cp "$CACHE/targets/$REL/truth-shared-stripped" "$T/$name"
		host "$T/$name"
		rm "$T/$name"
		work && hosted "$name deleted" "$T/$name (deleted)" true
		cp "$HOST" "$T/$name"
		calm_look && hosted "$name used again" "$T/$name (deleted)" true
		stop_all
	done
	done_checking
}

@test "module: a Go library in a PID namespace of its own" {
	REL=${RELEASES##* }
	for v in truth-shared truth-shared-stripped; do
		spawn unshare -pf "$HOST" "$CACHE/targets/$REL/$v"
		read -r -t 60 -u "$OUT" ANS
		check "its own id" "$ANS" -eq 1
		PID=$(tr -d ' ' <"/proc/$CHILD/task/$CHILD/children")
		work && hosted "$v" "$CACHE/targets/$REL/$v" "$([ $v = truth-shared ] && echo false || echo true)"
		stop_all
	done
	done_checking
}

# Go in an archive is Go in the executable; C starts the runtime in a thread of its own.
archive() {
	printf 'extern void GoMain(void);\nint main(void) { GoMain(); return 0; }\n' >"$T/main.c"
	cp "$CACHE/targets/$1/truth-archive" "$T/truth.a"
	gcc -O1 -o "$T/program" "$T/main.c" "$T/truth.a" -pthread && strip -o "$T/stripped" "$T/program" || return 1
	for v in program stripped; do
		spawn "$T/$v"
		read -r -t 60 -u "$OUT" PID && work || return 1
		adds_up "$1 $v"
		check "$1 $v: HeapInuse" "$(l .memstats.HeapInuse)" -eq "$(ans memstats.HeapInuse)"
		check "$1 $v: library" "$(jq .binary.library "$LEDGER")" = null
		check "$1 $v: addresses" "$(l .facts.addresses)" = "$([ $v = stripped ] && echo code || echo symtab)"
		check "$1 $v: text" "$(row elf.text)" -ge 100000
		stop_all
	done
}

@test "module: a Go archive in a C program" {
	for rel in ${RELEASES%% *} ${RELEASES##* }; do
		archive $rel || fail "$rel stopped short"
	done
	done_checking
}

@test "module: a Go library as the same user, without a capability" {
	command -v setpriv >/dev/null || skip "needs setpriv"
	REL=${RELEASES##* }
	dir=$(mktemp -d) # where others may go, too
	chmod 755 "$dir"
	cp "$HOST" "$GMT" "$CACHE/targets/$REL/truth-shared" "$dir"
	HOST=$dir/host GMT=$dir/gomemtrace
	nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	spawn "${nobody[@]}" "$HOST" "$dir/truth-shared"
	read -r -t 60 -u "$OUT" PID && ask hold a 20011 1000 && ask gc
	"${nobody[@]}" "$GMT" -p "$PID" -j >"$LEDGER" 2>"$T/err" 3>&- || fail "$(cat "$T/err")"
	check "proven" "$(l .facts.proven)" = true
	check "residual" "$(l .residual)" -eq 0
	check "library" "$(l .binary.library)" = "$dir/truth-shared"
	# its file cannot be had any more: said, not guessed
	rm "$dir/truth-shared"
	STATUS=0
	"${nobody[@]}" "$GMT" -p "$PID" >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "deleted: status" $STATUS -eq 4
	grep -q "not a Go program; of its libraries .* may not be opened" "$T/err" ||
		fail "deleted: says $(cat "$T/err")"
	stop_all
	rm -r "$dir"
	done_checking
}

@test "module: C programs with Go are listed, others are not" {
	REL=${RELEASES##* }
	host "$CACHE/targets/$REL/truth-shared" && work
	spawn sleep 300
	sleeper=$CHILD
	tool gols -j
	check "status" $STATUS -eq 0
	of() { jq -r --argjson pid "$1" "select(.pid == \$pid) | $2" "$T/out"; }
	check "release" "$(of "$PID" '.go_version | test("^go'"$REL"'")')" = true
	check "module" "$(of "$PID" .module)" = gomemtrace.test/truth
	check "heap" "$(of "$PID" .heap_inuse)" -eq "$(ans memstats.HeapInuse)"
	check "sleep listed" "$(of "$sleeper" .pid)" = ""
	done_checking
}

# refused LABEL PATTERN...: no ledger, and a sentence that has all of these
refused() {
	local p
	tool -p "$PID" -j
	check "$1: status" "$STATUS" -eq 3
	[ ! -s "$T/out" ] || fail "$1: a ledger"
	for p in "${@:2}"; do
		grep -qF -- "$p" "$T/err" || fail "$1: says '$(cat "$T/err")', not '$p'"
	done
}

two_runtimes() {
	local dir=$CACHE/targets/$1
	# the stripped library is the same program; it has a runtime of its own all the same
	host "$dir/truth-shared" "$dir/truth-shared-stripped" || return 1
	refused "$1 C" "more than one Go runtime" "that of $dir/truth-shared" "that of $dir/truth-shared-stripped"
	tool gols -j -p "$PID"
	grep -q "more than one Go runtime" "$T/out" || fail "$1: not said in the list: $(cat "$T/out")"
	stop_all
	start "$1" c-loads || return 1
	look && check "$1 before: proven" "$(l .facts.proven)" = true
	echo "dlopen $dir/truth-shared" >&"$IN"
	read -r -t 60 -u "$OUT" ANS
	check "$1: dlopen" "$ANS" = loaded
	refused "$1 Go" "more than one Go runtime" "$dir/c-loads " "$dir/truth-shared"
	stop_all
}

@test "module: two runtimes in one process are refused, by name" {
	for rel in 1.22 1.27; do
		[[ " $RELEASES " != *" $rel "* ]] || two_runtimes $rel || fail "$rel stopped short"
	done
	done_checking
}

# A plugin is a module of its host's runtime; its pages are those of a library.
plugin() {
	local dir=$CACHE/targets/$1
	start "$1" c-loads || return 1
	echo "plugin $dir/c-loads-plugin" >&"$IN"
	read -r -t 60 -u "$OUT" ANS
	check "$1: plugin" "$ANS" = loaded
	look || return 1
	check "$1: proven" "$(l .facts.proven)" = true
	check "$1: residual" "$(l .residual)" -eq 0
	check "$1: anon.other" "$(row anon.other)" -eq 0
	check "$1: live and new" "$(sum go.heap.live go.heap.new)" -ge $((5003 * 1000))
	check "$1: pages of the plugin" "$(l '[.rows[] | select(.id == "libs" or .id == "files") | .detail[] |
		select(.what | contains("c-loads-plugin")) | .resident] | add')" -ge 1000000
}

@test "module: plugins" {
	for rel in 1.22 1.27; do
		[[ " $RELEASES " != *" $rel "* ]] || plugin $rel || fail "$rel stopped short"
	done
	done_checking
}

# linked RELEASE: a program whose runtime is a library, kept like the other targets
linked() {
	local dir=$CACHE/targets/$1/linkshared root
	[ ! -x "$dir/program" ] || return 0
	root=$("$ROOT/tests/debs.sh" go "$1" 3>&-) || return 1
	mkdir -p "$dir"
	printf 'package main\n\nfunc main() { println("ready"); <-make(chan int) }\n' >"$T/main.go"
	printf 'module gomemtrace.test/linked\n\ngo %s\n' "$1" >"$T/go.mod"
	(cd "$T" && export GOROOT="$root" GO111MODULE=on GOTOOLCHAIN=local GOFLAGS='' GOENV=off GOWORK=off \
		GOPROXY=off GOSUMDB=off GOTELEMETRY=off GOCACHE="$CACHE/gocache" GOPATH="$CACHE/gopath" CGO_ENABLED=1 &&
		"$root/bin/go" install -buildmode=shared -pkgdir "$dir/pkg" runtime sync/atomic 3>&- &&
		"$root/bin/go" build -linkshared -pkgdir "$dir/pkg" -trimpath -buildvcs=false -o "$dir/program" . 3>&-)
}

@test "module: a program linked with a shared runtime is refused" {
	rel=1.24
	[[ " $RELEASES " == *" $rel "* ]] || skip "not among the releases under test"
	linked $rel
	spawn "$CACHE/targets/$rel/linkshared/program" 2>/dev/null
	sleep 0.5
	PID=$CHILD
	refused linkshared "no Go runtime of its own" "$CACHE/targets/$rel/linkshared/program" libruntime -linkshared
	kill -KILL "$PID"
	done_checking
}
