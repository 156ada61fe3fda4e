package tests

import (
	"errors"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
)

// outOfGas has the shape of the SDK's ErrorOutOfGas: thrown by value, and not
// an error.
type outOfGas struct{ Descriptor string }

// TestStorePanicIsTheIdenticalValue lets each operation of each method panic
// in turn.
func TestStorePanicIsTheIdenticalValue(t *testing.T) {
	for _, c := range treetest.Calls {
		t.Run(c.Name, func(t *testing.T) {
			treetest.ExpectNoHandles(t)
			for n := 0; ; n++ {
				s := treetest.NewHookStore()
				observed := 0
				tree := treetest.Fill(t, s, kvshard.WithObserver(func(kvshard.Stats) { observed++ }))
				observed = 0
				want := &outOfGas{Descriptor: "WriteFlat"}
				seen, thrown, after := 0, false, 0
				s.Before = func(op string) error {
					if thrown && op != "close iterator" {
						after++
					}
					if seen++; seen == n+1 {
						thrown = true
						panic(want)
					}
					return nil
				}
				var err error
				got, panicked := treetest.Recovered(func() { err = c.Call(tree) })
				if !thrown {
					if panicked || err != nil {
						t.Errorf("no operation panicked, but the call did: %v, %v", got, err)
					}
					return
				}
				if !panicked || got != any(want) {
					t.Fatalf("operation %d: recovered %v (%v), returned %v; want the store's own value", n, got, panicked, err)
				}
				if after != 0 {
					t.Errorf("operation %d: %d operations after the panic", n, after)
				}
				if s.OpenIterators != 0 {
					t.Errorf("operation %d: %d iterators left open", n, s.OpenIterators)
				}
				if observed != 0 {
					t.Errorf("operation %d: the observer ran %d times, though the store panicked", n, observed)
				}
				s.Before = func(string) error { return nil }
				if _, err := tree.Size(); err != nil {
					t.Errorf("operation %d: the tree is of no use afterwards: %v", n, err)
				}
			}
		})
	}
}

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
			s := treetest.NewHookStore()
			tree := treetest.Fill(t, s)
			s.Before = func(string) error { panic(c.value) }
			got, panicked := treetest.Recovered(func() { _, _ = tree.Root() })
			if !panicked || !c.same(got, c.value) {
				t.Errorf("recovered %#v (%v), want %#v", got, panicked, c.value)
			}
		})
	}
}

func TestRuntimeErrorInStorePassesThrough(t *testing.T) {
	s := treetest.NewHookStore()
	tree := treetest.Fill(t, s)
	s.Before = func(string) error {
		var none *treetest.DiskError
		none.Sector++
		return nil
	}
	got, _ := treetest.Recovered(func() { _, _ = tree.Size() })
	err, ok := got.(interface{ RuntimeError() })
	if !ok {
		t.Errorf("recovered %v, want a runtime error", err)
	}
}

func TestPanicInObserverIsTheCallers(t *testing.T) {
	s := treetest.NewHookStore()
	var tree *kvshard.Tree
	angry := false
	tree = treetest.Fill(t, s, kvshard.WithObserver(func(kvshard.Stats) {
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
	s := treetest.NewHookStore()
	tree := treetest.Fill(t, s)
	inside := false
	s.Before = func(string) error {
		if !inside {
			inside = true
			defer func() { inside = false }()
			if size, err := tree.Size(); size != 50 || err != nil {
				t.Errorf("inside: size %d, %v", size, err)
			}
		}
		return nil
	}
	if size, err := tree.Size(); size != 50 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
}
