package kvshard_test

import (
	"bytes"
	"runtime/cgo"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
)

// A hookStore lets a test step in before each operation on a store, the
// iterators' included. An error or a panic of the hook is the store's.
type hookStore struct {
	store.KVStore
	before func(op string) error
	open   int // iterators that are open
}

func newHookStore() *hookStore {
	return &hookStore{KVStore: dbm.NewMemDB(), before: func(string) error { return nil }}
}

func (s *hookStore) Get(key []byte) ([]byte, error) {
	if err := s.before("get"); err != nil {
		return nil, err
	}
	return s.KVStore.Get(key)
}

func (s *hookStore) Set(key, value []byte) error {
	if err := s.before("set"); err != nil {
		return err
	}
	return s.KVStore.Set(key, value)
}

func (s *hookStore) Delete(key []byte) error {
	if err := s.before("delete"); err != nil {
		return err
	}
	return s.KVStore.Delete(key)
}

func (s *hookStore) Iterator(start, end []byte) (store.Iterator, error) {
	if err := s.before("iterator"); err != nil {
		return nil, err
	}
	it, err := s.KVStore.Iterator(start, end)
	return s.opened(it), err
}

func (s *hookStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	if err := s.before("reverse iterator"); err != nil {
		return nil, err
	}
	it, err := s.KVStore.ReverseIterator(start, end)
	return s.opened(it), err
}

func (s *hookStore) opened(it store.Iterator) store.Iterator {
	s.open++
	return &hookIterator{Iterator: it, store: s}
}

type hookIterator struct {
	store.Iterator
	store *hookStore
	err   error
}

func (it *hookIterator) Next() {
	if it.err = it.store.before("iterate"); it.err == nil {
		it.Iterator.Next()
	}
}

func (it *hookIterator) Valid() bool { return it.err == nil && it.Iterator.Valid() }

func (it *hookIterator) Error() error {
	if it.err != nil {
		return it.err
	}
	return it.Iterator.Error()
}

func (it *hookIterator) Close() error {
	it.store.open--
	err := it.Iterator.Close()
	if hook := it.store.before("close iterator"); hook != nil {
		return hook
	}
	return err
}

// calls has one entry for each method of Tree that reads or writes. They are
// good on the tree of fill, in this order.
var calls = []struct {
	name string
	call func(*kvshard.Tree) error
}{
	{"Append", func(t *kvshard.Tree) error { _, err := t.Append(kvshard.Node{99}); return err }},
	{"AppendBatch", func(t *kvshard.Tree) error {
		_, err := t.AppendBatch(make([]kvshard.Node, 40))
		return err
	}},
	{"AppendBatch", func(t *kvshard.Tree) error { _, err := t.AppendBatch(nil); return err }},
	{"Checkpoint", func(t *kvshard.Tree) error { return t.Checkpoint(50) }},
	{"Size", func(t *kvshard.Tree) error { _, err := t.Size(); return err }},
	{"SizeAt", func(t *kvshard.Tree) error { _, err := t.SizeAt(10); return err }},
	{"Root", func(t *kvshard.Tree) error { _, err := t.Root(); return err }},
	{"RootAt", func(t *kvshard.Tree) error { _, err := t.RootAt(10); return err }},
	{"Leaf", func(t *kvshard.Tree) error { _, err := t.Leaf(3); return err }},
	{"Witness", func(t *kvshard.Tree) error { _, err := t.Witness(3); return err }},
	{"WitnessAt", func(t *kvshard.Tree) error { _, err := t.WitnessAt(3, 10); return err }},
	{"RetainCheckpoint", func(t *kvshard.Tree) error { return t.RetainCheckpoint(10) }},
	{"ReleaseCheckpoint", func(t *kvshard.Tree) error { return t.ReleaseCheckpoint(10) }},
	{"RemoveMark", func(t *kvshard.Tree) error { _, err := t.RemoveMark(2, 20); return err }},
	{"Checkpoints", func(t *kvshard.Tree) error {
		for _, err := range t.Checkpoints() {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"Frontier", func(t *kvshard.Tree) error { _, err := t.Frontier(); return err }},
	{"Check", func(t *kvshard.Tree) error { return t.Check() }},
	{"Dump", func(t *kvshard.Tree) error { return t.Dump(discard{}) }},
	{"Rewind", func(t *kvshard.Tree) error { return t.Rewind(10) }},
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// fill appends 50 leaves and makes the checkpoints 10, 20 and 30 of 20, 40 and
// 50 leaves.
func fill(t *testing.T, kv store.KVStore, opts ...kvshard.Option) *kvshard.Tree {
	t.Helper()
	tree, err := kvshard.Open(kv, opts...)
	if err != nil {
		t.Fatal(err)
	}
	leaves := make([]kvshard.Node, 50)
	for i := range leaves {
		leaves[i][0] = byte(i + 1)
	}
	from := 0
	for id, to := range []int{20, 40, 50} {
		if _, err := tree.AppendBatch(leaves[from:to]); err != nil {
			t.Fatal(err)
		}
		if err := tree.Checkpoint(uint32(id+1) * 10); err != nil {
			t.Fatal(err)
		}
		from = to
	}
	return tree
}

// expectNoHandles fails the test if a cgo.Handle made from now on is still
// there when the test ends. Handles are numbered; one that was deleted panics
// when it is asked for its value. For tests that do not run in parallel.
func expectNoHandles(t *testing.T) {
	t.Helper()
	first := cgo.NewHandle(nil)
	t.Cleanup(func() {
		last := cgo.NewHandle(nil)
		first.Delete()
		last.Delete()
		for h := first; h < last; h++ {
			if _, gone := recovered(func() { h.Value() }); !gone {
				t.Errorf("handle %d is left, of %d made", h-first, last-first)
			}
		}
	})
}

// TestKeyRangeIsTheTree copies the records of one of three neighbours.
func TestKeyRangeIsTheTree(t *testing.T) {
	for _, prefix := range []string{"", "b/", "b\xff"} {
		mem, alone, copied := kvtest.NewMemStore(), kvtest.NewMemStore(), kvtest.NewMemStore()
		neighbours := []string{prefix + "\x0e", prefix + "\x16", prefix + "\xff"}
		for _, key := range neighbours {
			if err := mem.Set([]byte(key), []byte("another's")); err != nil {
				t.Fatal(err)
			}
		}
		for _, kv := range []*kvtest.MemStore{mem, alone} {
			tree := open(t, kv, kvshard.WithPrefix([]byte(prefix)))
			grow(t, tree, 700)
			if err := tree.Checkpoint(7); err != nil {
				t.Fatal(err)
			}
		}
		it, err := mem.Iterator(kvshard.KeyRange([]byte(prefix)))
		if err != nil {
			t.Fatal(err)
		}
		for ; it.Valid(); it.Next() {
			if err := copied.Set(bytes.Clone(it.Key()), bytes.Clone(it.Value())); err != nil {
				t.Fatal(err)
			}
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := copied.Diff(alone); diff != "" {
			t.Errorf("prefix %q: the range is not the tree's records: %s", prefix, diff)
		}
	}
}
