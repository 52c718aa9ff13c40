#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Every fact the tool relies on can be listed, is that of the symbol table or of DWARF,
# and one that is called proven cannot be wrong.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# facts ARGS...: of $PID, as JSON in $T/facts
facts() {
	tool facts -p "$PID" -j "$@"
	[ "$STATUS" = 0 ] || { echo "facts $*: status $STATUS: $(<"$T/err")"; return 1; }
	mv "$T/out" "$T/facts"
}

# fact NAME [KEY]
fact() { jq -r --arg n "$1" --arg k "${2:-value}" '.facts[] | select(.name == $n) | .[$k]' "$T/facts"; }

busy() { ask hold a 20011 1000 && ask hold b 2003 96 scan && ask drop a 1 3 && ask park 211 3 && ask gc; }

# addresses RELEASE NAME EXE: variables as in the symbol table of EXE, loaded where it is
addresses() {
	local bias
	facts globals || return 1
	jq -r '.facts[] | select(.value) | "\(.name) \(.value)"' "$T/facts" | sort >"$T/ours"
	bias=0
	[[ $2 != *pie* ]] || bias=$((16#$(grep -m1 -F "$(readlink "/proc/$PID/exe")" "/proc/$PID/maps" | cut -d- -f1) - \
		$(readelf -lW "$3" | awk '$1 == "LOAD" { print $3; exit }')))
	nm "$3" | awk '$3 ~ /^runtime\./ { print substr($3, 9), $1 }' | sort >"$T/nm"
	join "$T/ours" "$T/nm" | while read -r name ours theirs; do
		[ "$ours" = $((16#$theirs + bias)) ] || echo "$name is $ours, not $((16#$theirs)) + $bias"
	done >"$T/wrong"
	each_line "$1 $2" <"$T/wrong"
	check "$1 $2: variables" "$(join "$T/ours" "$T/nm" | wc -l)" -ge 15
	check "$1 $2: required ones" "$(jq '[.facts[] | select(.value) | .name] |
		contains(["gcController", "memstats", "mheap_", "allp", "allm", "allgs", "work"])' "$T/facts")" = true
}

variables() {
	local v exe
	for v in truth truth-pie; do
		exe=$CACHE/targets/$1/$v
		start "$1" $v && addresses "$1" $v "$exe" || return 1
		[ "$(fact gcController source)" = "symbol table" ] || fail "$1 $v: source"
		stop_all
		strip "$exe" -o "$T/bare" && spawn "$T/bare" && read -r -t 60 -u "$OUT" PID &&
			ask hold a 2003 1000 && addresses "$1" "$v stripped" "$exe" || return 1
		[ "$(fact memstats source)" = "votes of code that uses its members" ] || fail "$1 $v: source"
		stop_all
	done
}

@test "facts: variables are where the symbol table has them" {
	each_release variables
}

# Offsets and sizes by gdb, from the DWARF of the program that runs.
members() {
	start "$1" truth && facts layout || return 1
	jq -r '.facts[] | select(.value) | "\(.name) \(.value)"' "$T/facts" | sort >"$T/ours"
	echo 'set language c' >"$T/gdb"
	awk '{
		type = $1; sub(/\..*/, "", type)
		path = substr($1, length(type) + 1)
		size = sub(/\.sizeof$/, "", path)
		var = type ~ /^(work|gcBitsArenas|vgetrandomAlloc|trace|debug)$/
		at = (var ? "\047runtime." type "\047" : "(*(\047runtime." type "\047*)0)") path
		if (size) printf "printf \"%s %%u\\n\", sizeof(%s)\n", $1, at
		else printf "printf \"%s %%lu\\n\", (unsigned long)&%s - (unsigned long)%s\n", $1, at,
			var ? "&\047runtime." type "\047" : "0"
	}' "$T/ours" >>"$T/gdb"
	gdb -nx -q "$CACHE/targets/$1/truth" <"$T/gdb" 2>/dev/null 3>&- | sed 's/^(gdb) //' | grep -E '^[A-Za-z]+\.[A-Za-z0-9_.]+ [0-9]+$' |
		sort >"$T/dwarf"
	join "$T/ours" "$T/dwarf" | awk '$2 != $3 { print $1 " is " $2 ", DWARF has " $3 }' >"$T/wrong"
	each_line "$1" <"$T/wrong"
	check "$1: members compared" "$(join "$T/ours" "$T/dwarf" | wc -l)" -ge 140
}

@test "facts: offsets and sizes are those of the program's DWARF" {
	each_release members
}

# Each fact that is called proven is made wrong; its proof must fail.
wrong() {
	start "$1" truth && busy || return 1
	"$O/tests/e2e/facts" "$PID" >"$T/stays" 2>"$T/sum" 3>&- || { cat "$T/sum"; return 1; }
	each_line "$1: wrong, and proven all the same" <"$T/stays"
	check "$1: made wrong" "$(cut -d' ' -f1 "$T/sum")" -ge 80
}

@test "facts: what is called proven fails when it is wrong" {
	for rel in 1.19 1.24 1.27; do
		[[ " $RELEASES " != *" $rel "* ]] || wrong $rel || fail "$rel stopped short"
		stop_all
	done
	done_checking
}

@test "facts: all groups, the proofs themselves, tables of 80 columns" {
	start "${RELEASES##* }" truth-stripped && busy
	facts
	check "groups" "$(jq -r '[.facts[].group] | unique | join(" ")' "$T/facts")" = \
		"binary globals identities layout structures"
	check "identities" "$(jq -c '[.facts[] | select(.group == "identities") | .left == .right and .value == "0" and
		.proven and .left != null] | [length, all]' "$T/facts")" = "[6,true]"
	check "structures" "$(jq -c '[.facts[] | select(.group == "structures") | .value == "true" and .proven] |
		[length, all]' "$T/facts")" = "[11,true]"
	check "heap in use" "$(fact I1 left)" -ge $((20011 / 3 * 1000))
	check "names" "$(jq '[.facts[].name] | length == (unique | length)' "$T/facts")" = true
	check "sources" "$(jq '[.facts[] | .source, .proof | length > 0] | all' "$T/facts")" = true
	check "version" "$(fact version)" = "$(jq -r .go_version "$T/facts")"
	check "build id" "$(fact build_id)" = "$(file "/proc/$PID/exe" -bL | sed -n 's/.*Go BuildID=\([^,]*\).*/\1/p')"
	check "text" "$(fact text)" = $((16#$(objdump -h "/proc/$PID/exe" | awk '$2 == ".text" { print $4 }')))
	check "functions" "$(fact functions)" -gt 1000
	tool facts -p "$PID"
	check "wide lines" "$(awk 'length > 80' "$T/out" | wc -l)" -eq 0
	check "said" "$(grep -cE '^(binary|globals|layout|identities|structures)$' "$T/out")" -eq 5
	done_checking
}

@test "facts: patterns, exit statuses, a core file" {
	start "${RELEASES##* }" truth
	facts 'mspan.*' HEAPinuse globals
	check "a glob, a part, a group" "$(jq -r '[.facts[] | select(.group == "layout") | .name |
		select(startswith("mspan.") or test("heapinuse|globals"; "i") | not)] | length' "$T/facts")" -eq 0
	check "members of mspan" "$(jq '[.facts[] | select(.name | startswith("mspan."))] | length' "$T/facts")" -ge 14
	check "variables" "$(jq '[.facts[] | select(.group == "globals")] | length' "$T/facts")" -ge 19
	tool facts -p "$PID" nosuchfact
	check "no such fact" "$STATUS" -eq 1
	grep -q "no fact is called 'nosuchfact'" "$T/err" || fail "says $(<"$T/err")"
	tool facts -p 4194304 && check "no such process" "$STATUS" -eq 4
	tool facts -p $$ && check "not Go" "$STATUS" -eq 4
	tool facts && check "no process" "$STATUS" -eq 2
	tool facts -p "$PID" --exe x && check "--exe alone" "$STATUS" -eq 2
	facts globals identities
	gcore -o "$T/core" "$PID" >/dev/null 2>&1 3>&- || fail "no core"
	tool facts --core "$T/core.$PID" -j globals identities
	check "core: status" "$STATUS" -eq 0
	check "core" "$(jq -c .facts "$T/out")" = "$(jq -c .facts "$T/facts")"
	"$GMT" facts --schema | jq -e . >/dev/null || fail "no schema"
	done_checking
}

# What does not hold is listed as such: another release's layout is nowhere believed.
@test "facts: of a program of no known layout" {
	rel=${RELEASES##* }
	cp "$CACHE/targets/$rel/truth" "$T/renamed"
	"$O/tests/e2e/rename" "$T/renamed" go1.99.1
	spawn "$T/renamed"
	read -r -t 60 -u "$OUT" PID
	facts
	check "layout" "$(fact layout)" = "Go $rel, a neighbour's"
	check "version is not proven" "$(fact version proven)" = null
	[[ $(jq -r .why "$T/facts") == *"go1.99.1 has no layout of its own"* ]] || fail "$(jq -r .why "$T/facts")"
	done_checking
}
