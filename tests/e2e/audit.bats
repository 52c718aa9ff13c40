#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# The audit log of a run says what was done, proves itself by tools that are not ours, and
# shows what was done to it; checksums of records are computed in the kernel and hold.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

NEWEST=${RELEASES##* }

# verify FILE [ARGS...]: $STATUS, and what is said in $T/report
verify() {
	STATUS=0
	"$GMT" report --verify "$@" -j >"$T/report" 2>"$T/report.err" || STATUS=$?
}

said() { jq -r ".$1" "$T/report"; }

# events NAME [FILTER]: of $T/log
events() { jq -c "select(.event == \"$1\") | ${2:-.}" "$T/log"; }

# Each line by sha256sum and gzip: who comes before, and its own checksum.
prove() {
	local line prev n=0
	prev=$(printf '0%.0s' {1..64})
	while IFS= read -r line; do
		check "$1: number" "$(jq .seq <<<"$line")" -eq $n
		check "$1: hash of $n" "$(jq -r .prev <<<"$line")" = "$prev"
		check "$1: checksum of $n" "$(jq -r .crc <<<"$line")" = \
			"$(printf %s "${line%,\"crc\":*}" | gzip -c | tail -c 8 | od -An -tx4 -N4 | tr -d ' ')"
		prev=$(sha256sum <<<"$line" | cut -d ' ' -f 1)
		n=$((n + 1))
	done <"$T/log"
	check "$1: hash of the last" "$(said end)" = "$prev"
	check "$1: records" "$(said records)" -eq $n
}

@test "audit: programs with the tags of bpftool, probes, what was seen and lost" {
	start "$NEWEST" truth
	trace gogc -p "$PID" -j --crc --budget 100 --audit "$T/log"
	verify "$T/log"
	check "status while it runs" $STATUS -eq 0
	check "it runs" "$(said running)" = true
	check "who writes" "$(said writer)" -eq "$TOOL"
	while read -r id tag name; do
		check "tag of $name" "$(bpftool -j prog show id "$id" | jq -r .tag)" = "$tag"
		check "name of $name" "$(bpftool -j prog show id "$id" | jq -r .name)" = "$name"
	done < <(events program '"\(.id) \(.tag) \(.name)"' | tr -d '"')
	# all that the kernel says the process holds
	check "programs" "$(events program '"\(.id) \(.tag)"' | tr -d '"' | sort)" = \
		"$(awk '$1 == "prog_tag:" { tag = $2 } $1 == "prog_id:" { print $2, tag }' \
			"/proc/$TOOL"/fdinfo/* | sort -u)"
	for _ in {1..7}; do
		ask gc
	done
	untrace
	verify "$T/log"
	check "status" $STATUS -eq 0
	check "stopped" "$(said 'runs == 1 and .stopped == 1 and (.running | not)')" = true
	check "writer" "$(said writer)" = null
	prove "one run"
	check "mode" "$(stat -c %a "$T/log")" = 600
	check "attached" "$(events attach .name | sort | xargs)" = "$(events program .name | sort | xargs)"
	# the last one that came goes first
	check "detached" "$(events detach '{name, site, offsets}')" = "$(events attach '{name, site, offsets}' | tac)"
	# where a program is attached, in the file: the bytes there are a call, or a stack check's jump
	while read -r off; do
		case $(od -An -tx1 -j "$off" -N 2 "/proc/$PID/exe" | tr -d ' ') in
		76?? | 0f86 | e8??) ;;
		*) fail "at $off is no call and no branch" ;;
		esac
	done < <(events attach '.offsets[]')
	check "start" "$(events start '.version')" = "\"$("$GMT" -V | sed 's/.* //')\""
	check "arguments" "$(events start '.argv[1:] | join(" ")')" = \
		"\"gogc -v -p $PID -j --crc --budget 100 --audit $T/log\""
	check "kernel" "$(events start .kernel)" = "\"$(uname -r)\""
	check "who" "$(events start '"\(.pid) \(.uid)"')" = "\"$TOOL $(id -u)\""
	check "target" "$(events target .target)" -eq "$PID"
	check "executable" "$(events target .exe)" = "\"$(readlink "/proc/$PID/exe")\""
	check "release" "$(events target '.go | startswith("go'"$NEWEST"'")')" = true
	near "started" "$(events target '.started_mono_ns | tonumber / 1e7 | floor')" \
		"$(sed 's/.*) //' "/proc/$PID/stat" | cut -d ' ' -f 20)" 2
	for key in produced delivered lost corrupt filtered; do
		check "$key" "$(events end .$key)" -eq "$(total $key)"
		check "$key in all" "$(events stop .$key)" -eq "$(total $key)"
	done
	check "records" "$(total delivered)" -ge 21
	check "corrupt" "$(total corrupt)" -eq 0
	check "first policy" "$(events policy '[.generation, .old, .new.sample_pct, .new.tgid]')" = \
		"[1,null,100,$PID]"
	done_checking
}

@test "audit: a build id is the one that go tools and readelf see" {
	start "$NEWEST" truth
	trace gogc -p "$PID" -j --audit "$T/log"
	untrace
	# the note's text, between its name and its end
	readelf -p .note.go.buildid "/proc/$PID/exe" >"$T/note"
	grep -qF "$(events target .build_id | tr -d '"')" "$T/note" || fail "not in $(<"$T/note")"
	done_checking
}

@test "audit: kill -9 leaves a log that verifies, and the next run goes on behind it" {
	start "$NEWEST" truth
	trace gogc -p "$PID" -j --audit "$T/log"
	verify "$T/log"
	n=$(said records)
	kill -KILL "$TOOL"
	wait "$TOOL" || :
	verify "$T/log"
	check "status" $STATUS -eq 0
	check "records" "$(said records)" -eq "$n"
	check "no stop" "$(said 'running and .runs == 1 and .stopped == 0 and .writer == null')" = true
	"$GMT" report --verify "$T/log" | grep -q 'no stop record' || fail "does not say so"
	trace gostw -p "$PID" -j --audit "$T/log"
	untrace
	verify "$T/log"
	check "second run" "$(said 'verified and .runs == 2 and .stopped == 1 and (.running | not)')" = true
	"$GMT" report --verify "$T/log" | grep -q '1 run ended without a stop record' || fail "is silent"
	prove "two runs"
	check "what was told at its end" "$(grep -o '[0-9a-f]\{64\}' "$T/said")" = "$(said end)"
	# a whole run cut off the end: only who knows of it can tell
	end=$(said end)
	head -n "$n" "$T/log" >"$T/cut"
	verify "$T/cut"
	check "cut, and not known" $STATUS -eq 0
	verify "$T/cut" --end "$end"
	check "cut, and known" $STATUS -eq 1
	verify "$T/log" --end "$end"
	check "not cut" $STATUS -eq 0
	done_checking
}

@test "audit: what does not verify is not appended to, and where it breaks is said" {
	start "$NEWEST" truth
	trace gogc -p "$PID" -j --audit "$T/log"
	# one at a time
	STATUS=0
	timeout 20 "$GMT" gogc -p "$PID" -d 1 --audit "$T/log" >"$T/second" 2>&1 || STATUS=$?
	check "a second writer" $STATUS -eq 1
	grep -q "is being written by process $TOOL" "$T/second" || fail "$(<"$T/second")"
	untrace
	sed '4s/"insns":/"insnS":/' "$T/log" >"$T/changed"
	head -c -7 "$T/log" >"$T/torn"
	sed 5d "$T/log" >"$T/removed"
	: >"$T/nothing"
	while read -r name at why; do
		sum=$(sha256sum <"$T/$name")
		verify "$T/$name"
		check "$name: status" $STATUS -eq 1
		check "$name: where" "$(said broken_at)" -eq "$at"
		check "$name: why" "$(said why | grep -c "$why")" -eq 1
		[ "$name" != nothing ] || continue
		STATUS=0
		timeout 20 "$GMT" gogc -p "$PID" -d 1 --audit "$T/$name" >"$T/second" 2>&1 || STATUS=$?
		check "$name: appended" $STATUS -eq 1
		check "$name: untouched" "$(sha256sum <"$T/$name")" = "$sum"
	done <<-END
		changed 3 was changed
		torn $(($(wc -l <"$T/log") - 1)) ends within
		removed 4 should be
		nothing 0 no records
	END
	check "an empty file" "$(timeout 20 "$GMT" gogc -q -p "$PID" -d 0.1 --audit "$T/nothing" >"$T/second" 2>&1; echo $?)" -eq 0
	check "no log" "$("$GMT" report --verify "$T/none" 2>&1; echo $?)" = \
		"report: cannot read $T/none: No such file or directory
1"
	done_checking
}

@test "audit: what cannot be written ends the run" {
	start "$NEWEST" truth
	STATUS=0
	# the limit is in the middle of a record
	(trap '' XFSZ; ulimit -f 2; exec timeout 20 "$GMT" gogc -p "$PID" --audit "$T/log") 2>"$T/said" |
		cat >"$T/rows" || :
	STATUS=$(grep -c 'cannot write the audit log' "$T/said")
	check "said" "$STATUS" -eq 1
	verify "$T/log"
	check "status" $STATUS -eq 1
	check "torn" "$(said torn)" = true
	check "right before it" "$(said 'records > 2')" = true
	done_checking
}

@test "audit: losses are recorded, to the record" {
	start "$NEWEST" truth
	trace gogc -p "$PID" 0.2 -j --budget 100 --ring 4096 --audit "$T/log"
	for _ in 1 2; do
		# nobody reads meanwhile
		kill -STOP "$TOOL"
		for _ in {1..53}; do
			ask gc
		done
		kill -CONT "$TOOL"
		sleep 0.7
	done
	untrace
	verify "$T/log"
	check "status" $STATUS -eq 0
	check "lost" "$(total lost)" -gt 0
	check "records of losses" "$(events loss | wc -l)" -ge 2
	check "their sum" "$(events loss .records | paste -sd+ | bc)" -eq "$(total lost)"
	check "in all" "$(events loss .in_all | tail -n 1)" -eq "$(total lost)"
	check "at the end" "$(events end .lost)" -eq "$(total lost)"
	done_checking
}

@test "audit: what is given up for the budget, pauses, and several processes in one log" {
	spawn "$CACHE/targets/$NEWEST/churn" -goroutines 20
	read -r -t 60 -u "$OUT" PID
	busy=$PID
	start "${RELEASES%% *}" truth
	trace gogc -p "$busy,$PID" 0.2 -j -a --budget 0.0001 --audit "$T/log"
	sleep 3
	untrace
	verify "$T/log"
	check "status" $STATUS -eq 0
	check "one run" "$(said 'runs == 1 and .stopped == 1')" = true
	check "targets" "$(events target .target | xargs)" = "$busy $PID"
	check "ends" "$(events end .target | sort -n | xargs)" = "$(printf '%s\n' "$busy" "$PID" | sort -n | xargs)"
	check "given up" "$(events shed 'select(.target == '"$busy"') | .name' | xargs)" = \
		"gc_assist_end gc_assist_begin gc_swept gc_start"
	check "paused" "$(events pause 'select(.target == '"$busy"')' | wc -l)" -ge 1
	check "what it cost" "$(jq -s '[.[] | select(.event == "shed" or .event == "pause")] |
		all(.cost_pct > .budget_pct and .budget_pct == 0.0001)' "$T/log")" = true
	for pid in $busy $PID; do
		check "$pid: attached as often as detached" "$(events attach 'select(.target == '"$pid"') | .name' | sort)" = \
			"$(events detach 'select(.target == '"$pid"') | .name' | sort)"
	done
	done_checking
}

@test "audit: each change of the policy: old, new, who, when" {
	start "$NEWEST" truth
	trace gostw -p "$PID" -j --audit "$T/log"
	before=$(date +%s%N)
	"$GMT" ctl "$TOOL" sample=7% || fail "ctl: $?"
	"$GMT" ctl "$TOOL" sample=100 size_min=23 size_max=1009 || fail "ctl: $?"
	after=$(date +%s%N)
	untrace
	verify "$T/log"
	check "status" $STATUS -eq 0
	prove "changes"
	check "changes" "$(events policy 'select(.old) | [.generation, .what, .old, .new]' | paste -sd ' ')" = \
		'[2,"sample","100%","7%"] [3,"sample","7%","100%"] [3,"size_min","0","23"] [3,"size_max","18446744073709551615","1009"]'
	check "those of the summary" "$(events policy 'select(.old) | [.generation, .what, .old, .new, .who, .changed_ns]' | sort)" = \
		"$(jq -c 'select(.summary) | .summary.policy[] | [.generation, .what, .old, .new, .who, .at_ns]' "$T/rows" | sort)"
	check "when" "$(events policy 'select(.old) | .changed_ns | tonumber |
		. >= '"$before"' and . <= '"$after"'' | sort -u)" = true
	check "who" "$(events policy 'select(.old) | .who | test("uid '"$(id -u)"'\\b")' | sort -u)" = true
	done_checking
}

crc() {
	timeout 400 "$O/tests/e2e/crc" "$@" >"$T/crc" 2>&1 3>&- || fail "crc $*: status $?"
	cat "$T/crc"
	each_line "crc $*" < <(grep '^wrong' "$T/crc")
}

@test "crc: of ten million records each comes as it was made" {
	crc come 10000019
	check "delivered" "$(awk '{ print $5 }' "$T/crc")" -ge 10000019
	check "corrupt" "$(awk '{ print $9 }' "$T/crc")" -eq 0
	done_checking
}

@test "crc: what is damaged on its way is not shown, and counted to the record" {
	crc spoil 10007
	check "lost" "$(awk '{ print $7 }' "$T/crc")" -eq 0
	check "corrupt" "$(awk '{ print $9 }' "$T/crc")" -ge 1666
	done_checking
}

# Times are for reading; that it is left out of the programs is what can be tested.
@test "crc: what it costs; nothing of it is in the programs without" {
	crc cost 5
	check "sizes" "$(grep -c '^cost bytes' "$T/crc")" -eq 2
	awk '$15 - $13 < 40' "$T/crc" >"$T/wrong"
	each_line "instructions" <"$T/wrong"
	done_checking
}
