#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# The Go programs the tests look at, built by the releases under test.
#
#   tests/targets/build.sh [RELEASE...]   default: all of tests/releases
#
# RELEASE is one that `tests/debs.sh go` knows, or "local" for the go on PATH;
# 1.27-arm64 are those that run in guests of tests/vm, built for arm64 by 1.27.
# The result is CACHE/targets/RELEASE/NAME, CACHE as in tests/debs.sh. Says
# nothing and builds nothing when the sources are those built last. Programs whose
# name begins with "c-" have a C side (cgo) and need gcc; without it they are left out.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
if [ -n "${GOMEMTRACE_CACHE:-}" ]; then cache=$GOMEMTRACE_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/gomemtrace
else cache=${XDG_CACHE_HOME:-$HOME/.cache}/gomemtrace
fi

# variants NAME RELEASE: what is built beside the plain program of the same name: words of
# flags, joined by "-".
variants() {
	case $1-$2 in
	truth-*-arm64 | churn-*-arm64 | allocs-*-arm64) echo plain; return ;;
	*-arm64) return ;;
	esac
	case $1 in
	truth) echo "plain stripped pie pie-stripped cgo cgo-pie cgo-pie-stripped pgo shared shared-stripped staticpie archive arm64 arm64-stripped" ;;
	c-loads) echo "plain plugin" ;;
	c-truth) echo "plain stripped static" ;;
	churn) echo "plain cgo" ;;
	types) echo "plain stripped pie" ;;
	profile) echo "plain stripped pgo" ;;
	space) echo "plain stripped" ;;
	heap) echo "plain stripped pgo" ;;
	allocs) echo "plain stripped pgo" ;;
	*) echo plain ;;
	esac
}

# cgo NAME VARIANT: whether it has a C side
cgo() { case $1-$2 in c-* | *-cgo* | *-shared* | *-staticpie | *-archive) echo 1 ;; *) echo 0 ;; esac; }

# since RELEASE MINOR: whether the release is that one or a later one
since() { [ "$1" = local ] || [ "${1#1.}" -ge "$2" ]; }

# profile GO RELEASE NAME: a CPU profile of two seconds of the program itself at work
profile() {
	local tmp n
	tmp=$(mktemp -d "$cache/targets/profile.XXXXXX")
	cp -r "$here/$3" "$tmp/src"
	cat > "$tmp/src/profile.go" <<-'END'
		package main

		import (
			"os"
			"runtime/pprof"
			"time"
		)

		func init() {
			f, _ := os.Create(os.Getenv("PROFILE"))
			pprof.StartCPUProfile(f)
			go func() {
				time.Sleep(2 * time.Second)
				pprof.StopCPUProfile()
				f.Close()
				os.Exit(0)
			}()
		}
	END
	printf 'module gomemtrace.test/%s\n\ngo %s\n' "$3" "$2" > "$tmp/src/go.mod"
	(cd "$tmp/src" && "$1" build -trimpath -buildvcs=false -o "$tmp/out" .)
	for n in {1..20000}; do
		printf 'hold x 20011 504 scan\nforget x\n'
	done 2>/dev/null | PROFILE=$tmp/cpu "$tmp/out" > /dev/null || :
	[ "$(stat -c %s "$tmp/cpu")" -gt 500 ] || { echo "build.sh: no CPU profile of $3" >&2; exit 1; }
	cat "$tmp/cpu"
	rm -rf "$tmp"
}

# compile GO RELEASE NAME VARIANT OUT: a module of its own, so that the binary
# looks like any other, and no network: the standard library is all it imports.
compile() {
	local tmp flags=() ver arch= word
	for word in ${4//-/ }; do
		case $word in
		arm64) arch=arm64 ;;
		stripped) flags+=(-ldflags "-s -w") ;;
		pie) flags+=(-buildmode=pie) ;;
		static) flags+=(-ldflags "-linkmode external -extldflags -static") ;;
		staticpie) flags+=(-buildmode=pie -ldflags "-linkmode external -extldflags -static-pie") ;;
		archive) flags+=(-buildmode=c-archive) ;;
		shared) flags+=(-buildmode=c-shared) ;;
		plugin) flags+=(-buildmode=plugin) ;;
		pgo) flags+=(-pgo=auto) ;;
		esac
	done
	ver=$("$1" env GOVERSION | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
	tmp=$(mktemp -d "$cache/targets/build.XXXXXX")
	cp "$here/$3"/*.* "$tmp/"
	case $4 in
	cgo* | staticpie) printf 'package main\n\nimport "C"\n' > "$tmp/cgo.go" ;;
	shared* | archive) printf 'package main\n\nimport "C"\n\n//export GoMain\nfunc GoMain() { main() }\n' > "$tmp/lib.go" ;;
	pgo) profile "$1" "$2" "$3" > "$tmp/default.pgo" ;;
	esac
	printf 'module gomemtrace.test/%s\n\ngo %s\n' "$3" "$ver" > "$tmp/go.mod"
	if ! (cd "$tmp" && env ${arch:+GOARCH=$arch} CGO_ENABLED="$(cgo "$3" "$4")" "$1" build -trimpath -buildvcs=false "${flags[@]}" -o "$tmp/out" .); then
		rm -rf "$tmp"
		return 1
	fi
	mv "$tmp/out" "$5"
	rm -rf "$tmp"
}

build() {
	local rel=$1 go=go dir=$cache/targets/$1 name v out want root
	[ "${rel%-arm64}" = "$rel" ] || export GOARCH=arm64
	for name in "$here"/*/main.go; do
		name=$(basename "$(dirname "$name")")
		for v in $(variants "$name" "$rel"); do
			[ "$(cgo "$name" "$v")" = 0 ] || command -v gcc >/dev/null || continue
			[ "$v" != pgo ] || since "$rel" 21 || continue
			out=$dir/$name
			[ "$v" = plain ] || out=$dir/$name-$v
			want=$({ cat "$here/$name"/*.*; declare -f compile profile cgo; } | sha256sum)
			[ "$rel" != local ] || want="$want $(go env GOVERSION)"
			if [ -e "$out" ] && [ "$(cat "$out.from" 2>/dev/null)" = "$want" ]; then
				continue
			fi
			if [ "$rel" != local ] && [ "$go" = go ]; then
				root=$("$here/../debs.sh" go "${rel%-arm64}")
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
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(cat "$here/../releases")
for rel; do
	(build "$rel")
done
