package tests

import (
	"bytes"
	"slices"
	"testing"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
)

// mostAllocations is how many allocations of Go a block may make besides the store's
// own: each key and value that a store gets is a fresh piece of memory, and each call
// has a handle.
const mostAllocations = 40

// TestAllocationsOfABlock counts the allocations of a block over a store that makes
// none itself.
func TestAllocationsOfABlock(t *testing.T) {
	kv := &frugalStore{}
	tree := treetest.Open(t, kv)
	treetest.Grow(t, tree, 1_001)
	leaves := treetest.LeavesAt(0, blockLeaves)
	id := uint32(0)
	block := func() {
		if _, err := tree.AppendBatch(leaves); err != nil {
			t.Fatal(err)
		}
		if err := tree.Checkpoint(id); err != nil {
			t.Fatal(err)
		}
		id++
		if _, err := tree.Root(); err != nil {
			t.Fatal(err)
		}
	}
	for range kvshard.DefaultMaxCheckpoints {
		block()
	}
	kv.records = slices.Grow(kv.records, 1_000)
	allocations := testing.AllocsPerRun(500, block)
	t.Logf("%.0f allocations a block", allocations)
	if allocations > mostAllocations {
		t.Errorf("a block makes %.0f allocations, at most %d were allowed", allocations, mostAllocations)
	}
}

// A frugalStore allocates nothing, except where it grows: it keeps what it is given,
// lends what it keeps, and has one iterator.
type frugalStore struct {
	records []record // by key
	it      frugalIterator
}

type record struct{ key, value []byte }

func (s *frugalStore) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(s.records, key, func(r record, key []byte) int { return bytes.Compare(r.key, key) })
}

func (s *frugalStore) Get(key []byte) ([]byte, error) {
	if at, found := s.find(key); found {
		return s.records[at].value, nil
	}
	return nil, nil
}

func (s *frugalStore) Has(key []byte) (bool, error) {
	_, found := s.find(key)
	return found, nil
}

func (s *frugalStore) Set(key, value []byte) error {
	at, found := s.find(key)
	if !found {
		s.records = slices.Insert(s.records, at, record{})
	}
	s.records[at] = record{key, value}
	return nil
}

func (s *frugalStore) Delete(key []byte) error {
	if at, found := s.find(key); found {
		s.records = slices.Delete(s.records, at, at+1)
	}
	return nil
}

func (s *frugalStore) Iterator(start, end []byte) (store.Iterator, error) {
	from, _ := s.find(start)
	until, _ := s.find(end)
	s.it = frugalIterator{start: start, end: end, left: s.records[from:until]}
	return &s.it, nil
}

func (s *frugalStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	panic("a block iterates forward")
}

type frugalIterator struct {
	start, end []byte
	left       []record
}

func (it *frugalIterator) Domain() (start, end []byte) { return it.start, it.end }
func (it *frugalIterator) Valid() bool                 { return len(it.left) > 0 }
func (it *frugalIterator) Next()                       { it.left = it.left[1:] }
func (it *frugalIterator) Key() []byte                 { return it.left[0].key }
func (it *frugalIterator) Value() []byte               { return it.left[0].value }
func (it *frugalIterator) Error() error                { return nil }
func (it *frugalIterator) Close() error                { return nil }
