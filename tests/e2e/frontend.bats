#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What every output looks like, whatever it says.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

setup() {
	# shellcheck source=tests/e2e/lib.bash
	T=$BATS_TEST_TMPDIR LEDGER=$BATS_TEST_TMPDIR/ledger.json
	[ -x "$GMT" ] || { echo "no $GMT: run make first"; return 1; }
	[ "$(id -u)" = 0 ] || skip "needs root"
	start "${RELEASES##* }" truth
	ask gogc -1
	ask hold a 20011 1024
	ask park 101 12
	ask drop a 1 2
	ask gc
}

KEYS="v tool ts_ns pid comm go_version module binary settings facts rss residual residual_bound rows
not_in_rss cgroup matrix memstats consistency verdict self"
ROWS="go.heap.live go.heap.new go.heap.free_slots go.heap.tail go.heap.idle go.heap.returned
go.stacks.inuse go.stacks.free go.runtime.mspan go.runtime.mcache go.runtime.gc go.runtime.profile
go.runtime.other elf.text elf.rodata elf.data elf.bss cgo.heap cgo.arenas threads.stacks libs files
shmem anon.other kernel probes"
MEMSTATS="Alloc TotalAlloc Sys Lookups Mallocs Frees HeapAlloc HeapSys HeapIdle HeapInuse HeapReleased
HeapObjects StackInuse StackSys MSpanInuse MSpanSys MCacheInuse MCacheSys BuckHashSys GCSys OtherSys
NextGC LastGC PauseTotalNs NumGC NumForcedGC GCCPUFraction EnableGC DebugGC by_size pause_ns"

# has FILTER KEYS...: the object has all these keys, null or not.
has() {
	local k
	for k in "${@:2}"; do
		[ "$(jq "$1 | has(\"$k\")" "$LEDGER")" = true ] || fail "$1 has no $k"
	done
}

@test "frontend: JSON is one object a line with every key" {
	look
	# shellcheck disable=SC2086
	has . $KEYS
	# shellcheck disable=SC2086
	has .memstats $MEMSTATS
	has .binary stripped pie cgo
	has .facts symbols layout addresses proven invariants missing
	has .facts.invariants checked failed
	has .consistency attempts consistent skew_ns gc_cycle
	has .self wall_ns cpu_ns rss target_stopped_ns
	has .settings gogc gomemlimit gomaxprocs madvise thp_enabled thp_max_ptes_none thp_disabled
	has .cgroup version path limit usage working_set anon file shmem kernel slab sock pagetables \
		kernel_stack residual residual_bound
	check "rows, each once and in the order of the ledger" "$(l '[.rows[].id] | join(" ")')" = "${ROWS//$'\n'/ }"
	jq -e '.rows | all(has("id") and has("resident") and has("mapped") and has("error") and
		has("source") and has("confidence") and has("detail"))' "$LEDGER" >/dev/null ||
		fail "a row lacks a key"
	jq -e '.matrix | all(has("state") and has("resident") and has("huge") and has("lazyfree") and
		has("swapped") and has("absent"))' "$LEDGER" >/dev/null || fail "a cell lacks a key"
	jq -e '.not_in_rss | all(has("id") and has("bytes"))' "$LEDGER" >/dev/null ||
		fail "an entry of not_in_rss lacks a key"
	jq -e '.rows | all(.confidence >= 1 and .confidence <= 3)' "$LEDGER" >/dev/null ||
		fail "a confidence is out of range"
	jq -e '[.ts_ns, .memstats.LastGC] | all(type == "string")' "$LEDGER" >/dev/null ||
		fail "a time stamp is no decimal string"
	jq -e '.self | .wall_ns > 0 and .cpu_ns > 0 and .rss > 0' "$LEDGER" >/dev/null ||
		fail "the tool does not know its own cost"
	check "by_size" "$(l '.memstats.by_size | length')" -eq 61
	check "pause_ns" "$(l '.memstats.pause_ns | length')" -eq 256
	[ ! -s "$T/err" ] || fail "stderr: $(<"$T/err")"
	done_checking
}

@test "frontend: -o json is -j" {
	tool -p "$PID" -j
	jq -S 'del(.ts_ns, .self, .facts.proof_ns, .consistency, .cgroup, .not_in_rss)' "$T/out" >"$T/j"
	tool -p "$PID" -o json
	jq -S 'del(.ts_ns, .self, .facts.proof_ns, .consistency, .cgroup, .not_in_rss)' "$T/out" >"$T/o"
	tool -p "$PID" -o "json:$T/file"
	[ ! -s "$T/out" ] || fail "-o json:FILE writes to stdout"
	jq -S 'del(.ts_ns, .self, .facts.proof_ns, .consistency, .cgroup, .not_in_rss)' "$T/file" >"$T/f"
	cmp "$T/j" "$T/o" || fail "-j and -o json differ"
	cmp "$T/j" "$T/f" || fail "-j and -o json:FILE differ"
	done_checking
}

@test "frontend: --schema describes the JSON" {
	tool --schema
	check "status" "$STATUS" -eq 0
	cp "$T/out" "$T/schema"
	jq -e . "$T/schema" >/dev/null
	# every key of a ledger is named in it
	look
	for k in $(jq -r '[paths | map(strings)[]] | unique[]' "$LEDGER"); do
		jq -e --arg k "$k" 'any(.. | objects | keys[]; . == $k) or any(.. | strings; . == $k)' \
			"$T/schema" >/dev/null || fail "the schema does not know $k"
	done
	# and it is a JSON schema that holds, where there is something to check it with
	if python3 -c 'import jsonschema' 2>/dev/null; then
		python3 - "$T/schema" "$LEDGER" <<-'END' || fail "the ledger does not fit its schema"
			import json, sys, jsonschema
			schema, doc = (json.load(open(f)) for f in sys.argv[1:])
			jsonschema.validators.validator_for(schema).check_schema(schema)
			jsonschema.validate(doc, schema)
		END
	fi
	done_checking
}

@test "frontend: the ledger fits its schema, checked by hand" {
	tool --schema
	cp "$T/out" "$T/schema"
	look
	# type, properties, required, items: all that a schema of plain data needs
	jq -r -n --slurpfile s "$T/schema" --slurpfile d "$LEDGER" '
		def kind: if type == "number" and . == floor then ["integer", "number"] else [type] end;
		def fits($s; $at):
			. as $v |
			if ($s | type) != "object" then empty else
			(if $s.type then ([$s.type] | flatten) as $t |
				select(any($v | kind[]; . as $k | $t | index($k)) | not) |
				"\($at): \($v | type), not \($t | join(" or "))" else empty end),
			(if ($v | type) == "object" then
				(($s.required // [])[] | select(. as $k | $v | has($k) | not) | "\($at): no \(.)"),
				(($s.properties // {}) | keys[] | select(. as $k | $v | has($k)) as $k |
					$v[$k] | fits($s.properties[$k]; "\($at).\($k)"))
			elif ($v | type) == "array" and $s.items then
				$v[0:40] | to_entries[] | .key as $i | .value | fits($s.items; "\($at)[\($i)]")
			else empty end)
			end;
		$s[0] as $schema |
		($d[0] | fits($schema; "ledger"), ($schema.oneOf // $schema.anyOf // [] | empty))' >"$T/bad"
	[ ! -s "$T/bad" ] || fail "$(head -n 20 "$T/bad")"
	jq -e '[.. | objects | select(has("type"))] | length > 20' "$T/schema" >/dev/null ||
		fail "the schema says almost nothing"
	done_checking
}

@test "frontend: text keeps within 80 columns and has no escape codes off a terminal" {
	tool -p "$PID"
	check "status" "$STATUS" -eq 0
	[ ! -s "$T/err" ] || fail "stderr: $(<"$T/err")"
	check "widest line" "$(LC_ALL=C.UTF-8 wc -L <"$T/out")" -le 80
	check "lines" "$(wc -l <"$T/out")" -ge 15
	! grep -q $'\033' "$T/out" || fail "escape codes in a file"
	! grep -q '[[:space:]]$' "$T/out" || fail "blanks at the end of a line"
	grep -q "$PID" "$T/out" || fail "the pid is not on the screen"
	grep -q "residual 0 B" "$T/out" || fail "no residual on the screen"
	grep -qi "never stopped" "$T/out" || fail "it does not say that it never stopped the target"
	LC_ALL=C "$GMT" -p "$PID" >"$T/ascii" 2>/dev/null 3>&-
	LC_ALL=C grep -q '[^[:print:][:cntrl:]]' "$T/ascii" && fail "not ASCII in the C locale"
	done_checking
}

# on_tty ENV...: the screen on a terminal, into $T/tty.
on_tty() {
	env TERM=xterm "$@" script -qec "stty cols 80 rows 50; $GMT -p $PID" /dev/null >"$T/tty" 2>&1 3>&- </dev/null
}

@test "frontend: NO_COLOR is honoured on a terminal" {
	command -v script >/dev/null || skip "no script(1) here"
	on_tty NO_COLOR=1
	grep -q "residual" "$T/tty"
	! grep -q $'\033\\[[0-9;]*m' "$T/tty" || fail "colours in spite of NO_COLOR"
	on_tty TERM=dumb
	! grep -q $'\033' "$T/tty" || fail "escape codes on a dumb terminal"
	done_checking
}

@test "frontend: an interval prints ledgers and deltas" {
	tool -p "$PID" -j 0.2 3
	check "status" "$STATUS" -eq 0
	check "ledgers" "$(jq -c 'select(.tool == "ledger" and .rows)' "$T/out" | wc -l)" -eq 3
	check "all JSON objects" "$(jq -c 'type' "$T/out" | sort -u)" = '"object"'
	jq -s -e '[.[] | select(.rows) | .ts_ns | tonumber] | . == sort and (.[-1] - .[0] > 3e8)' "$T/out" >/dev/null ||
		fail "the time stamps do not advance by the interval"
	done_checking
}

@test "frontend: options may follow operands, and -V and -h say what they should" {
	tool 0.1 2 -j -p "$PID"
	check "operands first: status" "$STATUS" -eq 0
	check "operands first: ledgers" "$(jq -c 'select(.rows)' "$T/out" | wc -l)" -eq 2
	tool -V
	check "-V: status" "$STATUS" -eq 0
	grep -qE '[0-9]+\.[0-9]+' "$T/out" || fail "-V says no version"
	tool -h
	check "-h: status" "$STATUS" -eq 0
	for t in "" $("$GMT" --check -j | jq -r '.tools[].tool') facts ctl report explain; do
		check "$t -h: widest line" "$("$GMT" ${t:+"$t"} -h | LC_ALL=C.UTF-8 wc -L)" -le 80
	done
	grep -q -- "-p" "$T/out" || fail "-h does not name -p"
	[ ! -s "$T/err" ] || fail "-h writes to stderr"
	tool --help
	check "--help: status" "$STATUS" -eq 0
	done_checking
}

@test "frontend: hostile names do not reach the terminal" {
	cp "$CACHE/targets/${RELEASES##* }/truth" "$T/"$'e\033[31mvil\n'
	spawn "$T/"$'e\033[31mvil\n'
	read -r -t 20 -u "$OUT" PID
	tool -p "$PID"
	check "status" "$STATUS" -eq 0
	! grep -q $'\033' "$T/out" "$T/err" || fail "escape codes of a program's name are printed"
	look
	done_checking
}
