// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// stops: stops the world as often as it is told to, for reasons that are known.
//
// The first line of stdout is the pid; then one command a line on stdin, one JSON
// object a line on stdout:
//
//	stats         NumGC and PauseTotalNs
//	mem N         N times runtime.ReadMemStats
//	procs N       N times runtime.GOMAXPROCS, each with another number
//	profile N     N times runtime.GoroutineProfile
//	dump N        N times runtime.Stack of all goroutines
//	gc N          N collections
//	deep N        one runtime.ReadMemStats by a new goroutine, below N calls of descend,
//	              for which its stack grows several times
//	grow N        N collections, each by a goroutine with the smallest stack, which has
//	              to grow, while another runs that must be preempted
//	quit
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

var (
	ms      runtime.MemStats
	records [1024]runtime.StackRecord
	dump    [64 << 10]byte
	stop    uint32
	spun    uint64
)

//go:noinline
func askMem() { runtime.ReadMemStats(&ms) }

//go:noinline
func askProcs(n int) { runtime.GOMAXPROCS(n) }

//go:noinline
func askProfile() { runtime.GoroutineProfile(records[:]) }

//go:noinline
func askDump() { runtime.Stack(dump[:], true) }

//go:noinline
func askGC() { runtime.GC() }

//go:noinline
func descend(n int) byte {
	var pad [1024]byte
	pad[n&1023] = byte(n)
	if n > 1 {
		return descend(n-1) + pad[1]
	}
	askMem()
	return pad[n&1023]
}

//go:noinline
func fromDeep(n int, end chan struct{}) {
	descend(n)
	close(end)
}

func deep(n int) {
	end := make(chan struct{})
	go fromDeep(n, end)
	<-end
}

//go:noinline
func spin() {
	n := uint64(0)
	for atomic.LoadUint32(&stop) == 0 {
		for i := uint64(0); i < 1000; i++ {
			n += i
		}
		runtime.Gosched()
	}
	atomic.AddUint64(&spun, n)
}

func grow(n int) {
	var wg sync.WaitGroup
	atomic.StoreUint32(&stop, 0)
	wg.Add(1)
	go func() { defer wg.Done(); spin() }()
	for i := 0; i < n; i++ {
		end := make(chan struct{})
		go func() { askGC(); close(end) }()
		<-end
	}
	atomic.StoreUint32(&stop, 1)
	wg.Wait()
}

func main() {
	debug.SetGCPercent(-1)
	fmt.Println(os.Getpid())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var cmd string
		var n int
		fmt.Sscan(in.Text(), &cmd, &n)
		procs := runtime.GOMAXPROCS(0)
		for i := 0; i < n; i++ {
			switch cmd {
			case "mem":
				askMem()
			case "procs":
				askProcs(1 + (procs+i)%2)
			case "profile":
				askProfile()
			case "dump":
				askDump()
			case "gc":
				askGC()
			}
		}
		switch cmd {
		case "grow":
			grow(n)
		case "deep":
			deep(n)
		case "stats":
			askMem()
		case "quit":
			return
		}
		fmt.Printf("{\"cmd\":%q,\"ok\":true,\"numgc\":%d,\"pause_total_ns\":%d}\n", cmd, ms.NumGC,
			ms.PauseTotalNs)
	}
}
