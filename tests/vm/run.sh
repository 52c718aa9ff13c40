#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Runs a command under another kernel, in a virtual machine that is emulated: no KVM, no
# root, no network, nothing on disk.
#
#	tests/vm/run.sh KERNEL FILE... -- COMMAND [ARG...]
#
# KERNEL as in kernel.sh. FILEs are put into /t, under their own name or, given as
# PATH=NAME, as NAME; the command runs there, as root, with busybox around it. Its output is
# ours, and so is its status; 125 is a guest that did not do its work, and then the end of
# its console is on stderr. VM_TIMEOUT=120 seconds are what it has.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
limit=${VM_TIMEOUT:-120}
up=60 # seconds to VM-UP: without it the command has not begun, and may be tried again

die() { echo "run.sh: $*" >&2; exit 125; }

[ $# -gt 0 ] || die "usage: run.sh KERNEL FILE... -- COMMAND [ARG...]"
kernel=$1
arch=${kernel##*-}
shift
tmp=$(mktemp -d)
emulator=
trap 'rm -rf "$tmp"; [ -z "$emulator" ] || kill "$emulator" 2>/dev/null' EXIT
trap 'exit 125' INT TERM

# ---- what the guest has --------------------------------------------------

put() { mkdir -p "$(dirname "$tmp/root/$2")" && cp -L "$1" "$tmp/root/$2" || die "no $1"; }

busybox() { find "$("$here/../debs.sh" pkg bookworm busybox-static "$1")" -path "*/bin/busybox"; }

put "$(busybox "$arch")" bin/busybox
put "$here/init" init
mkdir "$tmp/root/t"
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	name=${1##*/}
	[[ $1 != *=* ]] || name=${1#*=}
	put "${1%%=*}" "t/$name"
	shift
done
[ $# -gt 1 ] || die "no command"
shift
printf '%q ' "$@" > "$tmp/root/t/command"
(cd "$tmp/root" && find . | cpio -o -H newc --quiet) > "$tmp/initramfs"

# ---- the machine ---------------------------------------------------------

# QEMU with the C library it was linked with: any distribution can run it. The one of
# bookworm (7.2) crashes 6.12 guests in some boots.
host=$(dpkg --print-architecture)
tree=$("$here/../debs.sh" tree trixie "$host" qemu-system-x86 qemu-system-arm seabios)
lib=$(echo "$tree"/usr/lib/*-linux-gnu)
ld=$(find "$lib" -name 'ld-linux-*.so.*' | head -n 1)

image=$("$here/kernel.sh" "$kernel")
args="quiet panic=-1"
case $arch in
amd64)
	# The emulated time stamp counter is the host's; a guest that has to find out how
	# fast it is may never come to an end, and one that doubts it has no other clock.
	khz=$(awk -F: '/^cpu MHz/ { printf "%.0f", $2 * 1000; exit }' /proc/cpuinfo)
	args="$args console=ttyS0 mitigations=off reboot=t ${khz:+tsc_early_khz=$khz tsc=reliable}"
	machine=(qemu-system-x86_64 -M "microvm,acpi=off" -cpu max)
	;;
arm64)
	args="$args console=ttyAMA0"
	machine=(qemu-system-aarch64 -M virt -cpu "max,pauth=off")
	;;
esac
qemu=("$ld" --library-path "$lib" "$tree/usr/bin/${machine[0]}" "${machine[@]:1}"
	-L "$tree/usr/share/qemu" -L "$tree/usr/share/seabios" -accel "tcg,thread=multi"
	-smp 1 -m 1G -nodefaults -no-user-config -nographic -serial stdio -no-reboot
	-kernel "$image" -initrd "$tmp/initramfs" -append "$args")

# ---- one run -------------------------------------------------------------

# What the command prints, as it comes.
stream() {
	tail -n +1 -f --pid="$emulator" "$tmp/console" 2>/dev/null |
		sed -un 's/\r*$//; /^VM-UP/,/^VM-RC/{/^VM-/!p; /^VM-RC/q}'
}

started() { grep -qa '^VM-UP' "$tmp/console"; }

boot() {
	local n
	: > "$tmp/console"
	timeout -k 5 "$limit" "${qemu[@]}" < /dev/null > "$tmp/console" 2>&1 &
	emulator=$!
	for ((n = 0; n < up * 10; n++)); do
		! started || break
		kill -0 "$emulator" 2>/dev/null || break
		sleep 0.1
	done
	if started; then
		stream
	else
		kill "$emulator" 2>/dev/null || :
	fi
	wait "$emulator" || :
	emulator=
	started
}

boot || boot || boot || :
status=$(tr -d '\r' < "$tmp/console" | sed -n 's/^VM-RC \([0-9]*\)$/\1/p')
if [ -z "$status" ]; then
	tail -n 30 "$tmp/console" >&2
	started || die "$kernel did not boot"
	die "$kernel: the command did not end"
fi
exit "$status"
