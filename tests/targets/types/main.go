// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// types: a Go program that says where its type descriptors are and what reflect says of
// them, one JSON object a line, and then waits for the end of stdin.
//
// The first line is the pid. "made" are types that reflect made at run time. ptrbytes is
// worked out here from the kinds, so that it is a second opinion.
package main

import (
	"bufio"
	"container/list"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"
)

type (
	Point struct{ X, Y int32 }
	node  struct { // unexported, and points to itself
		next *node
		key  string
		pad  [7]uint64
	}
	Pair[K comparable, V any] struct {
		Key K
		Val V
	}
	Map    map[string]Point
	Chan   chan *Point
	Func   func(int, ...string) error
	Slice  []node
	Array  [13]*Point
	Shape  interface{ Area() float64 }
	Number float32
	Größe  uint16
	empty  struct{}
	Holder struct {
		sync.Mutex
		any   interface{}
		m     map[int]*node
		c     <-chan Point
		f     func()
		u     unsafe.Pointer
		bytes [3]byte
	}
)

func (Map) Len() int        { return 0 }
func (Chan) Close()         {}
func (Func) Do()            {}
func (Slice) Len() int      { return 0 }
func (*Array) Reset()       {}
func (Point) Area() float64 { return 0 }

type object struct {
	Addr     string `json:"addr"`
	Name     string `json:"name"`
	Size     uint64 `json:"size"`
	PtrBytes uint64 `json:"ptrbytes"`
	Kind     string `json:"kind"`
	Pkg      string `json:"pkg"`
	Made     bool   `json:"made"`
}

func ptrBytes(t reflect.Type) uintptr {
	switch t.Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Chan, reflect.Func, reflect.Ptr, reflect.UnsafePointer:
		return 8
	case reflect.Interface:
		return 16
	case reflect.Array:
		if p := ptrBytes(t.Elem()); t.Len() > 0 && p > 0 {
			return uintptr(t.Len()-1)*t.Elem().Size() + p
		}
	case reflect.Struct:
		for i := t.NumField() - 1; i >= 0; i-- {
			if p := ptrBytes(t.Field(i).Type); p > 0 {
				return t.Field(i).Offset + p
			}
		}
	}
	return 0
}

// words of an interface: its type or method table, its data.
func words(i *interface{}) [2]uintptr { return *(*[2]uintptr)(unsafe.Pointer(i)) }

var out = bufio.NewWriter(os.Stdout)

func say(t reflect.Type, made bool) {
	var i interface{} = t
	b, _ := json.Marshal(object{"0x" + strconv.FormatUint(uint64(words(&i)[1]), 16), t.String(),
		uint64(t.Size()), uint64(ptrBytes(t)), t.Kind().String(), t.PkgPath(), made})
	out.Write(append(b, '\n'))
}

// value says the type of a value, whose interface must have the same address as reflect.
func value(v interface{}) {
	var i interface{} = reflect.TypeOf(v)
	if words(&v)[0] != words(&i)[1] {
		panic("two addresses of one type")
	}
	say(reflect.TypeOf(v), false)
}

func main() {
	type local struct{ a, b complex128 }

	os.Stdout.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	for _, v := range []interface{}{
		true, int(1), int8(1), int16(1), int32(1), int64(1), uint(1), uint8(1), uint16(1), uint32(1),
		uint64(1), uintptr(1), float32(1), float64(1), complex64(1), complex128(1), "", unsafe.Pointer(nil),
		[5]int{}, [0]*int{}, [3]string{}, []byte{}, []*Point{}, [][]string{}, map[string]int{},
		map[Point][]*node{}, make(chan int), make(<-chan string), make(chan<- *node), func() {},
		func(a int, b ...*Point) (string, error) { return "", nil }, struct{}{},
		struct {
			A int `json:"a,omitempty" other:"\"quoted\""`
			b *int
		}{}, struct{ sync.Mutex }{}, new(int), new(*Point), new(error), &struct{}{},
		Point{}, &Point{}, node{}, &node{}, Map{}, Chan(nil), Func(nil), Slice{}, Array{}, &Array{}, Number(1),
		Größe(1), empty{}, Holder{}, &Holder{}, local{}, &local{},
		Pair[int, string]{}, Pair[url.URL, *node]{}, &Pair[string, Pair[Point, []error]]{}, []Pair[Größe, local]{},
		time.Duration(1), time.Time{}, time.January, url.URL{}, url.Values{}, &sync.Mutex{}, sync.Once{},
		list.List{}, &list.Element{}, errors.New(""), os.ErrNotExist, &bufio.Reader{}, json.Number(""),
		reflect.ValueOf(1), &json.SyntaxError{}, strings.Builder{}, io.EOF,
	} {
		value(v)
	}
	// types that no value has, and parts of types
	for _, p := range []interface{}{(*error)(nil), (*Shape)(nil), (*io.Reader)(nil), (*interface{})(nil),
		(*interface{ secret() })(nil), (*reflect.Type)(nil), errors.New(""), os.ErrNotExist} {
		say(reflect.TypeOf(p).Elem(), false)
	}
	holder := reflect.TypeOf(Holder{})
	for i := 0; i < holder.NumField(); i++ {
		say(holder.Field(i).Type, false)
	}
	for _, t := range []reflect.Type{
		reflect.ArrayOf(7919, reflect.TypeOf(int16(1))),
		reflect.StructOf([]reflect.StructField{{Name: "Made", Type: reflect.TypeOf(1)}}),
		reflect.FuncOf([]reflect.Type{reflect.TypeOf(Größe(1))}, nil, false),
		reflect.MapOf(reflect.TypeOf(Größe(1)), reflect.TypeOf(Number(1))),
		reflect.ChanOf(reflect.RecvDir, reflect.TypeOf(Größe(1))),
		reflect.SliceOf(reflect.ArrayOf(7907, reflect.TypeOf(""))),
		reflect.PtrTo(reflect.ArrayOf(7901, reflect.TypeOf(true))),
	} {
		say(t, true)
	}
	out.Flush()
	io.Copy(io.Discard, os.Stdin)
}
