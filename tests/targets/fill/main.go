// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// fill BYTES SIZE: a heap of about BYTES in live objects of SIZE bytes each,
// every one its own allocation, every byte written. Prints its pid when the
// heap stands and has been collected once, then idles until stdin ends.
//
// Objects of 64 bytes are linked (a pointer each, lists of 256), all others are
// pointer free and held by chunks of 8,192 pointers.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
)

type node struct {
	next *node
	body [7]uint64
}

const chunk = 8192

var (
	lists  [][]*node
	chunks [][][]byte
)

func linked(n int) {
	for n > 0 {
		heads := make([]*node, chunk)
		for i := range heads {
			for j := 0; j < 256 && n > 0; j++ {
				x := &node{next: heads[i]}
				for k := range x.body {
					x.body[k] = uint64(n + k + 1)
				}
				heads[i] = x
				n--
			}
		}
		lists = append(lists, heads)
	}
}

func plain(n, size int) {
	for n > 0 {
		c := make([][]byte, 0, chunk)
		for ; len(c) < chunk && n > 0; n-- {
			b := make([]byte, size)
			for i := range b {
				b[i] = byte(n + i + 1)
			}
			c = append(c, b)
		}
		chunks = append(chunks, c)
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: fill BYTES SIZE")
		os.Exit(2)
	}
	bytes, err1 := strconv.Atoi(os.Args[1])
	size, err2 := strconv.Atoi(os.Args[2])
	if err1 != nil || err2 != nil || size < 16 || bytes < size {
		fmt.Fprintln(os.Stderr, "fill: bad size")
		os.Exit(2)
	}
	old := debug.SetGCPercent(-1)
	if size == 64 {
		linked(bytes / size)
	} else {
		plain(bytes/size, size)
	}
	debug.SetGCPercent(old)
	runtime.GC()
	fmt.Println(os.Getpid())
	var b [64]byte
	for {
		n, err := syscall.Read(0, b[:])
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			break
		}
	}
	runtime.KeepAlive(lists)
	runtime.KeepAlive(chunks)
}
