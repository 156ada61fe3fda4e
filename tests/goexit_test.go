//go:build !asan

// Not under AddressSanitizer: Goexit drops the frames of C and Rust between two
// Go frames without running them, as cgo specifies. What they marked on the
// stack stays marked, and their memory stays allocated.

package tests

import (
	"runtime"
	"testing"

	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// TestGoexitInStore ends the goroutine inside the store, as FailNow in a test's
// store does.
func TestGoexitInStore(t *testing.T) {
	treetest.ExpectNoHandles(t)
	armed := true
	tree, mem := treetest.Faulty(t, kvtest.Fault{Match: func(kind kvtest.OpKind, _ []byte) bool {
		if armed && kind == kvtest.OpNext {
			runtime.Goexit()
		}
		return false
	}})
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
	if returned || mem.OpenIterators() != 0 {
		t.Errorf("the call returned: %v; %d iterators left open", returned, mem.OpenIterators())
	}
	armed = false
	if size, err := tree.Size(); size != 50 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
}
