#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Prometheus metrics of live processes, held against promtool and against JSON.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

# Debian 12's package has promtool; the one on PATH is as good.
promtool_find() {
	PROMTOOL=$(command -v promtool) && return
	PROMTOOL=$("$ROOT/tests/debs.sh" pkg bookworm prometheus 3>&-)/usr/bin/promtool
	[ -x "$PROMTOOL" ]
}

@test "prom: promtool has nothing to say about the metrics of two processes" {
	promtool_find
	start "${RELEASES%% *}" truth
	first=$PID
	start "${RELEASES##* }" truth
	tool -p "$first,$PID" -o "prom:$T/both.prom"
	check status "$STATUS" -eq 0
	[ ! -s "$T/out" ] || fail "writes to stdout, too"
	"$PROMTOOL" check metrics <"$T/both.prom" >"$T/says" 2>&1 || fail "promtool fails"
	each_line promtool <"$T/says"
	tool gols -o prom
	"$PROMTOOL" check metrics <"$T/out" >"$T/says" 2>&1 || fail "promtool fails for gols"
	each_line promtool <"$T/says"
	for p in "$first" "$PID"; do
		check "rows of $p" "$(grep -c "^gomemtrace_ledger_rows_resident_bytes{pid=\"$p\"," \
			"$T/both.prom")" -ge 20
	done
	done_checking
}

@test "prom: the same numbers as JSON" {
	start "${RELEASES##* }" truth
	ask hold a 20011 1024
	still
	tool -p "$PID" -o prom -o "json:$T/json"
	LEDGER=$T/json
	sample() { sed -n "s/^gomemtrace_ledger_$1{pid=\"$PID\",comm=\"truth\"$2} //p" "$T/out"; }
	check rss "$(sample rss_bytes)" -eq "$(l .rss)"
	check HeapAlloc "$(sample memstats_heap_alloc_bytes)" -eq "$(l .memstats.HeapAlloc)"
	check NumGC "$(sample memstats_num_gc_total)" -eq "$(l .memstats.NumGC)"
	while read -r id want; do
		check "row $id" "$(sample rows_resident_bytes ",id=\"$id\"")" -eq "$want"
	done < <(jq -r '.rows[] | "\(.id) \(.resident)"' "$LEDGER")
	# seconds, to the nanosecond
	check LastGC "$(sample memstats_last_gc_timestamp_seconds | sed -E 's/\.//; s/0+$//')" = \
		"$(big LastGC "$(<"$LEDGER")" | sed -E 's/0+$//')"
	done_checking
}

@test "prom: collections and stops, and their histograms beside them" {
	promtool_find
	start "${RELEASES##* }" truth
	for t in gogc gostw; do
		(for _ in {1..40}; do echo gc; sleep 0.05; done) >&"$IN" 3>&- &
		tool $t -p "$PID" -d 2 --budget 100 -j -o "prom:$T/$t.prom"
		check "$t: status" "$STATUS" -eq 0
		mv "$T/out" "$T/$t.json"
		"$PROMTOOL" check metrics <"$T/$t.prom" >"$T/says" 2>&1 || fail "promtool fails for $t"
		each_line "promtool of $t" <"$T/says"
	done
	check "cycles" "$(grep -c "^gomemtrace_gogc_cycles_pause_seconds{pid=\"$PID\",.*cycle=" "$T/gogc.prom")" -eq \
		"$(jq 'select(.cycle) | .cycle' "$T/gogc.json" | wc -l)"
	check "of the histogram" "$(sed -n 's/^gomemtrace_gogc_pause_seconds_count{.*} //p' "$T/gogc.prom")" -eq \
		"$(jq 'select(.summary) | .summary.cycles' "$T/gogc.json")"
	check "stops by reason" "$(awk '/^gomemtrace_gostw_reasons_stops_total{/ { n += $NF } END { print n }' "$T/gostw.prom")" -eq \
		"$(jq 'select(.summary) | .summary.stops' "$T/gostw.json")"
	ns=$(sed -n 's/^gomemtrace_gostw_totals_pause_seconds_total{.*} //p' "$T/gostw.prom")
	check "paused" "$(awk "BEGIN { printf \"%.0f\", $ns * 1e9 }")" -eq "$(jq 'select(.summary) | .summary.pause_ns' "$T/gostw.json")"
	check "cycles seen" "$(jq 'select(.summary) | .summary.cycles' "$T/gogc.json")" -ge 5
	done_checking
}

@test "prom: a reader of the file never sees half of it" {
	start "${RELEASES##* }" truth
	tool -p "$PID" -o prom
	last=$(tail -n 1 "$T/out" | grep -oE '^[a-z_]+')
	mkdir "$T/collector"
	timeout 60 "$GMT" -p "$PID" 0.02 100 -o "prom:$T/collector/go.prom" 3>&- &
	writer=$!
	reads=0
	while kill -0 $writer 2>/dev/null; do
		[ -e "$T/collector/go.prom" ] || continue
		cat "$T/collector/go.prom" >"$T/copy" || fail "it vanished"
		reads=$((reads + 1))
		head -n 1 "$T/copy" | grep -q '^# HELP' || fail "does not begin with the first metric"
		tail -n 1 "$T/copy" | grep -q "^$last{.*} [0-9.]*\$" ||
			fail "does not end with the last metric"
	done
	wait $writer || fail "status $?"
	check "reads" $reads -gt 10
	check "left behind" "$(ls -A "$T/collector")" = go.prom
	done_checking
}
