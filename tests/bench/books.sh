#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# How many records a second come through without a loss, ours and bpftrace's: each getppid(2)
# of the same driver makes one. Ours: one of 40 bytes, in rings of the default size. bpftrace:
# one line a call, with time and CPU, into a file, with its default buffers. Needs root.
#
#	O=.out SECONDS_EACH=2 tests/bench/books.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
O=${O:-$here/../../.out}
SECONDS_EACH=${SECONDS_EACH:-2}
flood=$O/tests/e2e/flood

[ "$(id -u)" = 0 ] || { echo "books.sh: needs root" >&2; exit 1; }
[ -x "$flood" ] || { echo "books.sh: no $flood (run make drivers)" >&2; exit 1; }
tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/gomemtrace-books.XXXXXX")
tracer=''
cleanup() {
	[ -z "$tracer" ] || kill "$tracer" 2>/dev/null || :
	rm -rf "$tmp"
}
trap cleanup EXIT

# theirs RATE: calls, lines, and lost by bpftrace's own word
theirs() {
	local calls lines lost
	# shellcheck disable=SC2016
	printf '%s\n' 'tracepoint:raw_syscalls:sys_enter /comm == "flood" && args->id == '"$nr"'/
		{ printf("call %lu %d\n", nsecs, cpu); }' >"$tmp/flood.bt"
	# bpftrace wants tracefs; a mount of our own leaves the system as it is
	# shellcheck disable=SC2016
	unshare -m sh -c '[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
		exec bpftrace -B full "$1"' sh "$tmp/flood.bt" >"$tmp/lines" 2>"$tmp/err" &
	tracer=$!
	sleep 4 # its output is held back: it does not say when it is ready
	kill -0 "$tracer" || { cat "$tmp/err" >&2; return 1; }
	calls=$("$flood" calls "$SECONDS_EACH" "$1" | awk '{ print $3 }')
	sleep 1
	kill -INT "$tracer"
	wait "$tracer" || :
	tracer=''
	lines=$(grep -c '^call' "$tmp/lines" || :)
	lost=$( (grep -ohiE "lost [0-9]+" "$tmp/lines" "$tmp/err" || :) | awk "{ n += \$2 } END { print n + 0 }")
	echo "bpftrace calls $calls lines $lines said_lost $lost untold $((calls - lines - lost))" \
		"rate $((calls / SECONDS_EACH))"
}

case $(uname -m) in
x86_64) nr=110 ;;
aarch64) nr=173 ;;
esac
"$flood" exact "$SECONDS_EACH"
"$flood" paced "$SECONDS_EACH"
if command -v bpftrace >/dev/null; then
	for rate in 20000 50000 100000 200000 400000; do
		theirs $rate
	done
else
	echo "bpftrace: not installed, not measured"
fi
# what --crc adds to a record, of 40 bytes and of 712
"$O/tests/e2e/crc" cost 31
echo "$(nproc) CPUs, $(uname -r)"
