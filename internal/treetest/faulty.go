package treetest

import (
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
)

// Faulty returns the tree of Fill, opened on a store in which the fault happens,
// and the store below. Operations are counted from here on. The fault's Match
// sees each operation before it is made, and may do what a store can do: panic,
// end the goroutine, use the tree.
func Faulty(t testing.TB, fault kvtest.Fault, opts ...kvshard.Option) (*kvshard.Tree, *kvtest.MemStore) {
	t.Helper()
	mem := kvtest.NewMemStore()
	Fill(t, mem, opts...)
	return Open(t, kvtest.NewFaultStore(mem, fault), opts...), mem
}
