// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// heap: a Go program that holds known numbers of objects of known types.
//
// One command a line on stdin, one line on stdout for each; the first line written is the
// pid.
//
//	hold KIND N    N more objects of a kind, see kinds
//	forget KIND    let all of them go
//	gc             a collection, swept when the reply comes
//	quit
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

// With pointers, larger than 512 bytes: their type is in their slot. 608 bytes.
type BigA struct {
	next *BigA
	pad  [600]byte
}

// 800 bytes.
type BigB struct{ p [100]*int }

// A span of its own: 50,008 bytes.
type Large struct {
	next *Large
	pad  [50000]byte
}

// A name with more in it than letters; 1,000 bytes.
type Pair[K comparable, V any] struct {
	key   *K
	value *V
	pad   [984]byte
}

// With pointers and small: no type. 504 bytes.
type Small struct {
	next *Small
	pad  [496]byte
}

// Large and without pointers: no type. 2,000 bytes.
type Plain struct{ pad [2000]byte }

// Nothing else holds them: lists of our own would be objects, too.
var (
	held  [8][1 << 14]unsafe.Pointer
	nheld [8]int
	kinds = map[string]int{"a": 0, "b": 1, "large": 2, "pair": 3, "slice": 4, "text": 5, "x": 6, "plain": 7}
)

func make1(kind, n int) unsafe.Pointer {
	switch kind {
	case 0:
		return unsafe.Pointer(new(BigA))
	case 1:
		return unsafe.Pointer(new(BigB))
	case 2:
		return unsafe.Pointer(new(Large))
	case 3:
		return unsafe.Pointer(new(Pair[string, map[int]error]))
	case 4:
		s := make([]*BigA, 1000+n%7) // 8,000 to 8,048 bytes: a slot of 8,192
		return unsafe.Pointer(&s[0])
	case 5:
		s := make([]string, 100+n%5) // 1,600 to 1,664 bytes: a slot of 1,792
		return unsafe.Pointer(&s[0])
	case 6:
		return unsafe.Pointer(new(Small))
	}
	return unsafe.Pointer(new(Plain))
}

func hold(name string, n int) string {
	kind, ok := kinds[name]
	if !ok || n <= 0 || nheld[kind]+n > len(held[kind]) {
		return "no such kind, or too many"
	}
	for i := 0; i < n; i++ {
		held[kind][nheld[kind]] = make1(kind, i)
		nheld[kind]++
	}
	return "held"
}

func forget(name string) string {
	kind, ok := kinds[name]
	if !ok {
		return "no such kind"
	}
	for i := 0; i < nheld[kind]; i++ {
		held[kind][i] = nil
	}
	nheld[kind] = 0
	return "forgotten"
}

func main() {
	fmt.Println(os.Getpid())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var cmd, name string
		var n int
		fmt.Sscan(in.Text(), &cmd, &name, &n)
		switch cmd {
		case "hold":
			// a profile is made of this, thousands of times
			fmt.Println(hold(name, min1(n, 5003)))
		case "forget":
			fmt.Println(forget(name))
		case "gc":
			runtime.GC()
			fmt.Println("collected")
		case "quit":
			return
		default:
			fmt.Println("what?")
		}
	}
}

func min1(a, b int) int {
	if a < b {
		return a
	}
	return b
}
