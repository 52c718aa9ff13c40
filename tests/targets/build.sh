#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# The Go programs the tests look at, built by the releases under test.
#
#   tests/targets/build.sh [RELEASE...]   default 1.22 1.24 1.26 1.27
#
# RELEASE is one that `tests/debs.sh go` knows, or "local" for the go on PATH.
# The result is CACHE/targets/RELEASE/NAME, CACHE as in tests/debs.sh. Says
# nothing and builds nothing when the sources are those built last. Programs whose
# name begins with "c-" have a C side (cgo) and need gcc; without it they are left out.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
if [ -n "${GOMEMTRACE_CACHE:-}" ]; then cache=$GOMEMTRACE_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/gomemtrace
else cache=${XDG_CACHE_HOME:-$HOME/.cache}/gomemtrace
fi

# What is built beside the plain program of the same name.
variants() {
	case $1 in
	truth) echo "plain stripped pie" ;;
	c-truth) echo "plain stripped static" ;;
	churn) echo "plain cgo" ;;
	*) echo plain ;;
	esac
}

# cgo NAME VARIANT: whether it has a C side
cgo() { case $1-$2 in c-* | *-cgo) echo 1 ;; *) echo 0 ;; esac; }

# compile GO RELEASE NAME VARIANT OUT: a module of its own, so that the binary
# looks like any other, and no network: the standard library is all it imports.
compile() {
	local tmp flags=() ver
	case $4 in
	stripped) flags=(-ldflags "-s -w") ;;
	pie) flags=(-buildmode=pie) ;;
	static) flags=(-ldflags "-linkmode external -extldflags -static") ;;
	esac
	ver=$("$1" env GOVERSION | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
	tmp=$(mktemp -d "$cache/targets/build.XXXXXX")
	cp "$here/$3"/*.* "$tmp/"
	[ "$4" != cgo ] || printf 'package main\n\nimport "C"\n' > "$tmp/cgo.go"
	printf 'module gomemtrace.test/%s\n\ngo %s\n' "$3" "$ver" > "$tmp/go.mod"
	if ! (cd "$tmp" && CGO_ENABLED=$(cgo "$3" "$4") "$1" build -trimpath -buildvcs=false "${flags[@]}" -o "$tmp/out" .); then
		rm -rf "$tmp"
		return 1
	fi
	mv "$tmp/out" "$5"
	rm -rf "$tmp"
}

build() {
	local rel=$1 go=go dir=$cache/targets/$1 name v out want root
	for name in "$here"/*/main.go; do
		name=$(basename "$(dirname "$name")")
		for v in $(variants "$name"); do
			[ "$(cgo "$name" "$v")" = 0 ] || command -v gcc >/dev/null || continue
			out=$dir/$name
			[ "$v" = plain ] || out=$dir/$name-$v
			want=$(cat "$here/$name"/*.* "$here/build.sh" | sha256sum)
			[ "$rel" != local ] || want="$want $(go env GOVERSION)"
			if [ -x "$out" ] && [ "$(cat "$out.from" 2>/dev/null)" = "$want" ]; then
				continue
			fi
			if [ "$rel" != local ] && [ "$go" = go ]; then
				root=$("$here/../debs.sh" go "$rel")
				go=$root/bin/go
				export GOROOT=$root
			fi
			mkdir -p "$dir"
			echo "building $name ($v) with Go $rel" >&2
			compile "$go" "$rel" "$name" "$v" "$out"
			echo "$want" > "$out.from"
		done
	done
}

export CGO_ENABLED=0 GO111MODULE=on GOTOOLCHAIN=local GOFLAGS='' GOENV=off GOWORK=off
export GOPROXY=off GOSUMDB=off GOTELEMETRY=off
export GOCACHE=$cache/gocache GOPATH=$cache/gopath
unset GOROOT GOEXPERIMENT GODEBUG GOOS GOARCH GOAMD64

mkdir -p "$cache/targets" || { echo "build.sh: cannot write to $cache (set GOMEMTRACE_CACHE)" >&2; exit 1; }
exec 8>"$cache/targets/lock"
flock 8
[ $# -gt 0 ] || set -- 1.22 1.24 1.26 1.27
for rel; do
	(build "$rel")
done
