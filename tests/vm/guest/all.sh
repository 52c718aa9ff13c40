# shellcheck shell=busybox
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Every check there is for this machine: NAME.sh is for all, NAME.amd64.sh for amd64 alone.
# Prints TAP; whoever ends early says so to the host by his status.

. ./lib.sh
arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
for t in *.sh; do
	case $t in
	all.sh | lib.sh) ;;
	*."$arch".sh) . "./$t" ;;
	*.*.sh) ;;
	*) . "./$t" ;;
	esac
done
echo "# done in $(cut -d ' ' -f 1 /proc/uptime) s"
