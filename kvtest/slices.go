package kvtest

import "unsafe"

// lent is a slice that the caller handed to the store, with what it held then.
type lent struct {
	slice []byte // nil once it was found changed: each is reported once
	want  string
	op    string // the call that it came with, as in "set 0f00"
}

func (l *lent) changed() bool {
	return l != nil && l.slice != nil && string(l.slice) != l.want
}

// lentLog remembers the slices that were handed over last, those of reads too.
type lentLog struct {
	ring [1024]*lent
	next int
}

// recentLoans is how many of them each call looks at. A buffer that is used again
// is used again soon. Verify looks at all.
const recentLoans = 8

// add remembers l, and returns the one that it forgot for it, nil if none.
func (g *lentLog) add(l *lent) *lent {
	i := g.next % len(g.ring)
	g.next++
	old := g.ring[i]
	g.ring[i] = l
	return old
}

// latest calls f for the n slices that were added last.
func (g *lentLog) latest(n int, f func(*lent)) {
	for i := g.next - 1; i >= 0 && i >= g.next-n; i-- {
		f(g.ring[i%len(g.ring)])
	}
}

// handout is a slice that the store handed to its caller.
type handout struct {
	slice []byte // nil if none is out
	want  string
}

func (h *handout) give(value string) []byte {
	if h.slice == nil {
		h.slice, h.want = []byte(value), value
	}
	return h.slice
}

func (h *handout) changed() bool { return h.slice != nil && string(h.slice) != h.want }

// expire scrambles the slice, every byte of it, and returns it; nil if none was out.
func (h *handout) expire() []byte {
	slice := h.slice
	for i := range slice {
		slice[i] ^= 0xA5
	}
	*h = handout{}
	return slice
}

// expiredLog remembers the slices that expired last.
type expiredLog struct {
	ring [16][]byte
	next int
}

func (g *expiredLog) add(slice []byte) {
	if len(slice) == 0 {
		return
	}
	g.ring[g.next%len(g.ring)] = slice
	g.next++
}

// holds tells whether b shares memory with one of them.
func (g *expiredLog) holds(b []byte) bool {
	for _, slice := range g.ring {
		if overlap(slice, b) {
			return true
		}
	}
	return false
}

// overlap tells whether a and b share a byte of memory.
func overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	x := uintptr(unsafe.Pointer(unsafe.SliceData(a)))
	y := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return x < y+uintptr(len(b)) && y < x+uintptr(len(a))
}
