#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# goheap: sums are the program's own numbers to the byte, types are the population that it
# says it holds, and the page adds up in a browser.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# variants RELEASE NAME: those there are of a program; a profile helps from 1.21 on
variants() {
	local v
	for v in "$2" "$2-stripped" "$2-pgo"; do
		[ ! -x "$CACHE/targets/$1/$v" ] || echo "$v"
	done
}

# heap [ARGS...]: one look at $PID into $T/heap.json, a document a line
heap() {
	tool goheap -p "$PID" -j "$@"
	[ "$STATUS" = 0 ] || { echo "goheap -p $PID $*: $STATUS: $(head -c 300 "$T/err")"; return 1; }
	mv "$T/out" "$T/heap.json"
}

# calm_heap: with the program's numbers, which are the same before and after
calm_heap() {
	local before n
	for n in {1..30}; do
		ask stats || return 1
		before=$ANS
		heap || return 1
		ask stats || return 1
		! same_memstats "$before" "$ANS" || return 0
	done
	echo "the target never came to rest"
	return 1
}

same_memstats() { [ "$(jq -c .memstats <<<"$1")" = "$(jq -c .memstats <<<"$2")" ]; }

# what must hold of a look at an idle truth program whose numbers are in $T/answer.stats
books() {
	each_line "$1" < <(jq -n -r --slurpfile o "$T/heap.json" --slurpfile s "$T/answer.stats" \
		--slurpfile l "$LEDGER" '
		def want($what; $a; $b): select($a != $b) | "\($what) is \($a), not \($b)";
		def sum($of; key): [$of[] | key // 0] | add // 0;
		$s[0].memstats as $m | ($o[] | select(.summary) | .summary) as $t |
		[$o[] | select(has("size_class"))] as $rows |
		[$rows[] | select(.state == "in_use")] as $used |
		def state($name): sum([$rows[] | select(.state == $name)]; .mapped);
		def held($name): first($l[0].matrix[] | select(.state == $name)) | .resident + .huge;
		want("pages in use"; sum($used; .mapped); $m.HeapInuse),
		want("bytes of objects"; sum($used; .bytes); $m.HeapAlloc),
		want("objects, but for tiny ones in one slot";
			sum($used; .objects) <= $m.HeapObjects and sum($used; .objects) > 0; true),
		want("stacks"; state("stack"); $m.StackInuse),
		want("given back"; state("scavenged"); $m.HeapReleased),
		want("idle"; state("free") + state("scavenged"); $m.HeapIdle),
		want("resident"; sum($used; .resident); held("in_use")),
		want("free and resident"; sum([$rows[] | select(.state == "free")]; .resident); held("free")),
		($used[] | want("parts of \(.size_class) \(.noscan)";
			.bytes + .free_slots_bytes + .tail_bytes; .mapped)),
		($used[] | select(.live_bytes > .bytes) | "more live than there is of \(.size_class)"),
		($used[] | select(.size_class > 0) | want("slots of \(.size_class)";
			.objects * .size_class; .bytes)),
		# the program knows its 61 smallest classes, with pointers and without together
		($m.BySize[] | . as $c | select(.Size > 0) | want("objects of \(.Size) bytes";
			sum([$used[] | select(.size_class == $c.Size)]; .objects); .Mallocs - .Frees)),
		want("summary: in use"; $t.inuse_bytes; $m.HeapInuse),
		want("summary: the counter"; $t.heap_inuse; $m.HeapInuse),
		want("summary: occupied"; $t.occupied_bytes; $m.HeapAlloc),
		want("summary: live"; $t.live_bytes; sum($used; .live_bytes)),
		want("summary: free slots"; $t.free_slots_bytes; sum($used; .free_slots_bytes)),
		want("summary: tail"; $t.tail_bytes; sum($used; .tail_bytes)),
		want("consistent"; [$t.consistent, $t.moved_bytes, $t.unmarked_bytes]; [true, 0, 0])
		' 2>&1)
}

exact() {
	local v n
	for v in $(variants "$1" truth); do
		start "$1" "$v" || return 1
		ask gogc -1 && ask hold a 20011 1000 && ask hold b 10007 96 scan && ask hold c 13 100003 &&
			ask drop a 1 3 && ask gc && ask hold d 5003 640 scan && still || return 1
		calm_heap || return 1
		look || return 1
		books "$1 $v"
		# all of a list of the last cycle is live, what came since is not
		n=$(jq 'select(.size_class == 1024 and .noscan) | .live_bytes' "$T/heap.json")
		near "$1 $v: live of 1,024 bytes" "$n" $((20011 * 2 / 3 * 1024)) 8192
		stop_all
	done
}

@test "goheap: spans are HeapInuse, objects are HeapAlloc, to the byte" {
	each_release exact
}

# commands LINES: to the heap program, one answer each
commands() {
	local line
	while IFS= read -r line; do
		echo "$line" >&"$IN"
		IFS= read -r -t 60 -u "$OUT" ANS || { echo "no answer to: $line"; return 1; }
		case $ANS in held | forgotten | collected) ;; *) echo "$line: $ANS"; return 1 ;; esac
	done
}

# types: what of package main is in the last look: type, objects, bytes, live ones
types() {
	jq -r 'select(has("type")) | select(.type | test("main\\.")) |
		"\(.type) \(.size) \(.objects) \(.bytes) \(.live_objects) \(.live_bytes)"' "$T/heap.json" | sort
}

population() {
	local v
	for v in $(variants "$1" heap); do
		start "$1" "$v" || return 1
		commands <<-END || return 1
			hold a 1009
			hold b 503
			hold large 101
			hold pair 401
			hold slice 211
			hold text 307
			hold x 4001
			hold plain 997
			gc
			hold a 13
			hold large 7
		END
		heap || return 1
		if [ "${1#1.}" -lt 22 ]; then
			check "$1 $v: types" "$(types)" = ""
			check "$1 $v: known" "$(jq 'select(.summary) | .summary.types_known' "$T/heap.json")" = false
			tool goheap -p "$PID"
			grep -q "Types are not known" "$T/out" || fail "$1 $v: does not say that types are not known"
			stop_all
			continue
		fi
		cat >"$T/want" <<-END
			[]*main.BigA 8 211 $((211 * 8192)) 211 $((211 * 8192))
			main.BigA 608 1022 $((1022 * 640)) 1009 $((1009 * 640))
			main.BigB 800 503 $((503 * 896)) 503 $((503 * 896))
			main.Large 50008 108 $((108 * 57344)) 101 $((101 * 57344))
			main.Pair[string,map[int]error] 1000 401 $((401 * 1024)) 401 $((401 * 1024))
		END
		types >"$T/got"
		diff "$T/want" "$T/got" >"$T/diff" || each_line "$1 $v" <"$T/diff"
		n=$(jq 'select(.type == "[]string") | select(.size == 16) | .objects' "$T/heap.json")
		# the runtime and its packages have a few of their own
		check "$1 $v: texts" "$n" -ge 307
		check "$1 $v: texts" "$n" -le 330
		check "$1 $v: package" "$(jq -r 'select(.type == "main.BigA") | .package' "$T/heap.json")" = main
		check "$1 $v: without a type" "$(jq 'select(.summary) | .summary | .untyped_objects + .passed_objects' "$T/heap.json")" -eq 0
		commands <<<$'forget b\nforget slice\ngc' || return 1
		heap || return 1
		grep -v 'main.BigB\|^\[\]' "$T/want" | sed 's/main.BigA .*/main.BigA 608 1022 654080 1022 654080/
			s/main.Large .*/main.Large 50008 108 6193152 108 6193152/' >"$T/want.gone"
		types | diff "$T/want.gone" - >"$T/diff" || each_line "$1 $v, some gone" <"$T/diff"
		stop_all
	done
}

@test "goheap: types of large objects are those that are held" {
	each_release population
}

# browse PAGE [#ADDRESS]: opened in Chromium; its elements then are $T/dom, what it said on
# the console $T/console
browse() {
	timeout -k 5 60 chromium-headless-shell --no-sandbox --disable-gpu --user-data-dir="$T/chromium" \
		--enable-logging=stderr --dump-dom "file://$1${2:-}" >"$T/dom" 2>"$T/browser" 3>&- ||
		{ echo "chromium: $(tail -n 5 "$T/browser")"; return 1; }
	grep CONSOLE "$T/browser" >"$T/console" || :
}

# shot FILE [FLAGS...]: the page as it looks
shot() {
	timeout -k 5 60 chromium-headless-shell --no-sandbox --disable-gpu --user-data-dir="$T/chromium" \
		--screenshot="$1" "${@:2}" "file://$T/page.html" >"$T/browser" 2>&1 3>&- &&
		[ -s "$1" ] || { echo "chromium: $(tail -n 5 "$T/browser")"; return 1; }
}

# element CLASS: the text of a paragraph of the page
element() { grep -oP "<p class=\"$1\"[^>]*>\K[^<]*" "$T/dom"; }

# the rows that a page carries, as JSON
data() { sed -n 's|.*<script type="application/json">\(.*\)</script>.*|\1|p' "$1"; }

# what must hold of the page $1 and the rows $2 of the same look, added up by jq
adds_up_page() {
	each_line "$3" < <(data "$1" | jq -s -r --slurpfile o "$2" '
		def want($what; $a; $b): select($a != $b) | "\($what) is \($a), not \($b)";
		def objects: .cols as $c | [.rows[] | [$c, .] | transpose | map({(.[0].key): .[1]}) | add];
		want("pictures"; length; 1),
		(.[0].cells | objects) as $cells | (.[0].table | objects) as $table |
		[$o[] | select(has("size_class"))] as $rows |
		want("rows"; $table | length; $rows | length),
		($rows[0] | keys_unsorted | map(select(IN("spans", "objects", "mapped", "bytes", "live_bytes",
			"free_slots_bytes", "tail_bytes", "resident")))) as $keys |
		want("columns"; $keys | length; 8),
		($keys[] | . as $k | ($rows | map(.state) | unique)[] | . as $s |
			want("\($k) of \($s)"; [$cells[] | select(.state == $s) | .[$k] // 0] | add;
				[$rows[] | select(.state == $s) | .[$k] // 0] | add)),
		want("states"; $cells | map(.state) | unique; $rows | map(.state) | unique),
		want("cells in order"; $cells | map(.addr | length) | unique | length; 1),
		(select($cells | length > 16384) | "more than 16384 cells")' 2>&1)
}

page() {
	local addr
	start "$1" truth || return 1
	ask hold a 20011 1000 && ask hold b 10007 96 scan && ask drop a 1 2 && ask gc && still || return 1
	tool goheap -p "$PID" -o "html:$T/page.html" -o "json:$T/heap.json"
	check "$1: status" "$STATUS" -eq 0
	adds_up_page "$T/page.html" "$T/heap.json" "$1"
	browse "$T/page.html" || return 1
	[[ $(element sums) =~ ^[0-9]+\ cells\ add\ up\ to\ the\ table ]] || fail "$1: $(element 'sums[^"]*')"
	each_line "$1: console" <"$T/console"
	check "$1: rows of tables" "$(grep -o '<tr>' "$T/dom" | wc -l)" -ge \
		"$(jq -s 'map(select(has("size_class"))) | length' "$T/heap.json")"
	# the page, asked for an address, says what is there
	addr=$(data "$T/page.html" | jq -r 'first(.cells.rows[] | select(.[3] == "1024 noscan")) | .[0]')
	browse "$T/page.html" "$(printf '#0x%x' "$addr")"
	[[ $(element hover) == "address $(printf '0x%x' "$addr") · "*"class 1024 noscan"* ]] ||
		fail "$1: what is there is '$(element hover)'"
}

@test "goheap: the page adds up, in a browser" {
	for rel in "${RELEASES%% *}" "${RELEASES##* }"; do
		page "$rel" || fail "page go $rel stopped short"
		stop_all
	done
	shot "$T/light.png" && shot "$T/again.png" && shot "$T/dark.png" --blink-settings=preferredColorScheme=0
	cmp -s "$T/light.png" "$T/again.png" || fail "a page does not look the same twice"
	! cmp -s "$T/light.png" "$T/dark.png" || fail "dark is light"
	done_checking
}

@test "goheap: a page that does not add up says so" {
	start "${RELEASES##* }" truth
	tool goheap -p "$PID" -o "html:$T/page.html"
	# the spans of the first class of the table become more
	sed -i -E 's/("table":\{"cols":[^]]*\],"rows":\[\["in_use",[0-9]+,)/\17/' "$T/page.html"
	browse "$T/page.html"
	[[ $(element "sums wrong") =~ ^in_use,\ spans:\ [0-9]+\ in\ cells,\ [0-9]+\ in\ the\ table$ ]] ||
		fail "$(element 'sums[^"]*')"
	grep -q "in_use, spans: " "$T/console" || fail "not on the console: $(<"$T/console")"
	done_checking
}

@test "goheap: names of somebody else's, and a heap of more spans than cells" {
	cp "$CACHE/targets/${RELEASES##* }/truth" "$T/<script>alert("
	spawn "$T/<script>alert("
	read -r -t 60 -u "$OUT" PID
	ask gogc -1 && ask hold a 2600021 64 && ask drop a 1 3 && ask gc && still
	tool goheap -p "$PID" -o "html:$T/page.html" -o "json:$T/heap.json"
	adds_up_page "$T/page.html" "$T/heap.json" "many spans"
	check "cells are windows" "$(jq 'select(.summary) | .summary.cell_bytes > 0' "$T/heap.json")" = true
	check "the page is small" "$(stat -c %s "$T/page.html")" -lt 2097152
	browse "$T/page.html"
	[[ $(element sums) =~ ^[0-9]+\ cells\ add\ up\ to\ the\ table ]] || fail "$(element 'sums[^"]*')"
	each_line "console" <"$T/console"
	check "scripts" "$(grep -c '<script>' "$T/page.html")" -eq 1
	grep -qF '<span>&lt;script&gt;alert(  pid' "$T/page.html" || fail "the name is not there"
	done_checking
}

# The program is moved out of the way of its own core: it is found all the same.
@test "goheap: a core file, and a recording, show what the process did" {
	command -v gcore >/dev/null || skip "no gdb"
	start "${RELEASES##* }" heap
	commands <<<$'hold a 1009\nhold large 101\ngc'
	tool goheap -p "$PID" -j --record "$T/raw"
	jq -S -c 'del(.ts_ns) | del(.summary.attempts, .summary.window_ns)' "$T/out" >"$T/live"
	tool goheap --replay "$T/raw" -o "json:$T/json" -o "html:$T/page.html"
	check "replay" "$STATUS" -eq 0
	jq -S -c 'del(.ts_ns) | del(.summary.attempts, .summary.window_ns)' "$T/json" | diff "$T/live" - >"$T/diff" ||
		each_line "replayed" <"$T/diff"
	adds_up_page "$T/page.html" "$T/json" "replayed"
	gcore -o "$T/core" "$PID" >/dev/null 2>&1
	tool goheap --core "$T/core.$PID" -j
	check "core" "$STATUS" -eq 0
	# it holds no page of zeros that nobody wrote to: what is resident differs by those
	jq -S -c 'del(.ts_ns, .resident) | del(.summary.attempts, .summary.window_ns, .summary.resident)' \
		"$T/out" >"$T/core"
	jq -c 'del(.resident) | del(.summary.resident)' "$T/live" | diff - "$T/core" >"$T/diff" ||
		each_line "core" <"$T/diff"
	tool goheap --core "$T/core.$PID"
	grep -q "a core file: resident means in it" "$T/out" || fail "does not say that it is a core"
	done_checking
}

# A heap that never rests: what is said is between what it was before and after, or it is said
# that it moved.
@test "goheap: a process that allocates all the time" {
	start "${RELEASES##* }" churn -goroutines 2
	for _ in {1..10}; do
		heap || { fail "stopped short"; break; }
		each_line "moving" < <(jq -n -r --slurpfile o "$T/heap.json" '
			def want($what; $a; $b): select($a != $b) | "\($what) is \($a), not \($b)";
			($o[] | select(.summary) | .summary) as $t |
			[$o[] | select(.state == "in_use")] as $used |
			want("pages in use"; [$used[].mapped] | add; $t.inuse_bytes),
			want("parts"; $t.occupied_bytes + $t.free_slots_bytes + $t.tail_bytes; $t.inuse_bytes),
			(select($t.consistent) | want("counter"; $t.heap_inuse; $t.inuse_bytes)),
			(select($t.consistent | not) | select($t.attempts < 2) | "gave up at once")' 2>&1)
	done
	done_checking
}

@test "goheap: a process that ends, and one that is no Go program" {
	start "${RELEASES##* }" heap
	"$GMT" goheap -p "$PID" -j 0.2 >"$T/rows" 2>"$T/err" 3>&- &
	local job=$!
	for _ in {1..100}; do
		! grep -q summary "$T/rows" || break
		sleep 0.05
	done
	echo quit >&"$IN"
	STATUS=0
	wait $job || STATUS=$?
	check "status" $STATUS -eq 0
	check "the last line" "$(tail -n 1 "$T/rows" | jq .summary.ended)" = true
	check "those before" "$(jq -s '[.[] | select(.summary) | .summary.ended] | .[:-1] | any' "$T/rows")" = false
	tool goheap -p $$
	check "status" "$STATUS" -eq 4
	tool goheap
	check "status" "$STATUS" -eq 2
	tool goheap -p $$ --exe /bin/true
	check "status" "$STATUS" -eq 2
	done_checking
}
