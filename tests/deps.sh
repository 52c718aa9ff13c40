#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Debian packages each job needs; installs what is missing, as root.
#
#   tests/deps.sh build|test|demo|layouts
#
# A name with "?" is left out where the distribution does not have it.
set -euo pipefail

build="gcc libc6-dev make pkg-config libelf-dev zlib1g-dev liblzma-dev clang bpftool libbpf-dev \
	libzydis-dev?"
debs="debian-archive-keyring util-linux"
vm="cpio zstd lz4 xz-utils gcc-aarch64-linux-gnu?"
test="$build $debs libcmocka-dev bats jq gdb bpftrace llvm binutils xz-utils clang-format-14? $vm \
	chromium-headless-shell protobuf-compiler perl"
demo="$build $debs"
layouts="$build $debs libdw-dev clang-format-14?"

die() { echo "deps.sh: $*" >&2; exit 1; }

case "${1:-}" in
build | test | demo | layouts) wanted=${!1} ;;
*) die "usage: deps.sh build|test|demo|layouts" ;;
esac

command -v dpkg-query >/dev/null || die "no Debian packages here, install the like of: $wanted"

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

available() {
	[ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

missing=()
optional=()
for p in $wanted; do
	installed "${p%\?}" && continue
	case $p in
	*\?) optional+=("${p%\?}") ;;
	*) missing+=("$p") ;;
	esac
done
[ ${#missing[@]} -gt 0 ] || [ ${#optional[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
	[ ${#missing[@]} -gt 0 ] || exit 0
	die "missing: ${missing[*]} (needs root; try sudo)"
fi
[ ${#missing[@]} = 0 ] || apt-get -qq update || die "cannot update the package lists"
for p in "${optional[@]}"; do
	! available "$p" || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing ${missing[*]}" >&2
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" \
	</dev/null >&2 || die "cannot install ${missing[*]}"
