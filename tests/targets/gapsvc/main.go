// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// gapsvc: a small HTTP service whose RSS is several times its live heap, for
// the usual reasons. It drives itself over a Unix socket and then idles:
//
//   - a session cache grew and most of it expired: spans with a slot or two in use
//   - clients wait in long polls: a parked goroutine each, a few calls deep
//   - one report over all sessions was built in memory: a spike, now garbage
//
// Prints "ready" when the gap stands. Ends at the end of stdin, on SIGTERM, or by
// itself after ten minutes.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	sessions = 120011
	waiters  = 499
	life     = 10 * time.Minute
)

type session struct {
	ID     string
	User   string
	Seen   time.Time
	Basket []string
	Token  [96]byte
}

type service struct {
	mu       sync.Mutex
	sessions map[int]*session
	news     chan struct{}
}

// login makes a session.
func (s *service) login(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil {
		http.Error(w, "no number", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < n; i++ {
		k := len(s.sessions)
		x := &session{ID: fmt.Sprintf("session-%08d", k), User: fmt.Sprintf("user-%d", k%7919),
			Seen: time.Now()}
		for j := 0; j < 5; j++ {
			x.Basket = append(x.Basket, fmt.Sprintf("article-%d", k*j))
		}
		s.sessions[k] = x
	}
}

// expire forgets seven sessions of eight.
func (s *service) expire(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.sessions {
		if k%8 != 0 {
			delete(s.sessions, k)
		}
	}
}

// nightly builds one document over all sessions and answers with its length.
func (s *service) nightly(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, x := range s.sessions {
		if e.Encode(x) != nil {
			return
		}
	}
	fmt.Fprintln(w, b.Len())
}

// poll answers when there is news, which there never is.
func (s *service) poll(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.news:
	case <-r.Context().Done():
	}
}

func get(c *http.Client, path string) error {
	r, err := c.Get("http://gapsvc" + path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

func drive(c *http.Client) error {
	for n := 0; n < sessions; n += 1009 {
		if err := get(c, "/login?n=1009"); err != nil {
			return err
		}
	}
	for i := 0; i < waiters; i++ {
		go func() { _ = get(c, "/poll") }()
	}
	if err := get(c, "/nightly"); err != nil {
		return err
	}
	if err := get(c, "/expire"); err != nil {
		return err
	}
	time.Sleep(time.Second)
	// What the next cycle would do if there was traffic. One, not two: the
	// scavenger still aims at the heap of the spike, as in a service that idles.
	runtime.GC()
	return nil
}

// look lets any process of this user read our memory, where the Yama security
// module would only let our parents (prctl PR_SET_PTRACER, PR_SET_PTRACER_ANY).
func look() { _, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, 0x59616d61, ^uintptr(0), 0) }

func main() {
	look()
	dir, err := os.MkdirTemp("", "gapsvc")
	if err != nil {
		fmt.Fprintln(os.Stderr, "gapsvc:", err)
		os.Exit(1)
	}
	status := 0
	defer func() { os.RemoveAll(dir); os.Exit(status) }()
	sock := filepath.Join(dir, "socket")

	s := &service{sessions: map[int]*session{}, news: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", s.login)
	mux.HandleFunc("/expire", s.expire)
	mux.HandleFunc("/nightly", s.nightly)
	mux.HandleFunc("/poll", s.poll)
	l, err := net.Listen("unix", sock)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gapsvc:", err)
		status = 1
		return
	}
	go func() { _ = http.Serve(l, mux) }()

	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", sock)
		}}}
	over := make(chan os.Signal, 1)
	signal.Notify(over, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		over <- syscall.SIGTERM
	}()
	if err := drive(client); err != nil {
		fmt.Fprintln(os.Stderr, "gapsvc:", err)
		status = 1
		return
	}
	fmt.Println("ready")
	select {
	case <-over:
	case <-time.After(life):
	}
}
