#!/usr/bin/env bats
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# The memory cgroup: groups of ours with known content, in whichever hierarchy has the
# memory controller here. Their usage is the sum of what is printed, up to what CPUs charge
# in advance: MEMCG_CHARGE_BATCH (64) pages each.

# each test is a subshell, and lib.bash sets what looks unset
# shellcheck disable=SC2030,SC2031,SC2034,SC2153
load lib

BATCH=$((64 * $(getconf PAGESIZE) * $(nproc --all)))
GROUPS_MADE=()
TMPFS=

teardown() {
	local i n
	# each holds the stdin of those before it open: none ends by itself
	[ ${#PIDS[@]} = 0 ] || kill -KILL "${PIDS[@]}" 2>/dev/null || :
	stop_all
	[ -z "$TMPFS" ] || rm -f "$TMPFS"
	for ((i = ${#GROUPS_MADE[@]} - 1; i >= 0; i--)); do
		for n in {1..50}; do
			! rmdir "${GROUPS_MADE[i]}" 2>/dev/null || break
			sleep 0.1
		done
		[ ! -d "${GROUPS_MADE[i]}" ] || { echo "left behind: ${GROUPS_MADE[i]}"; return 1; }
	done
}

# hierarchy: where groups can be made, $TOP; $CGV is 1 or 2.
hierarchy() {
	CGV=1 TOP=$(awk '$3 == "cgroup" && $4 ~ /(^|,)memory(,|$)/ { print $2; exit }' /proc/mounts)
	if [ -z "$TOP" ]; then
		CGV=2 TOP=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
		grep -qw memory "$TOP/cgroup.controllers" 2>/dev/null || skip "no memory controller"
		grep -qw memory "$TOP/cgroup.subtree_control" || skip "groups have no memory controller here"
	fi
	[ -w "$TOP/cgroup.procs" ] || skip "no groups can be made"
}

# group NAME LIMIT: a group of ours, $TOP/NAME.
group() {
	mkdir "$TOP/$1" || skip "no groups can be made"
	GROUPS_MADE+=("$TOP/$1")
	[ "$CGV" = 1 ] || [ "${1%/*}" = "$1" ] || echo +memory >"$TOP/${1%/*}/cgroup.subtree_control"
	if [ "$CGV" = 1 ]; then echo "$2" >"$TOP/$1/memory.limit_in_bytes"; else echo "$2" >"$TOP/$1/memory.max"; fi
}

# inside GROUP COMMAND...: run in it, to its end.
inside() {
	bash -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - "$TOP/$1" "${@:2}" 3>&-
}

# into GROUP RELEASE: the truth program, started in it.
into() {
	# shellcheck disable=SC2016
	spawn bash -c 'echo $$ >"$1/cgroup.procs"; exec "$2"' - "$TOP/$1" "$CACHE/targets/$2/truth"
	read -r -t 20 -u "$OUT" PID
}

# settled: a look after the kernel has collected its counters (every 2 s)
settled() { sleep 2.5 && look; }

# from GROUP V1-NAME V2-NAME: a number of the kernel's own files
from() {
	local f=$TOP/$1/$2
	[ "$CGV" = 1 ] || f=$TOP/$1/$3
	cat "$f"
}

# stat GROUP V1-KEY V2-KEY
stat_of() {
	local k=$2
	[ "$CGV" = 1 ] || k=$3
	awk -v k="$k" '$1 == k { print $2 }' "$TOP/$1/memory.stat"
}

outside() { jq -r --arg id "$1" '.not_in_rss[] | select(.id == $id) | .bytes' "$LEDGER"; }

@test "cgroup: usage is the sum of its parts, tmpfs and page cache are in their rows" {
	local g=gomemtrace-test.$$ file shm cache0 shmem0 usage
	hierarchy
	group "$g" $((512 << 20))
	# 53 MiB on disk that nobody has in memory
	file=$T/file
	dd if=/dev/urandom of="$file" bs=1M count=53 conv=fsync status=none
	dd of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none
	into "$g" "${RELEASES##* }"
	ask gogc -1
	ask hold a 20011 1024
	# shellcheck disable=SC2016
	spawn bash -c 'echo $$ >"$1/cgroup.procs"; exec sleep 300' - "$TOP/$g"
	other=$CHILD
	settled
	cache0=$(outside cgroup.file) shmem0=$(outside cgroup.shmem)
	check "version" "$(l .cgroup.version)" -eq "$CGV"
	check "path" "$(l .cgroup.path)" = "/$g"
	check "limit" "$(l .cgroup.limit)" -eq $((512 << 20))
	check "limit's group" "$(l .cgroup.limit_path)" = "/$g"
	check "processes" "$(l .cgroup.processes)" -eq 2
	check "others" "$(l .cgroup.others)" -eq 1
	check "others' rss" "$(l .cgroup.others_rss)" -eq $(($(awk '/^VmRSS/ { print $2 }' "/proc/$other/status") * 1024))
	check "unreadable" "$(l .cgroup.unreadable)" -eq 0
	near "anonymous memory, most of it the target's" "$(l .cgroup.anon)" \
		$(($(awk '/^RssAnon/ { print $2 }' "/proc/$PID/status") * 1024)) $((1 << 20))

	# now they fill it: 37 MiB of tmpfs, 53 MiB read from disk
	TMPFS=/dev/shm/$g
	inside "$g" dd if=/dev/zero of="$TMPFS" bs=1M count=37 status=none
	inside "$g" dd if="$file" of=/dev/null bs=1M status=none
	settled
	near "tmpfs" $(($(outside cgroup.shmem) - shmem0)) $((37 << 20)) 0
	near "page cache" $(($(outside cgroup.file) - cache0)) $((53 << 20)) $BATCH
	check "shmem" "$(l .cgroup.shmem)" -eq "$(outside cgroup.shmem)"
	check "file" "$(l '.cgroup.file - .cgroup.shmem')" -eq "$(outside cgroup.file)"
	usage=$(from "$g" memory.usage_in_bytes memory.current)
	near "usage" "$(l .cgroup.usage)" "$usage" $BATCH
	near "inactive file" "$(l .cgroup.inactive_file)" "$(stat_of "$g" total_inactive_file inactive_file)" $BATCH
	check "working set" "$(l '.cgroup.usage - .cgroup.inactive_file')" -eq "$(l .cgroup.working_set)"
	check "headroom" "$(l '.cgroup.limit - .cgroup.working_set')" -eq "$(l .cgroup.headroom)"
	echo "# usage $(l .cgroup.usage), residual $(l .cgroup.residual), a batch of each CPU $BATCH" >&3
	near "usage and its parts" "$(l .cgroup.usage)" \
		"$(l '.cgroup | .anon + .file + .kernel + (if .version == 2 then (.sock // 0) + (.hugetlb // 0) else 0 end)')" $BATCH
	check "residual" "$(l '.cgroup | .residual == .usage - .anon - .file - .kernel -
		(if .version == 2 then (.sock // 0) + (.hugetlb // 0) else 0 end)')" = true
	check "residual's bound" "$(l '.cgroup | (.residual | fabs) <= .residual_bound')" = true
	check "kernel memory, all of it told" "$(l '[.not_in_rss[] |
		select(.id | test("^cgroup.(slab|page_tables|kernel_stack|kernel_other)$")) | .bytes | values] | add')" \
		-eq "$(l .cgroup.kernel)"
	# as the kernel says; v1 does not say
	if [ "$CGV" = 2 ]; then
		near "slab" "$(outside cgroup.slab)" "$(stat_of "$g" - slab)" $BATCH
		near "page tables" "$(outside cgroup.page_tables)" "$(stat_of "$g" - pagetables)" $BATCH
		near "kernel stacks" "$(outside cgroup.kernel_stack)" "$(stat_of "$g" - kernel_stack)" $BATCH
	fi

	tool -p "$PID"
	sed -n 2p "$T/out" | grep -Eq "cgroup limit 512 MiB, working set [0-9.]+( [KMG]iB)?( |$)" ||
		fail "the header says: $(sed -n 1,3p "$T/out")"
	check "widest line" "$(LC_ALL=C.UTF-8 wc -L <"$T/out")" -le 80
	grep -q "cgroup tmpfs and shmem 37.0 MiB" "$T/out" || fail "the screen has no tmpfs: $(<"$T/out")"
	done_checking
}

@test "cgroup: the tightest limit may be one further up" {
	local g=gomemtrace-test.$$
	hierarchy
	group "$g" $((300 << 20))
	group "$g/inner" $((1 << 30))
	into "$g/inner" "${RELEASES##* }"
	look
	check "path" "$(l .cgroup.path)" = "/$g/inner"
	check "limit" "$(l .cgroup.limit)" -eq $((300 << 20))
	check "limit's group" "$(l .cgroup.limit_path)" = "/$g"
	check "all limits" "$(l '[.cgroup.limits[].limit] | join(" ")')" = "$((1 << 30)) $((300 << 20))"
	check "headroom" "$(l '.cgroup.limits[1] | .limit - .working_set == .headroom')" = true
	tool -p "$PID"
	grep -q "parent cgroup limit 300 MiB" "$T/out" || fail "the header says: $(sed -n 1,3p "$T/out")"
	check "widest line" "$(LC_ALL=C.UTF-8 wc -L <"$T/out")" -le 80
	done_checking
}

@test "cgroup: a container id in the path" {
	local id=4f1bc0ed7a6e5d20c3b2a19f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b
	hierarchy
	group "cri-containerd-$id.scope" $((64 << 20))
	into "cri-containerd-$id.scope" "${RELEASES##* }"
	look
	check "container" "$(l .cgroup.container)" = $id
	check "runtime" "$(l .cgroup.runtime)" = containerd
	check "unit" "$(l .cgroup.unit)" = "cri-containerd-$id.scope"
	done_checking
}

@test "cgroup: found by the target's mounts, from another cgroup namespace, or not at all" {
	local g=gomemtrace-test.$$ usage
	hierarchy
	group "$g" $((64 << 20))
	group "$g-we" $((1 << 30))
	into "$g" "${RELEASES##* }"
	look
	usage=$(l .cgroup.usage)
	# the hierarchy is not mounted where we are
	# shellcheck disable=SC2016
	unshare -m sh -c 'umount -l "$1" && exec "$2" -p "$3" -j' - "$TOP" "$GMT" "$PID" >"$LEDGER" 3>&-
	check "our mounts lack it: path" "$(l .cgroup.path)" = "/$g"
	check "our mounts lack it: limit" "$(l .cgroup.limit)" -eq $((64 << 20))
	near "our mounts lack it: usage" "$(l .cgroup.usage)" "$usage" $((1 << 20))
	# we are in a cgroup namespace whose root is another group
	# shellcheck disable=SC2016
	inside "$g-we" unshare -C "$GMT" -p "$PID" -j >"$LEDGER"
	check "another namespace: path" "$(l .cgroup.path)" = "/../$g"
	check "another namespace: limit" "$(l .cgroup.limit)" -eq $((64 << 20))
	# and have mounted nothing but what is below it
	# shellcheck disable=SC2016
	inside "$g-we" unshare -C -m sh -c 'umount -l "$1" && mount -t "$4" -o "$5" none "$1" && exec "$2" -p "$3" -j' - \
		"$TOP" "$GMT" "$PID" "$([ "$CGV" = 1 ] && echo cgroup || echo cgroup2)" \
		"$([ "$CGV" = 1 ] && echo memory || echo rw)" >"$LEDGER"
	check "mount of a namespace: limit" "$(l .cgroup.limit)" -eq $((64 << 20))
	done_checking
}

@test "cgroup: settings of runtime and kernel" {
	local thp
	GOGC=55 GOMEMLIMIT=512MiB GODEBUG=madvdontneed=0 start "${RELEASES##* }" truth
	look
	thp=$(sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null || echo null)
	check "gogc" "$(l .settings.gogc)" -eq 55
	check "gomemlimit" "$(l .settings.gomemlimit)" -eq $((512 << 20))
	check "gomaxprocs" "$(l .settings.gomaxprocs)" -eq 2
	check "madvise" "$(l .settings.madvise)" = FREE
	check "thp" "$(l .settings.thp_enabled)" = "$thp"
	check "max_ptes_none" "$(l .settings.thp_max_ptes_none)" -eq \
		"$(cat /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none)"
	check "thp disabled" "$(jq .settings.thp_disabled "$LEDGER")" = false
	tool -p "$PID"
	grep -q "^GOGC 55  GOMEMLIMIT 512 MiB  P 2.*madvise FREE  THP $thp" "$T/out" ||
		fail "the header says: $(sed -n 1,3p "$T/out")"
	each_release madvise
}

madvise() {
	start "$1" truth && look || return 1
	check "$1: madvise" "$(l .settings.madvise)" = DONTNEED
	check "$1: gogc" "$(l .settings.gogc)" -eq 100
	check "$1: gomemlimit" "$(l .settings.gomemlimit)" -eq -1
}
