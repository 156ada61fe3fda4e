// Package treetest is what the tests of kvshard share, both those beside its
// files and those in tests/: leaves, a tree over a store that fails, every call
// of a Tree. It is only for this repository's own tests; kvtest has the stores
// that other tests may want.
package treetest

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"testing"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
)

// LeafAt returns the leaf that tests put at a position: a hash of the number,
// below the modulus. No two are alike.
func LeafAt(position uint64) kvshard.Node {
	leaf := kvshard.Node(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, position)))
	leaf[31] &= 0x3F
	return leaf
}

// LeavesAt returns the leaves at the positions from first up.
func LeavesAt(first uint64, n int) []kvshard.Node {
	leaves := make([]kvshard.Node, n)
	for i := range leaves {
		leaves[i] = LeafAt(first + uint64(i))
	}
	return leaves
}

// Open returns a Tree over the store.
func Open(t testing.TB, kv store.KVStore, opts ...kvshard.Option) *kvshard.Tree {
	t.Helper()
	tree, err := TryOpen(kv, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// Grow appends the leaves of LeafAt until the tree has this size.
func Grow(t testing.TB, tree *kvshard.Tree, size uint64) {
	t.Helper()
	const batch = 1 << 16 // leaves in memory at once
	for {
		now, err := tree.Size()
		if err != nil {
			t.Fatal(err)
		}
		if now >= size {
			return
		}
		if _, err := tree.AppendBatch(LeavesAt(now, int(min(size-now, batch)))); err != nil {
			t.Fatal(err)
		}
	}
}

// Block appends n leaves after size, makes a checkpoint and returns the root, as
// a chain does in a block.
func Block(tree *kvshard.Tree, size uint64, n int, id uint32) (kvshard.Node, error) {
	if _, err := tree.AppendBatch(LeavesAt(size, n)); err != nil {
		return kvshard.Node{}, err
	}
	if err := tree.Checkpoint(id); err != nil {
		return kvshard.Node{}, err
	}
	return tree.Root()
}

// CheckTree fails the test if an invariant of the tree is broken.
func CheckTree(t testing.TB, tree *kvshard.Tree) {
	t.Helper()
	if err := tree.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// Clean fails the test if the store found something wrong, or if an iterator is
// open.
func Clean(t testing.TB, mem *kvtest.MemStore) {
	t.Helper()
	kvtest.Finish(t, mem)
}

// Large tells whether to run the tests that take minutes: make test-large.
func Large() bool { return os.Getenv("KVSHARD_LARGE") == "1" }
