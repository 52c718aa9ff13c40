// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// stuck is a process that nobody can look into: `stuck FILE` maps FILE, says its pid,
// and waits for a line. Then one thread writes to the mapping, which takes as long as the
// file system of FILE is frozen, and two more change mappings: the first one holds the
// process's mmap_lock, or the others wait for it, and so does every reader behind them.
// It says "free" when all three came back, and ends with its stdin.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const size = 1 << 20

func main() {
	f, err := os.OpenFile(os.Args[1], os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	if err := f.Truncate(size); err != nil {
		panic(err)
	}
	page, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	in := bufio.NewReader(os.Stdin)
	fmt.Println(os.Getpid())
	if _, err := in.ReadString('\n'); err != nil {
		return
	}
	var done sync.WaitGroup
	work := []func(){
		func() { page[0] = 1 },
		func() { syscall.Mprotect(page[size/2:], syscall.PROT_READ) },
		func() { syscall.Mmap(-1, 0, size, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE) },
	}
	// their threads, before anything is stuck
	var ready sync.WaitGroup
	for i, fn := range work {
		done.Add(1)
		ready.Add(1)
		go func(i int, fn func()) {
			runtime.LockOSThread()
			ready.Done()
			time.Sleep(time.Duration(i+1) * 100 * time.Millisecond)
			fn()
			done.Done()
		}(i, fn)
	}
	ready.Wait()
	done.Wait()
	fmt.Println("free")
	in.ReadString('\n')
}
