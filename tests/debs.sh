#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Debian packages of any suite, unpacked into a cache and never installed.
#
#   tests/debs.sh go 1.24                       prints the GOROOT of that release
#   tests/debs.sh pkg SUITE PACKAGE [ARCH]      prints the directory it is unpacked in
#   tests/debs.sh tree SUITE ARCH PACKAGE...    the same of packages and all they depend on
#   tests/debs.sh newest SUITE ARCH REGEX       prints the newest name of a package like that
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

# The archive this machine's apt is set up for, whatever mirror that is.
archive_uri() {
	apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' |
	awk -v suites="$suites $(. /etc/os-release && echo "${VERSION_CODENAME:-}") stable testing unstable" '
		BEGIN { n = split(suites, s, " "); for (i = 1; i <= n; i++) known[s[i]] = 1 }
		$3 == "main" && $2 in known { print $1; exit }'
}

# apt_setup ARCH SUITE...: an apt of its own, that knows only these; $apt is where it lives.
apt_setup() {
	local arch=$1 uri suite
	shift
	apt=$cache/apt
	[ $# -gt 1 ] || apt=$apt/$1-$arch
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
		die "needs apt-get and dpkg-deb (this machine is no Debian)"
	[ -r $keyring ] || die "$keyring is missing (install debian-archive-keyring)"
	uri=$(archive_uri)
	[ -n "$uri" ] || die "no Debian archive in this machine's apt sources"
	mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial
	for suite; do
		echo "deb [signed-by=$keyring] $uri $suite main"
	done > "$apt/sources.list"
	cat > "$apt/apt.conf" <<-END
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State "$apt/state";
		Dir::Cache "$apt/cache";
		Dir::State::status "/dev/null";
		APT::Architecture "$arch";
		APT::Architectures { "$arch"; };
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

# One of us at a time.
locked() {
	mkdir -p "$cache" || die "cannot write to $cache (set GOMEMTRACE_CACHE)"
	exec 9>"$cache/lock"
	flock 9
}

# absent DIR ARCH SUITE...: whether it has to be made, then with us alone, in $tmp.
absent() {
	[ ! -e "$1" ] || return
	locked
	# whoever waited finds it done
	[ ! -e "$1" ] || return
	tmp=$(mktemp -d "$cache/tmp.XXXXXX") || die "cannot write to $cache"
	trap 'rm -rf "$tmp"' EXIT
	apt_setup "${@:2}"
}

native() { dpkg --print-architecture; }

get_go() {
	local dir=$cache/go/$1 goroot=$cache/go/$1/usr/lib/go-$1 version
	# shellcheck disable=SC2086
	if absent "$dir" "$(native)" $suites; then
		fetch "$tmp" "golang-$1-go"
		version=$(dpkg-deb -f "$tmp/golang-$1-go"_*.deb Version)
		fetch "$tmp" "golang-$1-src=$version"
		unpack "$dir"
	fi
	echo "$goroot"
}

# get_pkg SUITE PACKAGE ARCH
get_pkg() {
	local dir=$cache/pkg/$1/$2
	[ "$3" = "$(native)" ] || dir=$cache/pkg/$1-$3/$2
	if absent "$dir" "$3" "$1"; then
		fetch "$tmp" "$2"
		unpack "$dir"
	fi
	echo "$dir"
}

# What apt would install for these on a machine that has nothing.
closure() {
	private apt-get -qq -s --no-install-recommends install "$@" | awk '/^Inst / { print $2 }'
}

get_tree() {
	local dir list
	dir=$cache/tree/$1-$2/$(IFS=+ && echo "${*:3}")
	if absent "$dir" "$2" "$1"; then
		apt_update
		list=$(closure "${@:3}") || die "cannot resolve ${*:3}"
		# shellcheck disable=SC2086
		fetch "$tmp" $list
		unpack "$dir"
	fi
	echo "$dir"
}

newest() {
	local name
	locked
	apt_setup "$2" "$1"
	apt_update
	name=$(private apt-cache pkgnames | grep -xE "$3" | sort -V | tail -n 1)
	[ -n "$name" ] || die "no package like $3 in $1 for $2"
	echo "$name"
}

case "${1:-} $#" in
"go 2") get_go "$2" ;;
"pkg 3") get_pkg "$2" "$3" "$(native)" ;;
"pkg 4") get_pkg "$2" "$3" "$4" ;;
"newest 4") newest "$2" "$3" "$4" ;;
"tree "[4-9]) get_tree "${@:2}" ;;
*) die "usage: debs.sh go RELEASE | pkg SUITE PACKAGE [ARCH] | tree SUITE ARCH PACKAGE... |" \
	"newest SUITE ARCH REGEX" ;;
esac
