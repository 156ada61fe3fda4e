package treetest

import (
	"runtime/cgo"
	"testing"
)

// Recovered returns the value that f panics with, and whether f panicked.
func Recovered(f func()) (value any, panicked bool) {
	defer func() {
		if panicked {
			value = recover()
		}
	}()
	panicked = true
	f()
	panicked = false
	return nil, false
}

// ExpectNoHandles fails the test if a cgo.Handle made from now on still exists
// when the test ends. Handles are numbered, and a deleted one panics when asked
// for its value. Only for tests that do not run in parallel.
func ExpectNoHandles(t testing.TB) {
	t.Helper()
	first := cgo.NewHandle(nil)
	t.Cleanup(func() {
		last := cgo.NewHandle(nil)
		first.Delete()
		last.Delete()
		for h := first; h < last; h++ {
			if _, gone := Recovered(func() { h.Value() }); !gone {
				t.Errorf("handle %d is left, of %d made", h-first, last-first)
			}
		}
	})
}
