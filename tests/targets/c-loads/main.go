// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// c-loads: a Go program that loads other Go code, and the plugin that it loads.
//
// The first line written is the pid. Then one path a line is read: "plugin PATH" is
// opened as a plugin of this runtime, whose function Kept then holds memory;
// "dlopen PATH" is loaded as C would. The answer to each is "loaded" or an error.
package main

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
import "C"

import (
	"bufio"
	"fmt"
	"os"
	"plugin"
	"strings"
	"unsafe"
)

var kept [][]byte

// Kept holds n objects of size bytes, every byte written.
func Kept(n, size int) {
	for i := 0; i < n; i++ {
		b := make([]byte, size)
		for j := range b {
			b[j] = byte(i + j + 1)
		}
		kept = append(kept, b)
	}
}

func load(how, path string) error {
	if how == "dlopen" {
		p := C.CString(path)
		defer C.free(unsafe.Pointer(p))
		if C.dlopen(p, C.RTLD_NOW) == nil {
			return fmt.Errorf("%s", C.GoString(C.dlerror()))
		}
		return nil
	}
	p, err := plugin.Open(path)
	if err != nil {
		return err
	}
	f, err := p.Lookup("Kept")
	if err == nil {
		f.(func(int, int))(5003, 1000)
	}
	return err
}

func main() {
	fmt.Println(os.Getpid())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		how, path, _ := strings.Cut(in.Text(), " ")
		if err := load(how, path); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("loaded")
		}
	}
}
