// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// churn: allocates as fast as it can, for everything that must be right while
// the target moves. The first line of stdout is the pid; then one line a
// command on stdin:
//
//	stats   TotalAlloc Mallocs Frees NumGC PauseTotalNs HeapAlloc, six decimal
//	        numbers with a space between, read while the churn goes on
//	sum     operations done and the objects' check sum so far: two numbers
//	quit    stop (also the end of stdin); with -sum or -ops the last line is
//	        "sum OPS SUM". With -ops the work is finished first.
//
// Every object carries a check over its own content that is verified when it
// is dropped; a mismatch ends the program with status 3. With -ops N each worker
// stops after N operations, and the sum is the same in every undisturbed run.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

type node struct {
	next *node
	body []byte
	key  uint64
	sum  uint64
}

// The sizes of bodies: small ones often, a few large. Primes, so that no class
// is filled exactly.
var sizes = [...]int{7, 13, 29, 31, 61, 61, 97, 127, 131, 199, 251, 389, 509, 769, 1021, 2039}

type worker struct {
	rng   uint64
	ring  []*node
	sum   uint64
	ops   uint64
	check bool
	_     [64]byte // keeps the counters of two workers apart
}

func (w *worker) next() uint64 {
	w.rng ^= w.rng << 13
	w.rng ^= w.rng >> 7
	w.rng ^= w.rng << 17
	return w.rng
}

func digest(n *node) uint64 {
	h := n.key ^ 14695981039346656037
	for _, b := range n.body {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

func (w *worker) step() {
	r := w.next()
	n := &node{key: r, body: make([]byte, sizes[r>>8&15])}
	// the first and the last byte at least, all of them when we check
	if w.check {
		for i := range n.body {
			n.body[i] = byte(r >> uint(i&7*8))
		}
		n.sum = digest(n)
	} else {
		n.body[0], n.body[len(n.body)-1] = byte(r), 1
	}
	slot := int(r >> 16 % uint64(len(w.ring)))
	old := w.ring[slot]
	if old != nil {
		if w.check && digest(old) != old.sum {
			fmt.Fprintf(os.Stderr, "churn: object %x is damaged\n", old.key)
			os.Exit(3)
		}
		atomic.AddUint64(&w.sum, old.key^old.sum)
		// every other object hangs on to the one it replaces, one deep
		if r&1 != 0 {
			old.next = nil
			n.next = old
		}
	}
	w.ring[slot] = n
	atomic.AddUint64(&w.ops, 1)
}

var stop uint32

func (w *worker) run(ops uint64, wg *sync.WaitGroup) {
	defer wg.Done()
	for atomic.LoadUint32(&stop) == 0 && (ops == 0 || w.ops < ops) {
		w.step()
	}
}

var sink [][]byte

// spikes builds and drops 8 to 64 MiB, and gives memory back now and then.
func spikes() {
	for i := 0; ; i++ {
		n := 8 << uint(i%4)
		sink = nil
		for j := 0; j < n; j++ {
			b := make([]byte, 1<<20)
			for k := 0; k < len(b); k += 4096 {
				b[k] = 1
			}
			sink = append(sink, b)
		}
		time.Sleep(20 * time.Millisecond)
		sink = nil
		if i%8 == 7 {
			debug.FreeOSMemory()
		}
		time.Sleep(50 * time.Millisecond)
	}
}

//go:noinline
func deep(n int) byte {
	var pad [512]byte
	pad[n&511] = byte(n)
	if n > 0 {
		return deep(n-1) + pad[n&255]
	}
	time.Sleep(5 * time.Millisecond)
	return pad[1]
}

// bursts starts n goroutines with stacks of 2 to 64 KiB, waits for them, again.
func bursts(n int) {
	for {
		var wg sync.WaitGroup
		for i := 0; i < n; i++ {
			wg.Add(1)
			go func(d int) { defer wg.Done(); deep(d) }(i % 80)
		}
		wg.Wait()
		time.Sleep(20 * time.Millisecond)
	}
}

func main() {
	workers := flag.Int("workers", 2, "goroutines that allocate")
	live := flag.Int("live", 36, "live heap in MiB, about")
	gogc := flag.Int("gogc", 50, "GOGC: low, for many collections")
	ops := flag.Uint64("ops", 0, "stop each worker after so many operations")
	sum := flag.Bool("sum", false, "fill, check and sum every object")
	spike := flag.Bool("spikes", false, "build and drop large heaps as well")
	gos := flag.Int("goroutines", 0, "bursts of so many goroutines as well")
	flag.Parse()
	debug.SetGCPercent(*gogc)

	ws := make([]*worker, *workers)
	// a node, half a predecessor and a body of 363 bytes on average
	slots := *live << 20 / 640 / *workers
	var wg sync.WaitGroup
	for i := range ws {
		ws[i] = &worker{rng: uint64(i)*7919 + 88172645463325252, ring: make([]*node, slots),
			check: *sum}
		wg.Add(1)
		go ws[i].run(*ops, &wg)
	}
	if *spike {
		go spikes()
	}
	if *gos > 0 {
		go bursts(*gos)
	}
	total := func() (n, s uint64) {
		for _, w := range ws {
			n += atomic.LoadUint64(&w.ops)
			s += atomic.LoadUint64(&w.sum) // repeatable only once the workers stopped
		}
		return
	}
	var once sync.Mutex
	end := func() {
		once.Lock() // never unlocked: the first to come here ends the program
		if *ops == 0 {
			atomic.StoreUint32(&stop, 1)
		}
		wg.Wait()
		if *sum || *ops > 0 {
			n, s := total()
			fmt.Printf("sum %d %d\n", n, s)
		}
		os.Exit(0)
	}
	fmt.Println(os.Getpid())
	if *ops > 0 {
		go func() { wg.Wait(); end() }()
	}
	in := bufio.NewScanner(os.Stdin)
	var ms runtime.MemStats
	for in.Scan() {
		switch in.Text() {
		case "stats":
			runtime.ReadMemStats(&ms)
			fmt.Printf("%d %d %d %d %d %d\n", ms.TotalAlloc, ms.Mallocs, ms.Frees,
				ms.NumGC, ms.PauseTotalNs, ms.HeapAlloc)
		case "sum":
			n, s := total()
			fmt.Printf("%d %d\n", n, s)
		case "quit":
			end()
		default:
			fmt.Println("no such command")
		}
	}
	end()
}
