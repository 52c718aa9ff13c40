#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Every word of the JSON has an explanation; needs neither root nor a process.

load lib

setup_file() { :; }

setup() {
	T=$BATS_TEST_TMPDIR
	[ -x "$GMT" ] || { echo "no $GMT: run make first"; return 1; }
}

@test "explain: every row, state, and member of MemStats that is in the JSON" {
	words=$(jq -r 'select(.rows) | .rows[].id, .matrix[].state, .not_in_rss[].id,
		(.memstats | keys[]), (.matrix[0] | keys[] | select(. != "state")),
		(.rows[0] | keys[])' "$ROOT"/tests/golden/*.json | sort -u)
	check "words" "$(wc -w <<<"$words")" -ge 70
	for w in $words residual residual_bound gap confidence consistent; do
		tool explain "$w"
		[ "$STATUS" = 0 ] || fail "$w: $(<"$T/err")"
	done
	done_checking
}

@test "explain: the list, JSON, and what is not there" {
	tool explain
	check "entries" "$(wc -l <"$T/out")" -ge 70
	tool explain go.heap.returned -j
	jq -e '.entries | length == 1 and (.[0] | .field == "go.heap.returned" and
		(.meaning, .source, .trust, .drift, .misread | type == "string"))' "$T/out" >/dev/null ||
		fail "JSON is not what it should be: $(<"$T/out")"
	[ "$(awk 'length > 80' <("$GMT" explain go.heap.live) | wc -l)" = 0 ] || fail "wider than 80 columns"
	tool explain go.heap.retruned
	check "status of a misspelt one" "$STATUS" -eq 2
	grep -q "did you mean go.heap.returned" "$T/err" || fail "no near match: $(<"$T/err")"
	done_checking
}
