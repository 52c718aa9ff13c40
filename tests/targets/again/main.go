// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// again: a Go program that becomes itself again and again by execve(2), every
// MS milliseconds, under the same pid; with a second argument it becomes that
// program in the end, after N times.
//
//	again MS [N PROGRAM ARGS...]
package main

import (
	"os"
	"strconv"
	"syscall"
	"time"
)

var kept [][]byte

func main() {
	ms, _ := strconv.Atoi(os.Args[1])
	if os.Getenv("AGAIN") == "" {
		os.Stdout.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	n, _ := strconv.Atoi(os.Getenv("AGAIN"))
	for i := 0; i < 1009; i++ {
		kept = append(kept, make([]byte, 4096+n%7))
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	if len(os.Args) > 3 {
		if max, _ := strconv.Atoi(os.Args[2]); n >= max {
			syscall.Exec(os.Args[3], os.Args[3:], nil)
			os.Exit(1)
		}
	}
	os.Setenv("AGAIN", strconv.Itoa(n+1))
	if syscall.Exec("/proc/self/exe", os.Args, os.Environ()) != nil {
		os.Exit(1)
	}
}
