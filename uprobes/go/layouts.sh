#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Write layouts.c: build one small Go program with each toolchain of layouts.list, for
# each machine, and let layoutgen read its DWARF. Called by `make layouts`.
set -euo pipefail

here=uprobes/go
out=$here/layouts.c
obj=${O:-.out}/layouts
gen=${O:-.out}/layoutgen
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

die() { echo "layouts: $*" >&2; exit 1; }

# A program that makes the linker keep every type and variable that is read.
mkdir -p "$tmp/keep" "$obj"
cat > "$tmp/keep/main.go" <<'END'
package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"runtime/trace"
)

func main() {
	trace.Start(os.Stdout)
	defer trace.Stop()
	pprof.Lookup("heap").WriteTo(os.Stdout, 1)
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := make([]metrics.Sample, 1)
	metrics.Read(s)
	fmt.Println(http.ListenAndServe(os.Args[0], nil), m.Sys)
}
END

# build RELEASE GOARCH
build() {
	local goroot
	[ "$here/layouts.sh" -nt "$obj/keep-$1-$2" ] || return 0
	goroot=$(tests/debs.sh go "$1") || die "no toolchain of Go $1"
	(cd "$tmp/keep" && env -u GOPATH GOROOT="$goroot" GOTOOLCHAIN=local GO111MODULE=off \
		GOFLAGS= CGO_ENABLED=0 GOOS=linux GOARCH="$2" \
		"$goroot/bin/go" build -o "$tmp/binary" main.go) || die "cannot build with Go $1"
	size_classes "$goroot" 'class_to_size\|SizeClassToSize' > "$obj/classes-$1"
	size_classes "$goroot" 'class_to_allocnpages\|SizeClassToNPages' > "$obj/pages-$1"
	mv "$tmp/binary" "$obj/keep-$1-$2"
}

# size_classes GOROOT NAME: the numbers of a table, one a line; file and names moved in 1.25.
size_classes() {
	local file
	for file in "$1"/src/internal/runtime/gc/sizeclasses.go "$1"/src/runtime/sizeclasses.go; do
		[ ! -e "$file" ] || break
	done
	sed -n 's/^var \('"$2"'\) = .*uint[0-9]*{\(.*\)}/\2/p' "$file" |
	tr -d ' ' | tr , '\n'
}

releases=$(sed 's/#.*//' $here/layouts.list | sort -V)
machines="amd64 arm64"
first=
for r in $releases; do
	for m in $machines; do
		echo "  LAYOUT  go$r $m"
		build "$r" "$m"
		$gen "$r" "$obj/keep-$r-$m" > "$tmp/entry-$m-$r"
	done
	first=${first:-$r}
	[ -s "$obj/classes-$r" ] || die "no size classes in Go $r"
	[ -s "$obj/pages-$r" ] || die "no pages of spans in Go $r"
	cmp -s "$obj/classes-$first" "$obj/classes-$r" || die "Go $r has other size classes"
	cmp -s "$obj/pages-$first" "$obj/pages-$r" || die "Go $r has other spans"
done

{
	cat <<-'END'
		// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
		/*
		 * layouts.c - the layout of each Go release; written by `make layouts`, do not edit
		 */
		#include "go/layout.h"

		#include <stdio.h>
		#include <string.h>

		const struct go_layout go_layouts[] = {
	END
	for m in $machines; do
		for r in $releases; do cat "$tmp/entry-$m-$r"; done
	done
	cat <<-'END'
		};

		const size_t go_layouts_count = sizeof(go_layouts) / sizeof(go_layouts[0]);

		const struct go_layout *go_layout_find(int minor, uint16_t machine)
		{
			char release[16];
			size_t i;

			snprintf(release, sizeof(release), "1.%d", minor);
			for (i = 0; i < go_layouts_count; i++)
				if (go_layouts[i].machine == machine && !strcmp(go_layouts[i].release, release))
					return &go_layouts[i];
			return NULL;
		}

		/* class_to_size in sizeclasses.go, the same in all of the releases above */
		const uint16_t go_size_class[LAYOUT_SIZE_CLASSES] = {
	END
	paste -sd, "$obj/classes-$first"
	cat <<-'END'
		};

		/* class_to_allocnpages, the same */
		const uint8_t go_class_pages[LAYOUT_SIZE_CLASSES] = {
	END
	paste -sd, "$obj/pages-$first"
	echo '};'
} > "$tmp/layouts.c"
${CLANG_FORMAT:-clang-format} --style=file:.clang-format -i "$tmp/layouts.c"
mv "$tmp/layouts.c" $out
