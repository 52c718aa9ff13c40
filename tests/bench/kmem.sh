#!/bin/bash
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# What gokmem costs a program that does nothing but make kernel objects, and gofault one that
# does nothing but touch pages; beside them bpftrace doing the same. Needs root.
#
#	O=.out ROUNDS=7 CALLS=20011 PAGES=20011 RELEASE=1.24 tests/bench/kmem.sh
#
# The CPU time of the same work, by the kernel's account of the process, with nothing attached and
# with each in turn; medians of all rounds. An event is an allocation or a free, or a fault.
set -euo pipefail

. "$(dirname "$0")/lib.bash"
ROUNDS=${ROUNDS:-7}
CALLS=${CALLS:-20011}
PAGES=${PAGES:-20011}

bench_start kmem calls

# ---- what is compared ---------------------------------------------------------------

ours() {
	: >"$tmp/said"
	"$GMT" "$@" -v -p "$target" -j --budget 100 >"$tmp/rows" 2>"$tmp/said" &
	tools+=($!)
	wait_line "$tmp/said" 'a trap costs'
}
attach_gokmem() { ours gokmem; }
attach_gokmem_1() { ours gokmem --sample 1; }
attach_gofault() { ours gofault --ring 16M; }

attach_bpftrace_kmem() {
	cat >"$tmp/kmem.bt" <<-END
		BEGIN { printf("ready\\n"); }
		tracepoint:kmem:kmalloc, tracepoint:kmem:kmem_cache_alloc
		/pid == $target/ {
			@bytes[args->call_site, kstack] = sum(args->bytes_alloc);
			@objects[args->call_site, kstack] = count();
			@size = hist(args->bytes_req);
			@left[args->ptr] = args->bytes_alloc;
		}
		tracepoint:kmem:kfree, tracepoint:kmem:kmem_cache_free /@left[args->ptr]/ {
			delete(@left[args->ptr]);
		}
	END
	BPFTRACE_MAP_KEYS_MAX=131072 theirs ready "$tmp/kmem.bt"
}
attach_bpftrace_fault() {
	cat >"$tmp/fault.bt" <<-END
		BEGIN { printf("ready\\n"); }
		tracepoint:exceptions:page_fault_user /pid == $target/ {
			@faults[ustack] = count();
			@pages[args->address >> 12] = count();
		}
	END
	BPFTRACE_MAP_KEYS_MAX=131072 theirs ready "$tmp/fault.bt"
}

# ---- the work -----------------------------------------------------------------------

work_kmem() { ask cycle eventfd "$CALLS"; }
work_fault() { ask drop && ask touch; }

# measure WORK WHAT: CPU time of it, in ns, appended to a file
measure() {
	local a
	"attach_$2"
	"work_$1"
	a=$(cpu)
	"work_$1"
	echo $(($(cpu) - a)) >>"$tmp/$1.$2"
	detach
}

# report WORK EVENTS WHAT...
report() {
	local work=$1 events=$2 base t
	base=$(median <"$tmp/$work.nothing")
	echo "$work: $events events take $((base / 1000)) us with nothing attached"
	for t in "${@:3}"; do
		awk -v what="${t//_/ }" -v b="$base" -v w="$(median <"$tmp/$work.$t")" -v n="$events" \
			'BEGIN { printf "%s: %+.0f ns an event, %.2f times the CPU time\n", what, (w - b) / n, w / b }'
	done
}

kmem="gokmem gokmem_1" fault="gofault"
if command -v bpftrace >/dev/null; then
	kmem="$kmem bpftrace_kmem" fault="$fault bpftrace_fault"
else
	echo "bpftrace: not installed, not measured"
fi
ask map $((PAGES * 4096))
ask touch
for ((i = 0; i < ROUNDS; i++)); do
	for t in nothing $kmem; do
		measure kmem "$t"
	done
	for t in nothing $fault; do
		measure fault "$t"
	done
done
attach_gokmem
work_kmem
detach
# shellcheck disable=SC2086
report kmem "$(tail -n 1 "$tmp/rows" | jq '.summary | .objects * 2 - .outstanding')" $kmem
# shellcheck disable=SC2086
report fault "$PAGES" $fault
