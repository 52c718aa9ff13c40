# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# shellcheck shell=bash
#
# What benchmarks of event tools share. bench_start NAME PROGRAM ARGS... starts $RELEASE's
# PROGRAM, which is $target, asked at descriptor 5 and answering at 6; $tmp is a directory that
# goes with it. $tools are the tracers that are attached.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
O=${O:-$here/../../.out}
GMT=$O/gomemtrace
RELEASE=${RELEASE:-1.24}
cache=${GOMEMTRACE_CACHE:-/var/cache/gomemtrace}
tmp='' program='' target='' tools=()

die() { echo "${0##*/}: $*" >&2; exit 1; }

detach() {
	local p
	for p in "${tools[@]}"; do
		kill -INT "$p" 2>/dev/null || :
		wait "$p" 2>/dev/null || :
	done
	tools=()
}

cleanup() {
	detach
	[ -z "$target" ] || { kill -KILL "$target" && wait "$target"; } 2>/dev/null || :
	rm -rf "$tmp"
}

bench_start() {
	program=$cache/targets/$RELEASE/$2
	[ "$(id -u)" = 0 ] || die "needs root"
	[ -x "$GMT" ] || die "run make all drivers"
	[ -x "$program" ] || "$here/../targets/build.sh" "$RELEASE"
	tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/gomemtrace-$1.XXXXXX")
	trap cleanup EXIT
	mkfifo "$tmp/in" "$tmp/out"
	"$program" "${@:3}" <"$tmp/in" >"$tmp/out" &
	target=$!
	exec 5>"$tmp/in" 6<"$tmp/out"
	read -r -t 60 -u 6 _
	echo "$(date -u +%F), $(uname -srm), $(nproc) CPUs," \
		"$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), Go $RELEASE"
}

ask() { echo "$*" >&5 && read -r -t 120 -u 6 ANS; }

# CPU time of all its threads, ns, by the kernel's account
cpu() { cat /proc/"$target"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n }'; }

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds

# wait_line FILE PATTERN: until it is there
wait_line() {
	local i
	for ((i = 0; i < 3000; i++)); do
		! grep -q "$2" "$1" 2>/dev/null || return 0
		sleep 0.01
	done
	echo "${0##*/}: nothing came: $1" >&2
	return 1
}

# median [COLUMN]: of lines of numbers
median() {
	awk -v k="${1:-1}" '{ print $k }' | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# as_bpftrace COMMAND...: it wants tracefs; a mount of our own leaves the system as it is
as_bpftrace() {
	# shellcheck disable=SC2016
	exec unshare -m sh -c '[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
		exec "$@"' sh "$@"
}

# theirs PATTERN ARGS...: bpftrace, until it says so
theirs() {
	: >"$tmp/lines"
	as_bpftrace bpftrace -B line "${@:2}" >"$tmp/lines" 2>"$tmp/err" &
	tools+=($!)
	wait_line "$tmp/lines" "$1"
}

attach_nothing() { :; }
