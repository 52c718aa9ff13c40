# shellcheck shell=busybox
# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#
# That the program runs at all.

host() {
	$GMT --check > $W/out 2>&1
	check "status of --check" $? = 0
	for what in process_vm_readv /proc/PID/pagemap /proc/kpageflags /proc/PID/smaps_rollup pidfd_open /proc/kallsyms; do
		check "$what" "$(grep -cx "ok  *$what" $W/out)" = 1
	done
	kernel 6 7 && want=ok || want=missing
	check "PAGEMAP_SCAN" "$(grep -c "^$want  *PAGEMAP_SCAN" $W/out)" = 1
	check "BPF" "$(grep -cxE "ok  *BPF (programs|ring buffer)" $W/out)" = 2
	kernel 5 12 && want=ok || want=missing
	check "atomic fetch" "$(grep -c "^$want  *atomic fetch in BPF" $W/out)" = 1
	kernel 6 10 && want=ok || want=missing
	check "uprobe_multi" "$(grep -c "^$want  *uprobe_multi by process" $W/out)" = 1
}
run "what the host allows" host

words() {
	$GMT explain go.heap.idle > $W/out 2>&1
	check "status of explain" $? = 0
	check "its first word" "$(head -n 1 $W/out | cut -d ' ' -f 1)" = go.heap.idle
}
run "explain" words

strangers() {
	$GMT -p 1 -j > $W/out 2>&1
	check "status for a program that is not Go" $? = 4
}
run "a program that is not Go" strangers
