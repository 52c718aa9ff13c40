# shellcheck shell=busybox disable=SC2154,SC2034
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Allocations and the heap: what is counted here is held against what the target counted.

# counts N: the target's own, before anybody looks (0), meanwhile (1, 2), and after that (3)
counts() { tell stats && eval "T$1=\$ANS"; }

# tried TARGET MODE N [ARGS...]: N objects while goalloc looks; what its rows have wrong is a failure
tried() {
	local line target=$1 mode=$2 n=$3
	shift 3
	start "$target" || return 1
	ask mix 10007 && counts 0 && watch goalloc --mode "$mode" "$@" && counts 1 || return 1
	ask mix "$n" || return 1
	[ "$mode" != windowed ] || several_windows "$n" || return 1
	counts 2 && watched && counts 3 || return 1
	check "mode" "$s_mode" = "$mode"
	awk -v mode="$mode" -v whole="$(whole "$target")" -v t0="$T0" -v t1="$T1" -v t2="$T2" -v t3="$T3" -f alloc.awk $W/events > $W/wrong ||
		fail "alloc.awk: status $?"
	while read -r line; do fail "$line"; done < $W/wrong
	[ "$mode" = totals ] || stacks_told "$target"
}

hits_of() { grep -o "\"name\":\"$1\",\"hits\":[0-9]*" $W/events | sed 's/.*://'; }

several_windows() {
	local until
	until=$(($(cut -d . -f 1 /proc/uptime) + 6))
	while [ "$(cut -d . -f 1 /proc/uptime)" -lt $until ]; do ask mix "$1" || return 1; done
}

sums() {
	tried "$1" totals 2003 || return 1
	check "probes" "$s_probe_hits" = 0
}

each() {
	tried "$1" exact 2003 || return 1
	check "seen" "$s_sampled_objects" = "$s_objects"
	check "coverage" "$s_coverage" = 100
	check "all is there" "$(grep -c '"missing":\[\]' $W/events)" = 1
}

# spans TARGET PROGRAM: which program can see the span depends on whether there is a decoder
spans() {
	tried "$1" sampled 20011 || return 1
	check "source" "$(grep -c '"source":"those that needed a new span, and large ones"' $W/events)" = 1
	check "few are seen" $((s_sampled_objects * 8)) -lt "$s_objects"
	check "$2" "$(hits_of "$2")" -gt 100
}

own_samples() {
	SAMPLING=1 tried "$1" sampled 100003 || return 1
	check "source" "$(grep -c "\"source\":\"the runtime's own samples\"" $W/events)" = 1
	check "few are seen" "$s_probe_hits" -lt $((s_bytes / 524288 * 2))
}

windows() {
	tried "$1" windowed 5003 --sample 50 --by class,stack,creator,type || return 1
	check "windows" "$s_windows" -ge 3
	check "some are seen" "$s_sampled_objects" -gt 100
	check "not all are seen" "$s_sampled_objects" -lt "$s_objects"
}

# ---- the heap ----------------------------------------------------------------

# of_heap STATE KEY: the sum of it over the rows of that state
of_heap() {
	awk -v state="\"state\":\"$1\"" -v key="\"$2\":" '
		index($0, state) && index($0, key) { n += substr($0, index($0, key) + length(key)) + 0 }
		END { printf "%d", n }' $W/heap
}

heap_look() {
	$GMT goheap -p "$PID" -j "$@" > $W/heap 2> $W/err || { fail "goheap: $(cat $W/err)"; return 1; }
}

same_heap() {
	check "HeapInuse" "$(of_heap in_use mapped)" = "$ans_HeapInuse"
	check "HeapAlloc" "$(of_heap in_use bytes)" = "$ans_HeapAlloc"
	check "HeapReleased" "$(of_heap scavenged mapped)" = "$ans_HeapReleased"
	check "HeapIdle" $(($(of_heap free mapped) + $(of_heap scavenged mapped))) = "$ans_HeapIdle"
	check "StackInuse" "$(of_heap stack mapped)" = "$ans_StackInuse"
	check "parts" $(($(of_heap in_use bytes) + $(of_heap in_use free_slots_bytes) + \
		$(of_heap in_use tail_bytes))) = "$ans_HeapInuse"
	check "consistent" "$(grep -c '"consistent":true,"moved_bytes":0,"unmarked_bytes":0,' $W/heap)" = 1
}

# of_list FILTER KEY: a member of the only row that has FILTER
of_list() { grep "$1" $W/heap | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"; }

census() {
	start "$1" && ask gogc -1 && ask hold a 2003 1000 && ask hold b 1009 640 scan && ask hold c 13 100003 &&
		ask drop a 1 3 && ask gc && ask hold d 101 640 scan && calm heap_look || return 1
	same_heap
	near "live of 1,024 bytes" "$(of_list '"size_class":1024,"noscan":true' live_bytes)" $((2003 * 2 / 3 * 1024)) 8192
	# the runtime notes them from 1.22 on
	case $1 in
	*-1.19) check "types" "$(grep -c '"types_known":false' $W/heap)" = 1 ;;
	*)
		check "types: objects" "$(of_list '"type":"\[\]unsafe.Pointer","package":[^,]*,"size":8,' objects)" -ge 1110
		check "no type" "$(grep -c '"untyped_objects":0,' $W/heap)" = 1
		;;
	esac
}

# Of each of five stacks 211 objects, none left out; and what holds them, which one of them made
# grow last.
profile() {
	local line
	start "$1" && ask profile 1 && ask gc 2 && heap_look -o "pprof:$W/pprof" -o "folded:$W/folded" || return 1
	gunzip -c < $W/pprof > $W/out || fail "gunzip: $?"
	check "pprof" "$(grep -ac 'main.stackE' $W/out)" -ge 1
	awk '
		BEGIN {
			slot["A"] = 1152; slot["B"] = 2304; slot["C"] = 320; slot["D"] = 5376; slot["E"] = 73728
		}
		match($0, /;main\.stack[A-E];main\.keep [0-9]+$/) { got[substr($0, RSTART + 11, 1)] = $NF }
		END {
			for (s in slot) {
				more += got[s] - 211 * slot[s]
				if (got[s] < 211 * slot[s])
					print "stack " s ": " got[s] + 0 " bytes, not " 211 * slot[s]
			}
			if (more < 8 * 1055 || more > 16 * 3 * 1055)
				print "what holds them: " more " bytes"
		}' $W/folded > $W/wrong || fail "awk: status $?"
	while read -r line; do fail "$line"; done < $W/wrong
}

[ "$arch" = arm64 ] && finds_span=alloc_span || finds_span=alloc_refill
for rel in $(releases); do
	run "$rel: sums of allocations" sums "allocs-$rel"
	run "$rel: every allocation" each "allocs-$rel"
	run "$rel: a sample of allocations, by spans" spans "allocs-$rel" "$finds_span"
	run "$rel: a sample of allocations, the runtime's" own_samples "allocs-$rel"
	run "$rel: the heap" census "truth-$rel"
	run "$rel: its profile" profile "truth-$rel"
done
run "allocations in windows" windows "allocs-$rel"
if [ -e gomemtrace-full ]; then
	GMT=./gomemtrace-full
	run "with a decoder: a sample of allocations" spans "allocs-$rel" alloc_span
	GMT=./gomemtrace
fi
