#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# The C side of cgo programs: what malloc has, what threads have, what the loader
# left behind; held against mallinfo2(3), pthread_getattr_np(3), mincore(2), smaps.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

setup() {
	[ -x "$GMT" ] || { echo "no $GMT: run make first"; return 1; }
	[ "$(id -u)" = 0 ] || skip "needs root"
	command -v gcc >/dev/null || skip "needs gcc"
	T=$BATS_TEST_TMPDIR
	LEDGER=$T/ledger.json
}

# c_malloc LABEL BLOCKS: the arenas' used and free bytes are the C library's own, all
# together to the byte, each within a chunk's header a block (malloc_info(3) counts
# flags of chunks as bytes).
c_malloc() {
	each_line "$1" < <(jq -r --argjson slack $((16 * $2)) --slurpfile ans "$T/answer.mallinfo" '
		def want($what; $a; $b): select($a != $b) | "\($what) is \($a), not \($b)";
		def near($what; $a; $b): select(($a - $b | fabs) > $slack) | "\($what) is \($a), not \($b)";
		$ans[0] as $m |
		[.rows[] | select(.id == "cgo.heap" or .id == "cgo.arenas") | .detail[]] as $all |
		[$all[] | select(.what | contains("large blocks"))] as $large |
		($all - $large) as $arenas |
		([$arenas[] | select(.what | startswith("arena "))] | sort_by(.used)) as $ours |
		($m.arenas | sort_by(.used)) as $theirs |
		([$arenas[] | select(.what | contains("other arenas")) | .what | split(" ")[0] | tonumber] | add // 0) as $others |
		($arenas[] | select(.used == null) | "not added up: \(.what)"),
		want("number of arenas"; ($ours | length) + $others; $theirs | length),
		want("used"; [$arenas[].used] | add; $m.uordblks),
		want("free"; [$arenas[].free] | add; $m.fordblks),
		want("large blocks"; [$large[].used] | add // 0; $m.hblkhd),
		want("resident large blocks"; [$large[].resident] | add // 0; $m.hblkhd),
		# those that are told one by one, the largest from the end
		($ours[] as $o | select($o.used > 10000) |
			select(any($theirs[]; (.used - $o.used | fabs) <= $slack and (.free - $o.free | fabs) <= $slack) | not) |
			"no such arena: \($o)")
		' "$LEDGER" 2>&1)
}

# stacks_rss: the Rss of the mappings of all stacks that $T/answer.stacks has, of
# exited threads too, and of [stack]. Where the kernel merged one with a neighbour:
# what mincore(2) says of it.
stacks_rss() {
	# shellcheck disable=SC2016
	awk '
		function number(hex,   n, i) {
			for (i = 1; i <= length(hex); i++)
				n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
			return n
		}
		FNR == NR { end[$1] = $1 + $2; resident[$1] = $3; next }
		/^[0-9a-f]+-[0-9a-f]+ / {
			split($1, at, "-")
			start = number(at[1])
			mine = $NF == "[stack]" || (start in end) && end[start] == number(at[2])
			next
		}
		/^Rss:/ && mine { sum += $2 * 1024; delete resident[start] }
		END {
			for (s in resident)
				sum += resident[s]
			printf "%d\n", sum
		}' <(jq -r '.stacks[] | "\(.low) \(.size) \(.resident)"' "$T/answer.stacks") \
		"/proc/$PID/smaps"
}

# c_stacks LABEL: so much is threads.stacks.
c_stacks() {
	local want
	want=$(stacks_rss)
	check "$1: stacks that are known" "$(jq .n "$T/answer.stacks")" -gt 4
	check "$1: threads.stacks" "$(row threads.stacks)" -eq "$want"
	check "$1: details of the stacks" \
		"$(l '[.rows[] | select(.id == "threads.stacks") | .detail[].resident] | add')" -eq "$want"
}

# seen LABEL BLOCKS: an idle program, looked at and asked. The Go runtime may start a
# thread at any time: then once more.
seen() {
	local n
	for ((n = 0; n < 5; n++)); do
		ask stacks && cp "$T/answer.stacks" "$T/stacks.before" && ask stats && ask mallinfo &&
			cp "$T/answer.mallinfo" "$T/mallinfo.before" && calm_look && ask mallinfo &&
			ask stacks || return 1
		! cmp -s "$T/stacks.before" "$T/answer.stacks" || break
	done
	cmp -s "$T/mallinfo.before" "$T/answer.mallinfo" || fail "$1: a look changed malloc's numbers"
	adds_up "$1"
	c_malloc "$1" "$2"
	c_stacks "$1"
}

lib() {
	jq -r --arg name "$1" '[.rows[] | select(.id == "libs") | .detail[] |
		select(.what | contains($name)) | .resident] | add // 0' "$LEDGER"
}

allocators() {
	start "$1" c-truth || return 1
	seen "$1 start" 100 || return 1
	ask malloc a 0 20011 1000 && ask malloc b 1 30011 500 && ask malloc c 2 10007 40 || return 1
	seen "$1 blocks" 60029 || return 1
	ask blocks a && check "$1: resident blocks" "$(row cgo.arenas)" -ge "$(ans resident)"
	ask free a 1 2 && ask free b 1 2 && ask free c 1 2 && seen "$1 every second free" 60029 || return 1
	ask malloc d 3 1009 60000 && ask free d 2 3 && seen "$1 more than one heap" 62000 || return 1
	ask malloc e 0 5003 900 && seen "$1 holes filled" 67000 || return 1
	ask malloc big 2 7 3000000 && seen "$1 large blocks" 67000 || return 1
	check "$1: large blocks" "$(l '[.rows[] | select(.id == "cgo.arenas") | .detail[] |
		select(.what | contains("large blocks")) | .used] | add')" -ge 21000000
	ask free big 1 2 && ask free a 1 1 && ask gc && seen "$1 given back" 67000 || return 1
}

@test "cgo: arenas, used and free, are malloc's own numbers" {
	each_release allocators
}

threads() {
	local before
	start "$1" c-truth || return 1
	ask threads 3 64 20 && ask threads 4 256 200 && seen "$1 C threads" 100 || return 1
	ask gothreads 5 && seen "$1 Go threads" 100 || return 1
	# a stack that is kept for the next thread still has its pages
	ask join 2 && seen "$1 exited threads" 100 || return 1
	l '.rows[] | select(.id == "threads.stacks") | .detail[] | select(.what | contains("exited"))' >/dev/null ||
		fail "$1: no exited threads among the details"
	ask threads 60 128 30 && seen "$1 many threads" 200 || return 1
	check "$1: details of threads.stacks" \
		"$(l '.rows[] | select(.id == "threads.stacks") | .detail | length')" -le 12
	before=$(lib libm.so)
	ask dlopen libm.so.6 && seen "$1 dlopen" 200 || return 1
	check "$1: the library" "$(lib libm.so)" -gt "$before"
	ask mmap 3000000 && ANON_OTHER=3002368 seen "$1 a mapping of its own" 200 || return 1
}

@test "cgo: stacks of C threads, of Go threads, of exited ones; libraries" {
	each_release threads
}

static() {
	start "$1" c-truth-static || return 1
	ask malloc a 0 20011 1000 && ask malloc c 1 10007 40 && ask free a 1 2 && ask free c 1 2 &&
		ask malloc big 2 5 3000000 && ask threads 7 256 100 && seen "$1 static" 30100
}

@test "cgo: the C library linked into the program" {
	each_release static
}

# without symbols: the C side needs none of the Go facts, and takes nothing of Go's
stripped() {
	start "$1" c-truth-stripped || return 1
	ask hold 20011 1000 && ask malloc a 0 20011 1000 && ask malloc big 2 5 3000000 &&
		ask free a 1 2 && ask threads 7 256 100 || return 1
	ask stacks && ask stats && ask mallinfo && calm_look || return 1
	c_malloc "$1 stripped" 20100
	c_stacks "$1 stripped"
	check "$1: residual" "$(l .residual)" -eq 0
	if [ "$(jq .facts.proven "$LEDGER")" = true ]; then
		check "$1: anon.other" "$(row anon.other)" -eq 0
	else
		check "$1: Go memory is in anon.other" "$(row anon.other)" -gt 20011000
	fi
}

@test "cgo: a stripped program" {
	each_release stripped
}

# a program without a C side pays nothing for it, and has none of its rows
none() {
	start "$1" truth && ask hold a 20011 1000 && calm_look || return 1
	check "$1: C rows" "$(sum cgo. libs)" -eq 0
	check "$1: details of C rows" \
		"$(l '[.rows[] | select(.id | startswith("cgo.")) | .detail[]] | length')" -eq 0
}

@test "cgo: nothing of it in a program without a C side" {
	each_release none
}
