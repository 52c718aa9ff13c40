// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// c-truth: a cgo program that makes known amounts of known C memory and says so.
//
// The protocol of ../truth: one command a line on stdin, one JSON object a line on
// stdout, the first line written is the pid. Between commands the process is idle.
//
//	stats                    runtime.MemStats in part, and the fault counters
//	hold N SIZE              N Go objects of SIZE bytes, every byte written
//	gc                       a collection, swept when the reply comes
//	gothreads N              N goroutines, each in a blocking C call
//
// and what truth.c has: malloc, free, threads, join, stacks, blocks, mallinfo,
// dlopen, mmap.
package main

// #cgo CFLAGS: -D_GNU_SOURCE -O1
// #cgo LDFLAGS: -ldl -pthread -Wl,--wrap=pthread_create
// #include "truth.h"
import "C"

import (
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

var (
	inBuf  [4096]byte
	inLen  int
	kept   [][]byte
	ms     runtime.MemStats
	outBuf [4096]byte
)

// line returns the next line of stdin, "" at its end.
func line() string {
	for {
		for i := 0; i < inLen; i++ {
			if inBuf[i] == '\n' {
				l := string(inBuf[:i])
				copy(inBuf[:], inBuf[i+1:inLen])
				inLen -= i + 1
				return l
			}
		}
		n, _, e := syscall.Syscall(syscall.SYS_READ, 0,
			uintptr(unsafe.Pointer(&inBuf[inLen])), uintptr(len(inBuf)-inLen))
		if e == syscall.EINTR {
			continue
		}
		if e != 0 || n == 0 {
			return ""
		}
		inLen += int(n)
	}
}

// reply writes a line without allocating.
func reply(parts ...string) {
	n := 0
	for _, p := range parts {
		n += copy(outBuf[n:], p)
	}
	outBuf[n] = '\n'
	syscall.Syscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&outBuf[0])), uintptr(n+1))
}

func stats() {
	var min, maj C.ulong
	runtime.ReadMemStats(&ms)
	C.faults(&min, &maj)
	u := func(v uint64) string { return strconv.FormatUint(v, 10) }
	reply(`{"cmd":"stats","ok":true,"HeapInuse":`, u(ms.HeapInuse), `,"StackInuse":`, u(ms.StackInuse),
		`,"Sys":`, u(ms.Sys), `,"NumGC":`, u(uint64(ms.NumGC)),
		`,"min_flt":`, u(uint64(min)), `,"maj_flt":`, u(uint64(maj)), `}`)
}

func hold(n, size int) {
	for i := 0; i < n; i++ {
		b := make([]byte, size)
		for j := range b {
			b[j] = byte(i + j)
		}
		kept = append(kept, b)
	}
	reply(`{"cmd":"hold","ok":true,"bytes":`, strconv.Itoa(n*size), `}`)
}

func gothreads(n int) {
	for i := 0; i < n; i++ {
		go func() {
			runtime.LockOSThread()
			C.block()
		}()
	}
	for int(C.blocked()) < n {
		runtime.Gosched()
	}
	C.settle()
	reply(`{"cmd":"gothreads","ok":true,"threads":`, strconv.Itoa(n), `}`)
}

func num(w []string, i int) int {
	if i >= len(w) {
		return 0
	}
	v, _ := strconv.Atoi(w[i])
	return v
}

func main() {
	runtime.LockOSThread()
	C.start()
	reply(strconv.Itoa(syscall.Getpid()))
	for l := line(); l != ""; l = line() {
		w := strings.Fields(l)
		switch w[0] {
		case "stats":
			stats()
		case "hold":
			hold(num(w, 1), num(w, 2))
		case "gothreads":
			gothreads(num(w, 1))
		case "gc":
			runtime.GC()
			C.settle()
			reply(`{"cmd":"gc","ok":true}`)
		case "quit":
			return
		default:
			if len(l) >= len(inBuf) {
				return
			}
			var c [4096]byte
			copy(c[:], l)
			C.command((*C.char)(unsafe.Pointer(&c[0])))
		}
	}
}
