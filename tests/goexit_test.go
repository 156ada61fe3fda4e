//go:build !asan

// Not under AddressSanitizer: Goexit drops the frames of C and Rust between
// two Go frames without running them, as cgo specifies, so that what they
// had marked on the stack stays marked, and their memory stays allocated.

package tests

import (
	"runtime"
	"testing"

	"github.com/kvshard/kvshard/internal/treetest"
)

// TestGoexitInStore ends the goroutine inside the store, as a test's FailNow
// does there.
func TestGoexitInStore(t *testing.T) {
	treetest.ExpectNoHandles(t)
	s := treetest.NewHookStore()
	tree := treetest.Fill(t, s)
	s.Before = func(op string) error {
		if op == "iterate" {
			runtime.Goexit()
		}
		return nil
	}
	returned := true
	done := make(chan struct{})
	go func() {
		defer close(done)
		returned = false
		for range tree.Checkpoints() {
			continue
		}
		returned = true
	}()
	<-done
	if returned || s.OpenIterators != 0 {
		t.Errorf("the call returned: %v; %d iterators left open", returned, s.OpenIterators)
	}
	s.Before = func(string) error { return nil }
	if size, err := tree.Size(); size != 50 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
}
