#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# A running tool is given another policy: at once, whole, for those who may, and on record.
#
# The load is a program that stops its world as often as it can (runtime.ReadMemStats), one
# stop after the other: their records are in the order of time.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

GROUP=

teardown() {
	stop_all
	[ ! -d "$GROUP" ] || rmdir "$GROUP"
}

# busy [COMMAND...]: the load, started by it; its pid is $PID.
busy() {
	# shellcheck disable=SC2016
	spawn bash -c 'exec "$@" < <(exec yes stats) >/dev/null' - "$@" "$CACHE/targets/${RELEASES##* }/truth"
	for _ in {1..100}; do
		PID=$(pgrep -x -P "$CHILD" truth) || PID=$CHILD
		[ "$(<"/proc/$PID/comm")" != truth ] || break
		sleep 0.05
	done
	sleep 0.3 # for its runtime
}

# traced: the load and gostw at it; the tool's socket is $SOCKET.
traced() {
	busy
	trace gostw -p "$PID" -j --budget 100
	SOCKET=gomemtrace.$TOOL.$PID
}

talk() { timeout 60 "$O/tests/e2e/talk" "$SOCKET" "$@" 3>&-; }

# ctl ARGS...: as tool; what it says is $SAYS.
ctl() {
	tool ctl "$@"
	SAYS=$(<"$T/err")
}

# refused LABEL STATUS PATTERN ARGS...: clearly, and nothing was changed
refused() {
	ctl "${@:4}"
	check "$1: status" $STATUS -eq "$2"
	[[ $SAYS =~ $3 ]] || fail "$1: says '$SAYS'"
	[ ! -s "$T/out" ] || fail "$1: writes to stdout: $(<"$T/out")"
}

# now KEY: of the policy of $TOOL
now() { "$GMT" ctl "$TOOL" -j 3>&- | jq -r ".running[0].$1"; }

@test "ctl: 1,009 changes under load: each record is of one generation, each change on record" {
	traced
	sleep 0.5
	before=$(date +%s%N)
	# each is of two members, but for the first: all was wanted already
	talk loop 1009 1500 sample=100 sample=0 >"$T/talk" || fail "the changes: status $?"
	after=$(date +%s%N)
	untrace
	check "answers" "$(grep -c '^0 ' "$T/talk")" -eq 1009
	check "generations" "$(awk '$2 != NR + 1' "$T/talk" | wc -l)" -eq 0
	echo "# asked until in force, us: $(awk '{ print int(($4 - $3) / 1000) }' "$T/talk" | sort -n | awk '
		{ us[NR] = $1 } END { print "median", us[int(NR / 2)], "99 %", us[int(NR * .99)], "most", us[NR] }')" >&3
	# the tool may have to wait for one of the cores, which are shared
	check "took 10 ms or more, of 1,009" "$(awk '$4 - $3 >= 10000000' "$T/talk" | wc -l)" -le 50

	# by the target's own clock: nothing of a generation begins when the next is there,
	# nothing ends before it was asked for
	jq -s -r --rawfile talk "$T/talk" '
		[$talk | split("\n")[] | select(. != "") | split(" ") | map(tonumber? // "")] as $t |
		[.[] | select(.start_ns) | [.generation, (.start_ns | tonumber), .pause_ns]] as $r |
		($r | group_by(.[0])) as $g |
		(range(1; $r | length) | select($r[.][0] < $r[. - 1][0]) | "generation \($r[.][0]) comes after \($r[. - 1][0])"),
		($r[] | select(.[0] < 1 or .[0] > 1010) | "there is no generation \(.[0])"),
		($r[] | select(.[0] > 1 and .[0] % 2 == 1) | "a record of generation \(.[0]), which wants none"),
		($r[] | select(.[0] < 1010 and .[1] > $t[.[0] - 1][3]) | "begun after the next generation: \(.)"),
		($r[] | select(.[0] > 1 and .[1] + .[2] < $t[.[0] - 2][2]) | "ended before it was asked for: \(.)"),
		(if ($g | length) < 50 then "only \($g | length) generations have records" else empty end),
		([$g[] | select(.[0][0] > 1) | (.[0][1] + .[0][2] - $t[.[0][0] - 2][2]) / 1000 | floor] | sort |
		 "note: asked until the first record of it, us: median \(.[length / 2 | floor]) 99 % \(.[length * 0.99 | floor])",
		 if .[length / 2 | floor] >= 10000 then "the first record of a generation comes late" else empty end)
		' "$T/rows" >"$T/wrong" 2>&1
	sed -n 's/^note:/#/p' "$T/wrong" >&3
	each_line records < <(grep -v '^note:' "$T/wrong")

	jq -r --argjson from "$before" --argjson to "$after" '
		select(.summary) | .summary |
		def change($g; $what; $old; $new): {generation: $g, what: $what, old: $old, new: $new};
		[range(2; 1011) as $g |
		 (if $g > 2 then change($g; "sample"; if $g % 2 == 1 then "100%" else "0%" end; if $g % 2 == 1 then "0%" else "100%" end) else empty end),
		 change($g; "size_min"; "\($g - 2)"; "\($g - 1)")] as $want |
		(if .policy_changes != ($want | length) then "\(.policy_changes) changes, not \($want | length)" else empty end),
		(if [.policy[] | {generation, what, old, new}] != $want then "the log is another" else empty end),
		([.policy[].who] | unique | select(length != 1 or (.[0] | test("^uid 0, pid [0-9]+$") | not)) | "by \(.)"),
		([.policy[].at_ns | tonumber] | select(. != sort or .[0] < $from - 1000 or .[-1] > $to + 1000) | "at \(.[0]) to \(.[-1])")
		' "$T/rows" >"$T/wrong" 2>&1
	each_line log <"$T/wrong"
	check "changes told" "$(grep -c '^gostw: policy [0-9]*: .* -> .* (uid 0, pid [0-9]*)$' "$T/said")" -eq 2017
	check "mode" "$(total mode)" = sampled
	check "books" "$(total produced)" -eq $(($(total delivered) + $(total lost)))
	done_checking
}

@test "ctl: what a policy can say, of a process in a PID namespace and a cgroup" {
	busy unshare --kill-child --fork --pid
	top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	trace gostw -p "$PID" -j --budget 100
	check "tgid" "$(now tgid)" -eq 1
	check "target" "$(now target)" -eq "$PID"
	check "generation" "$(now generation)" -eq 1
	check "sample" "$(now sample)" -eq 100
	check "size_max" "$(now size_max)" = null
	# records have to come under + and must not under -
	policies=("+command line" "-tgid=$PID" "+tgid=1" "-sample=0" "+sample=100%" "+size_min=64K size_max=1M"
		"-cgroup=4099" "+cgroup=0")
	if [ -n "$top" ]; then
		GROUP=$top/gomemtrace-test.$$
		mkdir "$GROUP"
		policies+=("-cgroup=$GROUP" "+cgroup=$top$(sed -n 's/^0:://p' "/proc/$PID/cgroup")" "+cgroup=0")
	fi
	for ((i = 1; i < ${#policies[@]}; i++)); do
		# shellcheck disable=SC2086
		ctl "$TOOL" ${policies[i]:1} -j
		check "${policies[i]}: status" $STATUS -eq 0
		check "${policies[i]}: generation" "$(jq '.running[0].generation' "$T/out")" -eq $((i + 1))
		echo "# ${policies[i]:1}: in force after $(jq '.running[0] | (.written_ns | tonumber) - (.sent_ns | tonumber) |
			. / 1000 | floor' "$T/out") us" >&3
		sleep 0.2
	done
	ctl
	grep -q "^ *$TOOL  gostw .* 100%  .* 64.0 KiB  1.0 MiB " "$T/out" || fail "the list: $(<"$T/out")"
	check "widest line" "$(LC_ALL=C.UTF-8 wc -L <"$T/out")" -le 80
	check "size_min" "$(now size_min)" -eq 65536
	check "size_max" "$(now size_max)" -eq 1048576
	# what changes nothing is no generation
	ctl "$TOOL" size_min=65536 cgroup=0 -j
	check "no change" "$(jq -c '.running[0] | [.generation, .written_ns]' "$T/out")" = "[$i,null]"
	ctl "$TOOL" sample=0.01
	grep -q "^ *$TOOL  gostw .* 0.01%  " "$T/out" || fail "a small share: $(<"$T/out")"
	untrace
	for ((i = 0; i < ${#policies[@]}; i++)); do
		n=$(jq "select(.generation == $((i + 1))) | 1" "$T/rows" | wc -l)
		case ${policies[i]} in
		+*) check "records under ${policies[i]}" "$n" -ge 1 ;;
		-*) check "records under ${policies[i]}" "$n" -eq 0 ;;
		esac
	done
	check "books" "$(total produced)" -eq $(($(total delivered) + $(total lost)))
	check "programs: produced" "$(jq 'select(.summary) | [.summary.programs[].produced] | add' "$T/rows")" -eq "$(total produced)"
	done_checking
}

@test "ctl: only root and the tool's own user are heard" {
	traced
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
	STATUS=0
	"${nobody[@]}" "$GMT" ctl "$TOOL" sample=1 >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "another user: status" $STATUS -eq 3
	grep -q "runs as uid 0: only that user and root may ask it" "$T/err" || fail "says $(<"$T/err")"
	"${nobody[@]}" "$GMT" ctl >"$T/out" 2>"$T/err" 3>&- || fail "another user's list: status $?"
	grep -q "more of other users: only they and root may ask" "$T/err" || fail "the list says $(<"$T/err")"
	# without the care of gomemtrace ctl
	"${nobody[@]}" "$O/tests/e2e/talk" "$SOCKET" say "sample=1" >"$T/out" 3>&- || fail "no answer"
	check "another user, without asking: $(<"$T/out")" "$(cut -d' ' -f1 "$T/out")" -eq -13
	grep -q "only root and user 0 may do that" "$T/out" || fail "says $(<"$T/out")"
	check "generation" "$(now generation)" -eq 1
	untrace
	grep -q "refused to be controlled by uid 65534, pid [0-9]* (" "$T/said" || fail "the tool says nothing of it"
	check "changes" "$(total policy_changes)" -eq 0

	# a tool of somebody else's, who may trace
	caps=+bpf,+perfmon,+sys_ptrace,+sys_admin,+dac_read_search,+syslog
	cp "$GMT" "$T/gomemtrace"
	chmod 755 "$T" "$T/gomemtrace"
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps \
		"$T/gomemtrace" gostw -p "$PID" -v >"$T/rows" 2>"$T/said" 3>&- &
	TOOL=$!
	for _ in {1..100}; do
		! grep -qs 'a trap costs' "$T/said" || break
		sleep 0.05
	done
	STATUS=0
	"${nobody[@]}" "$GMT" ctl $TOOL sample=10 >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "its own user: status ($(<"$T/err"))" $STATUS -eq 0
	ctl $TOOL sample=20
	check "root: status" $STATUS -eq 0
	STATUS=0
	setpriv --reuid=65533 --clear-groups --inh-caps=-all "$GMT" ctl $TOOL sample=1 >"$T/out" 2>"$T/err" 3>&- || STATUS=$?
	check "another one: status" $STATUS -eq 3
	check "its user" "$(now uid)" -eq 65534
	check "generation" "$(now generation)" -eq 3
	untrace
	grep -q 'policy 2: sample 100% -> 10% (uid 65534, pid' "$T/said" || fail "who asked is not told: $(<"$T/said")"
	done_checking
}

@test "ctl: what it cannot do is said clearly, and changes nothing" {
	traced
	refused "no such tool" 4 "no event tool with pid 1 is running" 1
	refused "a target" 4 "no event tool with pid $PID is running" "$PID" sample=1
	refused "no pid" 2 "pid of a tool: " x
	refused "no process" 2 "pid of a tool: 0 is no process" 0
	refused "more than all" 2 "sample: " "$TOOL" sample=101
	refused "less than nothing" 2 "sample: " "$TOOL" sample=-1
	refused "no share" 2 "sample: 'x' is not a percentage" "$TOOL" sample=x
	refused "no value" 2 "sample: " "$TOOL" sample=
	refused "no key" 2 "'sample' is not KEY=VALUE" "$TOOL" sample
	refused "unknown key" 2 "'budget' cannot be set: sample, size_min, size_max, cgroup, tgid can" "$TOOL" budget=3
	refused "twice" 2 "sample is given twice" "$TOOL" sample=1 sample=2
	refused "bounds" 2 "size_min 2048 is more than size_max 1024" "$TOOL" size_min=2K size_max=1K
	refused "no process" 2 "tgid: 0 is no process" "$TOOL" tgid=0
	refused "no directory" 2 "cgroup: /nonexistent: No such file" "$TOOL" cgroup=/nonexistent
	refused "no cgroup" 2 "cgroup: /proc is no directory of a cgroup v2" "$TOOL" cgroup=/proc
	refused "half of it" 2 "sample: " "$TOOL" size_min=1 sample=y
	# only the tool knows that this is too much
	ctl "$TOOL" size_max=1M
	check "size_max" $STATUS -eq 0
	refused "bounds, by the tool" 1 "gostw $TOOL: size_min 2097152 is more than size_max 1048576" "$TOOL" size_min=2M
	check "generation" "$(now generation)" -eq 2

	kill -STOP "$TOOL"
	refused "stopped" 1 "does not answer: it may be stopped" "$TOOL" sample=1
	kill -CONT "$TOOL"
	untrace
	refused "ended" 4 "no event tool with pid $TOOL is running" "$TOOL" sample=1
	done_checking
}

@test "ctl: junk, and those who connect and say nothing, hold nobody up" {
	traced
	talk junk >"$T/junk" || fail "junk: $? messages without an answer"
	check "answers to junk" "$(grep -c '^-22 1 [0-9]* 0 .' "$T/junk")" -eq 15
	check "too long" "$(grep -c 'a message is at most 512 bytes' "$T/junk")" -eq 3
	check "generation" "$(now generation)" -eq 1
	rows=$(wc -l <"$T/rows")
	spawn "$O/tests/e2e/talk" "$SOCKET" silent 211 20
	silent=$CHILD
	read -r -t 20 -u "$OUT" _ || fail "211 cannot connect"
	talk loop 101 0 sample=100 sample=50 >"$T/talk" || fail "the changes: status $?"
	check "answers beside the silent" "$(grep -c '^0 ' "$T/talk")" -eq 101
	check "took 10 ms or more, of 101" "$(awk '$4 - $3 >= 10000000' "$T/talk" | wc -l)" -le 5
	ctl "$TOOL" sample=100
	check "gomemtrace ctl: status" $STATUS -eq 0
	sleep 0.3
	check "rows go on" "$(wc -l <"$T/rows")" -gt "$rows"
	check "descriptors" "$(find "/proc/$TOOL/fd" -lname 'socket:*' | wc -l)" -le 9
	kill -KILL $silent
	untrace
	check "generation of the last" "$(jq 'select(.generation) | .generation' "$T/rows" | tail -n 1)" -ge 100
	done_checking
}
