// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// calls: a Go program that makes known numbers of known system calls and page
// faults and says so.
//
// One command a line on stdin, one JSON object a line on stdout; the first
// line written is the pid. Between commands it is idle.
//
//	open KIND N       N of eventfd, pipe, epoll, socket or percpu (a BPF map of one
//	                  value on each CPU), kept open
//	close             all of them
//	cycle KIND N      the same, each closed before the next is opened
//	map BYTES         an anonymous mapping of our own, aligned to huge pages;
//	                  small pages unless the next command is huge
//	huge              it may be of huge pages
//	touch             a byte of each page of it is written, from its start
//	look              the same, read
//	drop              madvise(MADV_DONTNEED), all of it
//	unmap             and it is gone
//	file PATH         a private mapping of a file, in place of it
//	faults            getrusage of the process: ru_minflt, ru_majflt
//	quit
package main

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const (
	pageSize       = 4096
	hugeSize       = 2 << 20
	madvDontneed   = 4
	madvHugepage   = 14
	madvNohugepage = 15
	sysBpf         = 321 // x86-64
)

var (
	fds    [1 << 14]int
	nfds   int
	mapped []byte
)

func check(err error) {
	if err != nil {
		os.Stdout.WriteString(`{"ok":false,"error":` + strconv.Quote(err.Error()) + "}\n")
		os.Exit(1)
	}
}

func call(nr, a, b, c uintptr) int {
	r, _, e := syscall.Syscall(nr, a, b, c)
	if e != 0 {
		check(e)
	}
	return int(r)
}

func open(kind string) {
	switch kind {
	case "eventfd":
		fds[nfds] = call(syscall.SYS_EVENTFD2, 0, 0, 0)
	case "epoll":
		fds[nfds] = call(syscall.SYS_EPOLL_CREATE1, 0, 0, 0)
	case "socket":
		fds[nfds] = call(syscall.SYS_SOCKET, syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	case "pipe":
		var p [2]int32
		call(syscall.SYS_PIPE2, uintptr(unsafe.Pointer(&p)), 0, 0)
		fds[nfds] = int(p[0])
		nfds++
		fds[nfds] = int(p[1])
	case "percpu":
		// BPF_MAP_CREATE of BPF_MAP_TYPE_PERCPU_ARRAY: keys of 4 bytes, one value of 1000
		attr := [4]uint32{6, 4, 1000, 1}
		fds[nfds] = call(sysBpf, 0, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	default:
		check(syscall.EINVAL)
	}
	nfds++
}

func closeAll() {
	for nfds > 0 {
		nfds--
		call(syscall.SYS_CLOSE, uintptr(fds[nfds]), 0, 0)
	}
}

// Where it is; 0: nothing is mapped.
func address() uintptr {
	if len(mapped) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&mapped[0]))
}

func advise(advice uintptr) {
	call(syscall.SYS_MADVISE, address(), uintptr(len(mapped)), advice)
}

func mapAnon(n int) {
	all, err := syscall.Mmap(-1, 0, n+hugeSize, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON)
	check(err)
	skip := int(-uintptr(unsafe.Pointer(&all[0])) & (hugeSize - 1))
	mapped = all[skip : skip+n]
	advise(madvNohugepage)
}

func mapFile(path string) {
	f, err := os.Open(path)
	check(err)
	st, err := f.Stat()
	check(err)
	mapped, err = syscall.Mmap(int(f.Fd()), 0, int(st.Size()), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE)
	check(err)
	f.Close()
}

//go:noinline
func touch() {
	for i := 0; i < len(mapped); i += pageSize {
		mapped[i] = 1
	}
}

//go:noinline
func look() (sum byte) {
	for i := 0; i < len(mapped); i += pageSize {
		sum += mapped[i]
	}
	return sum
}

func answer(cmd string, more ...string) {
	os.Stdout.WriteString(`{"ok":true,"cmd":"` + cmd + `"` + strings.Join(more, "") + "}\n")
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	check(err)
	return n
}

func run(w []string) {
	var u syscall.Rusage
	switch w[0] {
	case "open":
		for i := number(w[2]); i > 0; i-- {
			open(w[1])
		}
	case "close":
		closeAll()
	case "cycle":
		for i := number(w[2]); i > 0; i-- {
			open(w[1])
			closeAll()
		}
	case "map":
		mapAnon(number(w[1]))
	case "huge":
		advise(madvHugepage)
	case "touch":
		touch()
	case "look":
		look()
	case "drop":
		advise(madvDontneed)
	case "unmap":
		call(syscall.SYS_MUNMAP, address(), uintptr(len(mapped)), 0)
		mapped = nil
	case "file":
		mapFile(w[1])
	case "faults":
		check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		answer(w[0], `,"min_flt":`, strconv.FormatInt(u.Minflt, 10), `,"maj_flt":`,
			strconv.FormatInt(u.Majflt, 10), `,"addr":"`,
			strconv.FormatUint(uint64(address()), 10), `"`)
		return
	case "quit":
		os.Exit(0)
	default:
		check(syscall.EINVAL)
	}
	answer(w[0])
}

func main() {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	os.Stdout.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		run(strings.Fields(in.Text()))
	}
}
