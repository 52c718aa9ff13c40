#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# The checks of tests/vm/guest under other kernels, two at a time; prints TAP.
#
#	tests/vm/check.sh DIR KERNEL...
#
# DIR/gomemtrace is the program of this machine (make all), DIR/guest/ARCH/gomemtrace the
# static one for each architecture (make guests). The Go programs are truth, churn and allocs of
# the oldest and the newest release, and one without symbols.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
old=1.19 new=1.27
at_once=2
# Ten times what they take on an idle machine.
export VM_TIMEOUT=${VM_TIMEOUT:-400}
if [ -n "${GOMEMTRACE_CACHE:-}" ]; then cache=$GOMEMTRACE_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/gomemtrace
else cache=${XDG_CACHE_HOME:-$HOME/.cache}/gomemtrace
fi

build=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# targets ARCH: PATH=NAME of each Go program
targets() {
	local rel name suffix=
	[ "$1" = amd64 ] || suffix=-$1
	for rel in $old $new; do
		for name in truth churn allocs; do
			echo "$cache/targets/$rel$suffix/$name=$name-$rel"
		done
	done
	[ "$1" != amd64 ] || echo "$cache/targets/$new/truth-stripped"
}

# full ARCH: PATH=NAME of this machine's program and its libraries, which has a decoder
full() {
	[ "$1" = "$(dpkg --print-architecture)" ] && [ "$1" = amd64 ] || return 0
	echo "$build/gomemtrace=gomemtrace-full"
	ldd "$build/gomemtrace" | grep -o '/[^ ]*' | sed 's|.*|&=..&|'
}

# guest KERNEL: its TAP, each line with the name of the kernel
guest() {
	local arch=${1##*-} files status
	mapfile -t files < <(targets "$arch" && full "$arch")
	"$here/run.sh" "$1" "$build/guest/$arch/gomemtrace" "${files[@]}" "$here"/guest/* -- sh all.sh \
		2> "$tmp/$1.err" | sed -E "s/^((not )?ok - )/\1$1: /"
	status=${PIPESTATUS[0]}
	if [ "$status" != 0 ]; then
		echo "not ok - $1: ended early (status $status)"
		sed 's/^/# /' "$tmp/$1.err"
	fi
}

# A whole kernel at a time, so that lines of two do not mix.
running=0
for kernel; do
	[ $running -lt $at_once ] || { wait -n; running=$((running - 1)); }
	(guest "$kernel" > "$tmp/$kernel" && flock "$tmp" cat "$tmp/$kernel") &
	running=$((running + 1))
done
wait
