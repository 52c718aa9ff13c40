// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// truth: a Go program that makes known amounts of known things and says so.
//
// One command a line on stdin, one JSON object a line on stdout; the first
// line written is the pid. Between commands the process is idle: its only
// running goroutine, locked to the main thread, is blocked in read(2) of stdin
// (no poller, no timer), so that an outside look can be held against the
// program's own numbers.
//
//	stats                      runtime.MemStats and the fault counters
//	faults                     the fault counters alone
//	gogc N                     debug.SetGCPercent(N), -1 = off
//	limit BYTES                debug.SetMemoryLimit
//	hold NAME N SIZE [scan]    N objects of SIZE bytes, every byte written
//	drop NAME K M              of every M objects of the list forget the first K
//	forget NAME                forget the list itself
//	gc [N]                     N (1) collections, swept when the reply comes
//	free                       debug.FreeOSMemory
//	mincore NAME               what mincore(2) says of the list's addresses
//	refill NAME K              write zero bytes into K absent pages of dropped objects
//	park N KIB                 N goroutines KIB deep in their stacks, parked
//	unpark                     let them go
//	stacks                     what mincore(2) says of their stacks
//	threads N                  N goroutines, each in a blocking read on its own thread
//	anon                       every private anonymous mapping of the process
//	mmap BYTES                 an anonymous mapping of our own, written
//	zero BYTES                 the same, only read: zero pages
//	reserve BYTES              address space that may not be touched, and as much that may
//	shm BYTES                  a shared anonymous mapping, written
//	file PATH                  a private mapping of a file, read
//	bss BYTES                  touch so much of our own .bss
//	profile RATE               MemProfileRate = RATE, then allocate from five stacks
//	trace on|off               runtime/trace to nowhere
//	quit
//
// The garbage collector runs when GOGC says so. A test that needs a stable
// split of the heap says `gogc -1` first and `gc` when it wants a collection.
//
// Why idle heap stays idle after "hold, drop, gc": the background scavenger
// keeps lastHeapInUse * heapGoal / lastHeapGoal * 1.1 (runtime/mgcscavenge.go,
// gcPaceScavenger). lastHeapInUse is taken at mark termination, before the
// sweep: right after the one collection that found a spike dead it still holds
// the spike, and with `gogc -1` both goals are the same number, so the goal lies
// above what is mapped and the scavenger sleeps. A second collection would
// take lastHeapInUse without the spike and wake it: hence one a `gc` command.
package main

import (
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const (
	pageSize  = 4096
	arenaSize = 64 << 20
	arenaPgs  = arenaSize / pageSize
	maxArenas = 256
	maxLists  = 64
)

// Everything below is static and pointer free, so that answering allocates
// nothing and touches no page that the previous answer did not touch.
var (
	inBuf  [4096]byte
	inLen  int
	inPos  int
	outBuf [256 << 10]byte
	outLen int
	text   [256 << 10]byte
	vec    [arenaPgs]byte
	ms     runtime.MemStats
	big    [64 << 20]byte // for the bss command
)

// list is a named set of objects. slot keeps the addresses of dropped ones.
type list struct {
	name [32]byte
	nlen int
	ptr  []unsafe.Pointer
	slot []uintptr
	size uintptr // asked for
	elem uintptr // what the allocator gives: the slot
}

var (
	lists  [maxLists]list
	nlists int
	anchor *[64]byte // a heap object that is always there
)

// --- raw system calls --------------------------------------------------------

func mmap(n uintptr, prot, flags int, fd uintptr) (uintptr, syscall.Errno) {
	p, _, e := syscall.RawSyscall6(syscall.SYS_MMAP, 0, n, uintptr(prot), uintptr(flags), fd, 0)
	return p, e
}

func munmap(p, n uintptr) {
	syscall.RawSyscall(syscall.SYS_MUNMAP, p, n, 0)
}

// at turns a raw address into a pointer. The double conversion keeps vet from
// calling it a mistake; the memory is either not the Go heap's or known free.
func at(p uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}

func mincore(p, n uintptr, v *byte) bool {
	_, _, e := syscall.RawSyscall(syscall.SYS_MINCORE, p, n, uintptr(unsafe.Pointer(v)))
	return e == 0
}

func nap(ms int64) {
	ts := syscall.Timespec{Sec: ms / 1000, Nsec: ms % 1000 * 1000000}
	syscall.Syscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// settle lets the threads that helped go back to sleep, so that nothing moves
// between our reply and somebody's look.
func settle() { nap(30) }

var (
	pathMaps  = [...]byte{'/', 'p', 'r', 'o', 'c', '/', 's', 'e', 'l', 'f', '/', 's', 'm', 'a', 'p', 's', 0}
	pathStat  = [...]byte{'/', 'p', 'r', 'o', 'c', '/', 's', 'e', 'l', 'f', '/', 's', 't', 'a', 't', 0}
	atFdcwd   = ^uintptr(99) // AT_FDCWD, -100
	errTooBig = "too many mappings"
)

func slurp(path *byte) int {
	fd, _, e := syscall.RawSyscall6(syscall.SYS_OPENAT, atFdcwd, uintptr(unsafe.Pointer(path)),
		syscall.O_RDONLY|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return -1
	}
	n := 0
	for n < len(text) {
		r, _, e := syscall.RawSyscall(syscall.SYS_READ, fd,
			uintptr(unsafe.Pointer(&text[n])), uintptr(len(text)-n))
		if e != 0 || r == 0 {
			break
		}
		n += int(r)
	}
	syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
	return n
}

// --- input, output -------------------------------------------------------------

// line returns the next line of stdin, nil at its end. The bytes are valid
// until the next call.
func line() []byte {
	for {
		for i := inPos; i < inLen; i++ {
			if inBuf[i] == '\n' {
				l := inBuf[inPos:i]
				inPos = i + 1
				return l
			}
		}
		if inPos > 0 {
			copy(inBuf[:], inBuf[inPos:inLen])
			inLen -= inPos
			inPos = 0
		}
		if inLen == len(inBuf) {
			return nil
		}
		n, _, e := syscall.Syscall(syscall.SYS_READ, 0,
			uintptr(unsafe.Pointer(&inBuf[inLen])), uintptr(len(inBuf)-inLen))
		if e == syscall.EINTR {
			continue
		}
		if e != 0 || n == 0 {
			return nil
		}
		inLen += int(n)
	}
}

func flush() {
	for o := 0; o < outLen; {
		n, _, e := syscall.Syscall(syscall.SYS_WRITE, 1,
			uintptr(unsafe.Pointer(&outBuf[o])), uintptr(outLen-o))
		if e == syscall.EINTR {
			continue
		}
		if e != 0 {
			syscall.Exit(1)
		}
		o += int(n)
	}
	outLen = 0
}

func put(s string) { outLen += copy(outBuf[outLen:], s) }

func putU(v uint64) {
	b := strconv.AppendUint(outBuf[outLen:outLen:len(outBuf)], v, 10)
	outLen += len(b)
}

func putHex(v uintptr) {
	put(`"0x`)
	b := strconv.AppendUint(outBuf[outLen:outLen:len(outBuf)], uint64(v), 16)
	outLen += len(b)
	put(`"`)
}

func open(cmd string) {
	put(`{"cmd":"`)
	put(cmd)
	put(`","ok":true`)
}

func key(k string) {
	put(`,"`)
	put(k)
	put(`":`)
}

func field(k string, v uint64) {
	key(k)
	putU(v)
}

// text64 is for numbers that can pass 2^53.
func text64(k string, v uint64) {
	key(k)
	put(`"`)
	putU(v)
	put(`"`)
}

func done() {
	put("}\n")
	flush()
}

func fail(why string) {
	outLen = 0
	put(`{"ok":false,"error":"`)
	put(why)
	put("\"}\n")
	flush()
}

// --- numbers the process knows about itself ---------------------------------------

// faults returns min_flt, maj_flt of /proc/self/stat.
func faults() (uint64, uint64) {
	n := slurp(&pathStat[0])
	i := n - 1
	for i >= 0 && text[i] != ')' {
		i--
	}
	var f [16]uint64
	k := 0
	for i += 2; i < n && k < len(f); i++ {
		if text[i] == ' ' {
			k++
		} else if text[i] >= '0' && text[i] <= '9' {
			f[k] = f[k]*10 + uint64(text[i]-'0')
		}
	}
	return f[7], f[9]
}

func stats() {
	runtime.ReadMemStats(&ms)
	open("stats")
	// What this answer itself still allocates after the numbers were taken.
	field("own_mallocs", 0)
	field("own_bytes", 0)
	key("memstats")
	put(`{"Alloc":`)
	putU(ms.Alloc)
	field("TotalAlloc", ms.TotalAlloc)
	field("Sys", ms.Sys)
	field("Lookups", ms.Lookups)
	field("Mallocs", ms.Mallocs)
	field("Frees", ms.Frees)
	field("HeapAlloc", ms.HeapAlloc)
	field("HeapSys", ms.HeapSys)
	field("HeapIdle", ms.HeapIdle)
	field("HeapInuse", ms.HeapInuse)
	field("HeapReleased", ms.HeapReleased)
	field("HeapObjects", ms.HeapObjects)
	field("StackInuse", ms.StackInuse)
	field("StackSys", ms.StackSys)
	field("MSpanInuse", ms.MSpanInuse)
	field("MSpanSys", ms.MSpanSys)
	field("MCacheInuse", ms.MCacheInuse)
	field("MCacheSys", ms.MCacheSys)
	field("BuckHashSys", ms.BuckHashSys)
	field("GCSys", ms.GCSys)
	field("OtherSys", ms.OtherSys)
	text64("NextGC", ms.NextGC)
	text64("LastGC", ms.LastGC)
	field("PauseTotalNs", ms.PauseTotalNs)
	field("NumGC", uint64(ms.NumGC))
	field("NumForcedGC", uint64(ms.NumForcedGC))
	key("GCCPUFraction")
	outLen += len(strconv.AppendFloat(outBuf[outLen:outLen:len(outBuf)], ms.GCCPUFraction, 'g', -1, 64))
	key("EnableGC")
	putBool(ms.EnableGC)
	key("DebugGC")
	putBool(ms.DebugGC)
	key("PauseNs")
	put("[")
	for i := range ms.PauseNs {
		comma(i)
		putU(ms.PauseNs[i])
	}
	put("]")
	key("PauseEnd")
	put("[")
	for i := range ms.PauseEnd {
		comma(i)
		put(`"`)
		putU(ms.PauseEnd[i])
		put(`"`)
	}
	put("]")
	key("BySize")
	put("[")
	for i := range ms.BySize {
		comma(i)
		put(`{"Size":`)
		putU(uint64(ms.BySize[i].Size))
		field("Mallocs", ms.BySize[i].Mallocs)
		field("Frees", ms.BySize[i].Frees)
		put("}")
	}
	put("]}")
	min, maj := faults()
	field("min_flt", min)
	field("maj_flt", maj)
	done()
}

func putBool(b bool) {
	if b {
		put("true")
	} else {
		put("false")
	}
}

func comma(i int) {
	if i > 0 {
		put(",")
	}
}

// --- objects --------------------------------------------------------------------

func find(name []byte) *list {
	for i := 0; i < nlists; i++ {
		if string(lists[i].name[:lists[i].nlen]) == string(name) {
			return &lists[i]
		}
	}
	return nil
}

// scanHeader says whether a pointerful object of this size has the 8 byte type
// header of 1.22+: then its address is 8 past a 16 byte boundary.
func scanHeader(p unsafe.Pointer) uintptr { return uintptr(p) & 8 }

var sinkBytes []byte
var sinkPtrs []unsafe.Pointer

// slotSize asks the allocator itself: append grows to the whole size class. Large
// objects are whole 8 KiB pages.
func slotSize(size int, scan bool) uintptr {
	if size > 32<<10-8 {
		return (uintptr(size) + 8191) &^ 8191
	}
	if !scan {
		sinkBytes = append([]byte(nil), make([]byte, size)...)
		return uintptr(cap(sinkBytes))
	}
	sinkPtrs = append([]unsafe.Pointer(nil), make([]unsafe.Pointer, size/8)...)
	n := uintptr(cap(sinkPtrs)) * 8
	return n + scanHeader(unsafe.Pointer(&sinkPtrs[0]))
}

func hold(name []byte, n, size int, scan bool) {
	if nlists == maxLists || len(name) > len(lists[0].name) || find(name) != nil {
		fail("name taken or too many lists")
		return
	}
	if n <= 0 || size < 16 || (scan && size%8 != 0) {
		fail("bad number or size")
		return
	}
	l := &lists[nlists]
	nlists++
	l.nlen = copy(l.name[:], name)
	l.size = uintptr(size)
	l.elem = slotSize(size, scan)
	sinkBytes, sinkPtrs = nil, nil
	l.ptr = make([]unsafe.Pointer, n)
	l.slot = make([]uintptr, n)
	for i := 0; i < n; i++ {
		var p unsafe.Pointer
		var hdr uintptr
		if scan {
			s := make([]unsafe.Pointer, size/8)
			p = unsafe.Pointer(&s[0])
			for j := range s {
				s[j] = p
			}
			hdr = scanHeader(p)
			if size <= 512 {
				hdr = 0
			}
		} else {
			b := make([]byte, size)
			p = unsafe.Pointer(&b[0])
			for j := range b {
				b[j] = byte(i + j + 1)
			}
		}
		l.ptr[i] = p
		l.slot[i] = uintptr(p) - hdr
	}
	open("hold")
	field("objects", uint64(n))
	field("size", uint64(size))
	field("elem", uint64(l.elem))
	field("bytes", uint64(n)*uint64(l.elem))
	field("list_bytes", uint64(listBytes(l)))
	done()
}

// listBytes is what our own bookkeeping of a list takes from the heap: large
// objects are whole 8 KiB pages, small ones at most 8 KiB more than counted.
func listBytes(l *list) uintptr {
	b := uintptr(len(l.ptr)) * 8
	if b > 32<<10 {
		b = (b + 8191) &^ 8191
	}
	return 2 * b
}

func drop(name []byte, k, m int) {
	l := find(name)
	if l == nil || m <= 0 || k < 0 || k > m {
		fail("no such list or bad share")
		return
	}
	n := 0
	for i := range l.ptr {
		if i%m < k && l.ptr[i] != nil {
			l.ptr[i] = nil
			n++
		}
	}
	open("drop")
	field("dropped", uint64(n))
	field("bytes", uint64(n)*uint64(l.elem))
	done()
}

func forget(name []byte) {
	l := find(name)
	if l == nil {
		fail("no such list")
		return
	}
	nlists--
	*l = lists[nlists]
	lists[nlists] = list{}
	open("forget")
	done()
}

// --- mincore ----------------------------------------------------------------------

// arena is the scratch for one 64 MiB arena: which of its pages were asked for
// and what mincore(2) said. It lives in a mapping that exists only while a
// command runs.
type arena struct {
	base uintptr
	ask  [arenaPgs]byte
	in   [arenaPgs]byte
}

type scratch struct {
	n    int
	last int
	a    [maxArenas]arena
}

func scratchNew() *scratch {
	p, e := mmap(unsafe.Sizeof(scratch{}), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0))
	if e != 0 {
		return nil
	}
	return (*scratch)(at(p))
}

func (s *scratch) free() { munmap(uintptr(unsafe.Pointer(s)), unsafe.Sizeof(scratch{})) }

func (s *scratch) arena(p uintptr) *arena {
	base := p &^ (arenaSize - 1)
	if s.n > 0 && s.a[s.last].base == base {
		return &s.a[s.last]
	}
	for i := 0; i < s.n; i++ {
		if s.a[i].base == base {
			s.last = i
			return &s.a[i]
		}
	}
	if s.n == maxArenas {
		return nil
	}
	s.last = s.n
	s.a[s.n].base = base
	s.n++
	return &s.a[s.last]
}

// want asks for every page that [p, p+n) touches.
func (s *scratch) want(p, n uintptr) {
	for q := p &^ (pageSize - 1); q < p+n; q += pageSize {
		if a := s.arena(q); a != nil {
			a.ask[(q-a.base)/pageSize] = 1
		}
	}
}

// look runs mincore(2) over everything asked for.
func (s *scratch) look() bool {
	for i := 0; i < s.n; i++ {
		a := &s.a[i]
		for j := 0; j < arenaPgs; {
			if a.ask[j] == 0 {
				j++
				continue
			}
			k := j
			for k < arenaPgs && a.ask[k] != 0 {
				k++
			}
			if !mincore(a.base+uintptr(j)*pageSize, uintptr(k-j)*pageSize, &a.in[j]) {
				return false
			}
			j = k
		}
	}
	return true
}

func (s *scratch) resident(q uintptr) bool {
	a := s.arena(q)
	return a != nil && a.in[(q-a.base)/pageSize]&1 != 0
}

// sum returns the bytes of [p, p+n) that are resident, and of the whole pages
// inside it how many bytes there are and how many are resident.
func (s *scratch) sum(p, n uintptr) (res, whole, wholeRes uintptr) {
	for q := p &^ (pageSize - 1); q < p+n; q += pageSize {
		lo, hi := q, q+pageSize
		if lo < p {
			lo = p
		}
		if hi > p+n {
			hi = p + n
		}
		in := s.resident(q)
		if in {
			res += hi - lo
		}
		if hi-lo == pageSize {
			whole += pageSize
			if in {
				wholeRes += pageSize
			}
		}
	}
	return
}

// union returns the bytes of all pages asked for and how many are resident.
func (s *scratch) union() (all, res uintptr) {
	for i := 0; i < s.n; i++ {
		for j := range s.a[i].ask {
			if s.a[i].ask[j] != 0 {
				all += pageSize
				if s.a[i].in[j]&1 != 0 {
					res += pageSize
				}
			}
		}
	}
	return
}

func mincoreList(name []byte) {
	l := find(name)
	if l == nil {
		fail("no such list")
		return
	}
	s := scratchNew()
	if s == nil {
		fail("no scratch memory")
		return
	}
	for _, p := range l.slot {
		s.want(p, l.elem)
	}
	own := uintptr(0)
	ok := s.look()
	all, res := s.union()
	var held, dropped, heldRes, dropRes, dropWhole, dropWholeRes uintptr
	for i, p := range l.slot {
		r, w, wr := s.sum(p, l.elem)
		if l.ptr[i] != nil {
			held++
			heldRes += r
		} else {
			dropped++
			dropRes += r
			dropWhole += w
			dropWholeRes += wr
		}
	}
	elem, n := l.elem, len(l.slot)
	own = listBytes(l)
	s.free()
	if !ok {
		fail("mincore failed")
		return
	}
	open("mincore")
	field("objects", uint64(n))
	field("elem", uint64(elem))
	field("held", uint64(held))
	field("held_bytes", uint64(held*elem))
	field("held_resident", uint64(heldRes))
	field("dropped", uint64(dropped))
	field("dropped_bytes", uint64(dropped*elem))
	field("dropped_resident", uint64(dropRes))
	// whole OS pages that lie in dropped objects alone
	field("dropped_pages", uint64(dropWhole))
	field("dropped_pages_resident", uint64(dropWholeRes))
	// all pages that any object of the list touches
	field("pages", uint64(all))
	field("pages_resident", uint64(res))
	field("list_bytes", uint64(own))
	done()
}

// refill makes k absent pages of dropped objects resident, the highest
// addresses first (the allocator takes the lowest). The runtime takes returned
// memory for zeros, so zeros are all that may be written. An absent page of a
// dropped, swept and returned object belongs to nobody.
func refill(name []byte, k int) {
	l := find(name)
	if l == nil {
		fail("no such list")
		return
	}
	filled := 0
	for i := len(l.slot) - 1; i >= 0 && filled < k; i-- {
		if l.ptr[i] != nil {
			continue
		}
		p := (l.slot[i] + pageSize - 1) &^ (pageSize - 1)
		for q := (l.slot[i]+l.elem)&^(pageSize-1) - pageSize; q >= p && filled < k; q -= pageSize {
			if !mincore(q, pageSize, &vec[0]) || vec[0]&1 != 0 {
				continue
			}
			*(*byte)(at(q)) = 0
			filled++
		}
	}
	open("refill")
	field("pages", uint64(filled))
	field("bytes", uint64(filled)*pageSize)
	done()
}

// --- goroutines, threads ------------------------------------------------------------

type parked struct{ low, top uintptr }

var (
	gate    chan struct{}
	places  []parked
	nParked int32
	nGone   int32
)

//go:noinline
func dig(top *byte, want uintptr, me *parked) byte {
	var pad [1000]byte
	for i := range pad {
		pad[i] = byte(i)
	}
	here := uintptr(unsafe.Pointer(&pad[0]))
	if uintptr(unsafe.Pointer(top))-here < want {
		return dig(top, want, me) + pad[want&511]
	}
	me.low = here
	me.top = uintptr(unsafe.Pointer(top))
	atomic.AddInt32(&nParked, 1)
	<-gate
	return pad[want&511]
}

func parker(want uintptr, me *parked) {
	var top byte
	dig(&top, want, me)
	atomic.AddInt32(&nGone, 1)
}

func park(n, kib int) {
	if gate != nil || n <= 0 || kib <= 0 {
		fail("parked already, or bad number")
		return
	}
	gate = make(chan struct{})
	places = make([]parked, n)
	nParked, nGone = 0, 0
	for i := 0; i < n; i++ {
		go parker(uintptr(kib)<<10, &places[i])
	}
	for atomic.LoadInt32(&nParked) < int32(n) {
		runtime.Gosched()
	}
	settle()
	stacks("park")
}

// stacks reports the stacks of the parked goroutines. The size of a stack is
// the power of two above its depth (park with a depth well inside one), and it
// ends at the 8 KiB boundary above its first frame.
func stacks(cmd string) {
	s := scratchNew()
	if s == nil {
		fail("no scratch memory")
		return
	}
	var used, size, usedRes, allRes uintptr
	for i := range places {
		d := places[i].top - places[i].low
		for size = 2048; size < d+2048; size *= 2 {
		}
		hi := (places[i].top + 8191) &^ 8191
		s.want(hi-size, size)
	}
	ok := s.look()
	for i := range places {
		d := places[i].top - places[i].low
		hi := (places[i].top + 8191) &^ 8191
		used += d
		r, _, _ := s.sum(places[i].low, d)
		usedRes += r
		r, _, _ = s.sum(hi-size, size)
		allRes += r
	}
	s.free()
	if !ok {
		fail("mincore failed")
		return
	}
	open(cmd)
	field("goroutines", uint64(len(places)))
	field("stack_size", uint64(size))
	field("stack_bytes", uint64(size)*uint64(len(places)))
	field("stack_resident", uint64(allRes))
	field("used_bytes", uint64(used))
	field("used_resident", uint64(usedRes))
	done()
}

func unpark() {
	if gate == nil {
		fail("nobody is parked")
		return
	}
	close(gate)
	n := len(places)
	for atomic.LoadInt32(&nGone) < int32(n) {
		runtime.Gosched()
	}
	gate, places = nil, nil
	settle()
	open("unpark")
	field("goroutines", uint64(n))
	done()
}

var nThreads int32

func blocker(fd int) {
	runtime.LockOSThread()
	var b [1]byte
	atomic.AddInt32(&nThreads, 1)
	syscall.Syscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), 1)
}

func threads(n int) {
	var fd [2]int
	if n <= 0 || syscall.Pipe(fd[:]) != nil {
		fail("bad number or no pipe")
		return
	}
	want := atomic.LoadInt32(&nThreads) + int32(n)
	for i := 0; i < n; i++ {
		go blocker(fd[0])
	}
	for atomic.LoadInt32(&nThreads) < want {
		runtime.Gosched()
	}
	settle()
	open("threads")
	field("threads", uint64(want))
	done()
}

// --- mappings -----------------------------------------------------------------------

func hex(b []byte, i *int) uintptr {
	var v uintptr
	for ; *i < len(b); *i++ {
		c := b[*i]
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uintptr(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uintptr(c-'a'+10)
		default:
			return v
		}
	}
	return v
}

// knownArenas marks the 64 MiB arenas in which we know an object or a stack.
func knownArenas(s *scratch) {
	s.arena(uintptr(unsafe.Pointer(anchor)))
	for i := 0; i < nlists; i++ {
		l := &lists[i]
		for _, p := range l.slot {
			for q := p &^ (arenaSize - 1); q < p+l.elem; q += arenaSize {
				s.arena(q)
			}
		}
		s.arena(uintptr(unsafe.Pointer(&l.ptr[0])))
		s.arena(uintptr(unsafe.Pointer(&l.slot[0])))
	}
	for i := range places {
		s.arena(places[i].low)
		s.arena(places[i].top)
	}
}

// hasArena: does an arena we know lie in this mapping? The heap's arenas follow each
// other, so what else is in the mapping is an arena too.
func hasArena(s *scratch, lo, hi uintptr) bool {
	for i := 0; i < s.n; i++ {
		if s.a[i].base < hi && s.a[i].base+arenaSize > lo {
			return true
		}
	}
	return false
}

// anon reports every private anonymous mapping: mincore(2) page by page (which
// counts mapped zero pages), split into our arenas and the rest, and the Rss of
// smaps (which does not). The .bss is the mapping that touches the program's own.
func anon() {
	s := scratchNew()
	if s == nil {
		fail("no scratch memory")
		return
	}
	knownArenas(s)
	me := uintptr(unsafe.Pointer(s))
	n := slurp(&pathMaps[0])
	open("anon")
	key("maps")
	put("[")
	var totArena, totOut, totRss, totBss, totBssRss uintptr
	var exeInode, prevEnd uintptr
	prevExe, skipped, first, ok := false, false, true, true
	var rssOf uintptr
	take := 0 // 0 not ours, 1 anonymous, 2 bss
	for i := 0; i < n; {
		e := i
		for e < n && text[e] != '\n' {
			e++
		}
		l := text[i:e]
		i = e + 1
		if len(l) > 4 && string(l[:4]) == "Rss:" {
			j := 4
			for j < len(l) && l[j] == ' ' {
				j++
			}
			rssOf = 0
			for ; j < len(l) && l[j] >= '0' && l[j] <= '9'; j++ {
				rssOf = rssOf*10 + uintptr(l[j]-'0')
			}
			rssOf *= 1024
			switch take {
			case 1:
				totRss += rssOf
				field("rss", uint64(rssOf))
				put("}")
			case 2:
				totBssRss += rssOf
				field("rss", uint64(rssOf))
				put("}")
			}
			take = 0
			continue
		}
		j := 0
		lo := hex(l, &j)
		if j == 0 || j >= len(l) || l[j] != '-' {
			continue // another line of the same mapping
		}
		j++
		hi := hex(l, &j)
		perms := l[j+1 : j+5]
		j += 6
		for j < len(l) && l[j] != ' ' { // offset
			j++
		}
		for j++; j < len(l) && l[j] != ' '; j++ { // device
		}
		j++
		var ino uintptr
		for ; j < len(l) && l[j] >= '0' && l[j] <= '9'; j++ {
			ino = ino*10 + uintptr(l[j]-'0')
		}
		for j < len(l) && l[j] == ' ' {
			j++
		}
		name := l[j:]
		if exeInode == 0 && ino != 0 {
			exeInode = ino // the program's own text comes first
		}
		anonymous := ino == 0 && perms[3] == 'p' &&
			(len(name) == 0 || (len(name) > 6 && string(name[:6]) == "[anon:"))
		touches := prevExe && prevEnd == lo
		prevExe = ino != 0 && ino == exeInode
		prevEnd = hi
		if !anonymous {
			continue
		}
		take = 1
		if touches {
			take = 2
		}
		var inA, outA uintptr
		mine := hasArena(s, lo, hi)
		for q := lo; q < hi; {
			c := hi - q
			if c > arenaSize-q&(arenaSize-1) {
				c = arenaSize - q&(arenaSize-1)
			}
			if !mincore(q, c, &vec[0]) {
				ok = false
			}
			for k := uintptr(0); k < c/pageSize; k++ {
				p := q + k*pageSize
				if p >= me && p < me+unsafe.Sizeof(scratch{}) {
					skipped = true
					continue // the scratch itself
				}
				if vec[k]&1 != 0 {
					if mine {
						inA += pageSize
					} else {
						outA += pageSize
					}
				}
			}
			q += c
		}
		if take == 2 {
			totBss += inA + outA
		} else {
			totArena += inA
			totOut += outA
		}
		if !first {
			put(",")
		}
		first = false
		put(`{"start":`)
		putHex(lo)
		key("end")
		putHex(hi)
		key("bss")
		putBool(take == 2)
		field("arena", uint64(inA))
		field("outside", uint64(outA))
	}
	put("]")
	key("arenas")
	put("[")
	for i := 0; i < s.n; i++ {
		comma(i)
		putHex(s.a[i].base)
	}
	put("]")
	// the scratch's own resident pages are in the Rss of its mapping
	own := uintptr(0)
	for q := uintptr(0); q < unsafe.Sizeof(scratch{}); q += arenaSize {
		c := unsafe.Sizeof(scratch{}) - q
		if c > arenaSize {
			c = arenaSize
		}
		if !mincore(me+q, c, &vec[0]) {
			ok = false
		}
		for k := uintptr(0); k < (c+pageSize-1)/pageSize; k++ {
			if vec[k]&1 != 0 {
				own += pageSize
			}
		}
	}
	s.free()
	if !ok || !skipped || n >= len(text) {
		fail(errTooBig)
		return
	}
	field("arena", uint64(totArena))
	field("outside", uint64(totOut))
	field("bss", uint64(totBss))
	field("rss", uint64(totRss-own))
	field("bss_rss", uint64(totBssRss))
	// in the mappings' rss, not in the sum: our scratch
	field("scratch", uint64(own))
	// pages that are mapped but no memory: the shared zero page
	field("zero", uint64(totArena+totOut-(totRss-own)))
	done()
}

// reserve maps what stays empty, as programs do that bring an allocator or a database.
func reserve(n int) {
	flags := syscall.MAP_PRIVATE | syscall.MAP_ANON | syscall.MAP_NORESERVE
	_, e := mmap(uintptr(n), syscall.PROT_NONE, flags, ^uintptr(0))
	if e == 0 {
		_, e = mmap(uintptr(n), syscall.PROT_READ|syscall.PROT_WRITE, flags, ^uintptr(0))
	}
	if n <= 0 || e != 0 {
		fail("mmap failed")
		return
	}
	open("reserve")
	done()
}

func mapped(cmd string, n, prot, flags int, write bool) {
	p, e := mmap(uintptr(n), prot, flags, ^uintptr(0))
	if n <= 0 || e != 0 {
		fail("mmap failed")
		return
	}
	touched(cmd, p, uintptr(n), write)
}

var eaten byte

func touched(cmd string, p, n uintptr, write bool) {
	for q := p; q < p+n; q += pageSize {
		if write {
			*(*byte)(at(q)) = 1
		} else {
			eaten += *(*byte)(at(q))
		}
	}
	res := uintptr(0)
	for q := p; q < p+n; {
		c := p + n - q
		if c > arenaSize {
			c = arenaSize
		}
		mincore(q, c, &vec[0])
		for k := uintptr(0); k < (c+pageSize-1)/pageSize; k++ {
			if vec[k]&1 != 0 {
				res += pageSize
			}
		}
		q += c
	}
	open(cmd)
	key("addr")
	putHex(p)
	field("bytes", uint64((n+pageSize-1)&^(pageSize-1)))
	field("resident", uint64(res))
	done()
}

func file(path []byte) {
	if len(path) == 0 || len(path) >= 4096 {
		fail("no path")
		return
	}
	copy(text[:], path)
	text[len(path)] = 0
	fd, _, e := syscall.RawSyscall6(syscall.SYS_OPENAT, atFdcwd, uintptr(unsafe.Pointer(&text[0])),
		syscall.O_RDONLY|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		fail("cannot open the file")
		return
	}
	size, _, _ := syscall.RawSyscall(syscall.SYS_LSEEK, fd, 0, 2)
	p, e := mmap(size, syscall.PROT_READ, syscall.MAP_PRIVATE, fd)
	syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
	if e != 0 {
		fail("cannot map the file")
		return
	}
	touched("file", p, size, false)
}

func bss(n int) {
	if n <= 0 || n > len(big)-pageSize {
		fail("bad number")
		return
	}
	p := (uintptr(unsafe.Pointer(&big[0])) + pageSize - 1) &^ (pageSize - 1)
	touched("bss", p, uintptr(n), true)
}

// --- profile, trace --------------------------------------------------------------------

var kept [][]byte

//go:noinline
func keep(n int) { kept = append(kept, make([]byte, n)) }

//go:noinline
func stackA() { keep(1103) }

//go:noinline
func stackB() { stackA(); keep(2203) }

//go:noinline
func stackC() { stackB(); keep(307) }

//go:noinline
func stackD() { stackC(); keep(5003) }

//go:noinline
func stackE() { stackD(); keep(70001) }

func profile(rate int) {
	runtime.MemProfileRate = rate
	kept = nil
	for i := 0; i < 211; i++ {
		stackE()
	}
	n, _ := runtime.MemProfile(nil, true)
	settle()
	open("profile")
	field("records", uint64(n))
	done()
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

func tracing(on bool) {
	if on {
		if trace.Start(nowhere{}) != nil {
			fail("cannot trace")
			return
		}
	} else {
		trace.Stop()
	}
	settle()
	open("trace")
	done()
}

// --- commands ---------------------------------------------------------------------------

func num(b []byte) int {
	v, neg := 0, false
	for i, c := range b {
		if i == 0 && c == '-' {
			neg = true
		} else if c >= '0' && c <= '9' {
			v = v*10 + int(c-'0')
		} else {
			return -1
		}
	}
	if neg {
		return -v
	}
	return v
}

func collect(n int) {
	for i := 0; i < n; i++ {
		runtime.GC()
	}
	settle()
	runtime.ReadMemStats(&ms)
	open("gc")
	field("num_gc", uint64(ms.NumGC))
	done()
}

func main() {
	runtime.LockOSThread()
	anchor = new([64]byte)
	for i := range outBuf {
		outBuf[i] = ' '
	}
	for i := range text {
		text[i] = ' '
	}
	for i := range inBuf {
		inBuf[i] = ' '
	}
	runtime.ReadMemStats(&ms)
	settle()
	putU(uint64(syscall.Getpid()))
	put("\n")
	flush()

	var w [6][]byte
	for l := line(); l != nil; l = line() {
		n := 0
		for i := range w {
			w[i] = nil
		}
		for i := 0; i < len(l) && n < len(w); {
			for i < len(l) && l[i] == ' ' {
				i++
			}
			j := i
			for j < len(l) && l[j] != ' ' {
				j++
			}
			if j > i {
				w[n] = l[i:j]
				n++
			}
			i = j
		}
		switch string(w[0]) {
		case "stats":
			stats()
		case "faults":
			min, maj := faults()
			open("faults")
			field("min_flt", min)
			field("maj_flt", maj)
			done()
		case "gogc":
			debug.SetGCPercent(num(w[1]))
			settle()
			open("gogc")
			done()
		case "limit":
			debug.SetMemoryLimit(int64(num(w[1])))
			settle()
			open("limit")
			done()
		case "hold":
			hold(w[1], num(w[2]), num(w[3]), string(w[4]) == "scan")
		case "drop":
			drop(w[1], num(w[2]), num(w[3]))
		case "forget":
			forget(w[1])
		case "gc":
			k := 1
			if w[1] != nil {
				k = num(w[1])
			}
			collect(k)
		case "free":
			debug.FreeOSMemory()
			settle()
			open("free")
			done()
		case "mincore":
			mincoreList(w[1])
		case "refill":
			refill(w[1], num(w[2]))
		case "park":
			park(num(w[1]), num(w[2]))
		case "unpark":
			unpark()
		case "stacks":
			stacks("stacks")
		case "threads":
			threads(num(w[1]))
		case "anon":
			anon()
		case "mmap":
			mapped("mmap", num(w[1]), syscall.PROT_READ|syscall.PROT_WRITE,
				syscall.MAP_PRIVATE|syscall.MAP_ANON, true)
		case "zero":
			mapped("zero", num(w[1]), syscall.PROT_READ|syscall.PROT_WRITE,
				syscall.MAP_PRIVATE|syscall.MAP_ANON, false)
		case "reserve":
			reserve(num(w[1]))
		case "shm":
			mapped("shm", num(w[1]), syscall.PROT_READ|syscall.PROT_WRITE,
				syscall.MAP_SHARED|syscall.MAP_ANON, true)
		case "file":
			file(w[1])
		case "bss":
			bss(num(w[1]))
		case "profile":
			profile(num(w[1]))
		case "trace":
			tracing(string(w[1]) == "on")
		case "quit":
			return
		default:
			fail("no such command")
		}
	}
}
