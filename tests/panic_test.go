package tests

import (
	"errors"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// outOfGas has the shape of the SDK's ErrorOutOfGas: thrown by value, and not
// an error.
type outOfGas struct{ Descriptor string }

// TestPanicValuesOfAnyType: the very value that the store panics with comes
// out. TestEveryOperationFails tests the same at every operation.
func TestPanicValuesOfAnyType(t *testing.T) {
	same := func(a, b any) bool { return a == b }
	for name, c := range map[string]struct {
		value any
		same  func(a, b any) bool
	}{
		"struct by value": {outOfGas{Descriptor: "ReadFlat"}, same},
		"error":           {errors.New("own"), same},
		"string":          {"key is nil or empty", same},
		"slice": {[]int{1, 2, 3}, func(a, b any) bool {
			x, ok := a.([]int)
			return ok && &x[0] == &b.([]int)[0]
		}},
		"function": {func() int { return 7 }, func(a, _ any) bool {
			f, ok := a.(func() int)
			return ok && f() == 7
		}},
		"kvshard's own error": {&kvshard.Error{Kind: kvshard.ErrStore}, same},
	} {
		t.Run(name, func(t *testing.T) {
			tree, _ := treetest.Faulty(t, kvtest.Fault{At: 1, Mode: kvtest.FaultPanic, Panic: c.value})
			got, panicked := treetest.Recovered(func() { _, _ = tree.Root() })
			if !panicked || !c.same(got, c.value) {
				t.Errorf("recovered %#v (%v), want %#v", got, panicked, c.value)
			}
		})
	}
}

func TestRuntimeErrorInStorePassesThrough(t *testing.T) {
	tree, _ := treetest.Faulty(t, kvtest.Fault{Match: func(kvtest.OpKind, []byte) bool {
		var none *treetest.DiskError
		none.Sector++
		return false
	}})
	got, _ := treetest.Recovered(func() { _, _ = tree.Size() })
	err, ok := got.(interface{ RuntimeError() })
	if !ok {
		t.Errorf("recovered %v, want a runtime error", err)
	}
}

func TestPanicInObserverIsTheCallers(t *testing.T) {
	angry := false
	tree := treetest.Fill(t, kvtest.NewMemStore(), kvshard.WithObserver(func(kvshard.Stats) {
		if angry {
			panic("observer")
		}
	}))
	angry = true
	if got, _ := treetest.Recovered(func() { _, _ = tree.Size() }); got != "observer" {
		t.Errorf("recovered %v, want the observer's panic", got)
	}
}

// TestStoreMayUseTheTree calls the tree from within an operation of its store,
// as a tracing store may.
func TestStoreMayUseTheTree(t *testing.T) {
	var tree *kvshard.Tree
	inside, times := false, 0
	tree, _ = treetest.Faulty(t, kvtest.Fault{Match: func(kvtest.OpKind, []byte) bool {
		if !inside {
			inside = true
			defer func() { inside = false }()
			times++
			if size, err := tree.Size(); size != 50 || err != nil {
				t.Errorf("inside: size %d, %v", size, err)
			}
		}
		return false
	}})
	if size, err := tree.Size(); size != 50 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	if times == 0 {
		t.Error("the store did not use the tree")
	}
}
