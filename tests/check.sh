#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Runs the tests: every part speaks TAP, and the last line sums them up.
#
#   tests/check.sh check|unit|golden|golden-update|e2e|vm|matrix|soak|layering|format-check|format|demo
#
# Called by make, which hands over O, MAKE, OVERRIDES, CLANG_FORMAT and FORMAT.
# EXPECT_SKIP=N fails the run if more than N tests are skipped.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

O=${O:-.out}
MAKE=${MAKE:-make}
CLANG_FORMAT=${CLANG_FORMAT:-clang-format}
eval "overrides=(${OVERRIDES:-})"
unset MAKEFLAGS MFLAGS MAKELEVEL
log=$(mktemp)
trap 'rm -f "$log"' EXIT

root() { [ "$(id -u)" = 0 ]; }

# Under sudo, what is written to the tree belongs to the user who called.
as_user() {
	if root && [ -n "${SUDO_USER:-}" ] && [ "$(stat -c %u .)" != 0 ]; then
		runuser -u "$SUDO_USER" -- env \
			HOME="$(getent passwd "$SUDO_USER" | cut -d: -f6)" "$@"
	else
		"$@"
	fi
}

make_as_user() {
	as_user "$MAKE" --no-print-directory -j"$(nproc)" "${overrides[@]}" O="$O" "$@"
}

# ---- TAP -----------------------------------------------------------------

say() { printf '%s\n' "$@" | tee -a "$log"; }
skip() { say "ok - $1 # SKIP $2"; }

# one NAME COMMAND...: a command that either works or not.
one() {
	local name=$1 text
	shift
	if text=$("$@" 2>&1 </dev/null); then
		say "ok - $name"
	else
		say "not ok - $name"
		printf '%s\n' "$text" | sed 's/^/# /'
	fi
}

# many NAME COMMAND...: a command that prints TAP; dying early is a failure.
many() {
	local name=$1 tap status
	shift
	tap=$(mktemp)
	echo "# $name"
	"$@" 2>&1 </dev/null | tee "$tap"
	status=${PIPESTATUS[0]}
	grep -aE '^\s*(not )?ok\b' "$tap" >> "$log"
	awk -v status="$status" '
		/^[ \t]*1\.\.[0-9]+/ { split($1, a, "\\.\\."); plan += a[2] }
		/^[ \t]*not ok/ { bad++ }
		/^[ \t]*(not )?ok/ { seen++ }
		END { exit !(seen < plan || !seen && !plan || status && !bad) }' "$tap" &&
		say "not ok - $name ended early (status $status)"
	rm -f "$tap"
}

# The sum, alone on the last line.
summary() {
	local passed failed skipped
	skipped=$(grep -aciE '#[ \t]*skip' "$log")
	failed=$(grep -avE '#[ \t]*(skip|SKIP)' "$log" | grep -ac '^[[:space:]]*not ok')
	passed=$(grep -avE '#[ \t]*(skip|SKIP)' "$log" | grep -ac '^[[:space:]]*ok')
	if [ -n "${EXPECT_SKIP:-}" ] && [ "$skipped" -gt "$EXPECT_SKIP" ]; then
		echo "not ok - more tests skipped than expected ($EXPECT_SKIP)"
		failed=$((failed + 1))
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}

# ---- parts ---------------------------------------------------------------

can_format() { $CLANG_FORMAT --version 2>/dev/null | grep -q 'version 14\.'; }

part_format_check() {
	if ! can_format; then
		skip "format" "no clang-format 14"
	else
		# shellcheck disable=SC2086
		one "format" $CLANG_FORMAT --dry-run -Werror $FORMAT
	fi
}

# keeps DIR NAMES REGEX: no file called NAMES in DIR has a line like that.
keeps() {
	local files
	files=$(find $1 -name "$2" ! -name layoutgen.c 2>/dev/null)
	[ -z "$files" ] || ! grep -nE "$3" $files /dev/null
}

part_layering() {
	local print='(^|[^a-z_])(v?f?printf|f?puts|putchar|f?putc|fwrite|perror)\('
	one "layering: uprobes does not print" \
		keeps uprobes '*.[ch]' '(^|[^a-z_])(v?printf|puts|putchar|perror)\(|\<(stdout|stderr)\>'
	one "layering: tools leave printing to the frontend" keeps "tools -maxdepth 1" '*.c' "$print"
	one "layering: commands leave printing to the frontend" keeps tools/cmd '*.c' "$print"
	one "layering: the frontend does not know Go" \
		keeps tools/lib '*.[ch]' '#[ \t]*include[ \t]*["<](uprobes/)?go/'
	one "layering: the kernel side does not know the user side" \
		keeps bpf '*.[ch]' '#[ \t]*include[ \t]*["<](\.\./|tools/|uprobes/|go/|proc/)'
}

part_build() { one "build" make_as_user all; }

run_units() {
	local t
	one "build of the unit tests ($1)" make_as_user -k "$2"
	for t in tests/unit/test_*.c; do
		[ -x "$3/${t%.c}" ] || continue
		many "${t%.c} ($1)" as_user env CMOCKA_MESSAGE_OUTPUT=TAP \
			ASAN_OPTIONS=allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
			timeout -k 10 300 "$3/${t%.c}"
	done
}

part_unit() {
	if ! pkg-config --exists cmocka; then
		skip "unit tests" "no cmocka (run: sudo tests/deps.sh test)"
		return
	fi
	run_units plain units "$O"
	run_units sanitized units-san "$O/san"
}

part_golden() {
	if ! command -v jq >/dev/null; then
		skip "golden tests" "no jq (run: sudo tests/deps.sh test)"
		return
	fi
	many "golden" as_user env O="$O" tests/golden/run.sh check
}

# A few seconds of each fuzz target, the same in each run; `make fuzz` looks for what is new.
part_fuzz() {
	one "build of the fuzz targets" make_as_user fuzzers
	[ ! -d "$O/fuzz" ] || many "fuzzing" as_user env FUZZ_SEED=1 tests/fuzz/run.sh "$O/fuzz" 5 2
}

part_e2e() {
	local t why=
	command -v bats >/dev/null || why="no bats (run: sudo tests/deps.sh test)"
	root || why="needs root"
	if [ -z "$why" ]; then
		one "build of the test drivers" make_as_user drivers drivers-san
		[ ! -e tests/targets/build.sh ] || one "build of the Go targets" tests/targets/build.sh \
			${GOMEMTRACE_RELEASES:-}
	fi
	for t in tests/e2e/*.bats; do
		[ -e "$t" ] || continue
		if [ -n "$why" ]; then
			grep -oP '^@test +\K.*(?= *\{)' "$t" | while read -r name; do
				skip "$name" "$why"
			done
		else
			many "$t" env O="$O" timeout -k 10 1200 bats --tap -T "$t"
		fi
	done
}

# soak FILE TEST ENV...: a test that check runs shortly, for longer
soak() {
	many "$1: $2" env O="$O" SOAK_LOG="$PWD/tests/bench/SOAK" "${@:3}" \
		timeout -k 10 4h bats --tap -T -f "$2" "tests/e2e/$1.bats"
}

# 1,000 times to and from the newest release, 50 times each other one; 200 times killed; 1,000
# readings of a busy target; a million allocations of each build; 100 samples of each kind. What
# came of it is written to tests/bench/SOAK.
part_soak() {
	local start=$SECONDS
	one "build of the Go targets" tests/targets/build.sh
	echo "# make soak: $(date -u +%F), $(uname -srm), $(nproc) CPUs" >tests/bench/SOAK
	soak stops "each cycle is counted once" CYCLES=20000 CYCLES_OTHERS=2000
	soak attach "again and again" ATTACH_ROUNDS=500 ATTACH_OTHERS=25
	soak attach "killed at any time" ATTACH_KILLS=100
	soak churn "outside <= inside" SAMPLES=1000
	soak goalloc "exact is every allocation" ALLOCS=1000003
	soak bounds "bounds" BOUNDS_RUNS=100
	echo "all in $((SECONDS - start)) s" | tee -a tests/bench/SOAK
}

# part_vm KERNEL...: the same program under other kernels, emulated: needs no root.
part_vm() {
	one "programs for the guests" make_as_user all guests
	one "Go targets for the guests" tests/targets/build.sh \
		1.19 1.27 1.19-arm64 1.27-arm64
	many "other kernels" tests/vm/check.sh "$O" "$@"
}

case "${1:-}" in
check)
	! root || one "packages for the tests" tests/deps.sh test
	part_build
	part_format_check
	part_layering
	part_unit
	part_golden
	part_fuzz
	part_e2e
	part_vm 5.10-amd64 newest-amd64 newest-arm64
	;;
unit) part_unit ;;
golden) part_build && part_golden ;;
golden-update)
	make_as_user all && as_user env O="$O" tests/golden/run.sh update
	exit
	;;
e2e) part_build && part_e2e ;;
soak) part_build && part_soak ;;
vm) part_vm 5.10-amd64 newest-amd64 newest-arm64 ;;
matrix) part_vm {5.10,6.1,6.12,newest}-amd64 {6.1,newest}-arm64 ;;
layering) part_layering ;;
format-check) part_format_check ;;
format)
	can_format || { echo "needs clang-format 14" >&2; exit 1; }
	# shellcheck disable=SC2086
	exec $CLANG_FORMAT -i $FORMAT
	;;
demo)
	tests/deps.sh demo && make_as_user all || exit
	O=$O exec tests/demo.sh
	;;
*)
	echo "usage: check.sh check|unit|golden|golden-update|e2e|vm|matrix|soak|layering|" \
		"format-check|format|demo" >&2
	exit 2
	;;
esac
summary
