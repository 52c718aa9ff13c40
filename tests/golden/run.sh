#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Golden tests: every recording in every format, without root and without the kernel it is of.
#
#	tests/golden/run.sh check|update
#
# NAME.raw is replayed into NAME.FORMAT. numbers.jq is a second opinion: it derives the sums
# that must hold from the JSON, knowing nothing of how it was made. TAP.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

O=${O:-.out}
case $O in /*) ;; *) O=../../$O ;; esac
export TZ=UTC LC_ALL=C.UTF-8
unset NO_COLOR

# A profile not compressed: what zlib makes of it is zlib's.
replay() {
	if [ "$2" = pprof ]; then
		"$O/gomemtrace" --replay "$1.raw" -o "$2" | gzip -dc
	else
		"$O/gomemtrace" --replay "$1.raw" -o "$2"
	fi
}

# What a tool's output can be turned into.
formats_of() {
	echo table json prom
	case $1 in
	gc) echo trace ;;
	stw) echo trace folded pprof ;;
	map | alloc | fault | kmem) echo folded pprof ;;
	heap) echo html ;;
	esac
}

update() {
	local raw format
	for raw in *.raw; do
		for format in $(formats_of "${raw%.raw}"); do
			replay "${raw%.raw}" "$format" > "${raw%.raw}.$format" || return
		done
	done
}

# result STATUS NAME FILE: the lines of FILE say what was wrong.
result() {
	if [ "$1" = 0 ]; then
		echo "ok - golden: $2"
	else
		echo "not ok - golden: $2"
		head -n 40 "$3" | cut -c1-200 | sed 's/^/# /'
	fi
}

# Each sample of prom that the JSON has, too, has the same value there: by labels and name.
prom_numbers() {
	local json=$1.json prom=$1.prom id want got
	jq -r 'select(.rows) | .pid as $p | .rows[] | select(.resident != null) |
		"\($p) \(.id) \(.resident)"' "$json" | while read -r pid id want; do
		got=$(sed -n "s/^gomemtrace_ledger_rows_resident_bytes{pid=\"$pid\",.*id=\"$id\"} //p" "$prom")
		# several looks: prom has one document each
		grep -qx "$want" <<< "$got" || echo "row $id of $pid is $want in JSON, not so in prom: $got"
	done
	jq -r '.pid as $p | .tool as $t | .summary // empty |
		to_entries[] | select(.key | test("^(produced|delivered|lost|probe_hits|cycles|stops|calls)$")) |
		"\($p) \($t)_totals_\(.key) \(.value)"' "$json" | while read -r pid id want; do
		got=$(sed -nE "s/^gomemtrace_${id}(_total)?\{pid=\"$pid\"\} //p" "$prom")
		[ "$got" = "$want" ] || echo "$id of $pid is $want in JSON, not so in prom: $got"
	done
}

# The weights of the rows with a stack are the numbers of the lines, in all.
folded_numbers() {
	local key
	case $1 in
	stw) key=pause_ns ;;
	map) key=outstanding_bytes ;;
	kmem) key=allocated_bytes ;;
	*) key=bytes ;;
	esac
	diff <(jq -s "[.[] | select(.stack) | .$key // 0] | add" "$1.json") \
		<(awk '{ s += $NF } END { printf "%.0f\n", s }' "$1.folded")
}

# differ FORMAT EXPECTED GOT: what changed; of JSON, member by member.
differ() {
	if [ "$1" = json ]; then
		diff <(jq -S . "$2" 2>&1) <(jq -S . "$3" 2>&1)
	elif [ "$1" = pprof ]; then
		diff <(strings -n 1 "$2") <(strings -n 1 "$3") || cmp "$2" "$3"
	else
		diff "$2" "$3"
	fi
}

check() {
	local out got raw name format status n=0
	out=$(mktemp)
	got=$(mktemp)
	for raw in *.raw; do
		name=${raw%.raw}
		for format in $(formats_of "$name"); do
			replay "$name" "$format" > "$got" 2>&1
			cmp -s "$name.$format" "$got"
			status=$?
			differ "$format" "$name.$format" "$got" > "$out" 2>&1
			result $status "$name as $format" "$out"
			n=$((n + 1))
		done
		jq -rs -f numbers.jq "$name.json" > "$out" 2>&1
		[ ! -s "$out" ]
		result $? "$name adds up" "$out"
		prom_numbers "$name" > "$out" 2>&1
		[ ! -s "$out" ]
		result $? "$name has the same numbers in prom" "$out"
		n=$((n + 2))
		[ -e "$name.folded" ] || continue
		folded_numbers "$name" > "$out" 2>&1
		result $? "$name has the same sum in folded" "$out"
		n=$((n + 1))
	done
	rm -f "$out" "$got"
	echo "1..$n"
}

case "${1:-}" in
check) check ;;
update) update ;;
*)
	echo "usage: run.sh check|update" >&2
	exit 2
	;;
esac
