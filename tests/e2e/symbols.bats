#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Without a symbol table: variables found in code are those of the symbol table, and
# pcs have the names that the debugger's own tables give them.

load lib

resolve() {
	start "$1" "$2" && ask hold a 2003 1000 && ask trace on || return 1
	"$O/tests/e2e/resolve" "$PID" 3>&- || return 1
}

@test "symbols: variables found in code are those of the symbol table" {
	each_release resolve truth
}

@test "symbols: the same of position independent programs" {
	each_release resolve truth-pie
}

# Both as "function@file:line" of every frame, innermost first. The table leaves out
# the .abi0 of assembly functions, and llvm puts ./ before relative paths and knows
# nothing of padding between functions nor of the file of generated ones.
names() {
	local exe=$CACHE/targets/$1/truth
	start "$1" truth || return 1
	"$O/tests/e2e/symbols" "$PID" 2000 "${SEED:-20240229}" 3>&- >"$T/ours" || return 1
	cut -f1 "$T/ours" | llvm-symbolizer --obj="$exe" --inlining --functions=linkage |
		awk -v RS='' -F'\n' '{
			line = ""
			for (i = 1; i < NF; i += 2) {
				f = $i; sub(/\.abi0$/, "", f)
				at = $(i + 1); sub(/:[0-9]+$/, "", at); sub(/^(\.\/)+/, "", at)
				line = line "\t" f "@" at
			}
			print line
		}' >"$T/theirs"
	check "$1: answers" "$(wc -l <"$T/theirs")" -eq 2000
	paste -d'\n' <(cut -f2- "$T/ours") <(cut -c2- "$T/theirs") | awk '
		NR % 2 { ours = $0; next }
		/^\?\?@/ || /@\?\?:/ { unknown++; next }
		{ known++; if (ours != $0) { bad++; if (bad < 6) print "ours   " ours "\ntheirs " $0 } }
		END { printf "%d compared, %d differ, %d unknown to llvm\n", known, bad, unknown
			exit known < 1500 || bad * 100 > known }' || fail "$1: names differ"
}

@test "symbols: names and inlined calls are those of llvm-symbolizer" {
	command -v llvm-symbolizer >/dev/null || { echo "llvm-symbolizer is missing: run tests/deps.sh"; false; }
	each_release names
}
