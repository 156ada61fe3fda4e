package record_test

import (
	"errors"
	"slices"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
)

// filled is a store with a tree under the prefix 07, and other keys around it.
func filled(t *testing.T) (dbm.DB, *kvshard.Tree, []kvshard.Node) {
	t.Helper()
	db := dbm.NewMemDB()
	for _, other := range [][]byte{{6, 0x0F}, {7}, {7, 0x0E}, {7, 0x16, 1}, {8, 0x0F}} {
		if err := db.Set(other, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := kvshard.Open(db, kvshard.WithPrefix([]byte{7}))
	if err != nil {
		t.Fatal(err)
	}
	nodes := make([]kvshard.Node, 150)
	for i := range nodes {
		nodes[i][0] = byte(i)
	}
	if _, err := tree.AppendBatch(nodes); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tree.Checkpoint(3), tree.RetainCheckpoint(3), tree.Checkpoint(4)); err != nil {
		t.Fatal(err)
	}
	return db, tree, nodes
}

// All yields each of the tree's records, and each has a name; the leaves in the
// shards' are those of the tree.
func TestAll(t *testing.T) {
	db, _, nodes := filled(t)
	var before []byte
	var leaves []kvshard.Node
	kinds := map[byte]bool{}
	for r, err := range record.All(db, []byte{7}) {
		if err != nil {
			t.Fatal(err)
		}
		if slices.Compare(before, r.Key) >= 0 || record.Name(r.Key) == "" {
			t.Errorf("key %x, %q, after %x", r.Key, record.Name(r.Key), before)
		}
		before = r.Key
		kinds[r.Key[0]] = true
		if r.Key[0] == record.Shard {
			some, whole, marked := record.ShardLeaves(r.Value)
			if !whole || !marked {
				t.Errorf("%s: whole %v, marked %v", record.Name(r.Key), whole, marked)
			}
			leaves = append(leaves, some...)
		}
	}
	if !slices.Equal(leaves, nodes) {
		t.Errorf("%d leaves, want %d", len(leaves), len(nodes))
	}
	for _, kind := range record.Kinds {
		if !kinds[kind.First] {
			t.Errorf("no %s was seen", kind.Name)
		}
	}
}

func TestNameRefusesOtherKeys(t *testing.T) {
	for _, key := range [][]byte{nil, {0x0E}, {0x0F}, {0x10, 0}, {0x11, 1, 2, 3}, {0x14, 5, 1, 2, 3, 4}, {0x14, 1}, {0x15, 1, 2}, {0x16}} {
		if name := record.Name(key); name != "" {
			t.Errorf("%x is named %s", key, name)
		}
	}
}

// brokenStore has iterators that fail after some entries, and counts those that
// are open.
type brokenStore struct {
	store.KVStore
	after, open int
}

type brokenIterator struct {
	store.Iterator
	from *brokenStore
}

var errBroken = errors.New("broken")

func (s *brokenStore) Iterator(start, end []byte) (store.Iterator, error) {
	it, err := s.KVStore.Iterator(start, end)
	s.open++
	return brokenIterator{it, s}, err
}

func (it brokenIterator) Valid() bool { return it.from.after > 0 && it.Iterator.Valid() }
func (it brokenIterator) Next()       { it.from.after--; it.Iterator.Next() }
func (it brokenIterator) Close() error {
	it.from.open--
	return it.Iterator.Close()
}
func (it brokenIterator) Error() error {
	if it.from.after <= 0 {
		return errBroken
	}
	return it.Iterator.Error()
}

// An iterator that ends by an error does not look like the end of the records,
// and each one is closed.
func TestAllEnds(t *testing.T) {
	db, _, _ := filled(t)
	for after := range 12 {
		kv := &brokenStore{KVStore: db, after: after}
		seen, failed := 0, error(nil)
		for _, err := range record.All(kv, []byte{7}) {
			if failed = err; err == nil {
				seen++
			}
		}
		if seen != after || !errors.Is(failed, errBroken) || kv.open != 0 {
			t.Errorf("broken after %d: %d records, %v, %d iterators open", after, seen, failed, kv.open)
		}
		kv = &brokenStore{KVStore: db, after: 100}
		seen = 0
		for range record.All(kv, []byte{7}) {
			if seen++; seen > after {
				break
			}
		}
		if seen != after+1 || kv.open != 0 {
			t.Errorf("left after %d: %d iterators open", seen, kv.open)
		}
	}
}
