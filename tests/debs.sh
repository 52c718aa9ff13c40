#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Debian packages of any suite, unpacked into a cache and never installed.
#
#   tests/debs.sh go 1.24               prints the GOROOT of that release
#   tests/debs.sh pkg SUITE PACKAGE     prints the directory it is unpacked in
#
# The mirror is the one this machine's apt uses already. The cache is
# $GOMEMTRACE_CACHE, else /var/cache/gomemtrace (root) or the user's own.
set -euo pipefail

suites="bookworm bookworm-backports trixie trixie-backports sid"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() { echo "debs.sh: $*" >&2; exit 1; }

if [ -n "${GOMEMTRACE_CACHE:-}" ]; then cache=$GOMEMTRACE_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/gomemtrace
else cache=${XDG_CACHE_HOME:-$HOME/.cache}/gomemtrace
fi
apt=$cache/apt

# The archive this machine's apt is set up for, whatever mirror that is.
archive_uri() {
	apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' |
	awk -v suites="$suites $(. /etc/os-release && echo "${VERSION_CODENAME:-}") stable testing unstable" '
		BEGIN { n = split(suites, s, " "); for (i = 1; i <= n; i++) known[s[i]] = 1 }
		$3 == "main" && $2 in known { print $1; exit }'
}

apt_setup() {
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
		die "needs apt-get and dpkg-deb (this machine is no Debian)"
	[ -r $keyring ] || die "$keyring is missing (install debian-archive-keyring)"
	local uri suite
	uri=$(archive_uri)
	[ -n "$uri" ] || die "no Debian archive in this machine's apt sources"
	mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial
	for suite in $suites; do
		echo "deb [signed-by=$keyring] $uri $suite main"
	done > "$apt/sources.list"
	cat > "$apt/apt.conf" <<-END
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::Etc::preferencesparts "-";
		Dir::State "$apt/state";
		Dir::Cache "$apt/cache";
		Dir::State::status "/dev/null";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
	END
}

private() { APT_CONFIG=$apt/apt.conf "$@"; }

# Ask the mirror at most once a day, or when a package is unknown to us.
apt_update() {
	[ -n "${1:-}" ] || [ -z "$(find "$apt/updated" -mtime -1 2>/dev/null)" ] || return 0
	private apt-get -qq update >&2 || die "cannot update the package lists"
	touch "$apt/updated"
}

# apt_get DIR SPEC...: download packages (name, name=version or name/suite) into DIR.
apt_get() {
	local dir=$1
	shift
	(cd "$dir" && private apt-get -qq download "$@" >&2)
}

fetch() {
	apt_update
	apt_get "$@" 2>/dev/null && return
	apt_update again
	apt_get "$@" || die "cannot download ${*:2}"
}

# Unpack every .deb in $tmp, drop the .debs and give the result its name.
unpack() {
	local deb
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$tmp/root"
		rm -f "$deb"
	done
	mkdir -p "$(dirname "$1")"
	rm -rf "$1"
	mv "$tmp/root" "$1"
}

# One download at a time; whoever waited finds it done.
locked() {
	mkdir -p "$cache" || die "cannot write to $cache (set GOMEMTRACE_CACHE)"
	exec 9>"$cache/lock"
	flock 9
	[ ! -e "$1" ] || return 0
	tmp=$(mktemp -d "$cache/tmp.XXXXXX") || die "cannot write to $cache"
	trap 'rm -rf "$tmp"' EXIT
	apt_setup
	return 1
}

get_go() {
	local dir=$cache/go/$1 goroot=$cache/go/$1/usr/lib/go-$1 version
	if [ ! -e "$dir" ] && ! locked "$dir"; then
		fetch "$tmp" "golang-$1-go"
		version=$(dpkg-deb -f "$tmp/golang-$1-go"_*.deb Version)
		fetch "$tmp" "golang-$1-src=$version"
		unpack "$dir"
	fi
	echo "$goroot"
}

get_pkg() {
	local dir=$cache/pkg/$1/$2
	if [ ! -e "$dir" ] && ! locked "$dir"; then
		fetch "$tmp" "$2/$1"
		unpack "$dir"
	fi
	echo "$dir"
}

case "${1:-} $#" in
"go 2") get_go "$2" ;;
"pkg 3") get_pkg "$2" "$3" ;;
*) die "usage: debs.sh go RELEASE | debs.sh pkg SUITE PACKAGE" ;;
esac
