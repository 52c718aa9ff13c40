#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# goalloc against a program that knows what it allocated, and where: plain, stripped and guided
# by a profile. ALLOCS (50,021) objects on each, a million on the last release.

# each test is a subshell, and lib.bash sets what looks unset; what jq gets has $ of its own
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2153
load lib
load live

KINDS="tiny pair node buffer record table blob big"

# each_variant FUNCTION RELEASE VARIANT...: those there are
each_variant() {
	local v
	for v in "${@:3}"; do
		[ "$2-$v" != 1.19-pgo ] || continue
		"$1" "$2" "allocs${v:+-$v}" || fail "$2 $v stopped short"
		stop_all
	done
}

# the oldest and the newest, or all of them for `make soak`
ENDS="${RELEASES%% *} ${RELEASES##* }"
[ "${RELEASES%% *}" != "$RELEASES" ] || ENDS=$RELEASES
[ -z "${SOAK_LOG:-}" ] || ENDS=$RELEASES

# say LABEL FILTER: every line that jq makes of it is a failure. It has the rows by what they
# are told apart by ($r.class …), the summary $s, and the target's own counts: before and after
# we looked $t[0] and $t[3], while we did $t[1] and $t[2].
say() {
	each_line "$1" < <(jq -n -r --slurpfile rows "$T/rows" --slurpfile t0 "$T/stats0" --slurpfile t1 "$T/stats1" \
		--slurpfile t2 "$T/stats2" --slurpfile t3 "$T/stats3" '
		($t0 + $t1 + $t2 + $t3) as $t |
		([$rows[] | select(.summary)][0].summary) as $s |
		([$rows[] | select(.by)] | group_by(.by) | map({(.[0].by): .}) | add // {}) as $r |
		def sum(f): map(f) | add // 0;
		def is($what; $a; $b): select($a != $b) | "\($what): \($a), not \($b)";
		def inner(f): ($t[2] | f) - ($t[1] | f);
		def between($what; $a; f): inner(f) as $low | (($t[3] | f) - ($t[0] | f)) as $high |
			select($a < $low or $a > $high) | "\($what): \($a), not \($low) to \($high)";
		'"$2" 2>&1)
}

stats() { ask stats && cp "$T/answer.stats" "$T/stats$1"; }

# run_mix RELEASE TARGET N ARGS...
run_mix() {
	start "$1" "$2" && ask mix 10007 && stats 0 || return 1
	trace goalloc -p "$PID" -j "${@:4}" || return 1
	stats 1 && ask mix "$3" && stats 2 || return 1
	untrace
	stats 3
}

# What each size class has: as many as MemStats.BySize says
CLASSES='
	($r.class[] | select(.size_class and .size_class <= 18432) | .size_class as $size |
		between("class \($size)"; .objects; .by_size[$size | tostring])),
	between("mallocs"; $s.objects; .mallocs),
	between("total_alloc"; $s.bytes; .total_alloc),
	is("sum of the classes"; $r.class | sum(.objects); $s.objects),
	is("bytes of the classes"; $r.class | sum(.bytes); $s.bytes)'

# without a probe, and without the rights for one
totals() {
	start "$1" "$2" && ask mix 10007 && stats 0 || return 1
	"$GMT" goalloc -p "$PID" -j >"$T/rows" 2>"$T/said" 3>&- &
	TOOL=$!
	sleep 0.7
	stats 1 && ask mix 50021 && stats 2 || return 1
	untrace
	stats 3
	say "$1 $2" "$CLASSES"', is("hits"; $s.probe_hits; 0), is("mode"; $s.mode; "totals")'
}

@test "goalloc: totals are MemStats, by size class" {
	for rel in $RELEASES; do
		echo "--- go $rel"
		each_variant totals "$rel" ""
	done
	done_checking
}

exact() {
	local n=${ALLOCS:-50021} at="$1 $2"
	[ "$1 $2" != "${RELEASES##* } allocs" ] || n=${ALLOCS:-1000003}
	if ! run_mix "$1" "$2" "$n" --mode exact; then
		# a profile, and each is another, may have had too much inlined: which is said
		[[ $2 == *-pgo ]] && grep -q 'not every allocation of .* can be seen: calls of .* inlined' "$T/said" || return 1
		echo "$at: $(<"$T/said")"
		return 0
	fi
	GUIDED+=${2#allocs}
	books "$at"
	# each class by what the probes saw: but for who begins a slot of tiny ones, see goalloc(8)
	say "$at" "$CLASSES"',
		is("allocations that were not seen"; $s.objects - $s.sampled_objects; 0),
		is("coverage"; $s.coverage; 100),
		is("missing"; $s.missing; []),
		("tiny pair node buffer record table blob big" | split(" ")[] | . as $k |
			"main.alloc" + (.[:1] | ascii_upcase) + .[1:] | . as $f |
			is($f; [$r.stack[] | select([.stack[:2][].func] | index($f))] | sum(.objects); inner(.[$k]))),
		is("by stack"; $r.stack | sum(.objects); $s.objects),
		is("by type"; [$r.type[] | select(.type == "main.record")] | sum(.objects); inner(.record)),
		is("by creator"; [$r.creator[] | select(.creator == "main.startWorkers")] | sum(.objects) >= '"$n"'; true),
		is("by creator, all"; $r.creator | sum(.objects); $s.objects),
		($r.class[] | select(.size_class != 16 and .kind != "tiny") |
			is("class \(.size_class) as seen"; .samples; .objects)),
		is("tiny and 16 as seen"; [$r.class[] | select(.size_class == 16 or .kind == "tiny")] |
			sum(.samples - .objects); 0)'
	grep -q 'each will be a trap' "$T/said" || fail "$at: the cost is not said first"
	jq -r 'select(.summary) | .summary | "'"$at"': \(.objects) objects, \(.sampled_objects) seen"' "$T/rows" |
		tee -a "${SOAK_LOG:-/dev/null}"
}

@test "goalloc: exact is every allocation, by class, stack, type and creator" {
	GUIDED=
	for rel in $RELEASES; do
		echo "--- go $rel"
		case " $ENDS " in
		*" $rel "*) each_variant exact "$rel" "" stripped pgo ;;
		*) each_variant exact "$rel" "" pgo ;;
		esac
	done
	[[ $RELEASES == 1.19 || $GUIDED == *pgo* ]] || fail "no program that was guided by a profile could be traced"
	done_checking
}

# What is known of a kind: its bytes are off by three times its bounds at most (of 1.96 standard
# errors: never by chance). Of $rare bytes none may have been met.
KNOWN='
	def known($f; $size; $n): [$r.stack[] | select([.stack[:2][].func] | index($f))] as $have |
		($have | sum(.bytes)) as $b | ($size * $n) as $true |
		(($have | sum(.high - .bytes)) * 3 + 1) as $up | (($have | sum(.bytes - .low)) * 3 + 1) as $down |
		select(($true > $b + $up or $true < $b - $down) and ($have != [] or $true > $rare)) |
		"\($f): \($b) bytes, between \($b - $down) and \($b + $up), not \($true)";
	known("main.allocPair"; 16; inner(.pair)),
	known("main.allocNode"; 48; inner(.node)),
	known("main.allocRecord"; 1024; inner(.record)),'

spans() {
	local at="$1 $2"
	run_mix "$1" "$2" 200003 --mode sampled --budget 100 || return 1
	books "$at"
	say "$at" "$CLASSES,0 as \$rare | $KNOWN"'
		known("main.allocBig"; 1048576; inner(.big)),
		is("source"; $s.source; "those that needed a new span, and large ones"),
		is("big ones"; [$r.stack[] | select(.function == "main.allocBig" and .bytes > 1000000 and
			.low == .high)] | sum(.samples); inner(.big)),
		is("all of it is told by stack"; (($r.stack | sum(.bytes)) - $s.bytes | fabs) <= ($r.stack | length); true),
		is("types"; [$r.type[] | .type | strings | select(startswith("main.") or . == "*main.node" or
			. == "uint8" or . == "uint32")] | sort | unique; ["*main.node", "main.node", "main.pair",
			"main.record", "uint32", "uint8"]),
		is("few"; $s.sampled_objects * 8 < $s.objects; true)'
}

@test "goalloc: who needs a span is a sample of who allocates" {
	for rel in $RELEASES; do
		echo "--- go $rel"
		case " $ENDS " in
		*" $rel "*) each_variant spans "$rel" "" stripped pgo ;;
		*) each_variant spans "$rel" "" ;;
		esac
	done
	done_checking
}

# The runtime samples for its own profile: one in 512 KiB
own() {
	local at="$1 $2"
	SAMPLING=1 run_mix "$1" "$2" 200003 --mode sampled --budget 100 || return 1
	books "$at"
	say "$at" "$CLASSES,(12 * 524288) as \$rare | $KNOWN"'
		known("main.allocBig"; 1048576; inner(.big)),
		is("source"; $s.source; "the runtime'"'"'s own samples"),
		is("hits"; $s.probe_hits < $s.bytes / 524288 * 2; true)'
}

@test "goalloc: the runtime's own samples are used while it takes them" {
	for rel in $ENDS; do
		echo "--- go $rel"
		each_variant own "$rel" ""
	done
	done_checking
}

# Every allocation in a part of the time: a fifth, for there to be some windows in a short test;
# to open and to close one takes longer than it is.
windows() {
	local at="$1 $2" start=$SECONDS
	start "$1" "$2" && ask mix 10007 && stats 0 || return 1
	trace goalloc -p "$PID" -j --sample 20 --by class,stack,creator,type || return 1
	stats 1 || return 1
	while [ $((SECONDS - start)) -lt 9 ]; do
		ask mix 100003 || return 1
	done
	stats 2
	untrace
	stats 3
	books "$at"
	say "$at" "$CLASSES,0 as \$rare | $KNOWN"'
		is("mode"; $s.mode; "windowed"),
		is("windows"; $s.windows >= 3; true),
		is("share of the time"; $s.window_ns < $s.seconds * 1e9 * 0.5; true),
		is("some were seen"; $s.sampled_objects > 1000 and $s.sampled_objects < $s.objects; true),
		is("all of it is told by stack"; (($r.stack | sum(.bytes)) - $s.bytes | fabs) <= ($r.stack | length); true)'
}

@test "goalloc: all in windows of the time, scaled to the exact sums" {
	for rel in $ENDS; do
		echo "--- go $rel"
		each_variant windows "$rel" ""
	done
	done_checking
}

@test "goalloc: what it cannot do it says" {
	start "${RELEASES##* }" allocs
	tool goalloc -p "$PID" --mode totals --by stack
	check "totals by stack" "$STATUS" -eq 2
	tool goalloc -p "$PID" --mode all
	check "no such mode" "$STATUS" -eq 2
	tool goalloc -p "$PID" --by colour
	check "no such key" "$STATUS" -eq 2
	tool goalloc -p "$PID" --mode exact --sample 1
	check "a share of all" "$STATUS" -eq 2
	tool goalloc -p "$PID" --sample 1 --budget 1
	check "a budget of windows" "$STATUS" -eq 2
	tool goalloc -p "$PID" --by stack -d 0.3 -o folded
	check "folded" "$STATUS" -eq 0
	trace goalloc -p "$PID" --mode exact -r 2 -j
	ask mix 10007
	untrace
	for by in stack type; do
		check "-r 2: $by" "$(jq -s --arg by $by '[.[] | select(.by == $by)] | length' "$T/rows")" -eq 2
	done
	done_checking
}
