#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What the documents say works: their examples are run, what is installed is used.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

build() { make -C "$ROOT" --no-print-directory O="$O" "$@" >"$T/make" 2>&1 3>&-; }

# The commands in fenced blocks of Markdown, and between .EX and .EE of a page.
examples_of() {
	case $1 in
	*.md) awk '/^```/ { in_block = !in_block; next } in_block' "$1" ;;
	*.8 | *.1) awk '/^\.EX/ { in_block = 1; next } /^\.EE/ { in_block = 0 } in_block' "$1" ;;
	*) sed '1,/^examples:/d' "$1" ;; # --help
	esac | sed -E 's/^ +//; s/\\-/-/g; s/[[:space:]]+#.*//' | grep -E '^(gomemtrace|go[a-z]+) ?' || :
}

# run_example COMMAND: as typed, in a directory of $W, with a process in the place of
# 42 and 43, a running gogc in that of 44, and a Go program ./service; what would go on for ever is ended by Ctrl-C.
run_example() {
	local cmd status=0 tool
	cmd=$(sed -E "s/\b42\b/$DEMO/g; s/\b43\b/$OTHER/g; s/\b44\b/$RUNNING/g; s/\bFILE\b/file/g" <<<"$1")
	tool=${cmd%% *}
	[ -x "$T/bin/$tool" ] || { fail "no such command: $1"; return; }
	# timeout is told to interrupt the whole group, as a terminal would
	touch "$W/stamp"
	(cd "$W/work" && PATH=$T/bin:$PATH timeout --preserve-status -s INT -k 5 4 \
		bash -c "trap : INT; $cmd") < <(exec sleep 2 3>&-) >"$W/example" 2>"$W/example.err" 3>&- ||
		status=$?
	[ $status = 0 ] || fail "$1: status $status: $(head -c 300 "$W/example.err")"
	[ -s "$W/example" ] || find "$W/work" -type f -newer "$W/stamp" -size +0 | grep -q . ||
		fail "$1: prints nothing"
}

# examples DIRECTORY FILE...: the most of the time they wait; what stands in two places is run once
examples() {
	W=$1
	mkdir "$W"
	cp -r "$T/work" "$W/"
	while IFS= read -r cmd; do
		run_example "$cmd"
		echo "$cmd" >>"$W/run"
	done < <(for f in "${@:2}"; do examples_of "$f"; done | awk '!seen[$0]++')
}

@test "docs: every example of README, manual pages and --help runs" {
	build man || fail "make man: $(<"$T/make")"
	mkdir "$T/bin" "$T/work"
	ln -s "$GMT" "$T/bin/gomemtrace"
	for f in "$ROOT"/tools/go*.c; do
		f=${f##*/}
		[ -e "$T/bin/${f%.c}" ] || ln -s gomemtrace "$T/bin/${f%.c}"
	done
	start "${RELEASES##* }" truth
	DEMO=$PID
	# what is to be seen of collections is seen within the seconds of an example
	(trap - EXIT; while gone "$DEMO" || sleep 0.3; do echo gc >&"$IN" || exit; done) 3>&- &
	local collector=$!
	start "${RELEASES%% *}" truth
	OTHER=$PID
	cp "/proc/$PID/exe" "$T/work/service"
	spawn "$GMT" gogc -p "$DEMO"
	RUNNING=$CHILD
	for f in "$T"/bin/*; do
		"$f" --help >"$T/${f##*/}.help"
	done
	for c in ctl explain facts report; do
		"$GMT" $c --help >"$T/$c.help"
	done
	gcore -o "$T/work/core" "$DEMO" >/dev/null 2>&1 || fail "gcore: no core file for the examples"
	"$GMT" gogc -p "$DEMO" -d 0.5 --audit "$T/work/audit.log" >/dev/null || fail "no log for the examples"
	examples "$T/1" "$T"/*.help >"$T/failed" &
	local others=$!
	examples "$T/2" "$ROOT/README.md" "$O"/man/*.8
	wait "$others"
	each_line "of --help" < <(grep '^FAILED' "$T/failed")
	n=$(sort -u "$T"/[12]/run | wc -l)
	kill "$collector"
	check "examples" $n -ge 15
	done_checking
}

@test "docs: every tool has a page, and man has nothing to say about it" {
	build man || fail "make man: $(<"$T/make")"
	for f in "$ROOT"/tools/go*.c "$ROOT"/tools/cmd/*.c; do
		grep -q '^TOOL(' "$f" || continue
		name=$(basename "$f" .c)
		case $f in */cmd/*) name=gomemtrace-$name ;; esac
		[ -s "$O/man/$name.8" ] || fail "no man/$name.8.in"
	done
	! grep -n '^@\|@VERSION' "$O"/man/*.8 || fail "a page has a mark that was not replaced"
	for f in "$O"/man/*.8; do
		for s in NAME SYNOPSIS DESCRIPTION OPTIONS FIELDS EXAMPLES "EXIT STATUS"; do
			grep -q "^.SH $s\$" "$f" || fail "${f##*/} has no $s"
		done
		command -v groff >/dev/null || continue
		groff -man -Tutf8 -ww -z "$f" >"$T/groff" 2>&1
		each_line "${f##*/}" <"$T/groff"
	done
	done_checking
}

@test "docs: bash completes options, tools, formats, columns, fields" {
	build complete || fail "make complete: $(<"$T/make")"
	# complete WORDS...: what bash would offer for the last word
	complete_bash() {
		bash -c '
			source "$1"
			shift
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			_gomemtrace
			printf "%s\n" "${COMPREPLY[@]}"' - "$O/complete/bash" "$@" | sort -u | xargs
	}
	check "options" "$(complete_bash gomemtrace --re)" = "--record --replay"
	check "formats" "$(complete_bash gomemtrace -o '')" = "folded html json pprof prom raw table trace"
	check "formats of --output=" "$(complete_bash gomemtrace --output = pr)" = prom
	check "tools and commands" "$(complete_bash gomemtrace ex)" = explain
	check "tools" "$(complete_bash gomemtrace gol)" = gols
	check "facts" "$(complete_bash gomemtrace facts mheap.allsp)" = mheap.allspans
	check "fields" "$(complete_bash gomemtrace explain go.heap.re)" = go.heap.returned
	check "columns" "$(complete_bash gols -s r)" = "reason rss"
	check "columns behind the tool's name" "$(complete_bash gomemtrace gols -s rs)" = rss
	check "pids" "$(complete_bash gomemtrace -p 1 | tr ' ' '\n' | grep -cx 1)" -eq 1
	check "shells" "$(complete_bash gomemtrace --complete z)" = zsh
	check "a command" "$(complete_bash gomemtrace -- setpri)" = setpriv
	touch "$T/recording"
	check "files" "$(cd "$T" && complete_bash gomemtrace --replay recor)" = recording
	check "a file of a format" "$(cd "$T" && complete_bash gomemtrace -o json : recor)" = recording
	for s in zsh fish; do
		command -v $s >/dev/null || continue
		$s -n "$O/complete/$s" || fail "$s does not like it"
	done
	done_checking
}

@test "docs: install, use, uninstall, and nothing is left" {
	build install DESTDIR="$T/root" PREFIX=/usr || fail "make install: $(<"$T/make")"
	"$T/root/usr/bin/gols" --help | grep -q '^usage: gols ' || fail "gols is not gols"
	"$T/root/usr/bin/gomemtrace" -V | grep -q '^gomemtrace ' || fail "no gomemtrace"
	for f in share/man/man8/gomemtrace.8 share/man/man8/gomemtrace-explain.8 share/man/man8/gols.8 \
		share/bash-completion/completions/gomemtrace share/bash-completion/completions/gols \
		share/zsh/site-functions/_gomemtrace share/fish/vendor_completions.d/gols.fish; do
		[ -s "$T/root/usr/$f" ] || fail "no $f"
	done
	build install DESTDIR="$T/root" PREFIX=/usr || fail "make install again: $(<"$T/make")"
	check "said the second time" "$(grep -c exists "$T/make")" -eq 0
	build uninstall DESTDIR="$T/root" PREFIX=/usr || fail "make uninstall: $(<"$T/make")"
	find "$T/root" ! -type d >"$T/left"
	each_line "left behind" <"$T/left"
	done_checking
}

@test "docs: install never replaces a command of somebody else" {
	mkdir -p "$T/root/usr/local/bin"
	echo foreign >"$T/root/usr/local/bin/gols"
	build install DESTDIR="$T/root" || fail "make install: $(<"$T/make")"
	grep -q 'bin/gols exists, not replaced' "$T/make" || fail "does not say so"
	check "after install" "$(<"$T/root/usr/local/bin/gols")" = foreign
	build uninstall DESTDIR="$T/root" || fail "make uninstall: $(<"$T/make")"
	check "after uninstall" "$(<"$T/root/usr/local/bin/gols")" = foreign
	done_checking
}
