// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// profile: a Go program that allocates from known stacks and writes its own heap profile.
//
// One command a line on stdin, one JSON object a line on stdout; the first line written is the
// pid. The collector runs when it is told to.
//
//	work N         N rounds of all stacks below; a third of the objects stays
//	drop           forget what stayed
//	gc N           N collections
//	write PATH     the program's own heap profile, as /debug/pprof/heap?gc=0 serves it
//	hold …         the same as work 200, for build.sh, which makes a CPU profile of it
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
)

var (
	kept  []any
	round int
	sink  any
)

type node struct {
	next *node
	pad  [53]byte
}

type pair[K comparable, V any] struct {
	key K
	val V
}

func keep(v any) {
	sink = v
	if round%3 == 0 {
		kept = append(kept, v)
	}
}

// Two levels that the compiler inlines, with an allocation in the inner one.
func inner(n int) []byte { return make([]byte, n) }
func middle(n int) []byte {
	b := inner(n)
	b[0] = 1
	return b
}

//go:noinline
func outer(n int) { keep(middle(n)) }

// The same callee inlined twice into one function, on two lines and on one.
//
//go:noinline
func twice() {
	keep(middle(1031))
	keep(middle(1033))
	keep([2][]byte{inner(2053), inner(2063)})
}

//go:noinline
func generic[K comparable, V any](k K, v V) { keep(&pair[K, V]{k, v}) }

func wrap[K comparable, V any](k K, v V) { generic(k, v) }

type shape interface{ make(n int) }
type square struct{ side int }

// A method by value that is called through a pointer in an interface: a wrapper is between.
//
//go:noinline
func (s square) make(n int) { keep(middle(s.side * n)) }

// Deeper than a stack of the profile holds in any release.
//
//go:noinline
func deep(n int) {
	if n == 0 {
		keep(middle(769))
		return
	}
	deep(n - 1)
}

// Recursion that inlining ends in: each level is in the next.
func even(n int) bool {
	if n == 0 {
		keep(middle(1283))
		return true
	}
	return odd(n - 1)
}

//go:noinline
func odd(n int) bool {
	if n == 0 {
		return false
	}
	return even(n - 1)
}

func list(n int) {
	var l *node
	for i := 0; i < n; i++ {
		l = &node{next: l}
	}
	keep(l)
}

func table(n int) {
	m := map[string]int{}
	for i := 0; i < n; i++ {
		m["key"+strconv.Itoa(i)] = i
	}
	keep(m)
}

func work(n int) {
	var s shape = &square{17}
	for i := 0; i < n; i++ {
		round = i
		outer(509)
		outer(40009)
		twice()
		wrap("name", [37]int64{})
		wrap(7, "seven")
		s.make(61)
		deep(20)
		deep(200)
		even(6)
		list(101)
		table(97)
		func() { keep(strings.Repeat("x", 3001)) }()
		done := make(chan bool)
		go func() {
			keep(middle(4099))
			close(done)
		}()
		<-done
		keep(fmt.Sprintf("%0*d", 601, i))
	}
	keep(make([]byte, 3<<20))
}

func write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.Lookup("heap").WriteTo(f, 0)
}

func obey(words []string) error {
	n := 1
	if len(words) > 1 {
		n, _ = strconv.Atoi(words[1])
	}
	switch words[0] {
	case "work":
		work(n)
	case "hold":
		work(200)
	case "drop", "forget":
		kept = nil
	case "gc":
		for i := 0; i < n; i++ {
			runtime.GC()
		}
	case "write":
		return write(words[1])
	default:
		return fmt.Errorf("unknown command")
	}
	return nil
}

func main() {
	runtime.MemProfileRate = 8191
	if len(os.Args) > 1 {
		runtime.MemProfileRate, _ = strconv.Atoi(os.Args[1])
	}
	debug.SetGCPercent(-1)
	fmt.Println(os.Getpid())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) == 0 {
			continue
		}
		if err := obey(words); err != nil {
			fmt.Printf("{\"ok\":false,\"error\":%q}\n", err.Error())
			continue
		}
		fmt.Println("{\"ok\":true}")
	}
}
