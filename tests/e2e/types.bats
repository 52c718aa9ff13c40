#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Type descriptors read from outside say what reflect says inside.

load lib

# The lines of the program, to the end of what it has to say.
said() {
	local line
	while IFS= read -r -t 5 -u "$OUT" line; do
		echo "$line"
		[[ $line != *'[7901]bool'* ]] || return 0
	done
}

types() {
	start "$1" "$2" || return 1
	said >"$T/said"
	jq -r .addr "$T/said" | "$O/tests/e2e/types" "$PID" 3>&- >"$T/ours" || return 1
	jq -r 'select(.made | not) | [.addr, .name, .size, .ptrbytes, .kind, .pkg] |
		map(tostring) | join("\t")' "$T/said" >"$T/theirs"
	check "$1 $2: types" "$(wc -l <"$T/theirs")" -ge 90
	check "$1 $2: kinds" "$(jq -r .kind "$T/said" | sort -u | wc -l)" -eq 26
	head -n "$(wc -l <"$T/theirs")" "$T/ours" | diff "$T/theirs" - >"$T/diff" || each_line "$1 $2" <"$T/diff"
	# what reflect made at run time is in no module
	check "$1 $2: made" "$(jq -r 'select(.made) | .addr' "$T/said" | wc -l)" -eq 7
	tail -n 7 "$T/ours" | grep -vE '\-2 0x[0-9a-f]+ is not among the types of 1 module: made at run time' >"$T/diff"
	each_line "$1 $2: made" <"$T/diff"
	# no address beside a descriptor passes for one: inside of it, or before it
	jq -r 'select(.made | not) | .addr' "$T/said" | while read -r a; do
		printf '%x\n' $((a + 8)) $((a + 16)) $((a - 8)) $((a + 1)) $((a + 24))
	done | "$O/tests/e2e/types" "$PID" 3>&- >"$T/beside" || return 1
	cut -f1 "$T/beside" | sort -u | comm -12 - <(jq -r .addr "$T/said" | sort -u) >"$T/real"
	grep -vwFf "$T/real" "$T/beside" | grep -v 'is no type descriptor$' | head -n 3 >"$T/diff"
	each_line "$1 $2: beside" <"$T/diff"
}

@test "types: name, size, pointers, kind and package are those of reflect" {
	each_release types types
}

@test "types: the same of stripped and of position independent programs" {
	each_release types types-stripped
	each_release types types-pie
}

# A plugin is a module of its own, behind the program's.
plugin() {
	local root dir=$T/plugin
	root=$("$ROOT/tests/debs.sh" go "$1" 3>&-) || return 1
	mkdir -p "$dir/p"
	printf 'module plug\n\ngo %s\n' "$1" >"$dir/go.mod"
	cat >"$dir/p/p.go" <<-'END'
		package main
		type InPlugin struct { A, B, C *int; D [17]byte }
		type Map map[int]InPlugin
		func Get() interface{} { return InPlugin{} }
		func GetMap() interface{} { return Map{} }
	END
	cat >"$dir/main.go" <<-'END'
		package main
		import ("os"; "plugin"; "strconv"; "unsafe")
		func main() {
			os.Stdout.WriteString(strconv.Itoa(os.Getpid()) + "\n")
			p, err := plugin.Open(os.Args[1])
			if err != nil { panic(err) }
			for _, name := range []string{"Get", "GetMap"} {
				f, _ := p.Lookup(name)
				v := f.(func() interface{})()
				at := (*[2]uintptr)(unsafe.Pointer(&v))[0]
				os.Stdout.WriteString(strconv.FormatUint(uint64(at), 16) + "\n")
			}
			os.Stdin.Read(make([]byte, 1))
		}
	END
	(cd "$dir" && export GOROOT="$root" GO111MODULE=on GOTOOLCHAIN=local GOFLAGS= GOENV=off GOWORK=off \
		GOPROXY=off GOSUMDB=off GOTELEMETRY=off GOCACHE="$CACHE/gocache" GOPATH="$CACHE/gopath" \
		CGO_ENABLED=1 && "$root/bin/go" build -buildmode=plugin -o p.so ./p 3>&- &&
		"$root/bin/go" build -o host . 3>&-) || return 1
	spawn "$dir/host" "$dir/p.so"
	read -r -t 60 -u "$OUT" PID
	for n in 1 2; do
		read -r -t 60 -u "$OUT" addr && echo "$addr"
	done | "$O/tests/e2e/types" "$PID" 3>&- | cut -f2- >"$T/ours"
	printf '%s\t%s\t%s\t%s\t%s\n' main.InPlugin 48 24 struct plug/p main.Map 8 8 map plug/p >"$T/theirs"
	diff "$T/theirs" "$T/ours" >"$T/diff" || each_line "$1 plugin" <"$T/diff"
}

@test "types: those of a plugin" {
	command -v gcc >/dev/null || skip "no gcc"
	plugin "${RELEASES##* }" || fail "stopped short"
	done_checking
}
