#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# Kernel memory: as many objects at their call sites as there were system calls, and none of
# them left when all is closed; of a sample, within its error.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib
load live

N=10007

# of SITE KIND KEY: a number of the row of that function
of() {
	jq -s --arg site "$1" --arg kind "$2" \
		"[.[] | select(.by == \"site\" and .site == \$site and .kind == \$kind) | .$3] | add // 0" "$T/rows"
}

# by KEY VALUE KIND NUMBER: the same, by another key
by() {
	jq -s "[.[] | select(.by == \"$1\" and .$1 == \"$2\" and .kind == \"$3\") | .$4] | add // 0" "$T/rows"
}

# What each call takes, by the kernel's own source: fs/eventfd.c, fs/pipe.c
calls() {
	start "$1" calls
	trace gokmem -p "$PID" -j --budget 100 || return 1
	ask cycle eventfd $N && ask cycle pipe $N || return 1
	sleep 1 # what is freed when no CPU can see it any more
	untrace
	books "$1"
	check "$1: eventfd" "$(of do_eventfd kmalloc objects)" -eq $N
	check "$1: pipe" "$(of alloc_pipe_info kmalloc objects)" -eq $((2 * N))
	check "$1: files" "$(of alloc_empty_file cache objects)" -eq $((3 * N))
	check "$1: in eventfd2" "$(by call eventfd2 kmalloc objects)" -eq $N
	check "$1: GFP_KERNEL" "$(by gfp GFP_KERNEL kmalloc objects)" -eq $N
	check "$1: requested" "$(of do_eventfd kmalloc requested_bytes)" -gt $((N * 32))
	check "$1: requested and rounded" "$(of do_eventfd kmalloc allocated_bytes)" -eq $((N * 64))
	for site in do_eventfd alloc_pipe_info; do
		check "$1: $site is given back" "$(of $site kmalloc outstanding)" -eq 0
	done
	check "$1: files are given back" "$(of alloc_empty_file cache outstanding)" -eq 0
	check "$1: by kind and by stack" "$(jq -s '[.[] | select(.by == "stack") | .objects] | add' "$T/rows")" \
		-eq "$(jq -s '[.[] | select(.by == "kind") | .objects] | add' "$T/rows")"
	check "$1: a stack leads to the system call" "$(jq -s '[.[] | select(.by == "stack" and
		.call == "eventfd2" and .site == "do_eventfd") | select(.stack[0].func == "do_eventfd"
		and ([.stack[].func] | any(test("sys_eventfd2"))))] | length' "$T/rows")" -ge 1
}

@test "gokmem: an object a call, at the function that asks for it" {
	each_release calls
}

@test "gokmem: what is kept open is outstanding, until it is closed" {
	start "${RELEASES##* }" calls
	trace gokmem -p "$PID" -j --budget 100
	ask open eventfd 1009 && ask open pipe 503
	sleep 1
	untrace
	check "eventfd" "$(of do_eventfd kmalloc outstanding)" -eq 1009
	check "pipe" "$(of alloc_pipe_info kmalloc outstanding)" -eq 1006
	check "files" "$(of alloc_empty_file cache outstanding)" -eq $((1009 + 2 * 503))
	# what was there before is nobody's, and its end no negative number
	trace gokmem -p "$PID" -j --budget 100
	ask close && ask open eventfd 7
	sleep 1
	untrace
	books "closed"
	check "eventfd" "$(of do_eventfd kmalloc outstanding)" -eq 7
	check "pipe" "$(of alloc_pipe_info kmalloc outstanding)" -eq 0
	done_checking
}

# A map of one value on each CPU; the kernel frees it later, from a worker of its own.
@test "gokmem: what is on each CPU, and is freed by somebody else" {
	start "${RELEASES##* }" calls
	trace gokmem -p "$PID" -j --budget 100
	ask open percpu 211
	untrace
	check "objects" "$(of bpf_map_alloc_percpu percpu objects)" -eq 211
	check "requested" "$(of bpf_map_alloc_percpu percpu requested_bytes)" -eq 211000
	check "allocated" "$(of bpf_map_alloc_percpu percpu allocated_bytes)" -ge $((211000 * $(nproc)))
	check "outstanding" "$(of bpf_map_alloc_percpu percpu outstanding)" -eq 211
	trace gokmem -p "$PID" -j --budget 100
	ask cycle percpu 107
	sleep 2
	untrace
	books "freed"
	check "freed: objects" "$(of bpf_map_alloc_percpu percpu objects)" -eq 107
	check "freed: outstanding" "$(of bpf_map_alloc_percpu percpu outstanding)" -eq 0
	done_checking
}

# Every site of every run is a sample of its own. With seeds and 1000 runs: tests/unit/test_kmem.c
@test "gokmem: a sample of 1 % is within its error, 88 times of 100" {
	start "${RELEASES##* }" calls
	: >"$T/verdicts"
	for _ in {1..8}; do
		trace gokmem -p "$PID" -j --budget 100 --sample 1
		ask cycle eventfd $N && ask cycle pipe $N
		sleep 0.5
		untrace
		books sample
		check "taken or not" "$(($(total produced) + $(total filtered)))" -gt $((10 * N))
		jq -r --argjson n $N '
			{ do_eventfd: 64, alloc_pipe_info: 1216, alloc_empty_file: 576 } as $bytes |
			select(.by == "site" and $bytes[.site]) |
			(.allocated_bytes - $n * $bytes[.site]) as $off |
			if $off <= .error_bytes and -$off <= .error_bytes then "in" else "out" end' \
			"$T/rows" >>"$T/verdicts"
	done
	total_runs=$(wc -l <"$T/verdicts")
	check "sites" "$total_runs" -eq 24
	check "within" "$(grep -c in "$T/verdicts")" -ge $((total_runs * 88 / 100))
	done_checking
}

@test "gokmem: room for few objects: what is lost is counted" {
	start "${RELEASES##* }" calls
	trace gokmem -p "$PID" -j --budget 100 --objects 97
	ask open eventfd 503
	untrace
	check "books" "$(total produced)" -eq $(($(total delivered) + $(total lost)))
	check "lost" "$(total lost)" -ge $((503 - 97))
	done_checking
}
