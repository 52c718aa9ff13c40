// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// allocs: allocates known numbers of known objects, and nothing else: commands and answers
// are read and written without an allocation.
//
// The first line of stdout is the pid; then one command a line on stdin, one JSON object a
// line on stdout:
//
//	stats       MemStats.Mallocs, TotalAlloc, NumGC, and Mallocs of each of BySize
//	mix N       N objects of all kinds in turns that no period has, by two goroutines
//	KIND N      N objects of one kind: tiny, pair, node, buffer, record, table, blob, big
//	quit
//
// The runtime samples its allocations, as for a heap profile, if SAMPLING is set.
// Each answer has how many of each kind there were since the start.
package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
)

type pair struct{ a, b uint64 }
type node struct {
	next, prev *node
	value      [4]uint64
}
type record struct {
	name  *node
	bytes [997]byte
}

const kinds = 8

var (
	names = [kinds]string{"tiny", "pair", "node", "buffer", "record", "table", "blob", "big"}
	funcs = [kinds]func(w *worker){allocTiny, allocPair, allocNode, allocBuffer, allocRecord,
		allocTable, allocBlob, allocBig}
	// of 10,000 objects of a mix
	share   = [kinds]int{3000, 2000, 2000, 1600, 1000, 390, 8, 2}
	workers [2]worker
	begin   [2]chan int
	end     = make(chan int, 2)
	ms      runtime.MemStats
	in, out [8192]byte
	nout    int
)

type worker struct {
	rng    uint64
	count  [kinds]uint64
	tiny   *uint32
	pair   *pair
	node   *node
	bytes  []byte
	record *record
	table  []*node
}

func (w *worker) next() uint64 {
	w.rng ^= w.rng << 13
	w.rng ^= w.rng >> 7
	w.rng ^= w.rng << 17
	return w.rng
}

//go:noinline
func allocTiny(w *worker) { w.tiny = new(uint32) }

//go:noinline
func allocPair(w *worker) { w.pair = new(pair) }

//go:noinline
func allocNode(w *worker) { w.node = &node{value: [4]uint64{1}} }

//go:noinline
func allocBuffer(w *worker) { w.bytes = make([]byte, 17+w.next()%499) }

//go:noinline
func allocRecord(w *worker) { w.record = new(record) }

//go:noinline
func allocTable(w *worker) { w.table = make([]*node, 67+w.next()%700) }

//go:noinline
func allocBlob(w *worker) { w.bytes = make([]byte, 4099+w.next()%20011) }

//go:noinline
func allocBig(w *worker) { w.bytes = make([]byte, 1<<20) }

func (w *worker) one(kind int) {
	funcs[kind](w)
	w.count[kind]++
}

//go:noinline
func (w *worker) mix(n int) {
	for i := 0; i < n; i++ {
		at, kind := int(w.next()%10000), 0
		for at >= share[kind] {
			at -= share[kind]
			kind++
		}
		w.one(kind)
	}
}

func (w *worker) run(begin chan int) {
	for n := range begin {
		w.mix(n)
		end <- n
	}
}

//go:noinline
func startWorkers() {
	for i := range workers {
		workers[i].rng = uint64(i)*2654435761 + 88172645463325252
		begin[i] = make(chan int)
		go workers[i].run(begin[i])
	}
}

func put(s string) { nout += copy(out[nout:], s) }

func putNumber(n uint64) {
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' + n%10)
		n /= 10
		if n == 0 {
			break
		}
	}
	nout += copy(out[nout:], digits[i:])
}

func putKey(key string, n uint64) {
	put(`,"`)
	put(key)
	put(`":`)
	putNumber(n)
}

func flush() {
	put("\n")
	syscall.Write(1, out[:nout])
	nout = 0
}

func answer(cmd []byte) {
	put(`{"ok":true,"cmd":"`)
	nout += copy(out[nout:], cmd)
	put(`"`)
	for k := range names {
		putKey(names[k], workers[0].count[k]+workers[1].count[k])
	}
	putKey("mallocs", ms.Mallocs)
	putKey("total_alloc", ms.TotalAlloc)
	putKey("numgc", uint64(ms.NumGC))
	put(`,"by_size":{`)
	for i := 1; i < len(ms.BySize); i++ {
		if i > 1 {
			put(",")
		}
		put(`"`)
		putNumber(uint64(ms.BySize[i].Size))
		put(`":`)
		putNumber(ms.BySize[i].Mallocs)
	}
	put("}}")
	flush()
}

// A line of stdin, without its end; nil: there is none.
func line() []byte {
	for n := 0; n < len(in); n++ {
		if k, err := syscall.Read(0, in[n:n+1]); k != 1 || err != nil {
			return nil
		}
		if in[n] == '\n' {
			return in[:n]
		}
	}
	return nil
}

func split(s []byte) (word []byte, n int) {
	i := 0
	for i < len(s) && s[i] != ' ' {
		i++
	}
	word = s[:i]
	for i++; i < len(s); i++ {
		n = n*10 + int(s[i]-'0')
	}
	return word, n
}

func do(cmd []byte, n int) {
	switch string(cmd) {
	case "stats":
		runtime.ReadMemStats(&ms)
		return
	case "hold": // what build.sh has a program do for its profile
		n = 20011
		fallthrough
	case "mix":
		for i := range begin {
			begin[i] <- n/len(begin) + i*(n%len(begin))
		}
		for range begin {
			<-end
		}
		return
	}
	for k := range names {
		if string(cmd) == names[k] {
			for i := 0; i < n; i++ {
				workers[0].one(k)
			}
		}
	}
}

func main() {
	// what can ask for the profile keeps the runtime sampling, unless it is told not to
	if os.Getenv("SAMPLING") == "" {
		runtime.MemProfileRate = 0
	}
	runtime.MemProfile(nil, false)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	startWorkers()

	putNumber(uint64(os.Getpid()))
	flush()
	for {
		s := line()
		if s == nil {
			return
		}
		cmd, n := split(s)
		if string(cmd) == "quit" {
			return
		}
		do(cmd, n)
		answer(cmd)
	}
}
