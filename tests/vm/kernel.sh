#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# A Debian kernel, ready for QEMU.
#
#	tests/vm/kernel.sh 5.10-amd64       prints the path of its image
#
# SERIES-ARCH, SERIES as in the table below, ARCH amd64 or arm64. The cloud kernel: small,
# and with an initramfs it needs no module. Which one is the newest of its series is asked
# of the package index, at most once a day.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

die() { echo "kernel.sh: $*" >&2; exit 1; }

# From 6.19 on linux-image-* is signed for a boot loader and linux-binary-* is what is not.
series() {
	case $1 in
	5.10) echo bullseye 'linux-image-5\.10[0-9.]*-[0-9]+' ;;
	6.1) echo bookworm 'linux-image-6\.1[0-9.]*-[0-9]+' ;;
	6.12) echo trixie 'linux-image-6\.12\.[0-9a-z.+]*' ;;
	newest) echo trixie-backports 'linux-binary-[0-9][0-9a-z.+]*' ;;
	*) die "no series $1 (5.10, 6.1, 6.12 and newest)" ;;
	esac
}

number() { od -An -tu"$2" -j "$3" -N "$2" "$1" | tr -d ' '; }

# The ELF file inside a bzImage; where it is: Documentation/arch/x86/boot.rst. Its length is
# written once more behind it, which no decompressor likes.
unpack_bzimage() {
	local from size
	from=$((($(number "$1" 1 0x1f1) + 1) * 512 + $(number "$1" 4 0x248)))
	size=$(($(number "$1" 4 0x24c) - 4))
	dd if="$1" of="$2.payload" iflag=skip_bytes,count_bytes skip=$from count=$size status=none
	case $(od -An -tx1 -N 4 "$2.payload" | tr -d ' ') in
	28b52ffd) zstd -dcq ;;
	02214c18) lz4 -dcq ;;
	fd377a58) xz -dcq ;;
	*) die "$1 is compressed in an unknown way" ;;
	esac < "$2.payload" > "$2.tmp" || die "cannot unpack $1"
	rm "$2.payload"
	mv "$2.tmp" "$2"
}

[ $# = 1 ] || die "usage: kernel.sh SERIES-ARCH"
arch=${1##*-}
found=$(series "${1%-*}")
read -r suite regex <<< "$found"
name=$("$here/../debs.sh" newest "$suite" "$arch" "$regex-cloud-$arch")
dir=$("$here/../debs.sh" pkg "$suite" "$name" "$arch")
image=$(find "$dir" -name 'vmlinuz*' -type f | head -n 1)
[ -n "$image" ] || die "$name has no image"
if [ "$arch" = amd64 ]; then
	exec 9> "$dir/lock"
	flock 9
	[ -e "$dir/vmlinux" ] || unpack_bzimage "$image" "$dir/vmlinux"
	image=$dir/vmlinux
fi
echo "$image"
