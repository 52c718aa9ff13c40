// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// space: a Go program that changes its address space by known system calls and says so.
//
// The first line written is the pid; then one command a line on stdin, one JSON object a line
// on stdout. It makes the calls itself, so that nobody but it has counted them:
//
//	maps     mmap, munmap of a middle, mremap that grows, brk up and down, a reservation
//	         that is mapped in part
//	advise   madvise with every advice that matters, in different numbers
//	collapse madvise that makes huge pages of small ones, three times
//	churn N  N times: map a page, unmap it
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const (
	page  = 4096
	huge  = 2 << 20
	rw    = syscall.PROT_READ | syscall.PROT_WRITE
	anon  = syscall.MAP_PRIVATE | syscall.MAP_ANON
	fixed = anon | syscall.MAP_FIXED

	mayMove = 1
)

var calls, mapped, gone, reserved int

func call(nr, a, b, c, d uintptr) uintptr {
	var minus1 uintptr
	if nr == syscall.SYS_MMAP {
		minus1 = ^uintptr(0)
	}
	r, _, e := syscall.RawSyscall6(nr, a, b, c, d, minus1, 0)
	if e != 0 {
		fmt.Printf("{\"ok\":false,\"error\":\"call %d: %v\"}\n", nr, e)
		os.Exit(1)
	}
	calls++
	return r
}

//go:noinline
func keep(pages uintptr) uintptr {
	mapped += int(pages) * page
	return call(syscall.SYS_MMAP, 0, pages*page, rw, anon)
}

//go:noinline
func middle() {
	p := keep(17)
	call(syscall.SYS_MUNMAP, p+5*page, 3*page, 0, 0)
	gone += 3 * page
}

//go:noinline
func grow() {
	p := keep(5)
	call(syscall.SYS_MREMAP, p, 5*page, 11*page, mayMove)
	// what moves is unmapped and mapped
	mapped += 11 * page
	gone += 5 * page
}

//go:noinline
func reserve() {
	p := call(syscall.SYS_MMAP, 0, 1009*page, syscall.PROT_NONE, anon)
	call(syscall.SYS_MMAP, p+11*page, 97*page, rw, fixed)
	mapped += (1009 + 97) * page
	gone += 97 * page
	reserved += (1009 - 97) * page
}

//go:noinline
func heap() {
	p := call(syscall.SYS_BRK, 0, 0, 0, 0)
	call(syscall.SYS_BRK, p+13*page, 0, 0, 0)
	call(syscall.SYS_BRK, p+9*page, 0, 0, 0)
	mapped += 13 * page
	gone += 4 * page
	calls-- // the first only asks
}

func maps() {
	for i := 0; i < 101; i++ {
		keep(7)
	}
	for i := 0; i < 61; i++ {
		middle()
	}
	for i := 0; i < 37; i++ {
		grow()
	}
	reserve()
	heap()
	fmt.Printf("{\"ok\":true,\"calls\":%d,\"mapped\":%d,\"gone\":%d,\"outstanding\":%d,\"reserved\":%d}\n",
		calls, mapped, gone, mapped-gone, reserved)
}

// What is advised: how often, and of how many pages.
var advices = []struct {
	name          string
	advice        uintptr
	calls, length uintptr
}{
	{"dontneed", 4, 53, 3},
	{"free", 8, 47, 5},
	{"hugepage", 14, 7, 1024},
	{"nohugepage", 15, 5, 512},
	{"cold", 20, 11, 2},
	{"normal", 0, 13, 1},
}

func advise() {
	p := call(syscall.SYS_MMAP, 0, 8*huge, rw, anon)
	fmt.Printf("{\"ok\":true")
	for _, a := range advices {
		for i := uintptr(0); i < a.calls; i++ {
			call(syscall.SYS_MADVISE, p, a.length*page, a.advice, 0)
		}
		fmt.Printf(",\"%s\":[%d,%d]", a.name, a.calls, a.calls*a.length*page)
	}
	fmt.Printf("}\n")
}

// collapse says what became of it: there may be no huge page left.
func collapse() {
	p := call(syscall.SYS_MMAP, 0, 4*huge, rw, anon)
	p = (p + huge - 1) &^ (huge - 1)
	collapsed := 0
	for q := p; q < p+3*huge; q += huge {
		*(*byte)(at(q)) = 1
		if _, _, e := syscall.RawSyscall(syscall.SYS_MADVISE, q, huge, 25); e == 0 {
			collapsed += huge
		}
	}
	fmt.Printf("{\"ok\":true,\"collapsed\":%d}\n", collapsed)
}

// at turns a raw address into a pointer; the memory is not the Go heap's.
func at(p uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}

func churn(n int) {
	for i := 0; i < n; i++ {
		call(syscall.SYS_MUNMAP, keep(1), page, 0, 0)
		gone += page
	}
	fmt.Printf("{\"ok\":true,\"calls\":%d}\n", calls)
}

func main() {
	fmt.Println(os.Getpid())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		w := strings.Fields(in.Text())
		switch {
		case len(w) == 1 && w[0] == "maps":
			maps()
		case len(w) == 1 && w[0] == "advise":
			advise()
		case len(w) == 1 && w[0] == "collapse":
			collapse()
		case len(w) == 2 && w[0] == "churn":
			n, _ := strconv.Atoi(w[1])
			churn(n)
		case len(w) == 1 && w[0] == "quit":
			return
		default:
			fmt.Println(`{"ok":false,"error":"unknown command"}`)
		}
	}
}
