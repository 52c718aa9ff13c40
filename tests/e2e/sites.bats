#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Where probes may go, of every function of whole programs: beside a disassembly by llvm.

load lib

# disassembled FILE: what llvm says, in the form of `sites`. A function that calls morestack
# has a check, and its branch is the first jbe or b.ls; a function without is counted at
# its entry, unless something in it branches there. Code of the line table only, so that
# what follows the last function does not count.
disassembled() {
	llvm-objdump -d -j .text --no-show-raw-insn "$1" | awk '
		function end() {
			if (!fn) return
			if (more) print "branch " site
			else if (loop) print "none " fn
			else print "entry " fn
			fn = ""
		}
		/^[0-9a-f]+ <.*>:$/ {
			start = $1; sub(/^0+/, "", start)
			if (start == fn) next # another name of it
			end()
			fn = $2 == "<runtime.etext>:" ? "" : start
			site = ""; more = loop = 0
			next
		}
		/^ *[0-9a-f]+:/ && fn {
			at = $1; sub(/:/, "", at)
			if ($2 ~ /^ret/) print "ret " at
			if (site == "" && ($2 == "jbe" || $2 == "b.ls")) site = at
			if (($2 == "callq" || $2 == "bl") &&
			    $NF ~ /^<runtime\.morestack(c|_noctxt)?(\.abi0)?>$/) more = 1
			if ($2 ~ /^(j|b$|b\.|cb|tb)/ && $(NF - 1) == "0x" fn) loop = 1
		}
		END { end() }' | sort
}

# Of arm64 programs: the marker behind the last function is not whole words, and 1.25 and
# later leave asyncPreempt for where it was preempted, with the stack not where it was.
known() {
	grep -vE '^(none|refused) [0-9a-f]+ -[0-9]+ go:textfipsend$|^refused [0-9a-f]+ -84 runtime\.asyncPreempt$'
}

compare() {
	local exe=$CACHE/targets/$1/$2 lost
	[ -x "$exe" ] || { echo "no $exe"; return 1; }
	"$O/tests/e2e/sites" "$exe" >"$T/sites" || return 1
	known <"$T/sites" | cut -d' ' -f1,2 | sort >"$T/ours"
	disassembled "$exe" >"$T/theirs"
	# the entry of the one and the return of the other
	lost=$(grep -cE '^none .* go:textfipsend$|^refused .* runtime\.asyncPreempt$' "$T/sites" || :)
	echo "$1 $2: $(cut -d' ' -f1 "$T/ours" | sort | uniq -c | tr -s ' \n' ' ')"
	comm -13 "$T/ours" "$T/theirs" >"$T/missed"
	check "$1 $2: missed" "$(wc -l <"$T/missed")" -eq "$lost"
	each_line "$1 $2: not in the disassembly" < <(comm -23 "$T/ours" "$T/theirs" | head -n 20)
	head -n 20 "$T/missed"
	check "$1 $2: branches" "$(grep -c ^branch "$T/ours")" -ge 900
	check "$1 $2: returns" "$(grep -c ^ret "$T/ours")" -ge 1800
}

needs_llvm() {
	command -v llvm-objdump >/dev/null || { echo "llvm-objdump is missing: run tests/deps.sh"; false; }
}

@test "sites: every function of amd64 programs" {
	needs_llvm
	! nm "$O/tests/e2e/sites" | grep -q ZydisDecoder || zydis=1
	[ -n "${zydis:-}" ] || skip "built without Zydis (libzydis-dev)"
	each_release compare truth
	each_release compare truth-pie
}

@test "sites: every function of arm64 programs" {
	needs_llvm
	each_release compare truth-arm64
}
