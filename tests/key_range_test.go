package tests

import (
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

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
			tree := treetest.Open(t, kv, kvshard.WithPrefix([]byte(prefix)))
			treetest.Grow(t, tree, 700)
			if err := tree.Checkpoint(7); err != nil {
				t.Fatal(err)
			}
		}
		start, end := kvshard.KeyRange([]byte(prefix))
		for entry, err := range kvshard.Entries(mem, start, end) {
			if err != nil {
				t.Fatal(err)
			}
			copied.Put(entry.Key, entry.Value)
		}
		if diff := copied.Diff(alone); diff != "" {
			t.Errorf("prefix %q: the range is not the tree's records: %s", prefix, diff)
		}
	}
}
